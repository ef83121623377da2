package fsm

import "errors"

// Level is how fresh a read must be (docs/ARCHITECTURE.md, "The way of a read").
type Level uint8

// The levels, by rising cost.
const (
	Local        Level = iota // what this replica has applied
	Session                   // at least a given index: the session's last write
	Linearizable              // everything acknowledged anywhere before the read began
)

// What a front door hears when a command or read has no result. Any other
// outcome is a registry.Result, whatever its code.
var (
	// ErrNotLogged says that the command certainly never entered a log: it can be answered 2400.
	ErrNotLogged = errors.New("the registry can't take commands now")
	// ErrOutcomeUnknown says that the command may have been executed or may yet
	// be: no answer would be true, so the connection must close without one.
	ErrOutcomeUnknown = errors.New("the command's outcome is unknown")
	// ErrUnavailable says that a read at the wanted level is not possible now.
	ErrUnavailable = errors.New("the registry can't be read at this level now")
)
