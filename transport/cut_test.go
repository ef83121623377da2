package transport

import (
	"context"
	"errors"
	"testing"
	"time"
)

// throughRelay is two nodes, a reaching b through a relay.
func throughRelay(t *testing.T) (a, b *node, r *relay) {
	t.Helper()
	c := newCluster(t)
	a, b = c.start("a", strict).echo(), c.start("b", strict).echo()
	r = newRelay(t, b.Addr())
	c.place("a", "b", r.addr())
	return a, b, r
}

func TestCutAndHeal(t *testing.T) {
	t.Parallel()
	a, b, r := throughRelay(t)
	entered := make(chan struct{}, 1)
	b.Handle("hang", func(ctx context.Context, _ string, _ []byte) ([]byte, error) {
		entered <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	})
	for range 3 {
		a.mustEcho(t, "b")
		inFlight := make(chan error, 1)
		go func() {
			_, err := a.Call(context.Background(), "b", "hang", nil) // no deadline: only the transport can end it
			inFlight <- err
		}()
		<-entered
		r.cut.Store(true)
		if err := <-inFlight; !errors.Is(err, ErrInterrupted) {
			t.Errorf("the call in flight when the path was cut: %v", err)
		}
		// The old connection is gone; a new one can't be made, and that is certain.
		if err := a.tryEcho("b"); !errors.Is(err, ErrUnreachable) {
			t.Errorf("a call over the cut path: %v", err)
		}
		r.cut.Store(false)
		eventually(t, "calls work again", func() bool { return a.tryEcho("b") == nil })
	}
	if p := a.Peers()[0]; p.LastError == nil || p.LastErrorAt.IsZero() || len(p.Outbound) != 1 {
		t.Errorf("the peer's status is %+v", p)
	}
}

// A call that times out in silence takes the connection with it, well before the idle timeout would.
func TestSilentTimeoutDropsTheConnection(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	slow := func(config *Config) { config.IdleTimeout, config.KeepAlive = time.Hour, time.Minute }
	a, b := c.start("a", slow).echo(), c.start("b", slow).echo()
	r := newRelay(t, b.Addr())
	c.place("a", "b", r.addr())
	a.mustEcho(t, "b")
	conn, err := a.connect(testContext(t), "b", ProtocolRPC)
	if err != nil {
		t.Fatal(err)
	}
	r.cut.Store(true)
	for conn.Context().Err() == nil { // acknowledgements of the first call may still be on their way
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		_, err := a.Call(ctx, "b", "echo", nil)
		cancel()
		if !errors.Is(err, ErrInterrupted) || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("a call into silence: %v", err)
		}
	}
	r.cut.Store(false)
	a.mustEcho(t, "b")
}

func TestCallersShareADialAndKeepTheirOwnDeadlines(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	a := c.start("a", nil).echo()
	b := c.start("b", nil).echo()
	r := newRelay(t, b.Addr())
	c.place("a", "b", r.addr())
	r.cut.Store(true)
	patient := make(chan error, 1)
	go func() { patient <- a.tryEcho("b") }()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, err := a.Call(ctx, "b", "echo", nil); !errors.Is(err, ErrUnreachable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the impatient caller: %v", err)
	}
	r.cut.Store(false)
	if err := <-patient; err != nil {
		t.Errorf("the patient caller: %v", err)
	}
	if s := a.Stats(); s.Dials != 1 || s.DialFailures != 0 {
		t.Errorf("dials are %+v, want one", s)
	}
}

func TestPeerRestartsOnTheSamePort(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	a, b := c.start("a", strict).echo(), c.start("b", nil).echo()
	for range 3 {
		a.mustEcho(t, "b")
		eventually(t, "a has noticed that the former b has gone", func() bool { return b.tryEcho("a") == nil })
		addr := b.Addr().String()
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		// Unreachable, or interrupted if this overtakes the word that b has closed: it must be one of the two.
		if err := a.tryEcho("b"); !errors.Is(err, ErrUnreachable) && !errors.Is(err, ErrInterrupted) {
			t.Errorf("a call to a stopped peer: %v", err)
		}
		b = c.start("b", func(config *Config) { config.Listen = addr }).echo()
		eventually(t, "b answers again", func() bool { return a.tryEcho("b") == nil })
	}
}
