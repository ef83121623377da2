package epp

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"quorate/epp/client"
	"quorate/fsm/registry"
)

// person is a contact that everything accepts.
func person(id string) client.Contact {
	return client.Contact{
		ID: id, Email: "jo@mail.test", AuthInfo: "2fooBAR", Voice: client.Phone{Number: "+49.301234567", Extension: "12"}, Fax: client.Phone{Number: "+49.301234568"},
		Postal: []client.PostalInfo{{Type: "int", Name: "Jo Doe", Org: "Doe & Sons <Ltd>", Street: []string{"Main Street 1", "2nd floor"}, City: "Berlin", Province: "BE", PostalCode: "10115", Country: "DE"}},
	}
}

// furnish makes a contact jd1234 and external hosts ns1 and ns2.
func furnish(t *testing.T, c *client.Client) {
	t.Helper()
	must(c.CreateContact(soon(t), person("jd1234")))
	must(c.CreateHost(soon(t), "ns1.elsewhere.test"))
	must(c.CreateHost(soon(t), "ns2.elsewhere.test"))
}

func TestDomainLife(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c, other := s.login(t, "reg1"), s.login(t, "reg2")
	furnish(t, c)
	created, err := c.CreateDomain(soon(t), client.DomainCreate{
		Name: "Life.Example", Years: 2, Hosts: []string{"NS2.elsewhere.test", "ns1.elsewhere.test"}, Registrant: "jd1234",
		Contacts: []client.DomainContact{{Type: "tech", ID: "jd1234"}, {Type: "admin", ID: "jd1234"}}, AuthInfo: "s3cret & <co>",
	})
	if err != nil || created.Name != "life.example" || !created.Expires.Equal(created.Created.AddDate(2, 0, 0)) {
		t.Fatalf("%+v, %v", created, err)
	}
	must(c.CreateHost(soon(t), "ns1.life.example", netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")))

	d := must(c.InfoDomain(soon(t), "LIFE.example", "", ""))
	if d.Name != "life.example" || d.Registrant != "jd1234" || d.AuthInfo != "s3cret & <co>" || d.Sponsor != "reg1" || d.Creator != "reg1" ||
		!d.Expires.Equal(created.Expires) || d.Updater != "" || !d.Updated.IsZero() || !strings.HasSuffix(d.ROID, "-QUORATE") ||
		!slices.Equal(d.Hosts, []string{"ns1.elsewhere.test", "ns2.elsewhere.test"}) || !slices.Equal(d.Subordinates, []string{"ns1.life.example"}) ||
		!slices.Equal(d.Contacts, []client.DomainContact{{Type: "admin", ID: "jd1234"}, {Type: "tech", ID: "jd1234"}}) || !slices.Equal(d.Statuses, []string{"ok"}) {
		t.Errorf("info: %+v", d)
	}
	for hosts, want := range map[string][2]int{"all": {2, 1}, "del": {2, 0}, "sub": {0, 1}, "none": {0, 0}} {
		d := must(c.InfoDomain(soon(t), "life.example", hosts, ""))
		if len(d.Hosts) != want[0] || len(d.Subordinates) != want[1] {
			t.Errorf("hosts=%s: %v, %v", hosts, d.Hosts, d.Subordinates)
		}
	}

	// Another registrar sees the object, and its authInfo only if it knows it.
	if d := must(other.InfoDomain(soon(t), "life.example", "", "")); d.AuthInfo != "" || d.Registrant != "jd1234" {
		t.Errorf("another registrar's info: %+v", d)
	}
	if d := must(other.InfoDomain(soon(t), "life.example", "", "s3cret & <co>")); d.AuthInfo != "s3cret & <co>" {
		t.Errorf("info with authInfo: %+v", d)
	}
	_, err = other.InfoDomain(soon(t), "life.example", "", "wrong")
	wantCode(t, "info with wrong authInfo", err, 2202)
	_, err = c.InfoDomain(soon(t), "life.example", "", "wrong")
	wantCode(t, "the sponsor's info with wrong authInfo", err, 2202)

	for name, try := range map[string]func() error{
		"renew": func() error { _, err := other.RenewDomain(soon(t), "life.example", created.Expires, 1); return err },
		"update": func() error {
			_, err := other.UpdateDomain(soon(t), client.DomainUpdate{Name: "life.example"})
			return err
		},
		"delete": func() error { _, err := other.DeleteDomain(soon(t), "life.example"); return err },
	} {
		wantCode(t, "another registrar's "+name, try(), 2201)
	}

	expires := must(c.RenewDomain(soon(t), "life.example", created.Expires, 3))
	if !expires.Equal(created.Expires.AddDate(3, 0, 0)) {
		t.Errorf("renewed until %v", expires)
	}
	_, err = c.RenewDomain(soon(t), "life.example", created.Expires, 1)
	wantCode(t, "renew from a wrong date", err, 2306)
	_, err = c.RenewDomain(soon(t), "life.example", expires, 6)
	wantCode(t, "renew beyond ten years", err, 2105)

	_, err = c.DeleteDomain(soon(t), "life.example")
	wantCode(t, "delete with a subordinate host", err, 2305)
	_, err = c.DeleteContact(soon(t), "jd1234")
	wantCode(t, "delete of a linked contact", err, 2305)
	_, err = c.DeleteHost(soon(t), "ns1.elsewhere.test")
	wantCode(t, "delete of a linked host", err, 2305)
	must(c.DeleteHost(soon(t), "ns1.life.example"))
	if r, err := c.DeleteDomain(soon(t), "life.example"); err != nil || r.Code != 1000 {
		t.Errorf("delete in the add grace period: %+v, %v", r, err)
	}
	_, err = c.InfoDomain(soon(t), "life.example", "", "")
	wantCode(t, "info of what is gone", err, 2303)
	for _, try := range []func() error{
		func() error { _, err := c.DeleteHost(soon(t), "ns1.elsewhere.test"); return err },
		func() error { _, err := c.DeleteContact(soon(t), "jd1234"); return err },
	} {
		wantCode(t, "delete of what was linked", try(), 1000)
	}
}

func TestDomainDeleteLater(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c := s.login(t, "reg1")
	must(c.CreateDomain(soon(t), client.DomainCreate{Name: "later.tld"}))
	s.registry.wait(t, 6*registry.Day)
	r, err := c.DeleteDomain(soon(t), "later.tld")
	if err != nil || r.Code != 1001 {
		t.Fatalf("%+v, %v", r, err)
	}
	if d := must(c.InfoDomain(soon(t), "later.tld", "", "")); !slices.Contains(d.Statuses, "pendingDelete") || d.Updater != "reg1" || d.Updated.IsZero() {
		t.Errorf("%+v", d)
	}
	if all := must(c.CheckDomains(soon(t), "later.tld")); all[0].Available || all[0].Reason != "Pending delete" {
		t.Errorf("%+v", all)
	}
}

func TestDomainUpdate(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c := s.login(t, "reg1")
	furnish(t, c)
	must(c.CreateContact(soon(t), person("jd5678")))
	must(c.CreateDomain(soon(t), client.DomainCreate{Name: "up.example", Registrant: "jd1234", Hosts: []string{"ns1.elsewhere.test"}, AuthInfo: "2fooBAR"}))
	parts := func(hosts, statuses []string, contacts ...client.DomainContact) client.DomainParts {
		return client.DomainParts{Hosts: hosts, Statuses: statuses, Contacts: contacts}
	}
	ptr := func(s string) *string { return &s }
	hold, noUpdate := []string{"clientHold"}, []string{"clientUpdateProhibited"}
	for _, row := range []struct {
		what string
		u    client.DomainUpdate
		want int
	}{
		{"nothing", client.DomainUpdate{}, 1000},
		{"add a host", client.DomainUpdate{Add: parts([]string{"ns2.elsewhere.test"}, nil)}, 1000},
		{"add it again", client.DomainUpdate{Add: parts([]string{"ns2.elsewhere.test"}, nil)}, 2306},
		{"add an unknown host", client.DomainUpdate{Add: parts([]string{"ns3.elsewhere.test"}, nil)}, 2303},
		{"remove a host", client.DomainUpdate{Remove: parts([]string{"ns1.elsewhere.test"}, nil)}, 1000},
		{"remove it again", client.DomainUpdate{Remove: parts([]string{"ns1.elsewhere.test"}, nil)}, 2306},
		{"add a contact", client.DomainUpdate{Add: parts(nil, nil, client.DomainContact{Type: "billing", ID: "jd5678"})}, 1000},
		{"add an unknown contact", client.DomainUpdate{Add: parts(nil, nil, client.DomainContact{Type: "tech", ID: "nobody"})}, 2303},
		{"another registrant", client.DomainUpdate{Registrant: ptr("jd5678")}, 1000},
		{"no registrant in a thick TLD", client.DomainUpdate{Registrant: ptr("")}, 2003},
		{"other authInfo", client.DomainUpdate{AuthInfo: ptr("s3cret")}, 1000},
		{"add a status", client.DomainUpdate{Add: parts(nil, hold)}, 1000},
		{"add it again", client.DomainUpdate{Add: parts(nil, hold)}, 2306},
		{"a status twice", client.DomainUpdate{Remove: parts(nil, []string{"clientHold", "clientHold"})}, 2306},
		{"remove it", client.DomainUpdate{Remove: parts(nil, hold)}, 1000},
		{"remove it again", client.DomainUpdate{Remove: parts(nil, hold)}, 2306},
		{"a server's status", client.DomainUpdate{Add: parts(nil, []string{"serverHold"})}, 2306},
		{"ok", client.DomainUpdate{Add: parts(nil, []string{"ok"})}, 2306},
		{"a host's status", client.DomainUpdate{Add: parts(nil, []string{"linked"})}, 2001},
		{"no status", client.DomainUpdate{Add: parts(nil, []string{"bogus"})}, 2001},
		{"lock it", client.DomainUpdate{Add: parts(nil, noUpdate)}, 1000},
		{"locked", client.DomainUpdate{Add: parts(nil, hold)}, 2304},
		{"unlock it", client.DomainUpdate{Remove: parts(nil, noUpdate)}, 1000},
		{"of another name", client.DomainUpdate{Name: "none.example"}, 2303},
	} {
		if row.u.Name == "" {
			row.u.Name = "up.example"
		}
		_, err := c.UpdateDomain(soon(t), row.u)
		wantCode(t, row.what, err, row.want)
	}
	d := must(c.InfoDomain(soon(t), "up.example", "", ""))
	if d.Registrant != "jd5678" || d.AuthInfo != "s3cret" || !slices.Equal(d.Hosts, []string{"ns2.elsewhere.test"}) || !slices.Equal(d.Statuses, []string{"ok"}) || d.Updater != "reg1" {
		t.Errorf("%+v", d)
	}
	must(c.UpdateDomain(soon(t), client.DomainUpdate{Name: "up.example", AuthInfo: ptr("")}))
	if d := must(c.InfoDomain(soon(t), "up.example", "", "")); d.AuthInfo != "" {
		t.Errorf("authInfo after null: %q", d.AuthInfo)
	}
	// What is unset can't be guessed.
	r := send(t, c, commandDoc(`<info><domain:info xmlns:domain="`+nsDomain+`"><domain:name>up.example</domain:name><domain:authInfo><domain:pw/></domain:authInfo></domain:info></info>`))
	if r.Code != 2202 {
		t.Errorf("empty authInfo for none: %d", r.Code)
	}
}

func TestDomainCheck(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c := s.login(t, "reg1")
	must(c.CreateDomain(soon(t), client.DomainCreate{Name: "taken.tld"}))
	want := []client.Availability{
		{Name: "free.tld", Available: true},
		{Name: "taken.tld", Reason: "In use"},
		{Name: "free.zz--main-1234", Available: true},
		{Name: "-bad.tld", Reason: "Hyphen at the end of a label"},
		{Name: "a_b.tld", Reason: "Character not allowed"},
		{Name: "ü.tld", Reason: "Character not allowed"},
		{Name: "a..tld", Reason: "Empty label"},
		{Name: "a.tld.", Reason: "Empty label"},
		{Name: strings.Repeat("x", 64) + ".tld", Reason: "Label too long"},
		{Name: "xx--abc.tld", Reason: "Hyphens in 3rd and 4th place"},
		{Name: "www.tld", Reason: "the name is reserved"},
		{Name: "a.unknown", Reason: "no TLD of this registry"},
		{Name: "a.b.tld", Reason: "not directly below the TLD"},
		{Name: "tld", Reason: "no TLD of this registry"},
	}
	var names []string
	for _, a := range want {
		names = append(names, a.Name)
	}
	names[0] = "FREE.tld"
	if got := must(c.CheckDomains(soon(t), names...)); !slices.Equal(got, want) {
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%+v, want %+v", got[i], want[i])
			}
		}
	}
	many := make([]string, MaxCheck+1)
	for i := range many {
		many[i] = fmt.Sprintf("%s%d.tld", strings.Repeat("x", 55), i)
	}
	_, err := c.CheckDomains(soon(t), many...)
	wantCode(t, "too many", err, 2306)
	all, err := c.CheckDomains(soon(t), many[:MaxCheck]...)
	if err != nil || len(all) != MaxCheck {
		t.Errorf("%d, %v", len(all), err)
	}
}

