package dnsserve

import (
	"testing"

	"github.com/miekg/dns"
)

// TestWildcard holds RFC 4592's rules to a zone with *.wild, host.wild and sub.*.wild.
func TestWildcard(t *testing.T) {
	t.Parallel()
	zones := exampleZones(t)
	nodata, nxdomain := "NOERROR aa\n"+negative, "NXDOMAIN aa\n"+negative
	check(t, zones, []qa{
		{"x.wild.example.", dns.TypeTXT, "NOERROR aa\nAN x.wild.example. 3600 IN TXT \"wild\"\n"},
		{"a.b.wild.example.", dns.TypeTXT, "NOERROR aa\nAN a.b.wild.example. 3600 IN TXT \"wild\"\n"},
		{"a.b.wild.example.", dns.TypeMX, "NOERROR aa\nAN a.b.wild.example. 3600 IN MX 10 mail.wild.example.\n"},
		{"x.wild.example.", dns.TypeA, nodata},
		{"x.wild.example.", dns.TypeANY, "NOERROR aa\nAN x.wild.example. 3600 IN TXT \"wild\"\n"},
		{"*.wild.example.", dns.TypeTXT, "NOERROR aa\nAN *.wild.example. 3600 IN TXT \"wild\"\n"},
		{"host.wild.example.", dns.TypeTXT, nodata},
		{"x.host.wild.example.", dns.TypeTXT, nxdomain},
		{"x.*.wild.example.", dns.TypeTXT, nxdomain},
		{"sub.*.wild.example.", dns.TypeA, "NOERROR aa\nAN sub.*.wild.example. 3600 IN A 192.0.2.31\n"},
		{"wild.example.", dns.TypeTXT, nodata},
	})
	if err := zones.Publish("example.", 7, 8, []Change{put(t, soa(8)), drop("*.wild.example.", dns.TypeTXT), drop("*.wild.example.", dns.TypeMX)}); err != nil {
		t.Fatal(err)
	}
	// sub.*.wild keeps the wildcard itself as an empty non-terminal: it still matches, with nothing to show.
	after := "NS example. 600 IN SOA ns1.nic.example. hostmaster.example. 8 900 300 604800 600\n"
	check(t, zones, []qa{{"x.wild.example.", dns.TypeTXT, "NOERROR aa\n" + after}})
	if err := zones.Publish("example.", 8, 9, []Change{put(t, soa(9)), drop("sub.*.wild.example.", dns.TypeA)}); err != nil {
		t.Fatal(err)
	}
	after = "NS example. 600 IN SOA ns1.nic.example. hostmaster.example. 9 900 300 604800 600\n"
	check(t, zones, []qa{{"x.wild.example.", dns.TypeTXT, "NXDOMAIN aa\n" + after}})
}

// TestWildcardCNAME: the owner is the query name, the target inside the zone is followed.
func TestWildcardCNAME(t *testing.T) {
	t.Parallel()
	zones := exampleZones(t)
	if err := zones.Publish("example.", 7, 8, []Change{put(t, soa(8)), put(t, "*.w.example. 60 CNAME target.example.")}); err != nil {
		t.Fatal(err)
	}
	check(t, zones, []qa{{"any.thing.w.example.", dns.TypeA, `
NOERROR aa
AN any.thing.w.example. 60 IN CNAME target.example.
AN target.example. 3600 IN A 192.0.2.40
`}})
}

// TestWildcardAtApexAndNS: a wildcard right below the apex, and NS at it, which delegates nothing.
func TestWildcardAtApexAndNS(t *testing.T) {
	t.Parallel()
	zones := NewZones()
	load(t, zones, "w.", "w. 9 SOA a. b. 1 1 1 1 9\nw. 9 NS a.\n*.w. 9 NS ns.w.\n*.w. 9 A 192.0.2.7\nc.w. 9 NS a.")
	check(t, zones, []qa{
		{"x.y.w.", dns.TypeA, "NOERROR aa\nAN x.y.w. 9 IN A 192.0.2.7\n"},
		{"x.w.", dns.TypeNS, "NOERROR aa\nAN x.w. 9 IN NS ns.w.\n"},
		{"x.c.w.", dns.TypeA, "NOERROR\nNS c.w. 9 IN NS a.\n"},
	})
}
