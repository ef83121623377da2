package epp

import (
	"slices"
	"strings"
	"testing"

	"quorate/epp/client"
	"quorate/epp/extension"
	"quorate/epp/xmlschema"
	"quorate/epp/xmltree"
	"quorate/epp/xmlwriter"
	"quorate/fsm/registry"
)

// The namespaces of the extensions below: such that the schemas know an element of theirs for answers.
const (
	nsPeriod   = "urn:ietf:params:xml:ns:rgp-1.0"
	nsPassword = "urn:ietf:params:xml:ns:epp:loginSec-1.0"
	nsSilent   = "urn:test:silent"
)

// period is an extension that sets a domain:create's period from its text, and says so; it also speaks in infos.
func period() *extension.Extension {
	say := func(status string) func(*extension.Answer, *xmlwriter.Writer) *registry.Failure {
		return func(a *extension.Answer, w *xmlwriter.Writer) *registry.Failure {
			if d, ok := a.Subject.(registry.Domain); a.View != nil && (!ok || !a.View.HasContact(d.Registrant)) {
				return nil
			}
			if a.Negotiated(nsSilent) {
				return nil
			}
			w.Raw(`<rgp:infData xmlns:rgp="`, nsPeriod, `"><rgp:rgpStatus s="`, status, `"/></rgp:infData>`)
			return nil
		}
	}
	return &extension.Extension{
		URI: nsPeriod, Prefix: "rgp",
		Commands: map[extension.Operation]extension.Part{
			{Space: extension.Domain, Verb: "create"}: {Element: "p", Parse: func(c *extension.Command, e *xmltree.Element) *registry.Failure {
				var x xmlschema.Schema
				d := extension.BodyAs[registry.DomainCreate](c)
				d.Months = 12 * uint16(len(x.Token(e, 1, 10)))
				c.Body = d
				return x.Failure()
			}},
			{Space: extension.Domain, Verb: "check"}: {Element: "c", Parse: func(c *extension.Command, e *xmltree.Element) *registry.Failure {
				return xmlschema.FailAt(registry.ParameterPolicy, e, "not today")
			}},
		},
		Answers: map[extension.Operation]func(*extension.Answer, *xmlwriter.Writer) *registry.Failure{
			{Space: extension.Domain, Verb: "create"}: say("addPeriod"),
			{Space: extension.Domain, Verb: "info"}:   say("renewPeriod"),
		},
	}
}

// password takes the password of a login from its own element.
func passwordExtension() *extension.Extension {
	return &extension.Extension{URI: nsPassword, Login: func(l *extension.Login, e *xmltree.Element) *registry.Failure {
		var x xmlschema.Schema
		l.Password = x.Token(e, 6, 128)
		return x.Failure()
	}}
}

func loginWith(uris []string, inner string) string {
	var named strings.Builder
	for _, uri := range uris {
		named.WriteString(`<extURI>` + uri + `</extURI>`)
	}
	return strings.NewReplacer(`</svcs>`, `<svcExtension>`+named.String()+`</svcExtension></svcs>`, `</login>`, `</login>`+inner).Replace(loginDoc())
}

