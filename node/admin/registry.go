package admin

import (
	"context"
	"log/slog"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// Registry is what the admin API needs of its node. Its methods are called by many goroutines.
type Registry interface {
	// Execute hands a command to the log and waits until this node has applied it; body is of the kind's type. err is
	// fsm.ErrNotLogged or fsm.ErrOutcomeUnknown; otherwise the result holds what came of it.
	Execute(ctx context.Context, actor registry.Actor, clTRID string, kind registry.Kind, body any) (registry.Result, registry.CommandID, error)
	// View reads at a level; after is the least index to read at for fsm.Session. err is fsm.ErrUnavailable or fn's.
	View(ctx context.Context, level fsm.Level, after uint64, fn func(fsm.View) error) error
	// Status is what the node knows of itself and the cluster, with or without a leader.
	Status(ctx context.Context) (Status, error)
	// Levels is the cluster's level, read linearizably, and what each member says that its binary reads.
	Levels(ctx context.Context) (level registry.Level, members []MemberLevel, err error)
	// Digest is the state's digest right after the entry at index; ok is false when that is too long ago or yet to come.
	Digest(index uint64) (digest string, ok bool)
	// Troubles are what the leader can't do for a zone though it has tried again and again. err says why it can't be asked.
	Troubles(ctx context.Context, zone string) ([]Trouble, error)
	// TransferLeadership asks the leader to hand over to another voter, and returns when that has happened.
	TransferLeadership(ctx context.Context) error
}

// Config is what the API is made of. All fields are required.
type Config struct {
	Cluster  string // the cluster's name: operators of others are refused
	Registry Registry
	Hash     func(password string) (string, error) // makes the PHC string that EPP's login verifies (argon2id)
	Secrets  Secrets
	Keys     Keys // zones' private keys
	Log      *slog.Logger
}

// Secrets seals secrets for the state, which holds none in clear, and opens them again.
type Secrets interface {
	Seal(plain []byte) (sealed []byte, err error)
	Open(sealed []byte) (plain []byte, err error)
}
