package dnsserve

import (
	"testing"

	"github.com/miekg/dns"
)

const fooReferral = `NOERROR
NS foo.example. 3600 IN NS ns1.foo.example.
NS foo.example. 3600 IN NS ns2.foo.example.
AR ns1.foo.example. 3600 IN A 192.0.2.11
AR ns2.foo.example. 3600 IN A 192.0.2.12
AR ns2.foo.example. 3600 IN AAAA 2001:db8::12
`

func TestReferral(t *testing.T) {
	t.Parallel()
	var table []qa
	// Everything at and below a cut gets the referral: data, glue and nothing alike, and every type.
	for _, name := range []string{"foo.example.", "www.foo.example.", "a.b.c.d.foo.example.", "ns1.foo.example.", "hidden.foo.example."} {
		for _, typ := range []uint16{dns.TypeA, dns.TypeNS, dns.TypeSOA, dns.TypeTXT, dns.TypeANY, dns.TypeRRSIG, 65333} {
			table = append(table, qa{name, typ, fooReferral})
		}
	}
	table = append(table,
		qa{"www.bar.example.", dns.TypeA, `
NOERROR
NS bar.example. 3600 IN NS ns.elsewhere.test.
NS bar.example. 3600 IN NS ns1.foo.example.
AR ns1.foo.example. 3600 IN A 192.0.2.11
`},
		qa{"plain.example.", dns.TypeA, "NOERROR\nNS plain.example. 3600 IN NS ns.elsewhere.test.\n"},
		qa{"x.self.example.", dns.TypeA, "NOERROR\nNS self.example. 3600 IN NS self.example.\nAR self.example. 3600 IN A 192.0.2.20\n"},
		qa{"self.example.", dns.TypeA, "NOERROR\nNS self.example. 3600 IN NS self.example.\nAR self.example. 3600 IN A 192.0.2.20\n"},
		qa{"x.deleg.co.example.", dns.TypeA, "NOERROR\nNS deleg.co.example. 3600 IN NS ns.elsewhere.test.\n"},
	)
	check(t, exampleZones(t), table)
}

func TestDSAtCut(t *testing.T) {
	t.Parallel()
	check(t, exampleZones(t), []qa{
		{"foo.example.", dns.TypeDS, "NOERROR aa\nAN foo.example. 3600 IN DS 12345 13 2 0102030405060708091011121314151617181920212223242526272829303132\n"},
		{"plain.example.", dns.TypeDS, "NOERROR aa\n" + negative},
		{"x.foo.example.", dns.TypeDS, fooReferral},
	})
}

// TestReferralFollowsItsGlue changes only glue, below and beside the cuts that show it.
func TestReferralFollowsItsGlue(t *testing.T) {
	t.Parallel()
	zones := exampleZones(t)
	err := zones.Publish("example.", 7, 8, []Change{
		put(t, soa(8)),
		put(t, "ns1.foo.example. 60 A 203.0.113.9"),
		drop("ns2.foo.example.", dns.TypeA),
	})
	if err != nil {
		t.Fatal(err)
	}
	check(t, zones, []qa{
		{"www.foo.example.", dns.TypeA, `
NOERROR
NS foo.example. 3600 IN NS ns1.foo.example.
NS foo.example. 3600 IN NS ns2.foo.example.
AR ns1.foo.example. 60 IN A 203.0.113.9
AR ns2.foo.example. 3600 IN AAAA 2001:db8::12
`},
		{"bar.example.", dns.TypeA, `
NOERROR
NS bar.example. 3600 IN NS ns.elsewhere.test.
NS bar.example. 3600 IN NS ns1.foo.example.
AR ns1.foo.example. 60 IN A 203.0.113.9
`},
	})
	if err := zones.Publish("example.", 8, 9, []Change{put(t, soa(9)), drop("ns1.foo.example.", dns.TypeA), drop("ns2.foo.example.", dns.TypeAAAA)}); err != nil {
		t.Fatal(err)
	}
	check(t, zones, []qa{{"www.foo.example.", dns.TypeA, `
NOERROR
NS foo.example. 3600 IN NS ns1.foo.example.
NS foo.example. 3600 IN NS ns2.foo.example.
`}})
}
