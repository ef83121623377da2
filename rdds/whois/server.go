// Package whois is the WHOIS service (RFC 3912) of one node, with answers laid out as in Specification 4 of
// ICANN's registry agreement.
package whois

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"quorate/fsm"
	"quorate/rdds"
)

// Config is what a node decides about its WHOIS server. The zero value of every field but Listen is good.
type Config struct {
	// Listen is the TCP address to listen on, as host:port. An empty host is all interfaces, IPv4 and
	// IPv6; port 0 takes a free port.
	Listen string
	// Legal is the text that ends every answer, of up to 16 KiB; a short one of our own if empty.
	Legal string
	// Limits bound what clients can take.
	Limits rdds.Limits
	// Log gets what an operator should know; slog.Default if nil.
	Log *slog.Logger
}

// Server answers WHOIS queries from the local replica. It is a prometheus.Collector of its own metrics.
type Server struct {
	registry   rdds.Registry
	registrars rdds.Registrars
	clients    *rdds.Clients
	log        *slog.Logger
	address    string
	legal      string // in lines that end with CRLF
	metrics    metrics

	mu       sync.Mutex
	listener net.Listener // nil before Listen
	serving  bool
	closing  bool
	open     map[net.Conn]bool
	handlers sync.WaitGroup
	stopped  chan struct{} // closed when Shutdown begins
}

// NewServer makes a server, which does nothing until it is told to listen. It fails if the configuration
// makes no sense.
func NewServer(cfg Config, registry rdds.Registry) (*Server, error) {
	if len(cfg.Legal) > maxLegal {
		return nil, fmt.Errorf("whois: the legal text has %d octets, more than %d", len(cfg.Legal), maxLegal)
	}
	if strings.TrimSpace(cfg.Legal) == "" {
		cfg.Legal = defaultLegal
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	clients, err := rdds.NewClients(cfg.Limits)
	if err != nil {
		return nil, fmt.Errorf("whois: %w", err)
	}
	var legal answer
	for line := range strings.Lines(strings.TrimRight(cfg.Legal, "\r\n")) {
		legal.line(strings.TrimRight(line, "\r\n"))
	}
	return &Server{
		registry: registry, clients: clients, log: cfg.Log, address: cfg.Listen, legal: legal.text.String(),
		metrics: newMetrics(), open: make(map[net.Conn]bool), stopped: make(chan struct{}),
	}, nil
}

// Listen takes the address. Clients that connect wait until Serve is called.
func (s *Server) Listen() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return rdds.ErrClosed
	}
	if s.listener != nil {
		return errors.New("whois: Listen was called before")
	}
	l, err := net.Listen("tcp", s.address)
	if err != nil {
		return fmt.Errorf("whois: %w", err)
	}
	s.listener = s.clients.Listener(l, s.refuse)
	return nil
}

// Addr is the address listened on, with its real port; the zero AddrPort before Listen.
func (s *Server) Addr() netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return netip.AddrPort{}
	}
	return s.listener.Addr().(*net.TCPAddr).AddrPort()
}

// Serve answers queries, after Listen, until ctx ends or Shutdown is called; then it returns nil or
// rdds.ErrClosed. When ctx ends, queries that were read are still answered, within a few seconds.
func (s *Server) Serve(ctx context.Context) error {
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		return rdds.ErrClosed
	}
	if s.listener == nil || s.serving {
		s.mu.Unlock()
		return errors.New("whois: Serve without Listen, or twice")
	}
	s.serving = true
	s.handlers.Go(s.accept)
	s.mu.Unlock()
	select {
	case <-s.stopped:
		s.handlers.Wait()
		return rdds.ErrClosed
	case <-ctx.Done():
	}
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	if err := s.Shutdown(patience); !errors.Is(err, context.DeadlineExceeded) {
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

// Shutdown ends the server: no connection is accepted and no query read any more, those read are answered. When
// ctx ends first, open connections are cut off and ctx's error is returned. A second call waits like the first.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	if !s.closing {
		s.closing = true
		close(s.stopped)
		if s.listener != nil {
			s.listener.Close()
		}
		// Those who have not asked yet, and those who have had their answer, are not waited for.
		for c := range s.open {
			c.SetReadDeadline(time.Now())
		}
	}
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		s.handlers.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		s.mu.Lock()
		for c := range s.open {
			c.Close()
		}
		s.mu.Unlock()
		<-done
		return ctx.Err()
	}
}

func (s *Server) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.closing {
			s.mu.Unlock()
			c.Close()
			return
		}
		s.open[c] = true
		c.SetReadDeadline(time.Now().Add(readTimeout))
		s.handlers.Go(func() { s.handle(c) })
		s.mu.Unlock()
	}
}

// refuse turns a client over a limit away, with a reason.
func (s *Server) refuse(c net.Conn) {
	s.metrics.queries.WithLabelValues(outcomeRefused).Inc()
	c.SetWriteDeadline(time.Now().Add(refuseTimeout))
	io.WriteString(c, "Error: there are too many connections, please try again later.\r\n")
	c.Close()
}

// handle answers the one query of a connection.
func (s *Server) handle(c net.Conn) {
	defer func() {
		c.Close()
		s.mu.Lock()
		delete(s.open, c)
		s.mu.Unlock()
	}()
	// The buffer's size bounds what is read: a longer line comes as far as it fits, and is refused by its length.
	line, err := bufio.NewReaderSize(c, MaxQuery+len("\r\n")).ReadSlice('\n')
	begun := time.Now()
	whole := err == nil || errors.Is(err, bufio.ErrBufferFull) || errors.Is(err, io.EOF) && len(line) > 0
	if !whole {
		// The client hung up, or took too long: nobody is waiting for an answer.
		return
	}
	text, outcome := s.respond(line, rdds.RemoteAddr(c), begun)
	c.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, err = io.WriteString(c, text)
	s.metrics.queries.WithLabelValues(outcome).Inc()
	s.metrics.seconds.Observe(time.Since(begun).Seconds())
	if err != nil {
		return
	}
	if half, ok := c.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		c.SetReadDeadline(time.Now().Add(lingerTimeout))
		io.CopyN(io.Discard, c, maxLinger)
	}
}

// respond is the answer to a line, and what came of it.
func (s *Server) respond(line []byte, client netip.Addr, now time.Time) (text, outcome string) {
	if wait, ok := s.clients.Allow(client, now); !ok {
		return fmt.Sprintf("Error: there are too many queries from your address, please try again in %d s.\r\n",
			int(wait.Seconds())+1), outcomeLimited
	}
	q, err := ParseQuery(line)
	if err != nil {
		return usage(err), outcomeUsage
	}
	var a *answer
	var found bool
	err = rdds.Read(context.Background(), s.registry, func(v fsm.View) error {
		a, found = s.lookup(v, q)
		return nil
	})
	switch {
	case err != nil:
		s.log.Error("a WHOIS query could not be answered", "query", q.Text, "error", err)
		return "Error: the registry's data can't be read now, please try again later.\r\n", outcomeError
	case found:
		return a.text.String(), outcomeFound
	}
	return a.text.String(), outcomeNotFound
}
