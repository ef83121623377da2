package rst

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"quorate/epp/xmltree"
)

var hostColumns = []string{"name", "createParentFirst", "ip", "addr"}

// createHosts is epp-11.
func createHosts(ctx context.Context, t *trial) error {
	if t.in.HostModel == attributes {
		return skip("host attributes")
	}
	s, err := t.login(ctx, t.one)
	if err != nil {
		return err
	}
	rows, err := t.rows("epp-11-data", hostColumns...)
	if err != nil {
		return err
	}
	return t.eachTLD(func(tld string) error {
		e := evaluator{t: t, tld: tld}
		parents := map[string]bool{}
		for _, r := range rows {
			cells, err := e.next(r, hostColumns...)
			if err != nil {
				return err
			}
			name := cells["name"]
			if parent, below := parentOf(name, tld); below && cells["createParentFirst"] == "true" && !parents[parent] {
				if err := s.makeNamed(ctx, parent); err != nil {
					return err
				}
				parents[parent] = true
			}
			version, address := cells["ip"], cells["addr"]
			if version == cellEmpty {
				version = ""
			}
			if address == cellEmpty {
				address = ""
			}
			got, err := s.do(ctx, "%s", hostCreate(name, hostAddress(version, address)))
			if err != nil {
				return err
			}
			if !t.judge(r, got) || !r.passes() {
				continue
			}
			if got, err = s.do(ctx, "%s", infoOf("host", name)); err != nil {
				return err
			}
			switch {
			case got.failed():
				t.about(got, "EPP_HOST_CREATE_INFO_RESPONSE_OBJECT_DOES_NOT_EXIST", "info of %s", name)
			case !strings.EqualFold(text(got.data, "name"), name) || version != "" && !hasAddress(got.data, version, address):
				t.about(got, "EPP_HOST_CREATE_INFO_RESPONSE_MISSING_OBJECT_PROPERTIES", "info of %s", name)
			}
		}
		return nil
	})
}

// makeNamed makes a domain of that name.
func (s *session) makeNamed(ctx context.Context, name string) error {
	f, err := s.furnish(ctx)
	if err != nil {
		return err
	}
	_, err = s.must(ctx, "%s", s.domain(f, name, "1"))
	return err
}

// hasAddress says whether a host's data has an address, however it is written.
func hasAddress(e *xmltree.Element, version, address string) bool {
	if e == nil {
		return false
	}
	want, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	for i := range e.Children {
		c := &e.Children[i]
		if !c.Is(e.Space, "addr") {
			continue
		}
		kind, given := c.Attr("ip")
		if !given {
			kind = "v4"
		}
		if got, err := netip.ParseAddr(c.Token()); err == nil && got == want && kind == version {
			return true
		}
	}
	return false
}

// hostAccess is epp-12.
func hostAccess(ctx context.Context, t *trial) error {
	if t.in.HostModel == attributes {
		return skip("host attributes")
	}
	s, err := t.login(ctx, t.one)
	if err != nil {
		return err
	}
	outside, err := s.makeExternal(ctx)
	if err != nil {
		return err
	}
	inside, err := s.makeInternal(ctx, t.firstTLD())
	if err != nil {
		return err
	}
	stranger, err := t.login(ctx, t.two)
	if err != nil {
		return err
	}
	for _, update := range []string{
		hostUpdate(outside, statusList("host", "clientUpdateProhibited"), "", ""),
		hostUpdate(outside, "", "", "ns1."+t.label()+".icann"),
		hostUpdate(inside, hostAddress("v4", "192.31.196.10"), "", ""),
		hostUpdate(inside, statusList("host", "clientUpdateProhibited"), "", ""),
	} {
		r, err := stranger.do(ctx, "%s", update)
		if err != nil {
			return err
		}
		if r.code != 2201 {
			t.about(r, "EPP_HOST_UPDATE_AUTHZ_ERROR", "another registrar's update of a host")
		}
	}
	return nil
}

