package consensus

import (
	"bytes"
	"io"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/hashicorp/raft"

	"quorate/fsm"
)

func openTestMachine(t *testing.T) (m *fsm.Machine, folder string) {
	t.Helper()
	folder = t.TempDir()
	m, err := fsm.Open(filepath.Join(folder, "state.db"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m, folder
}

func applyUpTo(t *testing.T, m *fsm.Machine, index uint64) {
	t.Helper()
	for i := uint64(1); i <= index; i++ {
		if _, err := m.Apply([]fsm.Entry{{Index: i, Term: 1}}); err != nil {
			t.Fatal(err)
		}
	}
}

// copyAt is a peer's state after the entry at index, as one replica sends it to another.
func copyAt(t *testing.T, index uint64) *bytes.Buffer {
	t.Helper()
	peer, _ := openTestMachine(t)
	applyUpTo(t, peer, index)
	export, err := peer.Export()
	if err != nil {
		t.Fatal(err)
	}
	var copied bytes.Buffer
	if _, err := export.WriteTo(&copied); err != nil {
		t.Fatal(err)
	}
	if err := export.Close(); err != nil {
		t.Fatal(err)
	}
	return &copied
}

// Raft may begin a snapshot, receive a copy of what came later, and only then
// end the snapshot. The log need not have what is between: the copy stays the newest, or the node could not start again.
func TestASnapshotThatComesTooLateIsRefused(t *testing.T) {
	t.Parallel()
	m, folder := openTestMachine(t)
	applyUpTo(t, m, 3)
	s, err := openSnapshots(folder, m)
	if err != nil {
		t.Fatal(err)
	}
	sink := func(index uint64) raft.SnapshotSink {
		k, err := s.Create(1, index, 1, raft.Configuration{}, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	late := sink(2)
	copied := copyAt(t, 9)
	received := sink(9)
	if _, err := received.Write(copied.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := received.Close(); err != nil {
		t.Fatal(err)
	}
	if err := (marker{2}).Persist(late); err == nil {
		t.Error("an older snapshot takes the place of a newer")
	}
	for range 2 { // also after a start
		if all, err := s.List(); err != nil || len(all) != 1 || all[0].Index != 9 {
			t.Errorf("the newest snapshot is %v, must be of entry 9: %v", all, err)
		}
		if s, err = openSnapshots(folder, m); err != nil {
			t.Fatal(err)
		}
	}
	older := sink(5) // of a leader that took its snapshot before
	if _, err := older.Write(copied.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := older.Close(); err == nil {
		t.Error("an older copy takes the place of a newer")
	}
	if all, err := s.List(); err != nil || all[0].Index != 9 {
		t.Errorf("the newest snapshot is %v, must be of entry 9: %v", all, err)
	}
}

// A copy can be behind the state that it replaces. Whoever waits for an index must then wait until it is there again.
func TestACopyThatIsBehindIsWaitedFor(t *testing.T) {
	t.Parallel()
	m, folder := openTestMachine(t)
	applyUpTo(t, m, 5)
	s, err := openSnapshots(folder, m)
	if err != nil {
		t.Fatal(err)
	}
	copied := copyAt(t, 3)
	k, err := s.Create(1, 3, 1, raft.Configuration{}, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Write(copied.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := newReplica(m, s, &diskWatch{}, slog.New(slog.DiscardHandler), Events{Applied: func(fsm.Outcome) {}, Restored: func() {}})
	if err != nil {
		t.Fatal(err)
	}
	if r.applied() != 5 {
		t.Fatalf("the state is at %d", r.applied())
	}
	if err := r.Restore(io.NopCloser(copied)); err != nil {
		t.Fatal(err)
	}
	if r.applied() != 3 {
		t.Errorf("the replica says that it has applied %d, its state has 3", r.applied())
	}
}

// After a copy was received the log rests on it: an older state, or a copy of one, must not take its place, for
// raft would hand over only what came after the copy.
func TestNothingOlderThanAReceivedCopyTakesItsPlace(t *testing.T) {
	t.Parallel()
	copied := copyAt(t, 9)
	m, folder := openTestMachine(t)
	s, err := openSnapshots(folder, m)
	if err != nil {
		t.Fatal(err)
	}
	sink, err := s.Create(1, 9, 1, raft.Configuration{}, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sink.Write(copied.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := openSnapshots(folder, m); err != nil { // puts the copy in the state's place
		t.Fatal(err)
	}
	if pos, err := m.Position(); err != nil || pos.Index != 9 {
		t.Fatalf("the copy is at %d, %v", pos.Index, err)
	}

	older, _ := openTestMachine(t)
	applyUpTo(t, older, 8)
	if _, err := openSnapshots(folder, older); err == nil {
		t.Error("a node would start on a state of before the copy, and have a gap")
	}
	job, err := BeginCopy(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer job.Close()
	if job.Least != 9 {
		t.Errorf("a copy that goes up to %d would do", job.Least)
	}
}
