package admin

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
)

// Server serves the API over TLS.
type Server struct {
	http http.Server
}

// NewServer makes a server that shows certificate (asked for in every handshake, so that it can be replaced) and demands a client
// certificate of the cluster's CA.
func NewServer(c Config, certificate func() (*tls.Certificate, error), ca *x509.CertPool) *Server {
	// One request at a time on a connection is all that operators need: HTTP/2 would only widen what is exposed.
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &Server{http.Server{
		Handler:   NewHandler(c),
		Protocols: &protocols,
		TLSConfig: &tls.Config{
			MinVersion:     tls.VersionTLS13,
			GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return certificate() },
			ClientAuth:     tls.RequireAndVerifyClientCert,
			ClientCAs:      ca,
		},
		ReadHeaderTimeout: headerTime,
		ReadTimeout:       exchangeTime,
		WriteTimeout:      exchangeTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(c.Log.Handler(), slog.LevelInfo),
	}}
}

// Serve serves the connections that l accepts, until Shutdown. It closes l.
func (s *Server) Serve(l net.Listener) error {
	err := s.http.ServeTLS(&boundedListener{Listener: l}, "", "")
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serving the admin API: %w", err)
}

// Shutdown takes no more connections, and waits for the requests at hand until ctx ends; then it drops them.
func (s *Server) Shutdown(ctx context.Context) error {
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("requests were dropped: %w", err), s.http.Close())
	}
	return nil
}

// boundedListener closes at once what comes beyond maxConnections.
type boundedListener struct {
	net.Listener
	mu   sync.Mutex
	open int
}

func (l *boundedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.take() {
			return &countedConn{Conn: c, release: sync.OnceFunc(l.release)}, nil
		}
		c.Close()
	}
}

func (l *boundedListener) take() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open >= maxConnections {
		return false
	}
	l.open++
	return true
}

func (l *boundedListener) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
}

type countedConn struct {
	net.Conn
	release func()
}

func (c *countedConn) Close() error {
	c.release()
	return c.Conn.Close()
}
