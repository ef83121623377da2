package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"time"
)

// ErrNotCA is returned when a certificate that should be a cluster's authority isn't one.
var ErrNotCA = errors.New("not a cluster's certificate authority")

// CA is a cluster's certificate authority. It is safe for concurrent use.
type CA struct {
	cluster string
	cert    *x509.Certificate
	key     *ecdsa.PrivateKey
}

// NewCA makes the authority of a cluster: a fresh ECDSA P-256 key and a self-signed certificate valid for the given time from now.
func NewCA(cluster string, validity time.Duration) (*CA, error) {
	id := Identity{Cluster: cluster, Role: RoleCA, Name: "root"}
	template, err := newTemplate(id, nil, validity)
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the key of %s: %w", id, err)
	}
	template.Subject.CommonName = "Quorate CA of " + cluster
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.MaxPathLenZero = true // no intermediate authorities: this one signs leaves
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	template.SubjectKeyId, err = keyID(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	cert, err := sign(template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	return &CA{cluster: cluster, cert: cert, key: key}, nil
}

// Cluster is the cluster's name.
func (ca *CA) Cluster() string { return ca.cluster }

// Certificate is the authority's own certificate. It must not be changed.
func (ca *CA) Certificate() *x509.Certificate { return ca.cert }

// Pool is a fresh pool that trusts this authority and no other.
func (ca *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	return pool
}

// IssueNode issues a member's certificate, good for both ends of a connection between nodes. The id is the node's raft address;
// hosts (DNS names or IP addresses) are for people and tools: nodes know each other by id alone.
func (ca *CA) IssueNode(id string, hosts []string, validity time.Duration) (tls.Certificate, error) {
	return ca.issue(RoleNode, id, hosts, validity, x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth)
}

// IssueServer issues the certificate of a TLS listener (EPP, RDAP, admin) that clients reach as one of hosts: DNS names or IP
// addresses, at least one. Name says which listener, for people.
func (ca *CA) IssueServer(name string, hosts []string, validity time.Duration) (tls.Certificate, error) {
	if len(hosts) == 0 {
		return tls.Certificate{}, fmt.Errorf("a server's certificate needs at least one DNS name or IP address: %q has none", name)
	}
	return ca.issue(RoleServer, name, hosts, validity, x509.ExtKeyUsageServerAuth)
}

// IssueRegistrar issues the client certificate with which a registrar connects to EPP (RFC 5734 §8).
func (ca *CA) IssueRegistrar(id string, validity time.Duration) (tls.Certificate, error) {
	return ca.issue(RoleRegistrar, id, nil, validity, x509.ExtKeyUsageClientAuth)
}

// IssueOperator issues the client certificate with which an operator uses the admin API.
func (ca *CA) IssueOperator(name string, validity time.Duration) (tls.Certificate, error) {
	return ca.issue(RoleOperator, name, nil, validity, x509.ExtKeyUsageClientAuth)
}

// issue makes a key and signs its certificate. The result carries the leaf alone (every verifier has the authority) and its parsed form.
func (ca *CA) issue(role Role, name string, hosts []string, validity time.Duration, usages ...x509.ExtKeyUsage) (tls.Certificate, error) {
	id := Identity{Cluster: ca.cluster, Role: role, Name: name}
	template, err := newTemplate(id, hosts, validity)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make the key of %s: %w", id, err)
	}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = usages
	template.BasicConstraintsValid = true
	template.AuthorityKeyId = ca.cert.SubjectKeyId
	leaf, err := sign(template, ca.cert, &key.PublicKey, ca.key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("certificate of %s: %w", id, err)
	}
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}, nil
}

func newTemplate(id Identity, hosts []string, validity time.Duration) (*x509.Certificate, error) {
	if err := id.Validate(); err != nil {
		return nil, err
	}
	if validity <= 0 {
		return nil, fmt.Errorf("certificate of %s: a validity of %s is over before it began", id, validity)
	}
	// RFC 5280 §4.1.2.2: positive, at most 20 octets, unique per authority; 128 random bits are all three.
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 128))
	if err != nil {
		return nil, fmt.Errorf("serial number for %s: %w", id, err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(1)),
		Subject:      pkix.Name{Organization: []string{id.Cluster}, CommonName: id.Name},
		NotBefore:    now.Add(-backdate),
		NotAfter:     now.Add(validity),
		URIs:         []*url.URL{id.URI()},
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	return template, nil
}

func sign(template, parent *x509.Certificate, public *ecdsa.PublicKey, key *ecdsa.PrivateKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read back what was signed: %w", err)
	}
	return cert, nil
}

// keyID is the subject key identifier (RFC 7093 §2, method 1: the first 160 bits of a SHA-256).
func keyID(public *ecdsa.PublicKey) ([]byte, error) {
	point, err := public.Bytes()
	if err != nil {
		return nil, fmt.Errorf("encode the public key: %w", err)
	}
	sum := sha256.Sum256(point)
	return sum[:20], nil
}
