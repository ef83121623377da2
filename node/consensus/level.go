package consensus

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"time"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// The cluster's level (registry.Level) rises when somebody has asked every member
// what its binary reads and proposes it with their answers. That can be any node: what counts
// is that all are named, and the state machine sees to that.

// methodLevel asks a node for the highest level that its binary reads: two octets, now and in all releases to come.
const methodLevel = "level"

// MemberLevel is what a member says of its binary.
type MemberLevel struct {
	Node  string
	Reads registry.Level // the highest; 0 if it didn't say
	Err   error          // why it didn't
}

func (c *Consensus) serveLevel(context.Context, string, []byte) ([]byte, error) {
	return binary.BigEndian.AppendUint16(nil, uint16(c.cfg.Machine.Reads())), nil
}

// Levels is the cluster's level, read linearizably, and what each member's binary reads, by node id.
func (c *Consensus) Levels(ctx context.Context) (level registry.Level, members []MemberLevel, err error) {
	var peers []registry.Peer
	if err := c.View(ctx, fsm.Linearizable, 0, func(v fsm.View) error {
		level, peers = v.Level(), v.Peers()
		return nil
	}); err != nil {
		return 0, nil, err
	}
	return level, c.askLevels(ctx, peers), nil
}

// askLevels asks members for what their binaries read.
func (c *Consensus) askLevels(ctx context.Context, peers []registry.Peer) []MemberLevel {
	ctx, cancel := context.WithTimeout(ctx, levelPatience)
	defer cancel()
	members := make([]MemberLevel, len(peers))
	var all sync.WaitGroup
	for i, p := range peers {
		all.Go(func() {
			members[i].Node = p.ID
			if p.ID == c.cfg.Node {
				members[i].Reads = c.cfg.Machine.Reads()
				return
			}
			reply, err := c.cfg.Network.Call(ctx, p.ID, methodLevel, nil)
			if err == nil && len(reply) != 2 {
				err = fmt.Errorf("an answer of %d octets", len(reply))
			}
			if members[i].Err = err; err == nil {
				members[i].Reads = registry.Level(binary.BigEndian.Uint16(reply))
			}
		})
	}
	all.Wait()
	return members
}

// raiseNew brings a cluster that has just been founded to the highest level that
// all its members read. Members are waited for a while; if one doesn't answer, the cluster stays where it is.
func (c *Consensus) raiseNew(ctx context.Context) error {
	var level registry.Level
	var peers []registry.Peer
	if err := c.cfg.Machine.View(func(v fsm.View) error {
		level, peers = v.Level(), v.Peers()
		return nil
	}); err != nil {
		return err
	}
	common := c.common(ctx, peers)
	for level < common {
		level++
		var readers []string
		for _, p := range peers {
			readers = append(readers, p.ID)
		}
		if err := c.command(ctx, registry.KindRaiseLevel, registry.RaiseLevel{To: level, Readers: readers}); err != nil {
			return err
		}
	}
	c.log.Info("the new cluster's level", "level", level)
	return nil
}

// common is the highest level that all members read; 0 if one doesn't say within foundingPatience.
func (c *Consensus) common(ctx context.Context, peers []registry.Peer) registry.Level {
	ctx, cancel := context.WithTimeout(ctx, foundingPatience)
	defer cancel()
	for len(peers) > 0 {
		members := c.askLevels(ctx, peers)
		least := slices.MinFunc(members, func(a, b MemberLevel) int { return int(a.Reads) - int(b.Reads) })
		if least.Reads > 0 {
			return least.Reads
		}
		select {
		case <-time.After(tickInterval / 4):
		case <-ctx.Done():
			c.log.Warn("a member doesn't say what its binary reads: the new cluster begins at the first level", "member", least.Node, "error", least.Err)
			return 0
		}
	}
	return 0
}

// mayPropose is why a command isn't proposed; nil if it may be. Where this state is behind, the cluster is asked.
func (c *Consensus) mayPropose(ctx context.Context, needs registry.Level) (fail *registry.Failure, err error) {
	if needs == registry.FirstLevel {
		return nil, nil
	}
	for _, level := range []fsm.Level{fsm.Local, fsm.Linearizable} {
		if err := c.View(ctx, level, 0, func(v fsm.View) error {
			fail = registry.MayExecute(needs, v.Level())
			return nil
		}); err != nil || fail == nil {
			return nil, err
		}
	}
	return fail, nil
}
