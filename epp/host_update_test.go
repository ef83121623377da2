package epp

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"quorate/epp/client"
)

func hostUpdate(name, inner string) string {
	return commandDoc(`<update><host:update xmlns:host="` + nsHost + `"><host:name>` + name + `</host:name>` + inner + `</host:update></update>`)
}

func TestHostUpdate(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c, other := s.login(t, "reg1"), s.login(t, "reg2")
	must(c.CreateDomain(soon(t), client.DomainCreate{Name: "hosts.tld"}))
	one, two, six := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("2001:db8::1")
	must(c.CreateHost(soon(t), "ns1.hosts.tld", one))
	change := func(add, remove client.HostParts) (err error) {
		_, err = c.UpdateHost(soon(t), client.HostUpdate{Name: "NS1.hosts.tld", Add: add, Remove: remove})
		return err
	}
	has := func(what string, addresses ...string) {
		t.Helper()
		h := must(c.InfoHost(soon(t), "ns1.hosts.tld"))
		if !slices.Equal(h.Addresses, addresses) || h.Updater != "reg1" || h.Updated.IsZero() {
			t.Errorf("%s: %+v, want %v", what, h, addresses)
		}
	}
	at := func(all ...netip.Addr) client.HostParts { return client.HostParts{Addresses: all} }
	is := func(all ...string) client.HostParts { return client.HostParts{Statuses: all} }
	nothing := client.HostParts{}

	wantCode(t, "add addresses", change(at(two, six), nothing), 1000)
	has("with two more", "2001:db8::1", "192.0.2.1", "192.0.2.2")
	wantCode(t, "add one that is there", change(at(two), nothing), 2306)
	wantCode(t, "add one twice", change(at(netip.MustParseAddr("192.0.2.3"), netip.MustParseAddr("192.0.2.3")), nothing), 2306)
	wantCode(t, "remove one that isn't there", change(nothing, at(netip.MustParseAddr("192.0.2.3"))), 2306)
	wantCode(t, "remove one twice", change(nothing, at(one, one)), 2306)
	wantCode(t, "remove one", change(nothing, at(one)), 1000)
	wantCode(t, "move one", change(at(one), at(two)), 1000)
	has("after that", "2001:db8::1", "192.0.2.1")
	var many []netip.Addr
	for i := range 12 {
		many = append(many, netip.AddrFrom4([4]byte{192, 0, 2, byte(100 + i)}))
	}
	wantCode(t, "fourteen addresses", change(at(many...), nothing), 2306)
	wantCode(t, "thirteen addresses", change(at(many[1:]...), nothing), 1000)
	wantCode(t, "two", change(nothing, at(many[1:]...)), 1000)

	for _, status := range []string{"clientDeleteProhibited", "clientUpdateProhibited"} {
		wantCode(t, "remove "+status+", which isn't there", change(nothing, is(status)), 2306)
		wantCode(t, "add "+status, change(is(status), nothing), 1000)
		if h := must(other.InfoHost(soon(t), "ns1.hosts.tld")); !slices.Equal(h.Statuses, []string{status}) {
			t.Errorf("statuses %v, want %s", h.Statuses, status)
		}
		if status == "clientUpdateProhibited" {
			wantCode(t, "an update that is prohibited", change(at(two), nothing), 2304)
			wantCode(t, "a removal with more", change(at(two), is(status)), 2304)
		} else {
			wantCode(t, "add it again", change(is(status), nothing), 2306)
			_, err := c.DeleteHost(soon(t), "ns1.hosts.tld")
			wantCode(t, "a delete that is prohibited", err, 2304)
		}
		wantCode(t, "remove "+status, change(nothing, is(status)), 1000)
	}
	for _, status := range []string{"serverDeleteProhibited", "serverUpdateProhibited", "ok", "linked", "pendingCreate", "pendingDelete", "pendingTransfer", "pendingUpdate"} {
		wantCode(t, "add "+status, change(is(status), nothing), 2306)
		wantCode(t, "remove "+status, change(nothing, is(status)), 2306)
	}
	for _, status := range []string{"clientHold", "clientTransferProhibited", "clientRenewProhibited", "serverHold", "inactive", "nonsense"} {
		wantCode(t, "add "+status+", which hosts don't know", change(is(status), nothing), 2001)
	}

	_, err := other.UpdateHost(soon(t), client.HostUpdate{Name: "ns1.hosts.tld", Add: at(two)})
	wantCode(t, "another registrar's update", err, 2201)
	_, err = c.UpdateHost(soon(t), client.HostUpdate{Name: "ns9.hosts.tld", Add: at(two)})
	wantCode(t, "update of none", err, 2303)
	must(c.CreateHost(soon(t), "ns.elsewhere.test"))
	_, err = c.UpdateHost(soon(t), client.HostUpdate{Name: "ns.elsewhere.test", Add: at(two)})
	wantCode(t, "an address of an external host", err, 2306)

	// A host that nobody needs may be without an address, but then nobody can come to need it.
	wantCode(t, "remove all addresses", change(nothing, at(one, six)), 1000)
	has("without any")
	delegate := client.DomainUpdate{Name: "hosts.tld", Add: client.DomainParts{Hosts: []string{"ns1.hosts.tld"}}}
	_, err = c.UpdateDomain(soon(t), delegate)
	wantCode(t, "a delegation to a host without an address", err, 2305)
	_, err = c.CreateDomain(soon(t), client.DomainCreate{Name: "glueless.tld", Hosts: []string{"ns1.hosts.tld"}})
	wantCode(t, "a domain with such a delegation", err, 2305)
	wantCode(t, "an address", change(at(one), nothing), 1000)
	must(c.UpdateDomain(soon(t), delegate))
	wantCode(t, "remove the last address of a linked host", change(nothing, at(one)), 2305)
	wantCode(t, "move it", change(at(two), at(one)), 1000)
	has("moved", "192.0.2.2")
}

