package consensus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing/iotest"
	"time"

	"github.com/hashicorp/raft"

	"quorate/transport"
)

// noticed is when a connection over which nothing comes back is given up: as in package transport.
const noticed = time.Second

// network joins the processes of a simulation. Each direction between two nodes is a line of its own.
type network struct {
	mu    sync.Mutex
	rng   *rand.Rand
	ports map[string]*port // of the process that runs as a node, if one does
	lines map[[2]string]*line
}

// line is one direction between two nodes.
type line struct {
	delay, jitter time.Duration
	loss          float64 // the share of messages that are lost for good, and their connection with them
	cut           bool
	mute          bool // answers to commands are lost
}

func newNetwork(rng *rand.Rand, ids []string) *network {
	n := &network{rng: rng, ports: map[string]*port{}, lines: map[[2]string]*line{}}
	for _, from := range ids {
		for _, to := range ids {
			n.lines[[2]string{from, to}] = &line{}
		}
	}
	return n
}

// set changes the line from one node to another.
func (n *network) set(from, to string, change func(*line)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change(n.lines[[2]string{from, to}])
}

// all changes every line.
func (n *network) all(change func(*line)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, l := range n.lines {
		change(l)
	}
}

// coin is true once in so many times.
func (n *network) coin(oneIn int) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.rng.IntN(oneIn) == 0
}

// travel is how long a message that is sent now is under way; ok is false if it never arrives.
func (n *network) travel(from, to string) (d time.Duration, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := n.lines[[2]string{from, to}]
	d = l.delay
	if l.jitter > 0 {
		d += time.Duration(n.rng.Int64N(int64(l.jitter)))
	}
	return d, !l.cut && (l.loss == 0 || n.rng.Float64() >= l.loss)
}

// mute says whether answers to commands are lost on a line.
func (n *network) mute(from, to string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.lines[[2]string{from, to}].mute
}

// arrive is the port that a message gets to; nil if its line was cut on the way, or nobody is there.
func (n *network) arrive(from, to string) *port {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.lines[[2]string{from, to}].cut {
		return nil
	}
	return n.ports[to]
}

// open gives a process its port.
func (n *network) open(id string) *port {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := &port{network: n, id: id, gone: make(chan struct{}), handlers: map[string]transport.Handler{}, requests: make(chan raft.RPC)}
	n.ports[id] = p
	return p
}

// port is a process's end of the network: its raft.Transport and its Network.
type port struct {
	network  *network
	id       string
	gone     chan struct{} // closed when the process has died
	silent   atomic.Bool   // sends nothing of raft's
	requests chan raft.RPC

	mu        sync.Mutex
	handlers  map[string]transport.Handler
	heartbeat func(raft.RPC)
}

// close takes the port from the network: nothing goes in or out any more, whatever its process still does.
func (p *port) close() {
	p.network.mu.Lock()
	defer p.network.mu.Unlock()
	close(p.gone)
	if p.network.ports[p.id] == p {
		delete(p.network.ports, p.id)
	}
}

func (p *port) dead() bool {
	select {
	case <-p.gone:
		return true
	default:
		return false
	}
}

// Handle implements Network.
func (p *port) Handle(method string, h transport.Handler) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.handlers[method] = h
}

func (p *port) handler(method string) transport.Handler {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.handlers[method]
}

type answer struct {
	body []byte
	err  error
}

// Call implements Network, with the errors of transport.Transport.
func (p *port) Call(ctx context.Context, node, method string, request []byte) ([]byte, error) {
	if p.dead() {
		return nil, fmt.Errorf("%w: %w", transport.ErrUnreachable, transport.ErrClosed)
	}
	got := make(chan answer, 1)
	go func() { got <- p.call(ctx, node, method, request) }()
	select {
	case a := <-got:
		return a.body, a.err
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", transport.ErrInterrupted, ctx.Err())
	case <-p.gone:
		return nil, fmt.Errorf("%w: %w", transport.ErrInterrupted, transport.ErrClosed)
	}
}

