package dnsserve

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// signature returns an RRSIG in zone file form. Its TTL is wrong on purpose: the covered RRset's rules.
func signature(owner, covers string) string {
	return fmt.Sprintf("%s 1 RRSIG %s 13 2 3600 20300101000000 20200101000000 1 example. AAAA\n", owner, covers)
}

func signed(owner string, ttl int, covers string) string {
	return fmt.Sprintf("%s %d IN RRSIG %s 13 2 3600 20300101000000 20200101000000 1 example. AAAA\n", owner, ttl, covers)
}

func signedZone(t testing.TB) *Zones {
	zones := NewZones()
	load(t, zones, "example.", exampleZone+
		signature("@", "SOA")+signature("@", "NS")+signature("@", "TXT")+
		signature("foo", "DS")+signature("*.wild", "TXT")+signature("alias", "CNAME")+signature("target", "A")+
		"0123456789abcdefghijklmnopqrstuv NSEC3 1 0 0 - 1123456789abcdefghijklmnopqrstuv A\n"+
		signature("0123456789abcdefghijklmnopqrstuv", "NSEC3"))
	return zones
}

// TestSignatures: DO brings the RRSIG of whatever is in answer and authority, and the DS of a cut.
func TestSignatures(t *testing.T) {
	t.Parallel()
	soa := "NS example. 600 IN SOA ns1.nic.example. hostmaster.example. 7 900 300 604800 600\n" + "NS " + signed("example.", 600, "SOA")
	ds := "foo.example. 3600 IN DS 12345 13 2 0102030405060708091011121314151617181920212223242526272829303132\n"
	ns, glue, _ := strings.Cut(fooReferral, "AR ")
	table := []qa{
		{"example.", dns.TypeTXT, "NOERROR aa\nAN example. 3600 IN TXT \"the example zone\"\nAN " + signed("example.", 3600, "TXT")},
		{"nothing.example.", dns.TypeTXT, "NXDOMAIN aa\n" + soa},
		{"example.", dns.TypeMX, "NOERROR aa\n" + soa},
		{"x.foo.example.", dns.TypeA, ns + "NS " + ds + "NS " + signed("foo.example.", 3600, "DS") + "AR " + glue},
		{"foo.example.", dns.TypeDS, "NOERROR aa\nAN " + ds + "AN " + signed("foo.example.", 3600, "DS")},
		{"plain.example.", dns.TypeA, "NOERROR\nNS plain.example. 3600 IN NS ns.elsewhere.test.\n"},
		{"a.wild.example.", dns.TypeTXT, "NOERROR aa\nAN a.wild.example. 3600 IN TXT \"wild\"\nAN " + signed("a.wild.example.", 3600, "TXT")},
		{"target.example.", dns.TypeRRSIG, "NOERROR aa\nAN " + signed("target.example.", 3600, "A")},
		{"a.wild.example.", dns.TypeRRSIG, "NOERROR aa\nAN " + signed("a.wild.example.", 3600, "TXT")},
		{"alias.example.", dns.TypeA, "NOERROR aa\nAN alias.example. 3600 IN CNAME target.example.\nAN " + signed("alias.example.", 3600, "CNAME") +
			"AN target.example. 3600 IN A 192.0.2.40\nAN " + signed("target.example.", 3600, "A")},
		{"alias.example.", dns.TypeMX, "NOERROR aa\nAN alias.example. 3600 IN CNAME target.example.\nAN " + signed("alias.example.", 3600, "CNAME") + soa},
		// The owner names of NSEC3 are not there for queries (RFC 5155 §7.2.8).
		{"0123456789abcdefghijklmnopqrstuv.example.", dns.TypeNSEC3, "NXDOMAIN aa\n" + soa},
		{"0123456789abcdefghijklmnopqrstuv.example.", dns.TypeA, "NXDOMAIN aa\n" + soa},
	}
	checkMessages(t, signedZone(t), table, func(name string, typ uint16) *dns.Msg {
		return withOPT(question(name, typ), 1232, func(o *dns.OPT) { o.SetDo() })
	})
}

// TestNoSignaturesWithoutDO: the same zone answers those who don't ask as if it were not signed.
func TestNoSignaturesWithoutDO(t *testing.T) {
	t.Parallel()
	table := []qa{
		{"example.", dns.TypeTXT, "NOERROR aa\nAN example. 3600 IN TXT \"the example zone\"\n"},
		{"nothing.example.", dns.TypeTXT, "NXDOMAIN aa\n" + negative},
		{"x.foo.example.", dns.TypeA, fooReferral},
		{"a.wild.example.", dns.TypeTXT, "NOERROR aa\nAN a.wild.example. 3600 IN TXT \"wild\"\n"},
		{"target.example.", dns.TypeRRSIG, "NOERROR aa\nAN " + signed("target.example.", 3600, "A")},
		{"foo.example.", dns.TypeDS, "NOERROR aa\nAN foo.example. 3600 IN DS 12345 13 2 0102030405060708091011121314151617181920212223242526272829303132\n"},
	}
	check(t, signedZone(t), table)
	checkMessages(t, signedZone(t), table, func(name string, typ uint16) *dns.Msg {
		return withOPT(question(name, typ), 1232, nil)
	})
}

// TestResign replaces one signature of an owner that has several.
func TestResign(t *testing.T) {
	t.Parallel()
	zones := signedZone(t)
	fresh := put(t, strings.Replace(signature("example.", "TXT"), "AAAA", "BBBB", 1))
	if err := zones.Publish("example.", 7, 8, []Change{put(t, soa(8)), fresh}); err != nil {
		t.Fatal(err)
	}
	checkMessages(t, zones, []qa{
		{"example.", dns.TypeTXT, "NOERROR aa\nAN example. 3600 IN TXT \"the example zone\"\nAN " +
			strings.Replace(signed("example.", 3600, "TXT"), "AAAA", "BBBB", 1)},
		{"example.", dns.TypeNS, "NOERROR aa\nAN example. 3600 IN NS ns.elsewhere.test.\nAN example. 3600 IN NS ns1.nic.example.\nAN " +
			signed("example.", 3600, "NS") + "AR ns1.nic.example. 3600 IN A 192.0.2.1\nAR ns1.nic.example. 3600 IN AAAA 2001:db8::1\n"},
	}, func(name string, typ uint16) *dns.Msg {
		return withOPT(question(name, typ), 1232, func(o *dns.OPT) { o.SetDo() })
	})
}
