package registry

import "quorate/fsm/store"

// publishEdition changes the published edition. It refuses what would be no sound zone, naming the owner
// that is at fault in the failure's value, so that the publisher can go on without it.
func (x *Exec) publishEdition(z *Zone, p *Publication) (Code, any, *Failure) {
	ed := x.edition(z)
	if p.Rollback != 0 && z.Rollback == 0 {
		return 0, nil, Fail(ParameterPolicy, "rollback", "", "there is no rollback now")
	}
	cuts := x.cutsOf(&ed, p.Removed, p.Added)
	if fail := x.breaker(z, p, cuts); fail != nil {
		return 0, nil, fail
	}
	if fail := x.change(&ed, p.Removed, p.Added); fail != nil {
		return 0, nil, fail
	}
	c := checker{x: x, ed: ed, tld: x.mustTLD(z.Name)}
	if fail := c.check(p.Removed, p.Added); fail != nil {
		return 0, nil, fail
	}
	z.Delegations += cuts.added - uint64(len(cuts.gone))
	x.clear(z, p.Owners, p.From)
	if p.Rollback != 0 {
		for _, owner := range p.Owners { // for when it is thawed
			zoneDirty.Put(x.tx, ownerKey(z.Name, owner), x.Index)
		}
		if p.Rollback == RollbackDone {
			z.Rollback = 0
		}
	}
	if len(p.Removed)+len(p.Added) > 0 {
		x.advanceZone(*z, *p)
	} else {
		zones.Put(x.tx, nameKey(z.Name), *z)
	}
	return Success, nil, nil
}

// clear removes marks that are not newer than an index.
func (x *Exec) clear(z *Zone, owners []string, from uint64) {
	for _, owner := range owners {
		key := ownerKey(z.Name, owner)
		if mark, ok := zoneDirty.Get(x.tx, key); ok && mark <= from {
			zoneDirty.Delete(x.tx, key)
		}
		if z.Held > 0 && zoneHeld.Has(x.tx, key) {
			zoneHeld.Delete(x.tx, key)
			z.Held--
		}
	}
}

// change removes and adds RRsets. What is removed must be as it is there, signatures and all.
func (x *Exec) change(ed *edition, removed, added []RRset) *Failure {
	for _, s := range removed {
		if was, ok := ed.get(x.tx, s.Owner, s.Type); !ok || !equalSigned(was, s) {
			return Fail(ParameterPolicy, "removed", s.Owner, "the zone holds other records of type %d", s.Type)
		}
		ed.remove(x.tx, &s)
	}
	for _, s := range added {
		if fail := checkSet(&s, ed.zone); fail != nil {
			return fail
		}
		if ed.has(x.tx, s.Owner, s.Type) {
			return Fail(ParameterPolicy, "added", s.Owner, "there are records of type %d", s.Type)
		}
		ed.add(x.tx, s)
	}
	return nil
}

// checkSet refuses what the tables rely on.
func checkSet(s *RRset, zone string) *Failure {
	if s.Owner != zone && !below(s.Owner, zone) || len(s.Data) == 0 {
		return Fail(ParameterPolicy, "added", s.Owner, "no records of this zone")
	}
	for _, sig := range s.Sigs {
		if len(sig) < minSig {
			return Fail(ParameterPolicy, "added", s.Owner, "a signature of %d octets", len(sig))
		}
	}
	return nil
}

// cuts are the delegations that a change brings and takes.
type cuts struct {
	added uint64
	gone  []string
}

func (x *Exec) cutsOf(ed *edition, removed, added []RRset) (c cuts) {
	stays := map[string]bool{}
	for _, s := range added {
		if s.Type == TypeNS && s.Owner != ed.zone {
			stays[s.Owner] = true
			if !ed.has(x.tx, s.Owner, TypeNS) {
				c.added++
			}
		}
	}
	for _, s := range removed {
		if s.Type == TypeNS && s.Owner != ed.zone && !stays[s.Owner] {
			c.gone = append(c.gone, s.Owner)
		}
	}
	return c
}

