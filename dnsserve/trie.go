package dnsserve

import (
	"bytes"
	"math/bits"
	"slices"
)

// The index of a zone is a persistent hash trie: an edition shares with the one before all branches that it
// did not change, so a publication copies a few branches per name whatever the zone's size, and a reader
// that holds a root sees one serial, whole, for as long as it likes.

const (
	trieBits   = 6                              // of the key per level: a branch has up to 64 slots
	hashLevels = (64 + trieBits - 1) / trieBits // levels that the hash decides
)

// edition marks branches and names that an unfinished edit made and may still change in place. It has a
// size, for two editions must have two addresses.
type edition struct{ _ byte }

// branch is a node of the trie. Slots that hold a name and slots that hold a branch have a bitmap each; the
// slices hold the occupied ones in slot order.
type branch struct {
	edit     *edition
	nameMap  uint64
	kidMap   uint64
	names    []*name
	branches []*branch
}

// slot returns the bit of a key at a level: first the hash, six bits at a time; then, for names whose whole
// hashes are equal, the name itself by half octets. No wire name is the beginning of another, so two names
// part at some level.
func slot(hash uint64, wire []byte, level int) uint64 {
	if level < hashLevels {
		return 1 << (hash >> (level * trieBits) & (1<<trieBits - 1))
	}
	level -= hashLevels
	if level/2 >= len(wire) {
		return 1
	}
	return 1 << (wire[level/2] >> (4 * (level & 1)) & 15)
}

func index(bitmap, bit uint64) int { return bits.OnesCount64(bitmap & (bit - 1)) }

// get finds a name; nil when there is none.
func (b *branch) get(hash uint64, wire []byte) *name {
	for level := 0; ; level++ {
		bit := slot(hash, wire, level)
		if b.nameMap&bit != 0 {
			n := b.names[index(b.nameMap, bit)]
			if n.hash == hash && bytes.Equal(n.wire, wire) {
				return n
			}
			return nil
		}
		if b.kidMap&bit == 0 {
			return nil
		}
		b = b.branches[index(b.kidMap, bit)]
	}
}

// own returns b if the edition made it, else a copy that it may change.
func (b *branch) own(e *edition) *branch {
	if b.edit == e {
		return b
	}
	return &branch{edit: e, nameMap: b.nameMap, kidMap: b.kidMap, names: slices.Clone(b.names), branches: slices.Clone(b.branches)}
}

// put inserts or replaces a name and returns the branch to use from now on.
func (b *branch) put(e *edition, level int, n *name) *branch {
	b = b.own(e)
	bit := slot(n.hash, n.wire, level)
	if b.kidMap&bit != 0 {
		kid := &b.branches[index(b.kidMap, bit)]
		*kid = (*kid).put(e, level+1, n)
		return b
	}
	i := index(b.nameMap, bit)
	if b.nameMap&bit == 0 {
		b.nameMap |= bit
		b.names = slices.Insert(b.names, i, n)
		return b
	}
	old := b.names[i]
	if old.hash == n.hash && bytes.Equal(old.wire, n.wire) {
		b.names[i] = n
		return b
	}
	kid := (&branch{edit: e}).put(e, level+1, old).put(e, level+1, n)
	b.nameMap &^= bit
	b.names = slices.Delete(b.names, i, i+1)
	b.branches = slices.Insert(b.branches, index(b.kidMap, bit), kid)
	b.kidMap |= bit
	return b
}

// remove takes a name that is there out and returns the branch to use from now on. A branch left with one
// name gives it up to its parent, so that the shape depends on the names alone.
func (b *branch) remove(e *edition, level int, n *name) *branch {
	b = b.own(e)
	bit := slot(n.hash, n.wire, level)
	if b.nameMap&bit != 0 {
		i := index(b.nameMap, bit)
		b.nameMap &^= bit
		b.names = slices.Delete(b.names, i, i+1)
		return b
	}
	i := index(b.kidMap, bit)
	kid := b.branches[i].remove(e, level+1, n)
	if kid.kidMap == 0 && len(kid.names) == 1 {
		b.kidMap &^= bit
		b.branches = slices.Delete(b.branches, i, i+1)
		b.names = slices.Insert(b.names, index(b.nameMap, bit), kid.names[0])
		b.nameMap |= bit
		return b
	}
	b.branches[i] = kid
	return b
}
