package dnsserve

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// signedFuzzZone has what proofs are needed for.
const signedFuzzZone = `
@@ 300 SOA a.@@ h.@@ 1 1 1 1 60
@@ 300 NS a.@@
a.@@ 300 A 192.0.2.1
cut.@@ 300 NS ns.cut.@@
ns.cut.@@ 300 A 192.0.2.2
safe.@@ 300 NS ns.cut.@@
safe.@@ 300 DS 1 13 2 0102
*.wild.@@ 300 TXT "wild"
deep.ent.@@ 300 TXT "deep"
alias.@@ 300 CNAME x.wild.@@
old.@@ 300 DNAME wild.@@
`

// FuzzQuery: whatever comes in, an answer is one that another implementation can read, fits the client's
// size, belongs to the query and is no larger a surprise than its flags allow.
func FuzzQuery(f *testing.F) {
	for _, name := range []string{".", "example.", "www.foo.example.", "x.bar.example.", "a.b.wild.example.", "alias.example.", "loop1.example.", "inside.example.", "huge.example."} {
		for _, typ := range []uint16{dns.TypeA, dns.TypeNS, dns.TypeTXT, dns.TypeDS, dns.TypeANY} {
			f.Add(packed(f, question(name, typ)), false)
		}
		f.Add(packed(f, withOPT(question(name, dns.TypeRRSIG), 4096, func(o *dns.OPT) {
			o.SetDo()
			o.Option = append(o.Option, &dns.EDNS0_NSID{Code: dns.EDNS0NSID}, &dns.EDNS0_LOCAL{Code: 65001, Data: []byte{1}})
		})), true)
	}
	notify := new(dns.Msg)
	notify.SetNotify("example.")
	f.Add(packed(f, notify), false)
	f.Add([]byte("\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x01\xc0\x0c\x00\x01\x00\x01"), false)

	for _, m := range []*dns.Msg{axfr("example."), axfr("nothing."), ixfr("example.", 7), ixfr("eXample.", 6)} {
		f.Add(packed(f, m), false)
		f.Add(packed(f, m), true)
	}

	zones := wideZone(f)
	for origin, signer := range map[string]testSigner{"z.": {nsec3: true, optOut: true}, "y.": {}} {
		signer.origin = origin
		text := strings.ReplaceAll(signedFuzzZone, "@@", origin)
		if err := zones.Load(origin, 1, sequence(rrsets(f, signer.sign(f, records(f, text), nil)))); err != nil {
			f.Fatal(err)
		}
		for _, name := range []string{"", "x.", "a.b.c.", "cut.", "www.cut.", "safe.", "www.safe.", "x.wild.", "ent.", "alias.", "x.old.", "*.wild."} {
			for _, typ := range []uint16{dns.TypeA, dns.TypeDS, dns.TypeTXT, dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3} {
				f.Add(packed(f, withOPT(question(name+origin, typ), 1232, func(o *dns.OPT) { o.SetDo() })), typ == dns.TypeTXT)
			}
		}
	}
	other := packed(f, withOPT(question("www.cut.z.", dns.TypeA), 1232, func(o *dns.OPT) { o.SetDo() }))
	everybody := &primary{origin: "example.", allow: func(netip.Addr, string) bool { return true }}
	f.Fuzz(func(t *testing.T, msg []byte, tcp bool) {
		r := &responder{zones: zones, nsid: []byte("fuzz"), udpSize: defaultUDPSize, stats: new(counters), keys: everybody, transfers: new(transfers)}
		r.transfers.init(1)
		out := make([]byte, maxMessage)
		n := r.respond(out, msg, peer{tcp: tcp})
		if r.transfer {
			if !tcp || r.query.name.wire[0] == 0 || len(r.transfers.slots) != 1 {
				t.Fatalf("a transfer for %x", msg)
			}
			return
		}
		if n == 0 {
			if len(msg) >= headerSize && msg[2]&0x80 == 0 {
				t.Fatalf("no answer to a query: %x", msg)
			}
			return
		}
		var in dns.Msg
		if err := in.Unpack(out[:n]); err != nil {
			t.Fatalf("%x gets %x: %v", msg, out[:n], err)
		}
		limit := minUDPSize
		if o := in.IsEdns0(); o != nil {
			limit = defaultUDPSize
			var q dns.Msg
			if err := q.Unpack(msg); err == nil && q.IsEdns0() != nil {
				limit = min(limit, max(minUDPSize, int(q.IsEdns0().UDPSize())))
			}
		}
		if !tcp && n > limit || n > maxMessage {
			t.Fatalf("%d octets, limit %d", n, limit)
		}
		if !in.Response || in.RecursionAvailable || in.AuthenticatedData || in.Zero || in.Opcode != int(msg[2]>>3&15) ||
			in.Id != uint16(msg[0])<<8|uint16(msg[1]) {
			t.Fatalf("header of\n%v", &in)
		}
		if in.Rcode != dns.RcodeSuccess && in.Rcode != dns.RcodeNameError && in.Rcode != dns.RcodeYXDomain && len(in.Answer)+len(in.Ns) > 0 {
			t.Fatalf("an error with records:\n%v", &in)
		}
		if in.Truncated && (tcp || len(in.Answer)+len(in.Ns) > 0) {
			t.Fatalf("truncated:\n%v", &in)
		}
		// Among others it gets the same answer.
		r.ahead = new(ahead)
		r.lookAhead(func(i int) []byte { return [][]byte{other, msg, other}[i] }, 3)
		if again := r.reply(r.ahead.query(1), make([]byte, maxMessage), msg, peer{tcp: tcp}); !bytes.Equal(r.out[:again], out[:n]) {
			t.Fatalf("read ahead, %x gets\n%x\nalone\n%x", msg, r.out[:again], out[:n])
		}
	})
}
