package dnsserve

// put appends a whole RRset to a section or, if it doesn't fit, nothing. Its owner is the name at an offset of
// the message, or, if spelled isn't nil, that, written as it is. base is where the owner would begin if all its
// labels were in the question, which is what the pointers inside the set count from; 0 when they are not there.
func (r *responder) put(section, at, base int, spelled []byte, n name, s *set, ttl uint32) bool {
	if len(r.out)+s.size()+len(spelled) > r.limit {
		return false
	}
	if len(spelled) == 2 && spelled[0] >= 0xc0 {
		at, spelled = int(be.Uint16(spelled)&^tagMask), nil // it is in the question
	}
	start, count := len(r.out), s.count
	_, names, _ := layout(s.typ)
	for b := s.rdata; len(b) > 0; {
		length := int(be.Uint16(b))
		rd := b[2 : 2+length]
		b = b[2+length:]
		if r.check && s.typ == typeRRSIG && r.over(rd) {
			count--
			continue
		}
		if spelled != nil {
			// From the second record on a pointer does, if it reaches.
			if where := len(r.out); where <= 0x3fff {
				at, spelled = where, r.writeOwner(spelled)
			} else if r.writeOwner(spelled); len(r.out) > r.limit {
				return r.undo(start)
			}
		} else {
			r.out = append(r.out, 0xc0|byte(at>>8), byte(at))
		}
		r.out = append(r.out, byte(s.typ>>8), byte(s.typ), 0, classIN, byte(ttl>>24), byte(ttl>>16), byte(ttl>>8), byte(ttl), byte(length>>8), byte(length))
		if names == 0 {
			r.out = append(r.out, rd...)
			continue
		}
		if base == 0 || start > maxSetStart {
			if !r.putWhole(s, len(s.rdata)-len(b)-length, n.wire()) {
				return r.undo(start)
			}
			continue
		}
		r.putNames(s.typ, rd, base, start)
	}
	if count == 0 && s.typ == typeRRSIG {
		r.ended = true
	}
	if len(r.out) > r.limit {
		return r.undo(start)
	}
	r.count[section] += count
	return true
}

func (r *responder) undo(start int) bool {
	r.out = r.out[:start]
	return false
}

// writeOwner returns nil: what put goes on with.
func (r *responder) writeOwner(spelled []byte) []byte {
	r.out = append(r.out, spelled...)
	return nil
}

// over reports whether a signature has ended.
func (r *responder) over(rd []byte) bool {
	return int32(r.clock-be.Uint32(rd[rrsigExpires:])) >= 0
}

// record appends the head of a record owned by the name at an offset.
func (r *responder) record(at int, typ uint16, ttl uint32, length int) {
	r.out = append(r.out, 0xc0|byte(at>>8), byte(at), byte(typ>>8), byte(typ), 0, classIN,
		byte(ttl>>24), byte(ttl>>16), byte(ttl>>8), byte(ttl), byte(length>>8), byte(length))
}

// putNames appends RDATA with names in it, their pointers made to fit.
func (r *responder) putNames(typ uint16, rd []byte, base, start int) {
	skip, names, _ := layout(typ)
	at := skip
	from := len(r.out)
	r.out = append(r.out, rd...)
	for range names {
		for c := rd[at]; ; c = rd[at] {
			if c == 0 {
				at++
				break
			}
			if c <= maxLabel {
				at += 1 + int(c)
				continue
			}
			p := int(be.Uint16(rd[at:]))
			if p&tagMask == tagOwner {
				p = p&^tagMask + base
			} else {
				p = p&^tagMask + start
			}
			be.PutUint16(r.out[from+at:], tagOwner|uint16(p))
			at += 2
			break
		}
	}
}

// putWhole appends RDATA, which is at an offset of a set's, with all names whole.
func (r *responder) putWhole(s *set, at int, owner []byte) bool {
	skip, names, tail := layout(s.typ)
	length := len(r.out) - 2
	// The buffer is the caller's: it must not grow, nor with the head of the next record.
	if len(r.out)+skip+names*maxName+tail+recordHead > cap(r.out) {
		return false
	}
	r.out = append(r.out, s.rdata[at:at+skip]...)
	at += skip
	for range names {
		r.out, at = s.decode(r.out, at, owner)
	}
	r.out = append(r.out, s.rdata[at:at+tail]...)
	be.PutUint16(r.out[length:], uint16(len(r.out)-length-2))
	return len(r.out) <= r.limit
}

// putSigned is put and, for DO, the same for the set's signatures; if not all fits, the answer is truncated.
func (r *responder) putSigned(section, at, base int, spelled []byte, n name, s *set, ttl uint32) bool {
	where := len(r.out)
	ok := r.put(section, at, base, spelled, n, s, ttl)
	if ok && r.query.do && s.typ != typeRRSIG {
		if sig, there := n.set(typeRRSIG, s.typ); there {
			if len(spelled) > 2 && where <= 0x3fff {
				at, spelled = where, nil
			}
			ok = r.put(section, at, base, spelled, n, &sig, ttl)
		}
	}
	r.tc = r.tc || !ok
	return ok
}

// spell returns a name as it is written into the message: it ends in a pointer to what the question has of it.
func (r *responder) spell(wire []byte) []byte {
	q := &r.query.name
	// The labels that both have, from the last one backwards.
	i, j := len(wire)-1, len(q.wire)-1
	common := 0
	n := labelCount(wire)
	var starts [maxLabels]uint8
	for at, k := 0, 0; k < n; k++ {
		starts[k] = uint8(at)
		at += 1 + int(wire[at])
	}
	for common < n && common < q.n {
		a, b := int(starts[n-1-common]), int(q.off[q.n-1-common])
		if i-a != j-b || string(wire[a:i]) != string(q.wire[b:j]) {
			break
		}
		i, j = a, b
		common++
	}
	out := append(r.owner[:0], wire[:i]...)
	if common == 0 {
		return append(out, 0)
	}
	return append(out, 0xc0|byte((headerSize+j)>>8), byte(headerSize+j))
}

// glue appends the addresses of the name servers in an NS set that is in the message from start on. Those at or
// below a cut are what the delegation can't work without (RFC 9471 §3.1): if they don't fit the answer is
// truncated. Others may stay out: the client can ask for them (§3.2).
func (r *responder) glue(v *version, start int, ns *set, cut []byte) {
	if !ns.hosts || r.tc {
		return
	}
	required := cut != nil
	for more := true; more; required = false {
		at := start
		more = false
		for range ns.count {
			target := at + recordHead
			at = target + int(be.Uint16(r.out[target-2:]))
			if target > 0x3fff {
				return
			}
			if !r.host.follow(r.out, target) || !within(r.host.wire, v.origin) {
				continue
			}
			if cut != nil && within(r.host.wire, cut) != required {
				more = more || required
				continue
			}
			n := v.get(r.host.wire)
			if !n.is() {
				continue
			}
			for _, typ := range [...]uint16{typeA, typeAAAA} {
				s, ok := n.set(typ, 0)
				if !ok {
					continue
				}
				if !r.put(sectionAdditional, target, 0, nil, n, &s, s.ttl) {
					if required && r.limit <= maxUDPSize { // by TCP there is no more to be had
						r.tc = true
						return
					}
				} else if sig, ok := n.set(typeRRSIG, typ); ok && r.query.do {
					r.put(sectionAdditional, target, 0, nil, n, &sig, s.ttl)
				}
			}
		}
	}
}
