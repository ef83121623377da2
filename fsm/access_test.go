package fsm_test

import (
	"strings"
	"testing"

	"quorate/fsm"
	"quorate/fsm/registry"
)

func ptr[T any](v T) *T { return &v }

// registrarOf is a registrar's row.
func (r *rig) registrarOf(id string) (found registry.Registrar) {
	r.view(func(v fsm.View) { found, _ = v.Registrar(id) })
	return found
}

func TestRegistrarsChange(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.policy("example", 10_000, "reg1", "reg2")
	update := func(u registry.RegistrarUpdate) registry.Result {
		u.ID = "reg1"
		return r.do(operator, registry.KindRegistrarUpdate, u)
	}
	if got := update(registry.RegistrarUpdate{Name: ptr("early")}); got.Code != registry.UnimplementedCommand {
		t.Fatalf("below its level: %v", got)
	}
	r.raiseTo(3)
	print := strings.Repeat("ab", 32)
	r.must(update(registry.RegistrarUpdate{
		Name: ptr("First"), Password: ptr("hash-1"), IANA: ptr(uint32(9995)), URL: ptr("https://first.test/"), Email: ptr("a@first.test"),
		Postal: &[]registry.PostalInfo{{Type: "int", Name: "First", City: "Lund", Country: "SE"}}, Voice: &registry.Phone{Number: "+46.1"},
		AddCertificates: []registry.Binding{{Fingerprint: print}, {Issuer: "CN=CA", Subject: "CN=reg1", From: r.now + registry.Hour, Until: r.now + registry.Day}},
		Networks:        &[]registry.Network{{Address: []byte{192, 0, 2, 128}, Bits: 25}}, Sessions: ptr(uint32(3)),
	}))
	got := r.registrarOf("reg1")
	if got.Name != "First" || got.IANA != 9995 || got.Sessions != 3 || len(got.Bindings()) != 2 || got.Postal[0].City != "Lund" || got.Updated != r.now || len(got.Certificates) != 1 {
		t.Errorf("got %+v", got)
	}
	// What isn't named stays, and what is set to nothing goes.
	r.must(update(registry.RegistrarUpdate{URL: ptr(""), Postal: &[]registry.PostalInfo{}}))
	if got := r.registrarOf("reg1"); got.URL != "" || len(got.Postal) != 0 || got.Email != "a@first.test" || got.Password != "hash-1" {
		t.Errorf("got %+v", got)
	}
	for what, c := range map[string]struct {
		u    registry.RegistrarUpdate
		want registry.Code
	}{
		"no name":                {registry.RegistrarUpdate{Name: ptr("")}, 2003},
		"no password":            {registry.RegistrarUpdate{Password: ptr("")}, 2003},
		"a certificate of none":  {registry.RegistrarUpdate{RemoveCertificates: []registry.Binding{{Fingerprint: "ff"}}}, 2303},
		"half a name":            {registry.RegistrarUpdate{AddCertificates: []registry.Binding{{Issuer: "CN=CA"}}}, 2306},
		"all of it":              {registry.RegistrarUpdate{AddCertificates: []registry.Binding{{Fingerprint: print, Issuer: "a", Subject: "b"}}}, 2306},
		"nothing":                {registry.RegistrarUpdate{AddCertificates: []registry.Binding{{}}}, 2306},
		"a short fingerprint":    {registry.RegistrarUpdate{AddCertificates: []registry.Binding{{Fingerprint: "abcd"}}}, 2005},
		"good until before from": {registry.RegistrarUpdate{AddCertificates: []registry.Binding{{Fingerprint: print, From: 2, Until: 1}}}, 2004},
		"a network of 3 octets":  {registry.RegistrarUpdate{Networks: &[]registry.Network{{Address: []byte{1, 2, 3}, Bits: 8}}}, 2005},
		"a network of 33 bits":   {registry.RegistrarUpdate{Networks: &[]registry.Network{{Address: []byte{1, 2, 3, 4}, Bits: 33}}}, 2005},
		"a host in a network":    {registry.RegistrarUpdate{Networks: &[]registry.Network{{Address: []byte{1, 2, 3, 4}, Bits: 24}}}, 2005},
		"many networks":          {registry.RegistrarUpdate{Networks: ptr(make([]registry.Network, registry.MaxNetworks+1))}, 2004},
		"many certificates":      {registry.RegistrarUpdate{AddCertificates: manyBindings(registry.MaxBindings)}, 2004},
	} {
		if got := update(c.u); got.Code != c.want {
			t.Errorf("%s: got %v, want %d", what, got, c.want)
		}
	}
	// The index by IANA id follows.
	if got := r.do(operator, registry.KindRegistrarUpdate, registry.RegistrarUpdate{ID: "reg2", IANA: ptr(uint32(9995))}); got.Code != registry.ObjectExists {
		t.Errorf("an IANA id twice: %v", got)
	}
	r.must(update(registry.RegistrarUpdate{IANA: ptr(uint32(0))}))
	r.must(r.do(operator, registry.KindRegistrarUpdate, registry.RegistrarUpdate{ID: "reg2", IANA: ptr(uint32(9995))}))
	r.view(func(v fsm.View) {
		if by, ok := v.RegistrarByIANA(9995); !ok || by.ID != "reg2" {
			t.Errorf("9995 is %q", by.ID)
		}
	})
	for _, actor := range []registry.Actor{registrar("reg1"), node("n1")} {
		if got := r.do(actor, registry.KindRegistrarUpdate, registry.RegistrarUpdate{ID: "reg1", Suspended: ptr(true)}); got.Code != registry.AuthorizationError {
			t.Errorf("%v: %v", actor, got)
		}
	}
	if got := r.do(operator, registry.KindRegistrarUpdate, registry.RegistrarUpdate{ID: "none"}); got.Code != registry.ObjectDoesNotExist {
		t.Errorf("nobody: %v", got)
	}
}

