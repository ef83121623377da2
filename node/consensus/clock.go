package consensus

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"time"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// Log time is the leader's clock, so the leader's clock must be right. It holds
// it against the other voters' every second, and hands over when it is wrong. What
// a wrong clock can do until then is bounded by the state machine
// (registry.MaxStep); for a longer step the leader names a quorum of clocks in a Tick.

// methodClock asks a node for its clock.
const methodClock = "clock"

// errSkewed says that this node's clock is not to be trusted with log time.
var errSkewed = errors.New("this node's clock is off")

func (c *Consensus) now() registry.Time { return registry.Time(c.cfg.Clock().UnixMilli()) }

// stamp sets an entry's log time.
func (c *Consensus) stamp(entry []byte) { fsm.Stamp(entry, c.now()) }

func (c *Consensus) serveClock(context.Context, string, []byte) ([]byte, error) {
	return binary.BigEndian.AppendUint64(nil, uint64(c.now())), nil
}

// clocks asks all voters for their clocks. It waits for a quorum, and a little
// for the others: a dead voter must not hold up a new leader.
func (c *Consensus) clocks(ctx context.Context) []registry.Clock {
	ctx, cancel := context.WithTimeout(ctx, tickInterval)
	defer cancel()
	voters := c.voters()
	answers := make(chan registry.Clock, len(voters))
	for _, id := range voters {
		go func() {
			if at, ok := c.askClock(ctx, id); ok {
				answers <- registry.Clock{Node: id, Time: at}
			}
		}()
	}
	var all []registry.Clock
	for len(all) < len(voters) {
		select {
		case a := <-answers:
			if all = append(all, a); len(all) == len(voters)/2+1 {
				time.AfterFunc(clockGrace, cancel)
			}
		case <-ctx.Done():
			return all
		}
	}
	return all
}

// clockGrace is what voters are given that are slower than a quorum: sites differ by so much.
const clockGrace = 30 * time.Millisecond

// askClock reads a node's clock as of now: half a round trip has passed since it looked.
func (c *Consensus) askClock(ctx context.Context, id string) (registry.Time, bool) {
	if id == c.cfg.Node {
		return c.now(), true
	}
	asked := time.Now()
	reply, err := c.cfg.Network.Call(ctx, id, methodClock, nil)
	if err != nil || len(reply) != 8 {
		return 0, false
	}
	half := registry.Time(time.Since(asked).Milliseconds() / 2)
	at := registry.Time(binary.BigEndian.Uint64(reply)) + half
	c.seen.note(id, at)
	return at, true
}

// clockBook remembers what other nodes' clocks were when they were last asked.
type clockBook struct {
	mu  sync.Mutex
	all map[string]sighting
}

type sighting struct {
	time registry.Time
	at   time.Time
}

func (b *clockBook) note(id string, t registry.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.all == nil {
		b.all = map[string]sighting{}
	}
	b.all[id] = sighting{t, time.Now()}
}

// recall is what the clocks of these nodes must be by now, of those that were asked lately.
func (b *clockBook) recall(nodes []string) (all []registry.Clock) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, id := range nodes {
		if s, ok := b.all[id]; ok && time.Since(s.at) < clockMemory {
			all = append(all, registry.Clock{Node: id, Time: s.time + registry.Time(time.Since(s.at).Milliseconds())})
		}
	}
	return all
}

// timeIsRight says that this node, which has just been elected, need not ask before it takes commands: by what a quorum's clocks were a
// moment ago its own is right, log time is near it, and the cluster has its settings. It errs only towards no.
func (c *Consensus) timeIsRight() bool {
	known := append(c.seen.recall(c.others("")), registry.Clock{Node: c.cfg.Node, Time: c.now()})
	if len(known) <= len(c.voters())/2 || c.skewed(known) {
		return false
	}
	far, err := c.farBehind()
	if err != nil || far {
		return false
	}
	founded := false
	err = c.cfg.Machine.View(func(v fsm.View) error { founded = v.Cluster().Name == c.cfg.Settings.Name; return nil })
	return err == nil && founded
}

// skewed says that this node's clock is more than registry.MaxSkew from the
// median. Of fewer than three clocks nobody can say which is wrong.
func (c *Consensus) skewed(all []registry.Clock) bool {
	if len(all) < 3 {
		return false
	}
	var times []registry.Time
	mine := c.now()
	for _, clock := range all {
		times = append(times, clock.Time)
	}
	slices.Sort(times)
	off := mine - times[len(times)/2]
	if off > registry.MaxSkew || -off > registry.MaxSkew {
		c.log.Error("this node's clock is off: it can't lead", "page", true, "off", time.Duration(off)*time.Millisecond, "clocks", len(all))
		return true
	}
	return false
}

// judge hands the leadership over if this node's clock is off by the clocks of all.
func (c *Consensus) judge(ctx context.Context, all []registry.Clock) error {
	if c.skewed(all) {
		return errors.Join(errSkewed, c.handOver(ctx))
	}
	return nil
}

// farBehind says that log time has to be moved by a quorum of clocks.
func (c *Consensus) farBehind() (far bool, err error) {
	err = c.cfg.Machine.View(func(v fsm.View) error {
		far = c.now()-v.Now() > registry.MaxStep/2
		return nil
	})
	return far, err
}

// moveTime executes a Tick, with the voters' clocks where log time has far to go, unless this node's clock is off.
func (c *Consensus) moveTime(ctx context.Context) error {
	all := c.clocks(ctx)
	if err := c.judge(ctx, all); err != nil {
		return err
	}
	var t registry.Tick
	far, err := c.farBehind()
	if err != nil {
		return err
	}
	if far {
		t.Clocks = all
	}
	return c.command(ctx, registry.KindTick, t)
}

// known are the other voters; while raft knows none, those of the configuration: a twin is told by its peers that it is one.
func (c *Consensus) known() (ids []string) {
	if ids = c.others(""); len(ids) > 0 {
		return ids
	}
	for _, p := range c.cfg.Peers {
		if p.ID != c.cfg.Node {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

// keepWarm calls every other voter now and then, so that there is a
// connection when one is needed in a hurry: after the leader's death a handshake is a round trip too many.
func (c *Consensus) keepWarm(ctx context.Context) {
	every := time.NewTicker(tickInterval)
	defer every.Stop()
	for {
		var calls sync.WaitGroup
		for _, id := range c.known() {
			calls.Go(func() {
				call, cancel := context.WithTimeout(ctx, tickInterval)
				defer cancel()
				_, _ = c.askClock(call, id)
			})
		}
		calls.Wait()
		select {
		case <-every.C:
		case <-ctx.Done():
			return
		}
	}
}
