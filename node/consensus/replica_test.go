package consensus

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/raft"

	"quorate/fsm"
	"quorate/fsm/registry"
	"quorate/fsm/store"
)

// TestWhatGathersIsAppliedTogether stops the disk under the first of many batches and hands over the others: raft isn't held up,
// the rest becomes one transaction, each entry gets its own result, and a snapshot waits for all of it.
func TestWhatGathersIsAppliedTogether(t *testing.T) {
	t.Parallel()
	m, err := fsm.Open(filepath.Join(t.TempDir(), "state.db"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	var transactions atomic.Int64
	begun, gate := make(chan struct{}, 100), make(chan struct{})
	disk := &diskWatch{before: func(Store) error { transactions.Add(1); begun <- struct{}{}; <-gate; return nil }}
	r, err := newReplica(m, nil, disk, slog.New(slog.DiscardHandler), Events{Applied: func(fsm.Outcome) {}})
	if err != nil {
		t.Fatal(err)
	}
	go r.applyAll()

	const batches = 20
	var responses []any
	for i := range uint64(batches) {
		responses = append(responses, r.ApplyBatch([]*raft.Log{commandAt(2*i+1, "n1"), commandAt(2*i+2, "n1")})...)
		if i == 0 {
			<-begun
		}
	}
	marked := make(chan raft.FSMSnapshot, 1)
	go func() {
		s, err := r.Snapshot()
		if err != nil {
			t.Error(err)
		}
		marked <- s
	}()
	select {
	case s := <-marked:
		t.Errorf("a snapshot %v was taken of what isn't applied", s)
	case <-responses[0].(pending).done:
		t.Error("a batch was done while the disk stood still")
	default:
	}
	close(gate)
	if s := <-marked; s != (marker{2 * batches}) {
		t.Errorf("the snapshot is %v, of %d entries", s, 2*batches)
	}
	for i, response := range responses {
		if got, err := response.(pending).result(); err != nil || got.Index != uint64(i)+1 || got.Code != registry.Success {
			t.Errorf("entry %d: %+v, %v", i+1, got, err)
		}
	}
	r.close()
	if n := transactions.Load(); n != 2 {
		t.Errorf("%d transactions; the first batch is one and the rest another", n)
	}
}

// commandAt is the log entry at index: a Tick of a node.
func commandAt(index uint64, node string) *raft.Log {
	entry := fsm.Encode(registry.Command{
		ID: registry.CommandID{Node: node, Epoch: 1, Sequence: index}, Lowest: index, Actor: registry.Actor{Role: registry.RoleNode, Name: node},
		Salt: bytes.Repeat([]byte{1}, 16), Kind: registry.KindTick, Body: store.Encode(registry.Tick{}),
	})
	fsm.Stamp(entry, registry.Time(index))
	return &raft.Log{Index: index, Term: 1, Type: raft.LogCommand, Data: entry}
}
