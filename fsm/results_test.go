package fsm_test

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"quorate/fsm"
	"quorate/fsm/registry"
	"quorate/fsm/store"
)

func TestACommandIsExecutedOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.policy("example", 10_000, "reg1")
	r.must(r.do(registrar("reg1"), registry.KindContactCreate, registry.ContactCreate{ID: "c1"}))
	c := r.command(registrar("reg1"), registry.KindDomainCreate, registry.DomainCreate{Name: "a.example", Registrant: "c1"})
	first := r.commit(c).Results[0]
	again := r.commit(c, c).Results
	for _, got := range again {
		if !reflect.DeepEqual(got, first) || first.Code != registry.Success {
			t.Errorf("a retry gave %v, the first time %v", got, first)
		}
	}
	r.view(func(v fsm.View) {
		if b := v.Account(registry.RegistrarAccount("reg1"), "USD").Balance; b != 9200 {
			t.Errorf("the balance is %d: paid more than once, or not at all", b)
		}
	})
}

func TestAFailureIsRememberedToo(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.policy("example", 10_000, "reg1")
	c := r.command(registrar("reg1"), registry.KindContactDelete, registry.ContactDelete{ID: "c1"})
	first := r.commit(c).Results[0]
	r.must(r.do(registrar("reg1"), registry.KindContactCreate, registry.ContactCreate{ID: "c1"}))
	// The id is below the lowest that waits by now, so the command must not run even though its result is gone.
	got := r.commit(c).Results[0]
	if first.Code != registry.ObjectDoesNotExist || !fsm.IsStale(got) {
		t.Errorf("got %v, then %v", first, got)
	}
}

func TestResultsAreForgottenWhenNobodyWaits(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	held := r.command(node("n1"), registry.KindTick, registry.Tick{}) // waits from here on
	for range 50 {
		c := r.command(node("n1"), registry.KindTick, registry.Tick{})
		c.Lowest = held.ID.Sequence
		r.commit(c)
	}
	pending := func() (n int) { r.view(func(v fsm.View) { n = v.Pending() }); return n }
	if n := pending(); n != 50 {
		t.Errorf("%d results are kept while one is waited for, want 50", n)
	}
	if got := r.commit(held).Results[0]; got.Code != registry.Success {
		t.Errorf("the command that waited got %v", got)
	}
	r.do(node("n1"), registry.KindTick, registry.Tick{})
	if n := pending(); n != 1 {
		t.Errorf("%d results are kept while nobody waits, want the last", n)
	}
}

func TestAnOlderEpochIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	old := r.command(node("n1"), registry.KindTick, registry.Tick{})
	next := r.command(node("n1"), registry.KindTick, registry.Tick{})
	next.ID = registry.CommandID{Node: "n1", Epoch: 7, Sequence: 1}
	next.Lowest = 1
	r.must(r.commit(next).Results[0])
	got := r.commit(old).Results[0]
	if epoch, stale := fsm.StaleEpoch(got); !stale || epoch != 7 {
		t.Errorf("got %v, want a refusal that names epoch 7", got)
	}
}

func TestAnUnknownCommandStopsTheMachine(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	data := fsm.Encode(r.command(operator, 999, registry.Tick{}))
	fsm.Stamp(data, r.now)
	before := dump(r.m)
	if _, err := r.m.Apply([]fsm.Entry{{Index: 1, Term: 1, Data: data}}); !errors.Is(err, registry.ErrUnknownCommand) {
		t.Fatalf("got %v, want ErrUnknownCommand", err)
	}
	fine := fsm.Encode(r.command(node("n1"), registry.KindTick, registry.Tick{}))
	fsm.Stamp(fine, r.now)
	if _, err := r.m.Apply([]fsm.Entry{{Index: 2, Term: 1, Data: fine}}); err == nil {
		t.Error("the machine went on after an entry that it skipped")
	}
	if dump(r.m) != before {
		t.Error("the state has changed")
	}
}

func TestRestoreGivesTheSameState(t *testing.T) {
	t.Parallel()
	r := randomHistory(t, 3, 200)
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
	other := openMachine(t)
	if err := other.Restore(bytes.NewReader(b.Bytes()[:b.Len()/2])); err == nil {
		t.Error("half a copy was accepted")
	}
	damaged := bytes.Clone(b.Bytes())
	at := bytes.Index(damaged, []byte("registrar/reg1"))
	damaged[at] ^= 1
	if err := other.Restore(bytes.NewReader(damaged)); err == nil {
		t.Error("a damaged copy was accepted")
	}
	if err := other.Restore(&b); err != nil {
		t.Fatal(err)
	}
	if dump(other) != dump(r.m) {
		t.Error("the copy differs")
	}
	next := r.command(node("n1"), registry.KindTick, registry.Tick{})
	data := fsm.Encode(next)
	fsm.Stamp(data, r.now)
	for _, m := range []*fsm.Machine{r.m, other} {
		if _, err := m.Apply([]fsm.Entry{{Index: r.index + 1, Term: 2, Data: data}}); err != nil {
			t.Error(err)
		}
	}
	if dump(other) != dump(r.m) {
		t.Error("the copy goes another way")
	}
}

func TestDigestsAreKeptForComparison(t *testing.T) {
	t.Parallel()
	r := randomHistory(t, 4, 100)
	pos, err := r.m.Position()
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := r.m.DigestAt(pos.Index); !ok || got != pos.Digest {
		t.Errorf("the digest at %d is %v, want %v", pos.Index, got, pos.Digest)
	}
	if _, ok := r.m.DigestAt(pos.Index + 1); ok {
		t.Error("a digest of what is yet to come")
	}
}

func FuzzDecode(f *testing.F) {
	r := registry.Command{ID: registry.CommandID{Node: "n1", Epoch: 1, Sequence: 1}, Kind: registry.KindTick, Body: store.Encode(registry.Tick{})}
	data := fsm.Encode(r)
	fsm.Stamp(data, 5)
	f.Add(data)
	f.Add([]byte{1})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		c, now, err := fsm.Decode(data)
		if err != nil {
			return
		}
		again := fsm.Encode(c)
		fsm.Stamp(again, now)
		if !bytes.Equal(again, data) {
			t.Errorf("%x decodes to what encodes to %x", data, again)
		}
	})
}

func TestABrokenInvariantFailsTheCommandOnly(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.policy("example", 10_000, "reg1")
	r.must(r.do(registrar("reg1"), registry.KindContactCreate, registry.ContactCreate{ID: "c1"}))
	r.must(r.do(registrar("reg1"), registry.KindDomainCreate, registry.DomainCreate{Name: "a.example", Registrant: "c1"}))
	// No front door makes a status that has no name.
	got := r.do(registrar("reg1"), registry.KindDomainUpdate, registry.DomainUpdate{Name: "a.example", AddStatuses: 1 << 30})
	if got.Code != registry.CommandFailed {
		t.Errorf("got %v, want 2400", got)
	}
	r.view(func(v fsm.View) {
		if all := v.Incidents(10); len(all) != 1 || all[0].Kind != registry.KindDomainUpdate {
			t.Errorf("incidents: %v", all)
		}
		if d, _ := v.Domain("a.example"); d.Statuses != 0 || d.Updater != "" {
			t.Errorf("the dropped command changed %v", d)
		}
	})
	r.must(r.do(registrar("reg1"), registry.KindDomainUpdate, registry.DomainUpdate{Name: "a.example", AddStatuses: registry.ClientHold}))
}
