package epp

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"quorate/epp/password"
	"quorate/fsm"
	"quorate/fsm/registry"
	"quorate/transport/pki"
)

// peer is who is at the other end: what TLS and the network say of it.
type peer struct {
	certificate registry.Certificate
	address     netip.Addr // never an IPv4 address in IPv6 form
}

func identify(certificate *x509.Certificate, remote net.Addr) (c peer, err error) {
	sum := sha256.Sum256(certificate.Raw)
	c.certificate.Fingerprint = hex.EncodeToString(sum[:])
	if c.certificate.Issuer, err = pki.DistinguishedName(certificate.RawIssuer); err != nil {
		return c, err
	}
	if c.certificate.Subject, err = pki.DistinguishedName(certificate.RawSubject); err != nil {
		return c, err
	}
	c.address, err = addressOf(remote)
	return c, err
}

// addressOf is the address that a connection comes from.
func addressOf(remote net.Addr) (netip.Addr, error) {
	at, err := netip.ParseAddrPort(remote.String())
	if err != nil {
		return netip.Addr{}, fmt.Errorf("the client's address: %w", err)
	}
	return at.Addr().Unmap().WithZone(""), nil
}

// admitted is a registrar as it was when its login was judged.
type admitted struct {
	registry.Registrar
	known  bool
	now    registry.Time
	policy registry.Access
	level  registry.Level
}

// read reads the registrar with a clID.
func (s *session) read(ctx context.Context, level fsm.Level, clID string) (a admitted, err error) {
	err = s.registry.View(ctx, level, 0, func(v fsm.View) error {
		a.Registrar, a.known = v.Registrar(clID)
		a.now, a.policy, a.level = v.Now(), v.Access(), v.Level()
		return nil
	})
	return a, err
}

// refuses is why the client may not be this registrar, whatever the password; "" if it may.
func (s *session) refuses(a *admitted) string {
	switch {
	case !a.known:
		return "unknown_registrar"
	default:
		return a.Refuses(s.peer.certificate, s.peer.address.AsSlice(), a.now)
	}
}

// authenticate finds out whether the client is the registrar that it says it
// is: the certificate and the address must be the registrar's, and the password right. Whatever
// is wrong, the client hears the same; only the log tells. The costly hash comes
// last. The node's own copy of the state will do for a yes; before a no, all that was acknowledged anywhere is looked at,
// so that a password, certificate or registrar of a second ago is good at every node.
func (s *session) authenticate(ctx context.Context, l *login) (admitted, *registry.Failure) {
	var judged admitted
	var why string
	for _, level := range []fsm.Level{fsm.Local, fsm.Linearizable} {
		a, err := s.read(ctx, level, l.clID)
		if err != nil {
			return a, s.loginImpossible(l, err)
		}
		if why == "password" && a.LastEvent == judged.LastEvent {
			break // it is as wrong as it was: no need to hash again
		}
		judged = a
		if why, err = s.judge(ctx, l, &a); err != nil {
			return a, s.loginImpossible(l, err)
		}
		if why == "" {
			return a, nil
		}
	}
	return judged, s.loginWrong(l, why)
}

// judge says in a word what is wrong with a login; "" if nothing is.
func (s *session) judge(ctx context.Context, l *login, a *admitted) (why string, err error) {
	if why := s.refuses(a); why != "" {
		return why, nil
	}
	if a.Locked(a.now) {
		return "locked", nil
	}
	right, err := s.server.passwords.Verify(ctx, password.Subject{Registrar: a.ID, Certificate: s.peer.certificate.Fingerprint, Hash: a.Password}, l.password)
	if err == nil && !right {
		why = "password"
	}
	return why, err
}

// standing ends the session of a registrar that may not have one any more: one
// that was suspended, or whose certificate or network was removed.
func (s *session) standing(ctx context.Context) *registry.Failure {
	a, err := s.read(ctx, fsm.Local, s.registrar)
	if err != nil {
		return registry.Fail(registry.CommandFailed, "", "", "the registry can't be read now")
	}
	why := s.refuses(&a)
	if why == "" {
		return nil
	}
	s.log.Info("EPP session ended", "why", why)
	return registry.Fail(registry.AuthenticationClosing, "clID", s.registrar, "%s", map[string]string{
		"certificate": "the session's certificate is not the registrar's any more",
		"address":     "the registrar may not come from this address any more",
		"suspended":   "the registrar has been suspended",
	}[why])
}

// loginWrong answers 2200, or 2501 once a connection has failed too often.
func (s *session) loginWrong(l *login, why string) *registry.Failure {
	s.failures++
	s.server.metrics.logins.WithLabelValues(why).Inc()
	s.log.Info("EPP login refused", "clID", l.clID, "why", why, "failures", s.failures, "certificate", s.peer.certificate.Fingerprint)
	code := registry.AuthenticationError
	if s.failures >= maxFailedLogins {
		code = registry.AuthenticationClosing
	}
	return registry.Fail(code, "", "", "")
}

// loginImpossible answers 2400: nothing was found out about the client.
func (s *session) loginImpossible(l *login, err error) *registry.Failure {
	outcome := "error"
	if errors.Is(err, password.ErrBusy) {
		outcome = "busy"
	}
	s.server.metrics.logins.WithLabelValues(outcome).Inc()
	s.log.Warn("EPP login impossible", "clID", l.clID, "error", err)
	return registry.Fail(registry.CommandFailed, "", "", "")
}
