// Package consensus makes one registry of many replicas: it drives the state
// machine by raft, carries commands to the leader and their results back,
// answers reads at the level asked for, and does the leader's duties. It knows
// commands and log time, but no protocol and no rule of the registry.
package consensus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"quorate/fsm"
	"quorate/fsm/bugs"
	"quorate/fsm/registry"
	"quorate/transport"
)

// Network carries calls between nodes; *transport.Transport is one.
type Network interface {
	Call(ctx context.Context, node, method string, request []byte) ([]byte, error)
	Handle(method string, h transport.Handler)
}

// Config is what a Consensus is made of.
type Config struct {
	Node    string
	Folder  string // for log, marker and boot epoch; exists
	Machine *fsm.Machine
	Raft    raft.Transport
	Network Network
	Log     *slog.Logger
	Events  Events

	Heartbeat    time.Duration // also election and lease time-out
	SnapshotLogs uint64
	TrailingLogs uint64
	InFlight     int

	// Bootstrap, when there is no data yet, begins a cluster of Peers with Settings.
	Bootstrap bool
	Settings  registry.Cluster
	Peers     []registry.Peer

	// Publish brings the zones up to date with commands that it has executed, while this node leads; more says that there may be more to do at once.
	Publish func(ctx context.Context, execute func(ctx context.Context, kind registry.Kind, body any) error) (more bool, err error)

	// Clock is the node's clock; nil is the machine's. Only a leader looks at it, to stamp entries.
	Clock func() time.Time
	// BeforeWrite, if there is one, is called before each durable write, which
	// fails with its error: tests make the disk slow, hang or full with it.
	BeforeWrite func(Store) error
}

// Consensus is one node's part in the cluster.
type Consensus struct {
	cfg         Config
	log         *slog.Logger
	raft        *raft.Raft
	logs        *logStore
	replica     *replica
	ids         *identities
	leader      *leaderWatch
	slots       chan struct{} // proposals in flight on the leader
	fetch       rounds        // linearizable reads' indexes, on any node
	reign       reign
	seen        clockBook
	disk        *diskWatch
	newcomer    *newcomer     // nil: the node has a past
	transferred atomic.Uint64 // the last term in which raft was asked to hand over
	silent      atomic.Bool   // the disk is stalled
	stop        context.CancelFunc
	done        sync.WaitGroup
}

// Open starts the node's part in the cluster.
func Open(cfg Config) (*Consensus, error) {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if bugs.Planted != bugs.None {
		cfg.Log.Error("this binary has a bug planted and is for tests only", "page", true, "bug", bugs.Planted)
	}
	if reason, err := os.ReadFile(filepath.Join(cfg.Folder, divergedName)); err == nil {
		return nil, fmt.Errorf("%w: %s", ErrDiverged, bytes.TrimSpace(reason))
	}
	snapshots, err := openSnapshots(cfg.Folder, cfg.Machine)
	if err != nil {
		return nil, err
	}
	c := &Consensus{cfg: cfg, log: cfg.Log, leader: newLeaderWatch(), slots: make(chan struct{}, cfg.InFlight), disk: &diskWatch{before: cfg.BeforeWrite}}
	c.reign.changed = make(chan struct{})
	events := cfg.Events
	cfg.Events.Applied = func(out fsm.Outcome) {
		if out.Dirtied {
			c.reign.poke()
		}
		events.Applied(out)
	}
	if c.replica, err = newReplica(cfg.Machine, snapshots, c.disk, cfg.Log, cfg.Events); err != nil {
		return nil, err
	}
	if c.ids, err = c.openIdentities(); err != nil {
		return nil, err
	}
	if c.logs, err = openLog(cfg.Folder, c.disk, c.replica.fail); err != nil {
		return nil, err
	}
	if err := c.startRaft(snapshots); err != nil {
		if c.newcomer != nil {
			err = errors.Join(err, c.newcomer.Close())
		}
		return nil, errors.Join(err, c.logs.Close())
	}
	c.fetch.fetch = c.fetchIndex
	c.handle()
	ctx, stop := context.WithCancel(context.Background())
	c.stop = stop
	c.done.Go(func() { c.watchLeader(ctx) })
	c.done.Go(func() { c.govern(ctx) })
	c.done.Go(func() { c.watchDisk(ctx) })
	c.done.Go(func() { c.keepWarm(ctx) })
	c.done.Go(func() { c.settleEarly(ctx) })
	if c.newcomer != nil {
		c.done.Go(func() { c.catchUp(ctx, c.newcomer) })
	}
	return c, nil
}

