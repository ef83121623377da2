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

// A follower is told once what it needs to know: of entries and commits at once, and of nothing new only now and then.
func TestNothingIsRepeated(t *testing.T) {
	t.Parallel()
	far, near := raft.NewInmemTransport("far")
	_, own := raft.NewInmemTransport("own")
	own.Connect(far, near)
	got := make(chan raft.AppendEntriesRequest, 100)
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		for {
			select {
			case rpc := <-near.Consumer():
				got <- *rpc.Command.(*raft.AppendEntriesRequest)
				rpc.Respond(&raft.AppendEntriesResponse{Success: true}, nil)
			case <-ended:
				return
			}
		}
	}()
	opened, err := (sound{own}).AppendEntriesPipeline("far", far)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	p := opened.(*soundPipeline)
	now := time.Unix(1, 0)
	p.now = func() time.Time { return now }
	for i, row := range []struct {
		what                               string
		after                              time.Duration
		term, previous, entries, committed uint64
		sent, unanswered                   bool
	}{
		{what: "the first", term: 1, previous: 4, committed: 4, sent: true},
		{what: "the same again", term: 1, previous: 4, committed: 4},
		{what: "an entry", term: 1, previous: 4, entries: 1, committed: 4, sent: true},
		{what: "nothing since", term: 1, previous: 5, committed: 4},
		{what: "it is committed", term: 1, previous: 5, committed: 5, sent: true},
		{what: "more than the message reaches is", term: 1, previous: 5, committed: 6},
		{what: "another term", term: 2, previous: 5, committed: 5, sent: true},
		{what: "a follower that was set back", term: 2, previous: 3, committed: 5, sent: true},
		{what: "a moment later", after: maxRepetition - 1, term: 2, previous: 3, committed: 5},
		{what: "in time", after: 1, term: 2, previous: 3, committed: 5, sent: true},
		{what: "just after that", term: 2, previous: 3, committed: 5},
		{what: "an empty log", term: 2, sent: true, unanswered: true},
		{what: "the same before the answer", term: 2, sent: true, unanswered: true},
	} {
		now = now.Add(row.after)
		ask := &raft.AppendEntriesRequest{Term: row.term, PrevLogEntry: row.previous, LeaderCommitIndex: row.committed, Entries: make([]*raft.Log, row.entries)}
		if _, err := p.AppendEntries(ask, &raft.AppendEntriesResponse{}); err != nil {
			t.Fatal(err)
		}
		if row.sent {
			if m := <-got; m.Term != row.term || m.PrevLogEntry != row.previous {
				t.Fatalf("%d, %s: %+v was sent", i, row.what, m)
			}
			if !row.unanswered {
				<-p.Consumer()
				eventually(t, func() bool { return p.answered.Load() == p.sent })
			}
		}
	}
	// One that is sent behind them shows that none is still on its way.
	if _, err := p.AppendEntries(&raft.AppendEntriesRequest{Term: 9}, &raft.AppendEntriesResponse{}); err != nil {
		t.Fatal(err)
	}
	if m := <-got; m.Term != 9 {
		t.Errorf("%+v was sent, too", m)
	}
}
