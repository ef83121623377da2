package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/raft"
	"github.com/quic-go/quic-go"
)

// raftLayer is a raft.StreamLayer. See Transport.Raft.
type raftLayer struct {
	t        *Transport
	accepted chan net.Conn
	done     chan struct{}
	close    func()
}

func newRaftLayer(t *Transport) *raftLayer {
	l := &raftLayer{t: t, accepted: make(chan net.Conn), done: make(chan struct{})}
	l.close = sync.OnceFunc(func() { close(l.done) })
	return l
}

// nodeAddr is a node id as a net.Addr: raft takes the String of the layer's Addr for its own server address.
type nodeAddr string

func (a nodeAddr) Network() string { return "quorate" }
func (a nodeAddr) String() string  { return string(a) }

func (l *raftLayer) Addr() net.Addr { return nodeAddr(l.t.config.NodeID) }

func (l *raftLayer) Accept() (net.Conn, error) {
	select {
	case conn := <-l.accepted:
		return conn, nil
	case <-l.done:
		return nil, fmt.Errorf("raft stream layer: %w", net.ErrClosed)
	}
}

// Dial opens a stream to the node with the id given as address. A timeout of zero is Config.DialTimeout.
func (l *raftLayer) Dial(address raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	select {
	case <-l.done:
		return nil, fmt.Errorf("raft stream layer: %w", net.ErrClosed)
	default:
	}
	if timeout <= 0 {
		timeout = l.t.config.DialTimeout
	}
	ctx, cancel := context.WithTimeout(l.t.ctx, timeout)
	defer cancel()
	conn, stream, err := l.t.openStream(ctx, string(address), ProtocolRaft)
	if err != nil {
		return nil, fmt.Errorf("raft stream to %s: %w", address, err)
	}
	return newRaftConn(l.Addr(), nodeAddr(address), conn, stream), nil
}

// Close ends raft's streams and connections and leaves the rest of the transport alone.
func (l *raftLayer) Close() error {
	l.close()
	l.t.closeConnections(closeShutdown, "raft has stopped", func(key linkKey) bool { return key.protocol == ProtocolRaft })
	return nil
}

// serveRaft hands a stream to raft and stays until it is closed, to count it.
func (s *session) serveRaft(stream *quic.Stream) {
	layer := s.t.raft
	conn := newRaftConn(layer.Addr(), nodeAddr(s.peer), s.conn, stream)
	select {
	case layer.accepted <- conn:
	case <-layer.done:
		reset(stream, resetClosing)
		return
	case <-s.conn.Context().Done():
		return
	}
	select {
	case <-conn.done:
	case <-s.conn.Context().Done():
	}
}

// raftConn is a QUIC stream as a net.Conn.
type raftConn struct {
	stream        *quic.Stream
	conn          *quic.Conn
	local, remote nodeAddr
	writing       sync.Mutex // held by Write: quic-go's Close must not run beside it
	closing       sync.Once
	done          chan struct{}
}

func newRaftConn(local net.Addr, remote nodeAddr, conn *quic.Conn, stream *quic.Stream) *raftConn {
	return &raftConn{stream: stream, conn: conn, local: nodeAddr(local.String()), remote: remote, done: make(chan struct{})}
}

func (c *raftConn) Read(p []byte) (int, error) {
	n, err := c.stream.Read(p)
	return n, c.checkTimeout(err)
}

func (c *raftConn) Write(p []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	n, err := c.stream.Write(p)
	return n, c.checkTimeout(err)
}

// checkTimeout closes the QUIC connection after a time-out, so that the next stream gets a new one.
func (c *raftConn) checkTimeout(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		_ = c.conn.CloseWithError(closeTimeout, "a raft stream timed out") // always nil
	}
	return err
}

// Close ends the stream in both directions. What was written before is still delivered, unless a Write is blocked at this moment: that
// is cut off.
func (c *raftConn) Close() error {
	c.closing.Do(func() {
		c.stream.CancelRead(resetAbandoned)
		if c.writing.TryLock() {
			_ = c.stream.Close() // an error says that the peer has reset the stream: closed is closed
			c.writing.Unlock()
		} else {
			c.stream.CancelWrite(resetAbandoned)
		}
		close(c.done)
	})
	return nil
}

func (c *raftConn) LocalAddr() net.Addr                { return c.local }
func (c *raftConn) RemoteAddr() net.Addr               { return c.remote }
func (c *raftConn) SetDeadline(t time.Time) error      { return c.stream.SetDeadline(t) }
func (c *raftConn) SetReadDeadline(t time.Time) error  { return c.stream.SetReadDeadline(t) }
func (c *raftConn) SetWriteDeadline(t time.Time) error { return c.stream.SetWriteDeadline(t) }
