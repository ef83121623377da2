// Package cluster lays out, starts, breaks and stops a cluster of real node
// processes on one machine, and gives access to its front doors: the
// development cluster of `quorate dev`, and the clusters of end-to-end tests
// and benchmarks.
package cluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"quorate/chaos/wan"
	"quorate/node/admin"
	"quorate/node/config"
)

// Deposit is what each of the registrars with funds has at first, in USD.
const Deposit = "1000000.00"

// Options say what cluster to make. What a cluster that exists already has in
// its folder (names, ports, passwords) goes before them.
type Options struct {
	Dir       string        // the cluster's folder; made if need be
	Binary    string        // path of the quorate binary
	Name      string        // of the cluster; default: dev
	TLD       string        // default: example
	Sites     []string      // default: site1 to site3; at most MaxSites
	PortBase  int           // default: DefaultPortBase; a test reserves a block with ReservePorts
	Heartbeat time.Duration // raft's; default: the node's own
	WAN       *WAN          // an emulated wide area between the sites; nil: none
	Env       []string      // for the nodes, as in os.Environ; QUORATE_… of the caller's don't reach them, but QUORATE_LOG_…
	// Configure, if set, changes a site's configuration before it is written.
	Configure func(site string, c *config.Config)
	// Answered, if set, is shown every XML instance that EPP sessions opened through the cluster receive, but the greeting. It may be
	// called concurrently, and mustn't keep what it is shown.
	Answered func(xml []byte)
}

// SiteNames are the default names of n sites.
func SiteNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("site%d", i+1)
	}
	return names
}

// Cluster is a cluster of node processes. Its methods may be used concurrently
// for different sites.
type Cluster struct {
	dir     string // absolute
	options Options
	plan    plan

	mu       sync.Mutex
	admins   map[string]*admin.Client // by site; made when first needed
	binaries map[string]string        // by site, where it isn't that of the options

	network      *wan.Network // if the wide area lives in this process
	closeNetwork func()
}

// ErrNoCluster says that a folder holds no cluster.
var ErrNoCluster = errors.New("no cluster there")

// New lays out a cluster in o.Dir, or takes up the one that is there, with its configuration written anew. Nothing is started. It
// returns ErrRunning when a site runs already.
func New(o Options) (*Cluster, error) {
	if o.Name == "" {
		o.Name = "dev"
	}
	if o.TLD == "" {
		o.TLD = "example"
	}
	if len(o.Sites) == 0 {
		o.Sites = SiteNames(3)
	}
	if o.PortBase == 0 {
		o.PortBase = DefaultPortBase
	}
	if len(o.Sites) > MaxSites {
		return nil, fmt.Errorf("a cluster on one machine has at most %d sites", MaxSites)
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	c := &Cluster{dir: dir, options: o, admins: map[string]*admin.Client{}}
	c.plan, err = loadPlan(dir)
	if errors.Is(err, fs.ErrNotExist) {
		c.plan, err = newPlan(o), nil
	}
	if err != nil {
		return nil, err
	}
	if err := c.nothingRuns(); err != nil {
		return nil, err
	}
	if err := c.prepare(); err != nil {
		return nil, fmt.Errorf("laying out %s: %w", o.Dir, err)
	}
	return c, nil
}

// Open takes up the cluster at dir without changing anything; ErrNoCluster when there is none.
func Open(dir, binary string) (*Cluster, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	p, err := loadPlan(abs)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", dir, ErrNoCluster)
	}
	if err != nil {
		return nil, err
	}
	return &Cluster{dir: abs, options: Options{Dir: dir, Binary: binary}, plan: p, admins: map[string]*admin.Client{}}, nil
}

// nothingRuns returns ErrRunning when a site has a process.
func (c *Cluster) nothingRuns() error {
	for _, s := range append(c.Sites(), wanName) {
		if pid, held := lockHolder(c.path(s, lockName)); held {
			return fmt.Errorf("%s is %w (pid %d)", s, ErrRunning, pid)
		}
	}
	return nil
}

// Dir is the absolute path of the cluster's folder.
func (c *Cluster) Dir() string { return c.dir }

// TLD is the TLD that the first start creates.
func (c *Cluster) TLD() string { return c.plan.TLD }

// Sites are the names of the sites, which are the ids of their nodes.
func (c *Cluster) Sites() []string { return slices.Clone(c.plan.Sites) }

// Addresses are the site's listeners.
func (c *Cluster) Addresses(site string) Addresses { return c.addresses(site) }

func (c *Cluster) addresses(site string) Addresses {
	return addressesOf(c.plan.PortBase, c.number(site))
}

// number is the site's, from 1.
func (c *Cluster) number(site string) int { return slices.Index(c.plan.Sites, site) + 1 }

// HasSite says whether the cluster has a site of this name.
func (c *Cluster) HasSite(site string) bool { return slices.Contains(c.plan.Sites, site) }
