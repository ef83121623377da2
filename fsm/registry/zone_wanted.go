package registry

import (
	"bytes"
	"slices"
)

// editionContent is what a zone that has a policy should have at a name, the SOA and denial apart. Unlike
// content it holds glue back where there is no delegation for it to help (orphan glue).
func (v *View) editionContent(t *TLD, p *ZonePolicy, form Form, keys []ZoneKey, owner string) (sets []RRset) {
	sets = v.operated(t.Name, owner)
	add := func(more ...RRset) {
		for _, s := range more {
			if find(sets, s.Type) == nil {
				sets = append(sets, s)
			}
		}
	}
	if owner == t.Name {
		add(v.content(t, owner)...)
		add(keySets(p, form, keys, v.Now())...)
		slices.SortFunc(sets, func(a, b RRset) int { return int(a.Type) - int(b.Type) })
		return sets
	}
	child, isChild := v.childZone(t, owner)
	if isChild {
		add(v.childSets(t, &child)...)
	}
	add(v.content(t, owner)...)
	add(v.childAddresses(t, owner)...)
	under := v.cutAbove(t, owner)
	if !under && !isChild && !v.cuts(t, owner) && !v.own(t, owner) {
		operated := len(v.operated(t.Name, owner))
		sets = append(sets[:operated:operated], slices.DeleteFunc(sets[operated:], func(s RRset) bool { return s.Type == TypeA || s.Type == TypeAAAA })...)
	}
	if under {
		sets = slices.DeleteFunc(sets, func(s RRset) bool { return s.Type != TypeA && s.Type != TypeAAAA })
	}
	slices.SortFunc(sets, func(a, b RRset) int { return int(a.Type) - int(b.Type) })
	return sets
}

// zoneAbove is the zone of this registry that another is delegated from; "" if there is none.
func (v *View) zoneAbove(zone string) string {
	above, ok := v.TLDOf(zone)
	if !ok {
		return ""
	}
	return above.zone()
}

// childZone is the TLD whose own zone begins at a name of a zone.
func (v *View) childZone(t *TLD, name string) (child TLD, ok bool) {
	child, ok = v.TLD(name)
	return child, ok && name != t.Name && child.zone() == name && v.zoneAbove(name) == t.Name
}

// childSets delegate a TLD that is below another of this registry. It has DS records while it is signed and is to stay so: those of a zone
// that is to be unsigned go at once, so that they can be in nobody's cache when the signatures go.
func (v *View) childSets(t, child *TLD) []RRset {
	var names []string
	for _, ns := range child.Nameservers {
		names = append(names, ns.Name)
	}
	sets := []RRset{nsSet(child.Name, t.TTL.Delegation, names)}
	z, _ := v.Zone(child.Name)
	if p, _ := v.ZonePolicy(child.Name); z.Generation == 0 || !p.Form.Signed || !v.edition(&z).form.Signed {
		return sets
	}
	ds := RRset{Owner: child.Name, Type: TypeDS, TTL: t.TTL.Delegation}
	for _, k := range v.Signers(child.Name) {
		if k.Roles&SignsKeys != 0 && k.InZone(v.Now()) {
			ds.Data = append(ds.Data, DSOf(child.Name, k.RData(), DigestSHA256))
		}
	}
	if len(ds.Data) > 0 {
		slices.SortFunc(ds.Data, bytes.Compare)
		sets = append(sets, ds)
	}
	return sets
}

// own says whether a name is one of a zone's own name servers.
func (v *View) own(t *TLD, owner string) bool {
	return slices.ContainsFunc(t.Nameservers, func(ns Nameserver) bool { return ns.Name == owner })
}

// childAddresses are the addresses, as glue, of a name server of a zone that is delegated from this one.
func (v *View) childAddresses(t *TLD, owner string) []RRset {
	child, ok := v.TLDOf(owner)
	if !ok || child.zone() == t.Name {
		return nil
	}
	for _, ns := range child.Nameservers {
		if ns.Name == owner {
			return addressSets(owner, t.TTL.Glue, ns.Addresses)
		}
	}
	return nil
}

// cuts says whether a zone should delegate a name.
func (v *View) cuts(t *TLD, name string) bool {
	if name == t.Name {
		return false
	}
	if d, ok := v.Domain(name); ok && v.delegated(&d) && v.zoneOf(d.TLD) == t.Name {
		return true
	}
	if zoneRecords.Has(v.r, ownerKey(t.Name, name).Uint16(TypeNS)) {
		return true
	}
	_, child := v.childZone(t, name)
	return child
}

// cutAbove says whether a zone should delegate a name above this one.
func (v *View) cutAbove(t *TLD, owner string) bool {
	for name := parent(owner); len(name) > len(t.Name); name = parent(name) {
		if v.cuts(t, name) {
			return true
		}
	}
	return false
}