func (p *port) call(ctx context.Context, node, method string, request []byte) answer {
	away, ok := p.network.travel(p.id, node)
	if !ok {
		// The caller can't tell a connection that could not be had from a request that was lost on it, unless it was the former.
		time.Sleep(noticed)
		if p.network.coin(2) {
			return answer{err: transport.ErrUnreachable}
		}
		return answer{err: transport.ErrInterrupted}
	}
	time.Sleep(away)
	to := p.network.arrive(p.id, node)
	if to == nil {
		time.Sleep(away) // a reset comes back
		return answer{err: transport.ErrUnreachable}
	}
	handler := to.handler(method)
	if handler == nil {
		return answer{err: transport.ErrUnreachable}
	}
	serving, cancel := context.WithCancel(context.Background())
	if deadline, ok := ctx.Deadline(); ok {
		serving, cancel = context.WithDeadline(context.Background(), deadline.Add(away))
	}
	defer cancel()
	defer context.AfterFunc(ctx, func() { // the caller's giving up travels too
		time.Sleep(away)
		cancel()
	})()
	body, err := handler(serving, p.id, request)
	back, ok := p.network.travel(node, p.id)
	if !ok || to.dead() || method == methodPropose && p.network.mute(node, p.id) {
		time.Sleep(noticed)
		return answer{err: transport.ErrInterrupted}
	}
	time.Sleep(back)
	if err != nil {
		err = &transport.RemoteError{Peer: node, Message: err.Error()}
	}
	return answer{body, err}
}

// Consumer implements raft.Transport.
func (p *port) Consumer() <-chan raft.RPC { return p.requests }

// LocalAddr implements raft.Transport.
func (p *port) LocalAddr() raft.ServerAddress { return raft.ServerAddress(p.id) }

// EncodePeer implements raft.Transport.
func (p *port) EncodePeer(_ raft.ServerID, a raft.ServerAddress) []byte { return []byte(a) }

// DecodePeer implements raft.Transport.
func (p *port) DecodePeer(b []byte) raft.ServerAddress { return raft.ServerAddress(b) }

// SetHeartbeatHandler implements raft.Transport.
func (p *port) SetHeartbeatHandler(fn func(raft.RPC)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heartbeat = fn
}

// AppendEntries implements raft.Transport.
func (p *port) AppendEntries(_ raft.ServerID, to raft.ServerAddress, args *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) error {
	return exchange(p, to, args, nil, resp)
}

// RequestVote implements raft.Transport.
func (p *port) RequestVote(_ raft.ServerID, to raft.ServerAddress, args *raft.RequestVoteRequest, resp *raft.RequestVoteResponse) error {
	return exchange(p, to, args, nil, resp)
}

// RequestPreVote implements raft.WithPreVote.
func (p *port) RequestPreVote(_ raft.ServerID, to raft.ServerAddress, args *raft.RequestPreVoteRequest, resp *raft.RequestPreVoteResponse) error {
	return exchange(p, to, args, nil, resp)
}

// TimeoutNow implements raft.Transport.
func (p *port) TimeoutNow(_ raft.ServerID, to raft.ServerAddress, args *raft.TimeoutNowRequest, resp *raft.TimeoutNowResponse) error {
	return exchange(p, to, args, nil, resp)
}

// InstallSnapshot implements raft.Transport. Now and then the copy breaks off on the way.
func (p *port) InstallSnapshot(_ raft.ServerID, to raft.ServerAddress, args *raft.InstallSnapshotRequest, resp *raft.InstallSnapshotResponse, data io.Reader) error {
	if p.network.coin(4) {
		data = io.MultiReader(io.LimitReader(data, args.Size/2), iotest.ErrReader(errBroken))
	}
	return exchange(p, to, args, data, resp)
}

var errBroken = errors.New("the connection is lost")

// exchange is one of raft's requests and its answer.
func exchange[R any](p *port, to raft.ServerAddress, command any, data io.Reader, into *R) error {
	if p.silent.Load() || p.dead() {
		return errBroken
	}
	deadline := time.Now().Add(noticed)
	away, ok := p.network.travel(p.id, string(to))
	if !ok {
		time.Sleep(noticed)
		return errBroken
	}
	time.Sleep(away)
	at := p.network.arrive(p.id, string(to))
	if at == nil {
		time.Sleep(away)
		return errBroken
	}
	got, ok := at.deliver(command, data, deadline)
	if !ok {
		time.Sleep(time.Until(deadline))
		return errBroken
	}
	response, ok := at.wait(got, p, deadline)
	back, arrives := p.network.travel(string(to), p.id)
	if !ok || !arrives {
		time.Sleep(time.Until(deadline))
		return errBroken
	}
	time.Sleep(back)
	if response.Error != nil {
		return response.Error
	}
	*into = *response.Response.(*R)
	return nil
}

