package dnsserve

import (
	"bytes"
	"fmt"
	"slices"
)

// edit makes the next version of a zone: it appends to the arena what differs from the version before. Until
// the header with its roots is written and the version is stored, nobody sees any of it.
type edit struct {
	version // becomes the new one
	im      *image
	start   ref // blocks from here on are the edit's own, which it may change
	next    ref // where the next block goes
	free    [freeUnits + 1][]ref
	drafts  [2]map[string]*draft // names; owners of NSEC3
	order   []*draft             // in the order in which they were touched
	expires map[uint32]int64     // by step of time: how many signatures more end in it
	packer  packer
	keys    [2]keyBuffer

	gathered *gathered // in place of the tries, while an image is made from nothing; else nil
}

// draft is a name that is being changed.
type draft struct {
	wire   []byte // lower-case
	denial bool   // an owner of NSEC3, which is none of the zone's names (RFC 5155 §7.2.8)
	old    ref    // where it lies now; 0: nowhere
	size   int    // of the block there, in octets
	hadSec bool   // NSEC stands there
	kids   uint32 // names in the zone one label below, empty non-terminals included
	wild   bool   // one of them is the wildcard
	dead   bool
	sets   []rawSet // by type and type covered
}

// edit starts from v, or with a v that has no names, from nothing.
func (v *version) edit(im *image) *edit {
	e := &edit{version: *v, im: im, start: v.next, next: v.next, expires: make(map[uint32]int64)}
	e.packer.origin = e.origin
	e.drafts = [2]map[string]*draft{make(map[string]*draft), make(map[string]*draft)}
	if e.start == 0 {
		e.start, e.next = firstRef, firstRef
	}
	return e
}

// alloc makes a block of n octets.
func (e *edit) alloc(n int) (ref, []byte) {
	u := units(n)
	if u <= freeUnits {
		if free := e.free[u]; len(free) > 0 {
			r := free[len(free)-1]
			e.free[u] = free[:len(free)-1]
			e.garbage -= uint64(u) * unit
			return r, e.view(r, n)
		}
	}
	r := e.next
	if in := r & refMask; in < firstRef {
		r += firstRef - in // in front of the table of a new segment
	} else if in+u > 1<<refBits {
		skipped := 1<<refBits - in
		e.garbage += uint64(skipped) * unit
		r += skipped + firstRef
	}
	if err := e.im.extend(r, n); err != nil {
		panic(exhausted{err})
	}
	e.segments = e.im.segments
	e.next = r + u
	return r, e.view(r, n)
}

// exhausted is what alloc panics with: a dozen callers have nothing to say about it.
type exhausted struct{ err error }

// give returns a block of n octets: to the edit itself, or to the garbage.
func (e *edit) give(r ref, n int) {
	u := units(n)
	e.garbage += uint64(u) * unit
	if r >= e.start && u <= freeUnits {
		e.free[u] = append(e.free[u], r)
	}
}

// touch returns the name for changing, made with all empty non-terminals above it when it is new.
func (e *edit) touch(wire []byte) *draft {
	d := e.draft(wire, false)
	if d.dead && len(wire) > len(e.origin) {
		up := e.touch(parent(wire))
		up.kids++
		up.wild = up.wild || isWildcard(wire)
	}
	d.dead = false
	return d
}

// draft returns the draft of a name; of one that is new, dead.
func (e *edit) draft(wire []byte, denial bool) *draft {
	kind := 0
	if denial {
		kind = 1
	}
	if d := e.drafts[kind][string(wire)]; d != nil {
		return d
	}
	d := &draft{wire: wire, denial: denial, dead: true}
	if d.old = e.place(wire, denial); d.old != 0 {
		n := e.name(d.old)
		d.size, d.kids, d.wild, d.dead = len(n.block), n.kids(), n.has(flagWild), false
		for b := n.sets(); len(b) > 0; {
			var s set
			s, b = nextSet(b)
			d.sets = append(d.sets, s.unpack(n.wire()))
			d.hadSec = d.hadSec || s.typ == typeNSEC
		}
	}
	e.drafts[kind][string(wire)] = d
	e.order = append(e.order, d)
	return d
}

