// Package rdds is what the two registration data directory services have in
// common: WHOIS (rdds/whois) and RDAP (rdds/rdap). Both answer from the local
// replica, never write, and go on without a quorum; every answer says how old it
// is, in log time.
package rdds

import (
	"context"
	"errors"
	"fmt"

	"quorate/fsm"
)

// Registry is what the services need of a node.
type Registry interface {
	// View calls fn with a state at the wanted level and of the index after or later. The services ask for
	// fsm.Local only. It fails with fsm.ErrUnavailable, with ctx's error, or with fn's.
	View(ctx context.Context, level fsm.Level, after uint64, fn func(fsm.View) error) error
}

// ErrClosed is returned by the Serve methods of a server after its Shutdown.
var ErrClosed = errors.New("rdds: the server is closed")

// errInvariant says that a replica's state contradicts itself.
var errInvariant = errors.New("the replica's state is broken")

// Read calls fn with this replica's newest applied state, for at most ReadTimeout. A panic in fn, by which
// the state says that one of its invariants is broken, becomes an error: it concerns one answer, and one
// broken object must not take the node's other services with it.
func Read(ctx context.Context, registry Registry, fn func(fsm.View) error) error {
	ctx, cancel := context.WithTimeout(ctx, ReadTimeout)
	defer cancel()
	return registry.View(ctx, fsm.Local, 0, func(v fsm.View) (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("%w: %v", errInvariant, p)
			}
		}()
		return fn(v)
	})
}
