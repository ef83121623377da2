package registry

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"quorate/fsm/store"
)

// What is too big for one entry (the first signing of a zone, another form of denial, other keys for everything) is made as
// another edition, in parts: the records in canonical order, then the chain in its order, then what has
// been marked meanwhile, until nothing is. The last part puts it in the old one's place.

// StagePart is a part of an edition in the making.
type StagePart struct {
	Zone    string   `cbor:"1,keyasint"`
	Edition uint64   `cbor:"2,keyasint"`
	From    uint64   `cbor:"3,keyasint"`           // the applied index that it was computed from
	Phase   Phase    `cbor:"4,keyasint"`           // the phase that it is part of
	After   []byte   `cbor:"5,keyasint,omitempty"` // the edition's cursor before it
	Upto    []byte   `cbor:"6,keyasint,omitempty"` // and after it; empty: the phase is done
	Owners  []string `cbor:"7,keyasint,omitempty"` // the names that it looked at
	Links   []string `cbor:"8,keyasint,omitempty"` // names that are in the chain
	Removed []RRset  `cbor:"9,keyasint,omitempty"`
	Added   []RRset  `cbor:"10,keyasint,omitempty"`
	Serial  uint32   `cbor:"11,keyasint,omitempty"` // of the last part: the zone's then
	Last    bool     `cbor:"12,keyasint,omitempty"` // nothing was marked as of From: the edition is whole
}

// StagePlan is a part that lacks only signatures.
type StagePlan struct {
	StagePart
	Sign []ToSign
}

// build begins an edition.
func (x *Exec) build(z *Zone, form Form) {
	z.Last++
	z.Building = z.Last
	x.putGeneration(z.Name, Generation{Number: z.Last, Form: form, Phase: PhaseContent, Begun: x.Now})
	x.Dirtied = true
}

// abandon gives the edition in the making up.
func (x *Exec) abandon(z *Zone) {
	g := x.generation(z.Name, z.Building)
	g.Phase = PhaseDropped
	x.putGeneration(z.Name, g)
	z.Building = 0
}

// maxMovedMarks bounds the marks that may have come between the last part's making and its applying: half a minute's of a busy registry.
const maxMovedMarks = 20_000

// zoneStage refuses what doesn't follow the parts before it.
func (x *Exec) zoneStage(p StagePart) (Code, any, *Failure) {
	z, ok := x.Zone(p.Zone)
	switch {
	case x.Actor.Role != RoleNode:
		return 0, nil, Fail(AuthorizationError, "", "", "zones are published by nodes only")
	case !ok || z.Building == 0 || z.Building != p.Edition:
		return 0, nil, Fail(ObjectDoesNotExist, "edition", fmt.Sprint(p.Edition), "no such edition is in the making")
	case p.From >= x.Index:
		return 0, nil, Fail(ParameterPolicy, "from", "", "computed from index %d, in the future", p.From)
	}
	g := x.generation(p.Zone, p.Edition)
	if g.Phase != p.Phase || !bytes.Equal(g.Cursor, p.After) {
		return 0, nil, Fail(ParameterPolicy, "after", "", "the edition has come further")
	}
	ed := newEdition(p.Zone, g.Number, g.Form)
	for _, name := range p.Links {
		key := nameKey(name).End()
		if !g.Form.NSEC {
			key = hashName(name)
		}
		zoneChain.Put(x.tx, append(slices.Clone(ed.prefix), key...), name)
	}
	cuts := x.cutsOf(&ed, p.Removed, p.Added)
	if fail := x.change(&ed, p.Removed, p.Added); fail != nil {
		return 0, nil, fail
	}
	g.Cuts += cuts.added - uint64(len(cuts.gone))
	g.Sets += uint64(len(p.Added)) - uint64(len(p.Removed))
	for _, owner := range p.Owners {
		key := ownerKey(p.Zone, owner)
		if mark, ok := zoneDirtyNext.Get(x.tx, key); ok && mark <= p.From {
			zoneDirtyNext.Delete(x.tx, key)
		}
	}
	g.Cursor = p.Upto
	switch {
	case g.Phase == PhaseContent && len(p.Upto) == 0 && g.Form.Signed:
		g.Phase = PhaseDenial
	case g.Phase != PhaseMarks && len(p.Upto) == 0:
		g.Phase = PhaseMarks
	case p.Last:
		if fail := x.commit(&z, &g, &ed, p.From, p.Serial); fail != nil {
			return 0, nil, fail
		}
	}
	x.putGeneration(z.Name, g)
	zones.Put(x.tx, nameKey(z.Name), z)
	return Success, nil, nil
}

