package registry

import (
	"slices"

	"quorate/fsm/store"
)

// Zone is the published form of a TLD. Its content is a function of the
// registry's state as of some index, and changes only by publications.
type Zone struct {
	Name    string `cbor:"1,keyasint"`
	Serial  uint32 `cbor:"2,keyasint"` // of the newest publication
	Journal uint32 `cbor:"3,keyasint"` // publications kept, the newest included
	Changed Time   `cbor:"4,keyasint"` // log time of the newest publication
	Index   uint64 `cbor:"5,keyasint"` // of its log entry

	Generation  uint64 `cbor:"6,keyasint,omitempty" since:"3"`  // the edition that is published; 0: as before level 3
	Building    uint64 `cbor:"7,keyasint,omitempty" since:"3"`  // the edition in the making; 0: none
	Last        uint64 `cbor:"8,keyasint,omitempty" since:"3"`  // the newest edition's number
	Delegations uint64 `cbor:"9,keyasint,omitempty" since:"3"`  // in the published edition
	Held        uint64 `cbor:"10,keyasint,omitempty" since:"3"` // names that are held back
	Frozen      bool   `cbor:"11,keyasint,omitempty" since:"3"` // content is not published, signatures are renewed
	Rollback    uint64 `cbor:"12,keyasint,omitempty" since:"3"` // 1 + the serial whose content is being published again; 0: none
	Window      Window `cbor:"13,keyasint,omitempty" since:"3"`
	Released    uint64 `cbor:"14,keyasint,omitempty" since:"3"` // index: removals that were marked up to it may go
	Octets      uint64 `cbor:"15,keyasint,omitempty" since:"3"` // of the publications kept
	Stale       bool   `cbor:"16,keyasint,omitempty" since:"3"` // there are publications to be removed
}

// Window counts a zone's removals for its breaker.
type Window struct {
	Begun   Time   `cbor:"1,keyasint,omitempty"` // when the last was counted
	Removed uint64 `cbor:"2,keyasint,omitempty"` // what counted then, that one included
}

// RRset is a set of resource records of one owner and type, class IN.
type RRset struct {
	Owner string   `cbor:"1,keyasint"`                     // in lower case, no final dot
	Type  uint16   `cbor:"2,keyasint"`                     // RFC 1035 §3.2.2
	TTL   uint32   `cbor:"3,keyasint"`                     // seconds
	Data  [][]byte `cbor:"4,keyasint"`                     // RDATA in wire form, uncompressed, in canonical order (RFC 4034 §6.3)
	Sigs  [][]byte `cbor:"5,keyasint,omitempty" since:"3"` // RDATA of the RRSIGs that cover the set (RFC 4034 §3.1), one a key, sorted
}

// Publication takes a zone from one serial to the next: the difference that
// IXFR sends (RFC 1995 §4), the SOA on both sides included. One that changes
// nothing keeps the serial and only clears marks.
type Publication struct {
	Zone    string   `cbor:"1,keyasint"`
	From    uint64   `cbor:"2,keyasint"` // the applied index that it was computed from
	Base    uint32   `cbor:"3,keyasint"`
	Serial  uint32   `cbor:"4,keyasint"`
	Owners  []string `cbor:"5,keyasint,omitempty"` // the marked names that it looked at
	Removed []RRset  `cbor:"6,keyasint,omitempty"`
	Added   []RRset  `cbor:"7,keyasint,omitempty"`

	Rollback RollbackPart `cbor:"8,keyasint,omitempty" since:"3"`
}

// MaxJournal is how many publications a zone keeps for IXFR.
const MaxJournal = 4096

var (
	zones       = store.Declare[Zone](20, "zones", false).Kept()       // name
	zoneRRsets  = store.Declare[RRset](21, "zone_rrsets", false)       // zone, owner, type
	zoneDirty   = store.Declare[uint64](22, "zone_dirty", false)       // zone, owner → index that marked it
	zoneJournal = store.Declare[Publication](23, "zone_journal", true) // zone, serial
)

func zoneKey(zone string) store.Key { return nameKey(zone).End() }

func ownerKey(zone, owner string) store.Key { return zoneKey(zone).Name(owner).End() }

// Zones are all zones, in canonical order.
func (v *View) Zones() (all []Zone) {
	zones.Scan(v.r, nil, nil, func(_ []byte, z Zone) bool { all = append(all, z); return true })
	return all
}

// Zone returns the zone called name.
func (v *View) Zone(name string) (Zone, bool) { return zones.Get(v.r, nameKey(name)) }

// ZoneRRsets calls fn for a zone's RRsets, as published, in canonical order, until it returns false.
func (v *View) ZoneRRsets(zone string, fn func(RRset) bool) {
	z, ok := v.Zone(zone)
	if !ok {
		return
	}
	ed := v.edition(&z)
	ed.sets.Scan(v.r, ed.prefix, nil, func(_ []byte, s RRset) bool { return fn(s) })
}

