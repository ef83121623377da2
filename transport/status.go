package transport

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// PeerStatus is what is known of one peer at one moment.
type PeerStatus struct {
	ID       string
	Outbound []Protocol // the connections that this node dialled and that are up, sorted
	Inbound  []Protocol // those that the peer dialled

	// RTT is the smoothed round-trip time (RFC 9002 §5.3) of one of the connections, raft's if there is one; zero without any.
	RTT time.Duration

	// LastError is the last failed dial or lost connection, nil if there was none; it stays after things are well again.
	LastError   error
	LastErrorAt time.Time
}

// failure is the last thing that went wrong with a peer.
type failure struct {
	err error
	at  time.Time
}

// failed remembers what went wrong with a peer. The peers are those dialled or authenticated, so members, so few.
func (t *Transport) failed(peer string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failures[peer] = failure{err, time.Now()}
}

// Peers is the state of every peer that there is a connection with or that something went wrong with, sorted by id.
func (t *Transport) Peers() []PeerStatus {
	t.mu.Lock()
	defer t.mu.Unlock()
	peers := make(map[string]*PeerStatus)
	of := func(id string) *PeerStatus {
		if peers[id] == nil {
			peers[id] = &PeerStatus{ID: id}
		}
		return peers[id]
	}
	for id, f := range t.failures {
		of(id).LastError, of(id).LastErrorAt = f.err, f.at
	}
	for key, l := range t.links {
		if conn := l.current(); conn != nil {
			status := of(key.peer)
			status.Outbound = append(status.Outbound, key.protocol)
			if status.RTT == 0 || key.protocol == ProtocolRaft {
				status.RTT = conn.ConnectionStats().SmoothedRTT
			}
		}
	}
	for key, conn := range t.sessions {
		if conn.Context().Err() == nil {
			status := of(key.peer)
			status.Inbound = append(status.Inbound, key.protocol)
			if status.RTT == 0 {
				status.RTT = conn.ConnectionStats().SmoothedRTT
			}
		}
	}
	out := make([]PeerStatus, 0, len(peers))
	for _, status := range peers {
		slices.Sort(status.Outbound)
		slices.Sort(status.Inbound)
		out = append(out, *status)
	}
	slices.SortFunc(out, func(a, b PeerStatus) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// Stats is what a Transport has counted since it was made.
type Stats struct {
	Dials         uint64            // connections dialled with success
	DialFailures  uint64            // dials that failed, refusals included
	Accepts       uint64            // connections accepted
	Lost          uint64            // connections that ended without this node's wish
	Refused       map[Reason]uint64 // handshakes that this node refused, dialled and accepted
	RefusedByPeer uint64            // handshakes that a peer refused
	Busy          uint64            // streams refused because a peer had too many open
	Calls         uint64            // calls made
	Unreachable   uint64            // calls made that ended in ErrUnreachable
	Interrupted   uint64            // calls made that ended in ErrInterrupted
	Served        uint64            // requests handed to a handler, RPC and bulk
	BulkSent      uint64            // bytes of bulk transfers sent, without framing
	BulkReceived  uint64            // bytes of bulk transfers received, without framing
}

// counters are the Stats while they are counted.
type counters struct {
	dials, dialFailures, accepts, lost, refusedByPeer, busy atomic.Uint64
	calls, unreachable, interrupted, served                 atomic.Uint64
	bulkSent, bulkReceived                                  atomic.Uint64

	mu        sync.Mutex
	byReasons map[Reason]uint64
}

func (c *counters) refused(reason Reason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byReasons == nil {
		c.byReasons = make(map[Reason]uint64)
	}
	c.byReasons[reason]++
}

// Stats is a copy of the counters.
func (t *Transport) Stats() Stats {
	c := &t.counters
	c.mu.Lock()
	defer c.mu.Unlock()
	return Stats{
		Dials:         c.dials.Load(),
		DialFailures:  c.dialFailures.Load(),
		Accepts:       c.accepts.Load(),
		Lost:          c.lost.Load(),
		Refused:       maps.Clone(c.byReasons),
		RefusedByPeer: c.refusedByPeer.Load(),
		Busy:          c.busy.Load(),
		Calls:         c.calls.Load(),
		Unreachable:   c.unreachable.Load(),
		Interrupted:   c.interrupted.Load(),
		Served:        c.served.Load(),
		BulkSent:      c.bulkSent.Load(),
		BulkReceived:  c.bulkReceived.Load(),
	}
}

// notices logs events that repeat: once, and then not again for noticeInterval.
type notices struct {
	logger *slog.Logger

	mu   sync.Mutex
	last map[string]*notice
}

type notice struct {
	at      time.Time
	skipped int
}

// log logs an event of a kind unless one of the same kind was logged a short while ago, and says how many were left out since.
func (n *notices) log(level slog.Level, message, kind string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	last := n.last[kind]
	if last != nil && time.Since(last.at) < noticeInterval {
		last.skipped++
		return
	}
	if last != nil && last.skipped > 0 {
		args = append(args, "repeated", last.skipped)
	}
	if n.last == nil || len(n.last) >= maxNotices {
		n.last = make(map[string]*notice)
	}
	n.last[kind] = &notice{at: time.Now()}
	n.logger.Log(context.Background(), level, message, args...)
}
