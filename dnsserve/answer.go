package dnsserve

import "encoding/binary"

// lookup answers a well-formed question from the zone (RFC 1034 §4.3.2) and returns the response code. It sets
// kind, and writes the sections behind the question.
func (r *responder) lookup(v *version) int {
	q := &r.query
	m := r.match(v, &q.name, q.qtype)
	if m.kind == matchCut {
		r.kind = kindReferral
		p := m.name.referral.pick(q.do)
		r.copy(p, m.name.wire)
		r.glue(v, p, m.name.wire)
		return rcodeNoError
	}
	r.aa = true
	if m.kind == matchNothing {
		r.kind = kindNXDomain
		r.deny(v)
		return rcodeNXDomain
	}
	r.kind = kindAnswer
	answers, base := m.name.answers, m.name.wire
	if m.kind == matchWildcard {
		answers, base = m.name.synth, parent(m.name.wire)
	}
	a := find(answers, q.qtype)
	if q.qtype == typeANY && m.name.any >= 0 {
		a = &answers[m.name.any]
	}
	if a != nil {
		p := a.pick(q.do)
		r.copy(p, base)
		if q.qtype == typeNS {
			r.glue(v, p, base)
		}
		return rcodeNoError
	}
	if a = find(answers, typeCNAME); a != nil {
		p := a.pick(q.do)
		r.copy(p, base)
		return r.follow(v, m.name, p, base)
	}
	r.deny(v)
	return rcodeNoError
}

// match says what stands in a zone for a name.
type match struct {
	kind int
	name *name // nil for matchNothing
}

const (
	matchNothing  = iota // NXDOMAIN
	matchName            // the name, or an empty non-terminal
	matchWildcard        // the wildcard that stands for it
	matchCut             // the delegation at or above it
)

// match walks from the apex down, one label at a time, so that a cut hides all below it (glue included) and
// a missing name ends the search: nothing exists below it (RFC 8020), for empty non-terminals are there.
func (r *responder) match(v *version, l *labels, qtype uint16) match {
	encloser := v.apex
	for n := v.labels + 1; n <= l.n; n++ {
		next := v.get(l.suffix(n))
		if next == nil || next.denial {
			if !encloser.wild {
				return match{}
			}
			return r.wildcard(v, encloser)
		}
		if next.cut && !(n == l.n && qtype == typeDS) {
			return match{matchCut, next}
		}
		encloser = next
	}
	return match{matchName, encloser}
}

// wildcard returns the match for the wildcard right below a closest encloser (RFC 4592 §3.3.1).
func (r *responder) wildcard(v *version, encloser *name) match {
	if len(encloser.wire)+2 > maxName {
		return match{}
	}
	star := append(r.star[:0], 1, '*')
	n := v.get(append(star, encloser.wire...))
	if n == nil || n.denial {
		return match{}
	}
	return match{matchWildcard, n}
}

// shift is by how much the query name is longer than a base name that ends it.
func (r *responder) shift(base []byte) int { return len(r.query.name.wire) - len(base) }

// copy appends a piece made for base, which is what the message holds after the question. It leaves room
// for OPT; what doesn't fit truncates.
func (r *responder) copy(p *piece, base []byte) {
	at := len(r.out)
	if at+len(p.wire) > r.limit {
		r.tc = true
		return
	}
	r.out = append(r.out, p.wire...)
	if shift := r.shift(base); shift != 0 {
		for _, f := range p.fix {
			pointer := r.out[at+int(f):]
			binary.BigEndian.PutUint16(pointer, binary.BigEndian.Uint16(pointer)+uint16(shift))
		}
	}
	r.count = [3]uint16{p.an, p.ns, p.ar}
}

// deny appends the authority section of a negative answer.
func (r *responder) deny(v *version) {
	r.copy(v.negative.pick(r.query.do), v.origin)
}

