package rdds

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Limits bound what clients can take of a service on this node. A client is an IPv4 address or an IPv6 /64.
type Limits struct {
	// Connections bounds open connections, ConnectionsPerClient those of one client; 0 means
	// DefaultConnections and DefaultConnectionsPerClient.
	Connections, ConnectionsPerClient int
	// Rate is the queries a second that a client may send, Burst how many of them at once; 0 means
	// DefaultRate and DefaultBurst. A negative Rate lifts the limit.
	Rate  float64
	Burst int
}

// Clients keeps account of the clients of one service against its limits.
type Clients struct {
	limits Limits

	mu       sync.Mutex
	open     int
	openOf   map[netip.Addr]int // clients with open connections, so never more than Connections
	current  map[netip.Addr]bucket
	previous map[netip.Addr]bucket
}

// bucket is a client's allowance: tokens as of a moment, one for each query.
type bucket struct {
	tokens float64
	at     time.Time
}

// NewClients fails if a limit makes no sense.
func NewClients(l Limits) (*Clients, error) {
	if l.Connections == 0 {
		l.Connections = DefaultConnections
	}
	if l.ConnectionsPerClient == 0 {
		l.ConnectionsPerClient = DefaultConnectionsPerClient
	}
	if l.Rate == 0 {
		l.Rate = DefaultRate
	}
	if l.Burst == 0 {
		l.Burst = DefaultBurst
	}
	if l.Connections < 0 || l.ConnectionsPerClient < 0 || l.Burst < 0 {
		return nil, errors.New("rdds: a limit is negative")
	}
	return &Clients{limits: l, openOf: make(map[netip.Addr]int), current: make(map[netip.Addr]bucket)}, nil
}

// Enter counts a new connection in; false means that a limit is reached. Every Enter that returned true
// wants a Leave with the same address.
func (c *Clients) Enter(addr netip.Addr) bool {
	client := clientOf(addr)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open >= c.limits.Connections || c.openOf[client] >= c.limits.ConnectionsPerClient {
		return false
	}
	c.open++
	c.openOf[client]++
	return true
}

// Leave counts a connection out.
func (c *Clients) Leave(addr netip.Addr) {
	client := clientOf(addr)
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.openOf[client] - 1
	if n < 0 {
		panic(fmt.Sprintf("rdds: %v leaves more often than it entered", client))
	}
	c.open--
	if n == 0 {
		delete(c.openOf, client)
	} else {
		c.openOf[client] = n
	}
}

// Open is the number of open connections.
func (c *Clients) Open() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open
}

// Allow takes a query from the client's allowance; ok is false when it is used up, until after wait.
func (c *Clients) Allow(addr netip.Addr, now time.Time) (wait time.Duration, ok bool) {
	if c.limits.Rate < 0 {
		return 0, true
	}
	client := clientOf(addr)
	c.mu.Lock()
	defer c.mu.Unlock()
	b, known := c.current[client]
	if !known {
		if b, known = c.previous[client]; !known {
			b = bucket{float64(c.limits.Burst), now}
		}
		if len(c.current) >= maxClients/2 {
			c.previous, c.current = c.current, make(map[netip.Addr]bucket)
		}
	}
	if passed := now.Sub(b.at).Seconds(); passed > 0 {
		b.tokens, b.at = min(b.tokens+passed*c.limits.Rate, float64(c.limits.Burst)), now
	}
	ok = b.tokens >= 1
	if ok {
		b.tokens--
	} else {
		wait = time.Duration((1 - b.tokens) / c.limits.Rate * float64(time.Second))
	}
	c.current[client] = b
	return wait, ok
}

// clientOf is what limits count by: whoever has one IPv6 address has its whole /64.
func clientOf(addr netip.Addr) netip.Addr {
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		p, err := addr.Prefix(64)
		if err != nil {
			panic("rdds: an IPv6 address has no /64")
		}
		return p.Addr()
	}
	return addr
}

// RemoteAddr is the address of a connection's other end; the zero Addr if it isn't TCP.
func RemoteAddr(c net.Conn) netip.Addr {
	if a, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		return a.AddrPort().Addr()
	}
	return netip.Addr{}
}

// Listener is l with the limits on connections applied: Accept returns those let in, refuse gets those turned
// away, which it must close without blocking. Accept fails only when l is closed.
func (c *Clients) Listener(l net.Listener, refuse func(net.Conn)) net.Listener {
	return &listener{l, c, refuse}
}

type listener struct {
	net.Listener
	clients *Clients
	refuse  func(net.Conn)
}

// Accept is part of net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	for pause := minAcceptPause; ; {
		c, err := l.Listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil, err
		}
		if err != nil {
			// The likely cause is a lack of file descriptors, which ends when connections do.
			time.Sleep(pause)
			pause = min(2*pause, maxAcceptPause)
			continue
		}
		pause = minAcceptPause
		if addr := RemoteAddr(c); l.clients.Enter(addr) {
			return &conn{Conn: c, leave: sync.OnceFunc(func() { l.clients.Leave(addr) })}, nil
		}
		l.refuse(c)
	}
}

// conn is a connection that leaves when it is closed.
type conn struct {
	net.Conn
	leave func()
}

// Close is part of net.Conn.
func (c *conn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

// CloseWrite tells the other end that nothing more will come.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
