package registry

import (
	"crypto/sha256"

	"quorate/fsm/store"
)

// Record is one event in an object's history. The objects themselves appear
// only as salted hashes, and the command's body, which may hold personal data,
// lies apart under the index: it can be erased without breaking this chain.
type Record struct {
	Index    uint64    `cbor:"1,keyasint"`
	Time     Time      `cbor:"2,keyasint"`
	Actor    Actor     `cbor:"3,keyasint"`
	ID       CommandID `cbor:"4,keyasint"`
	ClTRID   string    `cbor:"5,keyasint,omitempty"`
	Event    string    `cbor:"6,keyasint"`           // object:verb
	Object   string    `cbor:"7,keyasint"`           // its name or identifier
	Number   uint64    `cbor:"8,keyasint,omitempty"` // its object number; 0 for policy
	Before   []byte    `cbor:"9,keyasint,omitempty"` // SHA-256 of salt and encoding; none before a create
	After    []byte    `cbor:"10,keyasint,omitempty"`
	Salt     []byte    `cbor:"11,keyasint"`
	Previous uint64    `cbor:"12,keyasint,omitempty"` // index of the object's record before this one
}

// Body is the command that an index executed.
type Body struct {
	Kind Kind   `cbor:"1,keyasint"`
	Body []byte `cbor:"2,keyasint"`
}

var (
	history       = store.Declare[Record](40, "history", true)                 // index, number within it
	bodies        = store.Declare[Body](41, "bodies", true)                    // index
	historyClTRID = store.Declare[store.Empty](42, "history_by_cltrid", false) // actor, clTRID, index
)

// record adds an event to the history of o and notes it as o's newest.
func (x *Exec) record(event string, o *Object, name string, before, after any) {
	x.recordEvent(event, name, o.Number, &o.LastEvent, before, after)
}

// recordEvent is record for what has no object number: policy.
func (x *Exec) recordEvent(event, name string, number uint64, last *uint64, before, after any) {
	r := Record{
		Index: x.Index, Time: x.Now, Actor: x.Actor, ID: x.ID, ClTRID: x.ClTRID,
		Event: event, Object: name, Number: number, Salt: x.Salt, Previous: *last,
		Before: x.hash(before), After: x.hash(after),
	}
	*last = x.Index
	if x.records == 0 {
		bodies.Put(x.tx, numberKey(x.Index), Body{x.Kind, x.Body})
		if x.ClTRID != "" {
			historyClTRID.Put(x.tx, textKey(x.Actor.Name).Text(x.ClTRID).Uint(x.Index), store.Empty{})
		}
	}
	history.Put(x.tx, numberKey(x.Index).Uint(uint64(x.records)), r)
	x.records++
}

func (x *Exec) hash(object any) []byte {
	if object == nil {
		return nil
	}
	sum := sha256.Sum256(append(append([]byte(nil), x.Salt...), store.Encode(object)...))
	return sum[:]
}

// History calls fn for the records from an index on, in order, until it returns false.
func (v *View) History(from uint64, fn func(Record) bool) {
	history.Scan(v.r, nil, numberKey(from), func(_ []byte, r Record) bool { return fn(r) })
}

// HistoryByClTRID are the records of an actor's commands with this clTRID, oldest first, at most max of them.
func (v *View) HistoryByClTRID(actor, clTRID string, max int) (all []Record) {
	historyClTRID.Scan(v.r, textKey(actor).Text(clTRID), nil, func(key []byte, _ store.Empty) bool {
		history.Scan(v.r, numberKey(store.LastUint(key)), nil, func(_ []byte, r Record) bool {
			all = append(all, r)
			return len(all) < max
		})
		return len(all) < max
	})
	return all
}
