package transport

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"quorate/transport/pki"
)

// patience is how long a test waits for what must come. It is a bound for failure, never a pause.
const patience = time.Minute

// cluster is a set of nodes on loopback that share an authority and know each other's addresses.
type cluster struct {
	t  testing.TB
	ca *pki.CA

	mu    sync.Mutex
	addrs map[string]string // by "dialler peer" or "peer"
}

func newCluster(t testing.TB) *cluster {
	t.Helper()
	ca, err := pki.NewCA("test", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return &cluster{t: t, ca: ca, addrs: make(map[string]string)}
}

// place sets the address of a peer, for one dialler or, if that is empty, for all others.
func (c *cluster) place(dialler, peer, addr string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.addrs[strings.TrimSpace(dialler+" "+peer)] = addr
}

func (c *cluster) resolver(dialler string) Resolver {
	return ResolverFunc(func(peer string) (string, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, key := range []string{dialler + " " + peer, peer} {
			if addr := c.addrs[key]; addr != "" {
				return addr, nil
			}
		}
		return "", fmt.Errorf("no address for %s", peer)
	})
}

// node is a Transport under test with what it logged.
type node struct {
	*Transport
	id  string
	log *logBuffer
	// cert is what it shows in handshakes; a test may change it.
	cert atomic.Pointer[tls.Certificate]
}

// strict is the change to a node's configuration for tests of what happens when a path is cut.
func strict(config *Config) { config.DialTimeout, config.IdleTimeout = 0, 0 }

// start starts a node; change, if not nil, alters its configuration first. Unless it does, timeouts are long: under the race detector, on
// a busy machine, a node can seem dead for a second.
func (c *cluster) start(id string, change func(*Config)) *node {
	c.t.Helper()
	cert, err := c.ca.IssueNode(id, []string{"127.0.0.1"}, time.Hour)
	if err != nil {
		c.t.Fatal(err)
	}
	n := &node{id: id, log: &logBuffer{}}
	n.cert.Store(&cert)
	config := Config{
		NodeID:         id,
		Cluster:        c.ca.Cluster(),
		Generation:     3,
		Listen:         "127.0.0.1:0",
		GetCertificate: func() (*tls.Certificate, error) { return n.cert.Load(), nil },
		CA:             c.ca.Pool(),
		Resolver:       c.resolver(id),
		Authorize:      func(string) error { return nil },
		Logger:         slog.New(slog.NewTextHandler(n.log, nil)),
		DialTimeout:    patience,
		IdleTimeout:    patience,
	}
	if change != nil {
		change(&config)
	}
	n.Transport, err = New(config)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { n.Close() })
	c.place("", id, n.Addr().String())
	return n
}

// echo registers a method that returns its request with the caller's id before it.
func (n *node) echo() *node {
	n.Handle("echo", func(_ context.Context, peer string, request []byte) ([]byte, error) {
		return append([]byte(peer+":"), request...), nil
	})
	return n
}

// mustEcho calls echo on a peer.
func (n *node) mustEcho(t testing.TB, peer string) {
	t.Helper()
	if err := n.tryEcho(peer); err != nil {
		t.Fatal(err)
	}
}

func (n *node) tryEcho(peer string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	got, err := n.Call(ctx, peer, "echo", []byte("hello"))
	if err != nil {
		return err
	}
	if want := n.id + ":hello"; string(got) != want {
		return fmt.Errorf("echo is %q, want %q", got, want)
	}
	return nil
}

// eventually waits until the condition holds.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("not in %s: %s", patience, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// logBuffer collects log lines.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// count is the number of lines that contain all the words.
func (b *logBuffer) count(words ...string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
lines:
	for line := range strings.Lines(b.buf.String()) {
		for _, word := range words {
			if !strings.Contains(line, word) {
				continue lines
			}
		}
		n++
	}
	return n
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// relay is a UDP relay in front of a node that can be cut.
type relay struct {
	front  *net.UDPConn
	target *net.UDPAddr
	cut    atomic.Bool

	mu     sync.Mutex
	backs  map[string]*net.UDPConn
	closed bool
}

func newRelay(t testing.TB, target net.Addr) *relay {
	t.Helper()
	front, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{front: front, target: target.(*net.UDPAddr), backs: make(map[string]*net.UDPConn)}
	var loops sync.WaitGroup
	loops.Go(func() { r.forward(&loops) })
	t.Cleanup(func() {
		front.Close()
		r.mu.Lock()
		r.closed = true
		for _, back := range r.backs {
			back.Close()
		}
		r.mu.Unlock()
		loops.Wait()
	})
	return r
}

func (r *relay) addr() string { return r.front.LocalAddr().String() }

func (r *relay) forward(loops *sync.WaitGroup) {
	buf := make([]byte, 64<<10)
	for {
		n, from, err := r.front.ReadFromUDP(buf)
		if err != nil {
			return
		}
		if back := r.back(from, loops); back != nil && !r.cut.Load() {
			back.Write(buf[:n])
		}
	}
}

// back is the socket that stands for one client towards the target.
func (r *relay) back(client *net.UDPAddr, loops *sync.WaitGroup) *net.UDPConn {
	r.mu.Lock()
	defer r.mu.Unlock()
	back := r.backs[client.String()]
	if back != nil || r.closed {
		return back
	}
	back, err := net.DialUDP("udp", nil, r.target)
	if err != nil {
		return nil
	}
	r.backs[client.String()] = back
	loops.Go(func() {
		buf := make([]byte, 64<<10)
		for {
			n, err := back.Read(buf)
			if err != nil {
				if opErr, ok := err.(*net.OpError); ok && opErr.Err == net.ErrClosed || r.isClosed() {
					return
				}
				continue // "connection refused" while the target is down
			}
			if !r.cut.Load() {
				r.front.WriteToUDP(buf[:n], client)
			}
		}
	})
	return back
}

func (r *relay) isClosed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.closed
}

// pattern is n bytes that differ from place to place. The kernel makes them: a loop over 16 MiB under the race detector can't be
// preempted and stops the process, garbage collector first, for longer than a connection's idle timeout.
func pattern(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return b
}
