package transport

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/quic-go/quic-go"

	"quorate/transport/pki"
)

// Resolver says where a node is to be reached. It is asked before every dial, so a changed answer takes effect with the next
// connection (see Disconnect). It must not block for long and is called from several goroutines.
type Resolver interface {
	// Resolve returns the UDP address of a node as host:port, the host an IP address or a DNS name.
	Resolve(nodeID string) (hostport string, err error)
}

// ResolverFunc is a function that is a Resolver.
type ResolverFunc func(nodeID string) (string, error)

// Resolve calls f.
func (f ResolverFunc) Resolve(nodeID string) (string, error) { return f(nodeID) }

// Config is what a Transport needs to know. Fields without a stated default are required.
type Config struct {
	// NodeID is this node's id and raft address; Cluster the cluster's name. Both must be what the certificate says.
	NodeID  string
	Cluster string

	// Generation is the cluster's generation. It is part of every handshake: nodes of different generations refuse each other, so
	// after a recovery from a lost majority the nodes left behind can't come back with their old log.
	Generation uint64

	// Listen is the UDP address to listen on and to dial from, as host:port. An empty host is all interfaces, port 0 any port.
	Listen string

	// Certificate is this node's certificate with its key. GetCertificate, if set, is used instead and asked in every handshake, so
	// that a certificate can be replaced without closing the transport. It must be quick.
	Certificate    tls.Certificate
	GetCertificate func() (*tls.Certificate, error)

	// CA is the cluster's authority: the only one trusted.
	CA *x509.CertPool

	// Resolver says where nodes are.
	Resolver Resolver

	// Authorize returns nil if the node may connect to this one (it is a member), else the reason for the log. It is asked in each
	// inbound handshake; call Disconnect when the answer for a node changes.
	Authorize func(nodeID string) error

	// Refused, if set, is called when a peer has refused this node's connection, from several goroutines. It must be quick.
	Refused func(peer string, reason Reason)

	// Logger is where events are logged; slog.Default by default.
	Logger *slog.Logger

	// DialTimeout is how long a handshake may take, in either direction; DefaultDialTimeout if zero.
	DialTimeout time.Duration

	// IdleTimeout is how long a connection lives without a packet from the peer, DefaultIdleTimeout if zero. It bounds how long a call
	// hangs on a peer that was killed or cut off, and how long after a cut has healed the old connection's back-off is waited
	// out: with QUIC's usual 30 s a group took 5 s to come back, with 1 s it takes 1.4 s. It must be well above the round-trip time (QUIC
	// itself keeps it above three probe timeouts). The smaller of both peers' counts.
	IdleTimeout time.Duration

	// KeepAlive is the pause after which an idle connection is probed, DefaultKeepAlive if zero: short enough that several
	// probes fit into IdleTimeout and one lost packet is no lost connection. Three connections to each peer cost
	// 24 small packets a second.
	KeepAlive time.Duration

	// CloseTimeout bounds how long Close waits for requests being served; DefaultCloseTimeout if zero.
	CloseTimeout time.Duration
}

// withDefaults returns the configuration with its defaults filled in, or the first thing wrong with it.
func (c Config) withDefaults() (Config, error) {
	switch {
	case c.CA == nil:
		return c, errors.New("no CA")
	case c.Resolver == nil:
		return c, errors.New("no Resolver")
	case c.Authorize == nil:
		return c, errors.New("no Authorize")
	case c.DialTimeout < 0 || c.IdleTimeout < 0 || c.KeepAlive < 0 || c.CloseTimeout < 0:
		return c, errors.New("a timeout is negative")
	}
	if c.GetCertificate == nil {
		cert := c.Certificate
		c.GetCertificate = func() (*tls.Certificate, error) { return &cert, nil }
	}
	if c.Refused == nil {
		c.Refused = func(string, Reason) {}
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	for _, d := range []struct {
		value    *time.Duration
		fallback time.Duration
	}{
		{&c.DialTimeout, DefaultDialTimeout},
		{&c.IdleTimeout, DefaultIdleTimeout},
		{&c.KeepAlive, DefaultKeepAlive},
		{&c.CloseTimeout, DefaultCloseTimeout},
	} {
		if *d.value == 0 {
			*d.value = d.fallback
		}
	}
	return c, nil
}

// checkCertificate refuses to start with a certificate that every peer would refuse.
func (t *Transport) checkCertificate() (*tls.Certificate, error) {
	cert, err := t.config.GetCertificate()
	if err != nil {
		return nil, err
	}
	if len(cert.Certificate) == 0 || cert.PrivateKey == nil {
		return nil, errors.New("no certificate or no key")
	}
	var chain []*x509.Certificate
	for _, der := range cert.Certificate {
		parsed, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		chain = append(chain, parsed)
	}
	for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
		id, err := t.verifyNode(chain, usage)
		if err != nil {
			return nil, err.Err
		}
		if id != t.config.NodeID {
			return nil, fmt.Errorf("it is of node %s, this is node %s", id, t.config.NodeID)
		}
	}
	return cert, nil
}

