package dnsserve

import (
	"fmt"
	"hash/maphash"
	"slices"
)

// name is an owner name of a zone, or an empty non-terminal, with its answers. Once its edit is finished it
// never changes; a later edit replaces it by a copy.
type name struct {
	hash uint64
	wire []byte // lower-case
	edit *edition
	kids int  // names in the zone one label below, empty non-terminals included
	wild bool // one of them is the wildcard
	dead bool // taken out by the edit that is going on
	cut  bool // a delegation: NS below the apex. An NS at a wildcard is plain data (RFC 4592 §4.2)
	// denial: nothing but NSEC3 stands here, so that queries must not see the name (RFC 5155 §7.2.8).
	denial bool

	sets     []set    // by type and type covered
	answers  []answer // for questions that ask for this very name; at a cut, DS alone
	synth    []answer // at a wildcard: for the names that it stands for
	any      int      // index in answers (and synth) of what ANY gets (RFC 8482 §4.1); -1: nothing
	referral answer   // at a cut
}

func (n *name) set(typ, covers uint16) *set {
	if i, ok := search(n.sets, typ, covers); ok {
		return &n.sets[i]
	}
	return nil
}

// find returns the answer for a type, nil when there is none.
func find(answers []answer, typ uint16) *answer {
	for i := range answers {
		if answers[i].typ == typ {
			return &answers[i]
		}
	}
	return nil
}

// version is a zone at one serial. It is immutable.
type version struct {
	origin   []byte // wire, lower-case
	labels   int    // of origin
	seed     maphash.Seed
	serial   uint32
	root     *branch
	apex     *name
	negative answer // the authority section of NXDOMAIN and NODATA (RFC 2308 §2)
}

func (v *version) hash(wire []byte) uint64 { return maphash.Bytes(v.seed, wire) }

func (v *version) get(wire []byte) *name { return v.root.get(v.hash(wire), wire) }

// edit makes the next version of a zone. Until finish has succeeded nobody sees any of it.
type edit struct {
	version
	edition *edition
	touched []*name // names that this edit made or copied
	render  renderer
}

// edit starts from v; with a v that has no names, from nothing.
func (v *version) edit() *edit {
	e := &edit{version: *v, edition: new(edition)}
	e.render = renderer{origin: e.origin, hash: e.hash}
	if e.root == nil {
		e.root = &branch{edit: e.edition}
	}
	e.apex = e.touch(e.origin)
	return e
}

// touch returns the name for changing, made with all empty non-terminals above it when it is new.
func (e *edit) touch(wire []byte) *name {
	hash := e.hash(wire)
	old := e.root.get(hash, wire)
	if old != nil && old.edit == e.edition {
		return old
	}
	n := &name{hash: hash, wire: wire, edit: e.edition, any: -1}
	if old != nil {
		*n = *old
		n.edit = e.edition
		n.sets = slices.Clone(old.sets)
	} else if len(wire) > len(e.origin) {
		up := e.touch(parent(wire))
		up.kids++
		up.wild = up.wild || isWildcard(wire)
	}
	e.root = e.root.put(e.edition, 0, n)
	e.touched = append(e.touched, n)
	return n
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
	n := e.touch(wire)
	i, found := search(n.sets, s.typ, s.covers)
	if found {
		return fmt.Errorf("%w: %s type %d given twice", ErrRecord, rr.Owner, rr.Type)
	}
	n.sets = slices.Insert(n.sets, i, s)
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
	n := e.touch(wire)
	if i, found := search(n.sets, s.typ, s.covers); found {
		n.sets[i] = s
	} else {
		n.sets = slices.Insert(n.sets, i, s)
	}
	return nil
}

// drop takes an RRset out, and then every name that nothing holds in the zone any more.
func (e *edit) drop(wire []byte, typ, covers uint16) {
	n := e.get(wire)
	if n == nil || n.set(typ, covers) == nil {
		return
	}
	n = e.touch(wire)
	i, _ := search(n.sets, typ, covers)
	n.sets = slices.Delete(n.sets, i, i+1)
	for len(n.sets) == 0 && n.kids == 0 && n != e.apex {
		e.root = e.root.remove(e.edition, 0, n)
		n.dead = true
		up := e.touch(parent(n.wire))
		up.kids--
		up.wild = up.wild && !isWildcard(n.wire)
		n = up
	}
}

// finish makes the answers of all that changed and returns the version, sealed.
func (e *edit) finish(serial uint32) (*version, error) {
	soa := e.apex.set(typeSOA, 0)
	if soa == nil {
		return nil, fmt.Errorf("%w: no SOA at the apex", ErrRecord)
	}
	if in := soaSerial(soa.first()); in != serial {
		return nil, fmt.Errorf("%w: SOA serial %d in zone version %d", ErrRecord, in, serial)
	}
	e.serial = serial
	// The glue that a cut's referral must carry stands below the cut: what changes there changes it too.
	// The list grows under the loop; a cut's own ancestors are looked at in their turn.
	for i := 0; i < len(e.touched); i++ {
		for up := e.touched[i].wire; len(up) > len(e.origin); {
			up = parent(up)
			if n := e.get(up); n != nil && n.edit != e.edition && n.cut {
				e.touch(up)
			}
		}
	}
	for _, n := range e.touched {
		if n.dead {
			continue
		}
		if err := e.answers(n); err != nil {
			return nil, err
		}
	}
	if err := e.denial(soa); err != nil {
		return nil, err
	}
	v := e.version
	return &v, nil
}

