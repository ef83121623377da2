package dnsserve

import (
	"testing"

	"github.com/miekg/dns"
)

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

	zones := wideZone(f)
	f.Fuzz(func(t *testing.T, msg []byte, tcp bool) {
		r := &responder{zones: zones, nsid: []byte("fuzz"), udpSize: defaultUDPSize, stats: new(counters)}
		out := make([]byte, maxMessage)
		n := r.respond(out, msg, peer{tcp: tcp})
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
		if in.Rcode != dns.RcodeSuccess && in.Rcode != dns.RcodeNameError && len(in.Answer)+len(in.Ns) > 0 {
			t.Fatalf("an error with records:\n%v", &in)
		}
		if in.Truncated && (tcp || len(in.Answer)+len(in.Ns) > 0) {
			t.Fatalf("truncated:\n%v", &in)
		}
		if again := r.respond(make([]byte, maxMessage), msg, peer{tcp: tcp}); again != n {
			t.Fatalf("asked again: %d octets after %d", again, n)
		}
	})
}