// Published says whether a zone has ever been published: before that it has no SOA.
func (v *View) Published(zone string) bool {
	z, ok := v.Zone(zone)
	if !ok {
		return false
	}
	ed := v.edition(&z)
	return ed.has(v.r, zone, TypeSOA)
}

// Dirty are at most max names of a zone whose content may have changed since they were last published.
func (v *View) Dirty(zone string, max int) (owners []string) {
	zoneDirty.Scan(v.r, zoneKey(zone), nil, func(key []byte, _ uint64) bool {
		owners = append(owners, nameOf(key[len(zoneKey(zone)):]))
		return len(owners) < max
	})
	return owners
}

// nameOf undoes Key.Name.End.
func nameOf(key []byte) (name string) {
	for label := range splitLabels(key) {
		if name != "" {
			label += "."
		}
		name = label + name
	}
	return name
}

func splitLabels(key []byte) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for len(key) > 0 && key[0] != 0 {
			end := slices.Index(key, 0)
			if !yield(string(key[:end])) {
				return
			}
			key = key[end+1:]
		}
	}
}

// Publish works out the publication that brings at most max marked names of an
// unsigned zone up to date; ok is false when no name is marked, or signatures are needed (PlanMarks). index is
// the applied index of the view.
func (v *View) Publish(zone string, index uint64, max int) (p Publication, ok bool) {
	z, exists := v.Zone(zone)
	if z.Generation != 0 {
		if v.edition(&z).form.Signed {
			return p, false
		}
		plan, ok := v.PlanMarks(zone, index, max)
		return plan.Publication, ok && len(plan.Hold) == 0
	}
	owners := v.Dirty(zone, max)
	if !exists || len(owners) == 0 {
		return p, false
	}
	tld := v.mustTLD(zone)
	p = Publication{Zone: zone, From: index, Base: z.Serial, Serial: z.Serial, Owners: owners}
	for _, owner := range owners {
		was, is := v.published(zone, owner), v.content(&tld, owner)
		p.Removed = append(p.Removed, lacking(was, is)...)
		p.Added = append(p.Added, lacking(is, was)...)
	}
	soa, had := zoneRRsets.Get(v.r, ownerKey(zone, zone).Uint16(TypeSOA))
	if len(p.Removed)+len(p.Added) > 0 || had && !equalSets(soa, tld.soa(z.Serial)) {
		p.Serial++
		if had {
			p.Removed = append(p.Removed, soa)
		}
		p.Added = append(p.Added, tld.soa(p.Serial))
	}
	return p, true
}

// published are the RRsets of an owner as last published, the SOA apart.
func (v *View) published(zone, owner string) (sets []RRset) {
	zoneRRsets.Scan(v.r, ownerKey(zone, owner), nil, func(_ []byte, s RRset) bool {
		if s.Type != TypeSOA {
			sets = append(sets, s)
		}
		return true
	})
	return sets
}

func lacking(all, others []RRset) (only []RRset) {
	for _, s := range all {
		if !slices.ContainsFunc(others, func(o RRset) bool { return equalSets(s, o) }) {
			only = append(only, s)
		}
	}
	return only
}

func equalSets(a, b RRset) bool {
	return a.Owner == b.Owner && a.Type == b.Type && a.TTL == b.TTL &&
		slices.EqualFunc(a.Data, b.Data, slices.Equal[[]byte])
}

// publishZone refuses what was not computed from the zone as it is: another
// leader, or the same one twice, was faster.
func (x *Exec) publishZone(p Publication) (Code, any, *Failure) {
	if x.Actor.Role != RoleNode {
		return 0, nil, Fail(AuthorizationError, "", "", "zones are published by nodes only")
	}
	z, ok := x.Zone(p.Zone)
	changes := len(p.Removed)+len(p.Added) > 0
	switch {
	case !ok:
		return 0, nil, Fail(ObjectDoesNotExist, "zone", p.Zone, "there is no such zone")
	case p.Base != z.Serial:
		return 0, nil, Fail(ParameterPolicy, "base", "", "the zone's serial is %d, not %d", z.Serial, p.Base)
	case changes && p.Serial != p.Base+1, !changes && p.Serial != p.Base:
		return 0, nil, Fail(ParameterPolicy, "serial", "", "serial %d can't follow %d", p.Serial, p.Base)
	case p.From >= x.Index:
		return 0, nil, Fail(ParameterPolicy, "from", "", "computed from index %d, in the future", p.From)
	}
	if z.Generation != 0 {
		return x.publishEdition(&z, &p)
	}
	for _, s := range p.Removed {
		key := ownerKey(p.Zone, s.Owner).Uint16(s.Type)
		if was, ok := zoneRRsets.Get(x.tx, key); !ok || !equalSets(was, s) {
			return 0, nil, Fail(ParameterPolicy, "removed", s.Owner, "the zone holds other records of type %d", s.Type)
		}
		zoneRRsets.Delete(x.tx, key)
	}
	for _, s := range p.Added {
		key := ownerKey(p.Zone, s.Owner).Uint16(s.Type)
		if zoneRRsets.Has(x.tx, key) || s.Owner != p.Zone && !below(s.Owner, p.Zone) {
			return 0, nil, Fail(ParameterPolicy, "added", s.Owner, "records of type %d can't be added", s.Type)
		}
		zoneRRsets.Put(x.tx, key, s)
	}
	for _, owner := range p.Owners {
		key := ownerKey(p.Zone, owner)
		if mark, ok := zoneDirty.Get(x.tx, key); ok && mark <= p.From {
			zoneDirty.Delete(x.tx, key)
		}
	}
	if changes {
		x.advanceZone(z, p)
	}
	return Success, nil, nil
}

