package epp

import (
	"crypto/tls"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"quorate/epp/client"
	"quorate/epp/extension"
	"quorate/fsm"
	"quorate/fsm/registry"
	"quorate/transport/pki"
)

// update changes a registrar as an operator does.
func (s *testServer) update(t *testing.T, u registry.RegistrarUpdate) {
	t.Helper()
	s.registry.operate(t, registry.KindRegistrarUpdate, u)
}

func ptr[T any](v T) *T { return &v }

// change logs in as reg1 with a new password, and returns the reply.
func (s *testServer) change(t *testing.T, old, new string) *client.Reply {
	t.Helper()
	c := s.dial(t, "reg1")
	return send(t, c, loginDoc("<pw>"+testPassword+"</pw>", "<pw>"+old+"</pw><newPW>"+new+"</newPW>"))
}

func TestNewPassword(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	r := s.change(t, testPassword, "2fooBAR-new")
	if r.Code != 1000 || r.ClTRID != "ABC-12345" {
		t.Fatalf("%+v", r)
	}
	if err := s.registry.machine.View(func(v fsm.View) error {
		for _, rec := range v.HistoryByClTRID("reg1", "ABC-12345", 10) {
			if rec.Event != "registrar:password" || rec.ID.String() != r.SvTRID {
				t.Errorf("the history says %+v; the svTRID was %s", rec, r.SvTRID)
			}
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	for password, want := range map[string]int{testPassword: 2200, "2fooBAR-new": 1000} {
		c := s.dial(t, "reg1")
		_, err := c.Login(soon(t), "reg1", password)
		wantCode(t, "afterwards", err, want)
	}
	// The password of yesterday brings nothing back.
	if r := s.change(t, testPassword, "2fooBAR-newer"); r.Code != 2200 {
		t.Errorf("with the old password: %+v", r)
	}
}

func TestNewPasswordRules(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	for new, why := range map[string]string{
		testPassword:   "the old one",
		"reg1-2fooBAR": "clID", "x2fooBARREG1": "clID",
		"2fooBAR": "at least 8 characters", "s3cret": "at least 8 characters",
		"lowercaseonly": "at least 2 of",
	} {
		r := s.change(t, testPassword, new)
		if r.Code != 2306 || len(r.Details) != 1 || r.Details[0].Element != "newPW" || r.Details[0].Value != "" || !strings.Contains(r.Details[0].Reason, why) {
			t.Errorf("%s: %+v", new, r)
		}
	}
	s.registry.operate(t, registry.KindAccessSet, registry.AccessSet{Access: registry.Access{PasswordLength: 12, PasswordClasses: 4}})
	for _, c := range []struct {
		new  string
		want int
	}{{"2fooBAR-", 2306}, {"2fooBAR2fooBAR", 2306}, {"2fooBAR-2fooBAR", 1000}} {
		if r := s.change(t, testPassword, c.new); r.Code != c.want {
			t.Errorf("%s: %+v, want %d", c.new, r, c.want)
		}
	}
}

// A refusal of the new password is no login: the session has none, and counts for none.
func TestARefusedPasswordIsNoLogin(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(c *Config) { c.Limits.SessionsPerRegistrar = 1 })
	c := s.dial(t, "reg1")
	if r := send(t, c, loginDoc("</pw>", "</pw><newPW>"+testPassword+"</newPW>")); r.Code != 2306 {
		t.Fatalf("%+v", r)
	}
	if _, err := c.CheckDomains(soon(t), "a.tld"); code(t, err) != 2002 {
		t.Error(err)
	}
	_, err := c.Login(soon(t), "reg1", testPassword)
	wantCode(t, "a login after that, on the same connection", err, 1000)
}

// Of changes that cross, verified against one old password, one is made.
func TestNewPasswordsThatCross(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	passwords := []string{"2fooBAR-one", "2fooBAR-two", "2fooBAR-three"}
	var mu sync.Mutex
	got := map[string]int{}
	var all sync.WaitGroup
	for _, new := range passwords {
		c := s.dial(t, "reg1")
		all.Go(func() {
			answer, err := c.Raw(soon(t), []byte(loginDoc("</pw>", "</pw><newPW>"+new+"</newPW>")))
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			got[new] = client.Code(answer)
		})
	}
	all.Wait()
	good := ""
	for new, code := range got {
		switch {
		case code == 1000 && good == "":
			good = new
		case code == 1000:
			t.Errorf("%s and %s are both in force", good, new)
		case code != 2200:
			t.Errorf("%s: %d", new, code)
		}
	}
	_, err := s.dial(t, "reg1").Login(soon(t), "reg1", good)
	wantCode(t, "the one that was made", err, 1000)
}

func TestNewPasswordWithoutALeader(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	set := func(err error) {
		s.registry.mu.Lock()
		defer s.registry.mu.Unlock()
		s.registry.before = func(Request) error { return err }
	}
	set(fsm.ErrNotLogged)
	if r := s.change(t, testPassword, "2fooBAR-new"); r.Code != 2400 {
		t.Errorf("%+v", r)
	}
	set(fsm.ErrOutcomeUnknown)
	c := s.dial(t, "reg1")
	if answer, err := c.Raw(soon(t), []byte(loginDoc("</pw>", "</pw><newPW>2fooBAR-new</newPW>"))); err == nil {
		t.Errorf("a guess: %s", answer)
	}
	set(nil)
	s.login(t, "reg1")
}

// The extension of RFC 4310 may be named beside its successor.
func TestOldSecDNSBesideTheNew(t *testing.T) {
	t.Parallel()
	s := newServer(t, func(c *Config) { c.Extensions = []*extension.Extension{{URI: nsSecDNS11}} })
	c := s.dial(t, "reg1")
	if r := send(t, c, loginDoc("</svcs>", "<svcExtension><extURI>"+nsSecDNS10+"</extURI><extURI>"+nsSecDNS11+"</extURI></svcExtension></svcs>")); r.Code != 1000 {
		t.Errorf("%+v", r)
	}
}

// While a certificate changes both are good; one that is taken away ends its sessions at their next command.
func TestCertificatesChange(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	p := testCredentials(t)
	dial := func(of tls.Certificate) *client.Client {
		config := clientTLS(t, "reg1")
		config.Certificates[0] = of
		c, err := client.Dial(soon(t), s.addr, config)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	login := func(c *client.Client) int {
		_, err := c.Login(soon(t), "reg1", testPassword)
		return code(t, err)
	}
	if got := login(dial(p.stranger)); got != 2200 {
		t.Errorf("before it is bound: %d", got)
	}
	s.update(t, registry.RegistrarUpdate{ID: "reg1", AddCertificates: []registry.Binding{{Fingerprint: pki.Fingerprint(p.stranger.Leaf), From: testNow + registry.Hour}}})
	if got := login(dial(p.stranger)); got != 2200 {
		t.Errorf("before its time: %d", got)
	}
	s.registry.wait(t, 2*registry.Hour)
	old, next := dial(p.clients["reg1"]), dial(p.stranger)
	if a, b := login(old), login(next); a != 1000 || b != 1000 {
		t.Errorf("both: %d, %d", a, b)
	}
	s.update(t, registry.RegistrarUpdate{ID: "reg1", RemoveCertificates: []registry.Binding{{Fingerprint: pki.Fingerprint(p.clients["reg1"].Leaf)}}})
	_, err := old.CheckDomains(soon(t), "a.tld")
	wantCode(t, "a session whose certificate is gone", err, 2501)
	if _, err := old.Hello(soon(t)); err == nil {
		t.Error("it goes on")
	}
	must(next.CheckDomains(soon(t), "a.tld"))
	if got := login(dial(p.clients["reg1"])); got != 2200 {
		t.Errorf("a certificate that is gone: %d", got)
	}
	// By names: whatever this issuer gives to that subject.
	s.update(t, registry.RegistrarUpdate{ID: "reg1", AddCertificates: []registry.Binding{{
		Issuer: must(pki.DistinguishedName(p.stranger.Leaf.RawIssuer)), Subject: must(pki.DistinguishedName(p.clients["reg1"].Leaf.RawSubject)),
	}}})
	if a, b := login(dial(p.clients["reg1"])), login(dial(p.clients["reg2"])); a != 1000 || b != 2200 {
		t.Errorf("by names: %d, another's: %d", a, b)
	}
}

func TestSuspendedRegistrarsSessionsEnd(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c, other := s.login(t, "reg1"), s.login(t, "reg2")
	s.update(t, registry.RegistrarUpdate{ID: "reg1", Suspended: ptr(true)})
	r := send(t, c, commandDoc(`<check><domain:check xmlns:domain="`+nsDomain+`"><domain:name>a.tld</domain:name></domain:check></check>`))
	if r.Code != 2501 || len(r.Details) != 1 || !strings.Contains(r.Details[0].Reason, "suspended") {
		t.Errorf("%+v", r)
	}
	must(other.CheckDomains(soon(t), "a.tld"))
	s.update(t, registry.RegistrarUpdate{ID: "reg1", Suspended: ptr(false)})
	s.login(t, "reg1")
}

func TestNetworks(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	network := func(text string) *[]registry.Network {
		p := netip.MustParsePrefix(text)
		return &[]registry.Network{{Address: p.Addr().AsSlice(), Bits: uint8(p.Bits())}}
	}
	c := s.login(t, "reg1")
	s.update(t, registry.RegistrarUpdate{ID: "reg1", Networks: network("127.0.0.0/8")})
	must(c.CheckDomains(soon(t), "a.tld"))
	s.update(t, registry.RegistrarUpdate{ID: "reg1", Networks: network("2001:db8::/32")})
	_, err := s.dial(t, "reg1").Login(soon(t), "reg1", testPassword)
	wantCode(t, "from elsewhere", err, 2200)
	if !strings.Contains(s.log.String(), "why=address") {
		t.Error("the log doesn't say why")
	}
	_, err = c.CheckDomains(soon(t), "a.tld")
	wantCode(t, "a session from elsewhere", err, 2501)
	s.update(t, registry.RegistrarUpdate{ID: "reg1", Networks: &[]registry.Network{}})
	s.login(t, "reg1")
}

func TestLockedRegistrar(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c := s.login(t, "reg1")
	s.registry.operate(t, registry.KindRegistrarLock, registry.RegistrarLock{ID: "reg1"})
	_, err := s.dial(t, "reg1").Login(soon(t), "reg1", testPassword)
	wantCode(t, "while locked", err, 2200)
	if !strings.Contains(s.log.String(), "why=locked") {
		t.Error("the log doesn't say why")
	}
	must(c.CheckDomains(soon(t), "a.tld")) // sessions go on
	s.update(t, registry.RegistrarUpdate{ID: "reg1", Unlock: true})
	s.login(t, "reg1")
	s.registry.operate(t, registry.KindRegistrarLock, registry.RegistrarLock{ID: "reg1"})
	s.registry.wait(t, registry.DefaultAccess.LockTime)
	s.login(t, "reg1")
}
