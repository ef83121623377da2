package fsm_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"quorate/fsm"
	"quorate/fsm/registry"
	"quorate/fsm/store"
)

// needsLevel skips a test that can't be with a binary of an older release.
func needsLevel(t *testing.T, l registry.Level) {
	t.Helper()
	if registry.HighestLevel < l {
		t.Skipf("this binary reads levels up to %d", registry.HighestLevel)
	}
}

func TestTheLevelRisesStepByStep(t *testing.T) {
	t.Parallel()
	needsLevel(t, 2)
	r := newRig(t)
	r.policy("example", 10_000, "reg1")
	for what, c := range map[string]struct {
		actor registry.Actor
		body  registry.RaiseLevel
		code  registry.Code
	}{
		"a registrar":           {registrar("reg1"), registry.RaiseLevel{To: 2, Readers: members}, registry.AuthorizationError},
		"two steps at once":     {operator, registry.RaiseLevel{To: 3, Readers: members}, registry.ParameterRange},
		"where it is":           {operator, registry.RaiseLevel{To: 1, Readers: members}, registry.ParameterRange},
		"a member that can't":   {operator, registry.RaiseLevel{To: 2, Readers: []string{"n1", "n3", "n4"}}, registry.ParameterPolicy},
		"nobody has been asked": {operator, registry.RaiseLevel{To: 2}, registry.ParameterPolicy},
	} {
		if got := r.do(c.actor, registry.KindRaiseLevel, c.body); got.Code != c.code {
			t.Errorf("%s: got %v, want %d", what, got, c.code)
		}
	}
	before, _ := r.m.Position()
	r.raise()
	after, _ := r.m.Position()
	r.view(func(v fsm.View) {
		if before.Level() != 1 || after.Level() != 2 || v.Level() != 2 {
			t.Errorf("the state was at level %d, and is at %d; the cluster at %d", before.Level(), after.Level(), v.Level())
		}
		told := false
		v.History(0, func(h registry.Record) bool { told = told || h.Event == "cluster:level"; return true })
		if !told {
			t.Error("the history doesn't tell of it")
		}
	})
	if got := r.do(operator, registry.KindRaiseLevel, registry.RaiseLevel{To: 2, Readers: members}); got.Code != registry.ParameterRange {
		t.Errorf("raised again: %v", got)
	}
	if got := r.do(node("n1"), registry.KindClusterInit, registry.Cluster{Name: "x", Level: 2}); got.Code != registry.ParameterRange {
		t.Errorf("a cluster that begins at level 2: %v", got)
	}
}

// What a binary can't read it never applies: it keeps nothing of the batch, and takes no other.
func TestAnOlderBinaryStopsAtTheRaise(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.m = openAs(t, 1)
	r.policy("example", 10_000, "reg1")
	r.must(r.do(registrar("reg1"), registry.KindContactCreate, registry.ContactCreate{ID: "c1"}))
	// A raise that is refused stops nobody.
	if got := r.do(operator, registry.KindRaiseLevel, registry.RaiseLevel{To: 2, Readers: []string{"n1"}}); got.Code != registry.ParameterPolicy {
		t.Fatalf("got %v", got)
	}
	before := dump(r.m)
	var batch []fsm.Entry
	for i, c := range []registry.Command{
		r.command(registrar("reg1"), registry.KindContactCreate, registry.ContactCreate{ID: "c2"}),
		r.command(operator, registry.KindRaiseLevel, registry.RaiseLevel{To: 2, Readers: members}),
	} {
		data := fsm.Encode(c)
		fsm.Stamp(data, r.now)
		batch = append(batch, fsm.Entry{Index: r.index + 1 + uint64(i), Term: 1, Data: data})
	}
	_, err := r.m.Apply(batch)
	if !errors.Is(err, store.ErrLevel) || !strings.Contains(err.Error(), "level 2") {
		t.Errorf("got %v, want ErrLevel, and the level that is needed", err)
	}
	if dump(r.m) != before {
		t.Error("a part of the batch was kept")
	}
	if _, err := r.m.Apply(batch[:1]); err == nil {
		t.Error("it goes on")
	}
	if r.m.Reads() != 1 {
		t.Errorf("it says that it reads level %d", r.m.Reads())
	}
}

