package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"slices"
	"strings"
	"testing"
	"time"
)

// verify says whether a certificate is good for a use, at a host if that is given.
func verify(ca *CA, cert tls.Certificate, usage x509.ExtKeyUsage, host string) error {
	_, err := cert.Leaf.Verify(x509.VerifyOptions{Roots: ca.Pool(), DNSName: host, KeyUsages: []x509.ExtKeyUsage{usage}})
	return err
}

func TestCertificatesAreGoodForTheirUseAlone(t *testing.T) {
	t.Parallel()
	ca := newCA(t)
	hosts := []string{"node1.example", "127.0.0.1", "::1"}
	node, err1 := ca.IssueNode("node-1", hosts, time.Hour)
	server, err2 := ca.IssueServer("epp", hosts, time.Hour)
	registrar, err3 := ca.IssueRegistrar("reg1", time.Hour)
	operator, err4 := ca.IssueOperator("ann", time.Hour)
	for _, err := range []error{err1, err2, err3, err4} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		cert           tls.Certificate
		role           Role
		server, client bool
	}{
		{node, RoleNode, true, true},
		{server, RoleServer, true, false},
		{registrar, RoleRegistrar, false, true},
		{operator, RoleOperator, false, true},
	} {
		id, err := ParseIdentity(test.cert.Leaf)
		if err != nil || id.Role != test.role || id.Cluster != ca.Cluster() {
			t.Errorf("%s: identity %+v, %v", test.role, id, err)
		}
		if err := verify(ca, test.cert, x509.ExtKeyUsageServerAuth, ""); (err == nil) != test.server {
			t.Errorf("%s as a server: %v", test.role, err)
		}
		if err := verify(ca, test.cert, x509.ExtKeyUsageClientAuth, ""); (err == nil) != test.client {
			t.Errorf("%s as a client: %v", test.role, err)
		}
		if err := verify(newCA(t), test.cert, x509.ExtKeyUsageAny, ""); err == nil {
			t.Errorf("%s is trusted under another authority of the same name", test.role)
		}
		leaf := test.cert.Leaf
		if leaf.IsCA || time.Since(leaf.NotBefore) < backdate || time.Until(leaf.NotAfter) > time.Hour {
			t.Errorf("%s: an authority (%t), or valid from %s to %s", test.role, leaf.IsCA, leaf.NotBefore, leaf.NotAfter)
		}
		if key, ok := test.cert.PrivateKey.(*ecdsa.PrivateKey); !ok || key.Curve != elliptic.P256() {
			t.Errorf("%s: the key is a %T", test.role, test.cert.PrivateKey)
		}
	}
	for _, host := range hosts {
		if err := verify(ca, server, x509.ExtKeyUsageServerAuth, host); err != nil {
			t.Errorf("as %s: %v", host, err)
		}
	}
	if err := verify(ca, server, x509.ExtKeyUsageServerAuth, "elsewhere.example"); err == nil {
		t.Error("the server's certificate is good for any host")
	}
}

func TestALeafSignsNothing(t *testing.T) {
	t.Parallel()
	ca := newCA(t)
	leaf, err := ca.IssueNode("node-1", nil, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	forged := &CA{cluster: ca.cluster, cert: leaf.Leaf, key: leaf.PrivateKey.(*ecdsa.PrivateKey)}
	cert, err := forged.IssueNode("node-2", nil, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	_, err = cert.Leaf.Verify(x509.VerifyOptions{Roots: ca.Pool(), Intermediates: forged.Pool()})
	if err == nil {
		t.Error("a certificate signed by a node is trusted")
	}
}

func TestSerialNumbersDiffer(t *testing.T) {
	t.Parallel()
	ca := newCA(t)
	var seen []string
	for range 20 {
		cert, err := ca.IssueNode("node-1", nil, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, cert.Leaf.SerialNumber.String())
	}
	slices.Sort(seen)
	if len(slices.Compact(seen)) != 20 {
		t.Error("a serial number was used twice")
	}
}

func TestWhatCannotBeIssued(t *testing.T) {
	t.Parallel()
	ca := newCA(t)
	if _, err := ca.IssueServer("epp", nil, time.Hour); err == nil || !strings.Contains(err.Error(), "at least one DNS name") {
		t.Errorf("a server without a host: %v", err)
	}
	if _, err := ca.IssueNode("node-1", nil, 0); err == nil || !strings.Contains(err.Error(), "validity") {
		t.Errorf("no validity: %v", err)
	}
	if _, err := NewCA("dev", -time.Hour); err == nil {
		t.Error("an authority with a negative validity")
	}
}
