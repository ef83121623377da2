package epp

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
)

// handshake shakes hands with the client at the other end of raw. If they fail, raw is still to be closed.
func (s *Server) handshake(ctx context.Context, raw net.Conn) (*tls.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.Limits.HandshakeTime)
	defer cancel()
	h := &handshaking{Conn: raw, server: s}
	conn := tls.Server(h, s.tls)
	err := conn.HandshakeContext(ctx)
	h.rest()
	h.ctx = nil
	return conn, err
}

// handshaking is a connection during its handshake. It takes a turn when the client has said hello, and has a place among those at
// work while there is work to do: who is silent at any point of the handshake takes nothing from others.
type handshaking struct {
	net.Conn
	server *Server
	ctx    context.Context // of the handshake; nil before the client's hello, and afterwards
	atWork bool
}

// begun is called when the client's hello is there, before anything costly.
func begun(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	h, ctx := hello.Conn.(*handshaking), hello.Context()
	// A cluster that can't elect needs its processors more than clients need a registry without a leader.
	perSecond := h.server.config.Limits.HandshakeRate
	if h.server.config.Leaderless() {
		perSecond = min(perSecond, leaderlessHandshakes)
	}
	if err := h.server.pace.wait(ctx, perSecond); err != nil {
		return nil, fmt.Errorf("waiting to shake hands: %w", err)
	}
	h.ctx = ctx
	return nil, h.work()
}

// Read gives the place at work to others while the client is waited for.
func (h *handshaking) Read(b []byte) (n int, err error) {
	if h.ctx == nil {
		return h.Conn.Read(b)
	}
	h.rest()
	if n, err = h.Conn.Read(b); err != nil {
		return n, err
	}
	if err := h.work(); err != nil {
		return 0, err
	}
	return n, nil
}

// work waits for a place among the handshakes at work.
func (h *handshaking) work() error {
	select {
	case h.server.handshakes <- struct{}{}:
		h.atWork = true
		return nil
	case <-h.ctx.Done():
		return fmt.Errorf("waiting to shake hands: %w", h.ctx.Err())
	}
}

// rest gives the place back, if there is one.
func (h *handshaking) rest() {
	if h.atWork {
		h.atWork = false
		<-h.server.handshakes
	}
}
