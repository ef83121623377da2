package epp

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// Limiter bounds what registrars and addresses use of all nodes together. What
// it knows is soft state, and may be wrong by what happened a second ago.
type Limiter interface {
	// Hold takes one of limit that may be held of key at a time; release gives it back.
	Hold(ctx context.Context, key string, limit uint32) (release func(), ok bool)
	// Spend takes one of limit that may be spent of key in a second; if there is none, wait says when to ask again.
	Spend(key string, limit uint32) (wait time.Duration)
	// Count notes n events of key, and returns how many there have been within the window.
	Count(key string, window time.Duration, n uint32) uint32
	// Forget begins a key's count anew.
	Forget(key string)
}

// unlimited is a Limiter that has no limits.
type unlimited struct{}

func (unlimited) Hold(context.Context, string, uint32) (func(), bool) { return func() {}, true }
func (unlimited) Spend(string, uint32) time.Duration                  { return 0 }
func (unlimited) Count(string, time.Duration, uint32) uint32          { return 0 }
func (unlimited) Forget(string)                                       {}

// network is what counts as one client: an IPv4 address, or the 64 bits of IPv6 that one customer gets at the least.
func network(a netip.Addr) string {
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}

// window is a duration of log time.
func window(t registry.Time) time.Duration { return time.Duration(t) * time.Millisecond }

// spend waits until one more of limit may be spent of key, for as long as ctx has patience.
func (s *Server) spend(ctx context.Context, what, of string, limit uint32) error {
	for first := true; ; first = false {
		wait := s.limiter.Spend(what+"/"+of, limit)
		if wait == 0 {
			return nil
		}
		if first {
			s.metrics.limited.WithLabelValues(what).Inc()
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return fmt.Errorf("%s of %s: more than %d a second: %w", what, of, limit, ctx.Err())
		}
	}
}

// policyCache is the front door's policy, as it was within the last second.
type policyCache struct {
	mu   sync.Mutex
	last registry.Access
	at   time.Time
}

// policy is for what comes before a login, and is too much to read the state for each time.
func (s *Server) policy(ctx context.Context) registry.Access {
	s.cached.mu.Lock()
	defer s.cached.mu.Unlock()
	if time.Since(s.cached.at) > time.Second {
		// What can't be read stays as it was.
		if err := s.registry.View(ctx, fsm.Local, 0, func(v fsm.View) error { s.cached.last = v.Access(); return nil }); err != nil && s.cached.at.IsZero() {
			s.cached.last = registry.DefaultAccess
		}
		s.cached.at = time.Now()
	}
	return s.cached.last
}

// pace spreads what is costly over time, in the order in which it comes.
type pace struct {
	mu   sync.Mutex
	next time.Time
}

// wait waits for a turn, of which there are so many a second.
func (p *pace) wait(ctx context.Context, perSecond int) error {
	interval := time.Second / time.Duration(perSecond)
	p.mu.Lock()
	now := time.Now()
	// Turns of the last tenth of a second that nobody took may be taken together.
	if earliest := now.Add(-time.Second / 10); p.next.Before(earliest) {
		p.next = earliest
	}
	turn := p.next
	if deadline, ok := ctx.Deadline(); ok && turn.After(deadline) {
		p.mu.Unlock()
		return context.DeadlineExceeded // and the turn is another's
	}
	p.next = turn.Add(interval)
	p.mu.Unlock()
	select {
	case <-time.After(turn.Sub(now)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
