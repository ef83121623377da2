package epp

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"quorate/epp/client"
	"quorate/fsm"
	"quorate/fsm/registry"
)

// change has the operator change a TLD.
func (r *testRegistry) change(t *testing.T, name string, change func(*registry.TLD)) {
	t.Helper()
	var tld registry.TLD
	if err := r.machine.View(func(v fsm.View) error { tld, _ = v.TLD(name); return nil }); err != nil {
		t.Fatal(err)
	}
	base := tld.LastEvent
	change(&tld)
	r.operate(t, registry.KindTLDUpdate, registry.TLDUpdate{TLD: tld, Base: base})
}

// Contacts and hosts are services of the server if they are objects of any TLD.
func TestServicesFollowTheTLDs(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	if g := s.dial(t, "reg1").Greeting(); !slices.Equal(g.Objects, []string{nsDomain, nsContact, nsHost}) {
		t.Errorf("with a thick TLD: %v", g.Objects)
	}
	s.registry.change(t, "example", func(t *registry.TLD) { t.Thick = false })
	if g := s.dial(t, "reg1").Greeting(); !slices.Equal(g.Objects, []string{nsDomain, nsHost}) {
		t.Errorf("with thin TLDs only: %v", g.Objects)
	}
	c := s.dial(t, "reg1")
	if r := send(t, c, loginDoc("</svcs>", "<objURI>"+nsContact+"</objURI></svcs>")); r.Code != 2307 {
		t.Errorf("a login that wants contacts: %d", r.Code)
	}
	c = s.login(t, "reg1")
	_, err := c.CreateContact(soon(t), person("sh8013"))
	wantCode(t, "a contact", err, 2307)
	s.registry.change(t, "example", func(t *registry.TLD) { t.PerRegistrar = true })
	if g := must(c.Hello(soon(t))); !slices.Equal(g.Objects, []string{nsDomain, nsContact, nsHost}) {
		t.Errorf("where registrars may differ: %v", g.Objects)
	}
	s.registry.change(t, "example", func(t *registry.TLD) { t.PerRegistrar = false })
	for _, name := range []string{"example", "tld", "zz--main-1234"} {
		s.registry.change(t, name, func(t *registry.TLD) { t.HostAttributes = true })
	}
	if g := must(c.Hello(soon(t))); !slices.Equal(g.Objects, []string{nsDomain}) {
		t.Errorf("without any objects: %v", g.Objects)
	}
}

func TestHostAttributes(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.registry.change(t, "tld", func(t *registry.TLD) { t.HostAttributes = true })
	c, other := s.login(t, "reg1"), s.login(t, "reg2")
	four, six := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	inside := client.HostAttribute{Name: "ns1.attr.tld", Addresses: []netip.Addr{six, four}}
	outside := client.HostAttribute{Name: "ns.elsewhere.test"}
	must(c.CreateDomain(soon(t), client.DomainCreate{Name: "attr.tld", Attributes: []client.HostAttribute{outside, inside}}))
	shows := func(what, hosts string, want ...client.HostAttribute) {
		t.Helper()
		d := must(other.InfoDomain(soon(t), "attr.tld", hosts, ""))
		if !slices.EqualFunc(d.Attributes, want, func(a, b client.HostAttribute) bool {
			return a.Name == b.Name && slices.Equal(a.Addresses, b.Addresses)
		}) || len(d.Hosts)+len(d.Subordinates) > 0 {
			t.Errorf("%s: %+v, want %+v", what, d, want)
		}
	}
	shows("as created", "", outside, inside)
	shows("as created, all", "all", outside, inside)
	shows("as created, del", "del", outside, inside)
	shows("as created, sub", "sub")
	shows("as created, none", "none")
	change := func(add, remove []client.HostAttribute) (err error) {
		_, err = c.UpdateDomain(soon(t), client.DomainUpdate{Name: "attr.tld", Add: client.DomainParts{Attributes: add}, Remove: client.DomainParts{Attributes: remove}})
		return err
	}
	moved := client.HostAttribute{Name: inside.Name, Addresses: []netip.Addr{four}}
	one := func(a client.HostAttribute) []client.HostAttribute { return []client.HostAttribute{a} }
	wantCode(t, "add what is there", change(one(moved), nil), 2306)
	wantCode(t, "remove what isn't", change(nil, one(client.HostAttribute{Name: "ns9.attr.tld", Addresses: []netip.Addr{four}})), 2306)
	wantCode(t, "move", change(one(moved), one(inside)), 1000)
	shows("moved", "all", outside, moved)
	wantCode(t, "remove by name alone", change(nil, one(client.HostAttribute{Name: "NS.elsewhere.test"})), 1000)
	shows("one gone", "all", moved)
	_, err := other.UpdateDomain(soon(t), client.DomainUpdate{Name: "attr.tld", Remove: client.DomainParts{Attributes: one(moved)}})
	wantCode(t, "another registrar's update", err, 2201)
	_, err = c.UpdateDomain(soon(t), client.DomainUpdate{Name: "attr.tld", Add: client.DomainParts{Hosts: []string{"ns.elsewhere.test"}}})
	wantCode(t, "an object that isn't there", err, 2306)
	_, err = c.CreateDomain(soon(t), client.DomainCreate{Name: "objects.tld", Hosts: []string{"ns.elsewhere.test"}})
	wantCode(t, "objects", err, 2306)
}

