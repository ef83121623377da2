package dnsserve

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// unsigned strips what DO brings.
func unsigned(m *dns.Msg) *dns.Msg {
	m = m.Copy()
	isExtra := func(rr dns.RR) bool {
		switch rr.Header().Rrtype {
		case dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeOPT:
			return true
		}
		return false
	}
	m.Answer, m.Extra = slices.DeleteFunc(m.Answer, isExtra), slices.DeleteFunc(m.Extra, isExtra)
	m.Ns = slices.DeleteFunc(m.Ns, func(rr dns.RR) bool {
		return isExtra(rr) || rr.Header().Rrtype == dns.TypeDS && !m.Authoritative
	})
	return m
}

// TestSignedAgainstReference asks random signed zones everything: the answer is the reference's, and everything in it,
// and that nothing else is there, can be validated. Zones after the first come by publications of the difference;
// some are loaded whole, and some opened again, as after a restart.
func TestSignedAgainstReference(t *testing.T) {
	t.Parallel()
	types := []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeNS, dns.TypeDS, dns.TypeMX, dns.TypeCNAME, dns.TypeSOA, dns.TypeNSEC3PARAM}
	for i, signer := range []testSigner{
		{nsec3: true}, {nsec3: true, optOut: true}, {}, {nsec3: true, salt: "beef", rounds: 3},
	} {
		t.Run(fmt.Sprintf("%+v", signer), func(t *testing.T) {
			t.Parallel()
			signer.origin = "z."
			rnd := rand.New(rand.NewPCG(uint64(i), 9))
			folder := t.TempDir()
			var zones *Zones
			var before []RRset
			judge := &validator{origin: "z."}
			for serial := 1; serial <= 60; serial++ {
				text := randomZone(rnd, serial)
				rrs := uniform(t, text)
				signed := signer.sign(t, rrs, nil)
				sets := rrsets(t, signed)
				switch {
				case zones == nil || serial%20 == 0:
					zones = openFolder(t, folder, 1)
					if err := zones.Load("z.", uint32(serial), sequence(sets)); err != nil {
						t.Fatal(err)
					}
				default:
					if serial%7 == 0 {
						zones = openFolder(t, folder, 1)
					}
					if err := zones.Publish("z.", uint32(serial-1), uint32(serial), difference(before, sets)); err != nil {
						t.Fatal(err)
					}
				}
				before = sets
				r := testResponder(zones)
				out := make([]byte, maxMessage)
				all := append(slices.Clone(rrs), keyOf("z."))
				for _, rr := range signed {
					if rr.Header().Rrtype == dns.TypeNSEC3PARAM {
						all = append(all, rr)
					}
				}
				want := &reference{origin: "z.", rrs: all}
				for range 60 {
					name, typ := randomName(rnd), types[rnd.IntN(len(types))]
					for range rnd.IntN(3) {
						name = []string{"a", "x", "*"}[rnd.IntN(3)] + "." + name
					}
					m := withOPT(question(name, typ), 4096, func(o *dns.OPT) { o.SetDo() })
					var got dns.Msg
					if err := got.Unpack(out[:r.respond(out, packed(t, m), peer{tcp: true})]); err != nil {
						t.Fatalf("%s %d: %v", name, typ, err)
					}
					if got, want := sorted(unsigned(&got)), sorted(want.answer(name, typ)); got != want {
						t.Fatalf("serial %d\n%s\n%s %s\ngot:\n%s\nwant:\n%s", serial, text, name, dns.TypeToString[typ], got, want)
					}
					if err := judge.validate(name, typ, &got); err != nil {
						t.Fatalf("serial %d\n%s\n%s %s: %v\n%v", serial, text, name, dns.TypeToString[typ], err, &got)
					}
				}
			}
		})
	}
}

// TestTwoChains: while parameters change there are NSEC3 of two chains, of which NSEC3PARAM names one.
func TestTwoChains(t *testing.T) {
	t.Parallel()
	old, next := testSigner{origin: "example.", nsec3: true}, testSigner{origin: "example.", nsec3: true, salt: "abcd", rounds: 2}
	rrs := uniform(t, exampleZone)
	both := slices.Clone(old.sign(t, rrs, nil))
	for _, rr := range next.sign(t, rrs, nil) {
		if coveredType(rr) == dns.TypeNSEC3 {
			both = append(both, rr)
		}
	}
	for _, named := range []testSigner{old, next} {
		zone := slices.DeleteFunc(slices.Clone(both), func(rr dns.RR) bool { return coveredType(rr) == dns.TypeNSEC3PARAM })
		param := &dns.NSEC3PARAM{Hdr: dns.RR_Header{Name: "example.", Rrtype: dns.TypeNSEC3PARAM, Class: dns.ClassINET},
			Hash: 1, Iterations: named.rounds, SaltLength: uint8(len(named.salt) / 2), Salt: named.salt}
		zones := NewZones()
		if err := zones.Load("example.", 7, sequence(rrsets(t, append(zone, param)))); err != nil {
			t.Fatal(err)
		}
		r, out := testResponder(zones), make([]byte, maxMessage)
		judge := &validator{origin: "example."}
		for i := range 200 {
			name := fmt.Sprintf("n%d.%sexample.", i, []string{"", "wild.", "target.", "a.b.ent."}[i%4])
			var in dns.Msg
			if err := in.Unpack(out[:r.respond(out, packed(t, withOPT(question(name, dns.TypeA), 4096, func(o *dns.OPT) { o.SetDo() })), peer{})]); err != nil {
				t.Fatal(err)
			}
			if err := judge.validate(name, dns.TypeA, &in); err != nil {
				t.Fatalf("%+v: %s: %v\n%v", named, name, err, &in)
			}
			for _, rr := range in.Ns {
				if n, ok := rr.(*dns.NSEC3); ok && n.Iterations != named.rounds {
					t.Fatalf("%+v: NSEC3 of the other chain in\n%v", named, &in)
				}
			}
		}
	}
}

