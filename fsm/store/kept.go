package store

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync/atomic"
)

// Some rows are read by nearly every command and change once in a while: policy, registrars, zones. To decode them was a
// large part of a command. A table that keeps its rows remembers them as they were last decoded, together with their octets. What
// is read is looked up in the file as ever, so that nothing can be stale; equal octets just aren't decoded again.

// keptRows is how many rows a table keeps at most: more than a registry has TLDs, and about what it has registrars.
const keptRows = 1024

// kept are a table's decoded rows, each at a place that its key determines.
type kept[V any] struct {
	rows [keptRows]atomic.Pointer[keptRow[V]]
}

// keptRow is a row's value. It is shared by all who read it, and never changed.
type keptRow[V any] struct {
	octets []byte
	value  V
}

// keeping are the checks of all tables that keep rows.
var keeping []func() error

// Kept is the table with its decoded rows kept. Who reads them must not change what slices and pointers in them lead to.
func (t Table[V]) Kept() Table[V] {
	t.kept = new(kept[V])
	keeping = append(keeping, func() error {
		for i := range t.kept.rows {
			row := t.kept.rows[i].Load()
			if row == nil {
				continue
			}
			if fresh := t.fresh(row.octets); !reflect.DeepEqual(fresh, row.value) {
				return fmt.Errorf("table %s: a row that is shared was changed: %+v, was %+v", t.schema.name, row.value, fresh)
			}
		}
		return nil
	})
	return t
}

// CheckKept says which rows have been changed by those who read them. It is for the ends of tests, when nobody reads.
func CheckKept() (err error) {
	defer Catch(&err)
	for _, check := range keeping {
		err = errors.Join(err, check())
	}
	return err
}

// decode is the value of a row's octets.
func (k *kept[V]) decode(t Table[V], key, b []byte) V {
	place := &k.rows[placeOf(key)]
	if row := place.Load(); row != nil && bytes.Equal(row.octets, b) {
		return row.value
	}
	row := &keptRow[V]{slices.Clone(b), t.fresh(b)}
	place.Store(row)
	return row.value
}

// placeOf spreads keys over the places (FNV-1a).
func placeOf(key []byte) uint32 {
	h := uint32(2166136261)
	for _, c := range key {
		h = (h ^ uint32(c)) * 16777619
	}
	return (h ^ h>>16) % keptRows
}
