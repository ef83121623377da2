package registry

import (
	"bytes"
	"slices"

	"quorate/fsm/store"
)

// checker holds what a publication has touched against what every zone must keep to: whoever made it, no replica serves what is
// not sound. A failure's value is the owner that is at fault.
type checker struct {
	x   *Exec
	ed  edition
	tld TLD
}

// unsound is the element of a failure of these checks.
const unsound = "zone"

// Unsound says whether a publication was refused because the zone would not be sound, and at which owner.
func Unsound(f *Failure) (owner string, unsoundZone bool) {
	if f == nil || f.Element != unsound || f.Code != ParameterPolicy {
		return "", false
	}
	return f.Value, true
}

func (c *checker) check(removed, added []RRset) *Failure {
	for _, owner := range ownersOf(removed, added) {
		if why := c.owner(owner); why != "" {
			return Fail(ParameterPolicy, unsound, owner, "%s", why)
		}
	}
	seen := map[string]bool{} // what is replaced is in both
	for _, sets := range [][]RRset{removed, added} {
		for i := range sets {
			s := &sets[i]
			if s.Type == TypeNS && s.Owner != c.ed.zone {
				if owner, why := c.underneath(s.Owner); why != "" {
					return Fail(ParameterPolicy, unsound, s.Owner, "%s: %s", owner, why)
				}
			}
			link, ok := c.ed.link(s)
			if !ok || seen[string(link)] {
				continue
			}
			seen[string(link)] = true
			if !c.closed(link) {
				return Fail(ParameterPolicy, unsound, s.Owner, "the chain of denial is not closed here")
			}
		}
	}
	return nil
}

func ownersOf(removed, added []RRset) (owners []string) {
	for _, sets := range [][]RRset{removed, added} {
		for _, s := range sets {
			owners = append(owners, s.Owner)
		}
	}
	slices.Sort(owners)
	return slices.Compact(owners)
}

// owner says what is wrong with the records at a name.
func (c *checker) owner(owner string) string {
	sets := c.ed.at(c.x.tx, owner)
	apex, cut, above := owner == c.ed.zone, find(sets, TypeNS) != nil, c.cutAbove(owner)
	cut = cut && !apex
	for i := range sets {
		if why := c.set(&sets[i], apex, cut, above); why != "" {
			return why
		}
	}
	switch soa := find(sets, TypeSOA); {
	case apex && (soa == nil || len(soa.Data) != 1):
		return "the apex has one SOA record"
	case apex && find(sets, TypeNS) == nil:
		return "the apex has name servers"
	case apex && c.ed.form.Signed && find(sets, TypeDNSKEY) == nil:
		return "the apex of a signed zone has keys"
	}
	if alias := find(sets, TypeCNAME); alias != nil && (len(alias.Data) > 1 || slices.ContainsFunc(sets, func(s RRset) bool {
		return s.Type != TypeCNAME && s.Type != TypeNSEC
	})) {
		return "a CNAME stands alone"
	}
	if cut {
		return c.glue(owner, find(sets, TypeNS))
	}
	return ""
}

// set says what is wrong with an RRset, given where it is.
func (c *checker) set(s *RRset, apex, cut, above bool) string {
	signed := len(s.Sigs) > 0
	address := s.Type == TypeA || s.Type == TypeAAAA
	switch {
	case s.Type == TypeNSEC3:
		if !signed {
			return "denial is signed"
		}
		return ""
	case above && !address:
		return "below a delegation there are only addresses"
	case above && signed:
		return "glue is not signed"
	case above:
		return ""
	case !apex && (s.Type == TypeSOA || s.Type == TypeDNSKEY || s.Type == TypeNSEC3PARAM):
		return "SOA, DNSKEY and NSEC3PARAM are at the apex only"
	case s.Type == TypeDS && (apex || !cut):
		return "a DS is at a delegation only"
	case cut && !address && s.Type != TypeNS && s.Type != TypeDS && s.Type != TypeNSEC:
		return "at a delegation there are NS and DS only"
	case cut && signed && s.Type != TypeDS && s.Type != TypeNSEC:
		return "a delegation and its glue are not signed"
	case c.ed.form.Signed && !signed && (!cut || s.Type == TypeDS || s.Type == TypeNSEC):
		return "what the zone has authority for is signed"
	case !c.ed.form.Signed && signed:
		return "an unsigned zone has no signatures"
	case address && !cut && !c.ours(s.Owner):
		return "these are addresses of a name server that no delegation is above: orphan glue"
	}
	return ""
}

