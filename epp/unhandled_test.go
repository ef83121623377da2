package epp

import (
	"strings"
	"testing"

	"quorate/epp/client"
	"quorate/epp/secdns"
)

// What a session's login did not name is told in extValue where the login named RFC 9038, with the reason that the RFC wants.
func TestUnhandledNamespaces(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	losing, gaining := s.login(t, "reg1"), s.login(t, "reg2")
	must(losing.CreateDomain(soon(t), client.DomainCreate{Name: "a.tld", AuthInfo: "s3cret", SecDNS: client.SecDNS{DS: []client.DS{ds(7)}}}))
	if _, _, err := gaining.TransferDomain(soon(t), client.TransferCommand{Op: "request", Object: "a.tld", AuthInfo: "s3cret"}); err != nil {
		t.Fatal(err)
	}
	info := commandDoc(`<info><domain:info xmlns:domain="` + nsDomain + `"><domain:name>a.tld</domain:name></domain:info></info>`)
	poll := commandDoc(`<poll op="req"/>`)
	const services = `</svcs>`
	unhandledURI := `<svcExtension><extURI>` + unhandledNamespaces.URI + `</extURI></svcExtension>`
	value := func(xml, uri string) []string {
		return []string{`</msg><extValue><value><` + xml, `</value><reason>` + uri + ` not in login services</reason></extValue></result>`}
	}
	for _, row := range []struct {
		what, login, doc string
		want             []string
		not              string
	}{
		{"extension, with RFC 9038", loginDoc(services, unhandledURI+services), info, append(value(`secDNS:infData xmlns:secDNS="`+secdns.URI+`">`, secdns.URI), `<resData><domain:infData`), `<extension>`},
		{"extension, without", loginDoc(), info, []string{`<resData><domain:infData`}, `secDNS`},
		{"extension that was named", loginDoc(services, strings.Replace(unhandledURI, `</svcE`, `<extURI>`+secdns.URI+`</extURI></svcE`, 1)+services), info, []string{`<extension><secDNS:infData`}, `extValue`},
		{"message, with RFC 9038", loginDoc(nsDomain, nsHost, services, unhandledURI+services), poll, append(value(`domain:trnData xmlns:domain="`+nsDomain+`">`, nsDomain), `<result code="1301">`, `<msgQ `), `<resData>`},
		{"message, without", loginDoc(nsDomain, nsHost), poll, []string{`<resData><domain:trnData`}, `extValue`},
		{"message of a service that was named", loginDoc(services, unhandledURI+services), poll, []string{`<resData><domain:trnData`}, `extValue`},
	} {
		c := s.dial(t, "reg1")
		if r := send(t, c, row.login); r.Code != 1000 {
			t.Fatalf("%s: %v", row.what, r.Err())
		}
		answer := string(must(c.Raw(soon(t), []byte(row.doc))))
		for _, part := range row.want {
			if !strings.Contains(answer, part) {
				t.Errorf("%s: %s\nlacks %s", row.what, answer, part)
			}
		}
		if strings.Contains(answer, row.not) {
			t.Errorf("%s: %s\nhas %s", row.what, answer, row.not)
		}
	}
}
