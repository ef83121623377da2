package node

import (
	"errors"
	"net"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// gatedLayer keeps raft from sending while it is closed: a leader that can't
// write must not keep its followers waiting with heartbeats.
type gatedLayer struct {
	raft.StreamLayer
	closed atomic.Bool
}

var errGate = errors.New("this node is silent: its disk is stalled")

// Dial implements raft.StreamLayer.
func (g *gatedLayer) Dial(node raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	if g.closed.Load() {
		return nil, errGate
	}
	c, err := g.StreamLayer.Dial(node, timeout)
	if err != nil {
		return nil, err
	}
	return gatedConn{c, g}, nil
}

// gatedConn is a connection that this node dialled: what it sends is its own, not answers.
type gatedConn struct {
	net.Conn
	gate *gatedLayer
}

func (c gatedConn) Write(b []byte) (int, error) {
	if c.gate.closed.Load() {
		return 0, errGate
	}
	return c.Conn.Write(b)
}
