package registry

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"

	"quorate/fsm/store"
)

// A Plan is a publication, or a part of an edition in the making, that lacks only signatures. What needs which
// is a matter of the zone's state; to make them takes keys, and is done outside.
type Plan struct {
	Publication
	Sign []ToSign // the RRsets of Added to be signed
	Hold []string // removals that are too many now (Breaker)
}

// ToSign is an RRset that is to be signed.
type ToSign struct {
	Set  int  // its index in Added
	Life Time // until its signatures end, at most
}

// planner works out what changes in an edition when names are brought up to date.
type planner struct {
	v       *View
	z       *Zone
	ed      edition
	tld     TLD
	policy  ZonePolicy
	keys    []ZoneKey
	now     Time
	content func(owner string) []RRset // what should be at a name; the SOA and denial apart
	held    map[string]bool            // names that stay as they are

	order  []string // the names that are looked at
	before map[string][]RRset
	after  map[string][]RRset

	out   Plan
	size  int
	above int // cuts taken because of glue below them
}

func (v *View) newPlanner(z *Zone, ed edition) *planner {
	p := &planner{
		v: v, z: z, ed: ed, tld: v.mustTLD(z.Name), keys: v.ZoneKeys(z.Name), now: v.Now(),
		held: map[string]bool{}, before: map[string][]RRset{}, after: map[string][]RRset{},
	}
	p.policy, _ = v.ZonePolicy(z.Name)
	p.content = p.wanted
	return p
}

// wanted is what should be at a name by the registry's state.
func (p *planner) wanted(owner string) []RRset {
	if p.z.Held > 0 && zoneHeld.Has(p.v.r, ownerKey(p.z.Name, owner)) || p.held[owner] {
		// Also where another edition is in the making it stays as it is published.
		current := p.v.edition(p.z)
		return slices.DeleteFunc(current.at(p.v.r, owner), func(s RRset) bool { return !isContent(s.Type) })
	}
	return p.v.editionContent(&p.tld, &p.policy, p.ed.form, p.keys, owner)
}

// published are an owner's RRsets, the SOA and denial apart.
func (p *planner) published(owner string) (sets []RRset) {
	for _, s := range p.ed.at(p.v.r, owner) {
		if isContent(s.Type) {
			sets = append(sets, s)
		}
	}
	return sets
}

// isContent says whether a type is neither the SOA nor denial, which follow from everything else.
func isContent(kind uint16) bool { return kind != TypeSOA && kind != TypeNSEC && kind != TypeNSEC3 }

// take has a name brought up to date, and what must change together with it.
func (p *planner) take(owner string) {
	if _, seen := p.after[owner]; seen {
		return
	}
	before, after := p.published(owner), p.content(owner)
	p.order = append(p.order, owner)
	p.before[owner], p.after[owner] = before, after
	was, is := find(before, TypeNS), find(after, TypeNS)
	switch {
	case was == nil && is == nil:
		return
	case was != nil && is != nil && equalSets(*was, *is):
		return
	}
	// A delegation comes with the addresses that it needs, and takes along those that nobody needs any more.
	for _, s := range []*RRset{was, is} {
		if s == nil {
			continue
		}
		for _, d := range s.Data {
			if name, ok := plainName(d); ok && below(name, p.z.Name) {
				p.take(name)
				if s == is {
					p.takeAbove(name)
				}
			}
		}
	}
	if owner == p.z.Name || was != nil && is != nil {
		return
	}
	// Where a cut comes or goes, what is below it is glue or isn't.
	var under []string
	p.ed.below(p.v.r, owner, func(s RRset) bool { under = append(under, s.Owner); return true })
	under = append(under, p.v.Subordinates(owner)...)
	for _, ns := range p.tld.Nameservers {
		under = append(under, ns.Name)
	}
	for _, name := range under {
		if below(name, owner) {
			p.take(name)
		}
	}
}

