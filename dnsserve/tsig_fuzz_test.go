package dnsserve

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// FuzzSigned: queries with TSIG, cookies and transfers in them, by both transports. Whatever comes in, the
// answer fits, can be read by another implementation, and is only signed, and a transfer only begins, where the
// query was signed with our key.
func FuzzSigned(f *testing.F) {
	p := newPrimary(f, "example.", exampleZone)
	key := p.addKey("key.example.", HMACSHA256)
	p.allow = func(_ netip.Addr, name string) bool { return name == key.Name }
	at := time.Unix(1_800_000_000, 0)
	for _, m := range []*dns.Msg{
		question("example.", dns.TypeSOA), axfr("example."), ixfr("example.", 3), withCookie(question("www.foo.example.", dns.TypeA), "0011223344556677"),
		withCookie(ixfr("example.", 7), "00112233445566770100000000000000ffffffffffffffff"),
	} {
		f.Add(packed(f, m), false)
		for _, name := range []string{key.Name, "other."} {
			m = m.Copy()
			m.SetTsig(name, "hmac-sha256.", 300, at.Unix())
			b, _, err := dns.TsigGenerate(m, secretOf(key), "", false)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b, true)
			f.Add(b[:len(b)-3], false)
		}
	}
	s := NewServer(Config{Transfers: p}, p.zones)
	s.config.UDPSize = defaultUDPSize
	s.transfers.init(1)
	s.limiter = newLimiter(RRL{Rate: maxRate, Slip: 1}, at)
	var err error
	if s.cookies, err = newCookieJar(secrets); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, msg []byte, tcp bool) {
		r := s.responder(new(counters))
		before := bytes.Clone(msg)
		n := r.respond(make([]byte, maxMessage), msg, peer{addr: netip.MustParseAddr("192.0.2.1"), tcp: tcp, now: at.UnixNano()})
		if !bytes.Equal(msg, before) {
			t.Fatal("the query is changed")
		}
		if r.transfer {
			<-s.transfers.slots
			if !tcp || r.signedBy() != key.Name {
				t.Fatalf("a transfer begins for %x", msg)
			}
			return
		}
		if n == 0 {
			return
		}
		var in dns.Msg
		if err := in.Unpack(r.out[:n]); err != nil {
			t.Fatalf("%x gets %x: %v", msg, r.out[:n], err)
		}
		if !tcp && n > defaultUDPSize {
			t.Fatalf("%d octets", n)
		}
		if record := in.IsTsig(); record != nil && record.MACSize > 0 && r.auth.key == nil {
			t.Fatalf("signed for nobody: %x", msg)
		}
		if in.Rcode == dns.RcodeSuccess && r.query.tsig > 0 && in.IsTsig() == nil {
			t.Fatalf("a good answer to a signed query is not signed: %x", msg)
		}
	})
}

// FuzzTSIG: a record of any form is read whole or not at all.
func FuzzTSIG(f *testing.F) {
	f.Add([]byte("\x01k\x00\x00\xfa\x00\xff\x00\x00\x00\x00\x00\x00\x0bhmac-sha256\x00\x00\x00\x00\x00\x00\x01\x01\x2c\x00\x02ab\x12\x34\x00\x00\x00\x00"))
	f.Add([]byte("\xc0\x0c\x00\xfa\x00\xff\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseTSIG(b)
		if err != nil {
			return
		}
		if nameLen(r.owner) != len(r.owner) || nameLen(r.algorithm) != len(r.algorithm) || len(r.mac)+len(r.other) > len(b) {
			t.Fatalf("%x: %+v", b, r)
		}
	})
}
