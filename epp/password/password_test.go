package password

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

func hashOf(t *testing.T, password string) string {
	t.Helper()
	h, err := Hash(password)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestHashAndVerify(t *testing.T) {
	t.Parallel()
	h := hashOf(t, "foo-BAR2")
	if !strings.HasPrefix(h, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash %s", h)
	}
	if h == hashOf(t, "foo-BAR2") {
		t.Error("two hashes have one salt")
	}
	for password, want := range map[string]bool{"foo-BAR2": true, "foo-BAR3": false, "": false} {
		if ok, err := Verify(h, password); ok != want || err != nil {
			t.Errorf("%q: %v, %v", password, ok, err)
		}
	}
}

// The vector of RFC 9106 §5.3 has a secret and associated data, which PHC
// strings don't carry; this one is what the reference implementation's command
// makes of: printf password | argon2 somesalt -id -t 2 -m 16 -p 1 -l 32.
func TestKnownHash(t *testing.T) {
	t.Parallel()
	const known = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	if ok, err := Verify(known, "password"); !ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
}

func TestHashesRefused(t *testing.T) {
	t.Parallel()
	const salt, key = "c29tZXNhbHQ", "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	for _, h := range []string{
		"", "secret", "$argon2i$v=19$m=16,t=2,p=1$" + salt + "$" + key,
		"$argon2id$v=18$m=16,t=2,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=0,t=2,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=4294967295,t=2,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=16,t=0,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=16,t=99,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=16,t=2,p=0$" + salt + "$" + key,
		"$argon2id$v=19$m=16,t=2,p=1$" + salt, "$argon2id$v=19$m=16,t=2,p=1$" + salt + "$",
		"$argon2id$v=19$m=16,t=2,p=1$!$" + key, "$argon2id$v=19$m=16,t=2,p=1$" + salt + "$!",
	} {
		if ok, err := Verify(h, "password"); ok || !errors.Is(err, ErrHash) {
			t.Errorf("%s: %v, %v", h, ok, err)
		}
	}
}

func newVerifier(t *testing.T) *Verifier {
	t.Helper()
	v, err := NewVerifier()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVerifierRemembers(t *testing.T) {
	t.Parallel()
	v := newVerifier(t)
	now := time.Unix(1e9, 0)
	v.now = func() time.Time { return now }
	s := Subject{"reg1", "ab", hashOf(t, "right")}
	ctx := t.Context()
	if ok, err := v.Verify(ctx, s, "right"); !ok || err != nil {
		t.Fatal(ok, err)
	}
	// With every slot taken only what is remembered can be answered.
	for range cap(v.waiting) {
		v.waiting <- struct{}{}
	}
	if ok, err := v.Verify(ctx, s, "right"); !ok || err != nil {
		t.Errorf("again: %v, %v", ok, err)
	}
	for name, other := range map[string]Subject{
		"registrar": {"reg2", s.Certificate, s.Hash}, "certificate": {s.Registrar, "cd", s.Hash}, "hash": {s.Registrar, s.Certificate, s.Hash + "x"},
		"a part moved": {"reg1a", "b", s.Hash},
	} {
		if _, err := v.Verify(ctx, other, "right"); !errors.Is(err, ErrBusy) {
			t.Errorf("another %s was remembered: %v", name, err)
		}
	}
	if _, err := v.Verify(ctx, s, "wrong"); !errors.Is(err, ErrBusy) {
		t.Errorf("a wrong password: %v", err)
	}
	now = now.Add(Remembered)
	if _, err := v.Verify(ctx, s, "right"); !errors.Is(err, ErrBusy) {
		t.Errorf("remembered for too long: %v", err)
	}
}

func TestVerifierForgetsWrongOnes(t *testing.T) {
	t.Parallel()
	v := newVerifier(t)
	s := Subject{"reg1", "ab", hashOf(t, "right")}
	if ok, err := v.Verify(t.Context(), s, "wrong"); ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
	if len(v.right) != 0 {
		t.Error("a wrong password was remembered")
	}
	if _, err := v.Verify(t.Context(), Subject{"reg1", "ab", "nonsense"}, "x"); !errors.Is(err, ErrHash) {
		t.Error(err)
	}
}

func TestVerifierBounds(t *testing.T) {
	t.Parallel()
	v := newVerifier(t)
	if cap(v.running) != Slots() || Slots() > runtime.NumCPU() {
		t.Errorf("%d at a time", cap(v.running))
	}
	s := Subject{"reg1", "ab", hashOf(t, "right")}
	for range cap(v.running) {
		v.running <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := v.Verify(ctx, s, "right"); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting: %v", err)
	}
	if len(v.waiting) != 0 {
		t.Error("a verification that was given up still counts")
	}
	for i := range MaxRemembered + 10 {
		v.remember(v.mac(s, fmt.Sprint(i)))
	}
	if len(v.right) > MaxRemembered {
		t.Errorf("%d remembered", len(v.right))
	}
}

func FuzzParse(f *testing.F) {
	f.Add("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Add("$argon2id$v=19$m=1,t=1,p=1$$")
	f.Fuzz(func(t *testing.T, hash string) {
		p, err := parse(hash)
		if err == nil && (p.memory > maxMemory || p.passes > maxPasses || len(p.key) > maxKeyLen || p.threads == 0) {
			t.Fatalf("%q: %+v", hash, p)
		}
		if err != nil && !errors.Is(err, ErrHash) {
			t.Fatal(err)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	h, err := Hash("foo-BAR2")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if ok, err := Verify(h, "foo-BAR2"); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
