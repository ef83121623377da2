package wan_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"quorate/chaos/wan"
	"quorate/transport"
	"quorate/transport/pki"
)

const (
	patience = time.Minute
	oneWay   = 40 * time.Millisecond
)

// nodes are transports that reach each other through the network only.
func nodes(t *testing.T, network *wan.Network, ids ...string) map[string]*transport.Transport {
	t.Helper()
	ca, err := pki.NewCA("test", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	relays := map[[2]string]string{}
	all := map[string]*transport.Transport{}
	for _, id := range ids {
		cert, err := ca.IssueNode(id, []string{"127.0.0.1"}, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		all[id], err = transport.New(transport.Config{
			NodeID: id, Cluster: "test", Generation: 1, Listen: "127.0.0.1:0", Certificate: cert, CA: ca.Pool(),
			Authorize: func(string) error { return nil }, Logger: slog.New(slog.DiscardHandler),
			Resolver: transport.ResolverFunc(func(peer string) (string, error) {
				mu.Lock()
				defer mu.Unlock()
				if a := relays[[2]string{id, peer}]; a != "" {
					return a, nil
				}
				return "", fmt.Errorf("no relay from %s to %s", id, peer)
			}),
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { all[id].Close() })
		all[id].Handle("echo", func(_ context.Context, peer string, request []byte) ([]byte, error) {
			return append([]byte(peer+":"), request...), nil
		})
	}
	for _, from := range ids {
		for _, to := range ids {
			if from == to {
				continue
			}
			a, err := network.Relay(from, to, "127.0.0.1:0", all[to].Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			mu.Lock()
			relays[[2]string{from, to}] = a.String()
			mu.Unlock()
		}
	}
	return all
}

func call(from *transport.Transport, id, to string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	begin := time.Now()
	got, err := from.Call(ctx, to, "echo", []byte("hello"))
	if err == nil && string(got) != id+":hello" {
		err = fmt.Errorf("the echo is %q", got)
	}
	return time.Since(begin), err
}

func eventually(t *testing.T, what string, condition func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	err := condition()
	for ; err != nil; err = condition() {
		if time.Now().After(deadline) {
			t.Fatalf("not in %v: %s: %v", patience, what, err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func newNetwork(t *testing.T, l wan.Link) *wan.Network {
	t.Helper()
	n, err := wan.New(1, l, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n
}

// Calls between nodes take the round trip, both ways, each node dialling for itself; a cut ends them, and they work again when it is healed.
func TestCallsOverTheWideArea(t *testing.T) {
	t.Parallel()
	network := newNetwork(t, wan.Delayed(oneWay))
	all := nodes(t, network, "a", "b")
	for _, p := range [][2]string{{"a", "b"}, {"b", "a"}} {
		eventually(t, p[0]+" reaches "+p[1], func() error { _, err := call(all[p[0]], p[0], p[1]); return err })
		took, err := call(all[p[0]], p[0], p[1])
		if err != nil || took < 2*oneWay {
			t.Errorf("a call from %s over 80 ms took %v, %v", p[0], took, err)
		}
		t.Logf("a call from %s over 80 ms takes %v", p[0], took)
	}
	for _, cut := range [][]wan.Change{wan.Cut("a", "b"), wan.CutOneWay("a", "b"), wan.CutOneWay("b", "a"), wan.Isolate("b")} {
		if err := network.Apply(cut...); err != nil {
			t.Fatal(err)
		}
		if took, err := call(all["a"], "a", "b"); !errors.Is(err, transport.ErrUnreachable) && !errors.Is(err, transport.ErrInterrupted) {
			t.Errorf("a call over the cut %+v: %v after %v", cut, err, took)
		}
		if err := network.Apply(wan.Heal()...); err != nil {
			t.Fatal(err)
		}
		healed := time.Now()
		eventually(t, "calls work again", func() error { _, err := call(all["a"], "a", "b"); return err })
		t.Logf("calls work again %v after the cut is healed", time.Since(healed))
	}
}

// A raft stream brings a megabyte there and back whole, through loss, duplicates and packets out of order.
func TestRaftStreamOverABadLine(t *testing.T) {
	t.Parallel()
	network := newNetwork(t, wan.Link{Delay: oneWay, Jitter: 2 * time.Millisecond, Loss: 0.01, Duplicate: 0.02, Reorder: 0.02, Rate: 100_000_000})
	all := nodes(t, network, "a", "b")
	go func() {
		for {
			conn, err := all["b"].Raft().Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				io.Copy(conn, conn)
			}()
		}
	}()
	sent := make([]byte, 1<<20)
	rand.Read(sent)
	// A dial may lose its packets too often for its time-out.
	eventually(t, "the stream echoes", func() error {
		conn, err := all["a"].Raft().Dial("b", patience)
		if err != nil {
			return err
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(patience))
		written := make(chan error, 1)
		go func() {
			_, err := conn.Write(sent)
			written <- err
		}()
		got := make([]byte, len(sent))
		_, err = io.ReadFull(conn, got)
		if err = errors.Join(err, <-written); err == nil && !bytes.Equal(got, sent) {
			t.Fatal("the echo differs")
		}
		return err
	})
	for _, d := range network.Directions() {
		if c := d.Counts; c.Lost == 0 || c.Duplicated == 0 || c.Reordered == 0 {
			t.Errorf("%s to %s wasn't bad: %+v", d.From, d.To, c)
		}
	}
}

// With one of three cut off, the others go on.
func TestIsolatedSite(t *testing.T) {
	t.Parallel()
	network := newNetwork(t, wan.Delayed(time.Millisecond))
	all := nodes(t, network, "a", "b", "c")
	reach := func(from, to string) error { _, err := call(all[from], from, to); return err }
	for _, p := range [][2]string{{"a", "b"}, {"a", "c"}, {"b", "c"}, {"c", "a"}} {
		eventually(t, p[0]+" reaches "+p[1], func() error { return reach(p[0], p[1]) })
	}
	if err := network.Apply(wan.Isolate("c")...); err != nil {
		t.Fatal(err)
	}
	for _, p := range [][2]string{{"a", "c"}, {"b", "c"}, {"c", "a"}, {"c", "b"}} {
		if reach(p[0], p[1]) == nil {
			t.Errorf("%s reaches %s", p[0], p[1])
		}
	}
	eventually(t, "a reaches b", func() error { return reach("a", "b") })
	if err := network.Apply(wan.HealBetween("c", "")...); err != nil {
		t.Fatal(err)
	}
	for _, p := range [][2]string{{"a", "c"}, {"c", "b"}} {
		eventually(t, p[0]+" reaches "+p[1], func() error { return reach(p[0], p[1]) })
	}
}
