package consensus

import (
	"io"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

// A follower refuses entries while more are sent, and nobody reads the answers after that, as raft does: the sender is told, and not
// left waiting.
func TestARefusalEndsThePipeline(t *testing.T) {
	t.Parallel()
	open := func() *raft.NetworkTransport {
		n, err := raft.NewTCPTransport("127.0.0.1:0", nil, 3, time.Second, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { n.Close() })
		return n
	}
	leader, follower := sound{open()}, open()
	const takes = 3 // it takes so many, and refuses what follows
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		for n := 0; ; n++ {
			select {
			case rpc := <-follower.Consumer():
				rpc.Respond(&raft.AppendEntriesResponse{Success: n < takes}, nil)
			case <-ended:
				return
			}
		}
	}()
	p, err := leader.AppendEntriesPipeline("f", follower.LocalAddr())
	if err != nil {
		t.Fatal(err)
	}
	taken := make(chan int, 1)
	go func() {
		for n := 0; ; n++ {
			if answer := <-p.Consumer(); !answer.Response().Success {
				taken <- n
				return
			}
		}
	}()
	refused := make(chan error, 1)
	go func() {
		for {
			if _, err := p.AppendEntries(&raft.AppendEntriesRequest{Term: 1}, &raft.AppendEntriesResponse{}); err != nil {
				refused <- err
				return
			}
		}
	}()
	select {
	case <-refused:
	case <-time.After(20 * time.Second):
		t.Error("the sender waits for ever")
	}
	if n := <-taken; n != takes {
		t.Errorf("%d answers before the refusal, want %d", n, takes)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// What a message doesn't reach is not called committed, however far the leader is.
func TestNoMessagePromisesMoreThanItReaches(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ previous, entries, committed, want uint64 }{
		{169, 0, 172, 169},
		{168, 1, 172, 169},
		{169, 4, 172, 172},
		{0, 0, 0, 0}, // a heartbeat
	} {
		far, near := raft.NewInmemTransport("far")
		_, own := raft.NewInmemTransport("own")
		own.Connect(far, near)
		got := make(chan uint64, 1)
		go func() {
			rpc := <-near.Consumer()
			got <- rpc.Command.(*raft.AppendEntriesRequest).LeaderCommitIndex
			rpc.Respond(&raft.AppendEntriesResponse{Success: true}, nil)
		}()
		ask := &raft.AppendEntriesRequest{PrevLogEntry: row.previous, LeaderCommitIndex: row.committed, Entries: make([]*raft.Log, row.entries)}
		if err := (sound{own}).AppendEntries("far", far, ask, &raft.AppendEntriesResponse{}); err != nil {
			t.Fatal(err)
		}
		if n := <-got; n != row.want {
			t.Errorf("%+v: %d", row, n)
		}
	}
}