func manyBindings(n int) (all []registry.Binding) {
	for i := range n {
		all = append(all, registry.Binding{Issuer: "CN=CA", Subject: "CN=" + strings.Repeat("x", i+1)})
	}
	return all
}

// Certificates overlap while they change; names cover all that an issuer gives; networks are by bits.
func TestWhoMayComeIn(t *testing.T) {
	t.Parallel()
	const now = 100 * registry.Day
	old, next := strings.Repeat("0a", 32), strings.Repeat("0b", 32)
	r := registry.Registrar{
		Certificates: []string{strings.Repeat("0c", 32)},
		Bound: []registry.Binding{
			{Fingerprint: old, Until: now + registry.Hour}, {Fingerprint: next, From: now - registry.Hour},
			{Issuer: "CN=CA", Subject: "CN=reg1", From: now, Until: now + 1},
		},
	}
	v4, v6 := []byte{192, 0, 2, 129}, []byte{0x20, 1, 0xd, 0xb8, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}
	all := []registry.Network{{Address: []byte{192, 0, 2, 128}, Bits: 25}, {Address: []byte{0x20, 1, 0xd, 0xb8, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, Bits: 33}}
	for i, c := range []struct {
		certificate registry.Certificate
		address     []byte
		at          registry.Time
		networks    []registry.Network
		want        string
	}{
		{registry.Certificate{Fingerprint: r.Certificates[0]}, v4, 0, nil, ""},
		{registry.Certificate{Fingerprint: old}, v4, now, nil, ""},
		{registry.Certificate{Fingerprint: next}, v4, now, nil, ""},
		{registry.Certificate{Fingerprint: old}, v4, now + registry.Hour, nil, "certificate"},
		{registry.Certificate{Fingerprint: next}, v4, now - registry.Hour - 1, nil, "certificate"},
		{registry.Certificate{Fingerprint: "x", Issuer: "CN=CA", Subject: "CN=reg1"}, v4, now, nil, ""},
		{registry.Certificate{Fingerprint: "x", Issuer: "CN=CA", Subject: "CN=reg1"}, v4, now + 1, nil, "certificate"},
		{registry.Certificate{Fingerprint: "x", Issuer: "CN=CA", Subject: "CN=reg2"}, v4, now, nil, "certificate"},
		{registry.Certificate{Fingerprint: "x", Issuer: "CN=other CA", Subject: "CN=reg1"}, v4, now, nil, "certificate"},
		{registry.Certificate{}, v4, now, nil, "certificate"},
		{registry.Certificate{Fingerprint: next}, v4, now, all, ""},
		{registry.Certificate{Fingerprint: next}, v6, now, all, ""},
		{registry.Certificate{Fingerprint: next}, []byte{192, 0, 2, 127}, now, all, "address"},
		{registry.Certificate{Fingerprint: next}, []byte{0x20, 1, 0xd, 0xb8, 0x70, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, now, all, "address"},
		{registry.Certificate{Fingerprint: next}, nil, now, all, "address"},
		{registry.Certificate{Fingerprint: next}, []byte{9, 9, 9, 9}, now, []registry.Network{{Address: []byte{0, 0, 0, 0}}}, ""},
	} {
		r.Networks = c.networks
		if got := r.Refuses(c.certificate, c.address, c.at); got != c.want {
			t.Errorf("%d: refused for %q, want %q", i, got, c.want)
		}
	}
	r.Suspended = true
	if got := r.Refuses(registry.Certificate{Fingerprint: next}, v4, now); got != "suspended" {
		t.Errorf("suspended: %q", got)
	}
}

func TestPasswordsChangeOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.policy("example", 10_000, "reg1", "reg2")
	r.raiseTo(3)
	r.must(r.do(operator, registry.KindRegistrarUpdate, registry.RegistrarUpdate{ID: "reg1", Password: ptr("old")}))
	change := func(actor registry.Actor, id, was, to string) registry.Code {
		return r.do(actor, registry.KindRegistrarPassword, registry.RegistrarPassword{ID: id, Was: was, New: to}).Code
	}
	for what, c := range map[string]struct{ got, want registry.Code }{
		"another's":   {change(registrar("reg2"), "reg1", "old", "new"), 2201},
		"an operator": {change(operator, "reg1", "old", "new"), 2201},
		"nobody's":    {change(registrar("none"), "none", "old", "new"), 2201},
		"to nothing":  {change(registrar("reg1"), "reg1", "old", ""), 2003},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, want %d", what, c.got, c.want)
		}
	}
	if got := change(registrar("reg1"), "reg1", "old", "new"); got != 1000 {
		t.Fatal(got)
	}
	// A second change that was verified against the same old password, and one that would bring it back.
	if got := change(registrar("reg1"), "reg1", "old", "newer"); got != 2200 || r.registrarOf("reg1").Password != "new" {
		t.Errorf("crossed: %d, and the password is %s", got, r.registrarOf("reg1").Password)
	}
	r.must(r.do(operator, registry.KindRegistrarUpdate, registry.RegistrarUpdate{ID: "reg1", Suspended: ptr(true)}))
	if got := change(registrar("reg1"), "reg1", "new", "newer"); got != 2200 {
		t.Errorf("suspended: %d", got)
	}
}

