package admin_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"quorate/fsm"
	"quorate/fsm/registry"
	"quorate/node/admin"
	"quorate/node/admin/admintest"
)

// atLevel founds a cluster and brings it to the highest level.
func atLevel(t *testing.T, nodes int) *admintest.Cluster {
	t.Helper()
	c := admintest.New(t, nodes)
	site := registry.Actor{Role: registry.RoleNode, Name: "site1"}
	if r, _, err := c.Apply(site, "", registry.KindClusterInit, registry.Cluster{Name: admintest.Name, Repository: "TEST", Level: 1}); err != nil || r.Fail != nil {
		t.Fatal(err, r.Fail)
	}
	for at := registry.FirstLevel; at < registry.HighestLevel; at++ {
		if _, err := c.Client(0).RaiseLevel(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func ptr[T any](v T) *T { return &v }

func TestRegistrarIsChanged(t *testing.T) {
	t.Parallel()
	c := atLevel(t, 2)
	client := c.Client(0)
	want, err := client.CreateRegistrar(t.Context(), exampleRegistrar())
	if err != nil {
		t.Fatal(err)
	}
	next := strings.Repeat("0f", 32)
	change := func(w admin.RegistrarChange) {
		t.Helper()
		changed, err := client.ChangeRegistrar(t.Context(), "reg1", w)
		if err != nil || !reflect.DeepEqual(changed, want) {
			t.Fatalf("changed\n%+v, %v, want\n%+v", changed, err, want)
		}
		shown, err := c.Client(1).Registrar(t.Context(), "reg1")
		if err != nil || !reflect.DeepEqual(shown, want) {
			t.Errorf("the other node shows\n%+v, %v", shown, err)
		}
	}
	want.Name, want.URL, want.Whois, want.City, want.Suspended, want.MaxSessions = "First", "", "whois.first.test", "Lund", true, 7
	want.Networks = []string{"192.0.2.0/24", "2001:db8::/32", "198.51.100.7/32"}
	change(admin.RegistrarChange{
		Name: ptr("First"), URL: ptr(""), Whois: ptr("WHOIS.first.test."), City: ptr("Lund"), Suspended: ptr(true), MaxSessions: ptr(uint32(7)),
		Networks: &[]string{"192.0.2.0/24", "2001:db8::/32", "198.51.100.7", "192.0.2.0/24"},
	})
	want.Suspended, want.Networks, want.Street, want.Voice = false, nil, nil, "+46.1"
	change(admin.RegistrarChange{Suspended: ptr(false), Networks: &[]string{}, Street: &[]string{}, Voice: ptr("+46.1")})
	want.Street, want.City, want.PostalCode, want.Country = nil, "", "", ""
	change(admin.RegistrarChange{City: ptr(""), PostalCode: ptr(""), Country: ptr("")})
	want.Bound = []admin.Certificate{
		{Fingerprint: next, From: "2026-05-01T00:00:00.000Z", Until: "2027-05-01T00:00:00.000Z"}, {Issuer: "CN=CA", Subject: "CN=reg1"},
	}
	change(admin.RegistrarChange{AddCertificates: []admin.Certificate{
		{Fingerprint: strings.ToUpper(next), From: "2026-05-01T02:00:00+02:00", Until: "2027-05-01T00:00:00Z"}, {Issuer: "CN=CA", Subject: "CN=reg1"},
	}})
	want.Certificates, want.Bound = []string{next}, want.Bound[1:]
	change(admin.RegistrarChange{
		RemoveCertificates: []admin.Certificate{{Fingerprint: want.Certificates[0]}, {Fingerprint: exampleRegistrar().Certificates[0]}},
		AddCertificates:    []admin.Certificate{{Fingerprint: next}},
	})
	change(admin.RegistrarChange{Password: ptr("secret-2")})
	if err := c.Nodes[0].View(t.Context(), fsm.Local, 0, func(v fsm.View) error {
		if r, _ := v.Registrar("reg1"); r.Password != "hash of secret-2" {
			t.Errorf("the state has password %q", r.Password)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

func TestChangesThatAreRefused(t *testing.T) {
	t.Parallel()
	c := atLevel(t, 1)
	if _, err := c.Client(0).CreateRegistrar(t.Context(), exampleRegistrar()); err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]struct {
		status  int
		message string
	}{
		`{"name":""}`:                                {400, "has a name"},
		`{"password":"short"}`:                       {400, "6 to 16 printable"},
		`{"password":""}`:                            {400, "has a password"},
		`{"id":"reg2"}`:                              {400, `unknown field "id"`},
		`{"url":"reg1.test"}`:                        {400, "url"},
		`{"city":""}`:                                {400, "a city and a country"},
		`{"networks":["192.0.2.0/33"]}`:              {400, "not a network such as"},
		`{"networks":["10.0.0.1/8"]}`:                {400, "an address within the network 10.0.0.0/8"},
		`{"networks":["2001:db8::1/32"]}`:            {400, "an address within the network 2001:db8::/32"},
		`{"networks":["::ffff:192.0.2.0/120"]}`:      {400, "not a network such as"},
		`{"networks":["fe80::1%eth0"]}`:              {400, "not a network such as"},
		`{"add_certificates":[{"subject":"CN=x"}]}`:  {400, "by its fingerprint, or by its issuer and subject"},
		`{"add_certificates":[{}]}`:                  {400, "by its fingerprint, or by its issuer and subject"},
		`{"add_certificates":[{"fingerprint":"a"}]}`: {400, "SHA-256 fingerprint"},
		`{"add_certificates":[{"issuer":"a","subject":"b","from":"now"}]}`:                                                 {400, "not a time such as"},
		`{"add_certificates":[{"issuer":"a","subject":"b","until":"now"}]}`:                                                {400, "not a time such as"},
		`{"add_certificates":[{"issuer":"a","subject":"b","from":"2027-01-01T00:00:00Z","until":"2026-01-01T00:00:00Z"}]}`: {400, "until a later one"},
		`{"remove_certificates":[{"issuer":"a","subject":"b"}]}`:                                                           {404, "has no such certificate"},
	} {
		status, p := send(t, c, "PATCH", "/v1/registrars/reg1", body, nil)
		if status != want.status || !strings.Contains(p.Message, want.message) {
			t.Errorf("%s: got %d %s, want %d %s", body, status, p.Message, want.status, want.message)
		}
	}
	for _, path := range []string{"/v1/registrars/none", "/v1/registrars/x"} {
		if status, p := send(t, c, "PATCH", path, `{"suspended":true}`, nil); status != 404 && status != 400 {
			t.Errorf("%s: %d %s", path, status, p.Message)
		}
	}
}

func TestAccess(t *testing.T) {
	t.Parallel()
	below := admintest.New(t, 1)
	var refused *admin.Error
	if _, err := below.Client(0).SetAccess(t.Context(), admin.Access{Sessions: 1}); !errors.As(err, &refused) {
		t.Errorf("below its level: %v", err)
	}
	c := atLevel(t, 2)
	want := admin.Access{
		Failures: 10, FailureWindow: "10m", LockTime: "15m", Sessions: 600, Connections: 2000, Logins: 100, Commands: 10000,
		PasswordLength: 8, PasswordClasses: 2,
	}
	if a, err := c.Client(0).Access(t.Context()); err != nil || a != want {
		t.Errorf("at first %+v, %v", a, err)
	}
	want.Sessions, want.LockTime, want.PasswordClasses = 5, "1h", 4
	if a, err := c.Client(0).SetAccess(t.Context(), admin.Access{Sessions: 5, LockTime: "60m", PasswordClasses: 4}); err != nil || a != want {
		t.Errorf("set to %+v, %v", a, err)
	}
	if a, err := c.Client(1).Access(t.Context()); err != nil || a != want {
		t.Errorf("the other node shows %+v, %v", a, err)
	}
	for body, message := range map[string]string{
		`{"sessions":-1}`: "sessions", `{"password_length":17}`: "up to 16", `{"lock_time":"soon"}`: "not a duration", `{"lock_time":"1000h"}`: "up to 30",
		`{"failure_window":"25h"}`: "up to a day",
	} {
		if status, p := send(t, c, "PUT", "/v1/access", body, nil); status != 400 || !strings.Contains(p.Message, message) {
			t.Errorf("%s: %d %s", body, status, p.Message)
		}
	}
}
