package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
	"github.com/quic-go/quic-go"
)

// Transport is a node's end of the connections between nodes. All methods are safe for concurrent use.
type Transport struct {
	config     Config
	boot       string // this process's boot id
	socket     *net.UDPConn
	quic       *quic.Transport
	quicConfig *quic.Config
	listener   *quic.Listener
	raft       *raftLayer

	ctx     context.Context // ends when the transport is closed
	cancel  context.CancelFunc
	loops   sync.WaitGroup // the accept loop, the dials and the sessions: all end soon after ctx
	loopsMu sync.Mutex     // orders start against Close; nothing else is locked while it is held
	closing atomic.Bool
	serving gate // requests being served

	handlers methods[Handler]
	bulk     methods[BulkHandler]

	mu       sync.Mutex             // a link's own mutex may be taken while it is held, not the other way round
	links    map[linkKey]*link      // connections that this node dialled
	sessions map[linkKey]*quic.Conn // connections that peers dialled
	claims   map[string]claim       // the processes that those came from, by node
	failures map[string]failure     // the last thing that went wrong with each peer

	handshakes atomic.Int64 // inbound handshakes not finished
	counters   counters
	notices    notices
}

// linkKey names one of the connections with a peer.
type linkKey struct {
	peer     string
	protocol Protocol
}

// New opens the node's UDP socket and begins to accept connections. A certificate that peers would refuse (expired, of another
// cluster, of another node) is an error here already. Methods should be registered before peers learn of the node; until then they are
// answered CodeNoMethod.
func New(config Config) (*Transport, error) {
	t, err := open(config)
	if err != nil {
		return nil, fmt.Errorf("transport of node %s: %w", config.NodeID, err)
	}
	return t, nil
}

func open(config Config) (*Transport, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	t := &Transport{
		config:     config,
		boot:       newBoot(),
		quicConfig: config.quic(),
		links:      make(map[linkKey]*link),
		sessions:   make(map[linkKey]*quic.Conn),
		claims:     make(map[string]claim),
		failures:   make(map[string]failure),
		notices:    notices{logger: config.Logger},
	}
	cert, err := t.checkCertificate()
	if err != nil {
		return nil, fmt.Errorf("this node's own certificate: %w", err)
	}
	t.socket, err = listenUDP(config.Listen, config.Logger)
	if err != nil {
		return nil, err
	}
	t.quic = &quic.Transport{
		Conn:                t.socket,
		StatelessResetKey:   resetKey(cert),
		VerifySourceAddress: func(net.Addr) bool { return t.handshakes.Load() >= retryHandshakes },
		ConnContext:         t.handshakeBegins,
	}
	t.listener, err = t.quic.Listen(t.serverTLS(), t.quicConfig)
	if err != nil {
		return nil, errors.Join(err, t.socket.Close())
	}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	t.raft = newRaftLayer(t)
	t.loops.Go(t.accept)
	return t, nil
}

// Addr is the UDP address that the transport listens on.
func (t *Transport) Addr() net.Addr { return t.socket.LocalAddr() }

// Raft is the stream layer for raft.NewNetworkTransport. There is one: after its Close it stays closed.
//
// Addresses are node ids, its own Addr included. A stream becomes visible to the peer, and is accepted there, with its first write: raft's
// dialling side always speaks first. A read or write that exceeds its deadline closes the whole QUIC connection to that peer, and with it
// the other raft streams: they would sit out the same congestion back-off, a new connection doesn't.
func (t *Transport) Raft() raft.StreamLayer { return t.raft }

// Close stops accepting connections and requests, waits for the requests being served (at most Config.CloseTimeout), then closes all
// connections and the socket. It returns the socket's error, if any. Further calls do nothing.
func (t *Transport) Close() error {
	if t.closing.Swap(true) {
		return nil
	}
	timeout := time.NewTimer(t.config.CloseTimeout)
	defer timeout.Stop()
	select {
	case <-t.serving.close():
		t.linger(timeout.C)
	case <-timeout.C:
		t.config.Logger.Warn("closing the transport with requests still being served", "after", t.config.CloseTimeout)
	}
	_ = t.raft.Close()
	t.loopsMu.Lock() // no loop is added once the wait for them has begun
	t.cancel()
	t.loopsMu.Unlock()
	_ = t.listener.Close() // always nil
	t.closeConnections(closeShutdown, "shutting down", func(linkKey) bool { return true })
	err := errors.Join(t.quic.Close(), t.socket.Close())
	t.loops.Wait()
	return err
}

// linger waits for as long as the last replies may need to reach the peers, or until timeout: closing a QUIC connection discards what is
// still to be sent, and quic-go doesn't tell what that is.
func (t *Transport) linger(timeout <-chan time.Time) {
	var longest time.Duration
	t.mu.Lock()
	for _, conn := range t.sessions {
		longest = max(longest, 2*conn.ConnectionStats().SmoothedRTT+lingerMargin)
	}
	t.mu.Unlock()
	select {
	case <-time.After(longest):
	case <-timeout:
	}
}

// Disconnect closes all connections with a node and forgets what is known of it: to be called when it ceases to be a member or moves to
// another address.
func (t *Transport) Disconnect(nodeID string) {
	t.closeConnections(closeRemoved, "disconnected", func(key linkKey) bool { return key.peer == nodeID })
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.failures, nodeID)
	delete(t.claims, nodeID)
}

// closeConnections closes the connections that match, in both directions.
func (t *Transport) closeConnections(code quic.ApplicationErrorCode, why string, match func(linkKey) bool) {
	var conns []*quic.Conn
	t.mu.Lock()
	for key, l := range t.links {
		if conn := l.current(); conn != nil && match(key) {
			conns = append(conns, conn)
		}
	}
	for key, conn := range t.sessions {
		if match(key) {
			conns = append(conns, conn)
		}
	}
	t.mu.Unlock()
	for _, conn := range conns {
		_ = conn.CloseWithError(code, why) // always nil
	}
}

// gate counts what is going on and can be shut. Its zero value is open.
type gate struct {
	mu    sync.Mutex
	count int
	shut  bool
	idle  chan struct{}
}

// enter reports whether the gate is open; if so, leave must follow.
func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.shut {
		return false
	}
	g.count++
	return true
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.count--
	if g.shut && g.count == 0 {
		close(g.idle)
	}
}

// close shuts the gate and returns a channel that is closed when the last has left. It may be called once.
func (g *gate) close() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut, g.idle = true, make(chan struct{})
	if g.count == 0 {
		close(g.idle)
	}
	return g.idle
}
