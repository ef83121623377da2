package consensus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// A leader whose disk hangs can't commit, but raft goes on sending heartbeats
// and so keeps its followers from electing another. So durable writes are timed: when
// one takes too long the node falls silent until it is done, and if it never is, the node gives up.

// ErrDiskStalled says that a durable write never ended.
var ErrDiskStalled = errors.New("the disk is stalled")

// diskWatch times durable writes. They are few at a time: raft's log has one writer, and so has the state.
type diskWatch struct {
	before func() // for tests that slow the disk down; may be nil

	mu     sync.Mutex
	begun  map[int]time.Time
	number int
}

// write runs a durable write under watch.
func (w *diskWatch) write(do func() error) error {
	w.mu.Lock()
	if w.begun == nil {
		w.begun = map[int]time.Time{}
	}
	w.number++
	n := w.number
	w.begun[n] = time.Now()
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		delete(w.begun, n)
		w.mu.Unlock()
	}()
	if w.before != nil {
		w.before()
	}
	return do()
}

// longest is for how long the oldest write has been under way.
func (w *diskWatch) longest() (d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, at := range w.begun {
		d = max(d, time.Since(at))
	}
	return d
}

// StoreLog implements raft.LogStore.
func (s *logStore) StoreLog(l *raft.Log) error { return s.StoreLogs([]*raft.Log{l}) }

// StoreLogs implements raft.LogStore.
func (s *logStore) StoreLogs(logs []*raft.Log) error {
	return s.disk.write(func() error { return s.BoltStore.StoreLogs(logs) })
}

// stallBound is how long a durable write may take before the node falls silent.
func (c *Consensus) stallBound() time.Duration { return max(minStall, 2*c.cfg.Heartbeat) }

// watchDisk falls silent while the disk is stalled, and gives the node up when it stays so.
func (c *Consensus) watchDisk(ctx context.Context) {
	every := time.NewTicker(c.stallBound() / 8)
	defer every.Stop()
	silent := false
	for {
		select {
		case <-every.C:
		case <-ctx.Done():
			return
		}
		d := c.disk.longest()
		if now := d > c.stallBound(); now != silent {
			silent = now
			c.log.Warn("the disk is stalled, or is again what it was", "stalled", silent, "for", d)
			c.silent.Store(silent)
			if silent && c.raft.State() == raft.Leader {
				nominated := make(chan struct{})
				c.done.Go(func() { c.nominate(); close(nominated) })
				select {
				case <-nominated:
				case <-time.After(c.cfg.Heartbeat):
				case <-ctx.Done():
				}
			}
			c.cfg.Events.Silent(silent)
			c.lookUpLeader()
		}
		if d > maxStall {
			c.replica.fail(fmt.Errorf("%w: a write has not ended for %v", ErrDiskStalled, d.Round(time.Second)))
			return
		}
	}
}
