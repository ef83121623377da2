package transport

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
)

// Handler serves one RPC from a peer. The context ends when the caller's does, when the caller gives up and when the connection is lost.
// The request is the handler's to keep. An error travels back as a *RemoteError; see CodedError.
type Handler func(ctx context.Context, peer string, request []byte) ([]byte, error)

// methods are the handlers of one kind by name. The zero value is empty.
type methods[H any] struct {
	mu     sync.RWMutex
	byName map[string]H
}

func (m *methods[H]) add(name string, h H) {
	validateMethod(name)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.byName == nil {
		m.byName = make(map[string]H)
	}
	if _, taken := m.byName[name]; taken {
		panic(fmt.Sprintf("transport: two handlers for method %q", name))
	}
	m.byName[name] = h
}

func (m *methods[H]) get(name string) (H, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	h, ok := m.byName[name]
	return h, ok
}

// Handle registers the handler of a method. It panics if the name is taken, empty or longer than MaxMethod: names are constants.
func (t *Transport) Handle(method string, h Handler) { t.handlers.add(method, h) }

// Call sends a request to a peer and returns its reply. The context's deadline goes with it. There is no retry. Every error wraps
// ErrUnreachable (no handler ran), or ErrInterrupted (one may have), or is a *RemoteError that wraps neither: what the handler returned.
//
// A call that runs out of time closes the connection if nothing at all came from the peer meanwhile; the next call dials anew. A peer
// that is merely slow keeps its connection: other calls are under way on it.
func (t *Transport) Call(ctx context.Context, nodeID, method string, request []byte) ([]byte, error) {
	t.counters.calls.Add(1)
	answer, err := t.call(ctx, nodeID, method, request)
	if err != nil {
		switch {
		case errors.Is(err, ErrUnreachable):
			t.counters.unreachable.Add(1)
		case errors.Is(err, ErrInterrupted):
			t.counters.interrupted.Add(1)
		}
		return nil, fmt.Errorf("call %s on %s: %w", method, nodeID, err)
	}
	return answer, nil
}

func (t *Transport) call(ctx context.Context, peer, method string, body []byte) ([]byte, error) {
	x, err := t.send(ctx, peer, ProtocolRPC, method, body)
	if err != nil {
		return nil, err
	}
	defer x.release()
	answer, err := readReply(x.stream)
	if err == nil {
		if end := readEnd(x.stream); errors.Is(end, errMalformed) {
			err = end
		}
	}
	if err != nil {
		return nil, x.failed(err)
	}
	return answer.result(peer)
}

// result is what a reply means to the caller.
func (r reply) result(peer string) ([]byte, error) {
	switch r.status {
	case statusOK:
		return r.body, nil
	case statusError:
		return nil, &RemoteError{Peer: peer, Code: r.code, Message: string(r.body)}
	default:
		return nil, &RemoteError{Peer: peer, Code: r.code, Message: string(r.body), outcome: ErrInterrupted}
	}
}

// exchange is a request that this node has sent and the stream on which its answer comes.
type exchange struct {
	ctx     context.Context
	peer    string
	conn    *quic.Conn
	stream  *quic.Stream
	heard   uint64 // packets received on the connection before the request went out
	sent    bool   // the whole request has gone out
	release func() // ends the watch over ctx
}

// send opens a stream and sends a request on it. Its errors are Call's.
func (t *Transport) send(ctx context.Context, peer string, p Protocol, method string, body []byte) (*exchange, error) {
	if method == "" || len(method) > MaxMethod || len(body) > MaxMessage {
		return nil, fmt.Errorf("%w: %w: a method name of %d and a request of %d bytes; allowed are %d and %d",
			ErrUnreachable, errTooLarge, len(method), len(body), MaxMethod, MaxMessage)
	}
	if t.closing.Load() {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, ErrClosed)
	}
	conn, stream, err := t.openStream(ctx, peer, p)
	if err != nil {
		return nil, err
	}
	x := &exchange{ctx: ctx, peer: peer, conn: conn, stream: stream, heard: conn.ConnectionStats().PacketsReceived}
	stop := context.AfterFunc(ctx, func() { reset(stream, resetAbandoned) })
	x.release = func() { stop() }

	message := request{method: method, body: body}
	if deadline, ok := ctx.Deadline(); ok {
		message.budget = max(time.Until(deadline), time.Millisecond)
	}
	if _, err := stream.Write(appendRequest(nil, message)); err != nil {
		defer x.release()
		return nil, x.failed(err)
	}
	// Close fails if the stream has been reset meanwhile; reading will then say by whom.
	x.sent = stream.Close() == nil
	return x, nil
}

