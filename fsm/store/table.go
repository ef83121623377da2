package store

import (
	"fmt"
	"reflect"
	"slices"
)

// Table is a typed table of the state. Tables are declared once, as package
// variables, with Declare.
type Table[V any] struct {
	schema *schema
	kept   *kept[V] // nil if each read decodes anew
}

// schema is what the store knows of a table without knowing its type.
type schema struct {
	id       byte
	name     string
	appended bool
	since    Level
	newest   Level // of the table and all fields that values can hold: a state at it can hold any row
	row      reflect.Type
	check    func(value []byte) error
}

// schemas are the tables that this binary knows, by id.
var schemas = map[byte]*schema{}

// Declare makes a table that every state has. id is its identity in digests and is never
// used again. appended says that keys arrive in order, so pages are filled whole.
func Declare[V any](id byte, name string, appended bool) Table[V] {
	return DeclareSince[V](FirstLevel, id, name, appended)
}

// DeclareSince is Declare for a table that a level brought: no row is written to it before, so it reads as empty.
func DeclareSince[V any](level Level, id byte, name string, appended bool) Table[V] {
	if old, ok := schemas[id]; ok {
		panic(fmt.Sprintf("table id %d is declared twice: %s and %s", id, old.name, name))
	}
	row := reflect.TypeFor[V]()
	s := &schema{id: id, name: name, appended: appended, since: level, row: row, newest: max(level, newest(row))}
	s.check = func(b []byte) error {
		var v V
		if err := decodeRow(s, b, &v); err != nil {
			return err
		}
		if string(Encode(v)) != string(b) {
			return fmt.Errorf("table %s: value is not in canonical form", name)
		}
		return nil
	}
	if level <= HighestLevel {
		schemas[id] = s
	}
	return Table[V]{schema: s}
}

// Get returns the row at key and whether there is one. A row that can't be
// decoded panics with a *Fault: the file is damaged or of a newer binary.
func (t Table[V]) Get(r Reader, key Key) (v V, ok bool) {
	b := r.get(t.schema, key)
	if b == nil {
		return v, false
	}
	return t.decode(key, b), true
}

// Has says whether there is a row at key.
func (t Table[V]) Has(r Reader, key Key) bool { return r.get(t.schema, key) != nil }

// Put sets the row at key. A table or field that came after the state's level is a
// broken invariant, and panics: somewhere a peer might not be able to read it.
func (t Table[V]) Put(tx *Tx, key Key, v V) {
	if at := tx.base.Level(); at < t.schema.newest {
		if level := max(t.schema.since, LevelOf(v)); level > at {
			panic(fmt.Sprintf("invariant: table %s: a row of level %d in a state at level %d", t.schema.name, level, at))
		}
	}
	tx.put(t.schema, key, Encode(v))
}

// Delete removes the row at key, if there is one.
func (t Table[V]) Delete(tx *Tx, key Key) { tx.put(t.schema, key, nil) }

// Scan calls fn for the rows whose key starts with prefix, in order, from the
// key from on (nil: the first), until fn returns false. key is valid only during the call.
// fn must not write to the table.
func (t Table[V]) Scan(r Reader, prefix, from Key, fn func(key []byte, v V) bool) {
	r.scan(t.schema, prefix, from, func(k, b []byte) bool { return fn(k, t.decode(k, b)) })
}

// Before returns the last row whose key starts with prefix and is less than key; key nil: the last of all.
func (t Table[V]) Before(r Reader, prefix, key Key) (k Key, v V, ok bool) {
	found, b := r.before(t.schema, prefix, key)
	if found == nil {
		return nil, v, false
	}
	return slices.Clone(found), t.decode(found, b), true
}

// Any says whether there is a row whose key starts with prefix.
func (t Table[V]) Any(r Reader, prefix Key) (found bool) {
	r.scan(t.schema, prefix, nil, func(_, _ []byte) bool { found = true; return false })
	return found
}

func (t Table[V]) decode(key, b []byte) V {
	if t.kept != nil {
		return t.kept.decode(t, key, b)
	}
	return t.fresh(b)
}

// fresh is a value that nobody else has.
func (t Table[V]) fresh(b []byte) (v V) {
	if err := decodeRow(t.schema, b, &v); err != nil {
		panic(&Fault{fmt.Errorf("table %s: %w", t.schema.name, err)})
	}
	return v
}

// decodeRow is Decode, and refuses what a release that reads no further than this binary wouldn't know.
func decodeRow[V any](s *schema, b []byte, v *V) error {
	if err := Decode(b, v); err != nil || s.newest <= HighestLevel {
		return err
	}
	if level := LevelOf(*v); level > HighestLevel {
		return fmt.Errorf("a row of level %d: %w", level, Beyond(level, HighestLevel))
	}
	return nil
}

// Empty is the value of tables that are indexes: the key says it all.
type Empty struct{}
