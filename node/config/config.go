// Package config reads a node's configuration: one TOML file with what is
// local to the node (addresses, certificates, paths), each setting of which an
// environment variable can override. What the cluster decides together is in the
// replicated state and never here.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
)

// Config is a node's configuration. Paths may be relative to the file's folder.
// docs/CONFIGURATION.md says what each setting means; a test compares the two.
type Config struct {
	Cluster    string   `toml:"cluster"`    // the cluster's name, as in all its certificates
	Node       string   `toml:"node"`       // this node's id, as in its certificate
	Site       string   `toml:"site"`       // where it stands; default: the node's id
	Data       string   `toml:"data"`       // folder of log and state
	Bootstrap  bool     `toml:"bootstrap"`  // begin a new cluster of the seed peers when there is no data; set on one node only
	Repository string   `toml:"repository"` // with bootstrap: suffix of ROIDs (RFC 5730 §2.8)
	Scrub      Duration `toml:"scrub"`      // how often the whole state is read and held against its digest
	KEK        string   `toml:"kek"`        // file with the cluster's key-encryption key: 32 octets in hex

	TLS       TLS       `toml:"tls"`
	Transport Transport `toml:"transport"`
	Raft      Raft      `toml:"raft"`
	EPP       EPP       `toml:"epp"`
	WHOIS     WHOIS     `toml:"whois"`
	RDAP      RDAP      `toml:"rdap"`
	DNS       DNS       `toml:"dns"`
	Admin     Admin     `toml:"admin"`
	Metrics   Metrics   `toml:"metrics"`
	Log       Log       `toml:"log"`

	Peers []Peer `toml:"peer"` // seed: where to find the cluster before the state says so
}

// TLS is the node's identity within the cluster, also shown by the admin API.
type TLS struct {
	CA          string `toml:"ca"`          // the cluster's CA, PEM
	Certificate string `toml:"certificate"` // PEM, with its chain
	Key         string `toml:"key"`         // PEM
}

// Transport is the traffic between nodes.
type Transport struct {
	Listen     string `toml:"listen"`     // host:port, UDP
	Generation uint64 `toml:"generation"` // of the cluster; raised after a recovery from lost majority
}

// Raft is the consensus between nodes.
type Raft struct {
	Heartbeat    Duration `toml:"heartbeat"`     // also election and lease time-out; 3 round trips at least
	SnapshotLogs uint64   `toml:"snapshot_logs"` // entries between markers
	TrailingLogs uint64   `toml:"trailing_logs"` // entries kept for followers that are behind
	InFlight     int      `toml:"in_flight"`     // proposals that may wait for a commit, on the leader; and commands that may wait for a result, on any node
}

// EPP is the registrars' front door (RFC 5734).
type EPP struct {
	Listen                 string   `toml:"listen"`      // host:port, TCP
	Certificate            string   `toml:"certificate"` // server's, PEM
	Key                    string   `toml:"key"`
	ClientCA               string   `toml:"client_ca"`                 // issuers of registrars' certificates, PEM
	MaxSessions            int      `toml:"max_sessions"`              // on this node
	MaxSessionsByRegistrar int      `toml:"max_sessions_by_registrar"` // on this node
	HandshakeRate          int      `toml:"handshake_rate"`            // TLS handshakes a second, on this node
	IdleTimeout            Duration `toml:"idle_timeout"`
	LoginTimeout           Duration `toml:"login_timeout"`
}

// WHOIS is port 43 (RFC 3912).
type WHOIS struct {
	Listen string `toml:"listen"` // host:port, TCP
	Host   string `toml:"host"`   // public host name
	Rate   int    `toml:"rate"`   // queries a second that one client may send; -1: any number
}

// RDAP is the registration data access protocol (RFC 9082).
type RDAP struct {
	Listen      string `toml:"listen"` // host:port, TCP, HTTPS
	Certificate string `toml:"certificate"`
	Key         string `toml:"key"`
	BaseURL     string `toml:"base_url"` // public, with final slash
	TermsURL    string `toml:"terms_url"`
	Rate        int    `toml:"rate"` // queries a second that one client may send; -1: any number
}

