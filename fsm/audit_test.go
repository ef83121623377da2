package fsm_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"quorate/fsm"
	"quorate/fsm/registry"
	"quorate/fsm/store"
)

func writeFile(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// ledgerRig has a cluster at level 2 with a ledger of n deposits, and some creates.
func ledgerRig(t testing.TB, deposits int) *rig {
	r := depositsRig(t, deposits)
	r.raise()
	r.now += registry.Minute
	r.must(r.do(registrar("reg1"), registry.KindDomainRenew, registry.DomainRenew{Name: "a.example", Current: registry.DateOf(2027, 1, 1)}))
	return r
}

// depositsRig is ledgerRig at level 1.
func depositsRig(t testing.TB, deposits int) *rig {
	r := newRig(t)
	r.policy("example", 10_000, "reg1", "reg2")
	r.must(r.do(registrar("reg1"), registry.KindContactCreate, registry.ContactCreate{ID: "c1"}))
	r.must(r.do(registrar("reg1"), registry.KindDomainCreate, registry.DomainCreate{Name: "a.example", Registrant: "c1"}))
	for n := 0; n < deposits; n += 100 {
		var batch []registry.Command
		for i := range min(100, deposits-n) {
			id := []string{"reg1", "reg2"}[i%2]
			batch = append(batch, r.command(operator, registry.KindRegistrarFund, registry.RegistrarFund{ID: id, Currency: "USD", Amount: int64(i + 1)}))
		}
		r.commit(batch...)
	}
	return r
}

// tickRound ticks until the audit has seen a ledger of that many deposits from end to end, and returns what it found.
func (r *rig) tickRound(deposits int) (found []string) {
	r.t.Helper()
	from := r.index
	for range (3*deposits+20)/registry.MaxAudited + 3 {
		r.now += registry.Second
		r.must(r.do(node("n1"), registry.KindTick, registry.Tick{}))
	}
	r.view(func(v fsm.View) {
		for _, i := range v.Incidents(1000) {
			if i.Index > from {
				found = append(found, i.Found)
			}
		}
	})
	return found
}

// The audit goes through a ledger much larger than a slice, finds each kind of damage, tells it once, and tells it again when asked to.
func TestTheAuditFindsWhatIsBroken(t *testing.T) {
	t.Parallel()
	needsLevel(t, 2)
	const deposits = 900
	entryOf := func(change func(*registry.Entry) bool) func(k, v []byte) []byte {
		done := false
		return func(_, v []byte) []byte {
			var e registry.Entry
			if err := store.Decode(v, &e); err != nil {
				t.Fatal(err)
			}
			if done || !change(&e) {
				return v
			}
			done = true
			return store.Encode(e)
		}
	}
	at := func(n uint64) func(e *registry.Entry) bool {
		return func(e *registry.Entry) bool { return e.Number >= n }
	}
	for what, c := range map[string]struct {
		table  string
		change func(k, v []byte) []byte
		want   string
	}{
		"nothing": {"ledger", nil, ""},
		"an amount": {"ledger", entryOf(func(e *registry.Entry) bool {
			if at(400)(e) {
				e.Amount++
				return true
			}
			return false
		}), "and a movement of"},
		"a balance after": {"ledger", entryOf(func(e *registry.Entry) bool {
			if at(700)(e) {
				e.ToLeft--
				return true
			}
			return false
		}), "and a movement of"},
		"an entry is gone": {"ledger", func(k, v []byte) []byte {
			if store.LastUint(k) == 555 {
				return nil
			}
			return v
		}, "ledger entry 555 is missing"},
		"an entry of others": {"ledger", entryOf(func(e *registry.Entry) bool {
			if at(500)(e) {
				e.To = "registrar/regX"
				return true
			}
			return false
		}), "is of other accounts"},
		"a posting is gone": {"ledger_by_account", func(k, v []byte) []byte {
			if bytes.HasPrefix(k, []byte("registrar/reg2")) && store.LastUint(k) == 123 {
				return nil
			}
			return v
		}, "posting 123: it is missing"},
		"the newest posting is gone": {"ledger_by_account", func(k, v []byte) []byte {
			if bytes.HasPrefix(k, []byte("registrar/reg2")) && store.LastUint(k) == deposits/2+1 {
				return nil
			}
			return v
		}, "its newest posting is"},
		"a balance": {"accounts", func(k, v []byte) []byte {
			var a registry.Account
			if err := store.Decode(v, &a); err != nil {
				t.Fatal(err)
			}
			if a.Name == "revenue/example" {
				a.Balance += 5
			}
			return store.Encode(a)
		}, "revenue/example USD: it has 1705, and by its postings 1700"},
		"money from nowhere": {"ledger_by_account", func(k, v []byte) []byte {
			// cash pays, and nobody gets it
			if bytes.HasPrefix(k, []byte("registrar/reg1")) && store.LastUint(k) == 200 {
				return nil
			}
			return v
		}, "it isn't posted on registrar/reg1"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := ledgerRig(t, deposits)
			if found := r.tickRound(deposits); len(found) > 0 {
				t.Fatalf("found in a ledger that is well: %q", found)
			}
			if c.change == nil {
				return
			}
			alterRow(t, r, c.table, c.change)
			first := r.tickRound(2 * deposits) // the rest of the round that is under way, and a whole one
			if !strings.Contains(strings.Join(first, "\n"), c.want) {
				t.Fatalf("found %q, want %q", first, c.want)
			}
			r.view(func(v fsm.View) {
				if v.Audit() == nil {
					t.Error("an audit at once finds nothing")
				}
			})
			if again := r.tickRound(deposits); len(again) > 0 {
				t.Errorf("it is told again: %q", again)
			}
			r.must(r.do(operator, registry.KindLedgerAudit, registry.LedgerAudit{}))
			if again := r.tickRound(deposits); !strings.Contains(strings.Join(again, "\n"), c.want) {
				t.Errorf("an audit anew tells %q", again)
			}
		})
	}
}

