package rst

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"slices"
	"time"
)

// recommended are the cipher suites of TLS 1.2 that RFC 9325 §4.2 recommends. Those of TLS 1.3 are all fit (§4.2.1).
var recommended = []uint16{
	tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
}

// connectivity is epp-01.
func connectivity(ctx context.Context, t *trial) error {
	t.addressRecords(ctx)
	reached := 0
	for _, address := range t.addresses {
		conn, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(ctx, "tcp", address)
		if err != nil {
			t.find(unreachable, "%v", err)
			continue
		}
		conn.Close()
		t.checked = true
		reached++
		t.transportSecurity(ctx, address)
	}
	if reached == 0 {
		t.find(allUnreachable, "none of %q", t.addresses)
	}
	return nil
}

// addressRecords looks for the host name's A and AAAA records.
func (t *trial) addressRecords(ctx context.Context) {
	if !t.o.Online || t.in.HostName == "" {
		t.waive("A and AAAA records of the EPP host name")
		return
	}
	ips, err := net.DefaultResolver.LookupIP(ctx, "ip", t.in.HostName)
	if err != nil {
		t.find(dnsError, "%v", err)
		return
	}
	isV4 := func(ip net.IP) bool { return ip.To4() != nil }
	if !slices.ContainsFunc(ips, isV4) {
		t.find("EPP_MISSING_A_RECORDS", "%s has no A record", t.in.HostName)
	}
	if !slices.ContainsFunc(ips, func(ip net.IP) bool { return !isV4(ip) }) {
		t.find("EPP_MISSING_AAAA_RECORDS", "%s has no AAAA record", t.in.HostName)
	}
}

// transportSecurity checks protocols, certificate and ciphers at an address.
func (t *trial) transportSecurity(ctx context.Context, address string) {
	cfg := t.tlsConfig(address)
	cfg.MaxVersion, cfg.InsecureSkipVerify = tls.VersionTLS12, true // verified below, one thing at a time
	if t.one.certificate != nil {
		cfg.Certificates = []tls.Certificate{*t.one.certificate}
	}
	if state, err := handshake(ctx, address, cfg); err != nil {
		t.findAt(address, "EPP_TLS_REQUIRED_PROTOCOL_NOT_SUPPORTED", "TLS 1.2: %v", err)
	} else if !slices.Contains(recommended, state.CipherSuite) {
		t.find("EPP_TLS_BAD_CIPHER", "%s chooses %s", address, tls.CipherSuiteName(state.CipherSuite))
	}
	old := cfg.Clone()
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	if state, err := handshake(ctx, address, old); err == nil {
		t.find("EPP_TLS_FORBIDDEN_PROTOCOL_SUPPORTED", "%s speaks %s", address, tls.VersionName(state.Version))
	}
	newest := cfg.Clone()
	newest.MaxVersion = 0
	state, err := handshake(ctx, address, newest)
	if err != nil {
		t.findAt(address, tlsError, "%v", err)
		return
	}
	t.certificates(address, cfg.ServerName, state.PeerCertificates)
}

// certificates checks the chain that an address presents.
func (t *trial) certificates(address, name string, chain []*x509.Certificate) {
	if len(chain) == 0 {
		t.find("EPP_TLS_UNTRUSTED_CERTIFICATE", "%s presents none", address)
		return
	}
	intermediates := x509.NewCertPool()
	for _, c := range chain {
		if now := time.Now(); now.After(c.NotAfter) || now.Before(c.NotBefore) {
			t.findAt(address, "EPP_TLS_EXPIRED_CERTIFICATE", "%s is valid from %v to %v", c.Subject, c.NotBefore, c.NotAfter)
		}
		if c != chain[0] {
			intermediates.AddCert(c)
		}
	}
	if err := chain[0].VerifyHostname(name); err != nil {
		t.findAt(address, "EPP_TLS_CERTIFICATE_HOSTNAME_MISMATCH", "%v", err)
	}
	if t.roots != nil {
		t.waive("whether the certificate's authority is in the public stores; it was held against epp.caFile")
	} else if !t.o.Online {
		t.waive("whether the certificate's authority is in the public stores")
		return
	}
	_, err := chain[0].Verify(x509.VerifyOptions{Roots: t.roots, Intermediates: intermediates})
	var unknown x509.UnknownAuthorityError
	switch {
	case err == nil:
	case errors.As(err, &unknown) && len(chain) == 1 && chain[0].Issuer.String() != chain[0].Subject.String():
		t.findAt(address, "EPP_TLS_CERTIFICATE_CHAIN_MISSING", "%v", err)
	default:
		t.findAt(address, "EPP_TLS_UNTRUSTED_CERTIFICATE", "%v", err)
	}
}

// handshake connects, and says what was agreed.
func handshake(ctx context.Context, address string, cfg *tls.Config) (tls.ConnectionState, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := (&tls.Dialer{Config: cfg}).DialContext(ctx, "tcp", address)
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState(), nil
}