// makeInternal makes a host with an address below a domain of its own.
func (s *session) makeInternal(ctx context.Context, tld string) (string, error) {
	d, err := s.makeDomain(ctx, tld, "1")
	if err != nil {
		return "", err
	}
	name := "ns1." + d.name
	_, err = s.must(ctx, "%s", hostCreate(name, hostAddress("v4", "192.31.196.7")))
	return name, err
}

// updateHosts is epp-13.
func updateHosts(ctx context.Context, t *trial) error {
	if t.in.HostModel == attributes {
		return skip("host attributes")
	}
	s, err := t.login(ctx, t.one)
	if err != nil {
		return err
	}
	return t.eachTLD(func(tld string) error {
		name, err := s.makeInternal(ctx, tld)
		if err != nil {
			return err
		}
		if err := s.changeStatuses(ctx, "host", name, "epp-13-status-data"); err != nil {
			return err
		}
		return s.changeAddresses(ctx, name)
	})
}

// changeAddresses adds and removes addresses as the rows say, and looks at what the host has then.
func (s *session) changeAddresses(ctx context.Context, name string) error {
	t := s.t
	columns := []string{"action", "ip", "addr"}
	rows, err := t.rows("epp-13-addr-data", columns...)
	if err != nil {
		return err
	}
	e := evaluator{t: t}
	for _, r := range rows {
		cells, err := e.next(r, columns...)
		if err != nil {
			return err
		}
		address := cells["addr"]
		if address == cellEmpty {
			address = ""
		}
		add, rem := hostAddress(cells["ip"], address), ""
		if cells["action"] == "rem" {
			add, rem = "", add
		}
		got, err := s.do(ctx, "%s", hostUpdate(name, add, rem, ""))
		if err != nil {
			return err
		}
		if !t.judge(r, got) || !r.passes() {
			continue
		}
		if got, err = s.do(ctx, "%s", infoOf("host", name)); err != nil {
			return err
		}
		switch {
		case got.failed():
			t.about(got, "EPP_HOST_UPDATE_INFO_RESPONSE_OBJECT_DOES_NOT_EXIST", "info of %s", name)
		case hasAddress(got.data, cells["ip"], address) != (cells["action"] == "add"):
			t.about(got, "EPP_HOST_UPDATE_INFO_RESPONSE_MISSING_OBJECT_PROPERTIES", "info of %s after %s", name, r.source)
		}
	}
	return nil
}

// renameHosts is epp-23.
func renameHosts(ctx context.Context, t *trial) error {
	if t.in.HostModel == attributes {
		return skip("host attributes")
	}
	s, err := t.login(ctx, t.one)
	if err != nil {
		return err
	}
	rows, err := t.rows("epp-23-data", "name")
	if err != nil {
		return err
	}
	if err := t.eachTLD(func(tld string) error { return s.renames(ctx, tld, rows) }); err != nil {
		return err
	}
	for _, registered := range t.in.RegisteredNames {
		if err := s.renameUnder(ctx, registered); err != nil {
			return err
		}
	}
	return s.renameLinked(ctx)
}

// renames renames a host as the rows say, and into a domain of the client's own.
func (s *session) renames(ctx context.Context, tld string, rows []row) error {
	t := s.t
	name, err := s.makeExternal(ctx)
	if err != nil {
		return err
	}
	e := evaluator{t: t, tld: tld}
	for _, r := range rows {
		cells, err := e.next(r, "name")
		if err != nil {
			return err
		}
		got, err := s.do(ctx, "%s", hostUpdate(name, "", "", cells["name"]))
		if err != nil {
			return err
		}
		if r.passes() && got.failed() && strings.HasSuffix(cells["name"], ".icann") {
			t.about(got, "EPP_HOST_RENAME_SERVER_REJECTS_EXTERNAL_NAME", "%s", r.source)
			continue
		}
		if !t.judge(r, got) || !r.passes() {
			continue
		}
		if err := s.renamed(ctx, name, cells["name"]); err != nil {
			return err
		}
		name = cells["name"]
	}
	return s.renameIntoOwn(ctx, name, tld)
}

