package consensus

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

// mired is a raft transport whose entries, but not heartbeats, can be stuck for a while, as on a real network.
type mired struct {
	*raft.InmemTransport
	stuck *atomic.Bool
}

func (m *mired) AppendEntries(id raft.ServerID, target raft.ServerAddress, args *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) error {
	if m.stuck.Load() && args.PrevLogEntry != 0 {
		time.Sleep(3 * time.Second)
		return errors.New("no answer")
	}
	return m.InmemTransport.AppendEntries(id, target, args, resp)
}

func (m *mired) AppendEntriesPipeline(raft.ServerID, raft.ServerAddress) (raft.AppendPipeline, error) {
	return nil, raft.ErrPipelineReplicationNotSupported
}

// TestAHandOverThatFailsLeavesNothing has a leader whose followers get no entries try to hand over twice, then be cut off, and lead once
// more: it takes commands like any other. Whether raft forgets a try is a matter of chance, so there are several rounds.
func TestAHandOverThatFailsLeavesNothing(t *testing.T) {
	var stuck atomic.Bool
	inGroup(t, func(c *Config) { c.Raft = &mired{c.Raft.(*raft.InmemTransport), &stuck} }, func(g *group) {
		for round := range 5 {
			first := g.leader()
			stuck.Store(true)
			for range 2 {
				go func() { _, _ = g.create(first, "nobody-hears-of-it") }() // so that the others have something to catch up with
			}
			time.Sleep(10 * time.Millisecond)
			hurried, cancel := context.WithTimeout(context.Background(), 600*time.Millisecond)
			_ = g.nodes[first].TransferLeadership(hurried)
			cancel()
			g.wire.isolate(first, true)
			time.Sleep(2 * time.Second)
			stuck.Store(false)
			time.Sleep(10 * time.Second)
			if g.leader() == first {
				t.Fatal("it leads alone")
			}
			g.wire.isolate(first, false)
			for g.leader() != first {
				time.Sleep(2 * time.Second)
				_ = g.nodes[g.leader()].raft.LeadershipTransferToServer(raft.ServerID(first), raft.ServerAddress(first)).Error()
			}
			time.Sleep(time.Second)
			if r, err := g.create(first, "again"); err != nil || r.Fail != nil && round == 0 || g.leader() != first {
				t.Fatalf("round %d: %s leads again, and answers %+v, %v", round, first, r, err)
			}
		}
	})
}