func (c Config) quic() *quic.Config {
	return &quic.Config{
		HandshakeIdleTimeout:           c.DialTimeout,
		MaxIdleTimeout:                 c.IdleTimeout,
		KeepAlivePeriod:                c.KeepAlive,
		InitialStreamReceiveWindow:     initialStreamWindow,
		MaxStreamReceiveWindow:         maxStreamWindow,
		InitialConnectionReceiveWindow: initialConnectionWindow,
		MaxConnectionReceiveWindow:     maxConnectionWindow,
		MaxIncomingStreams:             maxStreams,
		MaxIncomingUniStreams:          -1,
		Allow0RTT:                      false, // a replayed request would be served twice
	}
}

// resetKey is the key of QUIC's stateless resets (RFC 9000 §10.3). It is derived from the node's private key so that it outlives the
// process: after a crash the restarted node resets the connections of its former life at the next call (a keep-alive is too small), instead of leaving its peers to time
// out. A key that can't be read (one in a hardware module) yields none, and time-outs do the work.
func resetKey(cert *tls.Certificate) *quic.StatelessResetKey {
	der, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		return nil
	}
	derived, err := hkdf.Key(sha256.New, der, nil, "quorate stateless reset", len(quic.StatelessResetKey{}))
	if err != nil {
		return nil
	}
	return (*quic.StatelessResetKey)(derived)
}

// lookup resolves host:port to an address that the socket can send to.
func lookup(ctx context.Context, hostport string, local *net.UDPAddr) (*net.UDPAddr, error) {
	host, service, err := net.SplitHostPort(hostport)
	if err != nil {
		return nil, err
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "udp", service)
	if err != nil {
		return nil, err
	}
	network := "ip" // a socket on all interfaces sends to both families
	switch {
	case local.IP.IsUnspecified():
	case local.IP.To4() != nil:
		network = "ip4"
	default:
		network = "ip6"
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, network, host)
	if err != nil {
		return nil, err
	}
	addr := addrs[0].Unmap()
	return &net.UDPAddr{IP: addr.AsSlice(), Port: port, Zone: addr.Zone()}, nil
}

// validateMethod panics on a method name that couldn't be called: it is a constant of the program.
func validateMethod(method string) {
	if method == "" || len(method) > MaxMethod {
		panic(fmt.Sprintf("transport: method name %q has not 1 to %d bytes", method, MaxMethod))
	}
}

// identity returns the id of the node at the other end of a connection whose handshake is complete, and what is spoken on it.
func identity(conn *quic.Conn) (peer string, p Protocol, expires time.Time, err error) {
	state := conn.ConnectionState().TLS
	p, _, _, ok := parseALPN(state.NegotiatedProtocol)
	if !ok || len(state.PeerCertificates) == 0 {
		return "", "", time.Time{}, fmt.Errorf("connection with protocol %q and %d certificates", state.NegotiatedProtocol, len(state.PeerCertificates))
	}
	id, err := pki.ParseIdentity(state.PeerCertificates[0])
	return id.Name, p, state.PeerCertificates[0].NotAfter, err
}
