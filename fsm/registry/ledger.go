package registry

import (
	"fmt"

	"quorate/fsm/store"
)

// The ledger is double-entry: each Entry moves an amount from one account to
// another, so all balances of a currency add up to nought, always. An account is
// named for its owner: "registrar/ID", "revenue/TLD", or "cash", from which
// deposits come and whose balance is therefore minus what registrars have paid in.

// Account is a balance in one currency.
type Account struct {
	Name        string `cbor:"1,keyasint"`
	Currency    string `cbor:"2,keyasint"` // ISO 4217
	Balance     int64  `cbor:"3,keyasint"` // minor units
	CreditLimit int64  `cbor:"4,keyasint"` // how far below nought a debit may take it, minor units
	Last        uint64 `cbor:"5,keyasint"` // number of the newest posting
}

// Entry is one movement of money.
type Entry struct {
	Number   uint64 `cbor:"1,keyasint"`
	Time     Time   `cbor:"2,keyasint"`
	From     string `cbor:"3,keyasint"` // account debited
	To       string `cbor:"4,keyasint"` // account credited
	Amount   int64  `cbor:"5,keyasint"` // minor units, never negative
	Currency string `cbor:"6,keyasint"`
	Why      string `cbor:"7,keyasint"`           // deposit, create, renew, autorenew, refund
	Object   string `cbor:"8,keyasint,omitempty"` // the domain it pays for
	Undoes   uint64 `cbor:"9,keyasint,omitempty"` // the entry that a refund undoes
	FromLeft int64  `cbor:"10,keyasint"`          // From's balance after it
	ToLeft   int64  `cbor:"11,keyasint"`          // To's balance after it
}

var (
	accounts = store.Declare[Account](30, "accounts", false)         // name, currency
	entries  = store.Declare[Entry](31, "ledger", true)              // entry number
	postings = store.Declare[uint64](32, "ledger_by_account", false) // account, currency, posting number → entry number
)

// cash is the account that deposits come from.
const cash = "cash"

// RegistrarAccount is the name of a registrar's account.
func RegistrarAccount(clID string) string { return "registrar/" + clID }

func revenueAccount(tld string) string { return "revenue/" + tld }

// Account returns an account; one that does not exist yet is empty.
func (v *View) Account(name, currency string) Account {
	a, ok := accounts.Get(v.r, textKey(name).Text(currency))
	if !ok {
		return Account{Name: name, Currency: currency}
	}
	return a
}

// Accounts are the accounts called name, one for each currency; "" means all accounts.
func (v *View) Accounts(name string) (all []Account) {
	var prefix store.Key
	if name != "" {
		prefix = textKey(name)
	}
	accounts.Scan(v.r, prefix, nil, func(_ []byte, a Account) bool { all = append(all, a); return true })
	return all
}

// Entry returns the ledger entry with this number.
func (v *View) Entry(number uint64) (Entry, bool) { return entries.Get(v.r, numberKey(number)) }

// Ledger calls fn for an account's entries, oldest first, from its posting
// number from on (the newest is the account's Last), until it returns false.
func (v *View) Ledger(account, currency string, from uint64, fn func(Entry) bool) {
	all := textKey(account).Text(currency)
	postings.Scan(v.r, all, append(store.Key(nil), all...).Uint(from), func(_ []byte, n uint64) bool {
		e, ok := v.Entry(n)
		if !ok {
			panic(fmt.Sprintf("invariant: ledger entry %d is posted but missing", n))
		}
		return fn(e)
	})
}

// post books e and returns its number. It does not look at limits.
func (x *Exec) post(e Entry) uint64 {
	if e.Amount < 0 || e.From == e.To {
		panic(fmt.Sprintf("invariant: ledger entry of %d from %s to %s", e.Amount, e.From, e.To))
	}
	e.Number, e.Time = x.number(), x.Now
	e.FromLeft = x.move(e.From, e.Currency, -e.Amount, e.Number)
	e.ToLeft = x.move(e.To, e.Currency, e.Amount, e.Number)
	entries.Put(x.tx, numberKey(e.Number), e)
	return e.Number
}

func (x *Exec) move(name, currency string, by int64, entry uint64) (left int64) {
	a := x.Account(name, currency)
	a.Balance += by
	a.Last++
	accounts.Put(x.tx, textKey(name).Text(currency), a)
	postings.Put(x.tx, textKey(name).Text(currency).Uint(a.Last), entry)
	return a.Balance
}

// debit makes d's sponsor pay, or fails with 2104. Nothing is booked for a price of nought.
func (x *Exec) debit(d *Domain, why string, amount int64, currency string) (entry uint64, fail *Failure) {
	a := x.Account(RegistrarAccount(d.Sponsor), currency)
	if amount > 0 && a.Balance+a.CreditLimit < amount {
		return 0, Fail(BillingFailure, "", "", "the balance of %d does not cover %d minor units of %s", a.Balance, amount, currency)
	}
	return x.charge(d, why, amount, currency), nil
}

// charge makes d's sponsor pay whether there are funds or not: only for what the registry does by itself.
func (x *Exec) charge(d *Domain, why string, amount int64, currency string) (entry uint64) {
	if amount == 0 {
		return 0
	}
	return x.post(Entry{From: RegistrarAccount(d.Sponsor), To: revenueAccount(d.TLD), Amount: amount, Currency: currency, Why: why, Object: d.Name})
}

// refund undoes the entry called number.
func (x *Exec) refund(d *Domain, number uint64) {
	e, ok := x.Entry(number)
	if !ok {
		panic(fmt.Sprintf("invariant: grace period of %s names ledger entry %d, which is missing", d.Name, number))
	}
	x.post(Entry{From: e.To, To: e.From, Amount: e.Amount, Currency: e.Currency, Why: "refund", Object: d.Name, Undoes: e.Number})
}
