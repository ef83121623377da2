package dnsserve

import (
	"cmp"
	"slices"
)

// gathered is where the names lie of an image that is made from nothing. To put each into the tries as it comes would
// change pages all over a file that may be larger than memory, many times each; so the tries are made in the
// end, in the order of their keys, every branch once.
type gathered struct {
	names, denial leafTable
	sorted        bool // some name has NSEC
}

// leaf is the place of a block, with the head of its key in halves: in 12 octets rather than 16.
type leaf struct {
	high, low uint32
	at        ref // 0: a free slot
}

func (l *leaf) head() uint64 { return uint64(l.high)<<32 | uint64(l.low) }

// leafTable is a hash table of leaves. Heads are hashes already: their first bits say which part a leaf is in, as they do
// in a trie's first branch, so that parts grow one at a time; their last bits say where in it.
type leafTable [1 << trieBits]struct {
	slots []leaf // a power of two
	taken int
}

// probe returns the slot of the leaf with a head that is the one, or the free slot where it would be; nil when there is
// no slot at all.
func probe(slots []leaf, head uint64, is func(ref) bool) *leaf {
	if len(slots) == 0 {
		return nil
	}
	for i := int(head); ; i++ {
		l := &slots[i&(len(slots)-1)]
		if l.at == 0 || l.head() == head && is(l.at) {
			return l
		}
	}
}

func (t *leafTable) find(head uint64, is func(ref) bool) ref {
	if l := probe(t[head>>(64-trieBits)].slots, head, is); l != nil {
		return l.at
	}
	return 0
}

// put notes that what was at old, or nowhere if that is 0, is at r.
func (t *leafTable) put(head uint64, old, r ref) {
	part := &t[head>>(64-trieBits)]
	if old == 0 {
		if part.taken++; part.taken*4 > len(part.slots)*3 {
			before := part.slots
			part.slots = make([]leaf, max(64, 2*len(before)))
			for _, l := range before {
				if l.at != 0 {
					*probe(part.slots, l.head(), func(ref) bool { return false }) = l
				}
			}
		}
	}
	*probe(part.slots, head, func(at ref) bool { return at == old }) = leaf{uint32(head >> 32), uint32(head), r}
}

// take returns the leaves of a part in the order of heads, and forgets them.
func (t *leafTable) take(part int) []leaf {
	all := slices.DeleteFunc(t[part].slots, func(l leaf) bool { return l.at == 0 })
	t[part].slots, t[part].taken = nil, 0
	sortLeaves(all)
	return all
}

func sortLeaves(all []leaf) {
	slices.SortFunc(all, func(a, b leaf) int { return cmp.Compare(a.head(), b.head()) })
}

// growAll makes the tries of all that was gathered.
func (e *edit) growAll() {
	g := e.gathered
	var sorted []leaf
	e.names = e.grow(0, func(slot int) []leaf {
		all := g.names.take(slot)
		if g.sorted {
			for _, l := range all {
				if _, has := e.name(l.at).set(typeNSEC, 0); has {
					k := e.orderKey(l.at, &e.keys[0])
					sorted = append(sorted, leaf{uint32(k.head >> 32), uint32(k.head), l.at})
				}
			}
		}
		return all
	}, e.hashKey)
	e.denial = e.grow(0, g.denial.take, e.denialKey)
	sortLeaves(sorted)
	e.sorted = e.growSorted(0, sorted, e.orderKey)
}

// grow makes a branch of a level of the leaves that belong to each of its slots; 0 when there are none.
func (e *edit) grow(level int, of func(slot int) []leaf, keyOf keyer) ref {
	var leaves, kids uint64
	var leafRefs, kidRefs []ref
	for slot := range 1 << trieBits {
		switch part := of(slot); len(part) {
		case 0:
		case 1:
			leaves |= 1 << slot
			leafRefs = append(leafRefs, part[0].at)
		default:
			kids |= 1 << slot
			kidRefs = append(kidRefs, e.growSorted(level+1, part, keyOf))
		}
	}
	if leaves|kids == 0 {
		return 0
	}
	return e.make(0, leaves, kids, append(leafRefs, kidRefs...))
}

// growSorted is grow of leaves in the order of heads.
func (e *edit) growSorted(level int, all []leaf, keyOf keyer) (r ref) {
	shift := 64 - trieBits*(level+1)
	if len(all) > 0 && (shift < 0 || all[0].head() == all[len(all)-1].head()) {
		for _, l := range all { // their heads tell them apart no more
			k := keyOf(l.at, &e.keys[0])
			r = e.put(r, level, &k, l.at, keyOf)
		}
		return r
	}
	return e.grow(level, func(slot int) []leaf {
		n := 0
		for n < len(all) && int(all[n].head()>>shift&(1<<trieBits-1)) == slot {
			n++
		}
		part := all[:n]
		all = all[n:]
		return part
	}, keyOf)
}
