package linear

import "fmt"

// account is a registrar's balance as it must be, and what it has paid for each
// of the names that it sponsors: a delete in the grace periods gives all of that back.
// All times of a round lie within them.
type account struct {
	known   bool  // a first read has shown the balance; until then it counts from nought
	balance int64 // in minor units
	paid    [maxNames]int64
	lane    int // as in name
}

// ledger judges the operations of one account.
type ledger struct {
	createPrice, renewPrice int64
	names                   map[string]int // positions in account.paid
}

func newLedger(h *History) *ledger {
	l := &ledger{createPrice: h.CreatePrice, renewPrice: h.RenewPrice, names: map[string]int{}}
	for i, n := range h.Names {
		l.names[n] = i
	}
	return l
}

// concerns says whether an operation moves or shows money, or was refused for the want of it.
func concerns(op *Op) bool {
	switch op.Kind {
	case Create, Renew:
		return op.Outcome != Refused || op.Code == billing
	case Delete, Deposit:
		return op.Outcome != Refused
	case Balance, LocalBalance:
		return op.Outcome == OK
	}
	return false
}

// step says whether an operation can happen in this state with the answer that it had, and the state after it.
func (l *ledger) step(s account, op *Op) (account, bool) {
	switch op.Kind {
	case Balance, LocalBalance:
		if !s.known {
			s.known, s.balance = true, op.Amount
			return s, true
		}
		return s, s.balance == op.Amount
	case Deposit:
		s.balance += op.Amount
		return s, true
	}
	at := l.names[op.Name]
	after := s
	can := true // by what the account knows of the name
	switch op.Kind {
	case Create:
		after.pay(at, l.createPrice*int64(op.Years))
		can = s.paid[at] == 0
	case Renew:
		after.pay(at, l.renewPrice*int64(op.Years))
		can = s.paid[at] != 0
	case Delete:
		after.pay(at, -s.paid[at])
		can = s.paid[at] != 0
	}
	short := s.known && after.balance < 0 && after.balance < s.balance
	switch {
	case op.Outcome == Refused: // for want of funds
		return s, short || !s.known
	case op.Outcome == OK:
		return after, can && !short
	case can && !short:
		return after, true
	}
	return s, true
}

// pay takes an amount from the balance for a name, or gives it back.
func (s *account) pay(name int, amount int64) {
	s.balance -= amount
	s.paid[name] += amount
}

func (s account) String() string {
	if !s.known {
		return fmt.Sprintf("unknown %+d", s.balance)
	}
	return fmt.Sprintf("balance %d, paid %v", s.balance, s.paid)
}
