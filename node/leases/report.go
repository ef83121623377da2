package leases

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// method is a node's report to the leader, whose answer has the node's shares. Both are
// JSON: fields can be added, and nodes of two releases understand each other.
const method = "leases"

// report is what a node uses.
type report struct {
	Keys []use `json:"keys"`
}

// use is what a node uses of a key.
type use struct {
	Key    string            `json:"key"`
	Kind   kind              `json:"kind"`
	Limit  uint32            `json:"limit"`
	Age    time.Duration     `json:"age"` // since this node read the limit in its own replica; negative if it hasn't
	Share  uint32            `json:"share"`
	Used   uint32            `json:"used"` // held, or counted
	Wanted uint32            `json:"wanted"`
	Shares map[string]uint32 `json:"shares,omitempty"` // of all nodes, as the leader before said: for one that is new
}

// answer is what a node may use.
type answer struct {
	Keys []grant `json:"keys"`
}

// grant is a node's share of a key.
type grant struct {
	Key    string            `json:"key"`
	Kind   kind              `json:"kind"`
	Limit  uint32            `json:"limit"`
	Age    time.Duration     `json:"age"` // since a node read the limit, as far as the leader knows
	Share  uint32            `json:"share"`
	Full   bool              `json:"full,omitempty"`   // all of it is held, by whomever
	Others uint32            `json:"others,omitempty"` // counted at other nodes
	Shares map[string]uint32 `json:"shares,omitempty"`
}

// run reports every second, and sooner when somebody waits.
func (l *Leases) run(ctx context.Context) {
	next := time.NewTimer(every)
	defer next.Stop()
	for {
		select {
		case <-next.C:
		case <-l.poke:
			select { // not at once again and again
			case <-time.After(urgent):
			case <-ctx.Done():
				return
			}
		case <-ctx.Done():
			return
		}
		lowered, err := l.report(ctx)
		if err != nil && ctx.Err() == nil {
			l.cfg.Log.Debug("limits were not reported: shares stay as they are", "error", err)
		}
		next.Reset(every)
		if lowered {
			l.hurry() // the leader can give away what this node has given up once it knows so
		}
	}
}

// report tells the leader what is used and takes its answer. lowered says that a share is smaller now.
func (l *Leases) report(ctx context.Context) (lowered bool, err error) {
	leader := l.cfg.Leader()
	if leader == "" {
		return false, nil
	}
	r := l.take()
	if leader == l.cfg.Node {
		a, ok := l.book.enter(l.cfg.Reign(), l.cfg.Node, l.cfg.Nodes(), r)
		if !ok {
			return false, nil
		}
		return l.apply(a), nil
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	request, err := json.Marshal(r)
	if err != nil {
		return false, err
	}
	reply, err := l.cfg.Network.Call(ctx, leader, method, request)
	if err != nil {
		return false, err
	}
	var a answer
	if len(reply) > maxMessage {
		return false, fmt.Errorf("an answer of %d octets", len(reply))
	}
	if err := json.Unmarshal(reply, &a); err != nil {
		return false, fmt.Errorf("the leader's answer: %w", err)
	}
	return l.apply(a), nil
}

// serve is the leader's side.
func (l *Leases) serve(_ context.Context, peer string, request []byte) ([]byte, error) {
	var r report
	if len(request) > maxMessage {
		return nil, fmt.Errorf("a report of %d octets", len(request))
	}
	if err := json.Unmarshal(request, &r); err != nil {
		return nil, fmt.Errorf("a report that can't be read: %w", err)
	}
	a, ok := l.book.enter(l.cfg.Reign(), peer, l.cfg.Nodes(), r)
	if !ok {
		return nil, errNotLeader
	}
	return json.Marshal(a)
}

// take is the report of this moment, and begins the next.
func (l *Leases) take() (r report) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for key, one := range l.keys {
		u := use{Key: key, Kind: one.kind, Limit: one.limit, Share: one.share, Used: one.used, Wanted: one.wanted, Shares: one.shares, Age: -1}
		if !one.read.IsZero() {
			u.Age = now.Sub(one.read)
		}
		switch one.kind {
		case spends:
			u.Wanted, one.spent = one.spent, 0
		case counts:
			one.roll(now)
			u.Used = one.total()
		}
		one.wanted = one.used
		if u.Used == 0 && u.Wanted == 0 && now.Sub(one.last) > idleAfter && (one.kind == counts || one.share == initial(one.limit, l.cfg.Node, l.cfg.Nodes())) {
			delete(l.keys, key)
			continue
		}
		r.Keys = append(r.Keys, u)
	}
	slices.SortFunc(r.Keys, func(a, b use) int {
		return cmp.Or(cmp.Compare(max(b.Wanted, b.Used), max(a.Wanted, a.Used)), cmp.Compare(a.Key, b.Key))
	})
	r.Keys = r.Keys[:min(len(r.Keys), maxReport)]
	return r
}

// apply takes a leader's answer.
func (l *Leases) apply(a answer) (lowered bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for _, g := range a.Keys {
		one := l.keys[g.Key]
		if one == nil {
			if len(l.keys) >= maxKeys {
				continue
			}
			one = &lease{kind: g.Kind, limit: g.Limit, share: initial(g.Limit, l.cfg.Node, l.cfg.Nodes()), last: now}
			l.keys[g.Key] = one
		}
		one.others, one.full = g.Others, g.Full
		if one.kind != g.Kind || one.kind == counts {
			continue
		}
		if one.limit != g.Limit {
			if one.read.After(now.Add(-g.Age)) {
				continue // a share of a limit that has changed since: the next report says so
			}
			one.limit, one.read = g.Limit, time.Time{}
		}
		// What is held can't be given up.
		share := max(g.Share, one.used)
		lowered = lowered || share < one.share
		one.share, one.shares = share, g.Shares
	}
	close(l.answered)
	l.answered = make(chan struct{})
	return lowered
}
