// Package node assembles one node of the registry: the replica, its part in the
// cluster, and the front doors. It decides what starts when and what stops
// first; what the parts do is theirs.
package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"
	"github.com/hashicorp/raft"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"quorate/dnsserve"
	"quorate/epp"
	"quorate/fsm"
	"quorate/fsm/registry"
	"quorate/node/admin"
	"quorate/node/config"
	"quorate/node/consensus"
	"quorate/node/faults"
	"quorate/node/leases"
	"quorate/node/publisher"
	"quorate/rdds/rdap"
	"quorate/rdds/whois"
	"quorate/transport"
)

// Release is this build's, for people; what nodes must agree on is the cluster level.
const Release = "0.1.0"

// Version is this build's release and the cluster levels that it reads.
func Version() string {
	return fmt.Sprintf("%s (reads cluster levels up to %d)", Release, registry.HighestLevel)
}

const (
	// stopTimeout bounds a graceful stop.
	stopTimeout = 10 * time.Second
	// closeTimeout bounds all of it, what waits for the disk included: a service manager soon kills.
	closeTimeout = 15 * time.Second
	// ownerName is a file in the data folder, which whoever uses the folder holds locked.
	ownerName = "owner"
	// ownerTimeout bounds the wait for it: a child that is being started may hold what its parent has closed for a moment.
	ownerTimeout = time.Second
	// raftTimeout is raft's for a message; with it a connection is given up.
	raftTimeout = time.Second
	// raftInFlight is how many batches are on their way to a follower at once: more help the median and hurt the tail.
	raftInFlight = 2
	// raftPool is how many idle streams to a peer are kept.
	raftPool = 3
)

// ErrInUse says that another process has the data folder.
var ErrInUse = errors.New("another process uses it")

// Node is a running node.
type Node struct {
	owner     *flock.Flock // of the data folder
	cfg       config.Config
	log       *slog.Logger
	machine   *fsm.Machine
	transport *transport.Transport
	raftNet   *raft.NetworkTransport
	consensus *consensus.Consensus
	leases    *leases.Leases
	zones     *dnsserve.Zones
	feed      *zoneFeed
	identity  *identity
	sealer    *sealer
	notifier  *notifier
	transfers *transfers
	troubles  *troubles

	signatures *signatureWatch

	dns     *dnsserve.Server
	epp     *epp.Server
	whois   *whois.Server
	rdap    *rdap.Server
	admin   *admin.Server
	probe   *http.Server
	metrics *prometheus.Registry
	twin    *twinWatch
	faults  *faults.Watcher // in a binary that can be made to fail

	listeners []net.Listener

	stopping atomic.Bool
	serving  sync.WaitGroup
	failed   chan error // the first reason to end: a front door that ended by itself, a twin
}

// Start starts a node; it serves when Start returns. What has been started is stopped again if something can't be.
func Start(cfg config.Config, log *slog.Logger) (n *Node, err error) {
	n = &Node{cfg: cfg, log: log, failed: make(chan error, 1)}
	n.twin = &twinWatch{log: log, leave: n.fail}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.close())
		}
	}()
	if n.identity, err = loadIdentity(cfg); err != nil {
		return n, err
	}
	if n.sealer, err = loadKEK(cfg.KEK); err != nil {
		return n, err
	}
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return n, fmt.Errorf("data folder: %w", err)
	}
	if err := n.own(); err != nil {
		return n, err
	}
	if err := n.openState(); err != nil {
		return n, err
	}
	if err := n.join(n.feed); err != nil {
		return n, err
	}
	return n, n.openDoors()
}

// own makes the data folder this process's: two that write to one zone image would spoil it.
func (n *Node) own() error {
	n.owner = flock.New(filepath.Join(n.cfg.Data, ownerName))
	ctx, cancel := context.WithTimeout(context.Background(), ownerTimeout)
	defer cancel()
	switch _, err := n.owner.TryLockContext(ctx, ownerTimeout/20); {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("data folder %s: %w", n.cfg.Data, ErrInUse)
	case err != nil:
		return fmt.Errorf("data folder: %w", err)
	}
	return nil
}

