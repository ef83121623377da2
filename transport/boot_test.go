package transport

import (
	"errors"
	"testing"
	"time"
)

// While one process of a node is connected, another with the same certificate is refused, at both ends and with the reason; what the first
// has is left alone. When the first has gone, the second gets in.
func TestASecondProcessOfANodeIsRefused(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	alice := c.start("alice", nil).echo()
	reasons := make(chan Reason, 64)
	first := c.start("bob", nil)
	c.place("alice", "bob", "127.0.0.1:1") // an address translation: neither process is where bob is looked for
	first.mustEcho(t, "alice")
	second := c.start("bob", func(config *Config) {
		config.Refused = func(peer string, reason Reason) {
			if peer != "alice" {
				t.Errorf("refused by %s", peer)
			}
			select {
			case reasons <- reason:
			default:
			}
		}
	})
	eventually(t, "the first handshake is long ago", func() bool {
		alice.mu.Lock()
		defer alice.mu.Unlock()
		return time.Since(alice.claims["bob"].at) > claimTime
	})
	for range 3 {
		_, err := second.Call(testContext(t), "alice", "echo", nil)
		checkRefused(t, "the second process", err, ReasonDuplicate, true)
		first.mustEcho(t, "alice")
	}
	if reason := <-reasons; reason != ReasonDuplicate {
		t.Errorf("the second process hears that it is refused for %q", reason)
	}
	if n := alice.log.count("refused a connection", "reason=duplicate", "peer=bob"); n != 1 {
		t.Errorf("alice logged it %d times:\n%s", n, alice.log)
	}
	if lost := first.Stats().Lost; lost != 0 {
		t.Errorf("the first process lost %d connections", lost)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	eventually(t, "the second process gets in when the first has gone", func() bool { return second.tryEcho("alice") == nil })
}

// The process that is where the others look for the node comes before one that isn't, whichever was there first.
func TestTheProcessAtTheNodesAddressComesFirst(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	alice := c.start("alice", nil).echo()
	copied := c.start("bob", nil)
	original := c.start("bob", nil) // and bob's address is its
	copied.mustEcho(t, "alice")
	original.mustEcho(t, "alice")
	eventually(t, "the handshake is long ago", func() bool {
		alice.mu.Lock()
		defer alice.mu.Unlock()
		return time.Since(alice.claims["bob"].at) > claimTime
	})
	eventually(t, "the copy is refused", func() bool {
		_, err := copied.Call(testContext(t), "alice", "echo", nil)
		refused, ok := errors.AsType[*RefusedError](err)
		return ok && refused.Reason == ReasonDuplicate
	})
	original.mustEcho(t, "alice")
	addr := original.Addr().String()
	if err := original.Close(); err != nil {
		t.Fatal(err)
	}
	again := c.start("bob", func(config *Config) { config.Listen = addr })
	again.mustEcho(t, "alice")
}

func TestBootOffered(t *testing.T) {
	t.Parallel()
	if a, b := newBoot(), newBoot(); a == b || len(a) != 16 {
		t.Errorf("boot ids %q and %q", a, b)
	}
	for want, offers := range map[string][]string{
		"":     {alpn(ProtocolRaft, 1)},
		"beef": {alpn(ProtocolRPC, 1), bootPrefix + "beef"},
	} {
		if got := bootOffered(offers); got != want {
			t.Errorf("%q: %q, want %q", offers, got, want)
		}
	}
}
