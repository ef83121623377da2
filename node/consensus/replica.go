package consensus

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"github.com/hashicorp/raft"

	"quorate/fsm"
)

// replica is the state machine as raft drives it. It tells who waits how far
// the state is; raft's own applied index runs ahead of what has been consumed.
type replica struct {
	machine   *fsm.Machine
	snapshots *snapshotStore
	disk      *diskWatch
	log       *slog.Logger
	on        Events

	mu      sync.Mutex
	index   uint64        // the state's applied index
	moved   chan struct{} // closed and replaced when index moves
	failure error         // set once, when this node's storage failed
	failed  chan struct{} // closed with it
}

// Events are calls that a replica makes while it applies: they must be quick.
type Events struct {
	// Applied follows each batch that published zones or marked names for publication.
	Applied func(fsm.Outcome)
	// Silent begins and ends the time in which this node must send its peers nothing of raft's: its disk is stalled.
	Silent func(bool)
	// Restored follows the replacement of the whole state.
	Restored func()
}

func newReplica(m *fsm.Machine, snapshots *snapshotStore, disk *diskWatch, log *slog.Logger, on Events) (*replica, error) {
	pos, err := m.Position()
	if err != nil {
		return nil, fmt.Errorf("reading the state's position: %w", err)
	}
	return &replica{machine: m, snapshots: snapshots, disk: disk, log: log, on: on, index: pos.Index, moved: make(chan struct{}), failed: make(chan struct{})}, nil
}

// ApplyBatch implements raft.BatchingFSM.
func (r *replica) ApplyBatch(logs []*raft.Log) []any {
	responses := make([]any, len(logs))
	batch := make([]fsm.Entry, len(logs))
	for i, l := range logs {
		batch[i] = fsm.Entry{Index: l.Index, Term: l.Term}
		if l.Type == raft.LogCommand {
			batch[i].Data = l.Data
		}
	}
	var out fsm.Outcome
	err := r.disk.write(func() (err error) {
		out, err = r.machine.Apply(batch)
		return err
	})
	if err != nil {
		r.fail(err)
		for i := range responses {
			responses[i] = err
		}
		return responses
	}
	for i, result := range out.Results {
		responses[i] = result
	}
	for _, c := range out.Compared {
		if err := r.compare(c); err != nil {
			r.fail(err)
		}
	}
	r.on.Applied(out)
	r.moveTo(logs[len(logs)-1].Index)
	return responses
}

// Apply implements raft.FSM.
func (r *replica) Apply(l *raft.Log) any { return r.ApplyBatch([]*raft.Log{l})[0] }

// Snapshot implements raft.FSM: the state file is synced already, a snapshot only notes where it is.
func (r *replica) Snapshot() (raft.FSMSnapshot, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failure != nil {
		return nil, r.failure
	}
	return marker{r.index}, nil
}

// Restore implements raft.FSM.
func (r *replica) Restore(source io.ReadCloser) error {
	if err := r.machine.Restore(source); err != nil {
		r.fail(err)
		return err
	}
	if err := r.snapshots.installed(); err != nil {
		r.fail(err)
		return err
	}
	pos, err := r.machine.Position()
	if err != nil {
		return err
	}
	r.log.Info("state replaced by a copy", "index", pos.Index, "digest", pos.Digest)
	r.on.Restored()
	r.moveTo(pos.Index)
	return nil
}

func (r *replica) moveTo(index uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.index = max(r.index, index)
	close(r.moved)
	r.moved = make(chan struct{})
}

// fail takes this node's state out of service for good.
func (r *replica) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failure == nil {
		r.failure = err
		close(r.failed)
		r.log.Error("this node can't apply the log and leaves service", "page", true, "error", err)
	}
}

func (r *replica) applied() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.index
}

// wait returns when the state has applied index.
func (r *replica) wait(ctx context.Context, index uint64) error {
	for {
		r.mu.Lock()
		reached, moved := r.index >= index, r.moved
		r.mu.Unlock()
		if reached {
			return nil
		}
		select {
		case <-moved:
		case <-r.failed:
			return r.failure
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
