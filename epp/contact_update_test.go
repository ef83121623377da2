package epp

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"quorate/epp/client"
)

func contactUpdate(id, inner string) string {
	return commandDoc(`<update><contact:update xmlns:contact="` + nsContact + `"><contact:id>` + id + `</contact:id>` + inner + `</contact:update></update>`)
}

func TestContactUpdate(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c, other := s.login(t, "reg1"), s.login(t, "reg2")
	want := person("sh8013")
	must(c.CreateContact(soon(t), want))
	name, org, email, none, auth := "Jane Dœ", "Œuvre", "jane@elsewhere.test", "", "s3cret"
	check := func(what string) {
		t.Helper()
		got := must(c.InfoContact(soon(t), "sh8013", ""))
		if got.Updater != "reg1" || got.Updated.IsZero() {
			t.Errorf("%s: updated %v by %q", what, got.Updated, got.Updater)
		}
		shown := *got
		shown.Object = client.Object{}
		if !reflect.DeepEqual(shown, want) {
			t.Errorf("%s: info\n%+v\nwant\n%+v", what, shown, want)
		}
	}

	// One form is added, of the other only the organisation goes.
	loc := client.PostalInfo{Type: "loc", Name: name, Org: org, Street: []string{"Große Straße 1"}, City: "Köln", Province: "NW", PostalCode: "50667", Country: "DE"}
	must(c.UpdateContact(soon(t), client.ContactUpdate{ID: "sh8013", Postal: []client.PostalChange{
		{Type: "int", Org: &none}, {Type: "loc", Name: &name, Org: &org, Address: &loc},
	}}))
	want.Postal[0].Org = ""
	want.Postal = append(want.Postal, loc)
	check("a form added")

	// An address is replaced as a whole.
	must(c.UpdateContact(soon(t), client.ContactUpdate{
		ID: "sh8013", Postal: []client.PostalChange{{Type: "int", Address: &client.PostalInfo{City: "Oslo", Country: "NO"}}},
		Voice: &client.Phone{Number: "+47.5"}, Fax: &client.Phone{}, Email: &email, AuthInfo: &auth,
		Disclose: &client.Disclose{Elements: []string{"email", "org:loc", "name:int"}},
	}))
	p := &want.Postal[0]
	p.Street, p.City, p.Province, p.PostalCode, p.Country = nil, "Oslo", "", "", "NO"
	want.Voice, want.Fax, want.Email, want.AuthInfo = client.Phone{Number: "+47.5"}, client.Phone{}, email, auth
	want.Disclose = &client.Disclose{Elements: []string{"name:int", "org:loc", "email"}}
	check("all else")

	must(c.UpdateContact(soon(t), client.ContactUpdate{ID: "sh8013", Disclose: &client.Disclose{Flag: true, Elements: []string{"voice"}}}))
	want.Disclose = &client.Disclose{Flag: true, Elements: []string{"voice"}}
	check("another wish")
	must(c.UpdateContact(soon(t), client.ContactUpdate{ID: "sh8013", Disclose: &client.Disclose{}, AuthInfo: &none}))
	want.Disclose, want.AuthInfo = nil, ""
	check("no wish")

	_, err := other.UpdateContact(soon(t), client.ContactUpdate{ID: "sh8013", Email: &email})
	wantCode(t, "another registrar's update", err, 2201)
	_, err = c.UpdateContact(soon(t), client.ContactUpdate{ID: "none", Email: &email})
	wantCode(t, "update of none", err, 2303)
	for _, p := range []client.PostalChange{{Type: "loc", Name: &name}, {Type: "loc", Address: &loc}} {
		must(c.CreateContact(soon(t), person("int-only")))
		_, err = c.UpdateContact(soon(t), client.ContactUpdate{ID: "int-only", Postal: []client.PostalChange{p}})
		wantCode(t, "half of a form that isn't there", err, 2003)
		must(c.DeleteContact(soon(t), "int-only"))
	}
}

