package dnsserve

import (
	"bytes"
	"math/bits"
	"slices"
)

// The index of a zone is made of persistent tries: an edit shares with the version before all branches that it
// doesn't change, so a publication copies a few branches per name whatever the zone's size, and a reader
// that holds the roots sees one serial, whole, for as long as it likes. Their shape depends on the keys alone.

// keyBuffer holds what a key is made of, where that isn't in the arena.
type keyBuffer struct {
	hash  [hashSize]byte
	order []byte
}

// hashed is the key of a name: its hash, and where two hashes are equal, itself. No wire name is the beginning
// of another.
func hashed(seed [2]uint64, wire []byte) key { return key{siphash(seed[0], seed[1], wire), wire} }

// denial is the key of an owner of NSEC3: the hash that it stands for.
func (k *keyBuffer) denial(wire []byte) (key, bool) {
	if int(wire[0]) != labelSize || !labelHash(&k.hash, wire[1:1+labelSize]) {
		return key{}, false
	}
	return key{be.Uint64(k.hash[:]), k.hash[8:]}, true
}

// canonical is the key of a name with NSEC.
func (k *keyBuffer) canonical(wire, origin []byte) key {
	k.order = append(canonical(k.order[:0], wire, origin), 0, 0, 0, 0, 0, 0, 0)
	if len(k.order) < 8 {
		k.order = append(k.order, 0)
	}
	return key{be.Uint64(k.order), k.order[8:]}
}

// keyer returns the key of a leaf.
type keyer func(r ref, b *keyBuffer) key

func (e *edit) hashKey(r ref, _ *keyBuffer) key { return hashed(e.seed, e.name(r).wire()) }

func (e *edit) denialKey(r ref, b *keyBuffer) key {
	k, _ := b.denial(e.name(r).wire())
	return k
}

func (e *edit) orderKey(r ref, b *keyBuffer) key { return b.canonical(e.name(r).wire(), e.origin) }

func (e *edit) endsKey(r ref, _ *keyBuffer) key { return endsKey(le.Uint32(e.view(r, endsSize))) }

// link makes the tries lead to the draft's new block.
func (e *edit) link(d *draft, r ref) {
	if d.denial {
		k, _ := e.keys[0].denial(d.wire)
		if e.gathered != nil {
			e.gathered.denial.put(k.head, d.old, r)
		} else {
			e.denial = e.put(e.denial, 0, &k, r, e.denialKey)
		}
		return
	}
	k := hashed(e.seed, d.wire)
	if e.gathered != nil {
		e.gathered.names.put(k.head, d.old, r)
	} else {
		e.names = e.put(e.names, 0, &k, r, e.hashKey)
	}
	e.linkOrder(d, r)
}

func (e *edit) linkOrder(d *draft, r ref) {
	_, has := search(d.sets, typeNSEC, 0)
	if e.gathered != nil {
		e.gathered.sorted = e.gathered.sorted || has
		return
	}
	if d.denial || !has && !d.hadSec || has && d.hadSec && d.old == r {
		return
	}
	k := e.keys[0].canonical(d.wire, e.origin)
	if has {
		e.sorted = e.put(e.sorted, 0, &k, r, e.orderKey)
	} else {
		e.sorted = e.remove(e.sorted, 0, &k)
	}
}

// unlink takes the name out of the tries.
func (e *edit) unlink(d *draft) {
	if d.denial {
		k, _ := e.keys[0].denial(d.wire)
		e.denial = e.remove(e.denial, 0, &k)
		return
	}
	k := hashed(e.seed, d.wire)
	e.names = e.remove(e.names, 0, &k)
	if d.hadSec {
		k := e.keys[0].canonical(d.wire, e.origin)
		e.sorted = e.remove(e.sorted, 0, &k)
	}
}

// Signatures' ends: 4 octets the step of time, 8 how many.
const endsSize = 12

func endsKey(step uint32) key { return key{head: uint64(step) << 32} }

func (e *edit) writeEnds() {
	steps := make([]uint32, 0, len(e.expires))
	for step, n := range e.expires {
		if n != 0 {
			steps = append(steps, step)
		}
	}
	slices.Sort(steps)
	for _, step := range steps {
		k := endsKey(step)
		n := e.expires[step]
		old := e.find(e.expiry, &k)
		if old != 0 && le.Uint32(e.view(old, endsSize)) == step {
			n += int64(le.Uint64(e.view(old, endsSize)[4:]))
		} else {
			old = 0
		}
		if n > 0 {
			r, b := e.alloc(endsSize)
			le.PutUint32(b, step)
			le.PutUint64(b[4:], uint64(n))
			e.expiry = e.put(e.expiry, 0, &k, r, e.endsKey)
		} else {
			e.expiry = e.remove(e.expiry, 0, &k)
		}
		if old != 0 {
			e.give(old, endsSize)
		}
	}
}

