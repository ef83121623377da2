package consensus

import (
	"fmt"
	"path/filepath"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"go.etcd.io/bbolt"
)

// logStore is raft's durable log and its votes: bbolt, synced with each append.
type logStore struct {
	*raftboltdb.BoltStore
	disk *diskWatch
}

func openLog(folder string, disk *diskWatch) (*logStore, error) {
	s, err := raftboltdb.New(raftboltdb.Options{
		Path:        filepath.Join(folder, "raft.db"),
		BoltOptions: &bbolt.Options{Timeout: enqueueTimeout, NoFreelistSync: true, FreelistType: bbolt.FreelistMapType},
	})
	if err != nil {
		return nil, fmt.Errorf("opening raft log: %w", err)
	}
	return &logStore{s, disk}, nil
}

// DeleteRange removes old entries in slices, so that appends get their turn between them.
func (s *logStore) DeleteRange(first, last uint64) error {
	for ; first+deleteSlice <= last; first += deleteSlice {
		if err := s.BoltStore.DeleteRange(first, first+deleteSlice-1); err != nil {
			return err
		}
	}
	return s.BoltStore.DeleteRange(first, last)
}

var _ raft.LogStore = (*logStore)(nil)
