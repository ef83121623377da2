package rdds

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"
)

var someTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func newClients(t *testing.T, l Limits) *Clients {
	t.Helper()
	c, err := NewClients(l)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRateRefillsOverTime(t *testing.T) {
	t.Parallel()
	c := newClients(t, Limits{Rate: 2, Burst: 3})
	a := netip.MustParseAddr("192.0.2.1")
	for range 3 {
		if _, ok := c.Allow(a, someTime); !ok {
			t.Fatal("the burst is refused")
		}
	}
	wait, ok := c.Allow(a, someTime)
	if ok || wait != 500*time.Millisecond {
		t.Fatalf("beyond the burst: allowed %v, wait %v", ok, wait)
	}
	if _, ok := c.Allow(a, someTime.Add(wait)); !ok {
		t.Error("refused after the wait")
	}
	if _, ok := c.Allow(a, someTime.Add(-time.Hour)); ok {
		t.Error("a clock that goes back refills the allowance")
	}
	if _, ok := c.Allow(netip.MustParseAddr("192.0.2.2"), someTime); !ok {
		t.Error("another client is held to account")
	}
}

func TestRateIsByNetwork(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		a, b string
		same bool
	}{
		{"2001:db8::1", "2001:db8::2", true},
		{"2001:db8::1", "2001:db8:0:1::1", false},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"fe80::1%eth0", "fe80::2%eth1", true},
	} {
		c := newClients(t, Limits{Rate: 1, Burst: 1})
		c.Allow(netip.MustParseAddr(tt.a), someTime)
		if _, ok := c.Allow(netip.MustParseAddr(tt.b), someTime); ok == tt.same {
			t.Errorf("%s and %s: one client should be %v", tt.a, tt.b, tt.same)
		}
	}
}

func TestRateTableIsBounded(t *testing.T) {
	t.Parallel()
	c := newClients(t, Limits{Rate: 1, Burst: 1})
	first := netip.AddrFrom4([4]byte{10})
	a := first
	for range maxClients/2 + 10 {
		c.Allow(a, someTime)
		a = a.Next()
	}
	if n := len(c.current) + len(c.previous); n > maxClients {
		t.Errorf("%d clients are remembered, more than %d", n, maxClients)
	}
	if _, ok := c.Allow(first, someTime); ok {
		t.Error("a client is forgotten before it is outdone")
	}
}

func TestUnlimitedRate(t *testing.T) {
	t.Parallel()
	c := newClients(t, Limits{Rate: -1})
	for range 10 * DefaultBurst {
		if _, ok := c.Allow(netip.MustParseAddr("192.0.2.1"), someTime); !ok {
			t.Fatal("refused without a limit")
		}
	}
}

func TestNegativeLimits(t *testing.T) {
	t.Parallel()
	for _, l := range []Limits{{Connections: -1}, {ConnectionsPerClient: -1}, {Burst: -1}} {
		if _, err := NewClients(l); err == nil {
			t.Errorf("%+v is accepted", l)
		}
	}
}

func TestConnectionsAreCountedInAndOut(t *testing.T) {
	t.Parallel()
	c := newClients(t, Limits{Connections: 3, ConnectionsPerClient: 2})
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for i, tt := range []struct {
		addr netip.Addr
		ok   bool
	}{{a, true}, {a, true}, {a, false}, {b, true}, {b, false}} {
		if ok := c.Enter(tt.addr); ok != tt.ok {
			t.Errorf("entry %d of %v: %v", i, tt.addr, ok)
		}
	}
	c.Leave(a)
	if !c.Enter(b) {
		t.Error("who leaves makes no room")
	}
	for _, addr := range []netip.Addr{a, b, b} {
		c.Leave(addr)
	}
	if c.Open() != 0 || len(c.openOf) != 0 {
		t.Errorf("%d connections, %d clients are left", c.Open(), len(c.openOf))
	}
}

func TestListenerTurnsAwayOverTheLimit(t *testing.T) {
	t.Parallel()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := newClients(t, Limits{ConnectionsPerClient: 1})
	refused := make(chan struct{}, 1)
	l := c.Listener(inner, func(conn net.Conn) {
		conn.Close()
		refused <- struct{}{}
	})
	accepted := make(chan net.Conn)
	failed := make(chan error, 1)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				failed <- err
				return
			}
			accepted <- conn
		}
	}()
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		conn.SetDeadline(time.Now().Add(10 * time.Second))
		return conn
	}
	dial()
	first := <-accepted
	second := dial()
	<-refused
	if _, err := second.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the refused connection reads %v", err)
	}
	first.Close()
	first.Close() // counts once
	dial()
	(<-accepted).Close()
	if n := c.Open(); n != 0 {
		t.Errorf("%d connections are left", n)
	}
	l.Close()
	if err := <-failed; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept fails with %v", err)
	}
}