// TestNoProofMissing takes each record of denial out of answers: the validator must notice, or it would notice nothing.
func TestNoProofMissing(t *testing.T) {
	t.Parallel()
	for _, signer := range []testSigner{{origin: "example.", nsec3: true}, {origin: "example."}} {
		zones := NewZones()
		rrs := signer.sign(t, uniform(t, exampleZone), nil)
		if err := zones.Load("example.", 7, sequence(rrsets(t, rrs))); err != nil {
			t.Fatal(err)
		}
		r, out := testResponder(zones), make([]byte, maxMessage)
		judge := &validator{origin: "example."}
		for _, q := range []struct {
			name string
			typ  uint16
			most int // records of denial
		}{
			{"nothing.example.", dns.TypeA, 3}, {"a.b.nothing.example.", dns.TypeA, 3}, {"target.example.", dns.TypeMX, 1}, {"b.ent.example.", dns.TypeA, 1},
			{"x.wild.example.", dns.TypeTXT, 1}, {"x.wild.example.", dns.TypeA, 3}, {"plain.example.", dns.TypeDS, 1}, {"www.plain.example.", dns.TypeA, 1},
			{"aliasnx.example.", dns.TypeA, 3}, {"aliaswild.example.", dns.TypeTXT, 1}, {"below.target.example.", dns.TypeA, 3},
		} {
			m := withOPT(question(q.name, q.typ), 4096, func(o *dns.OPT) { o.SetDo() })
			var in dns.Msg
			if err := in.Unpack(out[:r.respond(out, packed(t, m), peer{})]); err != nil {
				t.Fatal(err)
			}
			if err := judge.validate(q.name, q.typ, &in); err != nil || in.Truncated {
				t.Errorf("%s %d: %v\n%v", q.name, q.typ, err, &in)
				continue
			}
			denials := 0
			for _, rr := range in.Ns {
				if typ := rr.Header().Rrtype; typ != dns.TypeNSEC && typ != dns.TypeNSEC3 {
					continue
				}
				denials++
				less := in.Copy()
				less.Ns = slices.DeleteFunc(less.Ns, func(o dns.RR) bool {
					return o.Header().Name == rr.Header().Name && o.Header().Rrtype != dns.TypeSOA && coveredType(o) == rr.Header().Rrtype
				})
				if judge.validate(q.name, q.typ, less) == nil {
					t.Errorf("%s %d: needless %v in\n%v", q.name, q.typ, rr, &in)
				}
			}
			if denials == 0 || denials > q.most {
				t.Errorf("%s %d: %d records of denial\n%v", q.name, q.typ, denials, &in)
			}
		}
	}
}

func coveredType(rr dns.RR) uint16 {
	if sig, ok := rr.(*dns.RRSIG); ok {
		return sig.TypeCovered
	}
	return rr.Header().Rrtype
}

