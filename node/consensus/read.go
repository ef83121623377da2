package consensus

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"quorate/transport"
)

// A linearizable read needs an index: one at or above everything that was
// acknowledged, or shown by another such read, before it began. That is what the leader
// has committed, once its own NewTerm is: all that leaders before it acknowledged is
// below. What its state machine has applied is not enough: a follower may be ahead of
// it, and have shown what it has not. Only commands and configurations follow a
// NewTerm, so every state machine reaches that index.
//
// That the node still is the leader when the read begins is shown by asking a
// quorum, after the request came, for their terms: had another been elected since, one
// of any quorum would say so. raft.VerifyLeader is not enough: it may count acknowledgements of messages sent before.

const (
	methodReadIndex = "readindex" // the leader's index, confirmed
	methodTerm      = "term"      // a node's current term
)

// rounds coalesces reads: those that arrive while maxRounds are under way share the next.
type rounds struct {
	fetch func(ctx context.Context) (uint64, error)

	mu      sync.Mutex
	running int
	next    *round
}

type round struct {
	done  chan struct{}
	index uint64
	err   error
}

// index is the result of a round that began after the call.
func (r *rounds) index(ctx context.Context) (uint64, error) {
	r.mu.Lock()
	if r.next == nil {
		r.next = &round{done: make(chan struct{})}
	}
	mine := r.next
	if r.running < maxRounds {
		r.running++
		go r.run()
	}
	r.mu.Unlock()
	select {
	case <-mine.done:
		return mine.index, mine.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// run does rounds while there are reads that wait for one.
func (r *rounds) run() {
	for {
		r.mu.Lock()
		mine := r.next
		r.next = nil
		if mine == nil {
			r.running--
			r.mu.Unlock()
			return
		}
		r.mu.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), readPatience)
		mine.index, mine.err = r.fetch(ctx)
		cancel()
		close(mine.done)
	}
}

// fetchIndex gets a confirmed index from whoever leads.
func (c *Consensus) fetchIndex(ctx context.Context) (index uint64, err error) {
	for {
		leader, alone, changed := c.leader.watch()
		attempt, cancel := until(ctx, changed)
		switch {
		case leader == c.cfg.Node:
			index, err = c.confirm.index(attempt)
		case leader != "":
			index, err = c.askIndex(attempt, leader)
		default:
			err = errNoLeader
		}
		cancel()
		if leader == "" && alone > leaderPatience {
			return 0, err
		}
		if err == nil {
			return index, nil
		}
		select {
		case <-changed:
		case <-time.After(retryPause):
		case <-ctx.Done():
			return 0, fmt.Errorf("%w: %w", ctx.Err(), err)
		}
	}
}

// askIndex asks the leader, or peers that may reach it.
func (c *Consensus) askIndex(ctx context.Context, leader string) (index uint64, err error) {
	reply, err := c.cfg.Network.Call(ctx, leader, methodReadIndex, nil)
	if errors.Is(err, transport.ErrUnreachable) {
		for _, p := range c.others(leader) {
			if reply, err = c.cfg.Network.Call(ctx, p, methodReadIndex, []byte{maxHops}); err == nil {
				break
			}
		}
	}
	if err != nil {
		return 0, err
	}
	if len(reply) != 8 {
		return 0, fmt.Errorf("a read index of %d octets", len(reply))
	}
	return binary.BigEndian.Uint64(reply), nil
}

// serveReadIndex answers methodReadIndex; a node that isn't the leader asks it, if the request allows a hop.
func (c *Consensus) serveReadIndex(ctx context.Context, peer string, request []byte) ([]byte, error) {
	leader, _ := c.leader.get()
	var index uint64
	err := errNotLeader
	switch {
	case leader == c.cfg.Node:
		index, err = c.confirm.index(ctx)
	case leader != "" && leader != c.cfg.Node && leader != peer && len(request) == 1 && request[0] > 0:
		return c.cfg.Network.Call(ctx, leader, methodReadIndex, nil)
	}
	return binary.BigEndian.AppendUint64(nil, index), err
}

// confirmIndex is the leader's part: take the index, then have a quorum confirm the term.
func (c *Consensus) confirmIndex(ctx context.Context) (uint64, error) {
	term, err := c.reign.wait(ctx)
	if err != nil {
		return 0, err
	}
	index := c.raft.CommitIndex()
	if err := c.confirmTerm(ctx, term); err != nil {
		return 0, err
	}
	return index, nil
}

func (c *Consensus) confirmTerm(ctx context.Context, term uint64) error {
	voters := c.voters()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	agreed := make(chan bool, len(voters))
	for _, id := range voters {
		if id == c.cfg.Node {
			agreed <- c.raft.CurrentTerm() == term && c.raft.State() == raft.Leader
			continue
		}
		go func() {
			reply, err := c.cfg.Network.Call(ctx, id, methodTerm, nil)
			agreed <- err == nil && len(reply) == 8 && binary.BigEndian.Uint64(reply) <= term
		}()
	}
	yes, no := 0, 0
	for quorum := len(voters)/2 + 1; yes < quorum; {
		select {
		case ok := <-agreed:
			if ok {
				yes++
			} else if no++; no > len(voters)-quorum {
				return fmt.Errorf("%w: no quorum confirmed term %d", errNotLeader, term)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (c *Consensus) serveTerm(context.Context, string, []byte) ([]byte, error) {
	return binary.BigEndian.AppendUint64(nil, c.raft.CurrentTerm()), nil
}

// handle registers what other nodes may call.
func (c *Consensus) handle() {
	c.cfg.Network.Handle(methodPropose, c.servePropose)
	c.cfg.Network.Handle(methodReadIndex, c.serveReadIndex)
	c.cfg.Network.Handle(methodTerm, c.serveTerm)
	c.cfg.Network.Handle(methodDigest, c.serveDigest)
	c.cfg.Network.Handle(methodClock, c.serveClock)
	c.cfg.Network.Handle(methodHandOver, c.serveHandOver)
}
