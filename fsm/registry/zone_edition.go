package registry

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"quorate/fsm/store"
)

// A zone's records are kept by edition. Edition 0 is that of zones which were opened before level 3; each
// later one has a number and a form. One edition is published; another may be in the making, invisible, until it is
// whole and takes the other's place; what is left of old ones is removed a slice at a time.

// Generation is an edition of a zone.
type Generation struct {
	Number uint64 `cbor:"1,keyasint"`
	Form   Form   `cbor:"2,keyasint"`
	Phase  Phase  `cbor:"3,keyasint"`
	Cursor []byte `cbor:"4,keyasint,omitempty"` // how far the phase has come: the last name or hash, as in a key
	Begun  Time   `cbor:"5,keyasint"`
	Sets   uint64 `cbor:"6,keyasint"` // RRsets staged
	Cuts   uint64 `cbor:"7,keyasint"` // delegations staged
}

// Phase is how far an edition has come.
type Phase uint8

// The phases of an edition.
const (
	PhaseContent Phase = iota + 1 // records and their signatures, name by name
	PhaseDenial                   // the chain of NSEC or NSEC3, once all names in it are known
	PhaseMarks                    // what has changed since
	PhaseCurrent                  // it is published
	PhaseDropped                  // its rows are being removed
)

// String is the phase in words.
func (p Phase) String() string {
	switch p {
	case PhaseContent:
		return "records"
	case PhaseDenial:
		return "denial"
	case PhaseMarks:
		return "changes since"
	case PhaseCurrent:
		return "published"
	case PhaseDropped:
		return "being removed"
	}
	return fmt.Sprintf("phase %d", uint8(p))
}

var (
	zoneSets        = store.DeclareSince[RRset](3, 25, "zone_edition_rrsets", false)          // zone, edition, owner, type
	zoneChain       = store.DeclareSince[string](3, 26, "zone_chain", false)                  // zone, edition, hash or name → its name while the edition is in the making
	zoneExpiry      = store.DeclareSince[store.Empty](3, 27, "zone_expiry", false)            // zone, edition, hour of the first signature's end, owner, type
	zoneGenerations = store.DeclareSince[Generation](3, 28, "zone_generations", false).Kept() // zone, edition
	zoneDirtyNext   = store.DeclareSince[uint64](3, 73, "zone_dirty_next", false)             // zone, owner → index that marked it: for the edition in the making
)

// edition is where the records of a zone's edition are.
type edition struct {
	zone   string
	number uint64
	form   Form
	sets   store.Table[RRset]
	prefix store.Key
}

func editionKey(zone string, number uint64) store.Key { return zoneKey(zone).Uint(number) }

func newEdition(zone string, number uint64, form Form) edition {
	if number == 0 {
		return edition{zone, 0, form, zoneRRsets, zoneKey(zone)}
	}
	return edition{zone, number, form, zoneSets, editionKey(zone, number)}
}

// edition is a zone's published one.
func (v *View) edition(z *Zone) edition {
	if z.Generation == 0 {
		return newEdition(z.Name, 0, Form{})
	}
	return newEdition(z.Name, z.Generation, v.generation(z.Name, z.Generation).Form)
}

func (v *View) generation(zone string, number uint64) Generation {
	g, ok := zoneGenerations.Get(v.r, editionKey(zone, number))
	if !ok {
		panic(fmt.Sprintf("invariant: zone %s has no edition %d", zone, number))
	}
	return g
}

func (x *Exec) putGeneration(zone string, g Generation) {
	zoneGenerations.Put(x.tx, editionKey(zone, g.Number), g)
}

// names is where the rows of names at and below owner begin.
func (e *edition) names(owner string) store.Key { return slices.Clone(e.prefix).Name(owner) }

func (e *edition) owner(owner string) store.Key { return e.names(owner).End() }

func (e *edition) key(owner string, kind uint16) store.Key { return e.owner(owner).Uint16(kind) }

func (e *edition) get(r store.Reader, owner string, kind uint16) (RRset, bool) {
	return e.sets.Get(r, e.key(owner, kind))
}

func (e *edition) has(r store.Reader, owner string, kind uint16) bool {
	return e.sets.Has(r, e.key(owner, kind))
}

// at are an owner's RRsets, by type.
func (e *edition) at(r store.Reader, owner string) (sets []RRset) {
	e.sets.Scan(r, e.owner(owner), nil, func(_ []byte, s RRset) bool { sets = append(sets, s); return true })
	return sets
}

// below calls fn for the RRsets of names below owner, until it returns false.
func (e *edition) below(r store.Reader, owner string, fn func(RRset) bool) {
	names := e.names(owner)
	first := append(slices.Clone(names), 1) // the owner's own have a zero here (Key.End), and no label begins with one
	e.sets.Scan(r, names, first, func(_ []byte, s RRset) bool { return fn(s) })
}

// add puts an RRset where there is none, with its place in the chain and among the signatures that end.
func (e *edition) add(tx *store.Tx, s RRset) {
	e.sets.Put(tx, e.key(s.Owner, s.Type), s)
	if e.number == 0 {
		return
	}
	if link, ok := e.link(&s); ok {
		zoneChain.Put(tx, append(slices.Clone(e.prefix), link...), "")
	}
	if at, ok := s.expires(); ok {
		zoneExpiry.Put(tx, e.expiry(at, s.Owner, s.Type), store.Empty{})
	}
}

// remove removes an RRset that is there, as it is.
func (e *edition) remove(tx *store.Tx, was *RRset) {
	e.sets.Delete(tx, e.key(was.Owner, was.Type))
	if e.number == 0 {
		return
	}
	if link, ok := e.link(was); ok {
		zoneChain.Delete(tx, append(slices.Clone(e.prefix), link...))
	}
	if at, ok := was.expires(); ok {
		zoneExpiry.Delete(tx, e.expiry(at, was.Owner, was.Type))
	}
}

// link is the place in the chain of an NSEC or NSEC3 RRset.
func (e *edition) link(s *RRset) (store.Key, bool) {
	switch s.Type {
	case TypeNSEC:
		return nameKey(s.Owner).End(), true
	case TypeNSEC3:
		hash, ok := parseHashLabel(s.Owner)
		return hash, ok
	}
	return nil, false
}

// expiryUnit is what signatures' ends are grouped by, in seconds.
const expiryUnit = 3600

func (e *edition) expiry(at uint32, owner string, kind uint16) store.Key {
	return slices.Clone(e.prefix).Uint(uint64(at / expiryUnit)).Name(owner).End().Uint16(kind)
}

// expires is when the first of the set's signatures ends, in seconds since 1970 (RFC 4034 §3.1.5).
func (s *RRset) expires() (at uint32, ok bool) {
	for _, sig := range s.Sigs {
		if end := binary.BigEndian.Uint32(sig[8:]); !ok || int32(end-at) < 0 {
			at, ok = end, true
		}
	}
	return at, ok
}

// minSig is the fixed part of an RRSIG's RDATA and the shortest signer's name.
const minSig = 18 + 1

func equalSigned(a, b RRset) bool {
	return equalSets(a, b) && slices.EqualFunc(a.Sigs, b.Sigs, bytes.Equal)
}
