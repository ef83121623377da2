package dnsserve

import (
	"runtime"
	"runtime/debug"
	"time"
)

// scratch is what finding an answer needs beside the answer.
type scratch struct {
	chase  labels               // the target of a CNAME being followed
	host   labels               // a name server whose addresses are looked up
	star   [maxName]byte        // the wildcard name being looked for
	owner  [maxName + 2]byte    // an owner name as it is written
	proofs [maxProofs]name      // whose NSEC or NSEC3 the answer needs, each once
	proven int                  // how many of them
	hashIn [2*maxName + 8]byte  // what NSEC3's hash is made from
	label  [labelSize]byte      // the hash's label
	hash   [hashSize]byte       // the hash
	orders [2][2 * maxName]byte // names made comparable

	clock    uint32
	check    bool // some signature of the zone has ended: look at each
	ended    bool // an RRset's signatures, all of them
	collided bool // a name that isn't there has the hash of one that is (RFC 5155 §7.2.9)
}

// Kinds of matches.
const (
	matchNothing  = iota // NXDOMAIN
	matchName            // the name, or an empty non-terminal
	matchWildcard        // the wildcard that stands for it
	matchCut             // the delegation at or above it
	matchDNAME           // the DNAME above it
)

// match says what stands in a zone for a name.
type match struct {
	kind     int
	name     name // the zero name for matchNothing
	encloser int  // labels of the longest name there is that ends it
}

// lookup answers a well-formed question from the zone (RFC 1034 §4.3.2) and returns the response code. It sets
// kind, and writes the sections behind the question.
func (r *responder) lookup(v *version) (rcode int) {
	defer runtime.KeepAlive(v)
	defer r.fence(v, &rcode)
	debug.SetPanicOnFault(true) // of this goroutine: a file that can't be read fails an answer, not the node
	q := r.query
	r.proven, r.ended, r.collided = 0, false, false
	r.check = false
	if q.do && v.signed {
		r.clock = uint32(r.from.now / int64(time.Second)) // RRSIG's times are Unix times modulo 2^32 (RFC 4034 §3.1.5)
		r.check = int32(r.clock-v.earliest) >= 0
	}
	rcode = r.walk(v)
	switch {
	case r.ended:
		r.extended = extendedSignatureExpired
		fallthrough
	case r.collided:
		r.fail()
		return rcodeServFail
	}
	return rcode
}

// fail takes back what there is of an answer.
func (r *responder) fail() {
	r.clear()
	r.aa, r.tc, r.kind = false, false, kindError
}

// fence ends an answer that needs a page which is not what was written. Nothing of it has left the node. Other
// panics go on.
func (r *responder) fence(v *version, rcode *int) {
	cause := recover()
	if cause == nil {
		return
	}
	if !isDamage(cause) {
		panic(cause)
	}
	r.zones.damage(v, cause)
	r.fail()
	*rcode = rcodeServFail
}

// walk answers the question, and goes on where CNAME and DNAME lead inside the zone (RFC 1034 §4.3.2 step 3a):
// the response code is the last name's (RFC 6604 §3).
func (r *responder) walk(v *version) int {
	q := r.query
	l, at := &q.name, headerSize
	var seen [maxChain + 1]*byte
	for step := range seen {
		m := r.match(v, l, q.qtype)
		switch m.kind {
		case matchCut:
			if step == 0 {
				r.kind = kindReferral
				r.refer(v, l, m.name, headerSize+len(l.wire)-len(m.name.wire()), nil)
			} else {
				r.refer(v, l, m.name, 0, r.spell(m.name.wire()))
			}
			return rcodeNoError
		case matchNothing:
			r.aa, r.kind = true, kindNXDomain
			r.denyName(v, l, m.encloser)
			return rcodeNXDomain
		case matchDNAME:
			r.aa, r.kind = true, kindAnswer
			target, rcode := r.redirect(v, l, at, m.name)
			if target == 0 || q.qtype == typeCNAME || q.qtype == typeANY {
				r.prove(v)
				return rcode
			}
			l, at = &r.chase, target
			if !within(l.wire, v.origin) {
				r.prove(v)
				return rcodeNoError
			}
			continue
		}
		r.aa, r.kind = true, kindAnswer
		for _, n := range seen[:step] {
			if n == &m.name.block[0] {
				r.prove(v)
				return rcodeNoError
			}
		}
		seen[step] = &m.name.block[0]
		base := 0 // only in the question a name is spelled out
		if step == 0 {
			base = headerSize + len(l.wire) - len(m.name.wire())
		}
		s, ok := r.pick(m.name)
		if !ok {
			r.denyType(v, l, m)
			return rcodeNoError
		}
		if m.kind == matchWildcard && q.do {
			r.proveExpansion(v, l, m.encloser)
		}
		start := len(r.out)
		if !r.answer(at, base, m.name, &s) {
			return rcodeNoError
		}
		if s.typ != typeCNAME || q.qtype == typeCNAME || q.qtype == typeANY {
			r.prove(v)
			if s.typ == typeNS && q.qtype == typeNS && step == 0 {
				r.glue(v, start, &s, nil)
			}
			return rcodeNoError
		}
		at = start + recordHead
		if at > 0x3fff || !r.chase.follow(r.out, at) || !within(r.chase.wire, v.origin) {
			break
		}
		l = &r.chase
	}
	r.prove(v)
	return rcodeNoError
}

