package dnsserve

import "slices"

// A name lies in the arena as one block: a head, the name in wire form, and its RRsets in the order of type and
// type covered, each with a head of its own. What of it goes into an answer is there as it is sent, but
// for the owner, which is where the question is, and for pointers, which move with it.
//
// In the RDATA of NS, CNAME, PTR, MX and SOA names end in one of three ways: in the root's octet; in 11 and
// 14 bits, the place in the owner name where the rest is; in 10 and 14 bits, the place where the rest is,
// counted from the first record of the set as it is sent, with an owner of two octets.

const (
	nameHead   = 12 // size 4, kids 4, flags 1, length of the name 1, sets 2
	setHead    = 12 // type 2, type covered 2, TTL 4, octets 2, records 2
	recordHead = 12 // of a record in an answer: pointer 2, type 2, class 2, TTL 4, length 2

	tagOwner = 0xc000
	tagSet   = 0x8000
	tagMask  = 0xc000

	countHosts = 1 << 15 // in a set's count: NS records with name servers inside the zone
)

// Flags of a name.
const (
	flagWild  = 1 << iota // one of its kids is the wildcard
	flagCut               // a delegation: NS below the apex. An NS at a wildcard is plain data (RFC 4592 §4.2)
	flagDNAME             // a DNAME: what is below is elsewhere (RFC 6672)
)

// name is a name as it lies in the arena. The zero name is none.
type name struct{ block []byte }

// set is an RRset as it lies there. Its rdata is count times: length in 2 octets, RDATA with pointers as above.
type set struct {
	typ, covers uint16
	count       uint16
	hosts       bool   // NS: some name servers are inside the zone
	ttl         uint32 // seconds
	rdata       []byte
}

// name returns the name at r.
func (s *space) name(r ref) name {
	size := le.Uint32(s.view(r, 4))
	return name{s.view(r, int(size))}
}

func (n name) is() bool         { return n.block != nil }
func (n name) kids() uint32     { return le.Uint32(n.block[4:]) }
func (n name) has(f uint8) bool { return n.block[8]&f != 0 }
func (n name) wire() []byte     { return n.block[nameHead : nameHead+int(n.block[9])] }
func (n name) sets() []byte     { return n.block[nameHead+int(n.block[9]):] }

// next returns the first of encoded sets, and the others.
func nextSet(b []byte) (set, []byte) {
	end := setHead + int(be.Uint16(b[8:]))
	count := be.Uint16(b[10:])
	return set{
		typ: be.Uint16(b), covers: be.Uint16(b[2:]), ttl: be.Uint32(b[4:]),
		count: count &^ countHosts, hosts: count&countHosts != 0, rdata: b[setHead:end],
	}, b[end:]
}

// set finds an RRset; false when there is none.
func (n name) set(typ, covers uint16) (set, bool) {
	k := uint32(typ)<<16 | uint32(covers)
	for b := n.sets(); len(b) > 0; b = b[setHead+int(be.Uint16(b[8:])):] {
		if other := be.Uint32(b); other >= k {
			if other > k {
				break
			}
			s, _ := nextSet(b)
			return s, true
		}
	}
	return set{}, false
}

// size is how many octets the set takes in an answer that points to its owner.
func (s *set) size() int { return int(s.count)*(recordHead-2) + len(s.rdata) }

// first returns the RDATA of the first record.
func (s *set) first() []byte { return s.rdata[2 : 2+be.Uint16(s.rdata)] }

// decode appends the name at an offset of the set's rdata, whole, and returns the offset behind it.
func (s *set) decode(dst []byte, at int, owner []byte) ([]byte, int) {
	end := 0
	for jumps := 0; jumps < maxLabels; {
		c := int(s.rdata[at])
		switch {
		case c == 0:
			dst = append(dst, 0)
			at++
			if end == 0 {
				end = at
			}
			return dst, end
		case c <= maxLabel:
			dst = append(dst, s.rdata[at:at+1+c]...)
			at += 1 + c
			continue
		}
		p := int(be.Uint16(s.rdata[at:]))
		if end == 0 {
			end = at + 2
		}
		if p&tagMask == tagOwner {
			return append(dst, owner[p&^tagMask:]...), end
		}
		at = s.place(p &^ tagMask)
		jumps++
	}
	panic(damage{}) // not reached with what pack writes
}

