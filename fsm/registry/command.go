// Package registry holds the rules of the registry: what each command does to
// the state, one file per object and verb, and what readers may ask of it. It
// is a pure function of state and command: no clock, no randomness, no socket,
// no goroutine, no order of map iteration, no floating point.
package registry

import (
	"errors"
	"fmt"
	"reflect"

	"quorate/fsm/store"
)

// Kind is a command's identity in the log. Numbers are never used again.
type Kind uint16

// The commands, and the types of their bodies.
const (
	KindNewTerm            Kind = 1  // NewTerm
	KindTick               Kind = 2  // Tick
	KindPublishZone        Kind = 3  // Publication
	KindClusterInit        Kind = 4  // Cluster
	KindPeerPut            Kind = 5  // Peer
	KindCompareDigests     Kind = 6  // Comparison
	KindRaiseLevel         Kind = 9  // RaiseLevel
	KindTLDCreate          Kind = 10 // TLDCreate
	KindRegistrarCreate    Kind = 20 // RegistrarCreate
	KindRegistrarFund      Kind = 21 // RegistrarFund
	KindRegistrarUpdate    Kind = 22 // RegistrarUpdate
	KindRegistrarLock      Kind = 23 // RegistrarLock
	KindRegistrarPassword  Kind = 24 // RegistrarPassword
	KindAccessSet          Kind = 25 // AccessSet
	KindLedgerAudit        Kind = 29 // LedgerAudit
	KindDomainCreate       Kind = 30 // DomainCreate
	KindDomainUpdate       Kind = 31 // DomainUpdate
	KindDomainRenew        Kind = 32 // DomainRenew
	KindDomainDelete       Kind = 33 // DomainDelete
	KindDomainTransfer     Kind = 34 // DomainTransfer
	KindDomainTransferEnd  Kind = 35 // DomainTransferEnd
	KindContactCreate      Kind = 40 // ContactCreate
	KindContactDelete      Kind = 41 // ContactDelete
	KindHostCreate         Kind = 50 // HostCreate
	KindHostDelete         Kind = 51 // HostDelete
	KindContactUpdate      Kind = 42 // ContactUpdate
	KindHostUpdate         Kind = 52 // HostUpdate
	KindPollAck            Kind = 60 // PollAck
	KindTSIGPut            Kind = 75 // TSIGPut
	KindTSIGDelete         Kind = 76 // TSIGDelete
	KindSecondaryPut       Kind = 77 // SecondaryPut
	KindSecondaryDelete    Kind = 78 // SecondaryDelete
	KindZoneSet            Kind = 70 // ZoneSet
	KindZoneKeyAdd         Kind = 71 // ZoneKeyAdd
	KindZoneKeySet         Kind = 72 // ZoneKeySet
	KindZoneRecords        Kind = 73 // ZoneRecords
	KindZoneStage          Kind = 74 // StagePart
	KindZoneHold           Kind = 79 // ZoneHold
	KindZoneControl        Kind = 80 // ZoneControl
	KindContactTransfer    Kind = 43 // ContactTransfer
	KindContactTransferEnd Kind = 44 // ContactTransferEnd
	KindTLDUpdate          Kind = 11 // TLDUpdate
)

// CommandID names a command for ever, through retries and leader changes: the
// node that took it, the node's boot epoch, and a sequence within it.
type CommandID struct {
	Node     string `cbor:"1,keyasint"`
	Epoch    uint64 `cbor:"2,keyasint"`
	Sequence uint64 `cbor:"3,keyasint"`
}

// String is the id as a svTRID (RFC 5730 §2.6): node-epoch-sequence.
func (id CommandID) String() string { return fmt.Sprintf("%s-%d-%d", id.Node, id.Epoch, id.Sequence) }

// Role says what kind of party an Actor is.
type Role uint8

// The roles.
const (
	RoleNode      Role = iota + 1 // a node, in its duties
	RoleOperator                  // a person who runs the registry
	RoleRegistrar                 // a sponsoring client
)

// Actor is who wants a command done.
type Actor struct {
	Role Role   `cbor:"1,keyasint"`
	Name string `cbor:"2,keyasint"`
}