// The password of a domain's registrant opens the domain too, if the client says whose it is (RFC 5731 §3.1.2).
func TestAuthInfoOfAContact(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c, other := s.login(t, "reg1"), s.login(t, "reg2")
	furnish(t, c)
	must(c.CreateContact(soon(t), person("stranger")))
	must(c.CreateDomain(soon(t), client.DomainCreate{Name: "roid.example", Registrant: "jd1234", AuthInfo: "s3cret"}))
	roid := must(c.InfoContact(soon(t), "jd1234", "")).ROID
	strange := must(c.InfoContact(soon(t), "stranger", "")).ROID
	own := must(c.InfoDomain(soon(t), "roid.example", "", "")).ROID
	for _, row := range []struct {
		roid, pw string
		want     int
	}{
		{roid, "2fooBAR", 1000}, {own, "s3cret", 1000}, {roid, "s3cret", 2202}, {strange, "2fooBAR", 2202}, {"C99-QUORATE", "2fooBAR", 2202}, {"nonsense", "2fooBAR", 2001}, {"", "2fooBAR", 2001},
	} {
		r := send(t, other, commandDoc(`<info><domain:info xmlns:domain="`+nsDomain+`"><domain:name>roid.example</domain:name><domain:authInfo><domain:pw roid="`+
			row.roid+`">`+row.pw+`</domain:pw></domain:authInfo></domain:info></info>`))
		if r.Code != row.want {
			t.Errorf("roid %s, %s: %d; want %d", row.roid, row.pw, r.Code, row.want)
		}
	}
}

func TestDomainCreateRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c, poor := s.login(t, "reg1"), s.login(t, "poor")
	furnish(t, c)
	_, err := poor.CreateDomain(soon(t), client.DomainCreate{Name: "broke.tld"})
	wantCode(t, "without funds", err, 2104)
	must(c.CreateDomain(soon(t), client.DomainCreate{Name: "once.tld"}))
	for _, row := range []struct {
		what string
		d    client.DomainCreate
		want int
	}{
		{"taken", client.DomainCreate{Name: "once.tld"}, 2302},
		{"no registrant", client.DomainCreate{Name: "a.example"}, 2003},
		{"registrant in a thin TLD", client.DomainCreate{Name: "a.tld", Registrant: "jd1234"}, 2306},
		{"unknown registrant", client.DomainCreate{Name: "a.example", Registrant: "nobody"}, 2303},
		{"unknown host", client.DomainCreate{Name: "a.tld", Hosts: []string{"ns9.elsewhere.test"}}, 2303},
		{"bad host", client.DomainCreate{Name: "a.tld", Hosts: []string{"ns_9.elsewhere.test"}}, 2005},
		{"bad label", client.DomainCreate{Name: "a!.tld"}, 2005},
		{"long label", client.DomainCreate{Name: strings.Repeat("a", 64) + ".tld"}, 2005},
		{"invalid A-label", client.DomainCreate{Name: "xn--abcdefgh.tld"}, 2306},
		{"hyphens", client.DomainCreate{Name: "xx--abc.tld"}, 2306},
		{"reserved", client.DomainCreate{Name: "nic.tld"}, 2306},
		{"eleven years", client.DomainCreate{Name: "a.tld", Years: 11}, 2004},
		{"a hundred years", client.DomainCreate{Name: "a.tld", Years: 100}, 2001},
		{"long authInfo", client.DomainCreate{Name: "a.tld", AuthInfo: strings.Repeat("x", MaxAuthInfo+1)}, 2306},
		{"contact without an ID", client.DomainCreate{Name: "a.example", Registrant: "jd1234", Contacts: []client.DomainContact{{Type: "tech"}}}, 2001},
		{"contact of another type", client.DomainCreate{Name: "a.example", Registrant: "jd1234", Contacts: []client.DomainContact{{Type: "legal", ID: "jd1234"}}}, 2001},
	} {
		_, err := c.CreateDomain(soon(t), row.d)
		wantCode(t, row.what, err, row.want)
	}
}

