//go:build bug_ack_before_commit

package fsm

import (
	"errors"

	"quorate/fsm/registry"
	"quorate/fsm/store"
)

// Foretell is what an entry would come to if it were next, and leaves no trace. It is part of bugs.AckBeforeCommit.
func (m *Machine) Foretell(entry []byte) (r registry.Result, err error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	undone := errors.New("undone")
	err = m.db.Update(func(b *store.Batch) error {
		var out Outcome
		if r, err = m.applyEntry(b, Entry{Index: b.Position().Index + 1, Data: entry}, &out); err != nil {
			return err
		}
		return undone
	})
	if errors.Is(err, undone) {
		err = nil
	}
	return r, err
}
