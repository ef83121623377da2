package dnsserve

import (
	"fmt"
	"hash/crc32"
	"math/bits"
	"sync/atomic"
)

// An image is an arena of blocks: names with their RRsets, and branches of the tries that lead to them. Blocks
// are only ever appended; what a version can reach never changes. Blocks refer to each other by ref, so that
// an image means the same wherever it is mapped, and the garbage collector has nothing to look at.

// ref is the place of a block, in units of 16 octets from the arena's start. 0 is no place.
type ref uint32

const (
	unitBits    = 4
	unit        = 1 << unitBits
	segmentBits = 24
	segmentSize = 1 << segmentBits // octets that are mapped in one piece; a block lies in one segment
	pageSize    = 4096             // octets under one checksum
	tableSize   = segmentSize / pageSize * 4
	refBits     = segmentBits - unitBits // of a ref: the place within a segment
	refMask     = 1<<refBits - 1
	pagesBits   = segmentBits - 12 // pages in a segment, as a power of two

	firstRef ref = tableSize >> unitBits
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// units is how many units n octets take.
func units(n int) ref { return ref(n+unit-1) >> unitBits }

// space is how a version, or an edit, sees the arena. Each segment begins with a table of checksums, one for
// each of its pages that are full.
type space struct {
	segments [][]byte
	unread   *unread // nil: this process wrote all of it
}

// view returns n octets of the block at r.
func (s *space) view(r ref, n int) []byte {
	if s.unread != nil {
		s.unread.check(s.segments, r, n)
	}
	at := int(r&refMask) << unitBits
	return s.segments[r>>refBits][at : at+n : at+n]
}

// unread knows the pages of an image that came from a file and were not read since. Each is held against its
// checksum when it is first needed, so that opening an image doesn't read it all, and nothing is
// served from octets that are not what was written.
type unread struct {
	pages []atomic.Uint64 // a bit for each page
}

// damage is what a page with a wrong checksum panics with. Whoever reads an image on behalf of somebody recovers.
type damage struct{ page int }

func (d damage) Error() string { return fmt.Sprintf("page %d is not what was written", d.page) }

// isDamage reports whether a panic is about the image: a wrong checksum, or a page of its file that the system
// couldn't read (runtime/debug.SetPanicOnFault).
func isDamage(cause any) bool {
	if _, ok := cause.(damage); ok {
		return true
	}
	_, fault := cause.(interface{ Addr() uintptr })
	return fault
}

func newUnread(pages int) *unread {
	u := &unread{pages: make([]atomic.Uint64, (pages+63)/64)}
	for page := range pages {
		if page&(1<<pagesBits-1) >= tableSize/pageSize {
			u.pages[page/64].Store(u.pages[page/64].Load() | 1<<(page%64))
		}
	}
	return u
}

func (u *unread) check(segments [][]byte, r ref, n int) {
	first := int(r >> (12 - unitBits))
	last := (int(r)<<unitBits + n - 1) >> 12
	for page := first; page <= last && page>>6 < len(u.pages); page++ {
		if u.pages[page>>6].Load()&(1<<(page&63)) != 0 {
			u.verify(segments, page)
		}
	}
}

func (u *unread) verify(segments [][]byte, page int) {
	segment := segments[page>>pagesBits]
	if pageSum(segment, page&(1<<pagesBits-1)) != tableSum(segment, page&(1<<pagesBits-1)) {
		panic(damage{page})
	}
	u.pages[page>>6].And(^uint64(1 << (page & 63)))
}

func pageSum(segment []byte, page int) uint32 {
	return crc32.Checksum(segment[page*pageSize:(page+1)*pageSize], castagnoli)
}

func tableSum(segment []byte, page int) uint32 { return le.Uint32(segment[4*page:]) }

// branch is a branch of a trie. Slots that hold a leaf and slots that hold a branch have a bitmap each; then
// come the refs of the leaves in slot order, then those of the branches.
type branch struct {
	leaves, kids uint64
	refs         []byte
}

const branchHead = 16

func branchSize(n int) int { return branchHead + 4*n }

func (s *space) branch(r ref) branch {
	b := s.view(r, branchHead)
	leaves, kids := le.Uint64(b), le.Uint64(b[8:])
	n := bits.OnesCount64(leaves) + bits.OnesCount64(kids)
	return branch{leaves, kids, s.view(r, branchSize(n))[branchHead:]}
}

func (b *branch) at(i int) ref { return ref(le.Uint32(b.refs[4*i:])) }

// leaf is where a leaf's ref stands.
func (b *branch) leaf(bit uint64) int { return bits.OnesCount64(b.leaves & (bit - 1)) }

// kid is where a branch's ref stands.
func (b *branch) kid(bit uint64) int {
	return bits.OnesCount64(b.leaves) + bits.OnesCount64(b.kids&(bit-1))
}

// slotRef returns what a taken slot holds, and whether it is a leaf.
func (b *branch) slotRef(bit uint64) (r ref, leaf bool) {
	if b.leaves&bit != 0 {
		return b.at(b.leaf(bit)), true
	}
	return b.at(b.kid(bit)), false
}

// key is what a trie finds a leaf by: a string of octets, the first 8 in head. Octets behind its end are 0,
// and no key of a trie differs from another by that alone.
type key struct {
	head uint64
	tail []byte
}

const trieBits = 6 // of the key per level: a branch has up to 64 slots

func (k *key) octet(i int) uint {
	switch {
	case i < 8:
		return uint(k.head>>(56-8*i)) & 0xff
	case i-8 < len(k.tail):
		return uint(k.tail[i-8])
	}
	return 0
}

// slot returns the bit for the key in a branch of a level, the first of the key being the highest.
func (k *key) slot(level int) uint64 {
	at := level * trieBits
	if at <= 64-trieBits {
		return 1 << (k.head >> (64 - trieBits - at) & (1<<trieBits - 1))
	}
	window := k.octet(at/8)<<8 | k.octet(at/8+1)
	return 1 << (window >> (16 - trieBits - at%8) & (1<<trieBits - 1))
}

// find returns the only leaf that may have the key; 0 when there is none.
func (s *space) find(root ref, k *key) ref {
	for r, level := root, 0; r != 0; level++ {
		b := s.branch(r)
		bit := k.slot(level)
		if b.leaves&bit != 0 {
			return b.at(b.leaf(bit))
		}
		if b.kids&bit == 0 {
			return 0
		}
		r = b.at(b.kid(bit))
	}
	return 0
}

// floor returns the last leaf at or before the key, in the order of keys; 0 when all are behind it. atMost
// says of a leaf whether it is one of those.
func (s *space) floor(root ref, k *key, atMost func(ref) bool) ref {
	var before ref // all below it is before the key, and nothing that is before the key is behind it
	isLeaf := false
	for r, level := root, 0; r != 0; level++ {
		b := s.branch(r)
		bit := k.slot(level)
		if lower := (b.leaves | b.kids) & (bit - 1); lower != 0 {
			before, isLeaf = b.slotRef(1 << (63 - bits.LeadingZeros64(lower)))
		}
		if b.leaves&bit != 0 {
			if leaf := b.at(b.leaf(bit)); atMost(leaf) {
				return leaf
			}
		}
		if b.kids&bit == 0 {
			break
		}
		r = b.at(b.kid(bit))
	}
	if isLeaf || before == 0 {
		return before
	}
	return s.last(before)
}

// last returns the last leaf; 0 in an empty trie.
func (s *space) last(root ref) ref {
	for r := root; r != 0; {
		b := s.branch(r)
		all := b.leaves | b.kids
		if all == 0 {
			return 0
		}
		next, leaf := b.slotRef(1 << (63 - bits.LeadingZeros64(all)))
		if leaf {
			return next
		}
		r = next
	}
	return 0
}

// first returns the first leaf; 0 in an empty trie.
func (s *space) first(root ref) ref {
	for r := root; r != 0; {
		b := s.branch(r)
		all := b.leaves | b.kids
		if all == 0 {
			return 0
		}
		next, leaf := b.slotRef(all & -all)
		if leaf {
			return next
		}
		r = next
	}
	return 0
}

// walk calls f for every leaf, in the order of keys, until it returns false.
func (s *space) walk(root ref, f func(ref) bool) bool {
	if root == 0 {
		return true
	}
	b := s.branch(root)
	for all := b.leaves | b.kids; all != 0; all &= all - 1 {
		next, leaf := b.slotRef(all & -all)
		if leaf && !f(next) || !leaf && !s.walk(next, f) {
			return false
		}
	}
	return true
}
