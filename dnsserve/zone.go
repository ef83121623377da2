package dnsserve

import (
	"bytes"
	"fmt"
	"slices"
)

// version is a zone at one serial. It is immutable, and so is what it sees of the image.
type version struct {
	space
	roots
	image  *image // what keeps the memory mapped: hold the version as long as anything read from it
	origin []byte // wire, lower-case
	labels int    // of origin
	seed   [2]uint64
	next   ref // where the next version's blocks begin

	// What complete found.
	apex        name
	soa         set
	negativeTTL uint32 // seconds (RFC 2308 §5)
	proof       int    // how the absence of names and types is proved
	nsec3       nsec3Params
	signed      bool   // there are signatures
	earliest    uint32 // when the first of them ends, as RRSIG says it, if signed
}

// Kinds of proof.
const (
	proofNone = iota
	proofNSEC
	proofNSEC3
)

// nsec3Params are what names are hashed with (RFC 5155 §5).
type nsec3Params struct {
	iterations uint16
	salt       []byte
}

// matches reports whether an NSEC3 belongs to the chain: while another is built or torn down both are there.
func (p *nsec3Params) matches(rd []byte) bool {
	return rd[0] == hashSHA1 && be.Uint16(rd[2:]) == p.iterations && int(rd[4]) == len(p.salt) &&
		bytes.Equal(rd[nsec3Fixed:nsec3Fixed+len(p.salt)], p.salt)
}

const hashSHA1 = 1 // RFC 5155 §11

// newVersion returns the version of an image that a header speaks of; not complete.
func newVersion(im *image, h *header) *version {
	return &version{
		space: space{im.segments, im.unread}, roots: h.roots, image: im,
		origin: im.origin, labels: labelCount(im.origin), seed: im.seed, next: h.next,
	}
}

// complete finds what every answer needs.
func (v *version) complete() error {
	v.segments = v.segments[:len(v.segments):len(v.segments)]
	v.apex = v.get(v.origin)
	if !v.apex.is() {
		return fmt.Errorf("%w: no SOA at the apex", ErrRecord)
	}
	var ok bool
	if v.soa, ok = v.apex.set(typeSOA, 0); !ok {
		return fmt.Errorf("%w: no SOA at the apex", ErrRecord)
	}
	v.negativeTTL = min(v.soa.ttl, soaMinimum(v.soa.first()))
	v.proof, v.nsec3 = proofNone, nsec3Params{}
	if s, ok := v.apex.set(typeNSEC, 0); ok && len(s.rdata) > 0 {
		v.proof = proofNSEC
	}
	if s, ok := v.apex.set(typeNSEC3PARAM, 0); ok {
		// Of several chains any that is announced is whole (RFC 5155 §7.3); flags other than 0 announce nothing.
		for b := s.rdata; len(b) > 0; b = b[2+int(be.Uint16(b)):] {
			rd := b[2 : 2+int(be.Uint16(b))]
			if rd[0] != hashSHA1 || rd[1] != 0 {
				continue
			}
			v.proof, v.nsec3 = proofNSEC3, nsec3Params{be.Uint16(rd[2:]), rd[nsec3Fixed:]}
			if v.nsec3.iterations > maxIterations {
				return fmt.Errorf("%w: NSEC3 with %d iterations", ErrRecord, v.nsec3.iterations)
			}
			break
		}
	}
	v.signed, v.earliest = false, 0
	if v.expiry != 0 {
		if r := v.first(v.expiry); r != 0 {
			v.signed, v.earliest = true, le.Uint32(v.view(r, endsSize))*expiryStep
		}
	}
	return nil
}

// get finds a name; the zero name when there is none.
func (v *version) get(wire []byte) name {
	k := hashed(v.seed, wire)
	return v.nameAt(v.find(v.names, &k), wire)
}

// nameAt returns the name at r if it is the one; else, or if r is 0, the zero name.
func (v *version) nameAt(r ref, wire []byte) name {
	if r != 0 {
		if n := v.name(r); bytes.Equal(n.wire(), wire) {
			return n
		}
	}
	return name{}
}

// each calls f for every RRset, its names whole, until f fails.
func (v *version) each(f func(owner []byte, s rawSet) error) (err error) {
	leaf := func(r ref) bool {
		n := v.name(r)
		for b := n.sets(); len(b) > 0 && err == nil; {
			var s set
			s, b = nextSet(b)
			err = f(slices.Clone(n.wire()), s.unpack(n.wire()))
		}
		return err == nil
	}
	_ = v.walk(v.names, leaf) && v.walk(v.denial, leaf)
	return err
}
