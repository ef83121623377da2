package transport

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/quic-go/quic-go"
)

// session is a connection that a peer dialled.
type session struct {
	t        *Transport
	conn     *quic.Conn
	peer     string
	protocol Protocol
	streams  atomic.Int64 // being served
	bytes    atomic.Int64 // of requests being served
}

// errTooManyHandshakes makes QUIC refuse a connection attempt.
var errTooManyHandshakes = errors.New("too many handshakes in progress")

type handshakeKey struct{}

// handshakeBegins counts an inbound handshake until it is finished (see accept) or has failed.
func (t *Transport) handshakeBegins(ctx context.Context, _ *quic.ClientInfo) (context.Context, error) {
	if t.handshakes.Add(1) > maxHandshakes {
		t.handshakes.Add(-1)
		return nil, errTooManyHandshakes
	}
	ended := sync.OnceFunc(func() { t.handshakes.Add(-1) })
	context.AfterFunc(ctx, ended)
	return context.WithValue(ctx, handshakeKey{}, ended), nil
}

// accept serves the connections of verified peers until the listener is closed.
func (t *Transport) accept() {
	for {
		conn, err := t.listener.Accept(t.ctx)
		if err != nil {
			if t.ctx.Err() == nil {
				t.config.Logger.Error("the node no longer accepts connections from its peers", "error", err)
			}
			return
		}
		if ended, ok := conn.Context().Value(handshakeKey{}).(func()); ok {
			ended()
		}
		peer, p, _, err := identity(conn)
		if err != nil {
			t.config.Logger.Error("accepted a connection that verification should have refused", "error", err)
			_ = conn.CloseWithError(closeRemoved, "no identity") // always nil
			continue
		}
		s := &session{t: t, conn: conn, peer: peer, protocol: p}
		if !t.start(s.serve) {
			_ = conn.CloseWithError(closeShutdown, "shutting down") // always nil
			return
		}
	}
}

// serve accepts the connection's streams until it ends.
func (s *session) serve() {
	t := s.t
	key := linkKey{s.peer, s.protocol}
	t.mu.Lock()
	former := t.sessions[key]
	t.sessions[key] = s.conn
	t.mu.Unlock()
	if former != nil {
		// A peer dials only when its former connection is dead for it, so it is here too; and the bounds per connection are then
		// bounds per peer.
		_ = former.CloseWithError(closeReplaced, "replaced by a newer connection") // always nil
	}
	t.counters.accepts.Add(1)
	t.config.Logger.Info("a peer connected", "peer", s.peer, "protocol", string(s.protocol), "remote", s.conn.RemoteAddr().String())

	var streams sync.WaitGroup
	streams.Go(s.acceptStreams)
	t.watch(s.conn, s.peer, s.protocol, "accepted")
	streams.Wait()

	t.mu.Lock()
	if t.sessions[key] == s.conn {
		delete(t.sessions, key)
	}
	t.mu.Unlock()
}

func (s *session) acceptStreams() {
	serve, limit := s.serveCall, int64(maxCallsPerPeer)
	switch s.protocol {
	case ProtocolRaft:
		serve, limit = s.serveRaft, maxRaftStreamsPerPeer
	case ProtocolBulk:
		serve, limit = s.serveBulk, maxBulkPerPeer
	}
	for {
		stream, err := s.conn.AcceptStream(s.conn.Context())
		if err != nil {
			return
		}
		if s.streams.Add(1) > limit {
			s.streams.Add(-1)
			s.t.counters.busy.Add(1)
			reset(stream, resetBusy)
			continue
		}
		go func() {
			defer s.streams.Add(-1)
			serve(stream)
		}()
	}
}

// reset ends both directions of a stream. It is harmless on a stream that has ended.
func reset(stream *quic.Stream, code quic.StreamErrorCode) {
	stream.CancelRead(code)
	stream.CancelWrite(code)
}
