package transport

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"

	"quorate/transport/pki"
)

// clientTLS is the configuration to dial one node with one protocol.
func (t *Transport) clientTLS(peer string, p Protocol) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		NextProtos: []string{alpn(p, t.config.Generation), bootPrefix + t.boot},
		ServerName: peer, // logs on the other side; nothing is decided on it
		// A node is known by the id in its certificate, not by a host name: verifyNode does what is skipped here, and more.
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			return t.verifyDialled(peer, state)
		},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return t.config.GetCertificate() },
	}
}

// serverTLS is the configuration of the listener.
func (t *Transport) serverTLS() *tls.Config {
	base := &tls.Config{
		MinVersion: tls.VersionTLS13,
		// Ask for a certificate but leave every check, its absence included, to verifyAccepted: one place to refuse, log and count.
		ClientAuth:             tls.RequestClientCert,
		GetCertificate:         func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return t.config.GetCertificate() },
		SessionTicketsDisabled: true, // no resumption: each connection proves itself anew, and 0-RTT is impossible
	}
	for _, p := range protocols {
		base.NextProtos = append(base.NextProtos, alpn(p, t.config.Generation))
	}
	base.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		remote := hello.Conn.RemoteAddr()
		if err := t.checkOffer(hello.SupportedProtos); err != nil {
			t.refused(remote, err)
			return nil, err
		}
		config := base.Clone()
		config.GetConfigForClient = nil
		config.VerifyConnection = func(state tls.ConnectionState) error {
			err := t.verifyAccepted(state, bootOffered(hello.SupportedProtos), remote)
			if err != nil {
				t.refused(remote, err)
				return err
			}
			return nil
		}
		return config, nil
	}
	return base
}

// checkOffer refuses a client none of whose protocols is spoken here. TLS would do so by itself, but silently.
func (t *Transport) checkOffer(offered []string) *RefusedError {
	for _, s := range offered {
		p, version, generation, ok := parseALPN(s)
		switch {
		case !ok:
		case version != wireVersion:
			return refuse("", ReasonProtocol, "the peer speaks version %d of the %s protocol, this node version %d", version, p, wireVersion)
		case generation != t.config.Generation:
			return refuse("", ReasonProtocol, "the peer is of cluster generation %d, this node of %d", generation, t.config.Generation)
		default:
			return nil
		}
	}
	return refuse("", ReasonProtocol, "the peer offers no protocol of this program: %q", offered)
}

// verifyDialled is nil if the certificate that a dialled node showed is exactly that node's. Its errors are *RefusedError.
func (t *Transport) verifyDialled(peer string, state tls.ConnectionState) error {
	id, err := t.verifyNode(state.PeerCertificates, x509.ExtKeyUsageServerAuth)
	if err != nil {
		err.Peer = peer
		return err
	}
	if id != peer {
		return refuse(peer, ReasonIdentity, "dialled %s, but the certificate is of %s", peer, id)
	}
	return nil
}

// verifyAccepted is nil if the certificate that a dialling peer showed is that of another member, of which no other process is connected.
func (t *Transport) verifyAccepted(state tls.ConnectionState, boot string, remote net.Addr) *RefusedError {
	id, err := t.verifyNode(state.PeerCertificates, x509.ExtKeyUsageClientAuth)
	if err != nil {
		return err
	}
	if id == t.config.NodeID {
		return refuse(id, ReasonNotMember, "the peer calls itself %s, which is this node: two nodes share an id, or this one dials itself", id)
	}
	if err := t.config.Authorize(id); err != nil {
		return refuse(id, ReasonNotMember, "node %s may not connect: %w", id, err)
	}
	return t.claim(id, boot, remote)
}

// verifyNode returns the id of the node that a verified certificate of this cluster belongs to.
func (t *Transport) verifyNode(chain []*x509.Certificate, usage x509.ExtKeyUsage) (string, *RefusedError) {
	if len(chain) == 0 {
		return "", refuse("", ReasonNoCertificate, "the peer showed no certificate")
	}
	options := x509.VerifyOptions{Roots: t.config.CA, Intermediates: x509.NewCertPool(), KeyUsages: []x509.ExtKeyUsage{usage}}
	for _, cert := range chain[1:] {
		options.Intermediates.AddCert(cert)
	}
	if _, err := chain[0].Verify(options); err != nil {
		return "", refuse("", chainReason(err), "certificate with fingerprint %s: %w", pki.Fingerprint(chain[0]), err)
	}
	id, err := pki.ParseIdentity(chain[0])
	switch {
	case err != nil:
		return "", refuse("", ReasonIdentity, "certificate with fingerprint %s: %w", pki.Fingerprint(chain[0]), err)
	case id.Cluster != t.config.Cluster:
		return "", refuse("", ReasonIdentity, "%s is of another cluster, this node is of %s", id, t.config.Cluster)
	case id.Role != pki.RoleNode:
		return "", refuse("", ReasonIdentity, "%s is not a node", id)
	}
	return id.Name, nil
}

// refused counts and logs a handshake that this node refused as the accepting side.
func (t *Transport) refused(remote net.Addr, err *RefusedError) {
	t.counters.refused(err.Reason)
	host := remote.String()
	if udp, ok := remote.(*net.UDPAddr); ok {
		host = udp.IP.String() // strangers come from a new port each time
	}
	t.notices.log(slog.LevelWarn, "refused a connection", host+" "+err.Peer+" "+string(err.Reason),
		"remote", remote.String(), "peer", err.Peer, "reason", string(err.Reason), "error", err.Err)
}