// openState opens the node's own copy of the registry. The zones as they were last served are served before that, for
// after a crash the state's file is read through, which takes the longer the larger it is.
func (n *Node) openState() (err error) {
	n.feed = &zoneFeed{log: n.log}
	n.transfers = &transfers{sealer: n.sealer, log: n.log}
	n.metrics = prometheus.NewRegistry()
	if err := n.feed.whileClosed(func() error {
		n.zones = openImages(n.cfg, n.feed)
		if err := n.openDNS(); err != nil {
			return err
		}
		n.machine, err = fsm.Open(filepath.Join(n.cfg.Data, stateName), n.log)
		n.feed.machine = n.machine
		return err
	}); err != nil {
		return err
	}
	n.transfers.machine.Store(n.machine)
	n.signatures = watchSignatures(n.zones, n.machine, n.log)
	n.signatures.look()
	n.feed.loadMissing()
	n.feed.catchUp()
	return nil
}

// join starts the node's part in the cluster.
func (n *Node) join(feed *zoneFeed) (err error) {
	members := &directory{n.machine, n.cfg.Peers}
	n.notifier = &notifier{
		machine: n.machine, source: n.transfers, notify: dnsserve.NewNotifier(n.log),
		poked: make(chan struct{}, 1), log: n.log,
	}
	n.transport, err = transport.New(transport.Config{
		NodeID: n.cfg.Node, Cluster: n.cfg.Cluster, Generation: n.cfg.Transport.Generation, Listen: n.cfg.Transport.Listen,
		Certificate: n.identity.node, CA: n.identity.cluster, Resolver: members, Authorize: members.Authorize, Logger: n.log,
		Refused: n.twin.refused,
	})
	if err != nil {
		return err
	}
	n.transport.HandleBulk(bulkState, n.serveState)
	gate := &gatedLayer{StreamLayer: n.transport.Raft()}
	n.raftNet = raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
		Stream: gate, MaxPool: raftPool, MaxRPCsInFlight: raftInFlight, Timeout: raftTimeout,
		Logger: consensus.RaftLogger(n.log),
	})
	zones := publisher.New(n.machine.View, n.sealer, n.log)
	var peers []registry.Peer
	for _, p := range n.cfg.Peers {
		peers = append(peers, registry.Peer{ID: p.ID, Site: p.Site, Address: p.Address})
	}
	cc := consensus.Config{
		Node: n.cfg.Node, Folder: n.cfg.Data, Machine: n.machine, Raft: n.raftNet, Network: n.transport, Log: n.log,
		Heartbeat: time.Duration(n.cfg.Raft.Heartbeat), SnapshotLogs: n.cfg.Raft.SnapshotLogs, TrailingLogs: n.cfg.Raft.TrailingLogs, InFlight: n.cfg.Raft.InFlight,
		Bootstrap: n.cfg.Bootstrap, Peers: peers,
		Publish: func(ctx context.Context, do func(context.Context, registry.Kind, any) error) (bool, error) {
			return zones.Once(ctx, do)
		},
		Settings: registry.Cluster{Name: n.cfg.Cluster, Repository: n.cfg.Repository, Level: uint16(registry.FirstLevel)},
		Events: consensus.Events{
			Applied: func(out fsm.Outcome) {
				feed.applied(out)
				if len(out.Published)+len(out.Switched) > 0 {
					n.notifier.poke()
				}
			},
			Restored: feed.loadAll,
			Silent:   gate.closed.Store,
		},
	}
	if faults.Enabled {
		n.faults = faults.Watch(n.cfg.Data, n.log)
		cc.Clock = n.faults.Now
		cc.BeforeWrite = func(to consensus.Store) error {
			if to == consensus.LogStore {
				return n.faults.BeforeLog()
			}
			return n.faults.BeforeState()
		}
	}
	if n.consensus, err = consensus.Open(cc); err != nil {
		return err
	}
	n.notifier.leads = n.consensus.Reigns
	n.troubles = &troubles{leader: n.consensus.Leader, reigns: n.consensus.Reigns, publisher: zones, network: n.transport, self: n.cfg.Node}
	n.transport.Handle(methodTroubles, n.troubles.serve)
	n.openLeases()
	return nil
}

