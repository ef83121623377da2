package dnsserve

import (
	"testing"

	"github.com/miekg/dns"
)

// TestEmptyNonTerminal: names that exist only because something is below them are NODATA (RFC 4592 §2.2.2),
// and they come and go with it.
func TestEmptyNonTerminal(t *testing.T) {
	t.Parallel()
	zones := exampleZones(t)
	nodata, nxdomain := "NOERROR aa\n"+negative, "NXDOMAIN aa\n"+negative
	check(t, zones, []qa{
		{"ent.example.", dns.TypeTXT, nodata},
		{"b.ent.example.", dns.TypeTXT, nodata},
		{"b.ent.example.", dns.TypeANY, nodata},
		{"c.ent.example.", dns.TypeTXT, nxdomain},
		{"co.example.", dns.TypeNS, nodata},
		{"x.co.example.", dns.TypeNS, nxdomain},
		{"wild.example.", dns.TypeTXT, nodata},
	})
	gone := func(s string) string {
		return s + "NS example. 600 IN SOA ns1.nic.example. hostmaster.example. 8 900 300 604800 600\n"
	}
	err := zones.Publish("example.", 7, 8, []Change{
		put(t, soa(8)),
		drop("a.b.ent.example.", dns.TypeTXT),
		drop("deleg.co.example.", dns.TypeNS),
		put(t, "one.more.co.example. 60 TXT x"),
	})
	if err != nil {
		t.Fatal(err)
	}
	check(t, zones, []qa{
		{"ent.example.", dns.TypeTXT, gone("NXDOMAIN aa\n")},
		{"b.ent.example.", dns.TypeTXT, gone("NXDOMAIN aa\n")},
		{"co.example.", dns.TypeNS, gone("NOERROR aa\n")},
		{"more.co.example.", dns.TypeNS, gone("NOERROR aa\n")},
		{"deleg.co.example.", dns.TypeNS, gone("NXDOMAIN aa\n")},
	})
}
