package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"

	"github.com/quic-go/quic-go"
)

// Every error of Call, OpenBulk and of a bulk reader is one of three things, and a caller must tell them apart: after ErrUnreachable
// it may try elsewhere with a clear conscience, after ErrInterrupted only with a request that is safe to repeat, and otherwise it has
// a handler's answer, a *RemoteError that wraps neither.
var (
	// ErrUnreachable means that the request certainly never reached a handler.
	ErrUnreachable = errors.New("peer unreachable")

	// ErrInterrupted means that the request was sent and its outcome is unknown: a handler may have run, wholly, partly or not at all.
	ErrInterrupted = errors.New("interrupted, outcome unknown")

	// ErrClosed means that this Transport has been closed. Where Call returns it, it wraps ErrUnreachable too.
	ErrClosed = errors.New("transport closed")
)

// The codes that the transport itself puts into a RemoteError. Handlers' codes should not begin with "transport.".
const (
	// No handler ran; the error wraps ErrUnreachable.
	CodeBusy      = "transport.busy"      // too many requests, or bytes of requests, from this node
	CodeClosing   = "transport.closing"   // the peer is shutting down
	CodeNoMethod  = "transport.no-method" // nothing is registered under the method's name
	CodeTooLarge  = "transport.too-large" // the request is over MaxMessage
	CodeMalformed = "transport.malformed" // the peer couldn't read the request
	CodeExpired   = "transport.expired"   // the request took too long to arrive

	// A handler ran; the error wraps ErrInterrupted.
	CodePanic         = "transport.panic"           // the handler panicked
	CodeReplyTooLarge = "transport.reply-too-large" // its reply is over MaxMessage
)

// RemoteError is an error that a peer returned.
type RemoteError struct {
	Peer    string // node id
	Code    string // a handler's own (see CodedError), one of the Code constants, or empty
	Message string // the text of the handler's error, at most MaxErrorMessage bytes

	outcome error // ErrUnreachable or ErrInterrupted when the transport failed the request, nil when a handler did
}

// Error says who, what and why.
func (e *RemoteError) Error() string {
	switch {
	case e.Code == "":
		return e.Peer + ": " + e.Message
	case e.Message == "":
		return e.Peer + ": " + e.Code
	}
	return e.Peer + ": " + e.Code + ": " + e.Message
}

// Unwrap is ErrUnreachable, ErrInterrupted, or nil when a handler answered.
func (e *RemoteError) Unwrap() error { return e.outcome }

// CodedError is what a handler returns when its caller must tell errors apart: the code arrives in RemoteError.Code.
type CodedError struct {
	Code string // at most MaxErrorCode bytes; longer ones are cut
	Err  error
}

// Error is the text of the error inside.
func (e *CodedError) Error() string { return e.Err.Error() }

// Unwrap is the error inside.
func (e *CodedError) Unwrap() error { return e.Err }

// The application error codes with which connections are closed (RFC 9000 §20.2). They explain; nothing is decided on them.
const (
	closeShutdown quic.ApplicationErrorCode = iota + 1
	closeTimeout
	closeReplaced
	closeRemoved
	closeExpired
)

// The codes with which streams are reset. All but resetAbandoned are the serving side's, and promise that no handler ran or will run.
const (
	resetAbandoned quic.StreamErrorCode = iota + 1 // the caller gave up, or a bulk transfer broke off
	resetBusy
	resetClosing
	resetNoMethod
	resetTooLarge
	resetMalformed
	resetExpired
)

var refusalCodes = map[quic.StreamErrorCode]string{
	resetBusy:      CodeBusy,
	resetClosing:   CodeClosing,
	resetNoMethod:  CodeNoMethod,
	resetTooLarge:  CodeTooLarge,
	resetMalformed: CodeMalformed,
	resetExpired:   CodeExpired,
}

// classify turns what went wrong with a stream to a peer into the errors that this package promises. Sent tells whether the request
// had gone out whole: serving sides start no handler before its end has arrived.
func classify(ctx context.Context, peer string, err error, sent bool) error {
	if stream, ok := errors.AsType[*quic.StreamError](err); ok && stream.Remote {
		if code, ok := refusalCodes[stream.ErrorCode]; ok {
			return &RemoteError{Peer: peer, Code: code, outcome: ErrUnreachable}
		}
	}
	if refused := refusedByPeer(err); refused != "" {
		return fmt.Errorf("%w: %w", ErrUnreachable, &RefusedError{Peer: peer, Reason: refused, ByPeer: true})
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	// The stream's own error is then merely "cancelled": say why.
	if cause := ctx.Err(); cause != nil {
		err = cause
	}
	if !sent {
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return fmt.Errorf("%w: %w", ErrInterrupted, err)
}

// refusedByPeer is the reason if err says that the peer refused our side of the handshake, else empty. In TLS 1.3 a client has
// finished before the server looks at its certificate, so this can come back on a connection that was up already; the server has then read
// nothing of what was sent on it. Only alerts that nothing but a certificate check sends are taken.
func refusedByPeer(err error) Reason {
	transportErr, ok := errors.AsType[*quic.TransportError](err)
	if !ok || !transportErr.Remote || !transportErr.ErrorCode.IsCryptoError() {
		return ""
	}
	return alertReason(tls.AlertError(transportErr.ErrorCode - 0x100))
}