func TestAStateOfANewerBinaryIsRefused(t *testing.T) {
	t.Parallel()
	needsLevel(t, 2)
	path := filepath.Join(t.TempDir(), "state.db")
	m, err := fsm.Open(path, quiet)
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t)
	r.m = m
	r.policy("example", 10_000, "reg1")
	export := func() []byte {
		e, err := m.Export()
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if _, err := e.WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	old := openAs(t, 1)
	if err := old.Restore(bytes.NewReader(export())); err != nil {
		t.Fatalf("a state of level 1, by a newer binary: %v", err)
	}
	r.raise()
	before := dump(old)
	if err := old.Restore(bytes.NewReader(export())); !errors.Is(err, store.ErrLevel) || dump(old) != before {
		t.Errorf("a copy of level 2: %v", err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := fsm.OpenAs(path, 1, quiet); !errors.Is(err, store.ErrLevel) || !strings.Contains(err.Error(), "the state is at level 2") {
		t.Errorf("got %v, want ErrLevel", err)
	}
	if m, err = fsm.OpenAs(path, 2, quiet); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(m.Verify(), m.Close()); err != nil {
		t.Error(err)
	}
}

// A command above the cluster's level is refused alike by those that know what it is and those that don't.
func TestACommandAboveTheClustersLevelIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.policy("example", 10_000, "reg1")
	other := openAs(t, 1)
	if _, err := other.Apply(r.entries); err != nil {
		t.Fatal(err)
	}
	unheard := []byte{9, 0, 0, 1, 0, 0, 0, 0, 0, 'w', 'h', 'o', ' ', 'k', 'n', 'o', 'w', 's'}
	audit := r.command(operator, registry.KindLedgerAudit, registry.LedgerAudit{})
	audit.Needs = 2
	again := fsm.Encode(audit)
	fsm.Stamp(again, r.now)
	for i, data := range [][]byte{unheard, again} {
		before := dump(r.m)
		entry := []fsm.Entry{{Index: r.index + 1 + uint64(i), Term: 1, Data: data}}
		for _, m := range []*fsm.Machine{r.m, other} {
			out, err := m.Apply(entry)
			if err != nil || out.Results[0].Code != registry.UnimplementedCommand {
				t.Errorf("entry %x: %v, %v", data, out.Results, err)
			}
		}
		if dump(r.m) != before {
			t.Error("it left a trace")
		}
	}
	r.index += 2
	needsLevel(t, 2)
	r.raise()
	// It was not executed, so its id is good.
	r.must(r.commit(audit).Results[0])
}

// A command that claims a lower level than it needs isn't one that an older binary could have refused.
func TestACommandThatHidesItsLevelStopsTheMachine(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.policy("example", 10_000, "reg1")
	c := r.command(operator, registry.KindLedgerAudit, registry.LedgerAudit{})
	c.Needs = 1
	data := fsm.Encode(c)
	fsm.Stamp(data, r.now)
	if _, err := r.m.Apply([]fsm.Entry{{Index: r.index + 1, Term: 1, Data: data}}); !errors.Is(err, registry.ErrUnknownCommand) {
		t.Errorf("got %v, want ErrUnknownCommand", err)
	}
}

// Nothing above the state's level is written: a rule that tries has broken an invariant.
func TestNothingAboveTheLevelIsWritten(t *testing.T) {
	t.Parallel()
	needsLevel(t, 2)
	type row struct {
		Old int `cbor:"1,keyasint"`
		New struct {
			Deep []*struct {
				Late string `cbor:"1,keyasint" since:"2"`
			} `cbor:"1,keyasint"`
		} `cbor:"2,keyasint"`
	}
	var v row
	if l := store.LevelOf(v); l != 1 {
		t.Errorf("an empty row is of level %d", l)
	}
	v.New.Deep = append(v.New.Deep, nil, &struct {
		Late string `cbor:"1,keyasint" since:"2"`
	}{"x"})
	if l := store.LevelOf(&v); l != 2 {
		t.Errorf("a row with a late field is of level %d", l)
	}
	// Nor is anything of the kind in a state that random histories lead to.
	r := randomHistory(t, 11, 200)
	r.view(func(v fsm.View) {
		_ = v.Rows(func(table string, key, value []byte) error {
			if strings.HasPrefix(table, "ledger_audit") {
				t.Errorf("table %s has a row at level 1", table)
			}
			return nil
		})
	})
}

// alterRow changes rows of a state file behind the machine's back, and returns the machine opened again.
func alterRow(t *testing.T, r *rig, table string, change func(key, value []byte) []byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "altered.db")
	e, err := r.m.Export()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := e.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	file := b.Bytes()[:b.Len()-32] // the SHA-256 is of what it was
	writeFile(t, path, file)
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		bucket := tx.Bucket([]byte(table))
		changed := map[string][]byte{}
		if err := bucket.ForEach(func(k, v []byte) error {
			if n := change(k, v); !bytes.Equal(n, v) {
				changed[string(k)] = n
			}
			return nil
		}); err != nil {
			return err
		}
		if len(changed) == 0 {
			return errors.New("no row was changed")
		}
		for k, v := range changed {
			if v == nil {
				err = bucket.Delete([]byte(k))
			} else {
				err = bucket.Put([]byte(k), v)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	if r.m, err = fsm.Open(path, quiet); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.m.Close() })
}
