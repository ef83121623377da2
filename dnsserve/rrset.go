package dnsserve

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// Resource record types that the server treats apart; all others are opaque to it (RFC 3597).
const (
	typeA          = 1
	typeNS         = 2
	typeCNAME      = 5
	typeSOA        = 6
	typePTR        = 12
	typeMX         = 15
	typeTXT        = 16
	typeAAAA       = 28
	typeOPT        = 41
	typeDS         = 43
	typeRRSIG      = 46
	typeNSEC       = 47
	typeDNAME      = 39
	typeNSEC3      = 50
	typeNSEC3PARAM = 51
	typeTSIG       = 250
	typeIXFR       = 251
	typeAXFR       = 252
	typeANY        = 255
	classIN        = 1
	classCH        = 3
	classANY       = 255
	firstMeta      = 128 // types 128–255 are questions and meta types, never data (RFC 6895 §3.1)
	lastMeta       = 255
	soaFixed       = 20 // serial, refresh, retry, expire, minimum
	rrsigMinLength = 18 + 1
	rrsigExpires   = 8 // where in RDATA the expiration is (RFC 4034 §3.1)
	nsec3Fixed     = 5 // algorithm, flags, iterations, length of the salt (RFC 5155 §3.2, §4.2)
)

// ErrRecord means that an RRset handed to Load or Publish can't be served: a malformed name or RDATA, an
// owner outside the zone, or more data than an answer holds. The served zone is unchanged.
var ErrRecord = errors.New("dnsserve: bad RRset")

// RRset is all records of one owner and type (RFC 2181 §5), class IN.
type RRset struct {
	Owner  string   // lower-case presentation form with final dot
	Type   uint16   // never a meta type
	Covers uint16   // for RRSIG: the type covered; else 0. Signatures are kept per type covered
	TTL    uint32   // seconds; an RRSIG is always sent with the TTL of what it covers (RFC 4034 §3)
	RData  [][]byte // uncompressed wire form in canonical order (RFC 4034 §6.3); copied, never kept
}

// Change is one step of a publication: the RRset (Owner, Type, Covers) becomes *Set.
type Change struct {
	Owner  string // as in RRset
	Type   uint16 // as in RRset
	Covers uint16 // as in RRset
	Set    *RRset // nil removes the RRset, if there; otherwise its key equals the change's
}

// rawSet is an RRset as it was handed in, for those who edit a zone.
type rawSet struct {
	typ, covers uint16
	count       uint16
	ttl         uint32 // seconds
	rdata       []byte // count times: length in 2 octets, RDATA
}

func (s *rawSet) key() uint32 { return uint32(s.typ)<<16 | uint32(s.covers) }

// size is the most octets that the set takes in an answer that points to its owner.
func (s *rawSet) size() int { return int(s.count)*(recordHead-2) + len(s.rdata) }

// each calls f with the RDATA of every record in order.
func (s *rawSet) each(f func(rdata []byte)) {
	for b := s.rdata; len(b) > 0; {
		n := 2 + int(binary.BigEndian.Uint16(b))
		f(b[2:n])
		b = b[n:]
	}
}

// newSet checks and copies an RRset.
func newSet(rr *RRset) (rawSet, error) {
	s := rawSet{typ: rr.Type, covers: rr.Covers, count: uint16(len(rr.RData)), ttl: rr.TTL}
	bad := func(why string) (rawSet, error) {
		return rawSet{}, fmt.Errorf("%w: %s type %d: %s", ErrRecord, rr.Owner, rr.Type, why)
	}
	switch {
	case !isData(rr.Type):
		return bad("not a data type")
	case (rr.Type == typeRRSIG) != (rr.Covers != 0):
		return bad("type covered given without RRSIG, or missing")
	case rr.TTL > maxTTL:
		return bad("TTL over 2^31-1 seconds")
	case len(rr.RData) == 0 || len(rr.RData) > maxMessage:
		return bad(fmt.Sprintf("%d records", len(rr.RData)))
	case len(rr.RData) > 1 && (rr.Type == typeSOA || rr.Type == typeCNAME || rr.Type == typeDNAME):
		return bad("more than one record")
	}
	size := 0
	for _, rd := range rr.RData {
		size += 2 + len(rd)
	}
	if size+len(rr.RData)*(recordHead-2) > maxPiece {
		return bad("longer than a message")
	}
	s.rdata = make([]byte, 0, size)
	for _, rd := range rr.RData {
		if !validRData(rr.Type, rr.Covers, rd) {
			return bad(fmt.Sprintf("malformed RDATA %x", rd))
		}
		s.rdata = binary.BigEndian.AppendUint16(s.rdata, uint16(len(rd)))
		s.rdata = append(s.rdata, rd...)
	}
	return s, nil
}

// isData reports whether records of the type may stand in a zone.
func isData(typ uint16) bool {
	return typ != 0 && typ != typeOPT && (typ < firstMeta || typ > lastMeta)
}

// validRData checks those types whose inside the server reads.
func validRData(typ, covers uint16, rd []byte) bool {
	switch typ {
	case typeA:
		return len(rd) == 4
	case typeAAAA:
		return len(rd) == 16
	case typeRRSIG:
		return len(rd) >= rrsigMinLength && binary.BigEndian.Uint16(rd) == covers
	case typeDNAME:
		return nameLen(rd) == len(rd)
	case typeNSEC3:
		return validNSEC3(rd)
	case typeNSEC3PARAM:
		return len(rd) >= nsec3Fixed && len(rd) == nsec3Fixed+int(rd[nsec3Fixed-1])
	}
	skip, names, tail := layout(typ)
	if names == 0 {
		return true
	}
	if len(rd) < skip {
		return false
	}
	rd = rd[skip:]
	for range names {
		n := nameLen(rd)
		if n == 0 {
			return false
		}
		rd = rd[n:]
	}
	return len(rd) == tail
}

// layout says where compressible names stand in RDATA: skip octets, then so many names, then tail octets.
// Only the types of RFC 1035 may be compressed (RFC 3597 §4).
func layout(typ uint16) (skip, names, tail int) {
	switch typ {
	case typeNS, typeCNAME, typePTR:
		return 0, 1, 0
	case typeMX:
		return 2, 1, 0
	case typeSOA:
		return 0, 2, soaFixed
	}
	return 0, 0, 0
}

// validNSEC3 reports whether RDATA of NSEC3 can be served: whole up to the next hash (RFC 5155 §3.2).
func validNSEC3(rd []byte) bool {
	if len(rd) < nsec3Fixed {
		return false
	}
	rd = rd[nsec3Fixed-1:]
	salt := 1 + int(rd[0])
	return len(rd) > salt && len(rd) >= salt+1+int(rd[salt])
}

// soaSerial returns the serial of SOA RDATA.
func soaSerial(rd []byte) uint32 { return binary.BigEndian.Uint32(rd[len(rd)-soaFixed:]) }

// soaMinimum returns the last field of SOA RDATA, which bounds negative TTLs (RFC 2308 §4), in seconds.
func soaMinimum(rd []byte) uint32 { return binary.BigEndian.Uint32(rd[len(rd)-4:]) }

// search finds (typ, covers) in sorted sets.
func search(sets []rawSet, typ, covers uint16) (int, bool) {
	key := uint32(typ)<<16 | uint32(covers)
	return slices.BinarySearchFunc(sets, key, func(s rawSet, k uint32) int {
		return int(int64(s.key()) - int64(k))
	})
}
