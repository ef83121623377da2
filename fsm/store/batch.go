package store

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	bolt "go.etcd.io/bbolt"
)

// appendedFill is how full bbolt packs the pages of tables whose keys arrive
// in order, as a share of a page.
const appendedFill = 0.95

// Batch is one synced bbolt transaction, which takes the effects of many
// commands, one overlay each. bbolt has no savepoints: the overlays are ours.
type Batch struct {
	tx   *bolt.Tx
	open opened
	pos  Position
}

// Update calls fn with a new batch and commits what it merged, durably, with
// the batch's position. If fn fails nothing is kept.
func (db *DB) Update(fn func(*Batch) error) (err error) {
	defer Catch(&err)
	return db.bolt.Update(func(tx *bolt.Tx) error {
		b := &Batch{tx: tx, pos: position(tx)}
		if err := fn(b); err != nil {
			return err
		}
		if err := tx.Bucket(metaBucket).Put(metaKey, Encode(b.pos)); err != nil {
			return fmt.Errorf("writing position: %w", err)
		}
		return nil
	})
}

// Position is the batch's position, its digest up to date with all merges.
func (b *Batch) Position() Position { return b.pos }

// Advance moves the position to the log entry at index.
func (b *Batch) Advance(index, term uint64) { b.pos.Index, b.pos.Term = index, term }

// Raise brings the state to a level. Overlays that are begun afterwards may write what it brought.
func (b *Batch) Raise(to Level) { b.pos.Raised = to - FirstLevel }

// Begin makes an overlay for one command.
func (b *Batch) Begin() *Tx {
	pos := b.pos
	return &Tx{base: &Snapshot{tx: b.tx, open: &b.open, pos: &pos}, writes: map[cell]write{}}
}

// Level is the level that the state was at when the overlay was begun.
func (tx *Tx) Level() Level { return tx.base.Level() }

// Merge puts an overlay's writes into the batch, in key order. A row that is as it was is not written again: each write
// takes two hashes, and a page of the file.
func (b *Batch) Merge(tx *Tx) {
	for _, c := range tx.sortedCells() {
		w := tx.writes[c]
		bucket := b.open.bucket(b.tx, w.schema)
		if w.schema.appended {
			bucket.FillPercent = appendedFill
		}
		key := []byte(c.key)
		old := b.open.get(b.tx, w.schema, key)
		if old == nil && w.value == nil || old != nil && w.value != nil && bytes.Equal(old, w.value) {
			continue
		}
		if old != nil {
			b.pos.Digest.remove(w.schema.id, key, old)
		}
		var err error
		if w.value != nil {
			err = bucket.Put(key, w.value)
			b.pos.Digest.add(w.schema.id, key, w.value)
		} else {
			err = bucket.Delete(key)
		}
		if err != nil {
			panic(&Fault{fmt.Errorf("table %s: %w", w.schema.name, err)})
		}
	}
}

// Tx is the overlay of one command: it reads through to the batch and keeps
// its writes to itself until Merge. To drop it, forget it.
type Tx struct {
	base   *Snapshot
	writes map[cell]write
	order  []cell // the keys of writes
	sorted bool   // order is
}

type cell struct {
	table byte
	key   string
}

type write struct {
	schema *schema
	value  []byte // nil deletes
}

func (tx *Tx) get(s *schema, key []byte) []byte {
	if w, ok := tx.writes[cell{s.id, string(key)}]; ok {
		return w.value
	}
	return tx.base.get(s, key)
}

func (tx *Tx) put(s *schema, key, value []byte) {
	c := cell{s.id, string(key)}
	if _, ok := tx.writes[c]; !ok {
		tx.order, tx.sorted = append(tx.order, c), false
	}
	tx.writes[c] = write{s, value}
}

func (tx *Tx) sortedCells() []cell {
	if !tx.sorted {
		slices.SortFunc(tx.order, compareCells)
		tx.sorted = true
	}
	return tx.order
}

func compareCells(a, b cell) int {
	return cmp.Or(int(a.table)-int(b.table), strings.Compare(a.key, b.key))
}

// scan merges the overlay's rows with the base's: both are in key order.
func (tx *Tx) scan(s *schema, prefix, from []byte, fn func(k, v []byte) bool) {
	first := start(prefix, from)
	all := tx.sortedCells()
	i, _ := slices.BinarySearchFunc(all, cell{s.id, string(first)}, compareCells)
	mine := all[i:]
	for i, c := range mine {
		if c.table != s.id || !strings.HasPrefix(c.key, string(prefix)) {
			mine = mine[:i]
			break
		}
	}
	emit := func(c cell) bool {
		w := tx.writes[c]
		return w.value == nil || fn([]byte(c.key), w.value)
	}
	more := true
	tx.base.scan(s, prefix, from, func(k, v []byte) bool {
		for more && len(mine) > 0 && mine[0].key < string(k) {
			more, mine = emit(mine[0]), mine[1:]
		}
		switch {
		case !more:
		case len(mine) > 0 && mine[0].key == string(k):
			more, mine = emit(mine[0]), mine[1:]
		default:
			more = fn(k, v)
		}
		return more
	})
	for more && len(mine) > 0 {
		more, mine = emit(mine[0]), mine[1:]
	}
}

// before merges the overlay's rows with the base's, from the end.
func (tx *Tx) before(s *schema, prefix, key []byte) (k, v []byte) {
	all := tx.sortedCells()
	last := key
	if last == nil {
		last = after(prefix)
	}
	// i is behind the last cell that may be the answer.
	i, _ := slices.BinarySearchFunc(all, cell{s.id, string(last)}, compareCells)
	if last == nil {
		for i = 0; i < len(all) && all[i].table <= s.id; i++ {
		}
	}
	for bk, bv := tx.base.before(s, prefix, key); ; {
		var mine *cell
		if i > 0 && all[i-1].table == s.id && strings.HasPrefix(all[i-1].key, string(prefix)) {
			mine = &all[i-1]
		}
		switch {
		case mine == nil || bk != nil && mine.key < string(bk):
			return bk, bv
		case bk != nil && mine.key == string(bk): // the base's row is replaced or deleted
			bk, bv = tx.base.before(s, prefix, bk)
		}
		if value := tx.writes[*mine].value; value != nil {
			return []byte(mine.key), value
		}
		i--
	}
}