// Command is a change that somebody wants made.
type Command struct {
	ID     CommandID `cbor:"1,keyasint"`
	Lowest uint64    `cbor:"2,keyasint"` // the lowest sequence of ID's node and epoch that still waits for a result
	Actor  Actor     `cbor:"3,keyasint"`
	ClTRID string    `cbor:"4,keyasint,omitempty"`
	Salt   []byte    `cbor:"5,keyasint"` // random, from outside the log: hides bodies behind their hashes in the history
	Kind   Kind      `cbor:"6,keyasint"`
	Body   []byte    `cbor:"7,keyasint"` // the canonical encoding of the kind's type
	Needs  Level     `cbor:"-"`          // the level that it needs (LevelOf); 0 is FirstLevel. It stands in the log entry's header
}

// Result is what came of a command.
type Result struct {
	Index uint64   `cbor:"1,keyasint"` // of the log entry that executed it
	Code  Code     `cbor:"2,keyasint"`
	Fail  *Failure `cbor:"3,keyasint,omitempty"` // why, when Code is an error
	Reply []byte   `cbor:"4,keyasint,omitempty"` // the canonical encoding of the verb's reply type
}

// ReplyAs decodes the reply of a successful result.
func ReplyAs[T any](r Result) (reply T, err error) {
	err = store.Decode(r.Reply, &reply)
	return reply, err
}

// ErrUnknownCommand says that the log holds a command that this binary does
// not know: it must stop, for skipping it would make it a different registry.
var ErrUnknownCommand = errors.New("the log holds a command that this version does not know")

// View is the state for reading.
type View struct{ r store.Reader }

// NewView makes a View of a snapshot or a command's overlay.
func NewView(r store.Reader) *View { return &View{r} }

// Now is log time.
func (v *View) Now() Time { return v.Progress().LogTime }

// Exec is the execution of one command: the state as the command sees and
// changes it, and what else it causes.
type Exec struct {
	View
	Command
	Index     uint64 // of the log entry
	Now       Time   // log time
	Published *Publication
	Compared  *Comparison
	Switched  []string // zones of which another edition is published from here on
	Dirtied   bool     // names were marked for publication
	Raised    Level    // the level that the cluster is at from here on; 0: as before
	Broken    []string // what the audit found

	tx      *store.Tx
	records uint32 // history records written so far
}

// NewExec prepares the execution of cmd, from the log entry at index, stamped with the time now, on an overlay.
func NewExec(tx *store.Tx, cmd Command, index uint64, now Time) *Exec {
	return &Exec{View: View{tx}, Command: cmd, Index: index, Now: now, tx: tx}
}

// Run executes the command. A *Failure means that the overlay must be dropped; any other error stops the node.
func (x *Exec) Run() (code Code, reply any, err error) {
	v, ok := verbs[x.Kind]
	if !ok || x.Kind.since() > HighestLevel {
		return 0, nil, fmt.Errorf("%w: kind %d", ErrUnknownCommand, x.Kind)
	}
	p := x.Progress()
	x.Now = x.logTime(x.Now, p.LogTime)
	if x.Now != p.LogTime {
		p.LogTime = x.Now
		progress.Put(x.tx, progressRow, p)
	}
	return v.run(x)
}

// KeepTime keeps the log time to which a command had come that failed, on the overlay that takes the place of the command's. Its answer told
// how things stood then: what is read or executed later must not find them as they stood before.
func KeepTime(tx *store.Tx, now Time) {
	v := NewView(tx)
	if p := v.Progress(); now > p.LogTime && v.Level() >= 3 { // below it logs mean what they meant
		p.LogTime = now
		progress.Put(tx, progressRow, p)
	}
}

// verb is what a kind of command does.
type verb struct {
	run  func(x *Exec) (Code, any, error)
	body reflect.Type
	late bool // body can hold fields that came after FirstLevel
}

