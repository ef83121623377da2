package leases

import (
	"errors"
	"slices"
	"sync"
	"time"
)

// errNotLeader answers a report to a node that doesn't lead, or not yet.
var errNotLeader = errors.New("this node doesn't lead")

// book is what the leader knows of all nodes' shares, in one reign.
type book struct {
	mu    sync.Mutex
	reign uint64
	began time.Time
	heard map[string]time.Time // of each node
	keys  map[string]*entry
}

// entry is what all nodes hold and want of a key.
type entry struct {
	kind  kind
	limit uint32
	read  time.Time // when a node read the limit
	last  time.Time // when somebody last used it
	nodes map[string]*holding
}

// holding is a node's part of an entry.
type holding struct {
	share    uint32 // the most that it may believe to have
	used     uint32
	wanted   uint32
	reported bool // in this reign: until then the share is what others know of it
}

// enter takes a node's report, and answers with its shares; ok is false if this node doesn't lead.
func (b *book) enter(reign uint64, node string, nodes []string, r report) (a answer, ok bool) {
	if reign == 0 || !slices.Contains(nodes, node) {
		return a, false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if b.reign != reign {
		b.reign, b.began, b.heard, b.keys = reign, now, map[string]time.Time{}, map[string]*entry{}
	}
	b.heard[node] = now
	told := map[string]bool{}
	for _, u := range r.Keys {
		if e := b.note(node, nodes, u, now); e != nil {
			told[u.Key] = true
			a.Keys = append(a.Keys, b.grant(u.Key, e, node, nodes, now))
		}
	}
	// What others want more of, this node must hear of as well, for it holds an equal part that it has never asked for.
	for key, e := range b.keys {
		if len(a.Keys) >= maxReport {
			break
		}
		if !told[key] && e.contended() {
			e.of(node, nodes).reported = true
			a.Keys = append(a.Keys, b.grant(key, e, node, nodes, now))
		}
		if now.Sub(e.last) > 2*idleAfter {
			delete(b.keys, key)
		}
	}
	return a, true
}

// note enters a node's use of a key.
func (b *book) note(node string, nodes []string, u use, now time.Time) *entry {
	e := b.keys[u.Key]
	if e == nil {
		if len(b.keys) >= maxKeys {
			return nil
		}
		e = &entry{kind: u.Kind, limit: u.Limit, nodes: map[string]*holding{}}
		b.keys[u.Key] = e
	}
	if e.kind != u.Kind {
		return nil
	}
	h := e.of(node, nodes)
	// The limit is policy, and whoever read it last knows best. Clocks don't matter: a node says how long ago that was.
	if read := now.Add(-u.Age); u.Age >= 0 && !read.Before(e.read) {
		e.limit, e.read = u.Limit, read
	}
	h.share, h.used, h.wanted, h.reported = u.Share, u.Used, u.Wanted, true
	for other, share := range u.Shares {
		if o := e.of(other, nodes); !o.reported && other != node {
			o.share = max(o.share, share)
		}
	}
	if u.Used > 0 || u.Wanted > 0 || e.last.IsZero() {
		e.last = now
	}
	return e
}

// of is a node's part, which is an equal one until it says otherwise.
func (e *entry) of(node string, nodes []string) *holding {
	h := e.nodes[node]
	if h == nil {
		h = &holding{share: initial(e.limit, node, nodes)}
		e.nodes[node] = h
	}
	return h
}

// contended says whether a node wants more than it has.
func (e *entry) contended() bool {
	for _, h := range e.nodes {
		if e.kind != counts && h.wanted > h.share || e.kind == counts && h.used > 0 {
			return true
		}
	}
	return false
}

// grant decides a node's share of a key.
func (b *book) grant(key string, e *entry, node string, nodes []string, now time.Time) grant {
	g := grant{Key: key, Kind: e.kind, Limit: e.limit, Age: now.Sub(e.read)}
	mine := e.of(node, nodes)
	var elsewhere, used uint64
	wants := make([]uint32, 0, len(nodes))
	at := 0
	for _, n := range slices.Sorted(slices.Values(nodes)) {
		h := e.of(n, nodes)
		if n == node {
			at = len(wants)
		}
		if b.lost(n, now) {
			wants = append(wants, 0)
			continue
		}
		wants = append(wants, max(h.wanted, h.used))
		used += uint64(h.used)
		if n != node {
			elsewhere += uint64(h.share)
			if e.kind == counts {
				g.Others += h.used
			}
		}
	}
	if e.kind == counts {
		return g
	}
	free := uint32(0)
	if elsewhere < uint64(e.limit) {
		free = e.limit - uint32(elsewhere)
	}
	g.Share = max(min(divide(e.limit, wants, b.alive(nodes, now))[at], free), mine.used)
	g.Full = e.kind == holds && used >= uint64(e.limit)
	// Until it reports again it may not have heard of a smaller one.
	mine.share = max(mine.share, g.Share)
	g.Shares = map[string]uint32{}
	for n, h := range e.nodes {
		g.Shares[n] = h.share
	}
	g.Shares[node] = g.Share
	return g
}

// lost says whether a node has been silent for so long that it counts for nothing.
func (b *book) lost(node string, now time.Time) bool {
	heard, ok := b.heard[node]
	if !ok {
		heard = b.began
	}
	return now.Sub(heard) > lostAfter
}

func (b *book) alive(nodes []string, now time.Time) (alive []bool) {
	for _, n := range slices.Sorted(slices.Values(nodes)) {
		alive = append(alive, !b.lost(n, now))
	}
	return alive
}

// divide gives each node what it wants, as long as nobody else gets less by it
// than an equal part; what nobody wants is divided equally among those that are alive. It adds up to the limit.
func divide(limit uint32, wants []uint32, alive []bool) []uint32 {
	shares := make([]uint32, len(wants))
	left := limit
	// What is wanted, smallest wants first: each gets its want or an equal part of what is left.
	order := make([]int, len(wants))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return int(int64(wants[a]) - int64(wants[b])) })
	for n, i := range order {
		shares[i] = min(wants[i], left/uint32(len(order)-n))
		left -= shares[i]
	}
	// The rest to those who want more, and then to all, as initial does it.
	for _, hungry := range []bool{true, false} {
		var takers []int
		for i := range shares {
			if alive[i] && (!hungry || shares[i] < wants[i]) {
				takers = append(takers, i)
			}
		}
		for n, i := range takers {
			others := uint32(len(takers) - n)
			part := (left + others - 1) / others
			if hungry {
				part = min(part, wants[i]-shares[i])
			}
			shares[i] += part
			left -= part
		}
	}
	return shares
}