func TestLocksOpen(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.policy("example", 10_000, "reg1")
	r.raiseTo(3)
	lock := func(actor registry.Actor, id string) registry.Code {
		return r.do(actor, registry.KindRegistrarLock, registry.RegistrarLock{ID: id}).Code
	}
	locked := func() bool { g := r.registrarOf("reg1"); return g.Locked(r.now) }
	if got := []registry.Code{lock(registrar("reg1"), "reg1"), lock(node("n1"), "none"), lock(node("n1"), "reg1"), lock(node("n2"), "reg1")}; got[0] != 2201 || got[1] != 2303 || got[2] != 1000 || got[3] != 2304 {
		t.Errorf("got %v", got)
	}
	if !locked() {
		t.Error("it isn't locked")
	}
	r.must(r.do(operator, registry.KindRegistrarUpdate, registry.RegistrarUpdate{ID: "reg1", Unlock: true}))
	if locked() {
		t.Error("an operator can't unlock")
	}
	r.must(r.do(operator, registry.KindAccessSet, registry.AccessSet{Access: registry.Access{LockTime: registry.Minute}}))
	if got := lock(node("n1"), "reg1"); got != 1000 {
		t.Error(got)
	}
	r.advance(r.now + registry.Minute)
	if locked() {
		t.Error("a lock doesn't open by itself")
	}
	for what, c := range map[string]struct {
		actor registry.Actor
		a     registry.Access
		want  registry.Code
	}{
		"a registrar":         {registrar("reg1"), registry.Access{}, 2201},
		"a lock for ever":     {operator, registry.Access{LockTime: 31 * registry.Day}, 2004},
		"a long window":       {operator, registry.Access{FailureWindow: 2 * registry.Day}, 2004},
		"17 characters":       {operator, registry.Access{PasswordLength: 17}, 2004},
		"five kinds":          {operator, registry.Access{PasswordClasses: 5}, 2004},
		"back to the default": {operator, registry.Access{}, 1000},
	} {
		if got := r.do(c.actor, registry.KindAccessSet, registry.AccessSet{Access: c.a}); got.Code != c.want {
			t.Errorf("%s: %v, want %d", what, got, c.want)
		}
	}
	r.view(func(v fsm.View) {
		if v.Access() != registry.DefaultAccess {
			t.Errorf("got %+v", v.Access())
		}
	})
}
