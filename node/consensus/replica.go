package consensus

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"github.com/hashicorp/raft"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// replica is the state machine as raft drives it. Raft hands over what it has
// committed; the applier executes all that has gathered while the last transaction
// became durable in one transaction more, so that syncs are shared the better the
// busier a node is. It tells who waits how far the state is; raft's own applied
// index runs ahead of what has been consumed.
type replica struct {
	machine   *fsm.Machine
	snapshots *snapshotStore
	disk      *diskWatch
	log       *slog.Logger
	on        Events

	committed chan *handover // from raft to the applier, in the log's order
	last      uint64         // of what was handed over; raft's goroutine for the state machine alone knows it
	ended     chan struct{}  // closed when the applier has ended

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
	return &replica{machine: m, snapshots: snapshots, disk: disk, log: log, on: on, index: pos.Index, last: pos.Index,
		committed: make(chan *handover, maxHandovers), ended: make(chan struct{}), moved: make(chan struct{}), failed: make(chan struct{})}, nil
}

// close ends the applier when all that raft has handed over is applied. Raft must have ended, or not begun.
func (r *replica) close() {
	close(r.committed)
	<-r.ended
}

// handover is a batch of entries that raft has committed, and what became of them once done is closed.
type handover struct {
	entries []fsm.Entry
	done    chan struct{}
	results []registry.Result // one for each entry
	err     error
}

// pending is raft's response for an entry: a place in what was handed over with it.
type pending struct {
	*handover
	at int
}

// result waits for the entry's result. It comes, or the node has failed.
func (p pending) result() (registry.Result, error) {
	<-p.done
	if p.err != nil {
		return registry.Result{}, p.err
	}
	return p.results[p.at], nil
}

// ApplyBatch implements raft.BatchingFSM. It doesn't wait for the entries to be applied, unless too much waits already.
func (r *replica) ApplyBatch(logs []*raft.Log) []any {
	h := &handover{entries: make([]fsm.Entry, len(logs)), done: make(chan struct{})}
	responses := make([]any, len(logs))
	for i, l := range logs {
		h.entries[i] = fsm.Entry{Index: l.Index, Term: l.Term}
		if l.Type == raft.LogCommand {
			h.entries[i].Data = l.Data
		}
		responses[i] = pending{h, i}
	}
	r.last = logs[len(logs)-1].Index
	r.committed <- h
	return responses
}

// Apply implements raft.FSM.
func (r *replica) Apply(l *raft.Log) any { return r.ApplyBatch([]*raft.Log{l})[0] }

// applyAll is the applier.
func (r *replica) applyAll() {
	defer close(r.ended)
	for h := range r.committed {
		taken, entries := []*handover{h}, h.entries
		for len(entries) < maxTransaction && len(r.committed) > 0 {
			h = <-r.committed
			taken, entries = append(taken, h), append(entries, h.entries...)
		}
		results, err := r.apply(entries)
		for _, h := range taken {
			if h.err = err; err == nil {
				h.results, results = results[:len(h.entries)], results[len(h.entries):]
			}
			close(h.done)
		}
	}
}

// apply executes entries in one transaction.
func (r *replica) apply(entries []fsm.Entry) ([]registry.Result, error) {
	var out fsm.Outcome
	// A batch that failed is missing from the state: nothing may be applied after it.
	err := r.failedWith()
	if err == nil {
		err = r.disk.write(StateStore, func() (err error) {
			out, err = r.machine.Apply(entries)
			return err
		})
	}
	if err != nil {
		r.fail(err)
		return nil, err
	}
	for _, c := range out.Compared {
		if err := r.compare(c); err != nil {
			r.fail(err)
		}
	}
	r.on.Applied(out)
	r.moveTo(entries[len(entries)-1].Index)
	return out.Results, nil
}

// settle waits until all that raft has handed over is applied. It is for raft's goroutine for the state machine.
func (r *replica) settle() error { return r.wait(context.Background(), r.last) }

// Snapshot implements raft.FSM: the state file is synced already, a snapshot only notes where it is. Raft
// takes it for what it has handed over, and drops the log on its strength.
func (r *replica) Snapshot() (raft.FSMSnapshot, error) {
	if err := r.settle(); err != nil {
		return nil, err
	}
	return marker{r.applied()}, nil
}

// Restore implements raft.FSM. A node whose state has failed takes none: it is leaving service.
func (r *replica) Restore(source io.ReadCloser) error {
	if err := r.settle(); err != nil {
		return err
	}
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
	r.last = pos.Index
	r.restoredTo(pos.Index)
	return nil
}

func (r *replica) moveTo(index uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.setIndex(max(r.index, index))
}

// restoredTo is moveTo after a copy came, which may be behind the state that it
// replaced: the leader that sent it may have applied less. Readers must wait for what was there before.
func (r *replica) restoredTo(index uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.setIndex(index)
}

// setIndex wakes those who wait; r.mu is held.
func (r *replica) setIndex(index uint64) {
	r.index = index
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
		r.log.Error("this node can't go on and leaves service", "page", true, "error", err)
	}
}

// failedWith is why this replica has failed; nil while it hasn't.
func (r *replica) failedWith() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failure
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