// place turns an offset in the set as it is sent into one in rdata.
func (s *set) place(sent int) int {
	for at, shift := 0, recordHead-2; ; shift += recordHead - 2 {
		next := at + 2 + int(be.Uint16(s.rdata[at:]))
		if sent-shift < next || next >= len(s.rdata) {
			return sent - shift
		}
		at = next
	}
}

// unpack returns the set with its names whole.
func (s set) unpack(owner []byte) rawSet {
	raw := rawSet{typ: s.typ, covers: s.covers, count: s.count, ttl: s.ttl}
	skip, names, _ := layout(s.typ)
	if names == 0 {
		raw.rdata = slices.Clone(s.rdata)
		return raw
	}
	raw.rdata = make([]byte, 0, 2*len(s.rdata))
	for at := 0; at < len(s.rdata); {
		end := at + 2 + int(be.Uint16(s.rdata[at:]))
		start := len(raw.rdata)
		raw.rdata = append(raw.rdata, 0, 0)
		raw.rdata = append(raw.rdata, s.rdata[at+2:at+2+skip]...)
		at += 2 + skip
		for range names {
			raw.rdata, at = s.decode(raw.rdata, at, owner)
		}
		raw.rdata = append(raw.rdata, s.rdata[at:end]...)
		be.PutUint16(raw.rdata[start:], uint16(len(raw.rdata)-start-2))
		at = end
	}
	return raw
}

// packer writes names. One is used for a whole edit, so that its buffers are shared.
type packer struct {
	origin []byte
	buf    []byte
	known  []known
}

// known is a name that a pointer can refer to.
type known struct {
	wire []byte // in any case
	at   int    // with its tag
}

// pack appends the set as it lies in the arena to p.buf.
func (p *packer) pack(owner []byte, s *rawSet) {
	head := len(p.buf)
	p.buf = be.AppendUint16(p.buf, s.typ)
	p.buf = be.AppendUint16(p.buf, s.covers)
	p.buf = be.AppendUint32(p.buf, s.ttl)
	p.buf = append(p.buf, 0, 0, 0, 0)
	start := len(p.buf)
	count := s.count
	if skip, names, _ := layout(s.typ); names == 0 {
		p.buf = append(p.buf, s.rdata...)
	} else {
		p.learnOwner(owner)
		hosts := false
		records := 0
		s.each(func(rd []byte) {
			records++
			length := len(p.buf)
			p.buf = append(p.buf, 0, 0)
			p.buf = append(p.buf, rd[:skip]...)
			rd = rd[skip:]
			for range names {
				n := nameLen(rd)
				hosts = hosts || withinFold(rd[:n], p.origin)
				p.name(rd[:n], len(p.buf)-start+records*(recordHead-2))
				rd = rd[n:]
			}
			p.buf = append(p.buf, rd...)
			be.PutUint16(p.buf[length:], uint16(len(p.buf)-length-2))
		})
		if hosts && s.typ == typeNS {
			count |= countHosts
		}
	}
	be.PutUint16(p.buf[head+8:], uint16(len(p.buf)-start))
	be.PutUint16(p.buf[head+10:], count)
}

// learnOwner notes the owner's labels, those of a wildcard apart that stand for something else in an answer.
func (p *packer) learnOwner(owner []byte) {
	p.known = p.known[:0]
	for at := 0; owner[at] != 0; at += 1 + int(owner[at]) {
		if at > 0 || !isWildcard(owner) {
			p.known = append(p.known, known{owner[at:], tagOwner | at})
		}
	}
}

// name appends a wire name that will be sent at an offset from its set's begin.
func (p *packer) name(wire []byte, at int) {
	for rest := wire; rest[0] != 0; rest = parent(rest) {
		target := p.find(rest)
		if target == 0 {
			continue
		}
		head := len(wire) - len(rest)
		p.buf = append(p.buf, wire[:head]...)
		p.buf = be.AppendUint16(p.buf, uint16(target))
		p.learn(wire, head, at)
		return
	}
	p.buf = append(p.buf, wire...)
	p.learn(wire, len(wire)-1, at)
}

// learn notes the labels of a name up to head for later pointers.
func (p *packer) learn(wire []byte, head, at int) {
	for i := 0; i < head && at+i <= maxSetPointer && len(p.known) < maxKnown; i += 1 + int(wire[i]) {
		p.known = append(p.known, known{wire[i:], tagSet | at + i})
	}
}

// find returns the tagged place of a known name, 0 when there is none.
func (p *packer) find(wire []byte) int {
	for i := range p.known {
		if k := &p.known[i]; equalFold(k.wire, wire) {
			return k.at
		}
	}
	return 0
}
