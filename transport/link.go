package transport

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
)

// link is the connection to one peer for one protocol, dialled when it is first needed and whenever it is needed again after it broke.
type link struct {
	mu   sync.Mutex
	conn *quic.Conn
	dial *dial // in progress, shared by all who wait for it
}

type dial struct {
	done chan struct{} // closed when conn or err is set
	conn *quic.Conn
	err  error
}

// current is the connection if it is up, else nil.
func (l *link) current() *quic.Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == nil || l.conn.Context().Err() != nil {
		return nil
	}
	return l.conn
}

// drop forgets a connection that has turned out to be broken.
func (l *link) drop(conn *quic.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == conn {
		l.conn = nil
	}
}

// openStream opens a stream to a peer, dialling if there is no connection. Its errors wrap ErrUnreachable: nothing has been sent.
func (t *Transport) openStream(ctx context.Context, peer string, p Protocol) (*quic.Conn, *quic.Stream, error) {
	// A connection can break between being found and being used: one more try, with a new one.
	var lastErr error
	for range 2 {
		conn, err := t.connect(ctx, peer, p)
		if err != nil {
			return nil, nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
		}
		stream, err := conn.OpenStream()
		if err == nil {
			return conn, stream, nil
		}
		if _, full := errors.AsType[quic.StreamLimitReachedError](err); full {
			return nil, nil, &RemoteError{Peer: peer, Code: CodeBusy, Message: "too many open streams to it", outcome: ErrUnreachable}
		}
		// Its streams end a moment before its context does, by which connect knows.
		t.link(peer, p).drop(conn)
		lastErr = err
	}
	return nil, nil, classify(ctx, peer, lastErr, false)
}

// connect returns the connection to a peer, dialling it if need be and waiting for that no longer than ctx.
func (t *Transport) connect(ctx context.Context, peer string, p Protocol) (*quic.Conn, error) {
	if peer == t.config.NodeID {
		return nil, fmt.Errorf("%s is this node itself", peer)
	}
	l := t.link(peer, p)
	l.mu.Lock()
	if l.conn != nil && l.conn.Context().Err() == nil {
		defer l.mu.Unlock()
		return l.conn, nil
	}
	d := l.dial
	if d == nil {
		d = &dial{done: make(chan struct{})}
		// The dial outlives a caller that gives up: the next one finds it further on, or done.
		if !t.start(func() { t.dial(l, d, peer, p) }) {
			l.mu.Unlock()
			return nil, ErrClosed
		}
		l.dial = d
	}
	l.mu.Unlock()
	select {
	case <-d.done:
		return d.conn, d.err
	case <-ctx.Done():
		return nil, fmt.Errorf("connect to %s: %w", peer, ctx.Err())
	}
}

func (t *Transport) link(peer string, p Protocol) *link {
	key := linkKey{peer, p}
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.links[key]
	if l == nil {
		l = &link{}
		t.links[key] = l
	}
	return l
}

// start runs f among the loops that Close waits for, unless the transport is closed.
func (t *Transport) start(f func()) bool {
	t.loopsMu.Lock()
	defer t.loopsMu.Unlock()
	if t.ctx.Err() != nil {
		return false
	}
	t.loops.Go(f)
	return true
}

func (t *Transport) dial(l *link, d *dial, peer string, p Protocol) {
	conn, err := t.handshake(peer, p)
	if err != nil {
		t.counters.dialFailures.Add(1)
		t.failed(peer, err)
		t.notices.log(slog.LevelWarn, "can't connect to a peer", peer+" "+string(p), "peer", peer, "protocol", string(p), "error", err)
	} else {
		t.counters.dials.Add(1)
		t.config.Logger.Info("connected to a peer", "peer", peer, "protocol", string(p), "remote", conn.RemoteAddr().String())
	}
	l.mu.Lock()
	l.conn, l.dial = conn, nil
	d.conn, d.err = conn, err
	close(d.done)
	l.mu.Unlock()
	if conn != nil {
		t.watch(conn, peer, p, "dialled")
	}
}

func (t *Transport) handshake(peer string, p Protocol) (*quic.Conn, error) {
	ctx, cancel := context.WithTimeout(t.ctx, t.config.DialTimeout)
	defer cancel()
	hostport, err := t.config.Resolver.Resolve(peer)
	if err != nil {
		return nil, fmt.Errorf("resolve node %s: %w", peer, err)
	}
	addr, err := lookup(ctx, hostport, t.socket.LocalAddr().(*net.UDPAddr))
	if err != nil {
		return nil, fmt.Errorf("address %q of node %s: %w", hostport, peer, err)
	}
	conn, err := t.quic.Dial(ctx, addr, t.clientTLS(peer, p), t.quicConfig)
	if err != nil {
		return nil, t.dialError(peer, addr, err)
	}
	return conn, nil
}

// dialError makes the error of a failed handshake say what it means.
func (t *Transport) dialError(peer string, addr net.Addr, err error) error {
	if refused, ok := errors.AsType[*RefusedError](err); ok {
		t.counters.refused(refused.Reason)
		return fmt.Errorf("connect to %s at %s: %w", peer, addr, refused)
	}
	if reason := refusedByPeer(err); reason != "" {
		t.refusedBy(peer, reason)
		return fmt.Errorf("connect to %s at %s: %w", peer, addr, &RefusedError{Peer: peer, Reason: reason, ByPeer: true})
	}
	switch {
	case t.ctx.Err() != nil:
		return ErrClosed
	case errors.Is(err, context.DeadlineExceeded):
		// Not the caller's deadline: don't let it look like that.
		err = fmt.Errorf("no answer within %s", t.config.DialTimeout)
	}
	return fmt.Errorf("connect to %s at %s: %w", peer, addr, err)
}

// refusedBy counts and tells that a peer refused this node.
func (t *Transport) refusedBy(peer string, reason Reason) {
	t.counters.refusedByPeer.Add(1)
	t.config.Refused(peer, reason)
}

// watch stays with a connection until it ends, ends it when the peer's certificate expires, and says why it ended.
func (t *Transport) watch(conn *quic.Conn, peer string, p Protocol, direction string) {
	_, _, expires, err := identity(conn)
	if err != nil {
		expires = time.Now() // can't be: the handshake has checked it
	}
	expiry := time.NewTimer(time.Until(expires))
	defer expiry.Stop()
	select {
	case <-conn.Context().Done():
	case <-expiry.C:
		_ = conn.CloseWithError(closeExpired, "the peer's certificate has expired") // always nil
	}
	if t.ctx.Err() != nil {
		return
	}
	cause := context.Cause(conn.Context())
	if reason := refusedByPeer(cause); reason != "" {
		t.refusedBy(peer, reason)
		cause = &RefusedError{Peer: peer, Reason: reason, ByPeer: true}
	}
	level := slog.LevelWarn
	if closed, ok := errors.AsType[*quic.ApplicationError](cause); ok && closed.ErrorCode != closeTimeout {
		level = slog.LevelInfo // one of the two nodes meant it
		if !closed.Remote && closed.ErrorCode != closeExpired {
			return
		}
	}
	t.counters.lost.Add(1)
	t.failed(peer, cause)
	t.notices.log(level, "lost the connection with a peer", "lost "+peer+" "+string(p)+" "+direction,
		"peer", peer, "protocol", string(p), "direction", direction, "error", cause)
}
