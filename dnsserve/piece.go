package dnsserve

import (
	"encoding/binary"
	"fmt"
)

// piece is a ready-made part of an answer: all that follows the question, but for OPT and looked-up glue.
//
// It is made for a question that asks for a certain base name (the owner, a cut, the apex). When the query
// name is longer than the base by d octets, then the base, which ends it, starts d octets later, and so
// does everything after the question: every compression pointer moves by the same d. The pointers listed
// in fix are raised by d when the piece is copied; when d is 0 the copy is all there is to do.
type piece struct {
	wire       []byte
	fix        []uint16 // offsets in wire of the pointers that move
	hosts      []host   // names whose addresses are added when they fit; for CNAME, its target
	an, ns, ar uint16   // records in each section
}

// host is a name inside the zone that the piece refers to.
type host struct {
	hash uint64
	wire []byte // lower-case
	at   int    // its offset in the message made for the base name; 0 when no pointer reaches it
}

// answer is what a name has ready for one type: without and with signatures (DO clear or set). Where there
// are no signatures both are the same piece.
type answer struct {
	typ           uint16
	plain, signed *piece
}

// pick chooses by the DO bit.
func (a *answer) pick(do bool) *piece {
	if do {
		return a.signed
	}
	return a.plain
}

// renderer makes pieces. One is used for a whole edit so that its buffers are shared.
type renderer struct {
	origin []byte
	hash   func([]byte) uint64
	start  int  // offset in the message where the piece begins
	owner  int  // offset in the message of the owner name that records point to
	moves  bool // whether the owner moves with the base
	buf    []byte
	fix    []uint16
	hosts  []host
	known  []known
}

// known is a name that a compression pointer can refer to.
type known struct {
	wire []byte // in any case
	at   int    // offset in the message
}

// begin starts a piece for questions that end in base, whose records are owned by base.
func (r *renderer) begin(base []byte) {
	r.start = headerSize + len(base) + 4
	r.owner, r.moves = headerSize, true
	r.buf, r.fix, r.hosts, r.known = r.buf[:0], r.fix[:0], nil, r.known[:0]
	r.learn(base, headerSize)
}

// beginWildcard starts a piece whose records are owned by the query name itself, whatever it is
// (RFC 4592 §3.3.1); base is the wildcard's parent, the closest encloser.
func (r *renderer) beginWildcard(base []byte) {
	r.begin(base)
	r.moves = false
}

// learn notes that the labels of a name stand at an offset, for later pointers.
func (r *renderer) learn(wire []byte, at int) {
	for wire[0] != 0 && at <= maxPointer && len(r.known) < maxKnown {
		r.known = append(r.known, known{wire, at})
		at += 1 + int(wire[0])
		wire = parent(wire)
	}
}

func (r *renderer) pointer(at int, moves bool) {
	if moves {
		r.fix = append(r.fix, uint16(len(r.buf)))
	}
	r.buf = binary.BigEndian.AppendUint16(r.buf, 0xc000|uint16(at))
}

// name appends a wire name, compressed, and returns the offset where it can be pointed to, 0 when nowhere.
func (r *renderer) name(wire []byte) int {
	at := r.start + len(r.buf)
	for rest := wire; rest[0] != 0; rest = parent(rest) {
		target := r.find(rest)
		if target == 0 {
			continue
		}
		head := wire[:len(wire)-len(rest)]
		r.buf = append(r.buf, head...)
		r.pointer(target, true)
		if len(head) == 0 {
			return target
		}
		r.learnHead(wire, len(head), at)
		return reachable(at)
	}
	r.buf = append(r.buf, wire...)
	r.learn(wire, at)
	return reachable(at)
}

// learnHead is learn for those labels alone that stand before a pointer.
func (r *renderer) learnHead(wire []byte, head, at int) {
	for i := 0; i < head && at+i <= maxPointer && len(r.known) < maxKnown; i += 1 + int(wire[i]) {
		r.known = append(r.known, known{wire[i:], at + i})
	}
}

func reachable(at int) int {
	if at > maxPointer {
		return 0
	}
	return at
}

// find returns the offset of a known name, 0 when there is none.
func (r *renderer) find(wire []byte) int {
next:
	for _, k := range r.known {
		if len(k.wire) != len(wire) {
			continue
		}
		for i, c := range wire {
			if lower[c] != lower[k.wire[i]] {
				continue next
			}
		}
		return k.at
	}
	return 0
}

// records appends the records of a set, owned as begin said, and returns how many. Names inside the zone
// that NS or CNAME records point to are noted as hosts.
func (r *renderer) records(s *set, ttl uint32) uint16 {
	s.each(func(rd []byte) {
		r.pointer(r.owner, r.moves)
		r.record(s.typ, ttl, rd)
	})
	return s.count
}

// glue appends the records of an address set owned by a host that a record before it named.
func (r *renderer) glue(h *host, s *set) uint16 {
	s.each(func(rd []byte) {
		if h.at == 0 {
			r.buf = append(r.buf, h.wire...)
		} else {
			r.pointer(h.at, true)
		}
		r.record(s.typ, s.ttl, rd)
	})
	return s.count
}

// record appends a record from its type on.
func (r *renderer) record(typ uint16, ttl uint32, rd []byte) {
	r.buf = binary.BigEndian.AppendUint16(r.buf, typ)
	r.buf = binary.BigEndian.AppendUint16(r.buf, classIN)
	r.buf = binary.BigEndian.AppendUint32(r.buf, ttl)
	length := len(r.buf)
	r.buf = append(r.buf, 0, 0)
	skip, names, _ := layout(typ)
	r.buf = append(r.buf, rd[:skip]...)
	rd = rd[skip:]
	for range names {
		n := nameLen(rd)
		at := r.name(rd[:n])
		if typ == typeNS || typ == typeCNAME {
			r.note(rd[:n], at)
		}
		rd = rd[n:]
	}
	r.buf = append(r.buf, rd...)
	binary.BigEndian.PutUint16(r.buf[length:], uint16(len(r.buf)-length-2))
}

func (r *renderer) note(target []byte, at int) {
	if wire := fold(target); within(wire, r.origin) {
		r.hosts = append(r.hosts, host{r.hash(wire), wire, at})
	}
}

// end returns the piece with its sections' counts.
func (r *renderer) end(an, ns, ar uint16) (*piece, error) {
	if len(r.buf) > maxPiece {
		return nil, fmt.Errorf("%w: answer of %d octets is longer than a message", ErrRecord, len(r.buf))
	}
	p := &piece{wire: append([]byte(nil), r.buf...), hosts: r.hosts, an: an, ns: ns, ar: ar}
	if len(r.fix) > 0 {
		p.fix = append([]uint16(nil), r.fix...)
	}
	return p, nil
}