// maxAbove bounds the names that a plan takes because of glue below them: each may need another's glue. A chain that is longer has
// its glue held back until the rest is published.
const maxAbove = 256

// takeAbove takes along a marked name above glue that is to be a cut and isn't one yet: the glue would be nobody's.
func (p *planner) takeAbove(glue string) {
	for name := parent(glue); len(name) > len(p.z.Name) && p.above < maxAbove; name = parent(name) {
		if _, seen := p.after[name]; seen || !zoneDirty.Has(p.v.r, ownerKey(p.z.Name, name)) || p.ed.has(p.v.r, name, TypeNS) || find(p.content(name), TypeNS) == nil {
			continue
		}
		p.above++
		p.take(name)
	}
}

// plainName is the text of a name in wire form.
func plainName(wire []byte) (string, bool) {
	var labels []string
	for i := 0; i < len(wire) && wire[i] != 0; i += 1 + int(wire[i]) {
		if i+1+int(wire[i]) > len(wire) {
			return "", false
		}
		labels = append(labels, string(wire[i+1:i+1+int(wire[i])]))
	}
	return strings.Join(labels, "."), len(labels) > 0
}

func find(sets []RRset, kind uint16) *RRset {
	for i := range sets {
		if sets[i].Type == kind {
			return &sets[i]
		}
	}
	return nil
}

// sets are an owner's RRsets as they will be, the SOA and denial apart.
func (p *planner) sets(owner string) []RRset {
	if after, ok := p.after[owner]; ok {
		return after
	}
	return p.published(owner)
}

func (p *planner) isCut(owner string) bool {
	if owner == p.z.Name {
		return false
	}
	if after, ok := p.after[owner]; ok {
		return find(after, TypeNS) != nil
	}
	return p.ed.has(p.v.r, owner, TypeNS)
}

// belowCut says whether a name is delegated away with one above it.
func (p *planner) belowCut(owner string) bool {
	if owner == p.z.Name {
		return false
	}
	for name := parent(owner); len(name) > len(p.z.Name); name = parent(name) {
		if p.isCut(name) {
			return true
		}
	}
	return false
}

// finish works out the difference, and the serial if there is one.
func (p *planner) finish() {
	if p.diff(); p.ed.form.Signed {
		p.chain()
	}
	_, apex := p.after[p.z.Name]
	soa, had := p.ed.get(p.v.r, p.z.Name, TypeSOA)
	timers := apex && had && !equalSets(soa, p.tld.soa(p.z.Serial)) // they are all that has changed
	if len(p.out.Removed)+len(p.out.Added) > 0 || timers {
		p.soa(p.z.Serial + 1)
	}
}

// diff compares the names' records before and after, and whether they are signed.
func (p *planner) diff() {
	for _, owner := range p.order {
		before, after := p.before[owner], p.after[owner]
		cut, glue := p.isCut(owner), p.belowCut(owner)
		for _, s := range after {
			s.Sigs = nil
			signed := p.ed.form.Signed && !glue && (!cut || s.Type == TypeDS)
			if old := find(before, s.Type); old != nil {
				if equalSets(*old, s) && (len(old.Sigs) > 0) == signed && !p.tooLong(old) && !p.byOthers(old) {
					continue
				}
				p.remove(*old)
			}
			p.add(s, signed)
		}
		for _, s := range before {
			if find(after, s.Type) == nil {
				p.remove(s)
			}
		}
	}
}

// life is for how long a set's signatures are to be good: as the policy says, but no longer than a domain wishes for its DS records
// (maxSigLife, RFC 5910 §3.3), if that is long enough for them to be renewed in time.
func (p *planner) life(s *RRset) Time {
	if s.Type == TypeDS {
		if d, ok := p.v.Domain(s.Owner); ok && d.MaxSigLife != 0 {
			return p.policy.SignatureLife(d.MaxSigLife)
		}
	}
	return p.policy.Validity
}

