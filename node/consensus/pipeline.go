package consensus

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// sound is raft's transport without two traps. A follower of v1.8 takes for committed what the leader has, up to the end of its own log,
// though that may end in entries of a former reign that the message doesn't reach: Raft's rule is up to the last entry
// of the message (section 5.3 of the paper), and so no message promises more. And when a
// follower refuses entries (its log couldn't be written, or it restarts), raft stops reading the
// answers of the pipeline to it, while it may wait for the pipeline to take one entry more. That
// waits for its answers to be read: for ever. The follower then gets heartbeats and
// no entries, as long as the leader leads (hashicorp/raft issue 612). So the
// first refusal closes the pipeline, and raft begins a new one.
//
// It is also without a waste. For a follower to hear of a commit at once, raft must send its last message again every few
// milliseconds (CommitTimeout), whether there is a commit or not: an idle leader did nothing else with a tenth of a processor.
// What was said before, and answered, is not sent for maxRepetition. (What wasn't answered is: raft hands its leadership over by
// sending until it has been.) Heartbeats are messages of their own.
type sound struct{ raft.Transport }

// AppendEntries implements raft.Transport.
func (t sound) AppendEntries(id raft.ServerID, target raft.ServerAddress, ask *raft.AppendEntriesRequest, reply *raft.AppendEntriesResponse) error {
	promiseNoMore(ask)
	return t.Transport.AppendEntries(id, target, ask, reply)
}

// AppendEntries implements raft.AppendPipeline. Of a message that isn't sent there is no answer of its own; raft counts none.
func (p *soundPipeline) AppendEntries(ask *raft.AppendEntriesRequest, reply *raft.AppendEntriesResponse) (raft.AppendFuture, error) {
	promiseNoMore(ask)
	says := said{ask.Term, ask.PrevLogEntry + uint64(len(ask.Entries)), ask.LeaderCommitIndex}
	now := p.now()
	known := p.sent > 0 && len(ask.Entries) == 0 && says == p.said
	if known && p.answered.Load() >= p.first && now.Sub(p.last) < maxRepetition {
		return p.future, nil
	}
	future, err := p.AppendPipeline.AppendEntries(ask, reply)
	if err != nil {
		return nil, err
	}
	p.sent++
	if !known {
		p.said, p.first = says, p.sent
	}
	p.last, p.future = now, future
	return future, nil
}

// promiseNoMore has a message call committed only what the follower's log is known to agree with when it has taken the message.
func promiseNoMore(ask *raft.AppendEntriesRequest) {
	// Raft sends one heartbeat message again and again, which is not to be written while an earlier sending of it may still be read.
	if reach := ask.PrevLogEntry + uint64(len(ask.Entries)); ask.LeaderCommitIndex > reach {
		ask.LeaderCommitIndex = reach
	}
}

var errNoPreVote = errors.New("raft's transport has no pre-vote")

// RequestPreVote implements raft.WithPreVote.
func (t sound) RequestPreVote(id raft.ServerID, target raft.ServerAddress, ask *raft.RequestPreVoteRequest, reply *raft.RequestPreVoteResponse) error {
	inner, ok := t.Transport.(raft.WithPreVote)
	if !ok {
		return errNoPreVote
	}
	return inner.RequestPreVote(id, target, ask, reply)
}

// Close implements raft.WithClose.
func (t sound) Close() error {
	if inner, ok := t.Transport.(raft.WithClose); ok {
		return inner.Close()
	}
	return nil
}

// AppendEntriesPipeline implements raft.Transport.
func (t sound) AppendEntriesPipeline(id raft.ServerID, target raft.ServerAddress) (raft.AppendPipeline, error) {
	inner, err := t.Transport.AppendEntriesPipeline(id, target)
	if err != nil {
		return nil, err
	}
	p := &soundPipeline{AppendPipeline: inner, answers: make(chan raft.AppendFuture), ended: make(chan struct{}), now: time.Now}
	p.end = sync.OnceFunc(func() { close(p.ended) })
	go p.relay()
	return p, nil
}

// soundPipeline is a raft.AppendPipeline that a refusal closes.
type soundPipeline struct {
	raft.AppendPipeline
	answers chan raft.AppendFuture
	ended   chan struct{}
	end     func()

	answered atomic.Uint64 // messages whose answers raft has taken

	// Only raft's goroutine that sends knows these.
	now    func() time.Time
	sent   uint64            // messages
	last   time.Time         // when the last one was sent
	future raft.AppendFuture // of that
	said   said              // in it
	first  uint64            // the first message that said so, counted from 1
}

// said is what a follower learns from a message, besides its entries.
type said struct {
	term, reach, committed uint64 // reach is the last entry that it speaks of
}

// relay hands on answers, up to the first refusal.
func (p *soundPipeline) relay() {
	for {
		var answer raft.AppendFuture
		select {
		case answer = <-p.AppendPipeline.Consumer():
		case <-p.ended:
			return
		}
		select {
		case p.answers <- answer:
			p.answered.Add(1)
		case <-p.ended:
			return
		}
		if !answer.Response().Success {
			_ = p.AppendPipeline.Close() // only the stream's, which is given up
			return
		}
	}
}

// Consumer implements raft.AppendPipeline.
func (p *soundPipeline) Consumer() <-chan raft.AppendFuture { return p.answers }

// Close implements raft.AppendPipeline.
func (p *soundPipeline) Close() error {
	p.end()
	return p.AppendPipeline.Close()
}

var (
	_ raft.Transport   = sound{}
	_ raft.WithPreVote = sound{}
	_ raft.WithClose   = sound{}
)