func (c *Consensus) openIdentities() (ids *identities, err error) {
	var known uint64
	if err := c.cfg.Machine.View(func(v fsm.View) error { known = v.Epoch(c.cfg.Node); return nil }); err != nil {
		return nil, err
	}
	return openIdentities(c.cfg.Folder, c.cfg.Node, known, c.cfg.InFlight)
}

// The settings that aren't the operator's, with the reasons for them.
func (c *Consensus) raftConfig() *raft.Config {
	rc := raft.DefaultConfig()
	rc.LocalID = raft.ServerID(c.cfg.Node)
	rc.HeartbeatTimeout = c.cfg.Heartbeat
	rc.ElectionTimeout = c.cfg.Heartbeat
	rc.LeaderLeaseTimeout = c.cfg.Heartbeat
	// An idle follower learns of a commit this late, and a session at a
	// follower waits for it. What raft sends for that is held back where it says nothing new (soundPipeline).
	rc.CommitTimeout = 5 * time.Millisecond
	// Large batches keep a wide-area link full, and share one sync of the state file.
	rc.MaxAppendEntries = 1024
	rc.BatchApplyCh = true
	rc.SnapshotThreshold = c.cfg.SnapshotLogs
	rc.TrailingLogs = max(c.cfg.TrailingLogs, minTrailing*uint64(c.cfg.InFlight))
	rc.SnapshotInterval = 30 * time.Second
	rc.NoSnapshotRestoreOnStart = true // the state file is where it was
	rc.Logger = RaftLogger(c.log)
	return rc
}

func (c *Consensus) startRaft(snapshots raft.SnapshotStore) error {
	rc := c.raftConfig()
	cached, err := raft.NewLogCache(logCache, c.logs)
	if err != nil {
		return err
	}
	known, err := raft.HasExistingState(c.logs, c.logs, snapshots)
	if err != nil {
		return fmt.Errorf("reading raft log: %w", err)
	}
	if c.cfg.Bootstrap && !known {
		var servers []raft.Server
		for _, p := range c.cfg.Peers {
			servers = append(servers, raft.Server{ID: raft.ServerID(p.ID), Address: raft.ServerAddress(p.ID)})
		}
		if err := raft.BootstrapCluster(rc, c.logs, c.logs, snapshots, c.cfg.Raft, raft.Configuration{Servers: servers}); err != nil {
			return fmt.Errorf("bootstrapping: %w", err)
		}
		c.log.Info("a new cluster begins", "nodes", len(servers))
	}
	if c.newcomer, err = asNewcomer(sound{c.cfg.Raft}, c.cfg.Folder, known, c.cfg.Bootstrap); err != nil {
		return err
	}
	var peers raft.Transport = sound{c.cfg.Raft}
	if c.newcomer != nil {
		peers = c.newcomer
	}
	go c.replica.applyAll()
	return c.newRaft(func() (*raft.Raft, error) {
		return raft.NewRaft(rc, c.replica, cached, c.logs, snapshots, peers)
	})
}