// tooLong says whether a set's signatures will be good for longer than they may: a domain has another wish since.
func (p *planner) tooLong(s *RRset) bool {
	life := p.life(s)
	if life == p.policy.Validity {
		return false // what an older policy made is renewed in its time
	}
	end, signed := s.expires()
	return signed && Time(end)*Second > p.now+life
}

// byOthers says whether a set that the keys' own keys sign is signed by others than those that do now. Everything else
// may wait for its renewal, but by these it is that a validator comes from the parent's DS records to the zone's keys.
func (p *planner) byOthers(s *RRset) bool {
	if !s.SignedByKeys() || len(s.Sigs) == 0 {
		return false
	}
	var has, wanted []uint32 // algorithm and tag
	for _, sig := range s.Sigs {
		has = append(has, uint32(sig[2])<<16|uint32(binary.BigEndian.Uint16(sig[16:])))
	}
	for _, k := range p.keys {
		if k.Roles&SignsKeys != 0 && k.Signs(p.now) && k.InZone(p.now) {
			wanted = append(wanted, uint32(k.Algorithm)<<16|uint32(k.Tag))
		}
	}
	slices.Sort(has)
	slices.Sort(wanted)
	return !slices.Equal(has, wanted)
}

// SignedByKeys says whether a set is signed by the keys that sign keys, in the DNSKEY RRset as they are (RFC 7344 §4.1).
func (s *RRset) SignedByKeys() bool {
	return s.Type == TypeDNSKEY || s.Type == TypeCDS || s.Type == TypeCDNSKEY
}

func (p *planner) remove(s RRset) {
	p.out.Removed = append(p.out.Removed, s)
	p.size += octets(&s)
}

func (p *planner) add(s RRset, signed bool) {
	p.out.Added = append(p.out.Added, s)
	p.size += octets(&s)
	if signed {
		p.out.Sign = append(p.out.Sign, ToSign{len(p.out.Added) - 1, p.life(&s)})
		p.size += signatureOctets * max(1, len(p.keys))
	}
}

// signatureOctets is what a signature adds to an entry, about: P-256's, and the fields before it.
const signatureOctets = 64 + 18 + 24

// octets is about what an RRset takes in an entry.
func octets(s *RRset) int {
	n := len(s.Owner) + 16
	for _, d := range s.Data {
		n += len(d) + 3
	}
	for _, d := range s.Sigs {
		n += len(d) + 3
	}
	return n
}

// soa renews the SOA.
func (p *planner) soa(serial uint32) {
	p.out.Serial = serial
	if old, had := p.ed.get(p.v.r, p.z.Name, TypeSOA); had {
		p.remove(old)
	}
	p.add(p.tld.soa(serial), p.ed.form.Signed)
}

// MaxPlan is about how many octets of an entry a plan fills: entries of a mebibyte keep the log moving.
const MaxPlan = 768 << 10

// PlanMarks works out the publication that brings at most max marked names of a zone up to date, fewer
// if they don't fit an entry; ok is false when there is nothing to do or the zone is frozen. index is the applied index of the view.
func (v *View) PlanMarks(zone string, index uint64, max int) (Plan, bool) {
	z, exists := v.Zone(zone)
	if !exists || z.Generation == 0 || z.Frozen || z.Rollback != 0 {
		return Plan{}, false
	}
	marks := v.Dirty(zone, max)
	if len(marks) == 0 {
		return Plan{}, false
	}
	for {
		p := v.planFor(&z, index, marks)
		if p.size > MaxPlan && len(marks) > 1 {
			marks = marks[:1+len(marks)*MaxPlan/p.size*9/10]
			continue
		}
		return p.out, true
	}
}

// planFor is the plan for some marked names.
func (v *View) planFor(z *Zone, index uint64, marks []string) *planner {
	p := v.newPlanner(z, v.edition(z))
	hold := p.tooMany(marks)
	for _, owner := range hold {
		p.held[owner] = true
	}
	p.out.Hold = hold
	p.out.Zone, p.out.From, p.out.Base, p.out.Serial = z.Name, index, z.Serial, z.Serial
	for _, owner := range marks {
		if !p.held[owner] {
			p.take(owner)
		}
	}
	p.finish()
	for _, owner := range p.order {
		if !p.held[owner] {
			p.out.Owners = append(p.out.Owners, owner)
		}
	}
	slices.Sort(p.out.Owners)
	return p
}

