package store

import (
	"fmt"
	"strings"
	"testing"
)

type sharedRow struct {
	List []string `cbor:"1,keyasint"`
}

var sharedRows = Declare[sharedRow](249, "test_shared_rows", false).Kept()

// What a table keeps is never older than the row, in an overlay, in a batch and in a snapshot.
func TestKeptRowsAreNeverStale(t *testing.T) {
	t.Parallel()
	db := open(t)
	key := func(n int) Key { return Key(nil).Uint(uint64(n)) }
	want := func(r Reader, n int, first string) {
		t.Helper()
		if got, ok := sharedRows.Get(r, key(n)); ok != (first != "") || ok && got.List[0] != first {
			t.Fatalf("row %d is %v, want %q", n, got.List, first)
		}
	}
	const many = 2 * keptRows // places are shared by several keys
	for round := range 3 {
		if err := db.View(func(before *Snapshot) error {
			update(t, db, func(tx *Tx) {
				for n := range many {
					old := ""
					if round > 0 {
						old = fmt.Sprint(n, round-1)
					}
					want(tx, n, old)
					sharedRows.Put(tx, key(n), sharedRow{[]string{fmt.Sprint(n, round)}})
					want(tx, n, fmt.Sprint(n, round))
					want(before, n, old)
				}
				sharedRows.Delete(tx, key(many-1))
				want(tx, many-1, "")
				sharedRows.Put(tx, key(many-1), sharedRow{[]string{fmt.Sprint(many-1, round)}})
			})
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if err := db.View(func(s *Snapshot) error {
			n := 0
			sharedRows.Scan(s, nil, nil, func(k []byte, v sharedRow) bool {
				if v.List[0] != fmt.Sprint(LastUint(k), round) {
					t.Fatalf("row %d is %v in round %d", LastUint(k), v.List, round)
				}
				n++
				return true
			})
			if n != many {
				t.Errorf("%d rows, want %d", n, many)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// Who changes a row that is shared is found out.
func TestChangedKeptRowsAreFound(t *testing.T) {
	mine := Declare[sharedRow](248, "test_changed_rows", false).Kept()
	keeping := keeping[len(keeping)-1:]
	db := open(t)
	update(t, db, func(tx *Tx) {
		mine.Put(tx, Key("a"), sharedRow{[]string{"as it is"}})
		row, _ := mine.Get(tx, Key("a"))
		if err := keeping[0](); err != nil {
			t.Error(err)
		}
		row.List = append(row.List, "a copy's own")
		if err := keeping[0](); err != nil {
			t.Error(err)
		}
		again, _ := mine.Get(tx, Key("a"))
		again.List[0] = "changed"
	})
	if err := CheckKept(); err == nil || !strings.Contains(err.Error(), "test_changed_rows") {
		t.Errorf("%v", err)
	}
}

// A row that is written as it was changes neither the digest nor the state.
func TestARowThatStaysIsNotWritten(t *testing.T) {
	t.Parallel()
	db := open(t)
	first := update(t, db, func(tx *Tx) { rows.Put(tx, Key("a"), row{A: 1}) })
	second := update(t, db, func(tx *Tx) {
		rows.Delete(tx, Key("a"))
		rows.Put(tx, Key("a"), row{A: 1})
		rows.Put(tx, Key("b"), row{A: 2})
		rows.Delete(tx, Key("b"))
	})
	if first.Digest != second.Digest {
		t.Error("the digest has changed")
	}
	if third := update(t, db, func(tx *Tx) { rows.Put(tx, Key("a"), row{A: 2}) }); third.Digest == first.Digest {
		t.Error("the digest has not changed")
	}
	if err := db.Verify(); err != nil {
		t.Error(err)
	}
}
