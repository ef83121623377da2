package store

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
)

type row struct {
	A uint64 `cbor:"1,keyasint"`
	B string `cbor:"2,keyasint,omitempty"`
}

var (
	rows  = Declare[row](250, "test_rows", false)
	names = Declare[Empty](251, "test_names", false)
)

func open(t *testing.T) *DB {
	t.Helper()
	db, err := Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func update(t *testing.T, db *DB, fn func(tx *Tx)) Position {
	t.Helper()
	var pos Position
	if err := db.Update(func(b *Batch) error {
		tx := b.Begin()
		fn(tx)
		b.Merge(tx)
		b.Advance(b.Position().Index+1, 1)
		pos = b.Position()
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return pos
}

// An overlay over a batch reads and scans as a sorted map would.
func TestOverlayReadsLikeASortedMap(t *testing.T) {
	t.Parallel()
	db := open(t)
	rng := rand.New(rand.NewPCG(1, 2))
	model := map[string]row{}
	for range 60 {
		if err := db.Update(func(b *Batch) error {
			tx := b.Begin()
			for range 40 {
				key := Key(nil).Uint16(uint16(rng.IntN(200)))
				if rng.IntN(3) == 0 {
					rows.Delete(tx, key)
					delete(model, string(key))
				} else {
					v := row{A: rng.Uint64(), B: fmt.Sprint(rng.IntN(9))}
					rows.Put(tx, key, v)
					model[string(key)] = v
				}
				if rng.IntN(4) == 0 {
					checkScan(t, tx, model, rng)
				}
			}
			b.Merge(tx)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if err := db.View(func(s *Snapshot) error { checkScan(t, s, model, rng); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Verify(); err != nil {
		t.Error(err)
	}
}

func checkScan(t *testing.T, r Reader, model map[string]row, rng *rand.Rand) {
	t.Helper()
	prefix := Key{}
	if rng.IntN(2) == 0 {
		prefix = Key{0}
	}
	checkBefore(t, r, model, prefix, rng)
	from := Key(nil).Uint16(uint16(rng.IntN(200)))
	limit := rng.IntN(300)
	var want, got []string
	for k := range model {
		if bytes.HasPrefix([]byte(k), prefix) && k >= string(from) {
			want = append(want, k)
		}
	}
	slices.Sort(want)
	want = want[:min(limit, len(want))]
	rows.Scan(r, prefix, from, func(k []byte, v row) bool {
		if len(got) == limit {
			return false
		}
		if v != model[string(k)] {
			t.Fatalf("row %x is %v, want %v", k, v, model[string(k)])
		}
		got = append(got, string(k))
		return true
	})
	if !slices.Equal(got, want) {
		t.Fatalf("scan of prefix %x from %x gave %x, want %x", prefix, from, got, want)
	}
}

func checkBefore(t *testing.T, r Reader, model map[string]row, prefix Key, rng *rand.Rand) {
	t.Helper()
	key := Key(nil).Uint16(uint16(rng.IntN(220)))
	if rng.IntN(5) == 0 {
		key = nil
	}
	want := ""
	for k := range model {
		if bytes.HasPrefix([]byte(k), prefix) && (key == nil || k < string(key)) && k > want {
			want = k
		}
	}
	got, v, ok := rows.Before(r, prefix, key)
	if ok != (want != "") || string(got) != want || v != model[want] {
		t.Fatalf("before %x with prefix %x is %x %v, want %x %v", key, prefix, got, v, want, model[want])
	}
}

func TestADroppedOverlayChangesNothing(t *testing.T) {
	t.Parallel()
	db := open(t)
	before := update(t, db, func(tx *Tx) { rows.Put(tx, Key("a"), row{A: 1}) })
	if err := db.Update(func(b *Batch) error {
		tx := b.Begin()
		rows.Put(tx, Key("a"), row{A: 2})
		rows.Delete(tx, Key("a"))
		names.Put(tx, Key("b"), Empty{})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	_ = db.View(func(s *Snapshot) error {
		if v, _ := rows.Get(s, Key("a")); v.A != 1 || names.Has(s, Key("b")) || s.Position().Digest != before.Digest {
			t.Error("a dropped overlay left a trace")
		}
		return nil
	})
}

// Equal rows have equal digests, whatever came before them.
func TestDigestIsOrderIndependent(t *testing.T) {
	t.Parallel()
	a, b := open(t), open(t)
	var pa, pb Position
	for _, n := range []uint64{1, 2, 3, 4} {
		pa = update(t, a, func(tx *Tx) { rows.Put(tx, Key(nil).Uint(n), row{A: n}) })
	}
	update(t, b, func(tx *Tx) { rows.Put(tx, Key(nil).Uint(9), row{A: 9}) })
	for _, n := range []uint64{4, 2, 1, 3} {
		update(t, b, func(tx *Tx) { rows.Put(tx, Key(nil).Uint(n), row{A: n, B: "first"}) })
		pb = update(t, b, func(tx *Tx) { rows.Put(tx, Key(nil).Uint(n), row{A: n}) })
	}
	if pa.Digest == pb.Digest {
		t.Error("states with different rows have equal digests")
	}
	pb = update(t, b, func(tx *Tx) { rows.Delete(tx, Key(nil).Uint(9)) })
	if pa.Digest != pb.Digest {
		t.Error("states with equal rows have different digests")
	}
}

func TestNamesSortCanonically(t *testing.T) {
	t.Parallel()
	// The order of RFC 4034 §6.1.
	want := []string{"example", "a.example", "yljkjljk.a.example", "z.a.example", "zabc.a.example", "z.example", "0.z.example"}
	keys := make([]string, len(want))
	for i, n := range want {
		keys[i] = string(Key(nil).Name(n).End())
	}
	if !slices.IsSorted(keys) {
		t.Errorf("keys of %v are not sorted", want)
	}
}

func TestNilAndEmptyAreOneValue(t *testing.T) {
	t.Parallel()
	type list struct {
		L [][]byte `cbor:"1,keyasint"`
	}
	if a, b := Encode(list{}), Encode(list{L: [][]byte{}}); !bytes.Equal(a, b) {
		t.Errorf("%x is not %x", a, b)
	}
}

func TestDecodeRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	type newer struct {
		A uint64 `cbor:"1,keyasint"`
		C uint64 `cbor:"9,keyasint"`
	}
	var v row
	if err := Decode(Encode(newer{1, 2}), &v); err == nil {
		t.Error("an unknown field was dropped in silence")
	}
	if err := Decode(append(Encode(row{A: 1}), 0), &v); err == nil {
		t.Error("trailing bytes were ignored")
	}
}

func TestADamagedRowIsAFault(t *testing.T) {
	t.Parallel()
	db := open(t)
	update(t, db, func(tx *Tx) { tx.put(rows.schema, []byte("a"), []byte{0xff}) })
	err := db.View(func(s *Snapshot) error { rows.Get(s, Key("a")); return nil })
	var fault *Fault
	if !errors.As(err, &fault) {
		t.Errorf("reading a damaged row gave %v, want a fault", err)
	}
	if db.Verify() == nil {
		t.Error("a damaged row was not noticed")
	}
}

func TestExportIsTheWholeState(t *testing.T) {
	t.Parallel()
	db := open(t)
	want := update(t, db, func(tx *Tx) {
		for n := range uint64(500) {
			rows.Put(tx, Key(nil).Uint(n), row{A: n})
		}
	})
	e, err := db.Export()
	if err != nil {
		t.Fatal(err)
	}
	update(t, db, func(tx *Tx) { rows.Put(tx, Key("later"), row{}) })
	var b bytes.Buffer
	if n, err := e.WriteTo(&b); err != nil || n != e.Size() {
		t.Fatalf("wrote %d of %d: %v", n, e.Size(), err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if e.Position != want {
		t.Errorf("exported %v, want %v", e.Position, want)
	}
}

func TestASecondOpenIsRefused(t *testing.T) {
	t.Parallel()
	db := open(t)
	if _, err := Open(db.Path()); !errors.Is(err, ErrInUse) {
		t.Errorf("got %v, want ErrInUse", err)
	}
}
