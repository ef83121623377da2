package pki

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"
)

func newCA(t *testing.T) *CA {
	t.Helper()
	ca, err := NewCA("test.example", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func TestIdentitiesSurviveTheCertificate(t *testing.T) {
	t.Parallel()
	ca := newCA(t)
	for _, name := range []string{"reg1", "Acme & Söhne", "a/b", "100%", "x?y#z", "…", strings.Repeat("n", MaxName)} {
		cert, err := ca.IssueRegistrar(name, time.Hour)
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		want := Identity{Cluster: "test.example", Role: RoleRegistrar, Name: name}
		if got, err := ParseIdentity(cert.Leaf); err != nil || got != want {
			t.Errorf("%q came out as %v, %v", name, got, err)
		}
	}
	node := Identity{Cluster: "dev", Role: RoleNode, Name: "site-1"}
	if got := node.String(); got != "quorate://dev/node/site-1" {
		t.Errorf("the URI is %s", got)
	}
}

func TestBadNamesAreRefused(t *testing.T) {
	t.Parallel()
	for _, cluster := range []string{"", "UPPER", "a b", "-a", "a-", "a..b", ".", "a_b", "é", strings.Repeat("c", MaxClusterName+1)} {
		if _, err := NewCA(cluster, time.Hour); !errors.Is(err, ErrIdentity) {
			t.Errorf("cluster %q: %v", cluster, err)
		}
	}
	ca := newCA(t)
	for _, id := range []string{"", "Node", "a.b", "a b", "-a", "a/b", strings.Repeat("n", MaxName+1)} {
		if _, err := ca.IssueNode(id, nil, time.Hour); !errors.Is(err, ErrIdentity) {
			t.Errorf("node %q: %v", id, err)
		}
	}
	for _, name := range []string{"", "tab\t", "zero\x00", "\xff", strings.Repeat("n", MaxName+1)} {
		if _, err := ca.IssueOperator(name, time.Hour); !errors.Is(err, ErrIdentity) {
			t.Errorf("operator %q: %v", name, err)
		}
	}
	if err := (Identity{Cluster: "dev", Role: "king", Name: "x"}).Validate(); !errors.Is(err, ErrIdentity) {
		t.Errorf("an unknown role: %v", err)
	}
}

func TestOneIdentityPerCertificate(t *testing.T) {
	t.Parallel()
	one, two := mustURL(t, "quorate://dev/node/a"), mustURL(t, "quorate://dev/operator/root")
	foreign := mustURL(t, "spiffe://dev/node/a")
	for _, test := range []struct {
		name string
		uris []*url.URL
		ok   bool
	}{
		{"none", nil, false},
		{"foreign only", []*url.URL{foreign}, false},
		{"one", []*url.URL{one}, true},
		{"one beside a foreign one", []*url.URL{foreign, one}, true},
		{"two", []*url.URL{one, two}, false},
		{"twice the same", []*url.URL{one, one}, false},
	} {
		_, err := ParseIdentity(&x509.Certificate{URIs: test.uris})
		if (err == nil) != test.ok || (err != nil && !errors.Is(err, ErrIdentity)) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestOnlyTheCanonicalURIIsTaken(t *testing.T) {
	t.Parallel()
	for _, uri := range []string{
		"quorate://dev/node", "quorate://dev/node/", "quorate:///node/a", "quorate://dev/king/a", "quorate://dev//a",
		"quorate://dev/node/a/b", "quorate://dev/node/a/", "quorate://dev:1/node/a", "quorate://u@dev/node/a", "quorate://DEV/node/a",
		"quorate://dev/node/a?q", "quorate://dev/node/a#f", "quorate://dev/node/%61", "quorate://dev/registrar/%2", "quorate:dev/node/a",
		"quorate://dev/registrar/a%2fb",
	} {
		parsed, err := url.Parse(uri)
		if err != nil {
			continue // x509 would not have let it through either
		}
		if id, err := ParseIdentity(&x509.Certificate{URIs: []*url.URL{parsed}}); !errors.Is(err, ErrIdentity) {
			t.Errorf("%s was taken as %+v, %v", uri, id, err)
		}
	}
}

func TestFingerprint(t *testing.T) {
	t.Parallel()
	cert := newCA(t).Certificate()
	sum := sha256.Sum256(cert.Raw)
	if got := Fingerprint(cert); got != hex.EncodeToString(sum[:]) || got != strings.ToLower(got) || len(got) != 64 {
		t.Errorf("the fingerprint is %s", got)
	}
}

func mustURL(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func FuzzParseIdentity(f *testing.F) {
	f.Add("quorate://dev/node/site-1")
	f.Add("quorate://dev/registrar/a%2Fb")
	f.Add("quorate://u:p@dev:1/operator/%61?q#f")
	f.Fuzz(func(t *testing.T, s string) {
		uri, err := url.Parse(s)
		if err != nil {
			return
		}
		id, err := ParseIdentity(&x509.Certificate{URIs: []*url.URL{uri}})
		if err != nil {
			if !errors.Is(err, ErrIdentity) {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		again, err := ParseIdentity(&x509.Certificate{URIs: []*url.URL{id.URI()}})
		if err != nil || again != id || id.Validate() != nil {
			t.Errorf("%q is %+v, which is read as %+v, %v", s, id, again, err)
		}
	})
}