// What a contact can be created with it can be changed to, and nothing else.
func TestContactUpdateForms(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c := s.login(t, "reg1")
	must(c.CreateContact(soon(t), person("sh8013")))
	chg := func(inner string) string { return `<contact:chg>` + inner + `</contact:chg>` }
	info := func(inner string) string {
		return chg(`<contact:postalInfo type="int">` + inner + `</contact:postalInfo>`)
	}
	addr := func(inner string) string { return info(`<contact:addr>` + inner + `</contact:addr>`) }
	long, local := strings.Repeat("x", 256), strings.Repeat("x", 65)
	for _, row := range []struct {
		what, inner string
		want        int
	}{
		{"nothing", "", 2003},
		{"empty add, rem and chg, as a stock client sends them", `<contact:add/><contact:rem/><contact:chg/>`, 1000},
		{"rem before add", `<contact:rem/><contact:add/>`, 2001},
		{"text", `<contact:chg>x</contact:chg>`, 2001},
		{"another element", chg(`<contact:id>sh8014</contact:id>`), 2001},
		{"another element to add", `<contact:add><contact:voice>+1.5</contact:voice></contact:add>`, 2001},
		{"an empty form", info(""), 1000},
		{"an unknown form", chg(`<contact:postalInfo type="tni"/>`), 2001},
		{"a form without a type", chg(`<contact:postalInfo/>`), 2001},
		{"a form of no type", chg(`<contact:postalInfo type=""/>`), 2001},
		{"one form twice", chg(`<contact:postalInfo type="int"/><contact:postalInfo type="int"/>`), 2306},
		{"three forms", chg(strings.Repeat(`<contact:postalInfo type="int"/>`, 3)), 2001},
		{"a name", info(`<contact:name>Jo</contact:name>`), 1000},
		{"an empty name", info(`<contact:name/>`), 2001},
		{"a blank name", info(`<contact:name> </contact:name>`), 2005},
		{"a long name", info(`<contact:name>` + long + `</contact:name>`), 2001},
		{"a name not in ASCII", info(`<contact:name>Jö</contact:name>`), 2005},
		{"a long organisation", info(`<contact:org>` + long + `</contact:org>`), 2001},
		{"org before name", info(`<contact:org/><contact:name>Jo</contact:name>`), 2001},
		{"an address", addr(`<contact:city>C</contact:city><contact:cc>DE</contact:cc>`), 1000},
		{"three streets", addr(`<contact:street>S</contact:street><contact:street/><contact:street>S</contact:street><contact:city>C</contact:city><contact:cc>DE</contact:cc>`), 1000},
		{"four streets", addr(strings.Repeat(`<contact:street>S</contact:street>`, 4) + `<contact:city>C</contact:city><contact:cc>DE</contact:cc>`), 2001},
		{"a long street", addr(`<contact:street>` + long + `</contact:street><contact:city>C</contact:city><contact:cc>DE</contact:cc>`), 2001},
		{"no city", addr(`<contact:cc>DE</contact:cc>`), 2001},
		{"an empty city", addr(`<contact:city/><contact:cc>DE</contact:cc>`), 2001},
		{"a long city", addr(`<contact:city>` + long + `</contact:city><contact:cc>DE</contact:cc>`), 2001},
		{"a long province", addr(`<contact:city>C</contact:city><contact:sp>` + long + `</contact:sp><contact:cc>DE</contact:cc>`), 2001},
		{"a long postal code", addr(`<contact:city>C</contact:city><contact:pc>12345678901234567</contact:pc><contact:cc>DE</contact:cc>`), 2001},
		{"empty province and postal code", addr(`<contact:city>C</contact:city><contact:sp/><contact:pc/><contact:cc>DE</contact:cc>`), 1000},
		{"no country", addr(`<contact:city>C</contact:city>`), 2001},
		{"an empty country", addr(`<contact:city>C</contact:city><contact:cc/>`), 2001},
		{"an unknown country", addr(`<contact:city>C</contact:city><contact:cc>XX</contact:cc>`), 2004},
		{"half a country", addr(`<contact:city>C</contact:city><contact:cc>U</contact:cc>`), 2001},
		{"a country of three letters", addr(`<contact:city>C</contact:city><contact:cc>USA</contact:cc>`), 2001},
		{"voice", chg(`<contact:voice x="1234">+1.12345678901234</contact:voice>`), 1000},
		{"an empty voice", chg(`<contact:voice/>`), 2005},
		{"an empty fax", chg(`<contact:fax/>`), 1000},
		{"voice twice", chg(`<contact:voice>+1.5</contact:voice><contact:voice>+1.5</contact:voice>`), 2001},
		{"e-mail", chg(`<contact:email>a.b+c@d.test</contact:email>`), 1000},
		{"an empty e-mail", chg(`<contact:email/>`), 2001},
		{"e-mail without an at", chg(`<contact:email>example</contact:email>`), 2005},
		{"e-mail that is a domain", chg(`<contact:email>example.example</contact:email>`), 2005},
		{"e-mail of nobody", chg(`<contact:email>@example.com</contact:email>`), 2005},
		{"e-mail of nobody nowhere", chg(`<contact:email>@</contact:email>`), 2005},
		{"e-mail of a long name", chg(`<contact:email>` + local + `@example.com</contact:email>`), 2005},
		{"e-mail of the longest name", chg(`<contact:email>` + local[1:] + `@example.com</contact:email>`), 1000},
		{"authInfo", chg(`<contact:authInfo><contact:pw>2fooBAR</contact:pw></contact:authInfo>`), 1000},
		{"no authInfo", chg(`<contact:authInfo><contact:pw/></contact:authInfo>`), 1000},
		{"null, which domains have", chg(`<contact:authInfo><contact:null/></contact:authInfo>`), 2001},
		{"authInfo in another form", chg(`<contact:authInfo><contact:ext><x:y xmlns:x="urn:example:x"/></contact:ext></contact:authInfo>`), 2102},
		{"disclose", chg(`<contact:disclose flag="1"><contact:name type="int"/><contact:voice/></contact:disclose>`), 1000},
		{"disclose nothing", chg(`<contact:disclose flag="0"/>`), 1000},
		{"disclose without a flag", chg(`<contact:disclose><contact:voice/></contact:disclose>`), 2001},
		{"disclose out of order", chg(`<contact:disclose flag="1"><contact:email/><contact:voice/></contact:disclose>`), 2001},
		{"e-mail before voice", chg(`<contact:email>a@b.test</contact:email><contact:voice>+1.5</contact:voice>`), 2001},
	} {
		if r := send(t, c, contactUpdate("sh8013", row.inner)); r.Code != row.want {
			t.Errorf("%s: %d, %v; want %d", row.what, r.Code, r.Err(), row.want)
		}
	}
	for _, number := range []string{"+12345", "+1111.1", "55", "+1.", "+1.123456789012345", "+1.a", "+a.1"} {
		for _, of := range []string{"voice", "fax"} {
			if r := send(t, c, contactUpdate("sh8013", chg(`<contact:`+of+`>`+number+`</contact:`+of+`>`))); r.Code != 2001 {
				t.Errorf("%s %s: %d, %v; want 2001", of, number, r.Code, r.Err())
			}
		}
	}
}

