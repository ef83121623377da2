package registry

import (
	"bytes"
	"slices"
	"strings"

	"quorate/fsm/store"
)

// The chain of NSEC or NSEC3 records holds every name that a resolver may be told of, in order, each with
// the next. A change touches the names that come, go or have other types, and those before them.

// chain works out the denial records that change with the names that are looked at.
func (p *planner) chain() {
	c := chain{planner: p, links: map[string]link{}}
	seen := map[string]bool{}
	look := func(name string) {
		if !seen[name] {
			seen[name] = true
			c.look(name)
		}
	}
	for _, owner := range p.order {
		look(owner)
		if owner != p.z.Name {
			for name := parent(owner); len(name) > len(p.z.Name); name = parent(name) {
				look(name) // may be an empty non-terminal now, or no longer
			}
		}
	}
	c.write()
}

// link is a name's place in the chain as it will be.
type link struct {
	key    store.Key
	name   string
	in     bool // it is in the chain
	was    bool // it was
	bitmap []byte
}

type chain struct {
	*planner
	links map[string]link // by key: the names that were looked at
	keys  []string        // of links
}

func (p *planner) linkKey(name string) store.Key {
	if p.ed.form.NSEC {
		return nameKey(name).End()
	}
	return hashName(name)
}

func (p *planner) chainKey(link []byte) store.Key { return append(slices.Clone(p.ed.prefix), link...) }

func (c *chain) look(name string) {
	l := link{key: c.linkKey(name), name: name}
	l.was = zoneChain.Has(c.v.r, c.chainKey(l.key))
	l.in, l.bitmap = c.place(name)
	if l.was || l.in {
		c.links[string(l.key)] = l
		c.keys = append(c.keys, string(l.key))
	}
}

// place says whether a name is in the chain, and its bitmap of types (RFC 4035 §2.3, RFC 5155 §7.1).
func (p *planner) place(name string) (in bool, bitmap []byte) {
	if p.belowCut(name) {
		return false, nil
	}
	sets := p.sets(name)
	if len(sets) == 0 && name != p.z.Name {
		if p.ed.form.NSEC || !p.leadsOn(name) {
			return false, nil
		}
		return true, nil // an empty non-terminal
	}
	return bitmapAt(sets, p.ed.form, name == p.z.Name)
}

// bitmapAt is whether a name with these RRsets is in the chain, and its bitmap.
func bitmapAt(sets []RRset, form Form, apex bool) (in bool, bitmap []byte) {
	cut := !apex && find(sets, TypeNS) != nil
	ds := cut && find(sets, TypeDS) != nil
	if cut && !ds && form.OptOut {
		return false, nil
	}
	var types []uint16
	for _, s := range sets {
		if !cut || s.Type == TypeNS || s.Type == TypeDS {
			types = append(types, s.Type)
		}
	}
	if apex {
		types = append(types, TypeSOA)
	}
	if form.NSEC {
		types = append(types, TypeNSEC)
	}
	if !cut || ds || form.NSEC {
		types = append(types, TypeRRSIG)
	}
	return true, typeBitmap(types)
}

// leadsOn says whether there is a name below this one that isn't glue, as things will be.
func (p *planner) leadsOn(name string) (found bool) {
	for _, owner := range p.order {
		if below(owner, name) && len(p.after[owner]) > 0 && !p.belowCut(owner) {
			return true
		}
	}
	p.ed.below(p.v.r, name, func(s RRset) bool {
		_, looked := p.after[s.Owner]
		found = !looked && s.Type != TypeNSEC3 && !p.belowCut(s.Owner)
		return !found
	})
	return found
}

// write adds and removes records so that the chain is closed again.
func (c *chain) write() {
	slices.Sort(c.keys)
	rewrite := map[string]bool{}
	var order []string
	again := func(key string) {
		if !rewrite[key] {
			rewrite[key] = true
			order = append(order, key)
		}
	}
	for _, key := range c.keys {
		l := c.links[key]
		if l.in {
			again(key)
		}
		if l.in != l.was {
			if before, ok := c.neighbour(key, false); ok {
				again(before)
			}
		}
		if l.was && !l.in {
			if old, ok := c.ed.get(c.v.r, c.denialOwner(l.key, l.name), c.denialType()); ok {
				c.remove(old)
			}
		}
	}
	for _, key := range order {
		c.record(key)
	}
}