// match walks from the apex down, one label at a time, so that a cut hides all below it (glue included) and
// a missing name ends the search: nothing exists below it (RFC 8020), for empty non-terminals are there.
func (r *responder) match(v *version, l *labels, qtype uint16) match {
	encloser := v.apex
	for n := v.labels + 1; n <= l.n; n++ {
		if encloser.has(flagDNAME) {
			return match{matchDNAME, encloser, n - 1}
		}
		wire := l.suffix(n)
		var next name
		if ahead := &r.query.found; ahead.zone == v && n == v.labels+1 && l == &r.query.name {
			next = v.nameAt(ahead.top, wire)
		} else {
			next = v.get(wire)
		}
		if !next.is() {
			return r.wildcard(v, encloser, n-1)
		}
		if next.has(flagCut) && !(n == l.n && qtype == typeDS) {
			return match{matchCut, next, n}
		}
		encloser = next
	}
	return match{matchName, encloser, l.n}
}

// wildcard returns the match for the wildcard right below a closest encloser (RFC 4592 §3.3.1).
func (r *responder) wildcard(v *version, encloser name, depth int) match {
	if encloser.has(flagWild) {
		if n := v.get(r.starOf(encloser.wire())); n.is() {
			return match{matchWildcard, n, depth}
		}
	}
	return match{matchNothing, name{}, depth}
}

// starOf returns the wildcard right below a name; the name itself if that would be too long to exist.
func (r *responder) starOf(wire []byte) []byte {
	if len(wire)+2 > maxName {
		return wire
	}
	return append(append(r.star[:0], 1, '*'), wire...)
}

// pick returns the RRset of a name that answers the question, or the CNAME that leads on.
func (r *responder) pick(n name) (s set, ok bool) {
	q := r.query
	switch {
	case n.has(flagCut):
		return n.set(typeDS, 0)
	case q.qtype == typeANY:
		return pickLeast(n, false)
	case q.qtype == typeRRSIG:
		s, ok = pickLeast(n, true)
	default:
		s, ok = n.set(q.qtype, 0)
	}
	if !ok {
		s, ok = n.set(typeCNAME, 0)
	}
	return s, ok
}

// pickLeast returns the smallest RRset of a name, which is what ANY gets (RFC 8482 §4.1); for type RRSIG, the
// smallest of signatures, for the same reasons (RFC 8482 §7).
func pickLeast(n name, signatures bool) (least set, ok bool) {
	for b := n.sets(); len(b) > 0; {
		var s set
		s, b = nextSet(b)
		if (s.typ == typeRRSIG) != signatures || s.typ == typeNSEC || ok && s.size() >= least.size() {
			continue
		}
		if signatures {
			covered, there := n.set(s.covers, 0)
			if !there {
				continue
			}
			s.ttl = covered.ttl
		}
		least, ok = s, true
	}
	return least, ok
}

// answer appends an RRset to the answer section and, for DO, its signatures.
func (r *responder) answer(at, base int, n name, s *set) bool {
	return r.putSigned(sectionAnswer, at, base, nil, n, s, s.ttl)
}

// refer appends the delegation of the cut at or above a name: NS, and for DO its DS or the proof that it has none (RFC 4035
// §3.1.4), then the addresses. The cut's name stands in the message at an offset, or else is spelled out.
func (r *responder) refer(v *version, l *labels, cut name, at int, spelled []byte) {
	ns, _ := cut.set(typeNS, 0)
	start := len(r.out)
	if !r.put(sectionAuthority, at, at, spelled, cut, &ns, ns.ttl) {
		r.tc = true
		return
	}
	if r.query.do {
		ds, ok := cut.set(typeDS, 0)
		if _, signed := cut.set(typeRRSIG, typeDS); ok && signed {
			r.putSigned(sectionAuthority, at, at, spelled, cut, &ds, ds.ttl)
		} else if !ok {
			r.proveNoDS(v, l, cut)
		}
		r.prove(v)
	}
	if spelled == nil { // behind an alias it is only a hint: the resolver comes again
		r.glue(v, start, &ns, cut.wire())
	}
}

// redirect appends the DNAME above a name and the CNAME that it makes of it (RFC 6672 §3.1). It returns where
// in the message the target is, which is then in r.chase; 0 when there is none, with the response code.
func (r *responder) redirect(v *version, l *labels, at int, n name) (target, rcode int) {
	s, _ := n.set(typeDNAME, 0)
	if !r.putSigned(sectionAnswer, 0, 0, r.spell(n.wire()), n, &s, s.ttl) {
		return 0, rcodeNoError
	}
	head, tail := l.wire[:len(l.wire)-len(n.wire())], s.first()
	if len(head)+len(tail) > maxName {
		return 0, rcodeYXDomain
	}
	if len(r.out)+recordHead+len(head)+len(tail) > r.limit {
		r.tc = true
		return 0, rcodeNoError
	}
	r.record(at, typeCNAME, s.ttl, len(head)+len(tail))
	target = len(r.out)
	r.out = append(append(r.out, head...), tail...)
	r.count[sectionAnswer]++
	if target > 0x3fff || !r.chase.follow(r.out, target) {
		return 0, rcodeNoError
	}
	return target, rcodeNoError
}

const rcodeYXDomain = 6 // RFC 6672 §2.2
