package consensus

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"

	"quorate/fsm"
	"quorate/fsm/bugs"
	"quorate/fsm/registry"
	"quorate/fsm/store"
	"quorate/transport"
)

// methodPropose carries a command to the leader, or to a node that can reach it.
const methodPropose = "propose"

// What one attempt to have a command committed came to, short of a result.
var (
	errNotLeader = errors.New("not the leader")                             // certainly not logged
	errBusy      = errors.New("too many commands are in flight")            // certainly not logged
	errNoLeader  = fmt.Errorf("%w: no leader is known", fsm.ErrUnavailable) // certainly not logged
	errMaybe     = errors.New("the entry may or may not be committed")      // anything else
)

// Execute hands a command to the log, waits until this node's state has it
// applied, and returns its result. The command is executed once, however many
// leaders it takes. The error wraps fsm.ErrNotLogged if the command certainly never
// entered a log, and fsm.ErrOutcomeUnknown if that can't be said.
func (c *Consensus) Execute(ctx context.Context, actor registry.Actor, clTRID string, kind registry.Kind, body any) (registry.Result, registry.CommandID, error) {
	ctx, cancel := context.WithTimeout(ctx, maxPatience)
	defer cancel()
	cmd := registry.Command{Actor: actor, ClTRID: clTRID, Kind: kind, Body: store.Encode(body), Needs: registry.LevelOf(kind, body), Salt: make([]byte, 16)}
	rand.Read(cmd.Salt) // never fails
	if fail, err := c.mayPropose(ctx, cmd.Needs); err != nil {
		return registry.Result{}, cmd.ID, fmt.Errorf("%w: %w", fsm.ErrNotLogged, err)
	} else if fail != nil {
		id, _, done, ok := c.ids.command() // the answer has one, too
		if ok {
			done()
		}
		return registry.Result{Code: fail.Code, Fail: fail}, id, nil
	}
	if err := c.settleIdentity(ctx, fsm.Linearizable); err != nil {
		return registry.Result{}, cmd.ID, fmt.Errorf("%w: %w", fsm.ErrNotLogged, err)
	}
	for {
		r, maybe, err := c.executeOnce(ctx, &cmd)
		if err != nil || !fsm.IsStale(r) {
			return r, cmd.ID, err
		}
		if maybe {
			return r, cmd.ID, fmt.Errorf("%w: refused as stale after an attempt that may have succeeded", fsm.ErrOutcomeUnknown)
		}
		// Another process under this node's name has used the epoch. Nothing was executed.
		known, _ := fsm.StaleEpoch(r)
		c.log.Error("another process has used this node's name since its data were written: is this a copy of them, or an old one?", "page", true, "epoch", cmd.ID.Epoch, "used", known)
		if err := c.ids.leap(max(known, cmd.ID.Epoch)); err != nil {
			return r, cmd.ID, fmt.Errorf("%w: %w", fsm.ErrNotLogged, err)
		}
	}
}

// settleEarly makes sure of this node's ids before the first command needs it: by then it may be cut off from the leader, when a peer can
// hand its commands on but it can read nothing.
func (c *Consensus) settleEarly(ctx context.Context) {
	for c.settleIdentity(ctx, fsm.Linearizable) != nil {
		select {
		case <-time.After(tickInterval / 4):
		case <-ctx.Done():
			return
		}
	}
}

// settleIdentity makes sure, once in a node's life, that its command ids are
// new, by what the state says at a level. A new leader can't read linearizably before its
// first command, and need not: its log has everything already.
func (c *Consensus) settleIdentity(ctx context.Context, level fsm.Level) error {
	if c.ids.isSure() {
		return nil
	}
	var used uint64
	if err := c.View(ctx, level, 0, func(v fsm.View) error { used = v.Epoch(c.cfg.Node); return nil }); err != nil {
		return err
	}
	return c.ids.leap(used)
}

