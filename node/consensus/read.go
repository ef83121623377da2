package consensus

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"quorate/fsm/store"
	"quorate/transport"
)

// A linearizable read needs an index: one at or above everything that was
// acknowledged, or shown by another such read, before it began. That is what the leader
// has committed, once its own NewTerm is: all that leaders before it acknowledged is
// below. What its state machine has applied is not enough: a follower may be ahead of
// it, and have shown what it has not. Only commands and configurations follow a
// NewTerm, so every state machine reaches that index.
//
// That nobody else was elected before the read began is shown by a quorum whose terms, as of then or later, are not above the
// leader's: of any quorum that elected another, one node would say so. The reading node is one of it, and the leader another, so of
// three nodes no third need be asked: a read costs a round trip to the leader, or the leader a round trip to the nearest.
// raft.VerifyLeader is not enough: it may count acknowledgements of messages sent before.

const (
	methodReadIndex = "readindex" // what the leader has committed
	methodTerm      = "term"      // a node's current term
)

// standing is a leader's answer to methodReadIndex.
type standing struct {
	Term   uint64   `cbor:"1,keyasint"`
	Index  uint64   `cbor:"2,keyasint"` // committed
	Voters []string `cbor:"3,keyasint"` // of whom a quorum must confirm the term
}

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
		err = errNoLeader
		if leader != "" {
			attempt, cancel := until(ctx, changed)
			index, err = c.confirmedIndex(attempt, leader)
			cancel()
		} else if alone > leaderPatience {
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

// confirmedIndex asks the leader where it stands and, at the same time, as many others for their terms as make a quorum with it and this node.
func (c *Consensus) confirmedIndex(ctx context.Context, leader string) (uint64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type answer struct {
		node string
		term uint64
		err  error
	}
	others := c.others(leader)
	answers := make(chan answer, len(others))
	asked := 0
	counts := !c.hasForgotten()
	if !counts || leader == c.cfg.Node || len(others) > 1 { // otherwise there are three voters, and this and the leader are two of them
		for _, id := range others {
			asked++
			go func() {
				term, err := c.askTerm(ctx, id)
				answers <- answer{id, term, err}
			}()
		}
	}
	lead, err := c.askStanding(ctx, leader)
	if err != nil {
		return 0, err
	}
	own := c.raft.CurrentTerm()
	confirmed := map[string]bool{leader: true, c.cfg.Node: counts && own <= lead.Term}
	for !isQuorum(confirmed, lead.Voters) {
		if asked == 0 {
			return 0, fmt.Errorf("%w: no quorum confirmed term %d", errNotLeader, lead.Term)
		}
		asked--
		select {
		case a := <-answers:
			confirmed[a.node] = a.err == nil && a.term <= lead.Term
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	return lead.Index, nil
}

// isQuorum says whether more than half of the voters are in a set.
func isQuorum(set map[string]bool, voters []string) bool {
	n := 0
	for _, id := range voters {
		if set[id] {
			n++
		}
	}
	return n > len(voters)/2
}

// askStanding asks the leader where it stands, through a peer if need be.
func (c *Consensus) askStanding(ctx context.Context, leader string) (s standing, err error) {
	if leader == c.cfg.Node {
		return c.standing(ctx)
	}
	reply, err := c.cfg.Network.Call(ctx, leader, methodReadIndex, nil)
	if errors.Is(err, transport.ErrUnreachable) {
		for _, p := range c.others(leader) {
			if reply, err = c.cfg.Network.Call(ctx, p, methodReadIndex, []byte{maxHops}); err == nil {
				break
			}
		}
	}
	if err != nil {
		return s, err
	}
	return s, store.Decode(reply, &s)
}

// standing is where this node stands, as the leader; it waits for its reign to begin.
func (c *Consensus) standing(ctx context.Context) (s standing, err error) {
	if s.Term, err = c.reign.wait(ctx); err != nil {
		return s, err
	}
	s.Index, s.Voters = c.raft.CommitIndex(), c.voters()
	if c.raft.CurrentTerm() != s.Term || c.raft.State() != raft.Leader || len(s.Voters) == 0 {
		return s, errNotLeader
	}
	return s, nil
}

// serveReadIndex answers methodReadIndex; a node that isn't the leader asks it, if the request allows a hop.
func (c *Consensus) serveReadIndex(ctx context.Context, peer string, request []byte) ([]byte, error) {
	leader, _ := c.leader.get()
	switch {
	case leader == c.cfg.Node:
		s, err := c.standing(ctx)
		if err != nil {
			return nil, err
		}
		return store.Encode(s), nil
	case leader != "" && leader != peer && len(request) == 1 && request[0] > 0:
		return c.cfg.Network.Call(ctx, leader, methodReadIndex, nil)
	}
	return nil, errNotLeader
}

func (c *Consensus) askTerm(ctx context.Context, node string) (uint64, error) {
	reply, err := c.cfg.Network.Call(ctx, node, methodTerm, nil)
	if err == nil && len(reply) != 8 {
		err = fmt.Errorf("a term of %d octets", len(reply))
	}
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint64(reply), nil
}

// serveTerm answers methodTerm, unless this node may have forgotten a later term.
func (c *Consensus) serveTerm(context.Context, string, []byte) ([]byte, error) {
	if c.hasForgotten() {
		return nil, errNewcomer
	}
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
	c.cfg.Network.Handle(methodLevel, c.serveLevel)
}