// The bounds of a journal.
const (
	// MaxJournalOctets is how many octets of publications a zone keeps for IXFR: beyond, a transfer of the zone costs little more.
	MaxJournalOctets = 256 << 20
	// maxTrimmed is how many publications are removed in an entry that adds one: two, so that a backlog shrinks.
	maxTrimmed = 2
)

// trimJournal keeps the journal within its octets. z has the newest publication counted in.
func (x *Exec) trimJournal(z *Zone, p *Publication) {
	z.Octets += uint64(publicationOctets(p))
	for n := 0; n < maxTrimmed && z.Journal > 1 && (z.Octets > MaxJournalOctets || z.Journal > MaxJournal); n++ {
		key := zoneKey(z.Name).Uint(uint64(z.Serial - z.Journal + 1))
		if old, ok := zoneJournal.Get(x.tx, key); ok {
			z.Octets -= min(z.Octets, uint64(publicationOctets(&old)))
			zoneJournal.Delete(x.tx, key)
		}
		z.Journal--
	}
}

func publicationOctets(p *Publication) (n int) {
	for _, s := range p.Removed {
		n += octets(&s)
	}
	for _, s := range p.Added {
		n += octets(&s)
	}
	return n
}

// Slices of what Ticks do for zones, so that the commands behind them don't wait.
const (
	maxKeysDue = 64
	// maxGarbage is how many rows of an old edition a Tick removes: some ten milliseconds.
	maxGarbage = 1000
	// maxStale is how many octets of old publications a Tick removes: they are hashed once more.
	maxStale = 4 << 20
	// maxUnheld is how many names a Tick marks again when their hold is over.
	maxUnheld = 1000
)

// zoneDuties is what happens to zones by themselves. It is done by Ticks.
func (x *Exec) zoneDuties() {
	x.keysDue(maxKeysDue)
	for _, z := range x.Zones() {
		was := z
		x.removeGarbage(z.Name)
		x.removeStale(&z)
		x.unhold(&z)
		if z != was {
			zones.Put(x.tx, nameKey(z.Name), z)
		}
	}
}

// removeGarbage removes a slice of a dropped edition.
func (x *Exec) removeGarbage(zone string) {
	var dropped []Generation
	zoneGenerations.Scan(x.tx, zoneKey(zone), nil, func(_ []byte, g Generation) bool {
		if g.Phase == PhaseDropped {
			dropped = append(dropped, g)
		}
		return true
	})
	if len(dropped) == 0 {
		return
	}
	g := dropped[0]
	ed := newEdition(zone, g.Number, g.Form)
	left := maxGarbage
	left -= removeRows(x.tx, ed.sets, ed.prefix, left)
	if g.Number != 0 {
		left -= removeRows(x.tx, zoneChain, ed.prefix, left)
		left -= removeRows(x.tx, zoneExpiry, ed.prefix, left)
	}
	if left > 0 {
		zoneGenerations.Delete(x.tx, editionKey(zone, g.Number))
	}
}

// removeRows removes at most n rows and says how many it found.
func removeRows[V any](tx *store.Tx, t store.Table[V], prefix store.Key, n int) int {
	var keys []store.Key
	t.Scan(tx, prefix, nil, func(key []byte, _ V) bool {
		if len(keys) == n {
			return false
		}
		keys = append(keys, append(store.Key(nil), key...))
		return true
	})
	for _, key := range keys {
		t.Delete(tx, key)
	}
	return len(keys)
}

// removeStale removes publications that lead to no serial of the journal any more.
func (x *Exec) removeStale(z *Zone) {
	if !z.Stale {
		return
	}
	var keys []store.Key
	size, more := 0, false
	// The kept ones are behind the stale, but where serials have wrapped around.
	for _, from := range []uint64{0, uint64(z.Serial) + 1} {
		zoneJournal.Scan(x.tx, zoneKey(z.Name), zoneKey(z.Name).Uint(from), func(key []byte, p Publication) bool {
			if z.Serial-p.Serial < z.Journal {
				return false
			}
			if size > maxStale {
				more = true
				return false
			}
			size += publicationOctets(&p)
			keys = append(keys, append(store.Key(nil), key...))
			return true
		})
	}
	for _, key := range keys {
		zoneJournal.Delete(x.tx, key)
	}
	z.Stale = more
}