func TestHostUpdateForms(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c := s.login(t, "reg1")
	must(c.CreateDomain(soon(t), client.DomainCreate{Name: "forms.tld"}))
	must(c.CreateHost(soon(t), "ns.forms.tld", netip.MustParseAddr("192.0.2.1")))
	add := func(inner string) string { return `<host:add>` + inner + `</host:add>` }
	for _, row := range []struct {
		what, inner string
		want        int
	}{
		{"nothing", "", 2003},
		{"empty add, rem and chg, as a stock client sends them", `<host:add/><host:rem/><host:chg/>`, 1000},
		{"chg before rem", `<host:chg/><host:rem/>`, 2001},
		{"an unknown element", add(`<host:name>a.tld</host:name>`), 2001},
		{"status before address", add(`<host:status s="clientDeleteProhibited"/><host:addr>192.0.2.7</host:addr>`), 2001},
		{"eight statuses", add(strings.Repeat(`<host:status s="clientDeleteProhibited"/>`, 8)), 2001},
		{"one status twice", add(strings.Repeat(`<host:status s="clientDeleteProhibited"/>`, 2)), 2306},
		{"an empty address", add(`<host:addr ip="v4"/>`), 2001},
		{"v4 as v6", add(`<host:addr ip="v6">192.0.2.7</host:addr>`), 2005},
		{"v6 as v4", add(`<host:addr>2001:db8::7</host:addr>`), 2005},
		{"v5", add(`<host:addr ip="v5">192.0.2.7</host:addr>`), 2001},
		{"three octets", add(`<host:addr>208.77.190</host:addr>`), 2005},
		{"letters", add(`<host:addr>a.b.c.d</host:addr>`), 2005},
		{"an octet of nine bits", add(`<host:addr>256.1.1.1</host:addr>`), 2005},
		{"five octets", add(`<host:addr>1.2.3.4.5</host:addr>`), 2005},
		{"loopback", add(`<host:addr>127.0.0.1</host:addr>`), 2306},
		{"unspecified, which is too short", add(`<host:addr ip="v6">::</host:addr>`), 2001},
		{"unspecified", add(`<host:addr ip="v6">0::0</host:addr>`), 2306},
		{"v6 loopback", add(`<host:addr ip="v6">::1</host:addr>`), 2306},
		{"not hexadecimal", add(`<host:addr ip="v6">::X</host:addr>`), 2005},
		{"two gaps", add(`<host:addr ip="v6">1::2::3</host:addr>`), 2005},
		{"multicast", add(`<host:addr ip="v6">ff02::1</host:addr>`), 2306},
		{"link-local", add(`<host:addr ip="v6">fe80::1</host:addr>`), 2306},
		{"a bad address to remove", `<host:rem><host:addr>256.1.1.1</host:addr></host:rem>`, 2005},
		{"two names", `<host:chg><host:name>a.forms.tld</host:name><host:name>b.forms.tld</host:name></host:chg>`, 2001},
		{"an address as a change", `<host:chg><host:addr>192.0.2.7</host:addr></host:chg>`, 2001},
		{"an empty name", `<host:chg><host:name/></host:chg>`, 2001},
	} {
		if r := send(t, c, hostUpdate("ns.forms.tld", row.inner)); r.Code != row.want {
			t.Errorf("%s: %d, %v; want %d", row.what, r.Code, r.Err(), row.want)
		}
	}
}

