package epp

import (
	"strings"
	"testing"

	"quorate/epp/client"
	"quorate/fsm"
	"quorate/fsm/registry"
)

const strong = "LuQ7Bu@w9?%+_HK3cayg$55$LSft3MPP" // RFC 9154 §5.2

// secure logs in with RFC 9154.
func (s *testServer) secure(t testing.TB, clID string) *client.Client {
	t.Helper()
	c := s.dial(t, clID)
	c.SecureAuthInfo = true
	must(c.Login(soon(t), clID, testPassword))
	return c
}

// Where RFC 9154 is in force: weak values are refused, good ones are hashed, compared, and shown to nobody.
func TestSecureAuthInfo(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c, other, plain := s.secure(t, "reg1"), s.secure(t, "reg2"), s.login(t, "reg1")
	must(c.CreateDomain(soon(t), client.DomainCreate{Name: "safe.tld"}))
	set := func(value string) error {
		_, err := c.UpdateDomain(soon(t), client.DomainUpdate{Name: "safe.tld", AuthInfo: &value})
		return err
	}
	for value, want := range map[string]int{
		"2fooBAR": 2202, "password": 2202, strings.Repeat("x", 40): 2202, strings.Repeat("aB3$", 10): 2202,
		"abcdefghijklmnopqrstuvwxyz0":             1000, // 27 of 36
		"aQ3$xZ9!mN2@pL7%kV5":                     2202, // 19 of 94
		"aQ3$xZ9!mN2@pL7%kV5&":                    1000, // 20 of 94
		"829364501982736450192837465019283746501": 1000, // 39 digits
		"8293645019827364501928374650192837465":   2202,
	} {
		wantCode(t, "authInfo "+value, set(value), want)
	}
	_, err := c.CreateDomain(soon(t), client.DomainCreate{Name: "weak.tld", AuthInfo: "2fooBAR"})
	wantCode(t, "create with a weak value", err, 2202)
	weak := person("weak01")
	_, err = c.CreateContact(soon(t), weak)
	wantCode(t, "contact with a weak value", err, 2202)
	weak.AuthInfo = strong
	must(c.CreateContact(soon(t), weak))

	wantCode(t, "a strong value", set(strong), 1000)
	if err := s.registry.View(t.Context(), fsm.Local, 0, func(v fsm.View) error {
		d, _ := v.Domain("safe.tld")
		n, _ := v.Contact("weak01")
		for _, a := range []registry.AuthInfo{d.AuthInfo, n.AuthInfo} {
			if len(a.Sealed) > 0 || len(a.Salt) != 16 || len(a.Hash) != 32 {
				t.Errorf("kept: %+v", a)
			}
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	shows := func(c *client.Client, auth string) string {
		r := string(must(c.Raw(soon(t), []byte(commandDoc(`<info><domain:info xmlns:domain="`+nsDomain+`"><domain:name>safe.tld</domain:name>`+auth+`</domain:info></info>`)))))
		switch {
		case strings.Contains(r, strong):
			return "the value"
		case strings.Contains(r, "<domain:pw></domain:pw>"):
			return "that there is one"
		case strings.Contains(r, "authInfo"):
			return r
		}
		return "nothing"
	}
	given := `<domain:authInfo><domain:pw>` + strings.ReplaceAll(strong, "&", "&amp;") + `</domain:pw></domain:authInfo>`
	for what, row := range map[string]struct {
		got, want string
	}{
		"the sponsor":                          {shows(c, ""), "that there is one"},
		"the sponsor that gives it":            {shows(c, given), "that there is one"},
		"the sponsor in another session":       {shows(plain, ""), "that there is one"},
		"another registrar":                    {shows(other, ""), "nothing"},
		"another registrar that has the value": {shows(other, given), "nothing"},
	} {
		if row.got != row.want {
			t.Errorf("info shows %s %s; want %s", what, row.got, row.want)
		}
	}
	_, err = other.InfoDomain(soon(t), "safe.tld", "", "wrong")
	wantCode(t, "info with a wrong value", err, 2202)
	_, err = other.InfoDomain(soon(t), "safe.tld", "", strong)
	wantCode(t, "info with the value", err, 1000)

	if _, code := transferring(t, other, client.TransferCommand{Op: "request", Object: "safe.tld", AuthInfo: strong + "x"}); code != 2202 {
		t.Errorf("transfer with a wrong value: %d", code)
	}
	if _, code := transferring(t, other, client.TransferCommand{Op: "request", Object: "safe.tld", AuthInfo: strong}); code != 1001 {
		t.Errorf("transfer with the value: %d", code)
	}
	if _, code := transferring(t, c, client.TransferCommand{Op: "approve", Object: "safe.tld"}); code != 1000 {
		t.Errorf("approve: %d", code)
	}
	if got := shows(other, ""); got != "nothing" {
		t.Errorf("after the transfer the new sponsor is shown %s", got)
	}
	_, err = c.InfoDomain(soon(t), "safe.tld", "", strong)
	wantCode(t, "the value after the transfer", err, 2202)

	// Set and unset, in both ways (RFC 9154 §5.2).
	for _, unset := range []string{`<domain:pw/>`, `<domain:null/>`} {
		value := strong
		must(other.UpdateDomain(soon(t), client.DomainUpdate{Name: "safe.tld", AuthInfo: &value}))
		r := send(t, other, commandDoc(`<update><domain:update xmlns:domain="`+nsDomain+`"><domain:name>safe.tld</domain:name><domain:chg><domain:authInfo>`+unset+`</domain:authInfo></domain:chg></domain:update></update>`))
		if r.Code != 1000 || shows(other, "") != "nothing" {
			t.Errorf("unset with %s: %d, shown: %s", unset, r.Code, shows(other, ""))
		}
		_, err = c.InfoDomain(soon(t), "safe.tld", "", strong)
		wantCode(t, "what is unset", err, 2202)
	}

	// What was sealed by an older session is not shown in one with RFC 9154.
	must(plain.CreateDomain(soon(t), client.DomainCreate{Name: "sealed.tld", AuthInfo: "s3cret"}))
	if d := must(plain.InfoDomain(soon(t), "sealed.tld", "", "")); d.AuthInfo != "s3cret" {
		t.Errorf("a session without RFC 9154 is shown %q", d.AuthInfo)
	}
	if d := must(c.InfoDomain(soon(t), "sealed.tld", "", "s3cret")); d.AuthInfo != "" {
		t.Errorf("a session with RFC 9154 is shown %q", d.AuthInfo)
	}
	if strings.Contains(s.log.String(), strong) {
		t.Error("the log holds authInfo")
	}
}

// Messages about objects that the login didn't name are told in <extValue> where RFC 9038 is in force, and as ever where not.
func TestMessagesOfUnhandledNamespaces(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	losing, gaining := s.login(t, "reg1"), s.login(t, "reg2")
	must(losing.CreateDomain(soon(t), client.DomainCreate{Name: "a.tld", AuthInfo: "s3cret"}))
	for _, op := range []string{"request", "cancel"} {
		if _, code := transferring(t, gaining, client.TransferCommand{Op: op, Object: "a.tld", AuthInfo: "s3cret"}); code >= 2000 {
			t.Fatal(code)
		}
	}
	for uri, inData := range map[string]bool{unhandledNamespaces.URI: false, "": true} {
		c := s.dial(t, "reg2")
		ext := ""
		if uri != "" {
			ext = `<svcExtension><extURI>` + uri + `</extURI></svcExtension>`
		}
		if r := send(t, c, commandDoc(`<login><clID>reg2</clID><pw>`+testPassword+`</pw><options><version>1.0</version><lang>en</lang></options><svcs><objURI>`+nsHost+`</objURI>`+ext+`</svcs></login>`)); r.Code != 1000 {
			t.Fatal(r.Err())
		}
		answer := string(must(c.Raw(soon(t), []byte(commandDoc(`<poll op="req"/>`)))))
		for _, element := range []string{"trnData", "panData"} {
			before, _, found := strings.Cut(answer, "<domain:"+element)
			if !found || strings.Contains(before, "<resData>") != inData || strings.Contains(answer, nsDomain+" not in login services") == inData {
				t.Errorf("with %q: %s", uri, answer)
			}
		}
	}
}
