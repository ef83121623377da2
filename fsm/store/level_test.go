package store

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

type lateRow struct {
	Old  uint64 `cbor:"1,keyasint"`
	Late string `cbor:"2,keyasint,omitempty" since:"2"`
}

var (
	lateRows  = Declare[lateRow](252, "test_late_rows", false)
	lateTable = DeclareSince[Empty](2, 253, "test_late_table", false)
)

// What a level brought can't be written before the state is at it.
func TestNothingIsWrittenBeforeItsLevel(t *testing.T) {
	t.Parallel()
	if HighestLevel < 2 {
		t.Skip("an older binary")
	}
	db := open(t)
	panics := func(tx *Tx, put func()) (is bool) {
		defer func() {
			text, _ := recover().(string)
			is = strings.HasPrefix(text, "invariant: ")
		}()
		put()
		return false
	}
	for _, raised := range []bool{false, true} {
		if raised {
			if err := db.Update(func(b *Batch) error { b.Raise(2); return nil }); err != nil {
				t.Fatal(err)
			}
		}
		update(t, db, func(tx *Tx) {
			if panics(tx, func() { lateRows.Put(tx, Key{1}, lateRow{Old: 1}) }) {
				t.Error("a row of the first level can't be written")
			}
			if panics(tx, func() { lateRows.Put(tx, Key{2}, lateRow{1, "late"}) }) == raised {
				t.Errorf("raised %v: a row with a late field", raised)
			}
			if panics(tx, func() { lateTable.Put(tx, Key{1}, Empty{}) }) == raised {
				t.Errorf("raised %v: a row of a late table", raised)
			}
		})
	}
	if err := db.Verify(); err != nil {
		t.Error(err)
	}
}

// A state says its level before anything in it is read, and the level is there after a restart.
func TestTheLevelIsInTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	db, err := OpenAs(path, 7)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(func(b *Batch) error { b.Raise(7); return nil }), db.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenAs(path, 6); !errors.Is(err, ErrLevel) || !strings.Contains(err.Error(), "level 7") {
		t.Errorf("got %v, want ErrLevel", err)
	}
	if db, err = OpenAs(path, 7); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.View(func(s *Snapshot) error {
		if s.Level() != 7 {
			t.Errorf("the state is at level %d", s.Level())
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}