// A client learns what was wrong and why.
func TestErrorsNameTheOffender(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c := s.login(t, "poor")
	create := func(inner string) string {
		return commandDoc(`<create><domain:create xmlns:domain="` + nsDomain + `">` + inner + `</domain:create></create>`)
	}
	const auth = `<domain:authInfo><domain:pw>2fooBAR</domain:pw></domain:authInfo>`
	for _, row := range []struct {
		doc            string
		code           int
		element, value string
	}{
		{create(`<domain:name>x!.tld</domain:name>` + auth), 2005, "name", "x!.tld"},
		{create(`<domain:name>ok.tld</domain:name><domain:period unit="y">0</domain:period>` + auth), 2001, "period", "0"},
		{create(`<domain:name>ok.tld</domain:name>`), 2001, "create", ""},
		{create(`<domain:name>ok.tld</domain:name>` + auth), 2104, "create", ""}, // a reason without an element stands beside the command's
		{create(`<domain:name>ok.tld</domain:name><domain:authInfo><domain:pw>` + strings.Repeat("2fooBAR", 30) + `</domain:pw></domain:authInfo>`), 2306, "pw", ""},
		{commandDoc(`<check><x:check xmlns:x="urn:example:x">y</x:check></check>`), 2307, "check", "y"},
		{commandDoc(`<bogus/>`), 2000, "bogus", ""},
		{"no XML", 2001, "epp", ""},
	} {
		r := send(t, c, row.doc)
		if r.Code != row.code || len(r.Details) != 1 || r.Details[0].Element != row.element || r.Details[0].Value != row.value || r.Details[0].Reason == "" {
			t.Errorf("%d %+v\nfor %s", r.Code, r.Details, row.doc)
		}
	}
}

