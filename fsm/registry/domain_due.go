package registry

import (
	"quorate/fsm/store"
)

// What happens to a domain by itself is one function, next, of the domain, its
// TLD and log time. Readers apply it to a copy; commands and Ticks execute it,
// with its effects on money, links and the zone.

// AutoRenewMonths is by how much a domain is renewed when it expires.
const AutoRenewMonths = 12

type transition uint8

const (
	none transition = iota
	autoRenew
	purge
	transferred
)

// dueAt is when the next transition of d is due.
func dueAt(d *Domain) Time {
	switch {
	case d.Statuses.Has(PendingDelete):
		return d.Purge
	case d.Statuses.Has(PendingTransfer):
		return min(d.Transfer.Acts, d.Expires)
	}
	return d.Expires
}

// next takes d through its next transition if that is due at now.
func next(d *Domain, tld *TLD, now Time) transition {
	at := dueAt(d)
	switch {
	case at > now:
		return none
	case d.Statuses.Has(PendingDelete):
		return purge
	case d.Statuses.Has(PendingTransfer) && d.Transfer.Acts == at:
		d.handOver(tld, d.Transfer.ended(ServerApproved, at))
		d.Updated = at
		return transferred
	}
	d.Expires, d.Updated = at.AddMonths(AutoRenewMonths), at
	d.Grace = append(d.Grace, Grace{Kind: AutoRenewPeriod, Ends: at + tld.AutoRenewGrace})
	return autoRenew
}

// settled is d as it stands at log time; ok is false when it is no more.
func (v *View) settled(d Domain) (settled Domain, ok bool) {
	now := v.Now()
	if dueAt(&d) <= now {
		tld := v.mustTLD(d.TLD)
		d.Grace = append([]Grace(nil), d.Grace...)
		for t := next(&d, &tld, now); t != none; t = next(&d, &tld, now) {
			if t == purge {
				return d, false
			}
		}
	}
	d.Grace = running(d.Grace, now)
	return d, true
}

// running are the grace periods that have not ended.
func running(all []Grace, now Time) (still []Grace) {
	for _, g := range all {
		if g.Ends > now {
			still = append(still, g)
		}
	}
	return still
}

// settle executes the transitions of the domain called name that are due.
func (x *Exec) settle(name string) {
	d, ok := domains.Get(x.tx, nameKey(name))
	if !ok {
		return
	}
	before := d
	tld := x.mustTLD(d.TLD)
	for {
		was, at := d, dueAt(&d)
		switch next(&d, &tld, x.Now) {
		case none:
			if dueAt(&d) != dueAt(&before) {
				x.putDomain(&before, &d)
			}
			return
		case autoRenew:
			d.Grace[len(d.Grace)-1].Charge = x.charge(&d, "autorenew", tld.RenewPrice*AutoRenewMonths/12, tld.Currency)
			x.record("domain:autorenew", &d.Object, d.Name, was, d)
			x.tell(d.Sponsor, Message{Kind: DomainRenewedByRegistry, Of: DomainROID, Object: d.Name, Expires: d.Expires})
		case purge:
			x.removeDomain(&before)
			x.tellOfPurge(&was, at)
			x.record("domain:purge", &d.Object, d.Name, was, nil)
			return
		case transferred:
			x.record("domain:"+d.Transfer.Status.event(), &d.Object, d.Name, was, d)
			x.handedOver(&was, &d)
		}
	}
}

// domain settles the domain called name and returns it.
func (x *Exec) domain(name string) (Domain, bool) {
	x.settle(name)
	return x.Domain(name)
}

// dueDomains are the names of at most n domains with a transition due, in the order in which they fell due.
func (x *Exec) dueDomains(n int) (names []string) {
	due.Scan(x.tx, nil, nil, func(key []byte, _ store.Empty) bool {
		at, name := parseDueKey(key)
		if at > x.Now {
			return false
		}
		names = append(names, name)
		return len(names) < n
	})
	return names
}

// OldestDue is when the longest-waiting transition fell due; ok is false if there is none ahead at all.
func (v *View) OldestDue() (at Time, ok bool) {
	due.Scan(v.r, nil, nil, func(key []byte, _ store.Empty) bool {
		at, _ = parseDueKey(key)
		ok = true
		return false
	})
	if v.Level() >= 3 {
		contactDue.Scan(v.r, nil, nil, func(key []byte, _ store.Empty) bool {
			if first, _ := parseDueKey(key); !ok || first < at {
				at, ok = first, true
			}
			return false
		})
	}
	return at, ok
}

func dueKey(d *Domain) store.Key { return numberKey(uint64(dueAt(d))).Text(d.Name) }

func parseDueKey(key []byte) (at Time, name string) {
	return Time(store.LastUint(key[:8])), string(key[8 : len(key)-1])
}
