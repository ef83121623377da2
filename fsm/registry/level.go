package registry

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"quorate/fsm/store"
)

// A registry outlives its binaries, and for a while two of them run in one
// cluster. So every command and every stored value has a level: the first at which it
// exists. The cluster's own level is part of the state, and nothing above it is
// written. It rises by RaiseLevel, one step at a time, when every member has said that it
// can read the next; it never falls.

// Level is a form of commands and stored values.
type Level = store.Level

// The levels at which clusters begin, and beyond which this binary can't go.
const (
	FirstLevel   = store.FirstLevel
	HighestLevel = store.HighestLevel
)

// brought is what each level brought, from FirstLevel on.
var brought = []string{
	"the registry of release 0.1",
	"the ledger is audited in slices, and can be audited anew",
	"transfers, poll messages, DNSSEC, updates of all objects and of policy",
}

// Brought is what a level brought, in words; "" for one that this binary doesn't know.
func Brought(l Level) string {
	if l < FirstLevel || l > HighestLevel {
		return ""
	}
	return brought[l-FirstLevel]
}

// kindsSince are the kinds that came after FirstLevel.
var kindsSince = map[Kind]Level{
	KindLedgerAudit: 2,

	KindRegistrarUpdate: 3, KindRegistrarLock: 3, KindRegistrarPassword: 3, KindAccessSet: 3,
	KindContactUpdate:     3,
	KindHostUpdate:        3,
	KindDomainTransfer:    3,
	KindDomainTransferEnd: 3,
	KindPollAck:           3,
	KindTSIGPut:           3, KindTSIGDelete: 3, KindSecondaryPut: 3, KindSecondaryDelete: 3,
	KindZoneSet:         3,
	KindZoneKeyAdd:      3,
	KindZoneKeySet:      3,
	KindZoneRecords:     3,
	KindZoneStage:       3,
	KindZoneHold:        3,
	KindZoneControl:     3,
	KindContactTransfer: 3, KindContactTransferEnd: 3,
	KindTLDUpdate: 3,
}

// since is the level that brought a kind.
func (k Kind) since() Level { return max(FirstLevel, kindsSince[k]) }

// LevelOf is the least level of a cluster that can execute a command of this kind with this body.
func LevelOf(kind Kind, body any) Level {
	if !verbs[kind].late {
		return kind.since()
	}
	return max(kind.since(), store.LevelOf(body))
}

// Level is the level that the cluster is at.
func (v *View) Level() Level { return max(FirstLevel, Level(v.Cluster().Level)) }

// MayExecute is the refusal of commands that are above the cluster's level; nil for all others.
func MayExecute(needs, at Level) *Failure {
	if needs <= at {
		return nil
	}
	return Fail(UnimplementedCommand, "", "", "this needs cluster level %d, and the cluster is at level %d", needs, at)
}

// RaiseLevel raises the cluster's level by one step.
type RaiseLevel struct {
	To      Level    `cbor:"1,keyasint"`
	Readers []string `cbor:"2,keyasint"` // ids of the nodes that said they can read To
}

// raiseLevel fails with 2201, 2004, 2306. It stops the nodes that can't read the level (Machine.Apply).
func (x *Exec) raiseLevel(r RaiseLevel) (Code, any, *Failure) {
	if x.Actor.Role != RoleOperator && x.Actor.Role != RoleNode {
		return 0, nil, Fail(AuthorizationError, "", "", "only an operator may do this")
	}
	c := x.Cluster()
	at := x.Level()
	if c.Name == "" || r.To != at+1 {
		return 0, nil, Fail(ParameterRange, "to", fmt.Sprint(r.To), "the cluster is at level %d, and rises one step at a time", at)
	}
	var missing []string
	for _, p := range x.Peers() {
		if !slices.Contains(r.Readers, p.ID) {
			missing = append(missing, p.ID)
		}
	}
	if len(missing) > 0 {
		return 0, nil, Fail(ParameterPolicy, "readers", strings.Join(missing, " "), "not every member is known to read level %d", r.To)
	}
	before := c
	c.Level = uint16(r.To)
	last := uint64(0)
	x.recordEvent("cluster:level", c.Name, 0, &last, before, c)
	cluster.Put(x.tx, clusterRow, c)
	x.Raised = r.To
	return Success, nil, nil
}

// replies are the types of what commands answer with: results are stored.
var replies = []any{DomainCreated{}, DomainRenewed{}, ContactCreated{}, HostCreated{}, Transferred{}, Acknowledged{}}

// Schema lists every kind of command and, in s, the types of their bodies and replies.
func Schema(s *store.Shapes) string {
	var all strings.Builder
	for kind := range ^Kind(0) {
		if v, known := verbs[kind]; known && kind.since() <= HighestLevel {
			fmt.Fprintf(&all, "command %-3d %s since level %d\n", kind, s.Add(v.body), kind.since())
		}
	}
	for _, r := range replies {
		fmt.Fprintf(&all, "reply %s\n", s.Add(reflect.TypeOf(r)))
	}
	s.Add(reflect.TypeFor[Command]())
	return all.String()
}