// answers makes all answers of a name.
func (e *edit) answers(n *name) (err error) {
	wildcard := isWildcard(n.wire) && n != e.apex
	n.cut = n != e.apex && !wildcard && n.set(typeNS, 0) != nil
	n.denial = n.kids == 0 && n.set(typeNSEC3, 0) != nil && !slices.ContainsFunc(n.sets, func(s set) bool {
		return s.typ != typeNSEC3 && (s.typ != typeRRSIG || s.covers != typeNSEC3)
	})
	n.answers, n.synth, n.any, n.referral = nil, nil, -1, answer{}
	if n.cut {
		if n.referral, err = e.delegation(n); err != nil {
			return err
		}
	}
	for i := range n.sets {
		s := &n.sets[i]
		if s.typ == typeRRSIG || n.cut && s.typ != typeDS {
			continue
		}
		a, err := e.data(n, s, false)
		if err != nil {
			return err
		}
		n.answers = append(n.answers, a)
		if wildcard {
			if a, err = e.data(n, s, true); err != nil {
				return err
			}
			n.synth = append(n.synth, a)
		}
	}
	for i, a := range n.answers {
		if a.typ != typeNSEC && (n.any < 0 || len(a.plain.wire) < len(n.answers[n.any].plain.wire)) {
			n.any = i
		}
	}
	return e.signatures(n, wildcard)
}

// data makes the answer that carries a set; for synthesis, when it is a wildcard's.
func (e *edit) data(n *name, s *set, synthesis bool) (a answer, err error) {
	r := &e.render
	a.typ = s.typ
	begin := func() { r.begin(n.wire) }
	if synthesis {
		begin = func() { r.beginWildcard(parent(n.wire)) }
	}
	begin()
	an := r.records(s, s.ttl)
	if a.plain, err = r.end(an, 0, 0); err != nil {
		return a, fmt.Errorf("%s: %w", show(n.wire), err)
	}
	if a.signed = a.plain; n.set(typeRRSIG, s.typ) == nil {
		return a, nil
	}
	begin()
	an = r.records(s, s.ttl) + r.records(n.set(typeRRSIG, s.typ), s.ttl)
	if a.signed, err = r.end(an, 0, 0); err != nil {
		return a, fmt.Errorf("%s: %w", show(n.wire), err)
	}
	return a, nil
}

// signatures makes the answer to a question for type RRSIG: those of one type, for the reasons that ANY
// gets one type (RFC 8482 §7). They have the TTL of what they cover.
func (e *edit) signatures(n *name, wildcard bool) error {
	var least *set
	for i := range n.sets {
		s := &n.sets[i]
		if s.typ == typeRRSIG && n.set(s.covers, 0) != nil && !n.cut && (least == nil || len(s.rdata) < len(least.rdata)) {
			least = s
		}
	}
	if least == nil {
		return nil
	}
	r := &e.render
	r.begin(n.wire)
	p, err := r.end(r.records(least, n.set(least.covers, 0).ttl), 0, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", show(n.wire), err)
	}
	n.answers = append(n.answers, answer{typeRRSIG, p, p})
	if !wildcard {
		return nil
	}
	r.beginWildcard(parent(n.wire))
	if p, err = r.end(r.records(least, n.set(least.covers, 0).ttl), 0, 0); err != nil {
		return fmt.Errorf("%s: %w", show(n.wire), err)
	}
	n.synth = append(n.synth, answer{typeRRSIG, p, p})
	return nil
}

// delegation makes the referral of a cut: NS, with signatures DS, and the glue that the delegation can't
// work without: the addresses of name servers at or below the cut (RFC 9471 §3.1). Name servers elsewhere in
// the zone stay hosts, looked up when asked for, because one host may serve a million delegations and a
// change of its address must not cost a million answers.
func (e *edit) delegation(n *name) (a answer, err error) {
	ds, sig := n.set(typeDS, 0), n.set(typeRRSIG, typeDS)
	if a.plain, err = e.refer(n, nil, nil); err != nil {
		return a, err
	}
	if a.signed = a.plain; ds != nil && sig != nil {
		a.signed, err = e.refer(n, ds, sig)
	}
	return a, err
}

func (e *edit) refer(n *name, ds, sig *set) (*piece, error) {
	r := &e.render
	r.begin(n.wire)
	ns := n.set(typeNS, 0)
	authority := r.records(ns, ns.ttl)
	if ds != nil {
		authority += r.records(ds, ds.ttl) + r.records(sig, ds.ttl)
	}
	var additional uint16
	var elsewhere []host
	for i := range r.hosts {
		h := &r.hosts[i]
		if !within(h.wire, n.wire) {
			elsewhere = append(elsewhere, *h)
			continue
		}
		addresses := e.root.get(h.hash, h.wire)
		if addresses == nil {
			continue
		}
		for _, typ := range [...]uint16{typeA, typeAAAA} {
			if s := addresses.set(typ, 0); s != nil {
				additional += r.glue(h, s)
			}
		}
	}
	r.hosts = elsewhere
	p, err := r.end(0, authority, additional)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", show(n.wire), err)
	}
	return p, nil
}

// denial makes the authority section of negative answers: the SOA with the negative TTL (RFC 2308 §3, §5).
func (e *edit) denial(soa *set) (err error) {
	r := &e.render
	ttl := min(soa.ttl, soaMinimum(soa.first()))
	r.begin(e.origin)
	ns := r.records(soa, ttl)
	if e.negative.plain, err = r.end(0, ns, 0); err != nil {
		return err
	}
	e.negative.signed = e.negative.plain
	if sig := e.apex.set(typeRRSIG, typeSOA); sig != nil {
		r.begin(e.origin)
		ns = r.records(soa, ttl) + r.records(sig, ttl)
		e.negative.signed, err = r.end(0, ns, 0)
	}
	return err
}
