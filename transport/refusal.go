package transport

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
)

// Reason is why a handshake between nodes was refused.
type Reason string

// The reasons. Each has its own TLS alert (RFC 8446 §6.2), so that the side that is refused can say nearly the same as the side that
// refuses; where several share one, the first is what the refused side reports.
const (
	ReasonNoCertificate Reason = "no-certificate" // the peer showed none
	ReasonUntrusted     Reason = "untrusted"      // not signed by this cluster's authority, or not for this use
	ReasonExpired       Reason = "expired"        // outside its validity period
	ReasonIdentity      Reason = "identity"       // another cluster's, not a node's, or not the node that was dialled
	ReasonNotMember     Reason = "not-member"     // Config.Authorize said no, or it is our own id
	ReasonDuplicate     Reason = "duplicate"      // another process with this node's id is connected
	ReasonProtocol      Reason = "protocol"       // another generation of the cluster, or another version of the protocol
)

var reasonAlerts = [...]struct {
	reason Reason
	alert  tls.AlertError
}{
	{ReasonNoCertificate, 116}, // certificate_required
	{ReasonUntrusted, 48},      // unknown_ca
	{ReasonExpired, 45},        // certificate_expired
	{ReasonIdentity, 42},       // bad_certificate
	{ReasonNotMember, 49},      // access_denied
	{ReasonDuplicate, 46},      // certificate_unknown
	{ReasonProtocol, 120},      // no_application_protocol
}

func alertReason(alert tls.AlertError) Reason {
	for _, r := range reasonAlerts {
		if r.alert == alert {
			return r.reason
		}
	}
	return ""
}

// RefusedError says that a handshake between nodes was refused.
type RefusedError struct {
	Peer   string // the id dialled; for an inbound connection the id in its certificate if that far was trusted, else empty
	Reason Reason
	ByPeer bool  // the peer refused us, and why is known from its alert alone
	Err    error // the details; nil if ByPeer
}

// Error says who refused whom and why.
func (e *RefusedError) Error() string {
	if e.ByPeer {
		return fmt.Sprintf("%s refused this node: %s", e.Peer, e.Reason)
	}
	return fmt.Sprintf("refused: %s: %s", e.Reason, e.Err)
}

// Unwrap includes the TLS alert, by which crypto/tls knows what to tell the peer.
func (e *RefusedError) Unwrap() []error {
	if e.ByPeer {
		return nil
	}
	errs := []error{e.Err}
	for _, r := range reasonAlerts {
		if r.reason == e.Reason {
			errs = append(errs, r.alert)
		}
	}
	return errs
}

func refuse(peer string, reason Reason, format string, args ...any) *RefusedError {
	return &RefusedError{Peer: peer, Reason: reason, Err: fmt.Errorf(format, args...)}
}

// chainReason is the reason in an error of x509's Verify.
func chainReason(err error) Reason {
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		return ReasonExpired
	}
	return ReasonUntrusted
}