func TestContactStatuses(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c := s.login(t, "reg1")
	must(c.CreateContact(soon(t), person("sh8013")))
	email := "a@b.test"
	change := func(add, remove string) (err error) {
		_, err = c.UpdateContact(soon(t), client.ContactUpdate{ID: "sh8013", Add: strings.Fields(add), Remove: strings.Fields(remove)})
		return err
	}
	mine := []string{"clientDeleteProhibited", "clientTransferProhibited", "clientUpdateProhibited"}
	for _, status := range mine {
		wantCode(t, "remove "+status+", which isn't there", change("", status), 2306)
		wantCode(t, "add "+status, change(status, ""), 1000)
		again := 2306
		if status == "clientUpdateProhibited" {
			again = 2304
		}
		wantCode(t, "add "+status+" again", change(status, ""), again)
		if n := must(c.InfoContact(soon(t), "sh8013", "")); !slices.Equal(n.Statuses, []string{status}) {
			t.Errorf("statuses %v, want %s", n.Statuses, status)
		}
		_, err := c.UpdateContact(soon(t), client.ContactUpdate{ID: "sh8013", Email: &email})
		_, removed := c.UpdateContact(soon(t), client.ContactUpdate{ID: "sh8013", Email: &email, Remove: []string{status}})
		if status == "clientUpdateProhibited" {
			wantCode(t, "an update that is prohibited", err, 2304)
			wantCode(t, "another beside the removal", removed, 2304)
			wantCode(t, "the removal", change("", status), 1000)
		} else {
			wantCode(t, "an update", err, 1000)
			wantCode(t, "another", removed, 1000)
		}
	}
	wantCode(t, "all at once", change(strings.Join(mine, " "), ""), 1000)
	_, err := c.DeleteContact(soon(t), "sh8013")
	wantCode(t, "a delete that is prohibited", err, 2304)
	wantCode(t, "all away", change("", strings.Join(mine, " ")), 1000)
	for _, status := range []string{
		"serverDeleteProhibited", "serverTransferProhibited", "serverUpdateProhibited", "ok", "linked",
		"pendingCreate", "pendingDelete", "pendingTransfer", "pendingUpdate",
	} {
		wantCode(t, "add "+status, change(status, ""), 2306)
		wantCode(t, "remove "+status, change("", status), 2306)
	}
	for _, status := range []string{"clientHold", "clientRenewProhibited", "serverHold", "inactive", "nonsense"} {
		wantCode(t, "add "+status+", which contacts don't know", change(status, ""), 2001)
	}
	wantCode(t, "one twice", change("clientTransferProhibited clientTransferProhibited", ""), 2306)
	if r := send(t, c, contactUpdate("sh8013", `<contact:add><contact:status s="clientTransferProhibited" lang="en">on request</contact:status></contact:add>`)); r.Code != 1000 {
		t.Errorf("a status with a reason: %d", r.Code)
	}
}