// DNS is the authoritative name server.
type DNS struct {
	Listen []string `toml:"listen"` // host:port, UDP and TCP
	NSID   string   `toml:"nsid"`   // RFC 5001; default: the node's id
	Chaos  bool     `toml:"chaos"`  // tell the NSID and the software's name to those who ask in class CHAOS

	Sockets  int  `toml:"sockets"`  // UDP sockets an address, each with a thread; 0: as many as processors
	Portable bool `toml:"portable"` // read queries one by one, as on systems other than Linux

	Cookies     bool `toml:"cookies"`      // DNS cookies (RFC 7873)
	CookieEpoch int  `toml:"cookie_epoch"` // which of the secrets that the cluster has

	RRL      int      `toml:"rrl"`       // answers a second of one kind to one client network; 0: any number
	RRLSlip  int      `toml:"rrl_slip"`  // every nth over the limit is sent truncated; 0: none
	RRLAllow []string `toml:"rrl_allow"` // prefixes without limit

	Transfers int `toml:"transfers"` // zone transfers at once
}

// Admin is the operators' API: HTTPS with certificates of the cluster's CA.
type Admin struct {
	Listen string `toml:"listen"` // host:port, TCP
}

// Metrics is HTTP for probes: /metrics, /healthz, /readyz.
type Metrics struct {
	Listen string `toml:"listen"` // host:port, TCP
}

// Log is how the node logs, to standard error.
type Log struct {
	Level  string `toml:"level"`  // debug, info, warn or error
	Format string `toml:"format"` // text or json
}

// Peer is a node of the cluster.
type Peer struct {
	ID      string `toml:"id"`
	Site    string `toml:"site"`
	Address string `toml:"address"` // host:port of its transport
	Dial    string `toml:"dial"`    // host:port to use instead, from here: networks that differ by place, emulators
}

// Duration is a time.Duration written as in "250ms".
type Duration time.Duration

// UnmarshalText parses a duration.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err == nil && v <= 0 {
		err = fmt.Errorf("duration %q is not positive", text)
	}
	*d = Duration(v)
	return err
}

// MarshalText writes a duration.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// minTrailingLogs bounds raft.trailing_logs from below: more than can be on its way to a follower without the leader knowing that it
// arrived. A follower that cuts its log further than the leader knows can only be sent a copy.
const minTrailingLogs = 8192

// Default is the configuration before the file is read.
func Default() Config {
	return Config{
		Repository: "QUORATE",
		Scrub:      Duration(24 * time.Hour),
		Transport:  Transport{Generation: 1},
		// 250 ms suits round trips of up to 80 ms; beyond, three round trips.
		// Markers cost nothing, so they are frequent; logs are kept long, so that a site that was away needs no copy.
		Raft:  Raft{Heartbeat: Duration(250 * time.Millisecond), SnapshotLogs: 16384, TrailingLogs: 200_000, InFlight: 4096},
		EPP:   EPP{MaxSessions: 10_000, MaxSessionsByRegistrar: 1000, HandshakeRate: 200, IdleTimeout: Duration(10 * time.Minute), LoginTimeout: Duration(30 * time.Second)},
		WHOIS: WHOIS{Rate: 20},
		RDAP:  RDAP{Rate: 20},
		DNS:   DNS{Cookies: true, CookieEpoch: 1, RRLSlip: 2, Transfers: 16},
		Log:   Log{Level: "info", Format: "text"},
	}
}

// Load reads the file at path, applies the environment, and checks the whole.
func Load(path string, environ []string) (Config, error) {
	c := Default()
	b, err := os.ReadFile(path)
	if err != nil {
		return c, fmt.Errorf("reading configuration: %w", err)
	}
	dec := toml.NewDecoder(bytes.NewReader(b)).DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return c, fmt.Errorf("%s: %s", path, explain(err))
	}
	if err := override(&c, environ); err != nil {
		return c, err
	}
	c.resolve(filepath.Dir(path))
	if err := c.check(); err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// explain makes one line of the decoder's error, with the place in the file.
