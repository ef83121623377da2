package epp

import (
	"context"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// Registry is what this front door needs of its node.
type Registry interface {
	// Execute hands a typed command to the log and waits until this node's replica has applied it. The error
	// is fsm.ErrNotLogged or fsm.ErrOutcomeUnknown; without one the result holds whatever came of it.
	Execute(ctx context.Context, req Request) (registry.Result, registry.CommandID, error)
	// View reads at a level; after is the session's last write index, for fsm.Session. The error is fsm.ErrUnavailable, or fn's own.
	View(ctx context.Context, level fsm.Level, after uint64, fn func(fsm.View) error) error
	// NextID is a svTRID for a command that enters no log (RFC 5730 §2.6).
	NextID() string
	// Seal encrypts authInfo for keeping in the state; Open undoes it.
	Seal(plain []byte) ([]byte, error)
	Open(sealed []byte) ([]byte, error)
}

// Request is a command for the log.
type Request struct {
	Actor  registry.Actor
	ClTRID string
	Kind   registry.Kind
	Body   any // of the Kind's type
}
