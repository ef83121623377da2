package registry

import (
	"fmt"
	"strings"

	"quorate/fsm/store"
)

// The ledger is audited in slices: each Tick looks at some rows, goes on where the
// one before it ended, and begins again when all have been seen. First come the
// accounts, in key order, each with its postings from the oldest on: every posting's
// balance must follow from the one before it, and the last is the account's. Then the
// entries, in order: each must be posted on both sides. Together that is double entry: what
// one account has, others have paid. What is found broken is told once, as an incident; it
// changes nothing else.

// MaxAudited is how many postings or entries a Tick looks at: a ledger of ten million entries takes a day and a
// half, at about a millisecond of each second, and some milliseconds where entries of many accounts take turns.
const MaxAudited = 256

// maxFound bounds what one incident tells of, in findings.
const maxFound = 16

// auditCursor is where the audit goes on.
type auditCursor struct {
	Round    uint64 `cbor:"1,keyasint"`           // what was found in an earlier round is told anew
	Account  string `cbor:"2,keyasint,omitempty"` // name and currency of the account being audited; "": the first
	Currency string `cbor:"3,keyasint,omitempty"`
	Posting  uint64 `cbor:"4,keyasint,omitempty"` // the last that was looked at
	Balance  int64  `cbor:"5,keyasint,omitempty"` // after it
	Entries  bool   `cbor:"6,keyasint,omitempty"` // all accounts are done
	Entry    uint64 `cbor:"7,keyasint,omitempty"` // the last that was looked at
}

var (
	auditRow   = store.Key{0}
	audit      = store.DeclareSince[auditCursor](2, 38, "ledger_audit", false)
	auditFound = store.DeclareSince[uint64](2, 39, "ledger_audit_found", false) // what → the round in which it was told
)

// auditSlice looks at the next rows and notes in x.Broken what is broken and hasn't been told in this round.
func (x *Exec) auditSlice(rows int) {
	was, _ := audit.Get(x.tx, auditRow)
	a := auditor{view: &x.View, at: was, left: rows}
	a.run()
	for _, found := range a.found {
		key := textKey(found.what)
		if round, told := auditFound.Get(x.tx, key); told && round == a.at.Round {
			continue
		}
		auditFound.Put(x.tx, key, a.at.Round)
		x.Broken = append(x.Broken, found.what+": "+found.why)
	}
	if more := len(x.Broken) - maxFound; more > 0 {
		x.Broken = append(x.Broken[:maxFound:maxFound], fmt.Sprintf("and %d more", more))
	}
	if a.at != was {
		audit.Put(x.tx, auditRow, a.at)
	}
}

// LedgerAudit begins the audit anew, from the first account on: what is still broken is told again.
type LedgerAudit struct{}

// ledgerAudit fails with 2201.
func (x *Exec) ledgerAudit(LedgerAudit) (Code, any, *Failure) {
	if fail := x.mayOperate(); fail != nil {
		return 0, nil, fail
	}
	was, _ := audit.Get(x.tx, auditRow)
	last := uint64(0)
	x.recordEvent("ledger:audit", "ledger", 0, &last, nil, nil)
	audit.Put(x.tx, auditRow, auditCursor{Round: was.Round + 1})
	return Success, nil, nil
}

// Audit checks the whole ledger at once, and that each currency's balances add up to nought.
func (v *View) Audit() error {
	a := auditor{view: v}
	for begun := false; !begun || a.at != (auditCursor{}); begun = true {
		a.left = MaxAudited
		if a.run(); len(a.found) > 0 {
			return fmt.Errorf("%s: %s", a.found[0].what, a.found[0].why)
		}
	}
	var currencies []string
	sums := map[string]int64{}
	for _, account := range v.Accounts("") {
		if _, seen := sums[account.Currency]; !seen {
			currencies = append(currencies, account.Currency)
		}
		sums[account.Currency] += account.Balance
	}
	for _, c := range currencies {
		if sums[c] != 0 {
			return fmt.Errorf("balances in %s add up to %d", c, sums[c])
		}
	}
	return nil
}

// auditor is one slice of an audit.
type auditor struct {
	view  *View
	at    auditCursor
	left  int // rows to look at
	found []finding
	after map[string]uint64 // account → the posting after the one that was found last
}

type finding struct{ what, why string }

func (a *auditor) report(what, format string, args ...any) {
	a.found = append(a.found, finding{what, fmt.Sprintf(format, args...)})
}

// run looks at the next rows. At the end of the ledger it stops early, with the cursor at the beginning.
func (a *auditor) run() {
	for a.left > 0 && !a.at.Entries {
		account, ok := a.nextAccount()
		if !ok {
			a.at = auditCursor{Round: a.at.Round, Entries: true}
			break
		}
		a.account(account)
	}
	if a.at.Entries && a.left > 0 {
		a.entries()
	}
}

// nextAccount is the account that the audit is in, or the one after it when that is done.
func (a *auditor) nextAccount() (next Account, ok bool) {
	from := textKey(a.at.Account).Text(a.at.Currency)
	accounts.Scan(a.view.r, nil, from, func(_ []byte, account Account) bool {
		if account.Name == a.at.Account && account.Currency == a.at.Currency && a.at.Posting >= account.Last {
			return true
		}
		next, ok = account, true
		return false
	})
	if ok && (next.Name != a.at.Account || next.Currency != a.at.Currency) {
		a.at = auditCursor{Round: a.at.Round, Account: next.Name, Currency: next.Currency}
	}
	return next, ok
}