func explain(err error) string {
	var strict *toml.StrictMissingError
	if errors.As(err, &strict) && len(strict.Errors) > 0 {
		row, _ := strict.Errors[0].Position()
		return fmt.Sprintf("line %d: unknown setting %v", row, joinKey(strict.Errors[0].Key()))
	}
	var bad *toml.DecodeError
	if errors.As(err, &bad) {
		row, col := bad.Position()
		return fmt.Sprintf("line %d, column %d: %v", row, col, bad)
	}
	return err.Error()
}

func (c *Config) resolve(folder string) {
	for _, p := range []*string{
		&c.Data, &c.KEK, &c.TLS.CA, &c.TLS.Certificate, &c.TLS.Key,
		&c.EPP.Certificate, &c.EPP.Key, &c.EPP.ClientCA, &c.RDAP.Certificate, &c.RDAP.Key,
	} {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(folder, *p)
		}
	}
	if c.Site == "" {
		c.Site = c.Node
	}
	if len(c.DNS.RRLAllow) == 0 {
		c.DNS.RRLAllow = nil
	}
	if c.DNS.NSID == "" {
		c.DNS.NSID = c.Node
	}
}

// id is what node ids and cluster names may look like: they become parts of
// certificates, svTRIDs and metrics.
var id = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,30}$`)

// repository is what RFC 5730 §2.8 and its schema allow behind an object identifier's hyphen: \w{1,8}, where XML Schema's \w is all
// but punctuation, separators and control characters. U+FFFD stands for what is no UTF-8.
var repository = regexp.MustCompile(`^[^\p{P}\p{Z}\p{C}\x{FFFD}]{1,8}$`)

func (c *Config) check() error {
	var problems []string
	fail := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	// It can't be changed once the cluster has begun, and is ignored from then on.
	if c.Bootstrap && !repository.MatchString(c.Repository) {
		fail("repository: %q is not 1 to 8 letters and digits", c.Repository)
	}
	type named struct{ name, value string }
	for _, v := range []named{{"cluster", c.Cluster}, {"node", c.Node}, {"site", c.Site}} {
		if !id.MatchString(v.value) {
			fail("%s: %q is not 1 to 31 of a-z, 0-9 and hyphens", v.name, v.value)
		}
	}
	for _, v := range []named{
		{"data", c.Data}, {"kek", c.KEK}, {"tls.ca", c.TLS.CA}, {"tls.certificate", c.TLS.Certificate}, {"tls.key", c.TLS.Key},
		{"epp.certificate", c.EPP.Certificate}, {"epp.key", c.EPP.Key}, {"epp.client_ca", c.EPP.ClientCA},
		{"rdap.certificate", c.RDAP.Certificate}, {"rdap.key", c.RDAP.Key},
	} {
		if v.value == "" {
			fail("%s is missing", v.name)
		}
	}
	addresses := []named{
		{"transport.listen", c.Transport.Listen}, {"epp.listen", c.EPP.Listen}, {"whois.listen", c.WHOIS.Listen},
		{"rdap.listen", c.RDAP.Listen}, {"admin.listen", c.Admin.Listen}, {"metrics.listen", c.Metrics.Listen},
	}
	for _, v := range addresses {
		if !isHostPort(v.value) {
			fail("%s: %q is not host:port", v.name, v.value)
		}
	}
	for _, a := range c.DNS.Listen {
		if _, err := netip.ParseAddrPort(a); err != nil {
			fail("dns.listen: %q is not IP:port, as in 192.0.2.53:53", a)
		}
	}
	if len(c.DNS.Listen) == 0 {
		fail("dns.listen is missing")
	}
	for _, v := range []struct {
		name        string
		value       int
		least, most int
	}{
		{"dns.sockets", c.DNS.Sockets, 0, 256}, {"dns.cookie_epoch", c.DNS.CookieEpoch, 1, 1_000_000},
		{"dns.rrl", c.DNS.RRL, 0, 100_000}, {"dns.rrl_slip", c.DNS.RRLSlip, 0, 100}, {"dns.transfers", c.DNS.Transfers, 1, 1024},
	} {
		if v.value < v.least || v.value > v.most {
			fail("%s: %d is not %d to %d", v.name, v.value, v.least, v.most)
		}
	}
	for _, p := range c.DNS.RRLAllow {
		if _, err := netip.ParsePrefix(p); err != nil {
			fail("dns.rrl_allow: %q is not a prefix, as in 192.0.2.0/24", p)
		}
	}
	for _, v := range []named{{"rdap.base_url", c.RDAP.BaseURL}, {"rdap.terms_url", c.RDAP.TermsURL}} {
		if u, err := url.Parse(v.value); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			fail("%s: %q is not a web address", v.name, v.value)
		}
	}
	if !strings.HasSuffix(c.RDAP.BaseURL, "/") {
		fail("rdap.base_url: %q does not end in a slash", c.RDAP.BaseURL)
	}
	if strings.ContainsAny(c.RDAP.BaseURL, "?#") {
		fail("rdap.base_url: %q has a query or a fragment", c.RDAP.BaseURL)
	}
	for _, v := range []struct {
		name  string
		value Duration
		least time.Duration
	}{
		{"scrub", c.Scrub, time.Minute},
		{"raft.heartbeat", c.Raft.Heartbeat, 50 * time.Millisecond},
		{"epp.idle_timeout", c.EPP.IdleTimeout, time.Second},
		{"epp.login_timeout", c.EPP.LoginTimeout, time.Second},
	} {
		if time.Duration(v.value) < v.least {
			fail("%s: %v is less than %v; durations are written as in \"10m\"", v.name, time.Duration(v.value), v.least)
		}
	}
	if c.WHOIS.Rate == 0 || c.RDAP.Rate == 0 {
		fail("whois.rate and rdap.rate are not nought: -1 lifts the limit")
	}
	if c.Raft.InFlight < 1 || c.Raft.SnapshotLogs < 1 || c.EPP.MaxSessions < 1 || c.EPP.MaxSessionsByRegistrar < 1 || c.EPP.HandshakeRate < 1 {
		fail("raft.in_flight, raft.snapshot_logs, epp.max_sessions, epp.max_sessions_by_registrar and epp.handshake_rate are at least 1")
	}
	if c.Raft.TrailingLogs < minTrailingLogs {
		fail("raft.trailing_logs is at least %d", minTrailingLogs)
	}
	problems = append(problems, c.checkPeers()...)
	if len(problems) > 0 {
		return errors.New(strings.Join(problems, "; "))
	}
	return nil
}

func (c *Config) checkPeers() (problems []string) {
	fail := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	seen := map[string]bool{}
	for _, p := range c.Peers {
		if !id.MatchString(p.ID) || seen[p.ID] {
			fail("peer %q: ids are 1 to 31 of a-z, 0-9 and hyphens, each once", p.ID)
		}
		if !isHostPort(p.Address) {
			fail("peer %s: address %q is not host:port", p.ID, p.Address)
		}
		if p.Dial != "" && !isHostPort(p.Dial) {
			fail("peer %s: dial %q is not host:port", p.ID, p.Dial)
		}
		seen[p.ID] = true
	}
	if !seen[c.Node] {
		fail("peer: node %q itself is not among the peers", c.Node)
	}
	return problems
}

// isHostPort says whether something can be listened at, or reached, under text; ports can be services' names.
func isHostPort(text string) bool {
	_, port, err := net.SplitHostPort(text)
	if err != nil || port == "" {
		return false
	}
	_, err = net.LookupPort("ip", port)
	return err == nil
}