// place returns where a name lies, or an owner of NSEC3; 0 when there is none.
func (e *edit) place(wire []byte, denial bool) (r ref) {
	k, root := hashed(e.seed, wire), e.names
	if denial {
		var ok bool
		if k, ok = e.keys[0].denial(wire); !ok {
			return 0
		}
		root = e.denial
	}
	is := func(r ref) bool { return bytes.Equal(e.name(r).wire(), wire) }
	switch {
	case e.gathered == nil:
		if r = e.find(root, &k); r == 0 || is(r) {
			return r
		}
	case denial:
		return e.gathered.denial.find(k.head, is)
	default:
		return e.gathered.names.find(k.head, is)
	}
	return 0
}

// own parses an owner name and checks that it belongs to the zone.
func (e *edit) own(owner string) ([]byte, error) {
	wire, err := parseName(owner)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	if !within(wire, e.origin) {
		return nil, fmt.Errorf("%w: %s is outside the zone", ErrRecord, owner)
	}
	return wire, nil
}

// owner returns the draft that a set belongs to.
func (e *edit) owner(wire []byte, typ, covers uint16) (*draft, error) {
	if typ != typeNSEC3 && (typ != typeRRSIG || covers != typeNSEC3) {
		return e.touch(wire), nil
	}
	if _, ok := e.keys[0].denial(wire); !ok || !bytes.Equal(parent(wire), e.origin) {
		return nil, fmt.Errorf("%w: %s is no owner for NSEC3", ErrRecord, show(wire))
	}
	d := e.draft(wire, true)
	d.dead = false
	return d, nil
}

// add puts an RRset in; it fails if there is one.
func (e *edit) add(rr *RRset) error {
	wire, err := e.own(rr.Owner)
	if err != nil {
		return err
	}
	s, err := newSet(rr)
	if err != nil {
		return err
	}
	return e.addSet(wire, s)
}

func (e *edit) addSet(wire []byte, s rawSet) error {
	d, err := e.owner(wire, s.typ, s.covers)
	if err != nil {
		return err
	}
	i, found := search(d.sets, s.typ, s.covers)
	if found {
		return fmt.Errorf("%w: %s type %d given twice", ErrRecord, show(wire), s.typ)
	}
	d.sets = slices.Insert(d.sets, i, s)
	e.countEnds(&s, 1)
	if len(e.order) >= flushDrafts {
		return e.flush()
	}
	return nil
}

// change carries a Change out.
func (e *edit) change(c *Change) error {
	wire, err := e.own(c.Owner)
	if err != nil {
		return err
	}
	if !isData(c.Type) {
		return fmt.Errorf("%w: %s: type %d is not a data type", ErrRecord, c.Owner, c.Type)
	}
	if c.Set == nil {
		e.drop(wire, c.Type, c.Covers)
		return nil
	}
	if c.Set.Owner != c.Owner || c.Set.Type != c.Type || c.Set.Covers != c.Covers {
		return fmt.Errorf("%w: change of %s type %d carries %s type %d", ErrRecord, c.Owner, c.Type, c.Set.Owner, c.Set.Type)
	}
	s, err := newSet(c.Set)
	if err != nil {
		return err
	}
	d, err := e.owner(wire, s.typ, s.covers)
	if err != nil {
		return err
	}
	e.countEnds(&s, 1)
	if i, found := search(d.sets, s.typ, s.covers); found {
		e.countEnds(&d.sets[i], -1)
		d.sets[i] = s
	} else {
		d.sets = slices.Insert(d.sets, i, s)
	}
	if len(e.order) >= flushDrafts {
		return e.flush()
	}
	return nil
}

// drop takes an RRset out, and then every name that nothing holds in the zone any more.
func (e *edit) drop(wire []byte, typ, covers uint16) {
	d := e.draft(wire, typ == typeNSEC3 || typ == typeRRSIG && covers == typeNSEC3)
	i, found := search(d.sets, typ, covers)
	if d.dead || !found {
		return
	}
	e.countEnds(&d.sets[i], -1)
	d.sets = slices.Delete(d.sets, i, i+1)
	for len(d.sets) == 0 && d.kids == 0 && len(d.wire) > len(e.origin) {
		d.dead = true
		if d.denial {
			return
		}
		up := e.touch(parent(d.wire))
		up.kids--
		up.wild = up.wild && !isWildcard(d.wire)
		d = up
	}
}

// countEnds notes that signatures come or go.
func (e *edit) countEnds(s *rawSet, n int64) {
	if s.typ == typeRRSIG {
		s.each(func(rd []byte) { e.expires[be.Uint32(rd[rrsigExpires:])/expiryStep] += n })
	}
}