func TestHostAttributeForms(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	s.registry.change(t, "tld", func(t *registry.TLD) { t.HostAttributes = true })
	c := s.login(t, "reg1")
	attr := func(name, addresses string) string {
		return `<domain:hostAttr><domain:hostName>` + name + `</domain:hostName>` + addresses + `</domain:hostAttr>`
	}
	v4 := func(s string) string { return `<domain:hostAddr ip="v4">` + s + `</domain:hostAddr>` }
	v6 := func(s string) string { return `<domain:hostAddr ip="v6">` + s + `</domain:hostAddr>` }
	many := func(n int) (all string) {
		for i := range n {
			all += attr("ns"+string(rune('a'+i))+".elsewhere.test", "")
		}
		return all
	}
	for _, row := range []struct {
		what, ns string
		want     int
	}{
		{"outside", attr("ns1.elsewhere.test", ""), 1000},
		{"inside with v4", attr("ns1.form.tld", v4("208.77.190.199")), 1000},
		{"inside with v6", attr("ns1.form.tld", v6("2602:800:900e:1257::7")), 1000},
		{"v4 by default", attr("ns1.form.tld", `<domain:hostAddr>208.77.190.199</domain:hostAddr>`), 1000},
		{"the domain itself", attr("form.tld", v4("208.77.190.199")), 1000},
		{"below another domain, without", attr("ns1.other.tld", ""), 1000},
		{"below another domain, with", attr("ns1.other.tld", v4("208.77.190.199")), 1000},
		{"thirteen", many(13), 1000},
		{"fourteen", many(14), 2306},
		{"inside without glue", attr("ns1.form.tld", ""), 2003},
		{"outside with glue", attr("ns1.elsewhere.test", v4("208.77.190.199")), 2306},
		{"an object beside it", attr("ns1.elsewhere.test", "") + `<domain:hostObj>ns2.elsewhere.test</domain:hostObj>`, 2001},
		{"no name", `<domain:hostAttr>` + v4("208.77.190.199") + `</domain:hostAttr>`, 2001},
		{"an empty name", attr("", ""), 2001},
		{"a bad name", attr("!.elsewhere.test", ""), 2005},
		{"hyphens in third and fourth place", attr("ab--c.elsewhere.test", ""), 2306},
		{"a single label", attr("localhost", ""), 2306},
		{"twice", attr("ns1.elsewhere.test", "") + attr("NS1.elsewhere.test", ""), 2306},
		{"one address twice", attr("ns1.form.tld", v4("208.77.190.199")+v4("208.77.190.199")), 2306},
		{"v6 as v4", attr("ns1.form.tld", v4("2602:800:900e:1257::6")), 2005},
		{"three octets", attr("ns1.form.tld", v4("208.77.190")), 2005},
		{"letters", attr("ns1.form.tld", v4("a.b.c.d")), 2005},
		{"nine bits", attr("ns1.form.tld", v4("256.1.1.1")), 2005},
		{"five octets", attr("ns1.form.tld", v4("1.2.3.4.5")), 2005},
		{"loopback", attr("ns1.form.tld", v4("127.0.0.1")), 2306},
		{"v4 as v6", attr("ns1.form.tld", v6("208.77.190.200")), 2005},
		{"unspecified", attr("ns1.form.tld", v6("::")), 2001},
		{"v6 loopback", attr("ns1.form.tld", v6("::1")), 2306},
		{"not hexadecimal", attr("ns1.form.tld", v6("::X")), 2005},
		{"nonsense", attr("ns1.form.tld", v6("NOT::HEX::")), 2005},
		{"v5", attr("ns1.form.tld", `<domain:hostAddr ip="v5">208.77.190.199</domain:hostAddr>`), 2001},
		{"an empty address", attr("ns1.form.tld", v4("")), 2001},
		{"nothing", "", 2001},
	} {
		ns := `<domain:ns>` + row.ns + `</domain:ns>`
		r := send(t, c, commandDoc(`<create><domain:create xmlns:domain="`+nsDomain+`"><domain:name>form.tld</domain:name>`+ns+`<domain:authInfo><domain:pw/></domain:authInfo></domain:create></create>`))
		if r.Code != row.want {
			t.Errorf("%s: create: %d, %v; want %d", row.what, r.Code, r.Err(), row.want)
		}
		if r.Code == 1000 {
			must(c.DeleteDomain(soon(t), "form.tld"))
		}
		must(c.CreateDomain(soon(t), client.DomainCreate{Name: "form.tld"}))
		r = send(t, c, commandDoc(`<update><domain:update xmlns:domain="`+nsDomain+`"><domain:name>form.tld</domain:name><domain:add>`+ns+`</domain:add></domain:update></update>`))
		if r.Code != row.want {
			t.Errorf("%s: update: %d, %v; want %d", row.what, r.Code, r.Err(), row.want)
		}
		must(c.DeleteDomain(soon(t), "form.tld"))
	}
}

