package epp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"quorate/epp/extension"
	"quorate/epp/frame"
	"quorate/epp/password"
)

// Config is what a Server is made of.
type Config struct {
	ServerID    string                                               // svID of the greeting, 3 to 64 characters
	Certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error) // the server's, asked for at every handshake
	ClientCAs   *x509.CertPool                                       // who issues registrars' certificates
	Extensions  []*extension.Extension                               // announced in this order; nil: all that there are
	Limits      Limits                                               // each with a default
	Node        string                                               // this node's id: it is the node that locks registrars
	Limiter     Limiter                                              // of all nodes together; nil: only Limits hold
	Leaderless  func() bool                                          // the cluster has had no leader for a while; nil: it always has one
	Log         *slog.Logger                                         // nil: slog.Default()
}

// Server is an EPP server on one node.
type Server struct {
	config     Config
	registry   Registry
	tls        *tls.Config
	passwords  *password.Verifier
	metrics    *metrics
	log        *slog.Logger
	handshakes chan struct{} // holds one item for each at work
	pace       pace          // of handshakes
	limiter    Limiter
	cached     policyCache

	mu        sync.Mutex
	listener  net.Listener
	stopping  bool
	conns     map[net.Conn]*session // nil while shaking hands
	sessions  int                   // logged in
	registrar map[string]int        // the same, by clID
	networks  map[string]int        // connections, by what counts as one client
	running   sync.WaitGroup        // of connections
}

// NewServer makes a Server; Serve starts it.
func NewServer(config Config, r Registry) (*Server, error) {
	if n := utf8.RuneCountInString(config.ServerID); n < 3 || n > 64 {
		return nil, fmt.Errorf("epp: the server id %q has not 3 to 64 characters (RFC 5730 sIDType)", config.ServerID)
	}
	if config.Certificate == nil || config.ClientCAs == nil {
		return nil, errors.New("epp: the server needs a certificate and the authorities of clients' certificates")
	}
	if config.Log == nil {
		config.Log = slog.Default()
	}
	if config.Extensions == nil {
		config.Extensions = extensions
	}
	if config.Limiter == nil {
		config.Limiter = unlimited{}
	}
	if config.Leaderless == nil {
		config.Leaderless = func() bool { return false }
	}
	config.Limits = config.Limits.withDefaults()
	verifier, err := password.NewVerifier()
	if err != nil {
		return nil, fmt.Errorf("epp: %w", err)
	}
	s := &Server{
		config: config, registry: r, passwords: verifier, log: config.Log,
		handshakes: make(chan struct{}, config.Limits.Handshakes),
		limiter:    config.Limiter,
		conns:      map[net.Conn]*session{}, registrar: map[string]int{}, networks: map[string]int{},
	}
	s.metrics = newMetrics(s)
	s.tls = &tls.Config{
		GetCertificate: config.Certificate,
		ClientAuth:     tls.RequireAndVerifyClientCert, // RFC 5734 §8
		ClientCAs:      config.ClientCAs,
		MinVersion:     tls.VersionTLS12,
		// What RFC 9325 §4.2 recommends for TLS 1.2; TLS 1.3 has no others.
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		},
		// Connections last for hours. Without tickets every one has had its certificate verified anew.
		SessionTicketsDisabled: true,
		GetConfigForClient:     begun,
	}
	return s, nil
}

// Serve accepts connections from l, which it closes, until Shutdown or the end
// of ctx, which ends all sessions at once. It returns when every session has
// ended: nil, or what went wrong with the listener. It is called once.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, s.stopNow)()
	s.mu.Lock()
	s.listener = l
	stopping := s.stopping
	s.mu.Unlock()
	if stopping {
		return l.Close()
	}
	err := s.accept(ctx, l)
	if err != nil {
		cancel()
	}
	s.running.Wait()
	return err
}

// Addr is where the server listens; nil before Serve.
func (s *Server) Addr() net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return nil
	}
	return s.listener.Addr()
}

// Shutdown stops accepting, lets commands at hand finish, and ends all
// sessions; at the end of ctx at once, with ctx's error.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.stopListening()
	for conn, session := range s.conns {
		if session != nil {
			session.drain()
		} else {
			conn.Close()
		}
	}
	s.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		s.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		s.stopNow()
		<-ended
		return ctx.Err()
	}
}

// stopNow ends everything: what a command at hand came to will not be told.
func (s *Server) stopNow() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopListening()
	for conn := range s.conns {
		conn.Close()
	}
}

