package bench

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"quorate/epp/client"
)

// stream is a registrar that creates domains at a site at a steady rate over a fixed number of connections, as long as one of them is free: it
// doesn't wait for the answer to the command before. A command that was refused, or whose connection broke, is sent again on a new
// connection until it succeeds.
type stream struct {
	target *Target
	site   int
	stop   context.CancelFunc
	sends  sync.WaitGroup

	mu       sync.Mutex
	attempts []attempt
}

// attempt is one command and what came of it.
type attempt struct {
	sent, answered time.Time
	code           int // EPP's; 0: the connection broke
}

// success is EPP's code for it (RFC 5730 §3).
const success = 1000

// startStream begins a stream at a site.
func (t *Target) startStream(ctx context.Context, site int) (*stream, error) {
	s := &stream{target: t, site: site}
	var sessions []*client.Client
	for range streamSessions {
		c, err := t.login(ctx, site)
		if err != nil {
			for _, c := range sessions {
				c.Close()
			}
			return nil, err
		}
		sessions = append(sessions, c)
	}
	ctx, s.stop = context.WithCancel(ctx)
	names := make(chan string)
	for _, c := range sessions {
		s.sends.Go(func() { s.work(ctx, c, names) })
	}
	run := t.phases.Add(1)
	s.sends.Go(func() {
		every := time.NewTicker(streamInterval)
		defer every.Stop()
		for n := 0; ; n++ {
			select {
			case names <- fmt.Sprintf("%s-f%d-%d.%s", t.run, run, n, t.TLD):
			default: // all connections are waiting
			}
			select {
			case <-every.C:
			case <-ctx.Done():
				return
			}
		}
	})
	return s, nil
}

// work creates the names that it gets, on one connection at a time.
func (s *stream) work(ctx context.Context, c *client.Client, names <-chan string) {
	defer func() {
		if c != nil {
			c.Close()
		}
	}()
	for {
		select {
		case name := <-names:
			for ctx.Err() == nil && !s.create(ctx, c, name) {
				c.Close()
				c = s.reconnect(ctx)
			}
		case <-ctx.Done():
			return
		}
	}
}

// create registers a name and says whether that is done: that it exists already answers one that got no answer before.
func (s *stream) create(ctx context.Context, c *client.Client, name string) bool {
	a := attempt{sent: time.Now(), code: success}
	_, err := c.CreateDomain(ctx, s.target.domain(name))
	a.answered = time.Now()
	if err != nil {
		a.code = codeOf(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attempts = append(s.attempts, a)
	return a.code == success || a.code == objectExists
}

// objectExists is EPP's code for what a create that is sent again meets (RFC 5730 §3).
const objectExists = 2302

// reconnect is a new session, after a while; nil when ctx ends first.
func (s *stream) reconnect(ctx context.Context) *client.Client {
	for {
		select {
		case <-time.After(streamRetry):
		case <-ctx.Done():
			return nil
		}
		if c, err := s.target.login(ctx, s.site); err == nil {
			return c
		}
	}
}

// acknowledged are the times of the successes of commands that were sent after a moment, in order.
func (s *stream) acknowledged(after time.Time) (at []time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.attempts {
		if a.code == success && a.sent.After(after) {
			at = append(at, a.answered)
		}
	}
	slices.SortFunc(at, time.Time.Compare)
	return at
}

// answers counts what came of all commands, by code.
func (s *stream) answers() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := map[string]int{}
	for _, a := range s.attempts {
		switch a.code {
		case success:
		case 0:
			counts["no answer"]++
		default:
			counts[fmt.Sprint(a.code)]++
		}
	}
	return counts
}

// close ends the stream. Commands that aren't answered are given up.
func (s *stream) close() {
	s.stop()
	s.sends.Wait()
}