func TestExtension(t *testing.T) {
	t.Parallel()
	all := []*extension.Extension{period(), passwordExtension(), &unhandledNamespaces, {URI: nsSilent}}
	s := newServer(t, func(c *Config) { c.Extensions = all })
	const dXMLNS = `xmlns:domain="` + nsDomain + `"`
	element := func(name, text string) string {
		return `<p:` + name + ` xmlns:p="` + nsPeriod + `">` + text + `</p:` + name + `>`
	}
	extended := func(command string, elements ...string) string {
		return commandDoc(command + `<extension>` + strings.Join(elements, "") + `</extension>`)
	}
	create := func(name string) string {
		return `<create><domain:create ` + dXMLNS + `><domain:name>` + name + `</domain:name><domain:authInfo><domain:pw/></domain:authInfo></domain:create></create>`
	}
	const check = `<check><domain:check ` + dXMLNS + `><domain:name>a.tld</domain:name></domain:check></check>`
	info := func(name string) string {
		return `<info><domain:info ` + dXMLNS + `><domain:name>` + name + `</domain:name></domain:info></info>`
	}
	update := func(name string) string {
		return `<update><domain:update ` + dXMLNS + `><domain:name>` + name + `</domain:name></domain:update></update>`
	}
	session := func(uris ...string) *client.Client {
		c := s.dial(t, "reg1")
		doc := loginDoc()
		if len(uris) > 0 {
			doc = loginWith(uris, "")
		}
		if r := send(t, c, doc); r.Code != 1000 {
			t.Fatal(r.Err())
		}
		return c
	}
	answer := func(c *client.Client, doc string) string {
		return string(must(c.Raw(soon(t), []byte(doc))))
	}

	c := s.dial(t, "reg1")
	if got := c.Greeting().Extensions; !slices.Equal(got, []string{nsPeriod, nsPassword, unhandledNamespaces.URI, nsSilent}) {
		t.Errorf("greeting: %v", got)
	}
	c = session(nsPeriod)
	must(s.login(t, "reg1").CreateContact(soon(t), person("jd1234")))
	if a := answer(c, extended(create("ext.tld"), element("p", "yyy"))); !strings.Contains(a, `<domain:exDate>2029-03-01T`) || !strings.Contains(a, `</resData><extension><rgp:infData `) {
		t.Errorf("%s", a)
	}
	if a := answer(c, commandDoc(strings.Replace(strings.Replace(create("ext.tld"), "ext.tld", "thick.example", 1), `<domain:authInfo>`, `<domain:registrant>jd1234</domain:registrant><domain:authInfo>`, 1))); !strings.Contains(a, "1000") {
		t.Errorf("%s", a)
	}
	if a := answer(c, commandDoc(info("ext.tld"))); strings.Contains(a, "<extension>") {
		t.Errorf("nothing to say, and an element: %s", a)
	}
	if a := answer(c, commandDoc(info("thick.example"))); !strings.Contains(a, `</resData><extension><rgp:infData `) {
		t.Errorf("%s", a)
	}
	for _, row := range []struct {
		what, doc string
		want      int
	}{
		{"refused by the extension", extended(check, element("c", "")), 2306},
		{"invalid to the extension", extended(create("x.tld"), element("p", "")), 2001},
		{"another element of it", extended(create("x.tld"), element("c", "")), 2001},
		{"twice", extended(create("x.tld"), element("p", "y"), element("p", "y")), 2001},
		{"with a command that it doesn't extend", extended(info("ext.tld"), element("p", "y")), 2103},
		{"with an update of nothing", extended(update("ext.tld"), element("p", "y")), 2103},
		{"of an extension that wasn't named", extended(create("x.tld"), `<x:x xmlns:x="`+nsPassword+`">secret</x:x>`), 2103},
		{"of an extension that isn't offered", extended(create("x.tld"), element("p", "y"), `<x:x xmlns:x="urn:x"/>`), 2103},
	} {
		r := send(t, c, row.doc)
		if r.Code != row.want {
			t.Errorf("%s: %d, %v; want %d", row.what, r.Code, r.Err(), row.want)
		}
	}
	if d := must(c.InfoDomain(soon(t), "ext.tld", "", "")); d.Expires.Year() != 2029 {
		t.Errorf("the domain after all that: %+v", d)
	}

	// A session that didn't name it has none of it, unless it understands what it doesn't speak (RFC 9038).
	c = session()
	if r := send(t, c, extended(create("without.tld"), element("p", "yyy"))); r.Code != 2103 {
		t.Errorf("without naming it at login: %d", r.Code)
	}
	for _, doc := range []string{create("without.tld"), info("thick.example")} {
		if a := answer(c, commandDoc(doc)); strings.Contains(a, "rgp") {
			t.Errorf("%s", a)
		}
	}
	c = session(unhandledNamespaces.URI)
	want := `<result code="1000"><msg lang="en">Command completed successfully</msg><extValue><value><rgp:infData xmlns:rgp="` + nsPeriod + `">` +
		`<rgp:rgpStatus s="renewPeriod"/></rgp:infData></value><reason>` + nsPeriod + ` not in login services</reason></extValue></result><resData>`
	if a := answer(c, commandDoc(info("thick.example"))); !strings.Contains(a, want) || strings.Contains(a, "<extension>") {
		t.Errorf("%s", a)
	}
	if a := answer(c, commandDoc(info("ext.tld"))); strings.Contains(a, "extValue") {
		t.Errorf("nothing to say, and an element: %s", a)
	}
	// One without elements changes what others do, where it was named.
	if a := answer(session(nsPeriod, nsSilent), commandDoc(info("thick.example"))); strings.Contains(a, "rgp") {
		t.Errorf("%s", a)
	}
	if r := send(t, session(nsSilent), extended(check, `<x:x xmlns:x="`+nsSilent+`"/>`)); r.Code != 2103 {
		t.Errorf("an element of an extension that has none: %d", r.Code)
	}

	// Login.
	pw := func(text string) string {
		return `<p:pw xmlns:p="` + nsPassword + `">` + text + `</p:pw>`
	}
	sentinel := func(doc string) string { return strings.Replace(doc, testPassword, "[LOGIN-SECURITY]", 1) }
	for _, row := range []struct {
		what, doc string
		want      int
	}{
		{"without being named", loginWith([]string{nsPeriod}, `<extension>`+pw(testPassword)+`</extension>`), 2103},
		{"of an extension that adds nothing", loginWith([]string{nsPeriod}, `<extension>`+element("p", "y")+`</extension>`), 2103},
		{"twice", loginWith([]string{nsPassword}, `<extension>`+pw(testPassword)+pw(testPassword)+`</extension>`), 2001},
		{"invalid", loginWith([]string{nsPassword}, `<extension>`+pw("12345")+`</extension>`), 2001},
		{"wrong", loginWith([]string{nsPassword}, `<extension>`+pw("123456")+`</extension>`), 2200},
		{"right", sentinel(loginWith([]string{nsPassword}, `<extension>`+pw(testPassword)+`</extension>`)), 1000},
	} {
		c := s.dial(t, "reg1")
		if r := send(t, c, row.doc); r.Code != row.want {
			t.Errorf("login, %s: %d, %v; want %d", row.what, r.Code, r.Err(), row.want)
		}
	}
}
