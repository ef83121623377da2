package nodecli

import (
	"strings"
	"testing"

	"quorate/fsm/registry"
)

func TestRegistrarChanges(t *testing.T) {
	t.Parallel()
	c, at := highest(t)
	file, fingerprint := certificateFile(t, c, "reg1")
	next, nextFingerprint := certificateFile(t, c, "reg1")
	must(t, at("registrar create reg1 --name One --generate-password --client-cert "+file)...)
	same(t, must(t, append(at("registrar set reg1 url=https://one.test/ iana=9995 networks=192.0.2.0/24,2001:db8::/32 max-sessions=3 city=Lund country=SE"), "street=Storgatan 1| 2 tr")...), `
Registrar    reg1
Name         One
IANA id      9995
URL          https://one.test/
Address      Storgatan 1, 2 tr, Lund, SE
Certificate  `+fingerprint+`
Networks     192.0.2.0/24, 2001:db8::/32
Sessions     at most 3
Created      `+created(t, at)+`
`)
	must(t, at("registrar cert add reg1 --from 2027-01-01T00:00:00Z --file "+next)...)
	must(t, at("registrar cert add reg1 --by-name --file "+next)...)
	same(t, must(t, at("registrar cert list reg1")...), `
CERTIFICATE                                                       FROM                      UNTIL
`+fingerprint+`  -                         -
`+nextFingerprint+`  2027-01-01T00:00:00.000Z  -
`+must(t, at("registrar cert list reg1")...)[strings.LastIndex(must(t, at("registrar cert list reg1")...), "subject"):])
	must(t, at("registrar cert remove reg1 --file "+file)...)
	if out := must(t, at("registrar show reg1")...); strings.Contains(out, fingerprint) || !strings.Contains(out, nextFingerprint+", from 2027") || !strings.Contains(out, "CN=reg1") {
		t.Errorf("got\n%s", out)
	}
	if out := must(t, at("registrar suspend reg1")...); !strings.Contains(out, "Suspended    yes") {
		t.Errorf("got\n%s", out)
	}
	if out := must(t, at("registrar resume reg1")...); strings.Contains(out, "Suspended") {
		t.Errorf("got\n%s", out)
	}
	site := registry.Actor{Role: registry.RoleNode, Name: "site1"}
	if r, _, err := c.Apply(site, "", registry.KindRegistrarLock, registry.RegistrarLock{ID: "reg1"}); err != nil || r.Fail != nil {
		t.Fatal(err, r.Fail)
	}
	if out := must(t, at("registrar show reg1")...); !strings.Contains(out, "Locked ") {
		t.Errorf("got\n%s", out)
	}
	if out := must(t, at("registrar unlock reg1")...); strings.Contains(out, "Locked ") {
		t.Errorf("got\n%s", out)
	}
	if out, _, err := run(t, "secret-9\n", at("registrar password reg1 --password-stdin")...); err != nil || strings.Contains(out, "secret-9") {
		t.Errorf("%v\n%s", err, out)
	}
	if out := must(t, at("registrar password reg1 --generate-password")...); !strings.Contains(out, "Password ") {
		t.Errorf("got\n%s", out)
	}
	same(t, must(t, at("access set sessions=5 lock-time=1h")...), `
Lock         after 10 wrong passwords in 10m, for 1h
Sessions     5 of one registrar
Connections  2000 from one address
Logins       100 a second from one address
Commands     10000 a second of one registrar
Passwords    at least 8 characters of 2 kinds
`)
	for line, want := range map[string]string{
		"registrar set reg1 colour=red":                     "what can be set is abuse-email",
		"registrar set reg1 name":                           "KEY=VALUE",
		"registrar set reg1 iana=x":                         "no number",
		"registrar set reg1 networks=10.0.0.1/8":            "an address within the network 10.0.0.0/8",
		"registrar set reg1 networks=nowhere":               "not a network",
		"registrar set none name=x":                         "no such registrar",
		"registrar cert add reg1":                           "at least one of the flags",
		"registrar cert add reg1 --issuer CN=x":             "missing [subject]",
		"registrar cert add reg1 --fingerprint x --by-name": "takes the names from a --file",
		"registrar cert remove reg1 --file " + file:         "no such certificate",
		"access set sessions=many":                          "no number",
		"access set session=1":                              "what can be set is commands",
	} {
		if _, _, err := run(t, "", at(line)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
}

// created is when reg1 was.
func created(t *testing.T, at func(string) []string) string {
	t.Helper()
	out := must(t, at("registrar show reg1")...)
	return strings.TrimSpace(out[strings.Index(out, "Created")+len("Created"):])
}
