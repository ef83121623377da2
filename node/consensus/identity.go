package consensus

import (
	"container/list"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"quorate/fsm/registry"
)

// identities gives out command ids. The boot epoch is higher than any that this
// node used before, so that ids are never used again; sequences count from one in each.
type identities struct {
	node string
	path string

	mu       sync.Mutex
	epoch    uint64
	last     uint64
	reads    uint64
	waiting  *list.List // sequences whose results are waited for, ascending
	capacity int
	sure     bool // no epoch of this node's, in this or a former life, is above ours
}

// openIdentities begins a new epoch: above the one on disk, and above what the
// state knows of this node. Without one on disk the node may have had another life
// under its name: it begins none, and leaves none on disk, before it has asked the cluster (leap).
func openIdentities(folder, node string, known uint64, capacity int) (*identities, error) {
	ids := &identities{node: node, path: filepath.Join(folder, "epoch"), capacity: capacity, epoch: known, waiting: list.New()}
	b, err := os.ReadFile(ids.path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("reading boot epoch: %w", err)
	}
	if err != nil {
		return ids, nil
	}
	last, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("reading boot epoch: %w", err)
	}
	ids.sure = true
	return ids, ids.begin(max(last, known))
}

// begin starts an epoch above after, durably before its first use.
func (s *identities) begin(after uint64) error {
	if err := writeDurably(s.path, fmt.Appendln(nil, after+1)); err != nil {
		return fmt.Errorf("writing boot epoch: %w", err)
	}
	s.epoch, s.last = after+1, 0
	s.waiting = list.New() // what waits in an older epoch is refused anyway
	return nil
}

// leap makes sure that the epoch is above one that has been used.
func (s *identities) leap(used uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sure && s.epoch > used {
		return nil
	}
	if err := s.begin(max(s.epoch, used)); err != nil {
		return err
	}
	s.sure = true
	return nil
}

func (s *identities) isSure() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sure
}

// command gives out an id, and the lowest sequence that waits; ok is false when too many wait.
// done must be called when the result is no longer waited for.
func (s *identities) command() (id registry.CommandID, lowest uint64, done func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting.Len() >= s.capacity {
		return id, 0, nil, false
	}
	s.last++
	waiting := s.waiting
	e := waiting.PushBack(s.last)
	id = registry.CommandID{Node: s.node, Epoch: s.epoch, Sequence: s.last}
	done = func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		waiting.Remove(e)
	}
	return id, s.waiting.Front().Value.(uint64), done, true
}

// read gives out a svTRID for what enters no log.
func (s *identities) read() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	return fmt.Sprintf("%s-%d-r%d", s.node, s.epoch, s.reads)
}