// verbs is every command that there is.
var verbs = map[Kind]verb{
	KindNewTerm:            bind((*Exec).newTerm),
	KindTick:               bind((*Exec).tick),
	KindPublishZone:        bind((*Exec).publishZone),
	KindClusterInit:        bind((*Exec).clusterInit),
	KindPeerPut:            bind((*Exec).peerPut),
	KindCompareDigests:     bind((*Exec).compareDigests),
	KindRaiseLevel:         bind((*Exec).raiseLevel),
	KindTLDCreate:          bind((*Exec).tldCreate),
	KindRegistrarCreate:    bind((*Exec).registrarCreate),
	KindRegistrarFund:      bind((*Exec).registrarFund),
	KindRegistrarUpdate:    bind((*Exec).registrarUpdate),
	KindRegistrarLock:      bind((*Exec).registrarLock),
	KindRegistrarPassword:  bind((*Exec).registrarPassword),
	KindAccessSet:          bind((*Exec).accessSet),
	KindLedgerAudit:        bind((*Exec).ledgerAudit),
	KindDomainCreate:       bind((*Exec).domainCreate),
	KindDomainUpdate:       bind((*Exec).domainUpdate),
	KindDomainRenew:        bind((*Exec).domainRenew),
	KindDomainDelete:       bind((*Exec).domainDelete),
	KindDomainTransfer:     bind((*Exec).domainTransfer),
	KindDomainTransferEnd:  bind((*Exec).domainTransferEnd),
	KindContactCreate:      bind((*Exec).contactCreate),
	KindContactDelete:      bind((*Exec).contactDelete),
	KindHostCreate:         bind((*Exec).hostCreate),
	KindHostDelete:         bind((*Exec).hostDelete),
	KindContactUpdate:      bind((*Exec).contactUpdate),
	KindHostUpdate:         bind((*Exec).hostUpdate),
	KindPollAck:            bind((*Exec).pollAck),
	KindTSIGPut:            bind((*Exec).tsigPut),
	KindTSIGDelete:         bind((*Exec).tsigDelete),
	KindSecondaryPut:       bind((*Exec).secondaryPut),
	KindSecondaryDelete:    bind((*Exec).secondaryDelete),
	KindZoneSet:            bind((*Exec).zoneSet),
	KindZoneKeyAdd:         bind((*Exec).zoneKeyAdd),
	KindZoneKeySet:         bind((*Exec).zoneKeySet),
	KindZoneRecords:        bind((*Exec).zoneRecords),
	KindZoneStage:          bind((*Exec).zoneStage),
	KindZoneHold:           bind((*Exec).zoneHold),
	KindZoneControl:        bind((*Exec).zoneControl),
	KindContactTransfer:    bind((*Exec).contactTransfer),
	KindContactTransferEnd: bind((*Exec).contactTransferEnd),
	KindTLDUpdate:          bind((*Exec).tldUpdate),
}

func bind[B any](f func(*Exec, B) (Code, any, *Failure)) verb {
	late := store.HasLate[B]()
	run := func(x *Exec) (Code, any, error) {
		var body B
		if err := store.Decode(x.Body, &body); err != nil {
			return 0, nil, fmt.Errorf("%w: kind %d: %w", ErrUnknownCommand, x.Kind, err)
		}
		needs := x.Kind.since()
		if late {
			needs = max(needs, store.LevelOf(body))
		}
		if needs > max(x.Needs, FirstLevel) {
			return 0, nil, fmt.Errorf("%w: kind %d: it needs level %d and says %d", ErrUnknownCommand, x.Kind, needs, x.Needs)
		}
		code, reply, fail := f(x, body)
		if fail != nil {
			return fail.Code, nil, fail
		}
		return code, reply, nil
	}
	return verb{run, reflect.TypeFor[B](), late}
}

// number gives out the next object number.
func (x *Exec) number() uint64 {
	p := x.Progress()
	p.Number++
	progress.Put(x.tx, progressRow, p)
	return p.Number
}

// create fills what new objects have in common.
func (x *Exec) create() Object {
	return Object{Number: x.number(), Sponsor: x.Actor.Name, Creator: x.Actor.Name, Created: x.Now}
}

// touch notes an update by the actor.
func (x *Exec) touch(o *Object) { o.Updater, o.Updated = x.Actor.Name, x.Now }

// mayTransform refuses actors that can't change objects at all.
func (x *Exec) mayTransform() *Failure {
	if x.Actor.Role == RoleOperator {
		return nil
	}
	r, ok := x.Registrar(x.Actor.Name)
	if x.Actor.Role != RoleRegistrar || !ok || r.Suspended {
		return Fail(AuthorizationError, "", "", "%s may not change objects", x.Actor.Name)
	}
	return nil
}

// mayChange refuses actors that don't sponsor the object.
func (x *Exec) mayChange(o *Object, element, value string) *Failure {
	if x.Actor.Role != RoleOperator && o.Sponsor != x.Actor.Name {
		return Fail(AuthorizationError, element, value, "the object is sponsored by another registrar")
	}
	return nil
}

// mayOperate refuses all but operators.
func (x *Exec) mayOperate() *Failure {
	if x.Actor.Role != RoleOperator {
		return Fail(AuthorizationError, "", "", "only an operator may do this")
	}
	return nil
}
