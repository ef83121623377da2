// Package leases bounds what registrars and addresses use of all nodes
// together: sessions, connections, logins, commands, wrong passwords. All of it is
// soft state, in memory, and nothing enters the log. Each node uses no more
// than its share of a limit. Every second it tells the leader what it uses and
// wants, and the leader moves shares to where the demand is. Without a leader
// each node keeps its last share; a new leader learns from the nodes' reports what they, and
// those that don't report, hold.
//
// The sum can be too high in two ways, which soft state may be: by what a node holds that has been silent for a minute, and
// by what one was granted in the last second of a leader, if it is then cut off.
package leases

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"quorate/transport"
)

// Network carries calls between nodes; *transport.Transport is one.
type Network interface {
	Call(ctx context.Context, node, method string, request []byte) ([]byte, error)
	Handle(method string, h transport.Handler)
}

// Config is what Leases are made of.
type Config struct {
	Node    string
	Network Network
	Nodes   func() []string // the cluster's members, this one among them
	Leader  func() string   // who leads; "" when nobody is known to
	Reign   func() uint64   // the term in which this node leads; 0 when it doesn't
	Log     *slog.Logger
}

// Leases are one node's shares, and the leader's book of all nodes' while it leads.
type Leases struct {
	cfg  Config
	poke chan struct{} // somebody waits for a larger share
	stop context.CancelFunc
	done sync.WaitGroup

	mu       sync.Mutex
	keys     map[string]*lease
	answered chan struct{} // closed and replaced at each answer of a leader

	book book
}

// kind is how a limit is used.
type kind uint8

const (
	holds  kind = iota + 1 // so many at a time
	spends                 // so many a second
	counts                 // so many in a window, which is told and not kept to
)

// lease is what this node may use of a key.
type lease struct {
	kind   kind
	limit  uint32
	share  uint32 // of limit; for holds and spends
	used   uint32 // held now
	wanted uint32 // the most that was wanted at once, or in a second, since the last report
	others uint32 // counted at other nodes
	full   bool   // all of the limit was held, at the last report
	last   time.Time
	read   time.Time         // when policy last said limit to this node; zero if only the leader did
	shares map[string]uint32 // of all nodes, as the leader last said

	tokens float64 // for spends
	filled time.Time
	spent  uint32 // since the last report, refused ones included

	window time.Duration // for counts
	events [slots]uint32
	slot   int64 // the number of the newest slot
}

// Open starts a node's leases.
func Open(cfg Config) *Leases {
	l := &Leases{cfg: cfg, poke: make(chan struct{}, 1), keys: map[string]*lease{}, answered: make(chan struct{})}
	cfg.Network.Handle(method, l.serve)
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	l.done.Go(func() { l.run(ctx) })
	return l
}

// Close ends the reports; what is held can still be released.
func (l *Leases) Close() error {
	l.stop()
	l.done.Wait()
	return nil
}

// get is the lease of a key. It is nil when there are too many keys in use.
func (l *Leases) get(key string, k kind, limit uint32) *lease {
	one := l.keys[key]
	if one == nil {
		if len(l.keys) >= maxKeys && !l.evict() {
			return nil
		}
		one = &lease{kind: k, limit: limit, share: initial(limit, l.cfg.Node, l.cfg.Nodes())}
		l.keys[key] = one
	}
	if one.limit != limit {
		// Policy has changed. Nobody may use more than his old share of the new limit until the leader has said so.
		one.share = min(one.share, max(initial(limit, l.cfg.Node, l.cfg.Nodes()), one.used))
		one.limit = limit
	}
	one.last = time.Now()
	one.read = one.last
	return one
}

// evict forgets a key that isn't in use.
func (l *Leases) evict() bool {
	for key, one := range l.keys {
		// One that has given up a part of its share must remember that.
		if one.used == 0 && one.wanted == 0 && one.spent == 0 && one.kind != counts && one.share >= initial(one.limit, l.cfg.Node, l.cfg.Nodes()) {
			delete(l.keys, key)
			return true
		}
	}
	return false
}

