// Package dnsserve is the authoritative DNS server of a node. It answers from zones that it is handed ready
// (Zones.Load, Zones.Publish) and never decides what is in them.
package dnsserve

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// Server answers DNS queries on UDP and TCP. It is a prometheus.Collector. Use it once: Listen, Serve,
// Shutdown.
type Server struct {
	config Config
	zones  *Zones
	log    *slog.Logger

	cookies   *cookieJar
	limiter   *limiter
	transfers transfers
	now       func() time.Time // replaced by tests before Listen

	drained atomic.Bool // no query is read any more

	udpStats, tcpStats []counters
	conns              connections
	lastFault          atomic.Int64 // Unix time in nanoseconds

	mu        sync.Mutex // guards what follows
	listening bool
	udp       []udpSocket
	tcp       []*net.TCPListener
	addrs     []netip.AddrPort
	serving   bool
	closing   bool
	stopped   chan struct{} // closed by Shutdown when the last worker is gone
	workers   sync.WaitGroup
}

// ErrClosed is what Serve and Listen return after Shutdown.
var ErrClosed = errors.New("dnsserve: server closed")

// NewServer returns a server for the zones. A fault in cfg is reported by Listen.
func NewServer(cfg Config, zones *Zones) *Server {
	return &Server{config: cfg, zones: zones, now: time.Now, stopped: make(chan struct{})}
}

// Listen checks the configuration and binds all addresses, after which Addr is known and the kernel queues
// queries until Serve. On error nothing stays bound.
func (s *Server) Listen() (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return ErrClosed
	}
	if s.listening {
		return errors.New("dnsserve: already listening")
	}
	if s.config, err = s.config.complete(); err != nil {
		return err
	}
	s.log = s.config.Log
	if s.cookies, err = newCookieJar(s.config.CookieSecrets); err != nil {
		return err
	}
	s.limiter = newLimiter(s.config.RRL, s.now())
	s.transfers.init(s.config.MaxTransfers)
	addrs, err := s.config.addresses()
	if err != nil {
		return err
	}
	for _, a := range addrs {
		if err := s.bind(a); err != nil {
			s.closeSockets()
			return err
		}
	}
	s.listening = true
	s.udpStats = make([]counters, len(s.addrs)*s.config.UDPWorkers)
	s.tcpStats = make([]counters, runtime.GOMAXPROCS(0))
	s.conns.init(s.config.MaxTCP, s.config.MaxTCPPerClient)
	return nil
}

// bind opens one address on UDP and TCP. A free port is free on UDP; if TCP has it taken, another is tried.
func (s *Server) bind(a netip.AddrPort) error {
	for tries := 10; ; tries-- {
		udp, bound, err := s.openUDP(a)
		if err != nil {
			return fmt.Errorf("dnsserve: listen on UDP %s: %w", a, err)
		}
		tcp, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(bound))
		if err == nil {
			s.udp, s.tcp, s.addrs = append(s.udp, udp...), append(s.tcp, tcp), append(s.addrs, bound)
			return nil
		}
		for _, u := range udp {
			u.close()
		}
		if a.Port() != 0 || tries == 0 {
			return fmt.Errorf("dnsserve: listen on TCP %s: %w", bound, err)
		}
	}
}

func (s *Server) closeSockets() {
	for _, u := range s.udp {
		u.close()
	}
	for _, l := range s.tcp {
		l.Close()
	}
	s.udp, s.tcp, s.addrs = nil, nil, nil
}

// Addr returns the first bound address; the zero AddrPort before Listen.
func (s *Server) Addr() netip.AddrPort {
	if addrs := s.Addrs(); len(addrs) > 0 {
		return addrs[0]
	}
	return netip.AddrPort{}
}

// Addrs returns all bound addresses.
func (s *Server) Addrs() []netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]netip.AddrPort(nil), s.addrs...)
}

// Serve answers queries, after Listen, until ctx ends or Shutdown is called; then it returns nil or
// ErrClosed. When ctx ends, queries that were read are still answered, within a few seconds.
func (s *Server) Serve(ctx context.Context) error {
	s.mu.Lock()
	switch {
	case s.closing:
		s.mu.Unlock()
		return ErrClosed
	case !s.listening || s.serving:
		s.mu.Unlock()
		return errors.New("dnsserve: Serve without Listen, or twice")
	}
	s.serving = true
	workers := 0
	for _, u := range s.udp {
		for range u.workers() {
			r := s.responder(&s.udpStats[workers])
			s.workers.Go(func() { u.serve(s, r) })
			workers++
		}
	}
	for _, l := range s.tcp {
		s.workers.Go(func() { s.serveTCP(l) })
	}
	s.mu.Unlock()
	select {
	case <-s.stopped:
		return ErrClosed
	case <-ctx.Done():
	}
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), tcpWriteTimeout)
	defer cancel()
	if err := s.Shutdown(patience); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// ListenAndServe is Listen and Serve.