// advanceZone moves the zone to the publication's serial and keeps it in the journal.
func (x *Exec) advanceZone(z Zone, p Publication) {
	zoneJournal.Put(x.tx, zoneKey(z.Name).Uint(uint64(p.Serial)), p)
	z.Serial, z.Changed, z.Index = p.Serial, x.Now, x.Index
	z.Journal++
	if z.Generation != 0 {
		x.trimJournal(&z, &p)
	}
	if z.Journal > MaxJournal {
		zoneJournal.Delete(x.tx, zoneKey(z.Name).Uint(uint64(z.Serial-MaxJournal)))
		z.Journal--
	}
	zones.Put(x.tx, nameKey(z.Name), z)
	x.Published = &p
}

// Journal returns the publications after a serial, in order; ok is false when the journal doesn't go back so far.
func (v *View) Journal(zone string, after uint32) (all []Publication, ok bool) {
	z, exists := v.Zone(zone)
	if !exists || z.Serial-after > z.Journal {
		return nil, false
	}
	for serial := after; serial != z.Serial; {
		serial++
		p, _ := zoneJournal.Get(v.r, zoneKey(zone).Uint(uint64(serial)))
		all = append(all, p)
	}
	return all, true
}

// openZone begins a TLD's zone, with its apex marked for publication. From level 3 on it has the default policy.
func (x *Exec) openZone(t *TLD, serial uint32, unsigned bool) {
	z := Zone{Name: t.Name, Serial: serial, Changed: x.Now, Index: x.Index}
	if x.Level() >= 3 {
		policy := DefaultPolicy(t)
		policy.Form.Signed = !unsigned
		policy.Updated, policy.LastEvent = x.Now, x.Index
		zonePolicies.Put(x.tx, nameKey(t.Name), policy)
		z.Generation, z.Last = 1, 1
		x.putGeneration(t.Name, Generation{Number: 1, Form: policy.Form, Phase: PhaseCurrent, Begun: x.Now})
	}
	zones.Put(x.tx, nameKey(t.Name), z)
	x.dirty(t.Name, t.Name)
	if above := x.zoneAbove(t.Name); x.Level() >= 3 && above != "" {
		x.dirty(above, t.Name) // delegates it
	}
	for _, ns := range t.Nameservers {
		if below(ns.Name, t.Name) {
			x.dirty(t.Name, ns.Name)
		}
	}
}

// dirty marks a name of a zone: its content may have changed. A name that is held back gets another chance.
func (x *Exec) dirty(zone, owner string) {
	zoneDirty.Put(x.tx, ownerKey(zone, owner), x.Index)
	x.Dirtied = true
	if x.Level() < 3 {
		return
	}
	z, _ := x.Zone(zone)
	if z.Building != 0 {
		zoneDirtyNext.Put(x.tx, ownerKey(zone, owner), x.Index)
	}
	if z.Held > 0 && zoneHeld.Has(x.tx, ownerKey(zone, owner)) {
		zoneHeld.Delete(x.tx, ownerKey(zone, owner))
		z.Held--
		zones.Put(x.tx, nameKey(zone), z)
	}
}

// dirtyHost marks a host's name in every zone that could have it as glue.
func (x *Exec) dirtyHost(name string) {
	for p := parent(name); p != ""; p = parent(p) {
		if t, ok := x.TLD(p); ok {
			x.dirty(t.zone(), name)
		}
	}
}

// dirtyDelegation marks the names that a domain's change touches: its own, and
// its name servers in the zone, whose glue may come or go.
func (x *Exec) dirtyDelegation(before, after *Domain) {
	for _, d := range []*Domain{before, after} {
		if d == nil {
			continue
		}
		zone := x.zoneOf(d.TLD)
		x.dirty(zone, d.Name)
		for _, n := range d.Hosts {
			if h := x.HostByNumber(n); below(h.Name, zone) {
				x.dirty(zone, h.Name)
			}
		}
		for _, a := range d.Attributes {
			if a.Name == d.Name || below(a.Name, d.Name) {
				x.dirty(zone, a.Name)
			}
		}
	}
}

// zoneOf is the zone that the domains of a TLD are published in.
func (v *View) zoneOf(tld string) string {
	t := v.mustTLD(tld)
	return t.zone()
}

// zoneHolding is the zone that a domain is published in.
func (v *View) zoneHolding(domain string) string {
	t, ok := v.TLDOf(domain)
	if !ok {
		panic("invariant: " + domain + " is in no TLD")
	}
	return t.zone()
}
