package registry

import (
	"slices"
)

// RollbackPart says what a publication is to a rollback.
type RollbackPart uint8

// The parts of a rollback.
const (
	RollbackMore RollbackPart = iota + 1 // some names
	RollbackDone                         // the last: the content is that of the wanted serial
)

// rollbackRoom is how many publications the journal must be able to take before it loses a rollback's serial: it goes in parts.
const rollbackRoom = 64

func (x *Exec) beginRollback(z *Zone, to uint32) *Failure {
	if back := z.Serial - to; back == 0 || back > z.Journal || back > MaxJournal-rollbackRoom {
		return Fail(ParameterPolicy, "to", "", "the journal of serial %d leads back to serial %d", z.Serial, z.Serial-min(z.Journal, MaxJournal-rollbackRoom))
	}
	z.Rollback, z.Frozen, x.Dirtied = uint64(to)+1, true, true
	return nil
}

// PlanRollback works out the next publication of a zone's rollback, of at most max names; ok is false when there is none.
func (v *View) PlanRollback(zone string, index uint64, max int) (Plan, bool) {
	z, exists := v.Zone(zone)
	if !exists || z.Rollback == 0 {
		return Plan{}, false
	}
	then, owners, whole := v.contentAt(&z, uint32(z.Rollback-1))
	p := v.newPlanner(&z, v.edition(&z))
	p.out.Zone, p.out.From, p.out.Base, p.out.Serial = z.Name, index, z.Serial, z.Serial
	p.out.Rollback = RollbackDone
	if !whole {
		return p.out, true // the journal has lost the serial meanwhile: it stays as it is, frozen
	}
	p.content = func(owner string) []RRset {
		sets := p.published(owner)
		for _, s := range then[owner] {
			sets = slices.DeleteFunc(sets, func(o RRset) bool { return o.Type == s.Type })
			if len(s.Data) > 0 {
				s.Sigs = nil
				sets = append(sets, s)
			}
		}
		slices.SortFunc(sets, func(a, b RRset) int { return int(a.Type) - int(b.Type) })
		return sets
	}
	for _, owner := range owners {
		if len(p.order) >= max || p.size > MaxPlan {
			p.out.Rollback = RollbackMore
			break
		}
		if !sameContent(p.published(owner), p.content(owner)) {
			p.take(owner)
		}
	}
	p.finish()
	p.out.Owners = slices.Sorted(slices.Values(p.order))
	return p.out, true
}

func sameContent(a, b []RRset) bool {
	return slices.EqualFunc(a, b, equalSets)
}

// contentAt is what the RRsets that have changed since a serial were then (without Data: they weren't there), by
// name and type, and their owners; whole is false when the journal doesn't go back so far. Keys are today's business.
func (v *View) contentAt(z *Zone, serial uint32) (then map[string][]RRset, owners []string, whole bool) {
	all, ok := v.Journal(z.Name, serial)
	if !ok {
		return nil, nil, false
	}
	then = map[string][]RRset{}
	set := func(s RRset) {
		if s.Type == TypeDNSKEY || s.Type == TypeCDS || s.Type == TypeCDNSKEY || s.Type == TypeNSEC3PARAM || !isContent(s.Type) {
			return
		}
		owners = append(owners, s.Owner)
		if old := find(then[s.Owner], s.Type); old != nil {
			*old = s
		} else {
			then[s.Owner] = append(then[s.Owner], s)
		}
	}
	for _, p := range slices.Backward(all) {
		for _, s := range p.Added {
			set(RRset{Owner: s.Owner, Type: s.Type})
		}
		for _, s := range p.Removed {
			set(s)
		}
	}
	slices.Sort(owners)
	return then, slices.Compact(owners), true
}
