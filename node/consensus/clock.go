package consensus

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
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

// clocks asks all voters for their clocks. It waits for a quorum, and for the
// others as long again: a dead voter must not hold up a new leader.
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
	began := time.Now()
	for len(all) < len(voters) {
		select {
		case a := <-answers:
			if all = append(all, a); len(all) == len(voters)/2+1 {
				time.AfterFunc(max(time.Since(began), minGrace), cancel)
			}
		case <-ctx.Done():
			return all
		}
	}
	return all
}

// minGrace is the least time that a slower voter is given.
const minGrace = 20 * time.Millisecond

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
	return registry.Time(binary.BigEndian.Uint64(reply)) + half, true
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

// moveTime executes a Tick, with the voters' clocks where log time has far to go.
// If this node's clock is off it hands the leadership over instead.
func (c *Consensus) moveTime(ctx context.Context) error {
	all := c.clocks(ctx)
	if c.skewed(all) {
		return errors.Join(errSkewed, await(ctx, c.raft.LeadershipTransfer()))
	}
	var last registry.Time
	if err := c.cfg.Machine.View(func(v fsm.View) error { last = v.Now(); return nil }); err != nil {
		return err
	}
	var t registry.Tick
	if c.now()-last > registry.MaxStep/2 {
		t.Clocks = all
	}
	return c.command(ctx, registry.KindTick, t)
}
