package cluster

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/pelletier/go-toml/v2"

	"quorate/node/config"
	"quorate/transport/pki"
)

// What lies in a cluster's folder:
//
//	cluster.json    the plan: ports, names, passwords
//	endpoints.json  for clients; there while the cluster runs
//	kek             the cluster's key-encryption key
//	ca/             ca.pem, ca.key
//	certs/          NAME.pem, NAME.key: site1-node, site1-server, reg1, operator
//	site1/          node.toml, data/, log, lock (held by the site's process, with its pid)
//	wan/            control, and log and lock if the wide area is a process of its own
//	lock            held by the process that starts and watches the sites
const (
	planFile      = "cluster.json"
	endpointsFile = "endpoints.json"
	kekFile       = "kek"
	lockName      = "lock"
	operatorName  = "operator"
	dataFolder    = "data"
)

func (c *Cluster) path(elements ...string) string {
	return filepath.Join(append([]string{c.dir}, elements...)...)
}

// CACert is the path of the cluster's CA certificate.
func (c *Cluster) CACert() string { return c.path("ca", "ca.pem") }

// DataFolder is the path of the site's data: log and state.
func (c *Cluster) DataFolder(site string) string { return c.path(site, dataFolder) }

// certificateFiles are the paths of a certificate and its key.
func (c *Cluster) certificateFiles(name string) (cert, key string) {
	return c.path("certs", name+".pem"), c.path("certs", name+".key")
}

func nodeCert(site string) string   { return site + "-node" }
func serverCert(site string) string { return site + "-server" }

// prepare makes what is missing of the cluster's folder.
func (c *Cluster) prepare() error {
	for _, d := range append([]string{"ca", "certs"}, c.plan.Sites...) {
		if err := os.MkdirAll(c.path(d), 0o700); err != nil {
			return err
		}
	}
	if err := checkDisk(c.dir); err != nil {
		return err
	}
	if err := c.makeCertificates(); err != nil {
		return err
	}
	if err := makeKEK(c.path(kekFile)); err != nil {
		return err
	}
	for _, s := range c.plan.Sites {
		if err := c.writeConfig(s); err != nil {
			return err
		}
	}
	return c.plan.save(c.dir)
}

// checkDisk finds out whether files can be written at dir, and enough of them.
func checkDisk(dir string) error {
	if err := writeFile(filepath.Join(dir, ".probe"), []byte("can files be written here?\n"), 0o600); err != nil {
		return fmt.Errorf("can't write to %s: %w", dir, cause(err))
	}
	os.Remove(filepath.Join(dir, ".probe"))
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return fmt.Errorf("statfs %s: %w", dir, err)
	}
	if free := uint64(st.Bavail) * uint64(st.Bsize); free < minFreeDisk {
		return fmt.Errorf("the disk of %s has %d MiB free; a cluster needs %d MiB to begin with: %w", dir, free>>20, minFreeDisk>>20, syscall.ENOSPC)
	}
	return nil
}

// cause is the error below the path error, whose path would name a temporary file.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

func (c *Cluster) makeCertificates() error {
	ca, err := pki.LoadCA(c.CACert(), c.path("ca", "ca.key"))
	if errors.Is(err, fs.ErrNotExist) && !c.plan.Provisioned {
		if ca, err = pki.NewCA(c.plan.Cluster, certificateValidity); err == nil {
			err = ca.Save(c.CACert(), c.path("ca", "ca.key"))
		}
	}
	if err != nil {
		return fmt.Errorf("the cluster's CA: %w", err)
	}
	local := []string{"localhost", "127.0.0.1", "::1"}
	for _, s := range c.plan.Sites {
		err := c.makeCertificate(nodeCert(s), func(v time.Duration) (tls.Certificate, error) { return ca.IssueNode(s, local, v) })
		if err != nil {
			return err
		}
		err = c.makeCertificate(serverCert(s), func(v time.Duration) (tls.Certificate, error) { return ca.IssueServer(s, local, v) })
		if err != nil {
			return err
		}
	}
	for _, r := range c.plan.Registrars {
		err := c.makeCertificate(r.ID, func(v time.Duration) (tls.Certificate, error) { return ca.IssueRegistrar(r.ID, v) })
		if err != nil {
			return err
		}
	}
	return c.makeCertificate(operatorName, func(v time.Duration) (tls.Certificate, error) { return ca.IssueOperator(operatorName, v) })
}