// ours says whether an address is the operator's, or of the zone's own name servers.
func (c *checker) ours(owner string) bool {
	return slices.ContainsFunc(c.tld.Nameservers, func(ns Nameserver) bool { return ns.Name == owner }) ||
		len(c.x.operated(c.ed.zone, owner)) > 0 || c.replayed(owner)
}

// replayed: a rollback may bring operators' records back that have been removed since; they are at no domain's name and below none.
func (c *checker) replayed(owner string) bool {
	z, _ := c.x.Zone(c.ed.zone)
	if z.Rollback == 0 {
		return false
	}
	_, isHost := c.x.Host(owner)
	return !isHost
}

func (c *checker) cutAbove(owner string) bool {
	for name := parent(owner); len(name) > len(c.ed.zone); name = parent(name) {
		if c.ed.has(c.x.tx, name, TypeNS) {
			return true
		}
	}
	return false
}

// glue wants addresses for name servers that can't be found without (RFC 9471 §3.1).
func (c *checker) glue(owner string, ns *RRset) string {
	for _, d := range ns.Data {
		name, ok := plainName(d)
		if !ok || name != owner && !below(name, owner) {
			continue
		}
		if !c.ed.has(c.x.tx, name, TypeA) && !c.ed.has(c.x.tx, name, TypeAAAA) {
			return "glue is missing for " + name
		}
	}
	return ""
}

// underneath looks at what is below a name where a delegation has come, gone or changed.
func (c *checker) underneath(name string) (owner, why string) {
	cut := c.ed.has(c.x.tx, name, TypeNS)
	c.ed.below(c.x.tx, name, func(s RRset) bool {
		if owner = s.Owner; cut && s.Type != TypeA && s.Type != TypeAAAA {
			why = "below a delegation there are only addresses"
		} else {
			why = c.owner(s.Owner)
		}
		return why == ""
	})
	return owner, why
}

// closed says whether the chain is closed around a link, whether that is in it or has gone.
func (c *checker) closed(link store.Key) bool {
	tx, prefix := c.x.tx, c.ed.prefix
	at := append(slices.Clone(prefix), link...)
	if !zoneChain.Has(tx, at) {
		before, _, ok := zoneChain.Before(tx, prefix, at)
		if !ok {
			if before, _, ok = zoneChain.Before(tx, prefix, nil); !ok {
				return true // it is empty
			}
		}
		at = before
	}
	next := store.Key(nil)
	for _, from := range []store.Key{at, nil} {
		zoneChain.Scan(tx, prefix, from, func(key []byte, _ string) bool {
			if bytes.Equal(key, from) {
				return true
			}
			next = slices.Clone(key[len(prefix):])
			return false
		})
		if next != nil {
			break
		}
	}
	here := at[len(prefix):]
	if c.ed.form.NSEC {
		s, ok := c.ed.get(tx, nameOf(here), TypeNSEC)
		return ok && bytes.HasPrefix(s.Data[0], wireName(nameOf(next)))
	}
	s, ok := c.ed.get(tx, hashOwner(here, c.ed.zone), TypeNSEC3)
	return ok && len(s.Data[0]) >= nsec3Next+len(next) && bytes.Equal(s.Data[0][nsec3Next:nsec3Next+len(next)], next)
}
