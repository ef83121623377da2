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

// Store is one of the two files that a node writes durably all the time.
type Store string

// The stores.
const (
	LogStore   Store = "log"   // raft's log and votes
	StateStore Store = "state" // the registry
)

// diskWatch times durable writes. They are few at a time: raft's log has one writer, and so has the state.
type diskWatch struct {
	before func(Store) error // for tests that make the disk fail; may be nil

	mu     sync.Mutex
	begun  map[int]time.Time
	number int
	looked time.Time // when longest was last called
}

// write runs a durable write under watch.
func (w *diskWatch) write(to Store, do func() error) error {
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
		if err := w.before(to); err != nil {
			return err
		}
	}
	return do()
}

// longest is for how long the oldest write has been under way at now. Who looks
// later than within gap has been stopped, with the whole process or machine: the disk
// is not to blame for that time.
func (w *diskWatch) longest(now time.Time, gap time.Duration) (d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if missed := now.Sub(w.looked); !w.looked.IsZero() && missed > gap {
		for n, at := range w.begun {
			w.begun[n] = at.Add(missed)
		}
	}
	w.looked = now
	for _, at := range w.begun {
		d = max(d, now.Sub(at))
	}
	return d
}

// stallBound is how long a durable write may take before the node falls silent.
func (c *Consensus) stallBound() time.Duration { return max(minStall, 2*c.cfg.Heartbeat) }

// watchDisk falls silent while the disk is stalled, and gives the node up when it stays so.
func (c *Consensus) watchDisk(ctx context.Context) {
	bound := c.stallBound()
	every := time.NewTicker(bound / 8)
	defer every.Stop()
	silent := false
	for {
		select {
		case <-every.C:
		case <-ctx.Done():
			return
		}
		d := c.disk.longest(time.Now(), bound)
		if now := d > bound; now != silent {
			silent = now
			c.log.Warn("the disk is stalled, or is again what it was", "stalled", silent, "for", d)
			c.silent.Store(silent)
			if silent && c.raft.State() == raft.Leader {
				nominated := make(chan struct{})
				c.done.Go(func() { _ = c.nominate(); close(nominated) }) // if nobody can be asked, silence will tell them
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
