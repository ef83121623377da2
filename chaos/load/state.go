package load

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// State is what a name is in the registry, as far as clients know it. It can be compared with ==.
type State struct {
	Sponsor string    // the registrar; "": the name is not registered
	Created time.Time // UTC; zero: not known, the create having had no answer
	Expires time.Time // UTC; zero when Created is
	Years   int       // of registration, since its creation
	Hosts   string    // delegated to: sorted, with spaces between
	Hold    bool      // has clientHold
	Charged int64     // what the sponsor has paid for it, in minor units
}

// Exists says whether the name is registered.
func (s State) Exists() bool { return s.Sponsor != "" }

// String is the state in a few words.
func (s State) String() string {
	if !s.Exists() {
		return "not there"
	}
	text := fmt.Sprintf("%s's for %d years, name servers [%s]", s.Sponsor, s.Years, s.Hosts)
	if s.Hold {
		text += ", on hold"
	}
	if !s.Created.IsZero() {
		text += fmt.Sprintf(", created %s, expires %s", s.Created.Format(time.RFC3339Nano), s.Expires.Format(time.RFC3339Nano))
	}
	return text
}

// shows says whether a registry that shows is may be in the state s.
func (s State) shows(is State) bool {
	if s.Exists() != is.Exists() {
		return false
	}
	if !s.Exists() {
		return true
	}
	if s.Created.IsZero() {
		s.Created, s.Expires = is.Created, AddYears(is.Created, s.Years)
	}
	is.Charged = s.Charged // it doesn't show
	return s == is
}

// hostSet writes hosts as State has them.
func hostSet(hosts []string) string {
	hosts = slices.Clone(hosts)
	slices.Sort(hosts)
	return strings.Join(slices.Compact(hosts), " ")
}

// AddYears is the same moment years later; on 28 February if there is no 29th then. That is the registry's calendar.
func AddYears(t time.Time, years int) time.Time {
	later := t.AddDate(years, 0, 0)
	if t.Day() == 29 && later.Day() == 1 {
		later = later.AddDate(0, 0, -1)
	}
	return later
}

// after is the state that a transform makes of s; false if the registry can't have executed it there.
func (b *Beginning) after(s State, o *operation) (State, bool) {
	if o.Command == Create {
		if s.Exists() {
			return s, false
		}
		s = State{
			Sponsor: o.Registrar, Years: o.Years, Hosts: hostSet(o.AddHosts), Charged: int64(o.Years) * b.CreatePrice,
			Created: o.answer.Created, Expires: o.answer.Expires,
		}
		return s, s.Created.IsZero() || s.Expires.Equal(AddYears(s.Created, s.Years))
	}
	if s.Sponsor != o.Registrar {
		return s, false
	}
	switch o.Command {
	case Renew:
		if !s.Expires.IsZero() {
			if s.Expires.Format(time.DateOnly) != o.Current {
				return s, false
			}
			s.Expires = AddYears(s.Expires, o.Years)
			if o.answer.Outcome == Acknowledged && !o.answer.Expires.Equal(s.Expires) {
				return s, false
			}
		}
		s.Years += o.Years
		s.Charged += int64(o.Years) * b.RenewPrice
	case Update:
		hosts := slices.DeleteFunc(strings.Fields(s.Hosts), func(h string) bool { return slices.Contains(o.RemoveHosts, h) })
		s.Hosts = hostSet(append(hosts, o.AddHosts...))
		if o.Hold != nil {
			s.Hold = *o.Hold
		}
	case Delete:
		// In the add grace period: at once, with all that was paid given back. Clients here delete nothing later than that.
		const pending = 1001
		return State{}, o.answer.Code != pending
	}
	return s, true
}
