package linear

import (
	"fmt"
	"time"
)

// told is a time that an answer has yet to tell: the command that set it wasn't answered, or its answer doesn't show it.
const told = -1

// name is a domain as it must be, by the commands so far. What a command set
// without saying (the ROID, a time, everything after an unanswered create) is open
// until an answer shows it, and holds from then on.
type name struct {
	exists bool
	Domain     // ROID "" and times told are open
	years  int // of registration, from its creation
	lane   int // of the lane being checked, how many operations have been placed
}

// The EPP result codes that the model knows (RFC 5730 §3).
const (
	success        = 1000
	billing        = 2104
	notEligible    = 2105
	unauthorized   = 2201
	objectExists   = 2302
	noObject       = 2303
	statusProhibit = 2304
	policy         = 2306
)

// maxYears is the longest registration in the TLDs that are tested.
const maxYears = 10

// stepName says whether an operation on a name can happen in this state with the answer that it had, and the state after it.
func stepName(s name, op *Op) (name, bool) {
	switch op.Kind {
	case Create, Renew, Update, Delete:
		return transform(s, op)
	case Info:
		if op.Outcome == Refused {
			return s, !s.exists && op.Code == noObject
		}
		return s.show(op)
	case Check:
		return s, s.exists == (op.Seen != nil)
	case WHOIS, RDAP:
		if op.Seen == nil {
			return s, !s.exists
		}
		return s.show(op)
	case DNS:
		if op.Seen == nil {
			return s, !s.delegated()
		}
		return s, s.delegated() && s.Hosts == op.Seen.Hosts
	}
	return s, false
}

// delegated says whether the zone has the name (RFC 5731 §2.3, clientHold).
func (s name) delegated() bool { return s.exists && s.Hosts != "" && !s.Statuses.has("clientHold") }

// transform holds a command's answer against what the rules of the registry say
// of it in this state. An unanswered one takes effect if it can; that it
// never did is explained by placing it after everything else.
func transform(s name, op *Op) (name, bool) {
	code, after := rule(s, op)
	switch op.Outcome {
	case Unknown:
		if code == success {
			return after, true
		}
		return s, true
	case Refused:
		// Whether there are funds is the account's to judge.
		return s, op.Code == code || op.Code == billing && code == success && (op.Kind == Create || op.Kind == Renew)
	}
	if code != success {
		return s, false
	}
	switch op.Kind {
	case Create:
		after.Created, after.Expires = op.Seen.Created, op.Seen.Expires
		return after, op.Seen.Created > 0 && op.Seen.Expires == addYears(op.Seen.Created, op.Years)
	case Renew:
		if s.Expires == told {
			after.Expires = op.Seen.Expires
			return after, date(op.Seen.Expires) == renewed(op)
		}
		return after, op.Seen.Expires == after.Expires
	}
	return after, true
}

// rule is what the registry does with a command in a state: the result code, and the state after a success.
func rule(s name, op *Op) (code int, after name) {
	after = s
	if op.Kind == Create {
		if s.exists {
			return objectExists, s
		}
		return success, name{
			exists: true, years: op.Years, lane: s.lane,
			Domain: Domain{Sponsor: op.Actor, Created: told, Expires: told, Hosts: op.AddHosts},
		}
	}
	switch {
	case !s.exists:
		return noObject, s
	case s.Sponsor != op.Actor:
		return unauthorized, s
	}
	switch op.Kind {
	case Delete:
		if s.Statuses.has("clientDeleteProhibited") {
			return statusProhibit, s
		}
		return success, name{lane: s.lane} // in the add grace period: at once
	case Renew:
		return ruleRenew(s, op)
	}
	return ruleUpdate(s, op)
}

func ruleRenew(s name, op *Op) (code int, after name) {
	after = s
	switch {
	case s.Statuses.has("clientRenewProhibited"):
		return statusProhibit, s
	case s.Expires == told && op.Outcome == Refused && op.Code == policy:
		return policy, s // whether the date was right nobody has told
	case s.Expires != told && date(s.Expires) != op.Current:
		return policy, s
	case s.years+op.Years > maxYears:
		return notEligible, s
	}
	if s.Expires != told {
		after.Expires = addYears(s.Expires, op.Years)
	}
	after.years += op.Years
	after.Updated = told
	return success, after
}

func ruleUpdate(s name, op *Op) (code int, after name) {
	after = s
	onlyUnlocks := op.Remove.has("clientUpdateProhibited") && op.Add == "" && op.AddHosts == "" && op.RemoveHosts == ""
	if s.Statuses.has("clientUpdateProhibited") && !onlyUnlocks {
		return statusProhibit, s
	}
	for _, change := range []struct {
		of          *Set
		add, remove Set
	}{{&after.Statuses, op.Add, op.Remove}, {&after.Hosts, op.AddHosts, op.RemoveHosts}} {
		rest, ok := change.of.minus(change.remove)
		if !ok {
			return policy, s
		}
		if *change.of, ok = rest.plus(change.add); !ok {
			return policy, s
		}
	}
	after.Updated = told
	return success, after
}

// show holds what a read showed against the state, and fills in what was open.
func (s name) show(op *Op) (name, bool) {
	seen := op.Seen
	if !s.exists || seen == nil || s.Statuses != seen.Statuses || s.Hosts != seen.Hosts || seen.Sponsor != "" && seen.Sponsor != s.Sponsor {
		return s, false
	}
	if seen.ROID == "" || s.ROID != "" && s.ROID != seen.ROID {
		return s, false
	}
	after := s
	after.ROID = seen.ROID
	for _, t := range []struct {
		is   *int64
		seen int64
	}{{&after.Created, seen.Created}, {&after.Expires, seen.Expires}, {&after.Updated, seen.Updated}} {
		switch {
		case *t.is == told && t.seen == 0:
			return s, false
		case op.Kind == WHOIS: // too coarse to fill anything in
			if *t.is != told && *t.is/1000 != t.seen/1000 {
				return s, false
			}
		case *t.is == told:
			*t.is = t.seen
		case *t.is != t.seen:
			return s, false
		}
	}
	years := time.UnixMilli(seen.Expires).UTC().Year() - time.UnixMilli(seen.Created).UTC().Year()
	return after, years == s.years && (seen.Updated == 0 || seen.Updated >= seen.Created)
}

// addYears is the same day n years on; 29 February becomes 28 February where there is none.
func addYears(ms int64, n int) int64 {
	t := time.UnixMilli(ms).UTC()
	then := t.AddDate(n, 0, 0)
	if then.Day() != t.Day() {
		then = then.AddDate(0, 0, -then.Day())
	}
	return then.UnixMilli()
}

func date(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.DateOnly) }

// renewed is the date to which a Renew takes a registration that ends on its curExpDate.
func renewed(op *Op) string {
	from, err := time.Parse(time.DateOnly, op.Current)
	if err != nil {
		return ""
	}
	return date(addYears(from.UnixMilli(), op.Years))
}

func (s name) String() string {
	if !s.exists {
		return "not there"
	}
	return fmt.Sprintf("%d years %s", s.years, &s.Domain)
}