// failed gives the exchange up and returns the error for the caller.
func (x *exchange) failed(err error) error {
	if errors.Is(x.ctx.Err(), context.DeadlineExceeded) && x.conn.ConnectionStats().PacketsReceived == x.heard {
		_ = x.conn.CloseWithError(closeTimeout, "a call timed out in silence") // always nil
	}
	reset(x.stream, resetAbandoned)
	return classify(x.ctx, x.peer, err, x.sent)
}

// serveCall serves one RPC.
func (s *session) serveCall(stream *quic.Stream) {
	r, done, ok := s.receive(stream)
	if !ok {
		return
	}
	defer done()
	handler, ok := s.t.handlers.get(r.method)
	if !ok {
		reset(stream, resetNoMethod)
		return
	}
	s.t.counters.served.Add(1)
	ctx, cancel := r.context(stream)
	defer cancel()
	var outcome reply
	body, err := s.guard(r.method, func() ([]byte, error) { return handler(ctx, s.peer, r.body) })
	switch {
	case err != nil:
		outcome = errorReply(err)
	case len(body) > MaxMessage:
		outcome = reply{status: statusFailed, code: CodeReplyTooLarge, body: fmt.Appendf(nil, "%d bytes", len(body))}
	default:
		outcome = reply{body: body}
	}
	answer(stream, appendReply(nil, outcome))
}

// receive reads a request. If it says yes, done must be called when the request has been served; else the stream has been reset.
func (s *session) receive(stream *quic.Stream) (r request, done func(), ok bool) {
	if !s.t.serving.enter() {
		reset(stream, resetClosing)
		return request{}, nil, false
	}
	var reserved int64
	done = func() {
		s.bytes.Add(-reserved)
		s.t.serving.leave()
	}
	_ = stream.SetReadDeadline(time.Now().Add(messageTimeout)) // always nil
	r, err := readRequest(stream, func(n int) bool {
		reserved = int64(n)
		return s.bytes.Add(reserved) <= maxRequestBytesPerPeer
	})
	if err != nil {
		done()
		if errors.Is(err, errBusy) {
			s.t.counters.busy.Add(1)
		}
		reset(stream, refusalFor(err))
		return request{}, nil, false
	}
	return r, done, true
}

func refusalFor(err error) quic.StreamErrorCode {
	switch {
	case errors.Is(err, errBusy):
		return resetBusy
	case errors.Is(err, errTooLarge):
		return resetTooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		return resetExpired
	default:
		return resetMalformed
	}
}

// context is the context to serve the request in. The stream's ends when the peer gives the stream up or the connection is lost.
func (r request) context(stream *quic.Stream) (context.Context, context.CancelFunc) {
	if r.budget > 0 {
		return context.WithTimeout(stream.Context(), r.budget)
	}
	return context.WithCancel(stream.Context())
}

// errPanic stands for a handler that panicked.
var errPanic = errors.New("the handler panicked")

// guard runs a handler. One that panics fails its request, not the node: whatever it serves is on every node, and so would the crash be.
func (s *session) guard(method string, handle func() ([]byte, error)) (body []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			s.t.config.Logger.Error("a handler panicked", "method", method, "peer", s.peer, "panic", p, "stack", string(debug.Stack()))
			body, err = nil, errPanic
		}
	}()
	return handle()
}

func errorReply(err error) reply {
	if errors.Is(err, errPanic) {
		return reply{status: statusFailed, code: CodePanic, body: []byte(err.Error())}
	}
	r := reply{status: statusError, body: []byte(err.Error())}
	if coded, ok := errors.AsType[*CodedError](err); ok {
		r.code = coded.Code
	}
	return r
}

// answer writes the last bytes of a stream and ends it. If that fails the peer has given up or is gone: it knows.
func answer(stream *quic.Stream, message []byte) {
	_ = stream.SetWriteDeadline(time.Now().Add(messageTimeout)) // always nil
	if _, err := stream.Write(message); err != nil {
		reset(stream, resetAbandoned)
		return
	}
	_ = stream.Close() // an error says that the peer has reset the stream
}