// PlanRefresh works out the publication that makes at most max signatures anew, those that end first, except at some
// owners; ok is false when none ends within the policy's time.
func (v *View) PlanRefresh(zone string, index uint64, max int, except map[string]bool) (Plan, bool) {
	z, exists := v.Zone(zone)
	if !exists || z.Generation == 0 {
		return Plan{}, false
	}
	p := v.newPlanner(&z, v.edition(&z))
	if !p.ed.form.Signed {
		return Plan{}, false
	}
	p.out.Zone, p.out.From, p.out.Base, p.out.Serial = z.Name, index, z.Serial, z.Serial
	due := uint64((p.now+p.policy.Refresh)/Second) / expiryUnit
	last := slices.Clone(p.ed.prefix).Uint(due)
	var keys []store.Key
	zoneExpiry.Scan(v.r, p.ed.prefix, nil, func(key []byte, _ store.Empty) bool {
		if bytes.Compare(key, last) >= 0 {
			return false
		}
		if len(except) > 0 {
			if owner := key[len(p.ed.prefix)+8 : len(key)-2]; except[nameOf(owner)] {
				return true
			}
		}
		keys = append(keys, slices.Clone(key))
		return len(keys) < max
	})
	if len(keys) == 0 {
		return Plan{}, false
	}
	for _, key := range keys {
		rest := key[len(p.ed.prefix)+8:]
		s, ok := p.ed.sets.Get(v.r, append(slices.Clone(p.ed.prefix), rest...))
		if !ok {
			panic("invariant: a signature's end is noted and the RRset isn't there")
		}
		if s.Type == TypeSOA {
			continue
		}
		p.remove(s)
		s.Sigs = nil
		if p.add(s, true); p.size > MaxPlan {
			break
		}
	}
	p.soa(z.Serial + 1)
	return p.out, true
}

// FirstExpiry is when the first signature of a zone ends; ok is false for a zone without any.
func (v *View) FirstExpiry(zone string) (at Time, ok bool) {
	z, exists := v.Zone(zone)
	if !exists || z.Generation == 0 {
		return 0, false
	}
	ed := v.edition(&z)
	hour, n := uint64(0), 0
	zoneExpiry.Scan(v.r, ed.prefix, nil, func(key []byte, _ store.Empty) bool {
		this := store.LastUint(key[:len(ed.prefix)+8])
		if !ok {
			hour, ok = this, true
		}
		if this != hour {
			return false
		}
		if n++; n > maxMarksLooked {
			at = Time(hour*expiryUnit) * Second // to the hour
			return false
		}
		rest := key[len(ed.prefix)+8:]
		if s, there := ed.sets.Get(v.r, append(slices.Clone(ed.prefix), rest...)); there {
			if end, signed := s.expires(); signed && (at == 0 || Time(end)*Second < at) {
				at = Time(end) * Second
			}
		}
		return true
	})
	return at, ok
}

// maxMarksLooked bounds the marks that are looked at for the oldest.
const maxMarksLooked = 1000

// OldestMark is about when the oldest mark of a zone was set: that of the next event in the history; ok is false when none is marked.
func (v *View) OldestMark(zone string) (at Time, ok bool) {
	oldest, n := uint64(0), 0
	zoneDirty.Scan(v.r, zoneKey(zone), nil, func(_ []byte, mark uint64) bool {
		if n++; n == 1 || mark < oldest {
			oldest = mark
		}
		return n < maxMarksLooked
	})
	if n == 0 {
		return 0, false
	}
	at = v.Now()
	v.History(oldest, func(r Record) bool { at = r.Time; return false })
	return at, true
}