// commit puts a whole edition in the published one's place.
func (x *Exec) commit(z *Zone, g *Generation, ed *edition, from uint64, serial uint32) *Failure {
	if z.Frozen {
		return Fail(ObjectStatusProhibits, "zone", z.Name, "the zone is frozen")
	}
	if serial != z.Serial+1 {
		return Fail(ParameterPolicy, "serial", "", "serial %d can't follow %d", serial, z.Serial)
	}
	c := checker{x: x, ed: *ed, tld: x.mustTLD(z.Name)}
	if why := c.owner(z.Name); why != "" {
		return Fail(ParameterPolicy, unsound, z.Name, "%s", why)
	}
	var keys []store.Key
	var marks []uint64
	fit := true
	zoneDirtyNext.Scan(x.tx, zoneKey(z.Name), nil, func(key []byte, mark uint64) bool {
		fit = mark > from && len(keys) < maxMovedMarks
		keys, marks = append(keys, slices.Clone(key)), append(marks, mark)
		return fit
	})
	if !fit {
		return Fail(ParameterPolicy, "last", "", "names are marked that the edition doesn't have")
	}
	for i, key := range keys {
		zoneDirtyNext.Delete(x.tx, key)
		zoneDirty.Put(x.tx, key, marks[i])
	}
	old := Generation{Number: z.Generation, Begun: x.Now}
	if z.Generation != 0 {
		old = x.generation(z.Name, z.Generation)
	}
	old.Phase = PhaseDropped
	x.putGeneration(z.Name, old)
	g.Phase = PhaseCurrent
	z.Generation, z.Building = g.Number, 0
	z.Serial, z.Changed, z.Index = serial, x.Now, x.Index
	z.Stale, z.Journal, z.Octets = z.Stale || z.Journal > 0, 0, 0 // no differences lead to it
	z.Delegations, z.Window, z.Rollback = g.Cuts, Window{}, 0
	x.Switched = append(x.Switched, z.Name)
	x.dirtyAbove(z.Name) // whether it has a DS record there
	x.Dirtied = true
	return nil
}

// PlanStage works out the next part of a zone's edition in the making, of at most max names; ok is false when there is none.
func (v *View) PlanStage(zone string, index uint64, most int) (StagePlan, bool) {
	z, exists := v.Zone(zone)
	if !exists || z.Building == 0 {
		return StagePlan{}, false
	}
	g := v.generation(zone, z.Building)
	if z.Frozen && g.Phase == PhaseMarks {
		return StagePlan{}, false // what has changed waits
	}
	p := v.newPlanner(&z, newEdition(zone, g.Number, g.Form))
	out := StagePlan{StagePart: StagePart{Zone: zone, Edition: g.Number, From: index, Phase: g.Phase, After: g.Cursor}}
	switch g.Phase {
	case PhaseContent:
		p.stageContent(&out, most)
	case PhaseDenial:
		p.stageDenial(&out, most)
	case PhaseMarks:
		p.stageMarks(&out, most)
	}
	out.Removed, out.Added, out.Sign = p.out.Removed, p.out.Added, p.out.Sign
	return out, true
}

func (p *planner) stageContent(out *StagePlan, most int) {
	names, more := p.v.zoneNames(&p.tld, out.After, most)
	links := map[string]bool{}
	link := func(name string) {
		if !links[name] {
			links[name] = true
			out.Links = append(out.Links, name)
		}
	}
	for i, owner := range names {
		p.order, p.before[owner], p.after[owner] = []string{owner}, nil, p.content(owner)
		p.diff()
		out.Owners = append(out.Owners, owner)
		if in, _ := p.place(owner); p.ed.form.Signed && len(p.after[owner]) > 0 && !p.belowCut(owner) {
			if in {
				link(owner)
			}
			for name := parent(owner); !p.ed.form.NSEC && len(name) > len(p.z.Name); name = parent(name) {
				link(name)
			}
		}
		if p.size > MaxPlan && i+1 < len(names) {
			names, more = names[:i+1], true
			break
		}
	}
	if more {
		out.Upto = nameKey(names[len(names)-1]).End()
	}
}