// newRaft starts raft, which panics when its term can't be written.
func (c *Consensus) newRaft(start func() (*raft.Raft, error)) (err error) {
	defer func() {
		if failure := c.Failure(); failure != nil && recover() != nil {
			err = failure
		}
	}()
	if c.raft, err = start(); err != nil {
		c.replica.close()
		return fmt.Errorf("starting raft: %w", err)
	}
	c.logs.started.Store(true)
	return nil
}

// Failed is closed when this node can't keep or apply the log any more; Failure says why. It must leave service.
func (c *Consensus) Failed() <-chan struct{} { return c.replica.failed }

// Failure is why the node failed; nil while it hasn't.
func (c *Consensus) Failure() error { return c.replica.failedWith() }

// TransferLeadership makes the leader, whichever node that is, hand over to another.
func (c *Consensus) TransferLeadership(ctx context.Context) error {
	leader, _ := c.leader.get()
	switch leader {
	case "":
		return errNoLeader
	case c.cfg.Node:
		return c.handOver(ctx)
	}
	_, err := c.cfg.Network.Call(ctx, leader, methodHandOver, nil)
	return err
}

// methodHandOver makes a leader hand over.
const methodHandOver = "handover"

func (c *Consensus) serveHandOver(ctx context.Context, peer string, _ []byte) ([]byte, error) {
	c.log.Info("hands the leadership over", "asked_by", peer)
	return nil, c.handOver(ctx)
}

// await is f.Error, bounded by ctx.
func await(ctx context.Context, f raft.Future) error {
	got := make(chan error, 1)
	go func() { got <- f.Error() }()
	select {
	case err := <-got:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close ends the node's part in the cluster. A leader should hand over first.
func (c *Consensus) Close() error {
	c.stop()
	c.done.Wait()
	err := c.raft.Shutdown().Error()
	c.replica.close()
	return errors.Join(err, c.logs.Close())
}

// Status is a node's part in the cluster, as it sees it.
type Status struct {
	State     string        // leader, follower, candidate or shutdown
	Leader    string        // "" if none is known
	Alone     time.Duration // for how long no leader has been known
	Term      uint64
	Committed uint64
	Applied   uint64 // by the state machine
	Voters    []string
	Others    []string // non-voters
}

// Status tells the node's part in the cluster.
func (c *Consensus) Status() Status {
	s := Status{Term: c.raft.CurrentTerm(), Committed: c.raft.CommitIndex(), Applied: c.replica.applied()}
	s.State = stateNames[c.raft.State()]
	s.Leader, s.Alone = c.leader.get()
	f := c.raft.GetConfiguration()
	if f.Error() != nil {
		return s
	}
	for _, server := range f.Configuration().Servers {
		if server.Suffrage == raft.Voter {
			s.Voters = append(s.Voters, string(server.ID))
		} else {
			s.Others = append(s.Others, string(server.ID))
		}
	}
	return s
}

var stateNames = map[raft.RaftState]string{
	raft.Leader: "leader", raft.Follower: "follower", raft.Candidate: "candidate", raft.Shutdown: "shutdown",
}

// View calls fn with the state at a level. after is the index that fsm.Session
// must show. The error wraps fsm.ErrUnavailable when the level can't be had.
func (c *Consensus) View(ctx context.Context, level fsm.Level, after uint64, fn func(fsm.View) error) error {
	ctx, cancel := context.WithTimeout(ctx, readPatience)
	defer cancel()
	if level == fsm.Linearizable && bugs.Planted != bugs.StaleRead {
		index, err := c.fetch.index(ctx)
		if err != nil {
			return fmt.Errorf("%w: %w", fsm.ErrUnavailable, err)
		}
		after = index
	}
	if level != fsm.Local {
		if err := c.replica.wait(ctx, after); err != nil {
			return fmt.Errorf("%w: this node is behind: %w", fsm.ErrUnavailable, err)
		}
	}
	return c.cfg.Machine.View(fn)
}

// NextID is a svTRID for what enters no log.
func (c *Consensus) NextID() string { return c.ids.read() }
