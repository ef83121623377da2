package dnsserve

import (
	"bufio"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// frame is a buffer for one answer with its length prefix. Connections borrow frames while they answer:
// an idle one holds none.
type frame [2 + maxMessage]byte

var frames = sync.Pool{New: func() any { return new(frame) }}

// serveTCP accepts connections until the listener is closed.
func (s *Server) serveTCP(l *net.TCPListener) {
	var next atomic.Uint64
	for {
		c, err := l.AcceptTCP()
		if err != nil {
			if s.isClosing() || errors.Is(err, net.ErrClosed) {
				return
			}
			s.log.Warn("dns tcp accept failed", "address", l.Addr().String(), "error", err)
			time.Sleep(retryPause)
			continue
		}
		client := clientOf(c)
		if !s.conns.add(c, client) {
			c.Close()
			continue
		}
		from := peer{addr: c.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap().WithZone(""), tcp: true}
		stats := &s.tcpStats[next.Add(1)%uint64(len(s.tcpStats))]
		s.workers.Go(func() {
			defer s.conns.remove(c, client)
			defer c.Close()
			s.serveConn(c, s.responder(stats), from)
		})
	}
}

// clientOf returns what counts as one client: an IPv4 address or an IPv6 /64.
func clientOf(c *net.TCPConn) netip.Prefix {
	ip := c.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap().WithZone("")
	width := 64
	if ip.Is4() {
		width = 32
	}
	p, err := ip.Prefix(width)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// serveConn answers the queries of a connection in order (RFC 7766 §6.2.1.1): each takes microseconds, so
// that none waits for another. Answers to queries that came together leave together.
func (s *Server) serveConn(c *net.TCPConn, r *responder, from peer) {
	in := bufio.NewReaderSize(c, 2+maxQuery)
	out := bufio.NewWriterSize(deadlineWriter{c}, tcpWriteBuffer)
	defer out.Flush()
	for {
		if !wholeQuery(in) && !s.conns.await(c, s.config.TCPIdle) {
			return
		}
		// The deadline is for the whole query, so that one sent an octet at a time gains no time.
		prefix, err := in.Peek(2)
		if err != nil {
			return
		}
		size := int(binary.BigEndian.Uint16(prefix))
		if size < headerSize || size > maxQuery {
			return
		}
		msg, err := in.Peek(2 + size)
		if err != nil {
			return
		}
		if !s.answerTCP(c, out, r, msg[2:], from) {
			return
		}
		in.Discard(2 + size)
		if !wholeQuery(in) && out.Flush() != nil {
			return
		}
	}
}

// answerTCP writes the answer to msg, if there is one, and reports whether the connection can go on.
func (s *Server) answerTCP(c *net.TCPConn, out *bufio.Writer, r *responder, msg []byte, from peer) bool {
	f := frames.Get().(*frame)
	defer frames.Put(f)
	from.now = s.now().UnixNano()
	from.keepalive = uint16(min(s.conns.patience(s.config.TCPIdle)/(100*time.Millisecond), 1<<16-1))
	n := s.answer(r, f[2:], msg, from)
	if n == 0 {
		return true
	}
	if r.transfer {
		return out.Flush() == nil && s.sendTransfer(c, r)
	}
	binary.BigEndian.PutUint16(f[:], uint16(n))
	_, err := out.Write(f[:2+n])
	return err == nil
}

// wholeQuery reports whether the next query has already been read.
func wholeQuery(in *bufio.Reader) bool {
	if in.Buffered() < 2 {
		return false
	}
	prefix, _ := in.Peek(2)
	return in.Buffered() >= 2+int(binary.BigEndian.Uint16(prefix))
}

// deadlineWriter gives each write its time.
type deadlineWriter struct{ c *net.TCPConn }

func (w deadlineWriter) Write(b []byte) (int, error) {
	if err := w.c.SetWriteDeadline(time.Now().Add(tcpWriteTimeout)); err != nil {
		return 0, err
	}
	return w.c.Write(b)
}

// connections are the open connections and their limits.
type connections struct {
	most, each int // connections, in all and per client
	draining   atomic.Bool
	count      atomic.Int64 // of open
	turnedAway atomic.Uint64

	mu        sync.Mutex // guards what follows; taken per connection, not per query
	open      map[*net.TCPConn]struct{}
	perClient map[netip.Prefix]int
}

func (t *connections) init(most, each int) {
	t.most, t.each = most, each
	t.open = make(map[*net.TCPConn]struct{})
	t.perClient = make(map[netip.Prefix]int)
}

// add takes a connection in, or reports that a limit is reached.
func (t *connections) add(c *net.TCPConn, client netip.Prefix) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.draining.Load() || len(t.open) >= t.most || t.perClient[client] >= t.each {
		t.turnedAway.Add(1)
		return false
	}
	t.open[c] = struct{}{}
	t.perClient[client]++
	t.count.Add(1)
	return true
}

func (t *connections) remove(c *net.TCPConn, client netip.Prefix) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.open, c)
	if t.perClient[client]--; t.perClient[client] == 0 {
		delete(t.perClient, client)
	}
	t.count.Add(-1)
}

// patience is how long a connection may be idle just now.
func (t *connections) patience(idle time.Duration) time.Duration {
	if int(t.count.Load())*4 >= t.most*3 {
		return min(idle, busyTCPIdle)
	}
	return idle
}

// await sets the time until which the next query must be there whole; false when none is read any more.
func (t *connections) await(c *net.TCPConn, idle time.Duration) bool {
	// drain sets its flag before its deadlines: whichever deadline comes last, one of the two ends the wait.
	return c.SetReadDeadline(time.Now().Add(t.patience(idle))) == nil && !t.draining.Load()
}

// drain ends all waiting for queries; answers under way go out.
func (t *connections) drain() {
	t.draining.Store(true)
	t.mu.Lock()
	defer t.mu.Unlock()
	for c := range t.open {
		c.SetReadDeadline(time.Unix(1, 0))
	}
}

func (t *connections) closeAll() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for c := range t.open {
		c.Close()
	}
}
