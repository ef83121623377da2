package fsm

import (
	"quorate/fsm/registry"
	"quorate/fsm/store"
)

// A command is executed once, however often it is proposed. For each node the
// state holds its boot epoch, the lowest sequence that still waits for a result,
// and the results from there up. Anything below, or of an older epoch, is refused
// without being executed: its node has had its result, or has died. So the memory
// is bounded by what nodes have in flight.

// origin is a node's row.
type origin struct {
	Epoch  uint64 `cbor:"1,keyasint"`
	Lowest uint64 `cbor:"2,keyasint"`
}

var (
	origins = store.Declare[origin](50, "command_origins", false)          // node
	results = store.Declare[registry.Result](51, "command_results", false) // node, sequence
)

func originKey(node string) store.Key { return store.Key(nil).Text(node) }

func resultKey(id registry.CommandID) store.Key { return originKey(id.Node).Uint(id.Sequence) }

// Codes of results that say that a command was not executed, because of its id. No client sees them.
const (
	staleEpoch    registry.Code = 1 // Index is the node's current epoch
	staleSequence registry.Code = 2
)

// IsStale says that a command was refused by its id and certainly was not
// executed by this proposal: by an earlier one, perhaps.
func IsStale(r registry.Result) bool { return r.Code == staleEpoch || r.Code == staleSequence }

// StaleEpoch returns the epoch that made the command stale; its node must use a higher one.
func StaleEpoch(r registry.Result) (epoch uint64, ok bool) {
	return r.Index, r.Code == staleEpoch
}

// recall returns the recorded result of c, or the refusal of its id; ok is
// false when c is to be executed. On the way it forgets what c's node no longer waits for.
func recall(tx *store.Tx, c registry.Command) (r registry.Result, ok bool) {
	o, _ := origins.Get(tx, originKey(c.ID.Node))
	was := o
	switch {
	case c.ID.Epoch < o.Epoch:
		return registry.Result{Code: staleEpoch, Index: o.Epoch}, true
	case c.ID.Epoch > o.Epoch:
		forget(tx, c.ID.Node, ^uint64(0))
		o = origin{Epoch: c.ID.Epoch}
	}
	if c.Lowest > o.Lowest && c.Lowest <= c.ID.Sequence {
		forget(tx, c.ID.Node, c.Lowest)
		o.Lowest = c.Lowest
	}
	if o != was {
		origins.Put(tx, originKey(c.ID.Node), o)
	}
	if c.ID.Sequence < o.Lowest {
		return registry.Result{Code: staleSequence}, true
	}
	return results.Get(tx, resultKey(c.ID))
}

// forget drops the results of a node below a sequence.
func forget(tx *store.Tx, node string, below uint64) {
	var keys []store.Key
	results.Scan(tx, originKey(node), nil, func(key []byte, _ registry.Result) bool {
		if store.LastUint(key) >= below {
			return false
		}
		keys = append(keys, append(store.Key(nil), key...))
		return true
	})
	for _, k := range keys {
		results.Delete(tx, k)
	}
}

// remember records the result of c.
func remember(tx *store.Tx, c registry.Command, r registry.Result) {
	results.Put(tx, resultKey(c.ID), r)
}

// Epoch is the newest boot epoch that the state knows of a node; 0 if none.
func (v View) Epoch(node string) uint64 {
	o, _ := origins.Get(v.snapshot, originKey(node))
	return o.Epoch
}

// Pending is how many results the state holds, over all nodes.
func (v View) Pending() (n int) {
	results.Scan(v.snapshot, nil, nil, func([]byte, registry.Result) bool { n++; return true })
	return n
}
