package consensus

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// A node whose data folder is empty may have had another life under its name: its
// disk was lost, or somebody started it with a new folder. What it promised then it
// doesn't know: which entries it had, and so helped to commit, and whom it gave its vote. Were it to vote as
// it is, it could help one into the leadership who lacks what was acknowledged. So it doesn't vote, and doesn't stand,
// until a leader has brought it up to date. A file remembers that over restarts.
//
// When a candidate asks who has a founder's log, the cluster is new, and nobody in it has a past.

const (
	// newcomerName is the file that is there until the node has caught up.
	newcomerName = "newcomer"
	// foundersLog is how long the log is with which a cluster is begun: its first configuration.
	foundersLog = 1
)

// errNewcomer says why this node doesn't stand for election.
var errNewcomer = errors.New("this node began without data and has yet to catch up: it doesn't vote")

// newcomer is raft's transport while the node may have no part in elections.
type newcomer struct {
	sound
	path  string
	rpcs  chan raft.RPC
	ended chan struct{}
	part  atomic.Bool // it has caught up, and takes part
}

// asNewcomer is inner, or a newcomer around it if the node has no past and isn't the one that begins the cluster.
func asNewcomer(inner sound, folder string, hasPast, begins bool) (*newcomer, error) {
	path := filepath.Join(folder, newcomerName)
	_, err := os.Stat(path)
	switch {
	case err == nil:
	case !errors.Is(err, os.ErrNotExist):
		return nil, err
	case hasPast || begins:
		return nil, nil
	default:
		if err := writeDurably(path, []byte("this node began without data and has yet to catch up\n")); err != nil {
			return nil, fmt.Errorf("noting that this node is new: %w", err)
		}
	}
	n := &newcomer{sound: inner, path: path, rpcs: make(chan raft.RPC), ended: make(chan struct{})}
	go n.sift()
	return n, nil
}

// hasForgotten says that this node may have voted in a term that it doesn't know any more.
func (c *Consensus) hasForgotten() bool { return c.newcomer != nil && !c.newcomer.part.Load() }

// sift hands on what peers send, but for what asks for a vote.
func (n *newcomer) sift() {
	for {
		var rpc raft.RPC
		select {
		case rpc = <-n.Transport.Consumer():
		case <-n.ended:
			return
		}
		if n.declines(rpc) {
			continue
		}
		select {
		case n.rpcs <- rpc:
		case <-n.ended:
			return
		}
	}
}

// declines answers a request for a vote that this node may not give.
func (n *newcomer) declines(rpc raft.RPC) bool {
	if n.part.Load() {
		return false
	}
	var candidates uint64 // the end of the candidate's log
	var no any
	switch ask := rpc.Command.(type) {
	case *raft.RequestVoteRequest:
		candidates, no = ask.LastLogIndex, &raft.RequestVoteResponse{RPCHeader: ask.RPCHeader}
	case *raft.RequestPreVoteRequest:
		candidates, no = ask.LastLogIndex, &raft.RequestPreVoteResponse{RPCHeader: ask.RPCHeader}
	default:
		return false
	}
	if candidates <= foundersLog && n.takePart() == nil {
		return false
	}
	rpc.Respond(no, nil)
	return true
}

// takePart ends the node's being new, for good.
func (n *newcomer) takePart() error {
	if err := os.Remove(n.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("noting that this node is new no more: %w", err)
	}
	n.part.Store(true)
	return nil
}

// Consumer implements raft.Transport.
func (n *newcomer) Consumer() <-chan raft.RPC { return n.rpcs }

// RequestVote implements raft.Transport.
func (n *newcomer) RequestVote(id raft.ServerID, target raft.ServerAddress, ask *raft.RequestVoteRequest, reply *raft.RequestVoteResponse) error {
	if !n.part.Load() {
		return errNewcomer
	}
	return n.Transport.RequestVote(id, target, ask, reply)
}

// RequestPreVote implements raft.WithPreVote.
func (n *newcomer) RequestPreVote(id raft.ServerID, target raft.ServerAddress, ask *raft.RequestPreVoteRequest, reply *raft.RequestPreVoteResponse) error {
	if !n.part.Load() {
		return errNewcomer
	}
	return n.sound.RequestPreVote(id, target, ask, reply)
}

// Close implements raft.WithClose: raft calls it when it shuts down.
func (n *newcomer) Close() error {
	close(n.ended)
	return n.sound.Close()
}

// catchUp lets a newcomer take part in elections as soon as its state has all that was committed before now, by the word of a leader.
func (c *Consensus) catchUp(ctx context.Context, n *newcomer) {
	c.log.Warn("this node begins without data: it doesn't vote until it has caught up")
	for {
		index, err := c.fetch.index(ctx)
		if err == nil {
			err = c.replica.wait(ctx, index)
		}
		if err == nil {
			err = n.takePart()
		}
		if err == nil {
			c.log.Info("this node has caught up, and votes from now on", "index", index)
			return
		}
		select {
		case <-time.After(tickInterval / 4):
		case <-ctx.Done():
			return
		}
	}
}

var (
	_ raft.Transport   = (*newcomer)(nil)
	_ raft.WithPreVote = (*newcomer)(nil)
	_ raft.WithClose   = (*newcomer)(nil)
)
