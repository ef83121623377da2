package node

import (
	"sync"

	"github.com/hashicorp/raft"
)

// raftTransport is raft's own transport over our streams, without a trap. When a
// follower refuses entries (its log couldn't be written, or it restarts), raft stops reading the
// answers of the pipeline to it, while it may wait for the pipeline to take one entry more. That
// waits for its answers to be read: for ever. The follower then gets heartbeats and
// no entries, as long as the leader leads (hashicorp/raft issue 612). So the
// first refusal closes the pipeline, and raft begins a new one.
type raftTransport struct{ *raft.NetworkTransport }

// AppendEntriesPipeline implements raft.Transport.
func (t raftTransport) AppendEntriesPipeline(id raft.ServerID, target raft.ServerAddress) (raft.AppendPipeline, error) {
	inner, err := t.NetworkTransport.AppendEntriesPipeline(id, target)
	if err != nil {
		return nil, err
	}
	p := &pipeline{AppendPipeline: inner, answers: make(chan raft.AppendFuture), ended: make(chan struct{})}
	p.end = sync.OnceFunc(func() { close(p.ended) })
	go p.relay()
	return p, nil
}

// pipeline is a raft.AppendPipeline that a refusal closes.
type pipeline struct {
	raft.AppendPipeline
	answers chan raft.AppendFuture
	ended   chan struct{}
	end     func()
}

// relay hands on answers, up to the first refusal.
func (p *pipeline) relay() {
	for {
		var answer raft.AppendFuture
		select {
		case answer = <-p.AppendPipeline.Consumer():
		case <-p.ended:
			return
		}
		select {
		case p.answers <- answer:
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
func (p *pipeline) Consumer() <-chan raft.AppendFuture { return p.answers }

// Close implements raft.AppendPipeline.
func (p *pipeline) Close() error {
	p.end()
	return p.AppendPipeline.Close()
}
