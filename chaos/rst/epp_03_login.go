package rst

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"time"
)

// authentication is epp-03.
func authentication(ctx context.Context, t *trial) error {
	nobody, err := selfSigned("rst-nobody")
	if err != nil {
		return fmt.Errorf("making a certificate: %w", err)
	}
	right := t.one.certificate
	attempts := []struct {
		what           string
		clID, password string
		certificate    *tls.Certificate
		needs          bool // client certificates
	}{
		{"a client ID that doesn't exist", "rst-" + t.letters(8), t.one.password, right, false},
		{"a wrong password", t.one.clID, "wRong-" + t.letters(8), right, false},
		{"a certificate that nobody knows", t.one.clID, t.one.password, nobody, true},
		{"another registrar's certificate", t.one.clID, t.one.password, t.two.certificate, true},
		{"no certificate", t.one.clID, t.one.password, nil, true},
	}
	for _, a := range attempts {
		if a.needs && right == nil {
			t.remark("no client certificates are given, so logins with wrong ones were not tried")
			continue
		}
		admitted, err := t.admitted(ctx, a.clID, a.password, a.certificate)
		if err != nil {
			return err
		}
		if admitted {
			t.find("EPP_LOGIN_UNEXPECTEDLY_SUCCEEDED", "with %s", a.what)
		}
	}
	for _, account := range []account{t.one, t.two} {
		admitted, err := t.admitted(ctx, account.clID, account.password, account.certificate)
		if err != nil {
			return err
		}
		if !admitted {
			t.find("EPP_LOGIN_UNEXPECTEDLY_FAILED", "as %s, with all as it should be", account.clID)
		}
	}
	return nil
}

// admitted says whether a login succeeds. To refuse the connection, or to close it, is to refuse the login.
func (t *trial) admitted(ctx context.Context, clID, password string, cert *tls.Certificate) (bool, error) {
	t.checked = true
	s, err := t.connect(ctx, t.addresses[0], account{clID: clID, password: password, certificate: cert})
	if err != nil {
		return false, ctx.Err()
	}
	r, err := s.login(ctx, clID, password)
	if err != nil {
		return false, ctx.Err()
	}
	if r.code == 2400 {
		t.about(r, genericError, "login as %s", clID)
		return false, nil
	}
	s.in = !r.failed()
	return s.in, nil
}

// selfSigned makes a certificate of nobody's.
func selfSigned(name string) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