// stopListening is called with mu held.
func (s *Server) stopListening() {
	s.stopping = true
	if s.listener != nil {
		s.listener.Close()
	}
}

func (s *Server) accept(ctx context.Context, l net.Listener) error {
	for {
		conn, err := l.Accept()
		if err != nil {
			s.mu.Lock()
			stopping := s.stopping
			s.mu.Unlock()
			if stopping {
				return nil
			}
			if errors.Is(err, net.ErrClosed) {
				return fmt.Errorf("epp: %w", err)
			}
			// Out of descriptors, or a connection that was gone before it was accepted: others may do better.
			s.log.Warn("EPP connection not accepted", "error", err)
			select {
			case <-time.After(acceptPause):
			case <-ctx.Done():
			}
			continue
		}
		from, ok := s.begin(ctx, conn)
		if !ok {
			conn.Close()
			continue
		}
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetWriteBuffer(sendBuffer) // if it fails, the system's own bound stays
		}
		go func() {
			defer s.end(conn, from)
			s.handle(ctx, conn, from)
		}()
	}
}

// begin counts a connection in, unless there are too many, in all or from where it comes.
func (s *Server) begin(ctx context.Context, conn net.Conn) (from string, ok bool) {
	address, err := addressOf(conn.RemoteAddr())
	if err != nil {
		return "", false
	}
	from = network(address)
	most := int(s.policy(ctx).Connections)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping || len(s.conns) >= s.config.Limits.Connections || s.networks[from] >= most {
		s.metrics.refused.Inc()
		return "", false
	}
	s.conns[conn] = nil
	s.networks[from]++
	s.running.Add(1)
	return from, true
}

func (s *Server) end(conn net.Conn, from string) {
	conn.Close()
	s.mu.Lock()
	session := s.conns[conn]
	delete(s.conns, conn)
	if s.networks[from]--; s.networks[from] == 0 {
		delete(s.networks, from)
	}
	s.mu.Unlock()
	if session != nil && session.dismiss != nil {
		session.dismiss()
	}
	s.running.Done()
}

// admit counts a login in, unless its registrar or all together have too many
// sessions, on this node or on all; dismiss counts it out.
func (s *Server) admit(ctx context.Context, clID string, most uint32) (dismiss func(), ok bool) {
	s.mu.Lock()
	ok = s.sessions < s.config.Limits.Sessions && s.registrar[clID] < s.config.Limits.SessionsPerRegistrar
	if ok {
		s.sessions++
		s.registrar[clID]++
	}
	s.mu.Unlock()
	if !ok {
		return nil, false
	}
	release, ok := s.limiter.Hold(ctx, "session/"+clID, most)
	if !ok {
		s.uncount(clID)
		return nil, false
	}
	return func() {
		s.uncount(clID)
		release()
	}, true
}

func (s *Server) uncount(clID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions--
	if s.registrar[clID]--; s.registrar[clID] == 0 {
		delete(s.registrar, clID)
	}
}

// handle shakes hands and serves a session.
func (s *Server) handle(ctx context.Context, raw net.Conn, from string) {
	log := s.log.With("client", raw.RemoteAddr().String())
	release, ok := s.limiter.Hold(ctx, "connection/"+from, s.policy(ctx).Connections)
	if !ok {
		s.metrics.refused.Inc()
		log.Info("EPP connection refused: too many from there", "from", from)
		return
	}
	defer release()
	conn, err := s.handshake(ctx, raw)
	if err != nil {
		s.metrics.handshakes.Inc()
		log.Debug("EPP handshake failed", "error", err)
		return
	}
	defer conn.Close()
	peer, err := identify(conn.ConnectionState().PeerCertificates[0], raw.RemoteAddr())
	if err != nil {
		log.Warn("EPP client without a name", "error", err)
		return
	}
	session := &session{server: s, registry: s.registry, log: log, conn: conn, frames: frame.NewReader(conn, MaxFrame), peer: peer, from: from}
	s.mu.Lock()
	s.conns[raw] = session
	stopping := s.stopping
	s.mu.Unlock()
	if stopping {
		return
	}
	switch err := session.serve(ctx); {
	case err == nil, errors.Is(err, errDrained), errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed):
	case errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() == nil:
		session.log.Info("EPP connection timed out or was drained", "error", err)
	default:
		session.log.Info("EPP connection ended", "error", err)
	}
}

// Collector are the server's metrics.
func (s *Server) Collector() prometheus.Collector { return s.metrics }