func TestTimesAreUTC(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c := s.login(t, "reg1")
	d := must(c.CreateDomain(soon(t), client.DomainCreate{Name: "utc.tld"}))
	if _, offset := d.Created.Zone(); offset != 0 || d.Created.UnixMilli() != int64(testNow) {
		t.Errorf("created %v", d.Created)
	}
	for date, want := range map[string]int{
		"2027-03-01": 1000, "2028-03-01Z": 1000, "2029-03-01+02:00": 1000,
		"2027-02-29": 2001, "2027-13-01": 2001, "2027-00-10": 2001, "27-03-01": 2001, "2027-03-01T00:00:00Z": 2001, "": 2001,
	} {
		// Maps have no order, so the passing rows renew from whatever the date is by then.
		if want == 1000 {
			now := must(c.InfoDomain(soon(t), "utc.tld", "", "")).Expires
			date = now.Format(time.DateOnly) + strings.TrimPrefix(date, date[:10])
		}
		r := send(t, c, commandDoc(`<renew><domain:renew xmlns:domain="`+nsDomain+`"><domain:name>utc.tld</domain:name><domain:curExpDate>`+date+`</domain:curExpDate></domain:renew></renew>`))
		if r.Code != want {
			t.Errorf("curExpDate %q: %d; want %d", date, r.Code, want)
		}
	}
}