// initial is a node's share of a limit that nobody has asked for more of: equal parts, which add up to the limit.
func initial(limit uint32, node string, nodes []string) uint32 {
	nodes = slices.Sorted(slices.Values(nodes))
	at, found := slices.BinarySearch(nodes, node)
	if !found {
		return 0
	}
	n := uint32(len(nodes))
	share := limit / n
	if uint32(at) < limit%n {
		share++
	}
	return share
}

// Hold takes one of the limit that may be held of key at a time, and waits a
// little if this node's share is used up and others may have some to spare. release gives it back.
func (l *Leases) Hold(ctx context.Context, key string, limit uint32) (release func(), ok bool) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	waiting, began := false, time.Now()
	for {
		l.mu.Lock()
		one := l.get(key, holds, limit)
		if one == nil {
			l.mu.Unlock()
			return nil, false
		}
		if one.used < one.share {
			one.used++
			one.wanted = max(one.wanted, one.used)
			l.mu.Unlock()
			var once sync.Once
			return func() { once.Do(func() { l.release(key) }) }, true
		}
		one.wanted = max(one.wanted, min(one.used+1, limit))
		// Others may have given back some that the leader will hear of with their next report.
		full := one.share >= limit || one.full && time.Since(began) > rethink || l.cfg.Leader() == ""
		answered := l.answered
		l.mu.Unlock()
		if full {
			return nil, false
		}
		if !waiting {
			waiting = true
			l.hurry()
		}
		select {
		case <-answered:
			l.hurry() // it may not have been enough
		case <-ctx.Done():
			return nil, false
		}
	}
}

func (l *Leases) release(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if one := l.keys[key]; one != nil && one.used > 0 {
		one.used--
	}
}

func (l *Leases) hurry() {
	select {
	case l.poke <- struct{}{}:
	default:
	}
}

// Spend takes one of the limit that may be spent of key in a second. If there
// is none it says how long to wait before asking again.
func (l *Leases) Spend(key string, limit uint32) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	one := l.get(key, spends, limit)
	if one == nil {
		return time.Second
	}
	if one.spent < limit {
		one.spent++
	}
	now := time.Now()
	share := float64(one.share)
	if one.filled.IsZero() {
		one.tokens = max(share, 1)
	} else {
		// What isn't spent within a second is lost: a limit is on any second, give or take one.
		one.tokens = min(one.tokens+share*now.Sub(one.filled).Seconds(), max(share, 1))
	}
	one.filled = now
	if one.share == 0 {
		return every
	}
	if one.tokens >= 1 {
		one.tokens--
		return 0
	}
	return max(time.Duration((1-one.tokens)/share*float64(time.Second)), time.Millisecond)
}

// Count notes n events of key, and returns how many there have been within the
// window on all nodes together, as far as this one knows: others' of a second ago.
func (l *Leases) Count(key string, window time.Duration, n uint32) uint32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	one := l.get(key, counts, 0)
	if one == nil {
		return n
	}
	if one.window != window {
		one.window, one.events, one.slot = window, [slots]uint32{}, 0
	}
	one.roll(time.Now())
	one.events[one.slot%slots] += n
	return one.total() + one.others
}

// Forget begins a key's count anew, here; other nodes go on with theirs.
func (l *Leases) Forget(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if one := l.keys[key]; one != nil && one.kind == counts {
		one.events = [slots]uint32{}
	}
}

// roll empties the slots that have left the window.
func (c *lease) roll(now time.Time) {
	length := c.window / (slots - 1)
	if length <= 0 {
		return
	}
	slot := now.UnixNano() / int64(length)
	if slot-c.slot >= slots {
		c.events = [slots]uint32{}
	} else {
		for s := c.slot + 1; s <= slot; s++ {
			c.events[s%slots] = 0
		}
	}
	c.slot = slot
}

func (c *lease) total() (n uint32) {
	for _, e := range c.events {
		n += e
	}
	return n
}
