package epp

import (
	"slices"
	"strings"
	"testing"

	"quorate/epp/xmltree"
	"quorate/fsm/registry"
)

// period is an extension that sets a domain:create's period from its text, and says so.
type period struct{}

const nsPeriod = "urn:ietf:params:xml:ns:rgp-1.0" // a namespace of which the schemas know an element for answers

func (period) URI() string { return nsPeriod }

func (period) Extend(e *xmltree.Element, kind registry.Kind, body any) (any, *registry.Failure) {
	d, ok := body.(registry.DomainCreate)
	if !ok || kind != registry.KindDomainCreate {
		return nil, registry.Fail(registry.CommandUse, "", "", "only for domain:create")
	}
	d.Months = 12 * uint16(len(e.Token()))
	return d, nil
}

func (period) Respond(operation string, r registry.Result) []byte {
	if operation != "domain:create" || r.Code != registry.Success {
		return nil
	}
	return []byte(`<rgp:infData xmlns:rgp="` + nsPeriod + `"><rgp:rgpStatus s="addPeriod"/></rgp:infData>`)
}

func TestExtension(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(c *Config) { c.Extensions = []Extension{period{}} })
	c := s.dial(t, "reg1")
	if !slices.Equal(c.Greeting().Extensions, []string{nsPeriod}) {
		t.Errorf("greeting: %+v", c.Greeting())
	}
	create := func(name string) string {
		return commandDoc(`<create><domain:create xmlns:domain="` + nsDomain + `"><domain:name>` + name + `</domain:name><domain:authInfo><domain:pw/></domain:authInfo></domain:create></create>` +
			`<extension><p:p xmlns:p="` + nsPeriod + `">yyy</p:p></extension>`)
	}
	must(c.Login(soon(t), "reg1", testPassword))
	answer := string(must(c.Raw(soon(t), []byte(create("ext.tld")))))
	if !strings.Contains(answer, `<domain:exDate>2029-03-01T`) || !strings.Contains(answer, `</resData><extension><rgp:infData `) {
		t.Errorf("%s", answer)
	}
	if r := send(t, c, strings.NewReplacer("create", "check", "<domain:authInfo><domain:pw/></domain:authInfo>", "").Replace(create("ext.tld"))); r.Code != 2002 {
		t.Errorf("where the extension refuses: %d, %v", r.Code, r.Err())
	}

	// A session that didn't name it has none of it.
	c = s.dial(t, "reg1")
	if r := send(t, c, loginDoc()); r.Code != 1000 {
		t.Fatal(r.Err())
	}
	if r := send(t, c, create("without.tld")); r.Code != 2103 {
		t.Errorf("without naming it at login: %d", r.Code)
	}
	plain := strings.Replace(create("without.tld"), `<extension><p:p xmlns:p="`+nsPeriod+`">yyy</p:p></extension>`, "", 1)
	if answer := string(must(c.Raw(soon(t), []byte(plain)))); strings.Contains(answer, "extension") {
		t.Errorf("%s", answer)
	}
}