// makeCertificate issues a certificate unless it is there.
func (c *Cluster) makeCertificate(name string, issue func(time.Duration) (tls.Certificate, error)) error {
	cert, key := c.certificateFiles(name)
	if _, err := pki.Load(cert, key); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	made, err := issue(certificateValidity)
	if err != nil {
		return fmt.Errorf("certificate of %s: %w", name, err)
	}
	return pki.Save(made, cert, key)
}

// siteConfig is the configuration of a site's node.
func (c *Cluster) siteConfig(site string) config.Config {
	a := c.addresses(site)
	// Relative paths keep the folder movable.
	nc, nk := filepath.Join("..", "certs", nodeCert(site)+".pem"), filepath.Join("..", "certs", nodeCert(site)+".key")
	sc, sk := filepath.Join("..", "certs", serverCert(site)+".pem"), filepath.Join("..", "certs", serverCert(site)+".key")
	ca := filepath.Join("..", "ca", "ca.pem")

	cfg := config.Default()
	cfg.Cluster, cfg.Node, cfg.Site = c.plan.Cluster, site, site
	cfg.Data, cfg.KEK = dataFolder, filepath.Join("..", kekFile)
	// Once the cluster exists, a site that lost its data must not found another of the same name.
	cfg.Bootstrap = site == c.plan.Sites[0] && !c.plan.Provisioned
	cfg.TLS = config.TLS{CA: ca, Certificate: nc, Key: nk}
	cfg.Transport.Listen = a.Transport
	if c.options.Heartbeat > 0 {
		cfg.Raft.Heartbeat = config.Duration(c.options.Heartbeat)
	}
	cfg.EPP.Listen, cfg.EPP.Certificate, cfg.EPP.Key, cfg.EPP.ClientCA = a.EPP, sc, sk, ca
	cfg.EPP.MaxSessionsByRegistrar = sessionsByRegistrar
	cfg.WHOIS.Listen, cfg.WHOIS.Host = a.WHOIS, "whois.nic."+c.plan.TLD
	cfg.RDAP.Listen, cfg.RDAP.Certificate, cfg.RDAP.Key = a.RDAP, sc, sk
	cfg.RDAP.BaseURL, cfg.RDAP.TermsURL = "https://"+a.RDAP+"/", "https://nic."+c.plan.TLD+"/terms"
	// Everybody is at one address here: a limit by client would be one for all together.
	cfg.WHOIS.Rate, cfg.RDAP.Rate = -1, -1
	cfg.DNS.Listen, cfg.DNS.NSID = []string{a.DNS}, site
	cfg.Admin.Listen, cfg.Metrics.Listen = a.Admin, a.Metrics
	for _, s := range c.plan.Sites {
		cfg.Peers = append(cfg.Peers, config.Peer{ID: s, Site: s, Address: c.addresses(s).Transport})
	}
	if c.options.WAN != nil {
		c.throughWAN(site, &cfg)
	}
	if c.options.Configure != nil {
		c.options.Configure(site, &cfg)
	}
	return cfg
}

func (c *Cluster) configFile(site string) string { return c.path(site, "node.toml") }

func (c *Cluster) writeConfig(site string) error {
	b, err := toml.Marshal(c.siteConfig(site))
	if err != nil {
		return fmt.Errorf("configuration of %s: %w", site, err)
	}
	header := "# Configuration of " + site + ", written anew at each start of this cluster.\n\n"
	return writeFile(c.configFile(site), append([]byte(header), b...), 0o600)
}