// renameIntoOwn places an external host within a domain of the client's own, with and without an address, and renames it there.
func (s *session) renameIntoOwn(ctx context.Context, name, tld string) error {
	own, err := s.makeDomain(ctx, tld, "1")
	if err != nil {
		return err
	}
	for i, label := range []string{"ns1", "ns2"} {
		address := ""
		if i == 0 {
			address = hostAddress("v4", "192.31.196.11")
		}
		to := label + "." + own.name
		r, err := s.do(ctx, "%s", hostUpdate(name, address, "", to))
		if err != nil {
			return err
		}
		if r.failed() {
			s.t.about(r, "EPP_HOST_RENAME_SERVER_UNEXPECTEDLY_REJECTS_RENAME", "of %s to %s, below a domain of the client's own", name, to)
			return nil
		}
		if err := s.renamed(ctx, name, to); err != nil {
			return err
		}
		name = to
	}
	bare, err := s.makeExternal(ctx)
	if err != nil {
		return err
	}
	r, err := s.do(ctx, "%s", hostUpdate(bare, "", "", "ns3."+own.name))
	if err == nil && r.failed() {
		s.t.remark("a host without addresses can't be renamed to below a domain of the client's own: %d %s", r.code, r.text())
	}
	return err
}

// renamed looks whether a host has its new name, and no longer the old one.
func (s *session) renamed(ctx context.Context, from, to string) error {
	for name, want := range map[string]int{to: 1000, from: 2303} {
		r, err := s.do(ctx, "%s", infoOf("host", name))
		if err != nil {
			return err
		}
		if r.code != want {
			s.t.about(r, "EPP_HOST_RENAME_OBJECT_NOT_RENAMED", "info of %s after a rename of %s to %s", name, from, to)
		}
	}
	return nil
}

// renameUnder tries to place a host within another registrar's domain.
func (s *session) renameUnder(ctx context.Context, registered string) error {
	r, err := s.must(ctx, "%s", checkOf("domain", "name", registered))
	if err != nil {
		return err
	}
	if slices.Contains([]string{"1", "true"}, availability(r, "name")) {
		return problem(wrongFailure, "epp.registeredNames: %s is available", registered)
	}
	name, err := s.makeExternal(ctx)
	if err != nil {
		return err
	}
	for _, address := range []string{"", hostAddress("v4", "192.31.196.12")} {
		r, err := s.do(ctx, "%s", hostUpdate(name, address, "", s.t.letters(8)+"."+registered))
		if err != nil {
			return err
		}
		if !r.failed() {
			s.t.about(r, "EPP_HOST_RENAME_SERVER_ACCEPTS_RENAME_TO_ANOTHER_REGISTRARS_DOMAIN", "%s", registered)
			return nil
		}
	}
	return nil
}

// renameLinked tries to rename an external host that another client's domain is delegated to.
func (s *session) renameLinked(ctx context.Context) error {
	host, err := s.makeExternal(ctx)
	if err != nil {
		return err
	}
	other, err := s.t.login(ctx, s.t.two)
	if err != nil {
		return err
	}
	f, err := other.furnish(ctx)
	if err != nil {
		return err
	}
	f.ns = nsElement(objects, []nameserver{{name: host}, {name: f.made.hosts[0]}})
	if _, err := other.must(ctx, "%s", other.domain(f, s.t.label()+"."+s.t.firstTLD(), "1")); err != nil {
		return err
	}
	r, err := s.do(ctx, "%s", hostUpdate(host, "", "", "ns1."+s.t.label()+".icann"))
	if err != nil {
		return err
	}
	if r.code != 2305 {
		s.t.about(r, "EPP_HOST_RENAME_SERVER_INCORRECTLY_ACCEPTS_RENAME", "of a host that another client's domain is delegated to")
	}
	return nil
}
