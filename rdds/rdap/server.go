// Package rdap is the RDAP service of one node: RFC 7480 to 7481, 9082, 9083 and 9537, by the February 2024
// profile for registries of generic TLDs.
package rdap

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"

	"quorate/rdds"
)

// Config is what a node decides about its RDAP server. Fields without a stated default are required.
type Config struct {
	// Listen is the TCP address to listen on, as host:port. An empty host is all interfaces, IPv4 and
	// IPv6; port 0 takes a free port.
	Listen string
	// GetCertificate is asked for the server's certificate in every handshake, so that it can be replaced
	// without a restart. If it is nil the service is plain HTTP, for use behind something that ends TLS.
	GetCertificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	// BaseURL is the service's public URL, with a final slash. Queries are taken below its path, and all
	// links in answers begin with it: where it is the same at all nodes, so are the answers.
	BaseURL string
	// TermsURL is where the terms of service can be read.
	TermsURL string
	// Legal is a summary of the terms for people, a paragraph a line, of up to 16 KiB; a short one of our
	// own if empty.
	Legal string
	// WHOISHost is the public host name of the WHOIS service; none is shown if empty.
	WHOISHost string
	// Limits bound what clients can take.
	Limits rdds.Limits
	// Log gets what an operator should know; slog.Default if nil.
	Log *slog.Logger
}

// Server answers RDAP queries from the local replica. It is an http.Handler, and a prometheus.Collector of its
// own metrics.
type Server struct {
	settings
	registry   rdds.Registry
	registrars rdds.Registrars
	clients    *rdds.Clients
	log        *slog.Logger
	address    string
	metrics    metrics
	http       *http.Server

	mu       sync.Mutex
	listener net.Listener // nil before Listen
	serving  bool
}

// cipherSuites are what the profile allows with TLS 1.2 (Technical Implementation Guide §1.5). Those of TLS 1.3
// are not ours to choose.
var cipherSuites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
}

// NewServer makes a server, which does nothing until it is told to listen. It fails if the configuration
// makes no sense.
func NewServer(cfg Config, registry rdds.Registry) (*Server, error) {
	base, err := url.Parse(cfg.BaseURL)
	switch {
	case err != nil || !isWebURL(cfg.BaseURL) || !strings.HasSuffix(base.EscapedPath(), "/") || base.RawQuery+base.Fragment != "":
		return nil, fmt.Errorf("rdap: the base URL %q is no http or https URL with a final slash", cfg.BaseURL)
	case !isWebURL(cfg.TermsURL):
		return nil, fmt.Errorf("rdap: the terms of service's URL %q is no http or https URL", cfg.TermsURL)
	case len(cfg.Legal) > maxLegal:
		return nil, fmt.Errorf("rdap: the legal text has %d octets, more than %d", len(cfg.Legal), maxLegal)
	}
	if strings.TrimSpace(cfg.Legal) == "" {
		cfg.Legal = defaultLegal
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	clients, err := rdds.NewClients(cfg.Limits)
	if err != nil {
		return nil, fmt.Errorf("rdap: %w", err)
	}
	s := &Server{
		settings: settings{
			baseURL: cfg.BaseURL, basePath: base.EscapedPath(), termsURL: cfg.TermsURL,
			legal: paragraphs(cfg.Legal), whoisHost: cfg.WHOISHost,
		},
		registry: registry, clients: clients, log: cfg.Log, address: cfg.Listen, metrics: newMetrics(),
	}
	s.http = &http.Server{
		Handler: s, MaxHeaderBytes: maxHeader, ReadHeaderTimeout: headerTimeout, ReadTimeout: headerTimeout,
		WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		// What arrives there is the fault of clients: scans, broken handshakes.
		ErrorLog: slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug),
	}
	if cfg.GetCertificate != nil {
		s.http.TLSConfig = &tls.Config{
			GetCertificate: cfg.GetCertificate, MinVersion: tls.VersionTLS12, CipherSuites: cipherSuites,
		}
	}
	return s, nil
}

// Listen takes the address. Clients that connect wait until Serve is called.
func (s *Server) Listen() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != nil {
		return errors.New("rdap: Listen was called before")
	}
	l, err := net.Listen("tcp", s.address)
	if err != nil {
		return fmt.Errorf("rdap: %w", err)
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
	l, again := s.listener, s.serving
	s.serving = true
	s.mu.Unlock()
	if l == nil || again {
		return errors.New("rdap: Serve without Listen, or twice")
	}
	ended := make(chan error, 1)
	go func() {
		if s.http.TLSConfig != nil {
			ended <- s.http.ServeTLS(l, "", "")
		} else {
			ended <- s.http.Serve(l)
		}
	}()
	select {
	case err := <-ended:
		if errors.Is(err, http.ErrServerClosed) {
			return rdds.ErrClosed
		}
		return fmt.Errorf("rdap: %w", err)
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

// Shutdown ends the server: no connection is accepted any more, requests under way are answered. When ctx ends
// first, open connections are cut off and ctx's error is returned.
func (s *Server) Shutdown(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	s.mu.Lock()
	if s.listener != nil {
		s.listener.Close() // http.Server closes it only once it serves
	}
	s.mu.Unlock()
	if err != nil && ctx.Err() != nil {
		s.http.Close()
		return ctx.Err()
	}
	return nil
}

// refuse turns a client over a limit away. There is nothing to say before the handshake.
func (s *Server) refuse(c net.Conn) {
	s.metrics.refused.Inc()
	c.Close()
}