func (s *Server) ListenAndServe(ctx context.Context) error {
	if err := s.Listen(); err != nil {
		return err
	}
	return s.Serve(ctx)
}

// Shutdown ends the server: no query is read any more, those read are answered. When ctx ends first, open
// connections are cut off and ctx's error is returned. A second call waits like the first.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	first := !s.closing
	s.closing = true
	if first {
		s.drained.Store(true)
		for _, u := range s.udp {
			u.drain()
		}
		if s.listening {
			s.transfers.cancel()
		}
		for _, l := range s.tcp {
			l.Close()
		}
		s.conns.drain()
		go func() {
			s.workers.Wait()
			s.mu.Lock()
			s.closeSockets()
			s.mu.Unlock()
			close(s.stopped)
		}()
	}
	s.mu.Unlock()
	select {
	case <-s.stopped:
		return nil
	case <-ctx.Done():
		s.conns.closeAll()
		<-s.stopped
		return ctx.Err()
	}
}

func (s *Server) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

func (s *Server) responder(stats *counters) *responder {
	return &responder{
		zones: s.zones, nsid: []byte(s.config.NSID), udpSize: s.config.UDPSize, stats: stats,
		chaos: newChaos(s.config.ChaosID, s.config.ChaosVersion), cookies: s.cookies, limiter: s.limiter,
		keys: s.config.Transfers, transfers: &s.transfers,
	}
}

// answer is respond behind a fence: a packet that panics one node would panic them all, so it costs an
// error in the log and its own answer, not the registry.
func (s *Server) answer(r *responder, out, msg []byte, from peer) int {
	return s.answerRead(r, nil, out, msg, from)
}

// answerRead is answer to a query that was read; nil: it wasn't.
func (s *Server) answerRead(r *responder, q *query, out, msg []byte, from peer) (n int) {
	defer func() {
		if cause := recover(); cause != nil {
			n = 0
			r.stats.panics.Add(1)
			r.stats.dropped.Add(1)
			s.fault("dns query panicked", "cause", cause, "message", hex.EncodeToString(msg), "stack", string(debug.Stack()))
		}
	}()
	if q == nil {
		return r.respond(out, msg, from)
	}
	return r.reply(q, out, msg, from)
}

// fault logs an error, at most one per faultLogPause: whoever found the packet may send many.
func (s *Server) fault(msg string, args ...any) {
	now, last := time.Now().UnixNano(), s.lastFault.Load()
	if now-last >= int64(faultLogPause) && s.lastFault.CompareAndSwap(last, now) {
		s.log.Error(msg, args...)
	}
}

// A udpSocket is a socket for queries by UDP.
type udpSocket interface {
	workers() int // how many call serve
	serve(s *Server, r *responder)
	drain() // ends serve: no query is read any more
	close()
}

// onePacket is a UDP socket from which workers read one query at a time, as any system can.
type onePacket struct {
	*net.UDPConn
	readers int
}

func listenOnePacket(a netip.AddrPort, readers int) (*onePacket, netip.AddrPort, error) {
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(a))
	if err != nil {
		return nil, netip.AddrPort{}, err
	}
	bound := c.LocalAddr().(*net.UDPAddr).AddrPort()
	return &onePacket{c, readers}, netip.AddrPortFrom(bound.Addr().Unmap(), bound.Port()), nil
}

func (c *onePacket) workers() int { return c.readers }
func (c *onePacket) drain()       { c.SetReadDeadline(time.Unix(1, 0)) }
func (c *onePacket) close()       { c.Close() }

func (c *onePacket) serve(s *Server, r *responder) {
	in, out := make([]byte, maxQuery), make([]byte, s.config.UDPSize)
	for {
		n, client, err := c.ReadFromUDPAddrPort(in)
		if err != nil {
			if s.isClosing() || errors.Is(err, net.ErrClosed) {
				return
			}
			s.log.Warn("dns udp read failed", "address", c.LocalAddr().String(), "error", err)
			time.Sleep(retryPause)
			continue
		}
		from := peer{addr: client.Addr().Unmap(), now: s.now().UnixNano()}
		if n = s.answer(r, out, in[:n], from); n > 0 {
			// A failed send is the client's or the network's matter; it asks again.
			_, _ = c.WriteToUDPAddrPort(out[:n], client)
		}
	}
}