// glue appends the addresses of a piece's hosts, as far as they fit: an address left out is one that the
// client can ask for (RFC 9471 §3.2).
func (r *responder) glue(v *version, p *piece, base []byte) {
	if r.tc {
		return
	}
	for i := range p.hosts {
		h := &p.hosts[i]
		n := v.root.get(h.hash, h.wire)
		if n == nil || h.at == 0 {
			continue
		}
		for j := range n.sets {
			if s := &n.sets[j]; s.typ == typeA || s.typ == typeAAAA {
				r.append(sectionAdditional, h.at+r.shift(base), s, s.ttl)
			}
		}
	}
}

// follow continues at the target of the CNAME answer p of a name as long as that is inside the zone and new
// (RFC 1034 §4.3.2 step 3a), and returns the response code, which is the last name's (RFC 6604 §3). Records
// are written one by one here: chains are rare in a registry's zone.
func (r *responder) follow(v *version, alias *name, p *piece, base []byte) int {
	if r.tc || len(p.hosts) == 0 || p.hosts[0].at == 0 {
		return rcodeNoError
	}
	q := &r.query
	target, at := p.hosts[0].wire, p.hosts[0].at+r.shift(base)
	seen := [maxChain + 1]*name{alias}
	for i := 1; i < len(seen); i++ {
		r.chase.read(target)
		m := r.match(v, &r.chase, q.qtype)
		if m.kind == matchCut {
			return rcodeNoError
		}
		apex := headerSize + r.shift(v.origin)
		negative := v.apex.set(typeSOA, 0)
		ttl := min(negative.ttl, soaMinimum(negative.first()))
		if m.kind == matchNothing {
			r.appendSigned(sectionAuthority, apex, v.apex, negative, ttl)
			return rcodeNXDomain
		}
		for _, n := range seen[:i] {
			if n == m.name {
				return rcodeNoError
			}
		}
		seen[i] = m.name
		if s := m.name.set(q.qtype, 0); s != nil {
			r.appendSigned(sectionAnswer, at, m.name, s, s.ttl)
			return rcodeNoError
		}
		s := m.name.set(typeCNAME, 0)
		if s == nil {
			r.appendSigned(sectionAuthority, apex, v.apex, negative, ttl)
			return rcodeNoError
		}
		next := len(r.out) + 12 // behind owner pointer, type, class, TTL and length
		if !r.appendSigned(sectionAnswer, at, m.name, s, s.ttl) || next > 0x3fff {
			return rcodeNoError
		}
		at, target = next, s.first()
		r.chase.read(target)
		if !within(r.chase.wire, v.origin) {
			return rcodeNoError
		}
	}
	return rcodeNoError
}

// appendSigned appends a set and, for DO, its signatures; if it doesn't fit the answer is truncated.
func (r *responder) appendSigned(section, at int, n *name, s *set, ttl uint32) bool {
	ok := r.append(section, at, s, ttl)
	if sig := n.set(typeRRSIG, s.typ); ok && sig != nil && r.query.do {
		ok = r.append(section, at, sig, ttl)
	}
	r.tc = r.tc || !ok
	return ok
}

// append writes a whole set owned by the name at an offset of the message, or, if it doesn't fit, nothing.
func (r *responder) append(section, at int, s *set, ttl uint32) bool {
	if len(r.out)+int(s.count)*10+len(s.rdata) > r.limit {
		return false
	}
	for b := s.rdata; len(b) > 0; {
		n := 2 + int(binary.BigEndian.Uint16(b))
		r.out = binary.BigEndian.AppendUint16(r.out, 0xc000|uint16(at))
		r.out = binary.BigEndian.AppendUint16(r.out, s.typ)
		r.out = binary.BigEndian.AppendUint16(r.out, classIN)
		r.out = binary.BigEndian.AppendUint32(r.out, ttl)
		r.out = append(r.out, b[:n]...)
		b = b[n:]
	}
	r.count[section] += s.count
	return true
}