// Below level 2 there is no audit, and nothing of it is written.
func TestNoAuditBeforeItsLevel(t *testing.T) {
	t.Parallel()
	const deposits = 2 * registry.MaxAudited
	r := depositsRig(t, deposits)
	alterRow(t, r, "accounts", func(_, v []byte) []byte {
		var a registry.Account
		if err := store.Decode(v, &a); err != nil {
			t.Fatal(err)
		}
		a.Balance++
		return store.Encode(a)
	})
	if found := r.tickRound(deposits); len(found) > 0 {
		t.Errorf("incidents: %q", found)
	}
	if strings.Contains(dump(r.m), "ledger_audit") {
		t.Error("the audit left rows")
	}
	needsLevel(t, 2)
	r.raise()
	if found := r.tickRound(deposits); len(found) == 0 {
		t.Error("nothing is found at level 2 either: the test shows nothing")
	}
}

// An account below its credit limit is broken only where policy doesn't let it be there.
func TestTheAuditKnowsTheCreditLimit(t *testing.T) {
	t.Parallel()
	needsLevel(t, 2)
	r := ledgerRig(t, 10)
	// The limit is lowered under what has been used of it: no later debit was against it.
	limit := int64(50_000)
	r.must(r.do(operator, registry.KindRegistrarFund, registry.RegistrarFund{ID: "reg1", Currency: "USD", CreditLimit: &limit}))
	r.now += registry.Minute
	for i, name := range []string{"b", "c", "d", "e"} {
		r.must(r.do(registrar("reg1"), registry.KindDomainCreate, registry.DomainCreate{Name: name + ".example", Registrant: "c1", Months: uint16(24 * (i + 1))}))
	}
	none := int64(0)
	r.must(r.do(operator, registry.KindRegistrarFund, registry.RegistrarFund{ID: "reg1", Currency: "USD", CreditLimit: &none}))
	// And the automatic renewals overdraw the account.
	r.advance(registry.DateOf(2029, 1, 2))
	for range 5 {
		r.must(r.do(node("n1"), registry.KindTick, registry.Tick{}))
	}
	var left int64
	r.view(func(v fsm.View) { left = v.Account(registry.RegistrarAccount("reg1"), "USD").Balance })
	if left >= 0 {
		t.Fatalf("reg1 has %d: the test shows nothing", left)
	}
	if found := r.tickRound(100); len(found) > 0 {
		t.Errorf("policy lets it be so: %q", found)
	}
	// A create beyond it is broken, whoever let it pass.
	alterRow(t, r, "ledger", func(_, v []byte) []byte {
		var e registry.Entry
		if err := store.Decode(v, &e); err != nil {
			t.Fatal(err)
		}
		if e.Why == "autorenew" {
			e.Why = "create"
		}
		return store.Encode(e)
	})
	if found := r.tickRound(100); !strings.Contains(strings.Join(found, "\n"), "a debit for create leaves") {
		t.Errorf("found %q", found)
	}
}

// What a Tick costs with a ledger of many slices: at level 1, at level 2, and at level 2 with many accounts that take turns.
func BenchmarkTick(b *testing.B) {
	for _, c := range []struct {
		name       string
		level      registry.Level
		registrars int
	}{{"level1", 1, 1}, {"level2", 2, 1}, {"accounts", 2, 300}} {
		b.Run(c.name, func(b *testing.B) {
			if registry.HighestLevel < c.level {
				b.Skip("this binary is older")
			}
			r := newRig(b)
			var ids []string
			for i := range c.registrars {
				ids = append(ids, fmt.Sprint("reg", i+1))
			}
			r.policy("example", 10_000, ids...)
			for range 100 {
				var batch []registry.Command
				for i := range 200 {
					body := registry.RegistrarFund{ID: ids[(7*i+len(r.entries))%len(ids)], Currency: "USD", Amount: int64(i + 1)}
					batch = append(batch, r.command(operator, registry.KindRegistrarFund, body))
				}
				r.commit(batch...)
			}
			if c.level == 2 {
				r.raise()
			}
			b.ResetTimer()
			for range b.N {
				r.now += registry.Second
				r.do(node("n1"), registry.KindTick, registry.Tick{})
			}
		})
	}
}