// deliver hands a request to this process's raft. Heartbeats go past the queue, as in raft.NetworkTransport.
func (p *port) deliver(command any, data io.Reader, deadline time.Time) (<-chan raft.RPCResponse, bool) {
	got := make(chan raft.RPCResponse, 1)
	rpc := raft.RPC{Command: command, Reader: data, RespChan: got}
	if a, ok := command.(*raft.AppendEntriesRequest); ok && a.PrevLogEntry == 0 && len(a.Entries) == 0 && a.LeaderCommitIndex == 0 {
		p.mu.Lock()
		heartbeat := p.heartbeat
		p.mu.Unlock()
		if heartbeat != nil {
			go heartbeat(rpc) // it waits for the disk when the term is new to it
			return got, true
		}
	}
	select {
	case p.requests <- rpc:
		return got, true
	default:
	}
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case p.requests <- rpc:
		return got, true
	case <-p.gone:
	case <-timer.C:
	}
	return nil, false
}

// wait is for the answer to what was delivered, unless either process dies.
func (p *port) wait(got <-chan raft.RPCResponse, from *port, deadline time.Time) (r raft.RPCResponse, ok bool) {
	select {
	case r := <-got:
		return r, !p.dead()
	default:
	}
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	select {
	case r := <-got:
		return r, !p.dead()
	case <-p.gone:
	case <-from.gone:
	case <-timer.C:
	}
	return r, false
}

// pipeline implements raft.AppendPipeline: requests arrive in order, and the next is sent before the last is answered.
type pipeline struct {
	port   *port
	to     string
	away   chan *flight
	back   chan *flight
	done   chan raft.AppendFuture
	closed chan struct{}
	once   sync.Once
}

// flight is a request in a pipeline; it implements raft.AppendFuture.
type flight struct {
	began    time.Time
	args     *raft.AppendEntriesRequest
	response *raft.AppendEntriesResponse
	at       *port
	got      <-chan raft.RPCResponse
	err      error
	ended    chan struct{}
}

func (f *flight) Error() error                          { <-f.ended; return f.err }
func (f *flight) Start() time.Time                      { return f.began }
func (f *flight) Request() *raft.AppendEntriesRequest   { return f.args }
func (f *flight) Response() *raft.AppendEntriesResponse { return f.response }

// AppendEntriesPipeline implements raft.Transport.
func (p *port) AppendEntriesPipeline(_ raft.ServerID, to raft.ServerAddress) (raft.AppendPipeline, error) {
	if p.silent.Load() || p.network.arrive(p.id, string(to)) == nil {
		return nil, errBroken
	}
	l := &pipeline{port: p, to: string(to), away: make(chan *flight, 1), back: make(chan *flight), done: make(chan raft.AppendFuture, 16), closed: make(chan struct{})}
	go l.carry()
	go l.answer()
	return l, nil
}

func (l *pipeline) AppendEntries(args *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) (raft.AppendFuture, error) {
	f := &flight{began: time.Now(), args: args, response: resp, ended: make(chan struct{})}
	if l.port.silent.Load() {
		return nil, errBroken
	}
	select {
	case l.away <- f:
		return f, nil
	case <-l.closed:
	case <-l.port.gone:
	}
	return nil, errBroken
}

func (l *pipeline) Consumer() <-chan raft.AppendFuture { return l.done }

func (l *pipeline) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// carry takes requests to the other end. After one that is lost, none arrives.
func (l *pipeline) carry() {
	broken := false
	for {
		var f *flight
		select {
		case f = <-l.away:
		case <-l.closed:
			return
		}
		d, ok := l.port.network.travel(l.port.id, l.to)
		time.Sleep(time.Until(f.began.Add(d)))
		if f.at = l.port.network.arrive(l.port.id, l.to); f.at == nil || !ok {
			broken = true
		}
		if !broken {
			f.got, ok = f.at.deliver(f.args, nil, f.began.Add(noticed))
			broken = !ok
		}
		select {
		case l.back <- f:
		case <-l.closed:
			return
		}
	}
}

// answer takes the answers back.
func (l *pipeline) answer() {
	broken := false
	for {
		var f *flight
		select {
		case f = <-l.back:
		case <-l.closed:
			return
		}
		var r raft.RPCResponse
		ok := f.got != nil && !broken
		if ok {
			r, ok = f.at.wait(f.got, l.port, f.began.Add(noticed))
		}
		d, arrives := l.port.network.travel(l.to, l.port.id)
		switch {
		case !ok || !arrives:
			broken = true
			time.Sleep(time.Until(f.began.Add(noticed)))
			f.err = errBroken
		default:
			time.Sleep(d)
			if f.err = r.Error; f.err == nil {
				*f.response = *r.Response.(*raft.AppendEntriesResponse)
			}
		}
		close(f.ended)
		select {
		case l.done <- f:
		case <-l.closed:
			return
		}
	}
}
