package consensus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/hashicorp/raft"

	"quorate/fsm"
)

// A raft snapshot here is a marker: the state file is durable by itself and at
// or past the marker's index. Bytes move only when a follower needs a copy: the
// leader then streams its state file as it is, which may hold entries after the
// marker; the follower's state machine skips them when they come by log.

const (
	markerName   = "snapshot.json"
	receivedName = "received.db"
	markerMagic  = "quorate marker "
)

// marker implements raft.FSMSnapshot.
type marker struct{ state uint64 }

func (m marker) Persist(sink raft.SnapshotSink) error {
	if _, err := fmt.Fprintf(sink, "%s%d", markerMagic, m.state); err != nil {
		return errors.Join(err, sink.Cancel())
	}
	return sink.Close()
}

func (marker) Release() {}

// snapshotFile is what is written of the newest snapshot.
type snapshotFile struct {
	raft.SnapshotMeta
	State    uint64 // the state machine's own index when the marker was set
	Received bool   // the copy in receivedName has yet to replace the state
}

// snapshotStore implements raft.SnapshotStore. It knows one snapshot: the newest.
type snapshotStore struct {
	folder  string
	machine *fsm.Machine

	mu  sync.Mutex
	now *snapshotFile
}

// openSnapshots reads the marker and, if a copy was received but not yet put
// in the state's place when the node died, does that now.
func openSnapshots(folder string, machine *fsm.Machine) (*snapshotStore, error) {
	s := &snapshotStore{folder: folder, machine: machine}
	var err error
	if s.now, err = readMarker(folder); s.now == nil || err != nil {
		return s, err
	}
	if s.now.Received {
		f, err := os.Open(filepath.Join(folder, receivedName))
		if err != nil {
			return nil, fmt.Errorf("opening a received copy of the state: %w", err)
		}
		if err := errors.Join(machine.Restore(f), f.Close()); err != nil {
			return nil, fmt.Errorf("restoring a received copy of the state: %w", err)
		}
		if err := s.installed(); err != nil {
			return nil, err
		}
	}
	pos, err := machine.Position()
	if err != nil {
		return nil, err
	}
	if least := s.now.least(); pos.Index < least {
		return nil, fmt.Errorf("the state file ends at entry %d but was at %d: it was lost or replaced; run the node with --resync to copy it from a peer", pos.Index, least)
	}
	return s, nil
}

// least is what the state must hold by this snapshot: raft hands over only entries after it. A copy that was received
// holds at least as much as the leader's marker, under which it came.
func (f *snapshotFile) least() uint64 { return max(f.State, f.Index) }

// readMarker is the newest snapshot in a folder; nil if there is none.
func readMarker(folder string) (*snapshotFile, error) {
	b, err := os.ReadFile(filepath.Join(folder, markerName))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	s := &snapshotFile{}
	if err == nil {
		err = json.Unmarshal(b, s)
	}
	if err != nil {
		return nil, fmt.Errorf("reading snapshot marker: %w", err)
	}
	return s, nil
}

// Create implements raft.SnapshotStore, for our own markers and for copies from the leader.
func (s *snapshotStore) Create(version raft.SnapshotVersion, index, term uint64, configuration raft.Configuration, configurationIndex uint64, _ raft.Transport) (raft.SnapshotSink, error) {
	if version != 1 {
		return nil, fmt.Errorf("snapshot version %d is not supported", version)
	}
	return &snapshotSink{store: s, next: snapshotFile{SnapshotMeta: raft.SnapshotMeta{
		Version: version, ID: fmt.Sprintf("%d-%d", term, index), Index: index, Term: term,
		Configuration: configuration, ConfigurationIndex: configurationIndex,
	}}}, nil
}

// List implements raft.SnapshotStore.
func (s *snapshotStore) List() ([]*raft.SnapshotMeta, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now == nil {
		return nil, nil
	}
	meta := s.now.SnapshotMeta
	return []*raft.SnapshotMeta{&meta}, nil
}

// Open implements raft.SnapshotStore: the received copy while there is one, otherwise the state as it is now.
func (s *snapshotStore) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now == nil || s.now.ID != id {
		return nil, nil, fmt.Errorf("snapshot %s is not the newest", id)
	}
	meta := s.now.SnapshotMeta
	if s.now.Received {
		f, err := os.Open(filepath.Join(s.folder, receivedName))
		if err != nil {
			return nil, nil, fmt.Errorf("opening received copy: %w", err)
		}
		return &meta, f, nil
	}
	export, err := s.machine.Export()
	if err != nil {
		return nil, nil, err
	}
	meta.Size = export.Size()
	r, w := io.Pipe()
	go func() {
		_, err := export.WriteTo(w)
		w.CloseWithError(errors.Join(err, export.Close()))
	}()
	return &meta, r, nil
}

// installed notes that the received copy has become the state.
func (s *snapshotStore) installed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := *s.now
	next.Received = false
	if err := s.write(next); err != nil {
		return err
	}
	return os.Remove(filepath.Join(s.folder, receivedName))
}

// write makes next the newest snapshot, durably.
func (s *snapshotStore) write(next snapshotFile) error {
	b, err := json.Marshal(next)
	if err != nil {
		return err
	}
	if err := writeDurably(filepath.Join(s.folder, markerName), b); err != nil {
		return fmt.Errorf("writing snapshot marker: %w", err)
	}
	s.now = &next
	return nil
}

// writeDurably replaces the file at path: after a crash it is the old or the new one, whole.
func writeDurably(path string, content []byte) error {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// snapshotSink implements raft.SnapshotSink. What it is given decides what it
// becomes: a marker's few bytes, or a state file from the leader.
type snapshotSink struct {
	store *snapshotStore
	next  snapshotFile
	head  bytes.Buffer // the marker, as long as what comes may be one
	file  *os.File     // the copy, once it can't be a marker any more
}

func (k *snapshotSink) ID() string { return k.next.ID }

func (k *snapshotSink) Write(p []byte) (int, error) {
	if k.file == nil {
		k.head.Write(p)
		if k.head.Len() < 64 || bytes.HasPrefix(k.head.Bytes(), []byte(markerMagic)) {
			return len(p), nil
		}
		f, err := os.OpenFile(filepath.Join(k.store.folder, receivedName), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
		if err != nil {
			return 0, err
		}
		k.file = f
		_, err = f.Write(k.head.Bytes())
		return len(p), err
	}
	return k.file.Write(p)
}

func (k *snapshotSink) Close() error {
	k.store.mu.Lock()
	defer k.store.mu.Unlock()
	if now := k.store.now; now != nil && now.Index > k.next.Index {
		// Raft began it before it received a copy, and ends it after; or a leader sends one that is older than
		// ours. What is between may be in no log of ours: raft could neither apply it nor start again.
		return errors.Join(fmt.Errorf("snapshot of entry %d comes too late, there is one of %d", k.next.Index, now.Index), k.Cancel())
	}
	if k.file != nil {
		if err := errors.Join(k.file.Sync(), k.file.Close()); err != nil {
			return err
		}
		k.next.Received = true
	} else if _, err := fmt.Sscanf(k.head.String(), markerMagic+"%d", &k.next.State); err != nil {
		return fmt.Errorf("snapshot is neither a marker nor a state file: %w", err)
	}
	return k.store.write(k.next)
}

func (k *snapshotSink) Cancel() error {
	if k.file == nil {
		return nil
	}
	return errors.Join(k.file.Close(), os.Remove(k.file.Name()))
}