// flush writes all drafts into the arena.
func (e *edit) flush() error {
	for _, d := range e.order {
		if err := e.write(d); err != nil {
			return err
		}
	}
	e.order = e.order[:0]
	clear(e.drafts[0])
	clear(e.drafts[1])
	return nil
}

// write replaces a name in the arena by its draft.
func (e *edit) write(d *draft) error {
	if d.dead {
		if d.old == 0 {
			return nil
		}
		e.unlink(d)
		e.give(d.old, d.size)
		e.count--
		return nil
	}
	if err := e.fits(d); err != nil {
		return err
	}
	block := e.encode(d)
	if len(block) > maxRecord {
		return fmt.Errorf("%w: %s has %d octets of records", ErrRecord, show(d.wire), len(block))
	}
	if d.old >= e.start && units(d.size) == units(len(block)) {
		copy(e.view(d.old, len(block)), block)
		e.linkOrder(d, d.old)
		return nil
	}
	if d.old == 0 {
		e.count++
	}
	old, size := d.old, d.size
	r, b := e.alloc(len(block))
	copy(b, block)
	e.link(d, r)
	if old != 0 {
		e.give(old, size)
	}
	return nil
}

// encode makes a name's block, in a buffer that the next call uses again.
func (e *edit) encode(d *draft) []byte {
	p := &e.packer
	p.buf = append(p.buf[:0], 0, 0, 0, 0)
	p.buf = le.AppendUint32(p.buf, d.kids)
	p.buf = append(p.buf, e.flags(d), byte(len(d.wire)))
	p.buf = le.AppendUint16(p.buf, uint16(len(d.sets)))
	p.buf = append(p.buf, d.wire...)
	for i := range d.sets {
		p.pack(d.wire, &d.sets[i])
	}
	le.PutUint32(p.buf, uint32(len(p.buf)))
	return p.buf
}

func (e *edit) flags(d *draft) (f uint8) {
	if d.wild {
		f |= flagWild
	}
	if _, ns := search(d.sets, typeNS, 0); ns && len(d.wire) > len(e.origin) && !isWildcard(d.wire) && !d.denial {
		f |= flagCut
	}
	if _, dname := search(d.sets, typeDNAME, 0); dname && !d.denial {
		f |= flagDNAME
	}
	return f
}

// fits checks that what is answered together fits a message.
func (e *edit) fits(d *draft) error {
	size := func(typ, covers uint16) int {
		if i, ok := search(d.sets, typ, covers); ok {
			return d.sets[i].size()
		}
		return 0
	}
	for i := range d.sets {
		s := &d.sets[i]
		most := maxPiece
		switch {
		case s.typ == typeNSEC || s.typ == typeNSEC3 || s.typ == typeSOA:
			most = maxProof
		case s.typ == typeNS:
			most = maxPiece / 2 // a referral has proofs too
		case isWildcard(d.wire):
			most = maxPiece - 2*maxProof // as an answer for other names
		}
		if s.typ != typeRRSIG && s.size()+size(typeRRSIG, s.typ) > most {
			return fmt.Errorf("%w: %s type %d with signatures is longer than %d octets", ErrRecord, show(d.wire), s.typ, most)
		}
	}
	if all := size(typeNS, 0) + size(typeDS, 0) + size(typeRRSIG, typeDS); e.flags(d)&flagCut != 0 && all > maxPiece/2 {
		return fmt.Errorf("%w: referral to %s is longer than a message", ErrRecord, show(d.wire))
	}
	return nil
}

// finish writes what is left and returns the version, sealed, and in the image's file if it has one.
func (e *edit) finish(serial uint32) (*version, error) {
	if err := e.flush(); err != nil {
		return nil, err
	}
	e.serial = serial
	if e.gathered != nil {
		e.growAll()
	}
	e.writeEnds()
	e.version.next = e.next
	v := e.version
	if err := v.complete(); err != nil {
		return nil, err
	}
	if in := soaSerial(v.soa.first()); in != serial {
		return nil, fmt.Errorf("%w: SOA serial %d in zone version %d", ErrRecord, in, serial)
	}
	if err := e.im.commit(v.roots, e.start, e.next); err != nil {
		return nil, err
	}
	return &v, nil
}

// guard turns what an edit may panic with into an error. Use it with defer.
func guard(err *error) {
	switch cause := recover(); {
	case cause == nil:
	case isDamage(cause):
		*err = fmt.Errorf("dnsserve: %w: %v", errDamaged, cause)
	default:
		e, ok := cause.(exhausted)
		if !ok {
			panic(cause)
		}
		*err = e.err
	}
}