// executeOnce executes cmd under a new id. maybe says that some attempt may have been logged without our knowing.
func (c *Consensus) executeOnce(ctx context.Context, cmd *registry.Command) (r registry.Result, maybe bool, err error) {
	id, lowest, done, ok := c.ids.command()
	if !ok {
		return r, false, fmt.Errorf("%w: %w", fsm.ErrNotLogged, errBusy)
	}
	defer done()
	cmd.ID, cmd.Lowest = id, lowest
	entry := fsm.Encode(*cmd)
	if len(entry) > fsm.MaxEntry {
		return r, false, fmt.Errorf("%w: the command has %d octets, at most %d are allowed", fsm.ErrNotLogged, len(entry), fsm.MaxEntry)
	}
	r, maybe, err = c.retry(ctx, entry, earlyKinds[cmd.Kind])
	switch {
	case err != nil && maybe:
		return r, maybe, fmt.Errorf("%w: %w", fsm.ErrOutcomeUnknown, err)
	case err != nil:
		return r, maybe, fmt.Errorf("%w: %w", fsm.ErrNotLogged, err)
	case fsm.IsStale(r):
		return r, maybe, nil
	}
	// It is done; only our own state may be behind. A client whose next command
	// comes here should find it; but the answer is true without it, and reads at session level wait for themselves.
	ctx, cancel := context.WithTimeout(ctx, applyPatience)
	defer cancel()
	if err := c.replica.wait(ctx, r.Index); err != nil {
		c.log.Warn("answers before its own state has caught up", "index", r.Index, "error", err)
	}
	return r, maybe, nil
}

// retry proposes an entry until it has a result, the cluster has no leader for too long, or ctx ends.
func (c *Consensus) retry(ctx context.Context, entry []byte, early bool) (r registry.Result, maybe bool, err error) {
	for {
		leader, alone, changed := c.leader.watch()
		switch {
		case leader != "":
			r, err = c.attempt(ctx, leader, changed, entry, early)
		case alone > detourAfter:
			// No heartbeat reaches us; the others may know a leader all the same.
			detour, cancel := context.WithTimeout(ctx, detourPatience)
			r, err = c.throughPeers(detour, "", entry)
			cancel()
		default:
			err = errNoLeader
		}
		switch {
		case err == nil:
			return r, maybe, nil
		case errors.Is(err, errBusy) && !maybe:
			return r, false, err
		case errors.Is(err, errMaybe):
			maybe = true
		case leader == "" && alone > leaderPatience:
			return r, maybe, errNoLeader
		}
		// Somebody knows better than we do who leads, or will soon.
		select {
		case <-changed:
		case <-time.After(retryPause):
		case <-ctx.Done():
			return r, maybe, err
		}
	}
}

// earlyKinds are the commands with which a leader's duties begin.
var earlyKinds = map[registry.Kind]bool{
	registry.KindNewTerm: true, registry.KindClusterInit: true, registry.KindPeerPut: true, registry.KindTick: true,
	registry.KindRaiseLevel: true,
}

// retryPause is the wait between attempts while the leader seems to be the same.
const retryPause = 20 * time.Millisecond

// attempt proposes an entry once, at the leader as we see it. It gives up when
// that changes. Until a leader's duties have begun it takes only what is early: what they begin with.
func (c *Consensus) attempt(ctx context.Context, leader string, changed <-chan struct{}, entry []byte, early bool) (registry.Result, error) {
	ctx, cancel := until(ctx, changed)
	defer cancel()
	if leader == c.cfg.Node {
		if !early && !c.reign.taking(ctx) {
			return registry.Result{}, errNotLeader
		}
		return c.apply(ctx, append([]byte(nil), entry...))
	}
	r, err := c.propose(ctx, leader, 0, entry)
	if !errors.Is(err, transport.ErrUnreachable) {
		return r, err
	}
	return c.throughPeers(ctx, leader, entry)
}

// throughPeers proposes an entry at the leader by way of a peer that reaches it.
func (c *Consensus) throughPeers(ctx context.Context, leader string, entry []byte) (r registry.Result, err error) {
	for _, p := range c.others(leader) {
		r, err = c.propose(ctx, p, maxHops, entry)
		if !errors.Is(err, transport.ErrUnreachable) && !errors.Is(err, errNotLeader) {
			return r, err
		}
	}
	return r, errNotLeader
}

// others are the voters besides this node and the one named.
func (c *Consensus) others(leader string) (ids []string) {
	for _, id := range c.voters() {
		if id != leader && id != c.cfg.Node {
			ids = append(ids, id)
		}
	}
	return ids
}

func (c *Consensus) voters() (ids []string) {
	f := c.raft.GetConfiguration()
	if f.Error() != nil {
		return nil
	}
	for _, s := range f.Configuration().Servers {
		if s.Suffrage == raft.Voter {
			ids = append(ids, string(s.ID))
		}
	}
	return ids
}

