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

// maxSessions is how many sessions the registrar may have, on all nodes together.
func (a *admitted) maxSessions() uint32 {
	if a.Sessions > 0 {
		return a.Sessions
	}
	return a.policy.Sessions
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
			s.server.limiter.Forget(failureKey(&a))
			return a, nil
		}
	}
	if why == "password" {
		s.count(ctx, &judged)
	}
	return judged, s.loginWrong(l, why)
}

// turn refuses logins from where too many wrong ones came, and lets those that come too often wait.
func (s *session) turn(ctx context.Context, l *login) *registry.Failure {
	policy := s.server.policy(ctx)
	if s.server.limiter.Count("failure-from/"+s.from, window(policy.FailureWindow), 0) >= addressFailures*policy.Failures {
		s.failures = maxFailedLogins
		return s.loginWrong(l, "address_failures")
	}
	ctx, cancel := context.WithTimeout(ctx, loginPatience)
	defer cancel()
	if err := s.server.spend(ctx, "login", s.from, policy.Logins); err != nil {
		s.server.metrics.logins.WithLabelValues("rate").Inc()
		s.log.Warn("EPP login refused: too many logins", "from", s.from)
		return registry.Fail(registry.SessionLimitClosing, "clID", l.clID, "more than %d logins a second come from this address", policy.Logins)
	}
	return nil
}

// count counts a wrong password of a registrar whose certificate was right: a
// stranger has none, and can't lock anybody out. Past the limit the registrar is locked for a while, in the log.
func (s *session) count(ctx context.Context, a *admitted) {
	within := window(a.policy.FailureWindow)
	s.server.limiter.Count("failure-from/"+s.from, within, 1)
	// Any change of the registrar, a lock that was opened among them, begins the count anew on all nodes.
	failures := s.server.limiter.Count(failureKey(a), within, 1)
	if failures < a.policy.Failures || a.level < 3 {
		return
	}
	result, _, err := s.registry.Execute(ctx, Request{
		Actor: registry.Actor{Role: registry.RoleNode, Name: s.server.config.Node}, Kind: registry.KindRegistrarLock, Body: registry.RegistrarLock{ID: a.ID},
	})
	switch {
	case err != nil:
		s.log.Warn("EPP logins could not be locked", "registrar", a.ID, "failures", failures, "error", err)
	case result.Code.Failed():
		s.log.Info("EPP logins were not locked", "registrar", a.ID, "failures", failures, "reason", result.Fail)
	default:
		s.log.Warn("EPP logins are locked for wrong passwords", "registrar", a.ID, "failures", failures, "for", window(a.policy.LockTime))
	}
}

func failureKey(a *admitted) string { return fmt.Sprintf("failure/%s/%d", a.ID, a.LastEvent) }

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
		return s.command(ctx, &a)
	}
	s.log.Info("EPP session ended", "why", why)
	return registry.Fail(registry.AuthenticationClosing, "clID", s.registrar, "%s", map[string]string{
		"certificate": "the session's certificate is not the registrar's any more",
		"address":     "the registrar may not come from this address any more",
		"suspended":   "the registrar has been suspended",
	}[why])
}

// command lets a registrar's commands wait that come too fast; who doesn't slow down by that is left.
func (s *session) command(ctx context.Context, a *admitted) *registry.Failure {
	err := s.server.spend(ctx, "command", a.ID, a.policy.Commands)
	if err == nil {
		return nil
	}
	s.log.Warn("EPP session ended: too many commands", "error", err)
	return registry.Fail(registry.CommandFailedClosing, "clID", a.ID, "the registrar sends more than %d commands a second", a.policy.Commands)
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
	return registry.Fail(registry.CommandFailed, "login", "", "the registry can't decide about logins now")
}
