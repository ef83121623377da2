package dnsserve

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
)

const negative = "NS example. 600 IN SOA ns1.nic.example. hostmaster.example. 7 900 300 604800 600\n"

func TestApex(t *testing.T) {
	t.Parallel()
	check(t, exampleZones(t), []qa{
		{"example.", dns.TypeSOA, `
NOERROR aa
AN example. 3600 IN SOA ns1.nic.example. hostmaster.example. 7 900 300 604800 600
`},
		{"example.", dns.TypeNS, `
NOERROR aa
AN example. 3600 IN NS ns.elsewhere.test.
AN example. 3600 IN NS ns1.nic.example.
AR ns1.nic.example. 3600 IN A 192.0.2.1
AR ns1.nic.example. 3600 IN AAAA 2001:db8::1
`},
		{"example.", dns.TypeTXT, "NOERROR aa\nAN example. 3600 IN TXT \"the example zone\"\n"},
		{"example.", 65333, "NOERROR aa\nAN example. 3600 CLASS1 TYPE65333 \\# 3 0a0b0c\n"},
		{"example.", dns.TypeA, "NOERROR aa\n" + negative},
		{"example.", 65334, "NOERROR aa\n" + negative},
		{"example.", dns.TypeDS, "NOERROR aa\n" + negative},
	})
}

func TestNegative(t *testing.T) {
	t.Parallel()
	check(t, exampleZones(t), []qa{
		{"nothing.example.", dns.TypeA, "NXDOMAIN aa\n" + negative},
		{"very.far.from.anything.example.", dns.TypeA, "NXDOMAIN aa\n" + negative},
		{"below.target.example.", dns.TypeA, "NXDOMAIN aa\n" + negative},
		{"target.example.", dns.TypeAAAA, "NOERROR aa\n" + negative},
		{"nothing.example.", dns.TypeANY, "NXDOMAIN aa\n" + negative},
		{strings.Repeat("a.", 123) + "example.", dns.TypeA, "NXDOMAIN aa\n" + negative},
	})
}

func TestNegativeTTLIsTheLesser(t *testing.T) {
	t.Parallel()
	zones := NewZones()
	load(t, zones, "low.", "low. 60 SOA a. b. 1 2 3 4 600\nlow. 60 NS a.")
	check(t, zones, []qa{{"x.low.", dns.TypeA, "NXDOMAIN aa\nNS low. 60 IN SOA a. b. 1 2 3 4 600\n"}})
}

func TestCNAME(t *testing.T) {
	t.Parallel()
	check(t, exampleZones(t), []qa{
		{"alias.example.", dns.TypeCNAME, "NOERROR aa\nAN alias.example. 3600 IN CNAME target.example.\n"},
		{"alias.example.", dns.TypeANY, "NOERROR aa\nAN alias.example. 3600 IN CNAME target.example.\n"},
		{"alias.example.", dns.TypeA, `
NOERROR aa
AN alias.example. 3600 IN CNAME target.example.
AN target.example. 3600 IN A 192.0.2.40
`},
		{"second.example.", dns.TypeA, `
NOERROR aa
AN second.example. 3600 IN CNAME alias.example.
AN alias.example. 3600 IN CNAME target.example.
AN target.example. 3600 IN A 192.0.2.40
`},
		{"alias.example.", dns.TypeMX, "NOERROR aa\nAN alias.example. 3600 IN CNAME target.example.\n" + negative},
		{"aliasout.example.", dns.TypeA, "NOERROR aa\nAN aliasout.example. 3600 IN CNAME www.elsewhere.test.\n"},
		{"aliascut.example.", dns.TypeA, "NOERROR aa\nAN aliascut.example. 3600 IN CNAME www.foo.example.\n" +
			"NS foo.example. 3600 IN NS ns1.foo.example.\nNS foo.example. 3600 IN NS ns2.foo.example.\n"},
		{"aliasnx.example.", dns.TypeA, "NXDOMAIN aa\nAN aliasnx.example. 3600 IN CNAME nothing.example.\n" + negative},
		{"aliaswild.example.", dns.TypeTXT, `
NOERROR aa
AN aliaswild.example. 3600 IN CNAME x.wild.example.
AN x.wild.example. 3600 IN TXT "wild"
`},
		{"loop1.example.", dns.TypeA, `
NOERROR aa
AN loop1.example. 3600 IN CNAME loop2.example.
AN loop2.example. 3600 IN CNAME loop1.example.
`},
	})
}