// zoneNames are the next names, in canonical order, at which a zone may have records, at most max and at least one if there is one.
func (v *View) zoneNames(t *TLD, after []byte, most int) (names []string, more bool) {
	var all []store.Key
	add := func(name string) {
		if key := nameKey(name).End(); bytes.Compare(key, after) > 0 {
			all = append(all, key)
		}
	}
	var from store.Key
	if len(after) > 0 {
		from = nameKey(nameOf(after))
	}
	add(t.Name)
	domains.Scan(v.r, nameKey(t.Name), from, func(_ []byte, d Domain) bool { add(d.Name); return len(all) <= most })
	count := 0
	hostNames.Scan(v.r, nameKey(t.Name), from, func(key []byte, _ uint64) bool {
		add(nameOf(key))
		count++
		return count <= most
	})
	for _, ns := range t.Nameservers {
		if below(ns.Name, t.Name) {
			add(ns.Name)
		}
	}
	for _, s := range v.OperatorRecords(t.Name) {
		add(s.Owner)
	}
	for _, child := range v.TLDs() {
		if child, ok := v.childZone(t, child.Name); ok {
			add(child.Name)
			for _, ns := range child.Nameservers {
				if below(ns.Name, child.Name) {
					add(ns.Name)
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b store.Key) int { return bytes.Compare(a, b) })
	all = slices.CompactFunc(all, func(a, b store.Key) bool { return bytes.Equal(a, b) })
	if len(all) > most {
		all, more = all[:most], true
	}
	for _, key := range all {
		names = append(names, nameOf(key))
	}
	return names, more
}

func (p *planner) stageDenial(out *StagePlan, most int) {
	type place struct {
		link store.Key
		name string
	}
	var places []place
	from := p.chainKey(out.After)
	zoneChain.Scan(p.v.r, p.ed.prefix, from, func(key []byte, name string) bool {
		link := slices.Clone(key[len(p.ed.prefix):])
		if !bytes.Equal(link, out.After) {
			places = append(places, place{link, name})
		}
		return len(places) <= most
	})
	if len(places) == 0 {
		return
	}
	next := func(i int) []byte {
		if i+1 < len(places) {
			return places[i+1].link
		}
		first, _ := (&chain{planner: p}).step(nil, true)
		return first
	}
	for i, at := range places[:min(most, len(places))] {
		sets := p.published(at.name)
		_, bitmap := bitmapAt(sets, p.ed.form, at.name == p.z.Name)
		if len(sets) == 0 {
			bitmap = nil // an empty non-terminal
		}
		p.add(p.denial(p.denialOwner(at.link, at.name), next(i), bitmap), true)
		if i+1 < len(places) && (p.size > MaxPlan || i+1 == most) {
			out.Upto = at.link
			return
		}
	}
}

func (p *planner) stageMarks(out *StagePlan, most int) {
	var marks []string
	zoneDirtyNext.Scan(p.v.r, zoneKey(p.z.Name), nil, func(key []byte, _ uint64) bool {
		marks = append(marks, nameOf(key[len(zoneKey(p.z.Name)):]))
		return len(marks) <= most
	})
	out.Last = len(marks) <= most
	for i, owner := range marks[:min(most, len(marks))] {
		p.take(owner)
		if len(p.order) > most && i+1 < len(marks) {
			out.Last = false
			break
		}
	}
	if p.diff(); p.ed.form.Signed {
		p.chain()
	}
	if p.size > MaxPlan {
		out.Last = false
	}
	out.Owners = slices.SortedFunc(slices.Values(p.order), strings.Compare)
	if out.Last {
		p.soa(p.z.Serial + 1)
		out.Serial = p.z.Serial + 1
	}
}

// Staging is the edition of a zone that is in the making.
func (v *View) Staging(zone string) (g Generation, ok bool) {
	z, exists := v.Zone(zone)
	if !exists || z.Building == 0 {
		return g, false
	}
	return v.generation(zone, z.Building), true
}

// PublishedForm is the form of a zone's published edition.
func (v *View) PublishedForm(zone string) Form {
	z, ok := v.Zone(zone)
	if !ok {
		return Form{}
	}
	return v.edition(&z).form
}