// TestEndedSignatures: what DO gets is never older than its signatures, whoever else gets what.
func TestEndedSignatures(t *testing.T) {
	t.Parallel()
	zones := NewZones()
	signer := testSigner{origin: "example.", nsec3: true}
	const early = signedUntil - 86400
	rrs := signer.sign(t, uniform(t, exampleZone), func(owner string, typ uint16) uint32 {
		if owner == "target.example." && typ == dns.TypeA {
			return early
		}
		return signedUntil
	})
	if err := zones.Load("example.", 7, sequence(rrsets(t, rrs))); err != nil {
		t.Fatal(err)
	}
	if end, signed := zones.Expires("example."); !signed || end.Unix() > early || end.Unix() <= early-expiryStep {
		t.Errorf("ends at %v, %v; want %d", end, signed, early)
	}
	r, out := testResponder(zones), make([]byte, maxMessage)
	ask := func(name string, now int64, do bool) (*dns.Msg, string) {
		m := withOPT(question(name, dns.TypeA), 4096, func(o *dns.OPT) { o.SetDo(do) })
		in := new(dns.Msg)
		if err := in.Unpack(out[:r.respond(out, packed(t, m), peer{now: now * 1e9})]); err != nil {
			t.Fatal(err)
		}
		text := ""
		for _, o := range in.IsEdns0().Option {
			text += o.String()
		}
		return in, text
	}
	tests := []struct {
		name string
		now  int64
		do   bool
		want int
	}{
		{"target.example.", early - 1, true, dns.RcodeSuccess},
		{"target.example.", early, true, dns.RcodeServerFailure},
		{"target.example.", early, false, dns.RcodeSuccess},
		{"alias.example.", early, true, dns.RcodeServerFailure},
		{"host.wild.example.", early, true, dns.RcodeSuccess},
		{"nothing.example.", early, true, dns.RcodeNameError},
		{"nothing.example.", signedUntil, true, dns.RcodeServerFailure},
		{"nothing.example.", signedUntil, false, dns.RcodeNameError},
		{"www.foo.example.", signedUntil, true, dns.RcodeServerFailure},
		{"www.foo.example.", signedUntil, false, dns.RcodeSuccess},
	}
	for _, test := range tests {
		in, options := ask(test.name, test.now, test.do)
		failed := test.want == dns.RcodeServerFailure
		if in.Rcode != test.want || failed != strings.Contains(options, "7") || failed && (len(in.Answer)+len(in.Ns) > 0 || in.Authoritative) {
			t.Errorf("%s at %d, DO %v: options %s\n%v", test.name, test.now, test.do, options, in)
		}
	}
	// A fresh signature beside the old one is enough, and the old one isn't sent.
	set := rrsets(t, []dns.RR{
		signer.signature(t, rrs, "target.example.", dns.TypeA, func(string, uint16) uint32 { return early }),
		signer.signature(t, rrs, "target.example.", dns.TypeA, nil),
	})[0]
	change := Change{Owner: set.Owner, Type: set.Type, Covers: set.Covers, Set: &set}
	if err := zones.Publish("example.", 7, 8, []Change{put(t, soa(8)), change}); err != nil {
		t.Fatal(err)
	}
	in, _ := ask("target.example.", early, true)
	if len(in.Answer) != 2 || in.Answer[1].(*dns.RRSIG).Expiration != signedUntil {
		t.Errorf("got\n%v", in)
	}
	// With the last early signature the zone's end moves.
	fresh := rrsets(t, []dns.RR{signer.signature(t, rrs, "target.example.", dns.TypeA, nil)})[0]
	if err := zones.Publish("example.", 8, 9, []Change{put(t, soa(9)), {Owner: set.Owner, Type: set.Type, Covers: set.Covers, Set: &fresh}}); err != nil {
		t.Fatal(err)
	}
	if end, _ := zones.Expires("example."); end.Unix() != signedUntil/expiryStep*expiryStep {
		t.Errorf("ends at %v after all was signed anew", end)
	}
}

// TestDNAME holds RFC 6672: what is below is elsewhere, the owner itself isn't.
func TestDNAME(t *testing.T) {
	t.Parallel()
	zones := exampleZones(t)
	long := strings.Repeat(strings.Repeat("l", 60)+".", 3)
	if err := zones.Publish("example.", 7, 8, []Change{
		put(t, soa(8)), put(t, "old.example. 60 DNAME wild.example."), put(t, "old.example. 60 TXT here"),
		put(t, "out.example. 60 DNAME elsewhere.test."), put(t, "long.example. 60 DNAME "+long+"test."),
	}); err != nil {
		t.Fatal(err)
	}
	check(t, zones, []qa{
		{"old.example.", dns.TypeTXT, "NOERROR aa\nAN old.example. 60 IN TXT \"here\"\n"},
		{"old.example.", dns.TypeDNAME, "NOERROR aa\nAN old.example. 60 IN DNAME wild.example.\n"},
		{"host.old.example.", dns.TypeA, `
NOERROR aa
AN old.example. 60 IN DNAME wild.example.
AN host.old.example. 60 IN CNAME host.wild.example.
AN host.wild.example. 3600 IN A 192.0.2.30
`},
		{"a.b.old.example.", dns.TypeTXT, `
NOERROR aa
AN old.example. 60 IN DNAME wild.example.
AN a.b.old.example. 60 IN CNAME a.b.wild.example.
AN a.b.wild.example. 3600 IN TXT "wild"
`},
		{"x.out.example.", dns.TypeA, `
NOERROR aa
AN out.example. 60 IN DNAME elsewhere.test.
AN x.out.example. 60 IN CNAME x.elsewhere.test.
`},
		{"x.out.example.", dns.TypeCNAME, `
NOERROR aa
AN out.example. 60 IN DNAME elsewhere.test.
AN x.out.example. 60 IN CNAME x.elsewhere.test.
`},
		{long[:130] + "x.long.example.", dns.TypeA, "YXDOMAIN aa\nAN long.example. 60 IN DNAME " + long + "test.\n"},
	})
}