func TestMinimalANY(t *testing.T) {
	t.Parallel()
	_, addr := serve(t, Config{}, exampleZones(t))
	for _, network := range []string{"udp", "tcp"} {
		in := exchange(t, network, addr, question("example.", dns.TypeANY))
		if len(in.Answer) != 1 || !in.Authoritative || in.Truncated || len(in.Ns)+len(in.Extra) > 0 {
			t.Errorf("%s: ANY is not one RRset of one record here:\n%s", network, dump(in))
		}
	}
}

func TestSeveralZones(t *testing.T) {
	t.Parallel()
	zones := exampleZones(t)
	load(t, zones, "foo.example.", `
foo.example. 3600 SOA ns1.foo.example. h.foo.example. 99 1 1 1 60
foo.example. 3600 NS ns1.foo.example.
ns1.foo.example. 3600 A 192.0.2.11`)
	load(t, zones, "xn--p1ai.", "xn--p1ai. 5 SOA a. b. 3 1 1 1 1\nxn--p1ai. 5 NS a.")
	check(t, zones, []qa{
		{"ns1.foo.example.", dns.TypeA, "NOERROR aa\nAN ns1.foo.example. 3600 IN A 192.0.2.11\n"},
		// DS belongs to the parent even where the child is served too.
		{"foo.example.", dns.TypeDS, "NOERROR aa\nAN foo.example. 3600 IN DS 12345 13 2 0102030405060708091011121314151617181920212223242526272829303132\n"},
		{"xn--p1ai.", dns.TypeDS, "NOERROR aa\nNS xn--p1ai. 1 IN SOA a. b. 3 1 1 1 1\n"},
		{"x.xn--p1ai.", dns.TypeA, "NXDOMAIN aa\nNS xn--p1ai. 1 IN SOA a. b. 3 1 1 1 1\n"},
		{"www.plain.example.", dns.TypeA, "NOERROR\nNS plain.example. 3600 IN NS ns.elsewhere.test.\n"},
		{"com.", dns.TypeNS, "REFUSED\n"},
		{".", dns.TypeNS, "REFUSED\n"},
		{".", dns.TypeDS, "REFUSED\n"},
		{"notexample.", dns.TypeA, "REFUSED\n"},
	})
	zones.Drop("foo.example.")
	check(t, zones, []qa{{"x.foo.example.", dns.TypeTXT, fooReferral}})
	zones.Drop("example.")
	check(t, zones, []qa{{"foo.example.", dns.TypeDS, "REFUSED\n"}})
}

func TestRootZone(t *testing.T) {
	t.Parallel()
	zones := NewZones()
	load(t, zones, ".", `
. 86400 SOA a.root. nstld. 1 1 1 1 60
. 86400 NS a.root.
a.root. 86400 A 192.0.2.53
org. 3600 NS ns.org.
ns.org. 3600 A 192.0.2.54`)
	check(t, zones, []qa{
		{".", dns.TypeNS, "NOERROR aa\nAN . 86400 IN NS a.root.\nAR a.root. 86400 IN A 192.0.2.53\n"},
		{"a.b.org.", dns.TypeA, "NOERROR\nNS org. 3600 IN NS ns.org.\nAR ns.org. 3600 IN A 192.0.2.54\n"},
		{"com.", dns.TypeA, "NXDOMAIN aa\nNS . 60 IN SOA a.root. nstld. 1 1 1 1 60\n"},
		{".", dns.TypeDS, "NOERROR aa\nNS . 60 IN SOA a.root. nstld. 1 1 1 1 60\n"},
	})
}

func TestCasePreserved(t *testing.T) {
	t.Parallel()
	_, addr := serve(t, Config{}, exampleZones(t))
	for _, name := range []string{"ExAmPlE.", "TaRgEt.eXaMpLe.", "WwW.fOO.ExAMPLE.", "NOthing.EXAMple."} {
		in := exchange(t, "udp", addr, question(name, dns.TypeSOA))
		if in.Question[0].Name != name {
			t.Errorf("question %s came back as %s", name, in.Question[0].Name)
		}
		for _, rr := range append(in.Answer, in.Ns...) {
			if owner := rr.Header().Name; !strings.HasSuffix(name, owner) {
				t.Errorf("question %s: owner %s", name, owner)
			}
		}
	}
}
