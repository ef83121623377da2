package node

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"quorate/dnsserve"
	"quorate/epp"
	"quorate/epp/password"
	"quorate/node/admin"
	"quorate/node/config"
	"quorate/node/publisher"
	"quorate/rdds"
	"quorate/rdds/rdap"
	"quorate/rdds/whois"
	"quorate/transport/pki"
)

// identity is what the node shows and whom it believes.
type identity struct {
	cluster    *x509.CertPool // issues nodes and operators
	registrars *x509.CertPool // issues registrars
	node       tls.Certificate
	epp, rdap  *servedCertificate
}

func loadIdentity(cfg config.Config) (id *identity, err error) {
	id = &identity{
		epp:  &servedCertificate{name: "epp", cert: cfg.EPP.Certificate, key: cfg.EPP.Key},
		rdap: &servedCertificate{name: "rdap", cert: cfg.RDAP.Certificate, key: cfg.RDAP.Key},
	}
	if id.cluster, err = pki.LoadPool(cfg.TLS.CA); err != nil {
		return nil, fmt.Errorf("tls.ca: %w", err)
	}
	if id.registrars, err = pki.LoadPool(cfg.EPP.ClientCA); err != nil {
		return nil, fmt.Errorf("epp.client_ca: %w", err)
	}
	if id.node, err = pki.Load(cfg.TLS.Certificate, cfg.TLS.Key); err != nil {
		return nil, fmt.Errorf("tls.certificate, tls.key: %w", err)
	}
	if err := ownCertificate(id.node.Leaf, cfg); err != nil {
		return nil, fmt.Errorf("tls.certificate: this node's own certificate: %w", err)
	}
	for _, c := range []*servedCertificate{id.epp, id.rdap} {
		if _, err := c.load(); err != nil {
			return nil, err
		}
	}
	return id, nil
}

// ownCertificate refuses one of another node or cluster before anything in the data folder is touched: images of zones whose cluster isn't
// the configured one are thrown away. Whether it is in date, and the CA's, is the transport's to say.
func ownCertificate(cert *x509.Certificate, cfg config.Config) error {
	is, err := pki.ParseIdentity(cert)
	switch {
	case err != nil:
		return err
	case is.Cluster != cfg.Cluster:
		return fmt.Errorf("it is of another cluster, %s; this node is of %s", is.Cluster, cfg.Cluster)
	case is.Role != pki.RoleNode || is.Name != cfg.Node:
		return fmt.Errorf("it is of %s %s, this is node %s", is.Role, is.Name, cfg.Node)
	}
	return nil
}

// openDNS starts the name server.
func (n *Node) openDNS() (err error) {
	c := n.cfg.DNS
	dc := dnsserve.Config{
		Listen: c.Listen, NSID: c.NSID, UDPWorkers: c.Sockets, PortableUDP: c.Portable, MaxTransfers: c.Transfers,
		RRL: dnsserve.RRL{Rate: c.RRL, Slip: c.RRLSlip}, Transfers: n.transfers, Log: n.log,
	}
	for _, p := range c.RRLAllow {
		dc.RRL.Allow = append(dc.RRL.Allow, netip.MustParsePrefix(p).Masked()) // the configuration was checked
	}
	if c.Chaos {
		dc.ChaosID, dc.ChaosVersion = c.NSID, "quorate"
	}
	if c.Cookies {
		if dc.CookieSecrets, err = n.sealer.cookieSecrets(c.CookieEpoch); err != nil {
			return err
		}
	}
	n.dns = dnsserve.NewServer(dc, n.zones)
	if err := n.dns.Listen(); err != nil {
		return err
	}
	n.serve("dns", func() error { return n.dns.Serve(context.Background()) })
	return nil
}

// openDoors starts all that needs the node's part in the cluster. All ports are taken before anything is served.
func (n *Node) openDoors() (err error) {
	door := registryDoor{n.consensus, n.sealer}
	if n.epp, err = epp.NewServer(n.eppConfig(), door); err != nil {
		return err
	}
	limits := rdds.Limits{Rate: float64(n.cfg.WHOIS.Rate)}
	if n.whois, err = whois.NewServer(whois.Config{Listen: n.cfg.WHOIS.Listen, Limits: limits, Log: n.log}, door); err != nil {
		return err
	}
	limits.Rate = float64(n.cfg.RDAP.Rate)
	if n.rdap, err = rdap.NewServer(rdap.Config{
		Listen: n.cfg.RDAP.Listen, GetCertificate: n.identity.rdap.get, BaseURL: n.cfg.RDAP.BaseURL,
		TermsURL: n.cfg.RDAP.TermsURL, WHOISHost: n.cfg.WHOIS.Host, Limits: limits, Log: n.log,
	}, door); err != nil {
		return err
	}
	n.admin = admin.NewServer(admin.Config{Cluster: n.cfg.Cluster, Registry: adminDoor{n.consensus, n}, Hash: password.Hash, Secrets: n.sealer, Keys: publisher.Keys{Sealer: n.sealer}, Log: n.log},
		func() (*tls.Certificate, error) { return &n.identity.node, nil }, n.identity.cluster)
	n.probe = &http.Server{Handler: n.probes(n.metrics), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	if err := n.register(n.dns, n.notifier.notify, n.epp.Collector(), n.whois, n.rdap); err != nil {
		return err
	}

	eppListener, err := n.listen("epp", n.cfg.EPP.Listen)
	if err != nil {
		return err
	}
	adminListener, err := n.listen("admin", n.cfg.Admin.Listen)
	if err != nil {
		return err
	}
	probeListener, err := n.listen("metrics", n.cfg.Metrics.Listen)
	if err != nil {
		return err
	}
	if err := n.whois.Listen(); err != nil {
		return fmt.Errorf("whois: %w", err)
	}
	if err := n.rdap.Listen(); err != nil {
		return fmt.Errorf("rdap: %w", err)
	}
	ctx := context.Background()
	n.serve("epp", func() error { return n.epp.Serve(ctx, eppListener) })
	n.serve("whois", func() error { return n.whois.Serve(ctx) })
	n.serve("rdap", func() error { return n.rdap.Serve(ctx) })
	n.serve("admin", func() error { return n.admin.Serve(adminListener) })
	n.serve("metrics", func() error { return n.probe.Serve(probeListener) })
	return nil
}

func (n *Node) eppConfig() epp.Config {
	return epp.Config{
		ServerID: "Quorate EPP " + n.cfg.Cluster, Certificate: n.identity.epp.get, ClientCAs: n.identity.registrars, Log: n.log,
		Node: n.cfg.Node, Limiter: n.leases, Leaderless: n.leaderless,
		Limits: epp.Limits{
			HandshakeRate: n.cfg.EPP.HandshakeRate,
			Sessions:      n.cfg.EPP.MaxSessions, SessionsPerRegistrar: n.cfg.EPP.MaxSessionsByRegistrar,
			IdleTime: time.Duration(n.cfg.EPP.IdleTimeout), LoginTime: time.Duration(n.cfg.EPP.LoginTimeout),
		},
	}
}