func (p *planner) denialType() uint16 {
	if p.ed.form.NSEC {
		return TypeNSEC
	}
	return TypeNSEC3
}

func (p *planner) denialOwner(key []byte, name string) string {
	if p.ed.form.NSEC {
		return name
	}
	return hashOwner(key, p.z.Name)
}

// record writes the record of a link that is in the chain, if it is other than it was.
func (c *chain) record(key string) {
	l, looked := c.links[key]
	name := l.name
	if !looked && c.ed.form.NSEC {
		name = nameOf([]byte(key))
	}
	owner := c.denialOwner([]byte(key), name)
	old, had := c.ed.get(c.v.r, owner, c.denialType())
	bitmap := l.bitmap
	if !looked {
		bitmap = c.bitmapOf(&old)
	}
	next, ok := c.neighbour(key, true)
	if !ok {
		next = key // the only one: the circle is itself
	}
	s := c.denial(owner, []byte(next), bitmap)
	if had {
		if equalSets(old, s) {
			return
		}
		c.remove(old)
	}
	c.add(s, true)
}

// denial is a denial record. Its TTL is that of negative answers (RFC 9077 §3).
func (p *planner) denial(owner string, next, bitmap []byte) RRset {
	s := RRset{Owner: owner, Type: p.denialType(), TTL: min(p.tld.SOA.Minimum, p.tld.TTL.Apex)}
	var data []byte
	if p.ed.form.NSEC {
		data = wireName(nameOf(next))
	} else {
		data = append(nsec3Head(p.ed.form.OptOut), next...)
	}
	s.Data = [][]byte{append(data, bitmap...)}
	return s
}

func (p *planner) bitmapOf(s *RRset) []byte {
	if p.ed.form.NSEC {
		return s.Data[0][wireLength(s.Data[0]):]
	}
	return s.Data[0][nsec3Next+len(p.linkKey("")):]
}

// neighbour is the link before or after a key in the chain as it will be, which is a circle; ok is false if there is none.
func (c *chain) neighbour(key string, after bool) (found string, ok bool) {
	kept, have := c.kept(key, after)
	mine, some := c.coming(key, after)
	switch {
	case !have && !some:
		return "", false
	case !have:
		return mine, true
	case !some:
		return kept, true
	}
	// The nearer of two, counted around the circle.
	aheadKept, aheadMine := kept > key, mine > key
	if !after {
		aheadKept, aheadMine = kept < key, mine < key
	}
	if aheadKept != aheadMine {
		if aheadKept {
			return kept, true
		}
		return mine, true
	}
	if (kept < mine) == after {
		return kept, true
	}
	return mine, true
}

// kept is the nearest link that was in the chain before and was not looked at.
func (c *chain) kept(key string, after bool) (string, bool) {
	at := store.Key(key)
	wrapped := false
	for {
		next, ok := c.step(at, after)
		if !ok {
			if wrapped {
				return "", false
			}
			wrapped, at = true, nil
			continue
		}
		if wrapped && (string(next) == key || (string(next) > key) == after) {
			return "", false // all the way around
		}
		if _, looked := c.links[string(next)]; !looked {
			return string(next), true
		}
		at = next
	}
}

// step is the row of the chain after or before a link; nil is the circle's seam.
func (c *chain) step(at store.Key, after bool) (link store.Key, ok bool) {
	if !after {
		var from store.Key
		if at != nil {
			from = c.chainKey(at)
		}
		key, _, ok := zoneChain.Before(c.v.r, c.ed.prefix, from)
		return bytes.TrimPrefix(key, c.ed.prefix), ok
	}
	zoneChain.Scan(c.v.r, c.ed.prefix, c.chainKey(at), func(key []byte, _ string) bool {
		link = slices.Clone(key[len(c.ed.prefix):])
		ok = !bytes.Equal(link, at)
		return !ok
	})
	return link, ok
}

// coming is the nearest link among those that were looked at and will be in the chain; it may be the key itself, when it is alone.
func (c *chain) coming(key string, after bool) (string, bool) {
	i, there := slices.BinarySearchFunc(c.keys, key, strings.Compare)
	if after && there {
		i++
	}
	for n := range len(c.keys) {
		at := i + n
		if !after {
			at = i - 1 - n
		}
		at = (at%len(c.keys) + len(c.keys)) % len(c.keys)
		if l := c.links[c.keys[at]]; l.in {
			return c.keys[at], true
		}
	}
	return "", false
}
