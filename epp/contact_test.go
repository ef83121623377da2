package epp

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"quorate/epp/client"
)

func TestContactLife(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c, other := s.login(t, "reg1"), s.login(t, "reg2")
	want := person("sh8013")
	want.Postal = append(want.Postal, client.PostalInfo{Type: "loc", Name: "Jö Dœ", City: "北京", Country: "CN"})
	must(c.CreateContact(soon(t), want))
	_, err := c.CreateContact(soon(t), want)
	wantCode(t, "create again", err, 2302)

	got := must(c.InfoContact(soon(t), "sh8013", ""))
	if got.Sponsor != "reg1" || got.Creator != "reg1" || !slices.Equal(got.Statuses, []string{"ok"}) || !strings.HasSuffix(got.ROID, "-QUORATE") {
		t.Errorf("%+v", got)
	}
	shown := *got
	shown.Object = client.Object{}
	if !reflect.DeepEqual(shown, want) {
		t.Errorf("info\n%+v\nwant\n%+v", shown, want)
	}

	_, err = other.InfoContact(soon(t), "sh8013", "")
	wantCode(t, "another registrar's info", err, 2201)
	_, err = other.InfoContact(soon(t), "sh8013", "wrong")
	wantCode(t, "info with wrong authInfo", err, 2202)
	if n := must(other.InfoContact(soon(t), "sh8013", "2fooBAR")); n.AuthInfo != "2fooBAR" || n.Email != want.Email {
		t.Errorf("info with authInfo: %+v", n)
	}
	r := send(t, other, commandDoc(`<info><contact:info xmlns:contact="`+nsContact+`"><contact:id>sh8013</contact:id><contact:authInfo><contact:pw roid="C1-QUORATE">2fooBAR</contact:pw></contact:authInfo></contact:info></info>`))
	if r.Code != 2202 {
		t.Errorf("info with another object's roid: %d", r.Code)
	}
	_, err = other.DeleteContact(soon(t), "sh8013")
	wantCode(t, "another registrar's delete", err, 2201)
	if all := must(c.CheckContacts(soon(t), "sh8013", "free", "häßlich")); !slices.Equal(all, []client.Availability{
		{Name: "sh8013", Reason: "In use"}, {Name: "free", Available: true}, {Name: "häßlich", Reason: "Character not allowed"},
	}) {
		t.Errorf("check: %+v", all)
	}
	must(c.DeleteContact(soon(t), "sh8013"))
	_, err = c.InfoContact(soon(t), "sh8013", "")
	wantCode(t, "info of none", err, 2303)
}

const contactForm = `<create><contact:create xmlns:contact="` + nsContact + `"><contact:id>form1</contact:id>` +
	`<contact:postalInfo type="int"><contact:name>Jo</contact:name><contact:org>Org</contact:org><contact:addr><contact:street>S</contact:street><contact:city>C</contact:city>` +
	`<contact:sp/><contact:pc/><contact:cc>DE</contact:cc></contact:addr></contact:postalInfo>` +
	`<contact:voice>+1.5</contact:voice><contact:fax>+1.6</contact:fax><contact:email>a@b.test</contact:email><contact:authInfo><contact:pw/></contact:authInfo>` +
	`</contact:create></create>`

func TestContactForms(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c := s.login(t, "reg1")
	const infos = `</contact:postalInfo>`
	second := func(form, name string) string {
		return infos + `<contact:postalInfo type="` + form + `"><contact:name>` + name + `</contact:name><contact:addr><contact:city>C</contact:city><contact:cc>DE</contact:cc></contact:addr>` + infos
	}
	const disclosed = `<contact:disclose flag="0"><contact:name type="int"/><contact:addr type="loc"/><contact:addr type="int"/><contact:voice/><contact:email/></contact:disclose>`
	for _, row := range []struct {
		what     string
		old, new string
		want     int
	}{
		{"as it is", "", "", 1000},
		{"two addresses", infos, second("loc", "Jö"), 1000},
		{"two of one type", infos, second("int", "Jo"), 2306},
		{"not in ASCII", ">Jo<", ">Jö<", 2005},
		{"four streets", "<contact:street>S</contact:street>", strings.Repeat("<contact:street>S</contact:street>", 4), 2001},
		{"a blank name", ">Jo<", "> <", 2005},
		{"no name", "<contact:name>Jo</contact:name>", "", 2001},
		{"name after org", "<contact:name>Jo</contact:name><contact:org>Org</contact:org>", "<contact:org>Org</contact:org><contact:name>Jo</contact:name>", 2001},
		{"country in small letters", ">DE<", ">de<", 2004},
		{"long postal code", "<contact:pc/>", "<contact:pc>12345678901234567</contact:pc>", 2001},
		{"long extension", "<contact:voice>", `<contact:voice x="12345678901234567">`, 2306},
		{"unknown attribute", "<contact:voice>", `<contact:voice y="1">`, 2001},
		{"no voice", "<contact:voice>+1.5</contact:voice>", "", 1000},
		{"no fax", "<contact:fax>+1.6</contact:fax>", "", 1000},
		{"empty fax", "<contact:fax>+1.6</contact:fax>", "<contact:fax/>", 2005},
		{"ID with a space", ">form1<", ">for m1<", 2005},
		{"ID of another script", ">form1<", ">förm1<", 2005},
		{"no authInfo", "<contact:authInfo><contact:pw/></contact:authInfo>", "", 2001},
		{"authInfo in another form", "<contact:pw/>", `<contact:ext><x:y xmlns:x="urn:example:x"/></contact:ext>`, 2102},
		{"null in a create", "<contact:pw/>", "<contact:null/>", 2001},
		{"disclose", "</contact:create>", disclosed + "</contact:create>", 1000},
		{"disclose without a flag", "</contact:create>", strings.Replace(disclosed, ` flag="0"`, "", 1) + "</contact:create>", 2001},
		{"disclose out of order", "</contact:create>", `<contact:disclose flag="1"><contact:email/><contact:voice/></contact:disclose></contact:create>`, 2001},
		{"e-mail quoted", ">a@b.test<", `>"a b"@b.test<`, 2005},
		{"e-mail on a single label", ">a@b.test<", ">a@localhost<", 2005},
		{"e-mail with dots", ">a@b.test<", ">a..b@b.test<", 2005},
		{"e-mail in capitals", ">a@b.test<", ">A.B+c@B.TEST<", 1000},
	} {
		r := send(t, c, commandDoc(strings.Replace(contactForm, row.old, row.new, 1)))
		if r.Code != row.want {
			t.Errorf("%s: %d, %v; want %d", row.what, r.Code, r.Err(), row.want)
		}
		if r.Code != 1000 {
			continue
		}
		answer := string(must(c.Raw(soon(t), []byte(commandDoc(`<info><contact:info xmlns:contact="`+nsContact+`"><contact:id>form1</contact:id></contact:info></info>`)))))
		if row.what == "disclose" && !strings.Contains(answer, disclosed) {
			t.Errorf("disclose is not shown as it was given: %s", answer)
		}
		must(c.DeleteContact(soon(t), "form1"))
	}
}