// account looks at an account's postings from where the audit is, and at the account when those are done.
func (a *auditor) account(account Account) {
	name := account.Name + " " + account.Currency
	floor := a.floor(account)
	all := textKey(account.Name).Text(account.Currency)
	a.left-- // an account without postings costs something, too
	postings.Scan(a.view.r, all, append(store.Key(nil), all...).Uint(a.at.Posting+1), func(key []byte, number uint64) bool {
		what := fmt.Sprintf("%s, posting %d", name, a.at.Posting+1)
		if store.LastUint(key) != a.at.Posting+1 {
			a.report(what, "it is missing")
		}
		a.at.Posting = store.LastUint(key)
		e, ok := a.view.Entry(number)
		left, mine := e.leaves(account.Name, account.Currency)
		switch {
		case !ok:
			a.report(what, "ledger entry %d is missing", number)
		case !mine:
			a.report(what, "ledger entry %d is of other accounts", number)
		case left != a.at.Balance+e.moves(account.Name):
			a.report(what, "it leaves %d after %d and a movement of %d", left, a.at.Balance, e.moves(account.Name))
		case left < -account.CreditLimit && floor.holds(e):
			a.report(what, "a debit for %s leaves %d, with a credit limit of %d", e.Why, left, account.CreditLimit)
		}
		if ok && mine {
			a.at.Balance = left // one fault is told once, not for all that follows
		}
		a.left--
		return a.left > 0
	})
	if a.at.Posting != account.Last && a.left > 0 {
		a.report(name, "its newest posting is %d and not %d", a.at.Posting, account.Last)
		a.at.Posting = max(a.at.Posting, account.Last)
	}
	if a.at.Posting >= account.Last && a.at.Balance != account.Balance {
		a.report(name, "it has %d, and by its postings %d", account.Balance, a.at.Balance)
	}
}

// entries looks at entries from where the audit is.
func (a *auditor) entries() {
	done := true
	entries.Scan(a.view.r, nil, numberKey(a.at.Entry+1), func(_ []byte, e Entry) bool {
		what := fmt.Sprintf("ledger entry %d", e.Number)
		if e.Amount < 0 || e.From == e.To {
			a.report(what, "it moves %d from %s to %s", e.Amount, e.From, e.To)
		}
		for _, side := range []string{e.From, e.To} {
			if !a.posted(side, e.Currency, e.Number) {
				a.report(what, "it isn't posted on %s", side)
			}
		}
		a.at.Entry = e.Number
		a.left--
		done = a.left > 0
		return done
	})
	if done {
		a.at = auditCursor{Round: a.at.Round}
		a.left = 0
	}
}

// posted says whether an account has a posting of an entry. Postings are in the
// order of their entries, so the one wanted follows the one found before, or is searched for.
func (a *auditor) posted(name, currency string, entry uint64) bool {
	account := textKey(name).Text(currency)
	entryOf := func(posting uint64) uint64 {
		number, _ := postings.Get(a.view.r, append(store.Key(nil), account...).Uint(posting))
		return number
	}
	next := a.after[string(account)]
	if next == 0 || entryOf(next) != entry {
		low, high := uint64(1), a.view.Account(name, currency).Last
		for low < high {
			if middle := low + (high-low)/2; entryOf(middle) < entry {
				low = middle + 1
			} else {
				high = middle
			}
		}
		if next = low; entryOf(next) != entry {
			return false
		}
	}
	if a.after == nil {
		a.after = map[string]uint64{}
	}
	a.after[string(account)] = next + 1
	return true
}

// moves is by how much the entry changes an account that it is of.
func (e *Entry) moves(account string) int64 {
	if e.To == account {
		return e.Amount
	}
	return -e.Amount
}

// leaves is the balance that the entry leaves on an account; ok is false if it isn't of that account.
func (e *Entry) leaves(account, currency string) (left int64, ok bool) {
	switch {
	case e.Currency != currency:
		return 0, false
	case e.To == account:
		return e.ToLeft, true
	case e.From == account:
		return e.FromLeft, true
	}
	return 0, false
}

// floor says which entries must have left an account above its credit limit.
// The limit is known as it is now, and when it was last changed: not after the owner's newest event.
type floor struct {
	account string
	since   Time
	any     bool
}

func (a *auditor) floor(account Account) floor {
	id, ok := strings.CutPrefix(account.Name, RegistrarAccount(""))
	if !ok {
		return floor{} // cash and revenue are what others paid or were given back
	}
	r, ok := a.view.Registrar(id)
	if !ok {
		return floor{}
	}
	f := floor{account: account.Name, any: true}
	a.view.History(r.LastEvent, func(newest Record) bool { f.since = newest.Time; return false })
	return f
}

func (f floor) holds(e Entry) bool {
	return f.any && e.From == f.account && e.Time > f.since && !overdraws(e.Why)
}

// overdraws says whether policy lets an entry take an account below its credit limit: only what the registry does by itself (charge).
func overdraws(why string) bool { return why == "autorenew" }
