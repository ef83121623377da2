package pki

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Scheme is the scheme of the URI that carries an identity.
const Scheme = "quorate"

// Role says what a certificate is for.
type Role string

// The roles. A certificate has exactly one.
const (
	RoleCA        Role = "ca"        // signs the others
	RoleNode      Role = "node"      // a cluster member: both ends of the node-to-node connections
	RoleServer    Role = "server"    // a listener that the world sees: EPP, RDAP, admin
	RoleRegistrar Role = "registrar" // an EPP client
	RoleOperator  Role = "operator"  // an administrator's client
)

// ErrIdentity is wrapped by every error about a certificate that has no valid identity.
var ErrIdentity = errors.New("no valid quorate identity")

// Identity is who a certificate belongs to.
type Identity struct {
	Cluster string // a DNS name in lower case, at most MaxClusterName bytes
	Role    Role
	Name    string // the node id, registrar id or operator's name, at most MaxName bytes
}

// URI is the identity as a subject alternative name: quorate://CLUSTER/ROLE/NAME, the name percent-encoded.
func (id Identity) URI() *url.URL {
	path := "/" + string(id.Role) + "/" + id.Name
	return &url.URL{Scheme: Scheme, Host: id.Cluster, Path: path, RawPath: "/" + string(id.Role) + "/" + url.PathEscape(id.Name)}
}

// String is the identity's URI.
func (id Identity) String() string { return id.URI().String() }

// Validate reports the first thing wrong with the identity, wrapping ErrIdentity.
func (id Identity) Validate() error {
	if err := validateCluster(id.Cluster); err != nil {
		return err
	}
	switch id.Role {
	case RoleCA, RoleNode, RoleServer, RoleRegistrar, RoleOperator:
	default:
		return fmt.Errorf("%w: unknown role %q", ErrIdentity, id.Role)
	}
	if id.Role == RoleNode {
		return validateNodeID(id.Name)
	}
	return validateName(id.Name)
}

// ParseIdentity returns the identity in a certificate. It looks at the names only: that the certificate is signed by the cluster's
// authority and in date is for the caller to have verified. Every error wraps ErrIdentity.
func ParseIdentity(cert *x509.Certificate) (Identity, error) {
	var found []*url.URL
	for _, uri := range cert.URIs {
		if uri.Scheme == Scheme {
			found = append(found, uri)
		}
	}
	// Two identities in one certificate would let each reader pick the one it likes.
	if len(found) != 1 {
		return Identity{}, fmt.Errorf("%w: %d URIs with the scheme %q in the certificate, want 1", ErrIdentity, len(found), Scheme)
	}
	return parseURI(found[0])
}

func parseURI(uri *url.URL) (Identity, error) {
	role, name, ok := strings.Cut(strings.TrimPrefix(uri.EscapedPath(), "/"), "/")
	if !ok {
		return Identity{}, fmt.Errorf("%w: %q is not %s://CLUSTER/ROLE/NAME", ErrIdentity, uri.Redacted(), Scheme)
	}
	name, err := url.PathUnescape(name)
	if err != nil {
		return Identity{}, fmt.Errorf("%w: %w", ErrIdentity, err)
	}
	id := Identity{Cluster: uri.Host, Role: Role(role), Name: name}
	if err := id.Validate(); err != nil {
		return Identity{}, err
	}
	// One identity has one spelling: user information, a query, a fragment or needless escapes are refused.
	if id.String() != uri.String() {
		return Identity{}, fmt.Errorf("%w: %q is not the canonical form of %q", ErrIdentity, uri.Redacted(), id)
	}
	return id, nil
}

// Fingerprint is the SHA-256 of the certificate as it is signed (DER), in lower-case hexadecimal.
func Fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return hex.EncodeToString(sum[:])
}

func validateCluster(name string) error {
	if name == "" || len(name) > MaxClusterName {
		return fmt.Errorf("%w: a cluster's name has 1 to %d characters, not %d", ErrIdentity, MaxClusterName, len(name))
	}
	for label := range strings.SplitSeq(name, ".") {
		if !isLabel(label) {
			return fmt.Errorf("%w: cluster %q: use lower-case letters, digits, and hyphens or dots between them", ErrIdentity, name)
		}
	}
	return nil
}

func validateNodeID(id string) error {
	if len(id) > MaxName || !isLabel(id) {
		return fmt.Errorf("%w: node id %q: use 1 to %d lower-case letters, digits, and hyphens between them", ErrIdentity, id, MaxName)
	}
	return nil
}

func validateName(name string) error {
	if name == "" || len(name) > MaxName || !utf8.ValidString(name) {
		return fmt.Errorf("%w: a name has 1 to %d bytes of UTF-8", ErrIdentity, MaxName)
	}
	if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsGraphic(r) }) {
		return fmt.Errorf("%w: name %q has characters that can't be seen", ErrIdentity, name)
	}
	return nil
}

// isLabel tells whether s is letters, digits and inner hyphens, in lower case (RFC 1123 §2.1 without its length).
func isLabel(s string) bool {
	for i := range len(s) {
		c := s[i]
		letterOrDigit := 'a' <= c && c <= 'z' || '0' <= c && c <= '9'
		if !letterOrDigit && (c != '-' || i == 0 || i == len(s)-1) {
			return false
		}
	}
	return s != ""
}
