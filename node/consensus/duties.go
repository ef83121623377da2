package consensus

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// A leader has duties: log time must move, and the zones must follow the
// registry. It keeps no state for them: all is in the log, so that the next leader goes on
// from there. They begin when its NewTerm is applied, for only then has its
// state machine seen everything that leaders before it did.

// reign says whether this node's NewTerm is applied, and in which term, and
// whether it takes commands: from then on, or, when it knew before that log time will be right, as
// soon as NewTerm is on its way, for they follow it in the log.
type reign struct {
	mu       sync.Mutex
	term     uint64        // 0: not reigning
	prepared bool          // commands may follow the first entry at once
	entered  bool          // the first entry, NewTerm, has been given to raft
	changed  chan struct{} // closed and replaced when one of these changes
	dirty    chan struct{} // of the present reign: there may be something to publish
}

// wait is the term of the present reign; it waits for one to begin.
func (r *reign) wait(ctx context.Context) (uint64, error) {
	for {
		r.mu.Lock()
		term, changed := r.term, r.changed
		r.mu.Unlock()
		if term != 0 {
			return term, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// begun says whether this node reigns.
func (r *reign) begun() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.term != 0
}

// Reigns says whether this node is the leader and has begun its duties.
func (c *Consensus) Reigns() bool { return c.reign.begun() }

// taking waits until this node takes commands, and says whether it does.
func (r *reign) taking(ctx context.Context) bool {
	for {
		r.mu.Lock()
		takes, changed := r.term != 0 || r.prepared && r.entered, r.changed
		r.mu.Unlock()
		if takes {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// change changes r, and wakes those who wait for that.
func (r *reign) change(do func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	do()
	close(r.changed)
	r.changed = make(chan struct{})
}

// prepare has commands taken as soon as the first entry is on its way.
func (r *reign) prepare() { r.change(func() { r.prepared, r.entered = true, false }) }

// enter notes that an entry has been given to raft: before a reign takes commands that is its NewTerm.
func (r *reign) enter() {
	r.mu.Lock()
	waited := r.prepared && !r.entered
	r.mu.Unlock()
	if waited {
		r.change(func() { r.entered = true })
	}
}

// begin follows NewTerm's being applied, and all else that a reign begins with.
func (r *reign) begin(term uint64) { r.change(func() { r.term = term }) }

func (r *reign) end() { r.change(func() { r.term, r.prepared, r.entered = 0, false, false }) }

// poke wakes the publisher, if this node has one.
func (r *reign) poke() {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case r.dirty <- struct{}{}: // a nil channel between reigns
	default:
	}
}

func (r *reign) wakeups(dirty chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dirty = dirty
}

// govern does the duties whenever this node is the leader.
func (c *Consensus) govern(ctx context.Context) {
	var end context.CancelFunc
	var duties sync.WaitGroup
	for {
		select {
		case leads := <-c.raft.LeaderCh():
			if end != nil {
				end()
				duties.Wait()
				end = nil
			}
			if leads {
				var during context.Context
				during, end = context.WithCancel(ctx)
				duties.Go(func() { c.rule(during) })
			}
		case <-ctx.Done():
			if end != nil {
				end()
			}
			duties.Wait()
			return
		}
	}
}

// rule is one reign.
func (c *Consensus) rule(ctx context.Context) {
	term := c.raft.CurrentTerm()
	if !c.untilDone(ctx, "identity", func() error { return c.settleIdentity(ctx, fsm.Local) }) {
		return
	}
	defer c.reign.end()
	if c.timeIsRight() {
		c.reign.prepare()
	}
	clocks := make(chan []registry.Clock, 1)
	go func() { clocks <- c.clocks(ctx) }() // meanwhile: it takes a round trip as well
	if !c.untilDone(ctx, "new term", func() error {
		return c.command(ctx, registry.KindNewTerm, registry.NewTerm{Term: term, Leader: c.cfg.Node})
	}) {
		return
	}
	if !c.untilDone(ctx, "cluster settings", func() error { return c.found(ctx) }) {
		return
	}
	read := <-clocks
	if !c.untilDone(ctx, "clock", func() error {
		err := c.judge(ctx, read)
		if err != nil {
			read = c.clocks(ctx)
		}
		return err
	}) {
		return
	}
	if !c.untilDone(ctx, "log time", func() error {
		if far, err := c.farBehind(); err != nil || !far {
			return err
		}
		return c.moveTime(ctx)
	}) {
		return
	}
	c.reign.begin(term)
	c.log.Info("leads", "term", term)
	dirty := make(chan struct{}, 1)
	c.reign.wakeups(dirty)
	defer c.reign.wakeups(nil)
	var duties sync.WaitGroup
	duties.Go(func() { c.tick(ctx) })
	duties.Go(func() { c.publish(ctx, dirty) })
	duties.Go(func() { c.compareReplicas(ctx) })
	duties.Wait()
}

// untilDone tries to do something until it is done or the reign ends.
func (c *Consensus) untilDone(ctx context.Context, what string, do func() error) bool {
	for {
		err := do()
		if err == nil {
			return true
		}
		c.log.Warn("a leader's duty failed", "duty", what, "error", err)
		select {
		case <-time.After(tickInterval / 4):
		case <-ctx.Done():
			return false
		}
	}
}

// command executes a command of this node's own; one that the registry refused is an error.
func (c *Consensus) command(ctx context.Context, kind registry.Kind, body any) error {
	r, _, err := c.Execute(ctx, registry.Actor{Role: registry.RoleNode, Name: c.cfg.Node}, "", kind, body)
	if err == nil && r.Fail != nil {
		err = r.Fail
	}
	return err
}

// found writes the settings and peers of a cluster that has none yet.
func (c *Consensus) found(ctx context.Context) error {
	var have registry.Cluster
	var known []registry.Peer
	if err := c.cfg.Machine.View(func(v fsm.View) error {
		have, known = v.Cluster(), v.Peers()
		return nil
	}); err != nil {
		return err
	}
	if have.Name == "" {
		if err := c.command(ctx, registry.KindClusterInit, c.cfg.Settings); err != nil {
			return err
		}
	}
	if have.Name != "" && have.Name != c.cfg.Settings.Name {
		return fmt.Errorf("the data is of cluster %q, this node is configured for %q", have.Name, c.cfg.Settings.Name)
	}
	for _, p := range c.cfg.Peers {
		if !slices.ContainsFunc(known, func(k registry.Peer) bool { return k.ID == p.ID }) {
			if err := c.command(ctx, registry.KindPeerPut, p); err != nil {
				return err
			}
		}
	}
	if have.Name == "" {
		return c.raiseNew(ctx)
	}
	return nil
}

// tick moves log time on, every second.
func (c *Consensus) tick(ctx context.Context) {
	every := time.NewTicker(tickInterval)
	defer every.Stop()
	for {
		select {
		case <-every.C:
			if err := c.moveTime(ctx); err != nil && ctx.Err() == nil {
				c.log.Warn("a tick was lost", "error", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// publish keeps the zones up with the registry: as soon as a name is marked,
// and with all that has been marked meanwhile, once the publication before is applied and publishPace has passed since it was begun.
func (c *Consensus) publish(ctx context.Context, dirty <-chan struct{}) {
	for {
		next := time.NewTimer(publishPace)
		more, err := c.cfg.Publish(ctx, c.command)
		if err != nil && ctx.Err() == nil {
			c.log.Warn("a publication failed and will be made anew", "error", err)
		}
		if more && err == nil {
			select {
			case <-next.C:
				continue
			case <-ctx.Done():
				return
			}
		}
		next.Stop()
		select {
		case <-dirty:
		case <-time.After(tickInterval):
		case <-ctx.Done():
			return
		}
	}
}