func TestHostRename(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c, other := s.login(t, "reg1"), s.login(t, "reg2")
	for _, name := range []string{"mine.tld", "also.tld"} {
		must(c.CreateDomain(soon(t), client.DomainCreate{Name: name}))
	}
	must(other.CreateDomain(soon(t), client.DomainCreate{Name: "theirs.tld"}))
	one, two := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	must(c.CreateHost(soon(t), "ns1.mine.tld", one))
	must(c.CreateHost(soon(t), "ns2.mine.tld", one))
	must(c.CreateHost(soon(t), "ns1.elsewhere.test"))
	rename := func(from, to string, add, remove []netip.Addr) (err error) {
		_, err = c.UpdateHost(soon(t), client.HostUpdate{Name: from, NewName: to, Add: client.HostParts{Addresses: add}, Remove: client.HostParts{Addresses: remove}})
		return err
	}
	for to, want := range map[string]int{
		"!.mine.tld":                          2005,
		"-a.mine.tld":                         2005,
		"a..mine.tld":                         2005,
		"a_b.mine.tld":                        2005,
		"ab--cd.mine.tld":                     2306,
		"single":                              2306,
		strings.Repeat("x", 64) + ".mine.tld": 2005,
		"ns1.none.tld":                        2303,
		"ns1.theirs.tld":                      2201,
		"ns2.mine.tld":                        2302,
		"ns1.elsewhere.test":                  2302,
		"zz--main-1234":                       2306,
	} {
		wantCode(t, "to "+to, rename("ns1.mine.tld", to, nil, nil), want)
	}
	must(c.UpdateDomain(soon(t), client.DomainUpdate{Name: "also.tld", Add: client.DomainParts{Hosts: []string{"ns1.mine.tld", "ns1.elsewhere.test"}}}))
	must(other.UpdateDomain(soon(t), client.DomainUpdate{Name: "theirs.tld", Add: client.DomainParts{Hosts: []string{"ns1.mine.tld"}}}))
	roid := must(c.InfoHost(soon(t), "ns1.mine.tld")).ROID
	follows := func(name string, addresses ...string) {
		t.Helper()
		h := must(c.InfoHost(soon(t), name))
		if h.ROID != roid || !slices.Equal(h.Addresses, addresses) || !slices.Equal(h.Statuses, []string{"linked", "ok"}) {
			t.Errorf("%s: %+v", name, h)
		}
		for _, viewer := range []string{"also.tld", "theirs.tld"} {
			if d := must(c.InfoDomain(soon(t), viewer, "del", "")); !slices.Contains(d.Hosts, name) {
				t.Errorf("%s is delegated to %v, not to %s", viewer, d.Hosts, name)
			}
		}
	}
	// Within the registry all links follow, whosesoever they are.
	wantCode(t, "below another domain", rename("ns1.mine.tld", "ns1.also.tld", nil, nil), 1000)
	follows("ns1.also.tld", "192.0.2.1")
	_, err := c.InfoHost(soon(t), "ns1.mine.tld")
	wantCode(t, "the old name", err, 2303)
	if d := must(c.InfoDomain(soon(t), "also.tld", "sub", "")); !slices.Equal(d.Subordinates, []string{"ns1.also.tld"}) {
		t.Errorf("subordinates %v", d.Subordinates)
	}
	wantCode(t, "the old name again", rename("ns1.mine.tld", "x.also.tld", nil, nil), 2303)
	wantCode(t, "with another address", rename("ns1.also.tld", "ns1.mine.tld", []netip.Addr{two}, []netip.Addr{one}), 1000)
	follows("ns1.mine.tld", "192.0.2.2")
	wantCode(t, "without an address", rename("ns1.mine.tld", "ns3.mine.tld", nil, []netip.Addr{two}), 2003)

	// Out of it the addresses stay behind; from there it can't be moved while others are delegated to it.
	wantCode(t, "abroad with a new address", rename("ns1.mine.tld", "ns1.abroad.test", []netip.Addr{one}, nil), 2306)
	wantCode(t, "abroad", rename("ns1.mine.tld", "ns1.abroad.test", nil, nil), 1000)
	follows("ns1.abroad.test")
	wantCode(t, "abroad, with another's link", rename("ns1.abroad.test", "ns2.abroad.test", nil, nil), 2305)
	wantCode(t, "home, with another's link", rename("ns1.abroad.test", "ns1.mine.tld", []netip.Addr{one}, nil), 2305)
	must(other.UpdateDomain(soon(t), client.DomainUpdate{Name: "theirs.tld", Remove: client.DomainParts{Hosts: []string{"ns1.abroad.test"}}}))
	wantCode(t, "home without an address", rename("ns1.abroad.test", "ns1.mine.tld", nil, nil), 2003)
	wantCode(t, "home", rename("ns1.abroad.test", "ns1.mine.tld", []netip.Addr{one}, nil), 1000)
	wantCode(t, "abroad again, removing the address", rename("ns1.mine.tld", "ns2.abroad.test", nil, []netip.Addr{one}), 1000)
	wantCode(t, "the old name is free", rename("ns2.mine.tld", "ns1.mine.tld", nil, nil), 1000)
	_, err = other.UpdateHost(soon(t), client.HostUpdate{Name: "ns1.mine.tld", NewName: "ns1.theirs.tld"})
	wantCode(t, "another registrar's rename", err, 2201)
}