// open takes a branch apart for changing.
func (e *edit) open(r ref) (leaves, kids uint64, refs []ref) {
	b := e.branch(r)
	refs = make([]ref, len(b.refs)/4, len(b.refs)/4+1)
	for i := range refs {
		refs[i] = b.at(i)
	}
	return b.leaves, b.kids, refs
}

// set changes one ref of a branch and returns the branch to use from now on.
func (e *edit) set(r ref, i int, to ref) ref {
	b := e.branch(r)
	if b.at(i) == to {
		return r
	}
	if r < e.start {
		size := branchSize(len(b.refs) / 4)
		fresh, block := e.alloc(size)
		copy(block, e.view(r, size))
		e.give(r, size)
		r = fresh
	}
	le.PutUint32(e.view(r, branchHead+4*(i+1))[branchHead+4*i:], uint32(to))
	return r
}

// make writes a branch in place of r (0: of none) and returns it.
func (e *edit) make(r ref, leaves, kids uint64, refs []ref) ref {
	size := branchSize(len(refs))
	var block []byte
	if r != 0 {
		old := e.branch(r)
		oldSize := branchSize(len(old.refs) / 4)
		if r >= e.start && units(oldSize) == units(size) {
			block = e.view(r, size)
		} else {
			defer e.give(r, oldSize)
			r = 0
		}
	}
	if r == 0 {
		r, block = e.alloc(size)
	}
	le.PutUint64(block, leaves)
	le.PutUint64(block[8:], kids)
	for i, to := range refs {
		le.PutUint32(block[branchHead+4*i:], uint32(to))
	}
	return r
}

// put inserts or replaces a leaf below the branch r of a level and returns the branch to use from now on.
func (e *edit) put(r ref, level int, k *key, leaf ref, keyOf keyer) ref {
	bit := k.slot(level)
	if r == 0 {
		return e.make(0, bit, 0, []ref{leaf})
	}
	b := e.branch(r)
	if b.kids&bit != 0 {
		i := b.kid(bit)
		return e.set(r, i, e.put(b.at(i), level+1, k, leaf, keyOf))
	}
	i := b.leaf(bit)
	if b.leaves&bit == 0 {
		leaves, kids, refs := e.open(r)
		return e.make(r, leaves|bit, kids, slices.Insert(refs, i, leaf))
	}
	other := b.at(i)
	otherKey := keyOf(other, &e.keys[1])
	if otherKey.head == k.head && bytes.Equal(otherKey.tail, k.tail) {
		return e.set(r, i, leaf)
	}
	kid := e.part(level+1, &otherKey, other, k, leaf)
	leaves, kids, refs := e.open(r)
	refs = slices.Delete(refs, i, i+1)
	leaves &^= bit
	at := bits.OnesCount64(leaves) + bits.OnesCount64(kids&(bit-1))
	return e.make(r, leaves, kids|bit, slices.Insert(refs, at, kid))
}

// part makes the branches that tell two leaves apart.
func (e *edit) part(level int, aKey *key, a ref, bKey *key, b ref) ref {
	aBit, bBit := aKey.slot(level), bKey.slot(level)
	switch {
	case aBit == bBit:
		return e.make(0, 0, aBit, []ref{e.part(level+1, aKey, a, bKey, b)})
	case aBit > bBit:
		a, b = b, a
	}
	return e.make(0, aBit|bBit, 0, []ref{a, b})
}

// remove takes out the leaf of a key that is there and returns the branch to use from now on; 0 when nothing is
// left. A branch left with one leaf gives it up to its parent.
func (e *edit) remove(r ref, level int, k *key) ref {
	bit := k.slot(level)
	leaves, kids, refs := e.open(r)
	b := branch{leaves: leaves, kids: kids}
	if leaves&bit != 0 {
		if len(refs) == 1 {
			e.give(r, branchSize(1))
			return 0
		}
		i := b.leaf(bit)
		return e.make(r, leaves&^bit, kids, slices.Delete(refs, i, i+1))
	}
	i := b.kid(bit)
	kid := e.remove(refs[i], level+1, k)
	if only := e.branch(kid); only.kids == 0 && len(only.refs) == 4 {
		leaf := only.at(0)
		e.give(kid, branchSize(1))
		refs = slices.Delete(refs, i, i+1)
		return e.make(r, leaves|bit, kids&^bit, slices.Insert(refs, b.leaf(bit), leaf))
	}
	return e.set(r, i, kid)
}
