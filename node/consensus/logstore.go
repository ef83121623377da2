package consensus

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"sync/atomic"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"go.etcd.io/bbolt"
)

// ErrLog says that raft's log or votes could not be written: the disk is full, or worse.
var ErrLog = errors.New("raft's log can't be written")

// logStore is raft's durable log and its votes: bbolt, synced with each append.
// A write that fails takes the node out of service. Raft by itself would go on
// asking for the leadership, with a log that it can't append to.
type logStore struct {
	*raftboltdb.BoltStore
	disk    *diskWatch
	fail    func(error)
	started atomic.Bool // raft runs
}

func openLog(folder string, disk *diskWatch, fail func(error)) (*logStore, error) {
	s, err := raftboltdb.New(raftboltdb.Options{
		Path:        filepath.Join(folder, "raft.db"),
		BoltOptions: &bbolt.Options{Timeout: enqueueTimeout, NoFreelistSync: true, FreelistType: bbolt.FreelistMapType},
	})
	if err != nil {
		return nil, fmt.Errorf("opening raft log: %w", err)
	}
	return &logStore{BoltStore: s, disk: disk, fail: fail}, nil
}

// write runs a durable write under watch, and takes the node out of service if it fails.
func (s *logStore) write(do func() error) error {
	err := s.disk.write(LogStore, do)
	if err != nil {
		s.fail(fmt.Errorf("%w: %w", ErrLog, err))
	}
	return err
}

// StoreLog implements raft.LogStore.
func (s *logStore) StoreLog(l *raft.Log) error { return s.StoreLogs([]*raft.Log{l}) }

// StoreLogs implements raft.LogStore.
func (s *logStore) StoreLogs(logs []*raft.Log) error {
	return s.write(func() error { return s.BoltStore.StoreLogs(logs) })
}

// DeleteRange removes old entries in slices, so that appends get their turn between them.
func (s *logStore) DeleteRange(first, last uint64) error {
	for ; first+deleteSlice <= last; first += deleteSlice {
		if err := s.deleteRange(first, first+deleteSlice-1); err != nil {
			return err
		}
	}
	return s.deleteRange(first, last)
}

func (s *logStore) deleteRange(first, last uint64) error {
	return s.write(func() error { return s.BoltStore.DeleteRange(first, last) })
}

// Set implements raft.StableStore.
func (s *logStore) Set(key, value []byte) error {
	return s.write(func() error { return s.BoltStore.Set(key, value) })
}

// SetUint64 implements raft.StableStore.
func (s *logStore) SetUint64(key []byte, value uint64) error {
	err := s.write(func() error { return s.BoltStore.SetUint64(key, value) })
	if err != nil && s.started.Load() {
		// Raft panics when its term can't be written, in a goroutine of its own. The node
		// leaves service already, and says why: the goroutine ends here, without the promise that it was to make.
		runtime.Goexit()
	}
	return err
}

var (
	_ raft.LogStore    = (*logStore)(nil)
	_ raft.StableStore = (*logStore)(nil)
)
