package epp

import (
	"net/netip"
	"slices"
	"testing"

	"quorate/epp/client"
)

func TestHostLife(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c, other := s.login(t, "reg1"), s.login(t, "reg2")
	v4, v6 := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	must(c.CreateDomain(soon(t), client.DomainCreate{Name: "hosts.tld"}))

	if all := must(c.CheckHosts(soon(t), "NS1.hosts.tld", "a b.tld", "single", "xn--abc.test")); !slices.Equal(all, []client.Availability{
		{Name: "ns1.hosts.tld", Available: true}, {Name: "a b.tld", Reason: "Character not allowed"},
		{Name: "single", Reason: "A host name has two labels"}, {Name: "xn--abc.test", Available: true},
	}) {
		t.Errorf("check: %+v", all)
	}
	must(c.CreateHost(soon(t), "NS1.hosts.tld", v4, v6))
	if all := must(c.CheckHosts(soon(t), "ns1.hosts.tld")); all[0].Available {
		t.Errorf("check: %+v", all)
	}
	_, err := c.CreateHost(soon(t), "ns1.hosts.tld", v4)
	wantCode(t, "create again", err, 2302)
	for _, viewer := range []*client.Client{c, other} {
		h := must(viewer.InfoHost(soon(t), "ns1.HOSTS.tld"))
		if h.Name != "ns1.hosts.tld" || !slices.Equal(h.Addresses, []string{"2001:db8::1", "192.0.2.1"}) || h.Sponsor != "reg1" || !slices.Equal(h.Statuses, []string{"ok"}) {
			t.Errorf("info: %+v", h)
		}
	}
	must(c.UpdateDomain(soon(t), client.DomainUpdate{Name: "hosts.tld", Add: client.DomainParts{Hosts: []string{"ns1.hosts.tld"}}}))
	if h := must(c.InfoHost(soon(t), "ns1.hosts.tld")); !slices.Contains(h.Statuses, "linked") {
		t.Errorf("info of a linked host: %+v", h)
	}
	_, err = other.DeleteHost(soon(t), "ns1.hosts.tld")
	wantCode(t, "another registrar's delete", err, 2201)
	_, err = other.CreateHost(soon(t), "ns2.hosts.tld", v4)
	wantCode(t, "a host below another registrar's domain", err, 2201)
	_, err = c.CreateHost(soon(t), "ns1.none.tld", v4)
	wantCode(t, "a host below no domain", err, 2303)
	_, err = c.CreateHost(soon(t), "ns2.hosts.tld")
	wantCode(t, "a host that needs an address", err, 2003)
	_, err = c.CreateHost(soon(t), "ns.elsewhere.test", v4)
	wantCode(t, "an external host with an address", err, 2306)
	_, err = c.InfoHost(soon(t), "ns9.hosts.tld")
	wantCode(t, "info of none", err, 2303)
	_, err = c.DeleteHost(soon(t), "ns9.hosts.tld")
	wantCode(t, "delete of none", err, 2303)
}

func TestHostAddresses(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c := s.login(t, "reg1")
	must(c.CreateDomain(soon(t), client.DomainCreate{Name: "addr.tld"}))
	for addr, want := range map[string]int{
		`<host:addr>192.0.2.1</host:addr>`:                                                 1000, // v4 is the default
		`<host:addr ip="v6">1080:0:0:0:8:800:200C:417A</host:addr>`:                        1000,
		`<host:addr ip="v4">192.0.2.1</host:addr><host:addr ip="v4">192.0.2.1</host:addr>`: 2306,
		`<host:addr ip="v4"></host:addr>`:                                                  2001,
		`<host:addr ip="v5">192.0.2.1</host:addr>`:                                         2001,
		`<host:addr ip="v4">2001:db8::1</host:addr>`:                                       2005,
		`<host:addr ip="v6">192.0.2.1</host:addr>`:                                         2005,
		`<host:addr ip="v4">192.0.2</host:addr>`:                                           2005,
		`<host:addr ip="v4">192.0.2.01</host:addr>`:                                        2005,
		`<host:addr ip="v6">fe80::1%eth0</host:addr>`:                                      2005,
		`<host:addr ip="v6">fe80::1</host:addr>`:                                           2306,
		`<host:addr ip="v6">::ffff:192.0.2.1</host:addr>`:                                  2306,
		`<host:addr ip="v6">ff02::1</host:addr>`:                                           2306,
		`<host:addr ip="v4">0.1.2.3</host:addr>`:                                           2306,
		`<host:addr ip="v4">255.255.255.255</host:addr>`:                                   2306,
		`<host:addr ip="v4">224.0.0.1</host:addr>`:                                         2306,
		`<host:addr ip="v4">169.254.0.1</host:addr>`:                                       2306,
	} {
		r := send(t, c, commandDoc(`<create><host:create xmlns:host="`+nsHost+`"><host:name>ns.addr.tld</host:name>`+addr+`</host:create></create>`))
		if r.Code != want {
			t.Errorf("%s: %d, %v; want %d", addr, r.Code, r.Err(), want)
		}
		if r.Code == 1000 {
			must(c.DeleteHost(soon(t), "ns.addr.tld"))
		}
	}
}
