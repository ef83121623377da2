package dnsserve

import (
	"bytes"
	"crypto/sha1"
)

// Proofs for DO that something isn't there: with NSEC (RFC 4035 §3.1.3) or NSEC3 (RFC 5155 §7.2). They are
// collected while an answer is made, and written at its end, each once.

// need notes that the answer needs the NSEC or NSEC3 of a name.
func (r *responder) need(n name) {
	if !n.is() {
		return
	}
	for i := range r.proven {
		if &r.proofs[i].block[0] == &n.block[0] {
			return
		}
	}
	if r.proven < len(r.proofs) {
		r.proofs[r.proven] = n
		r.proven++
	}
}

// prove appends what is needed to the authority section.
func (r *responder) prove(v *version) {
	typ := uint16(typeNSEC)
	if v.proof == proofNSEC3 {
		typ = typeNSEC3
	}
	for i := 0; i < r.proven && !r.tc; i++ {
		n := r.proofs[i]
		if s, ok := n.set(typ, 0); ok {
			// Its TTL is the negative one, whatever it was made with (RFC 9077 §3).
			r.putSigned(sectionAuthority, 0, 0, r.spell(n.wire()), n, &s, min(s.ttl, v.negativeTTL))
		}
	}
	r.proven = 0
}

// deny appends the authority section of a negative answer: the SOA (RFC 2308 §3), then proofs.
func (r *responder) deny(v *version) {
	at := headerSize + len(r.query.name.wire) - len(v.origin)
	r.putSigned(sectionAuthority, at, at, nil, v.apex, &v.soa, v.negativeTTL)
	r.prove(v)
}

// denyName denies that there is a name, or a wildcard for it.
func (r *responder) denyName(v *version, l *labels, encloser int) {
	switch {
	case !r.query.do:
	case v.proof == proofNSEC:
		r.need(r.before(v, l.wire))
		r.need(r.before(v, r.starOf(l.suffix(encloser))))
	case v.proof == proofNSEC3:
		provable := r.needEncloser(v, l, encloser)
		star := r.starOf(l.suffix(provable))
		// Above what opt-out leaves unproved there may be a wildcard, which doesn't stand for this name.
		if provable == encloser || !r.matching(v, star).is() {
			r.need(r.covering(v, star))
		}
	}
	r.deny(v)
}

// denyType denies that a name, or the wildcard that stands for it, has the type.
func (r *responder) denyType(v *version, l *labels, m match) {
	switch {
	case !r.query.do:
	case v.proof == proofNSEC:
		if m.kind == matchWildcard {
			r.need(r.before(v, l.wire))
		}
		r.need(r.before(v, m.name.wire())) // its own, but for an empty non-terminal
	case v.proof == proofNSEC3:
		own := r.matching(v, m.name.wire())
		if m.kind == matchWildcard || !own.is() {
			// With opt-out what leads to unsigned delegations alone has none, nor have these.
			at := m.encloser
			if m.kind == matchName {
				at--
			}
			r.needEncloser(v, l, at)
		}
		r.need(own)
	}
	r.deny(v)
}

// proveExpansion proves that there is no name nearer than the wildcard.
func (r *responder) proveExpansion(v *version, l *labels, encloser int) {
	switch v.proof {
	case proofNSEC:
		r.need(r.before(v, l.wire))
	case proofNSEC3:
		r.need(r.covering(v, l.suffix(encloser+1)))
	}
}

// proveNoDS proves that the cut at or above a name has no DS.
func (r *responder) proveNoDS(v *version, l *labels, cut name) {
	switch v.proof {
	case proofNSEC:
		r.need(cut)
	case proofNSEC3:
		var own name
		if ahead := &r.query.found; ahead.zone == v && ahead.hash && l == &r.query.name {
			r.hash = ahead.sha
			hashLabel(&r.label, &r.hash)
			own = r.matchingAt(v, ahead.own)
		} else {
			own = r.matching(v, cut.wire())
		}
		if own.is() {
			r.need(own)
			return
		}
		r.needEncloser(v, l, labelCount(cut.wire())-1)
	}
}

// needEncloser notes the proof that of a name's ancestors the one with so many labels is the nearest; with opt-out,
// the nearest that can be proved (RFC 5155 §7.2.1). It returns how many labels that has.
func (r *responder) needEncloser(v *version, l *labels, n int) int {
	for ; n >= v.labels; n-- {
		if own := r.matching(v, l.suffix(n)); own.is() {
			r.need(own)
			break
		}
	}
	n = max(n, v.labels)
	if n < l.n {
		r.need(r.covering(v, l.suffix(n+1)))
	}
	return n
}

// before returns the last name with NSEC at or before a name, in canonical order: its NSEC says what is there, or
// that nothing is.
func (r *responder) before(v *version, wire []byte) name {
	want := canonical(r.orders[0][:0], wire, v.origin)
	var short [8]byte
	k := key{}
	if copy(short[:], want); len(want) > 8 {
		k.tail = want[8:]
	}
	k.head = be.Uint64(short[:])
	found := v.floor(v.sorted, &k, func(leaf ref) bool {
		return bytes.Compare(canonical(r.orders[1][:0], v.name(leaf).wire(), v.origin), want) <= 0
	})
	if found == 0 {
		return name{}
	}
	return v.name(found)
}

// hashOf puts the hash of a name into r.hash and r.label (RFC 5155 §5).
func (r *responder) hashOf(v *version, wire []byte) {
	in := append(append(r.hashIn[:0], wire...), v.nsec3.salt...)
	r.hash = sha1.Sum(in)
	for range v.nsec3.iterations {
		in = append(append(r.hashIn[:0], r.hash[:]...), v.nsec3.salt...)
		r.hash = sha1.Sum(in)
	}
	hashLabel(&r.label, &r.hash)
}

// matching returns the owner of the NSEC3 that stands for a name; the zero name when there is none.
func (r *responder) matching(v *version, wire []byte) name {
	r.hashOf(v, wire)
	k := key{be.Uint64(r.hash[:]), r.hash[8:]}
	return r.matchingAt(v, v.find(v.denial, &k))
}

// matchingAt returns the owner of NSEC3 at a place if it stands for the name with the hash.
func (r *responder) matchingAt(v *version, found ref) name {
	if found != 0 {
		n := v.name(found)
		if s, ok := n.set(typeNSEC3, 0); ok && bytes.Equal(n.wire()[1:1+labelSize], r.label[:]) && v.nsec3.matches(s.first()) {
			return n
		}
	}
	return name{}
}

// covering returns the owner of the NSEC3 in whose span the hash of a name falls that isn't there.
func (r *responder) covering(v *version, wire []byte) name {
	r.hashOf(v, wire)
	for range maxForeign {
		k := key{be.Uint64(r.hash[:]), r.hash[8:]}
		found := v.floor(v.denial, &k, func(leaf ref) bool {
			return bytes.Compare(v.name(leaf).wire()[1:1+labelSize], r.label[:]) <= 0
		})
		if found == 0 {
			if found = v.last(v.denial); found == 0 {
				return name{}
			}
		}
		n := v.name(found)
		if s, ok := n.set(typeNSEC3, 0); ok && v.nsec3.matches(s.first()) {
			r.collided = r.collided || bytes.Equal(n.wire()[1:1+labelSize], r.label[:])
			return n
		}
		// One of another chain: go on in front of it.
		labelHash(&r.hash, n.wire()[1:1+labelSize])
		for i := hashSize - 1; i >= 0; i-- {
			r.hash[i]--
			if r.hash[i] != 0xff {
				break
			}
		}
		hashLabel(&r.label, &r.hash)
	}
	return name{}
}