// Names below a suffix of several labels, and in TLDs of any form.
func TestSuffixes(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	suffix := registry.TLD{Name: "co.tld", Zone: "tld", Currency: "EUR", CreatePrice: 1, MaxYears: 3}
	s.registry.operate(t, registry.KindTLDCreate, registry.TLDCreate{TLD: suffix})
	c := s.login(t, "reg1")
	for name, want := range map[string]int{
		"a.co.tld":                          1000,
		"a.tld":                             1000,
		"b.zz--main-1234":                   1000,
		"co.tld":                            2306,
		"a.b.co.tld":                        2306,
		"ab--c.co.tld":                      2306,
		"xn--bcher-kva.co.tld":              2306,
		"xn--zzzzzzzz.zz--main-1234":        2306,
		strings.Repeat("x", 64) + ".co.tld": 2005,
	} {
		_, err := c.CreateDomain(soon(t), client.DomainCreate{Name: name})
		wantCode(t, name, err, want)
	}
	_, err := c.CreateDomain(soon(t), client.DomainCreate{Name: "long.co.tld", Years: 4})
	wantCode(t, "four years of three", err, 2004)
	if all := must(c.CheckDomains(soon(t), "a.co.tld", "b.co.tld", "co.tld", "x.y.co.tld")); !slices.Equal(all, []client.Availability{
		{Name: "a.co.tld", Reason: "In use"}, {Name: "b.co.tld", Available: true}, {Name: "co.tld", Reason: "the name is reserved"}, {Name: "x.y.co.tld", Reason: "not directly below the TLD"},
	}) {
		t.Errorf("%+v", all)
	}
	must(c.CreateHost(soon(t), "ns1.a.co.tld", netip.MustParseAddr("192.0.2.1")))
	_, err = c.CreateHost(soon(t), "ns1.none.co.tld", netip.MustParseAddr("192.0.2.1"))
	wantCode(t, "a host below no domain", err, 2303)
}