// Run runs until ctx ends, or the node can't go on; then it stops.
func (n *Node) Run(ctx context.Context) error {
	n.log.Info("serves", "version", Release, "reads_level", n.machine.Reads(), "node", n.cfg.Node, "site", n.cfg.Site, "epp", n.cfg.EPP.Listen, "whois", n.cfg.WHOIS.Listen,
		"rdap", n.cfg.RDAP.Listen, "dns", n.cfg.DNS.Listen, "admin", n.cfg.Admin.Listen, "metrics", n.cfg.Metrics.Listen)
	scrubbing, stop := context.WithCancel(ctx)
	defer stop()
	n.serving.Go(func() { n.scrub(scrubbing) })
	n.serving.Go(func() { follow(scrubbing, n.log, n.identity.epp, n.identity.rdap) })
	n.serving.Go(func() { n.keepImages(scrubbing) })
	n.serving.Go(func() { n.signatures.run(scrubbing) })
	n.serving.Go(func() { n.notifier.run(scrubbing) })
	var why error
	select {
	case <-ctx.Done():
	case <-n.consensus.Failed():
		why = n.consensus.Failure()
	case why = <-n.failed:
	}
	if errors.Is(why, consensus.ErrDiskStalled) {
		return why // whatever would be closed waits for the disk
	}
	stop()
	n.log.Info("stops")
	closed := make(chan error, 1)
	go func() { closed <- n.close() }()
	select {
	case err := <-closed:
		return errors.Join(why, err)
	case <-time.After(closeTimeout):
		return errors.Join(why, errUnclosed)
	}
}

// errUnclosed says that a node ends as if it had been killed, which costs it nothing that was acknowledged.
var errUnclosed = errors.New("something could not be closed, a stalled disk perhaps: ends without it")

// scrub has the state read now and then. It takes a while on a large one, and
// the state file keeps for so long what is overwritten meanwhile.
func (n *Node) scrub(ctx context.Context) {
	every := time.NewTicker(time.Duration(n.cfg.Scrub))
	defer every.Stop()
	for {
		select {
		case <-every.C:
		case <-ctx.Done():
			return
		}
		began := time.Now()
		if err := n.consensus.Scrub(); err != nil {
			return // the node has failed, and says so itself
		}
		n.log.Info("the state is what its digest says", "took", time.Since(began))
	}
}

// close ends the node so that nobody notices: the leadership goes first, then
// the front doors finish what they have begun, name service last. It ends what has been started, if that is not all.
func (n *Node) close() (err error) {
	n.stopping.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if n.consensus != nil && n.consensus.Status().State == "leader" && len(n.cfg.Peers) > 1 {
		if err := n.consensus.TransferLeadership(ctx); err != nil {
			n.log.Warn("the leadership could not be handed over", "error", err)
		}
	}
	if n.notifier != nil {
		n.notifier.notify.Close()
	}
	for _, door := range []shutter{door(n.epp), door(n.admin), door(n.whois), door(n.rdap)} {
		err = errors.Join(err, door.Shutdown(ctx))
	}
	err = errors.Join(err, closer(n.leases).Close())
	if n.consensus != nil {
		err = errors.Join(err, n.consensus.Close())
	}
	for _, door := range []shutter{door(n.dns), door(n.probe)} {
		err = errors.Join(err, door.Shutdown(ctx))
	}
	for _, l := range n.listeners {
		_ = l.Close() // closed already, if it was ever served
	}
	n.serving.Wait()
	if n.feed != nil {
		n.feed.close()
	}
	for _, c := range []io.Closer{closer(n.raftNet), closer(n.transport), closer(n.machine), closer(n.zones), closer(n.faults), closer(n.owner)} {
		err = errors.Join(err, c.Close())
	}
	return err
}

type shutter interface{ Shutdown(context.Context) error }

// nothing is what there is to close of what was never opened.
type nothing struct{}

func (nothing) Shutdown(context.Context) error { return nil }
func (nothing) Close() error                   { return nil }

// door is d, or nothing: a nil pointer in an interface is not nil.
func door[T any, P interface {
	*T
	shutter
}](d P) shutter {
	if d == nil {
		return nothing{}
	}
	return d
}

// closer is c, or nothing.
func closer[T any, P interface {
	*T
	io.Closer
}](c P) io.Closer {
	if c == nil {
		return nothing{}
	}
	return c
}

// listen opens a TCP listener; what says whose it is when it can't.
func (n *Node) listen(what, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	n.listeners = append(n.listeners, l)
	return l, nil
}

// serve runs a front door, and ends the node if the door closes by itself.
func (n *Node) serve(what string, run func() error) {
	n.serving.Go(func() {
		err := run()
		if !n.stopping.Load() {
			n.fail(fmt.Errorf("%s ended: %w", what, err))
		}
	})
}

// fail ends the node, for the first reason that there is.
func (n *Node) fail(why error) {
	select {
	case n.failed <- why:
	default:
	}
}

// register exports the metrics of the front doors, of the node and of the process.
func (n *Node) register(all ...prometheus.Collector) error {
	all = append(all, nodeMetrics{n}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, c := range all {
		if err := n.metrics.Register(c); err != nil {
			return fmt.Errorf("registering metrics: %w", err)
		}
	}
	return nil
}