// proposal is the request of methodPropose.
type proposal struct {
	Hops  uint8  `cbor:"1,keyasint,omitempty"` // how often it may be handed on
	Entry []byte `cbor:"2,keyasint"`
}

// verdict is its reply.
type verdict struct {
	Refusal string          `cbor:"1,keyasint,omitempty"` // "": Result holds
	Result  registry.Result `cbor:"2,keyasint"`
}

// refusals are the errors that a verdict can carry, by name.
var refusals = map[string]error{"leader": errNotLeader, "busy": errBusy, "maybe": errMaybe}

// propose sends an entry to another node.
func (c *Consensus) propose(ctx context.Context, node string, hops uint8, entry []byte) (r registry.Result, err error) {
	reply, err := c.cfg.Network.Call(ctx, node, methodPropose, store.Encode(proposal{hops, entry}))
	if errors.Is(err, transport.ErrUnreachable) {
		return r, err
	}
	var v verdict
	if err == nil {
		err = store.Decode(reply, &v)
	}
	if err != nil {
		return r, fmt.Errorf("%w: %w", errMaybe, err)
	}
	if v.Refusal != "" {
		refusal, ok := refusals[v.Refusal]
		if !ok {
			refusal = errMaybe
		}
		return r, refusal
	}
	return v.Result, nil
}

// servePropose answers methodPropose.
func (c *Consensus) servePropose(ctx context.Context, peer string, request []byte) ([]byte, error) {
	var p proposal
	if err := store.Decode(request, &p); err != nil {
		return nil, err
	}
	if _, err := fsm.DecodeUnstamped(p.Entry); err != nil {
		return nil, fmt.Errorf("proposal from %s: %w", peer, err)
	}
	leader, _ := c.leader.get()
	var v verdict
	err := errNotLeader
	switch {
	case leader == c.cfg.Node:
		hold, cancel := context.WithTimeout(ctx, holdPatience)
		taken := c.reign.taking(hold)
		cancel()
		if taken {
			v.Result, err = c.apply(ctx, p.Entry)
		}
	case leader != "" && leader != c.cfg.Node && leader != peer && p.Hops > 0:
		v.Result, err = c.propose(ctx, leader, p.Hops-1, p.Entry)
	}
	switch {
	case err == nil:
	case errors.Is(err, errNotLeader), errors.Is(err, transport.ErrUnreachable):
		v.Refusal = "leader"
	case errors.Is(err, errBusy):
		v.Refusal = "busy"
	default:
		v.Refusal = "maybe"
	}
	return store.Encode(v), nil
}

// apply has an entry committed here, on the leader. It keeps entry.
func (c *Consensus) apply(ctx context.Context, entry []byte) (r registry.Result, err error) {
	select {
	case c.slots <- struct{}{}:
	default:
		return r, errBusy
	}
	c.stamp(entry)
	if bugs.Planted == bugs.AckBeforeCommit {
		if r, ok := c.foretell(entry); ok {
			go func() { _, _ = resultOf(c.raft.Apply(entry, enqueueTimeout)); <-c.slots }()
			return r, nil
		}
	}
	f := c.raft.Apply(entry, enqueueTimeout)
	c.reign.enter()
	type outcome struct {
		registry.Result
		error
	}
	got := make(chan outcome, 1)
	// The slot is free when the entry is done with, not when its client has gone.
	go func() {
		r, err := resultOf(f)
		<-c.slots
		got <- outcome{r, err}
	}()
	select {
	case o := <-got:
		return o.Result, o.error
	case <-ctx.Done():
		return r, fmt.Errorf("%w: %w", errMaybe, ctx.Err())
	}
}

// resultOf waits for what becomes of an entry.
func resultOf(f raft.ApplyFuture) (r registry.Result, err error) {
	switch err := f.Error(); {
	case err == nil:
	case errors.Is(err, raft.ErrNotLeader), errors.Is(err, raft.ErrLeadershipTransferInProgress):
		return r, errNotLeader
	case errors.Is(err, raft.ErrEnqueueTimeout):
		return r, errBusy
	default:
		return r, fmt.Errorf("%w: %w", errMaybe, err)
	}
	if r, err = f.Response().(pending).result(); err != nil {
		return r, fmt.Errorf("%w: %w", errMaybe, err)
	}
	return r, nil
}
