package registry

import (
	"errors"
	"slices"
	"strings"
)

// Errors of reading a zone over time.
var (
	// ErrZoneGone says that there is no such zone any more, or that it was never published.
	ErrZoneGone = errors.New("there is no such zone, or it was never published")
	// ErrZoneOverrun says that the journal no longer reaches back to the serial being read: the reader was too slow.
	ErrZoneOverrun = errors.New("the zone's journal no longer reaches back to the serial that is being read")
)

// maxUndone bounds the RRsets that a reader of a zone remembers because they have changed since it began.
const maxUndone = 1 << 20

// ZoneReader reads a zone as it was at one serial, a page at a time, each from
// a view of its own: nobody holds the state for as long as a slow secondary takes. What was published meanwhile
// it undoes by the journal, in whose terms the zone's past is exact.
type ZoneReader struct {
	Serial uint32 // that the zone is read at
	SOA    RRset  // of that serial

	zone  string
	seen  uint32 // the serial up to which changes are undone
	after string // zoneOrder of the last RRset read
	done  bool
	// was has, by zoneOrder, what has changed since, as it was at Serial; nil for what wasn't there. keys are
	// its keys in order.
	was  map[string]*RRset
	keys []string
}

// zoneOrder is the place of an RRset within its zone: canonical order of owners (RFC 4034 §6.1), then types.
func zoneOrder(s *RRset) string { return string(nameKey(s.Owner).End().Uint16(s.Type)) }

// scanZone calls fn for a zone's RRsets behind a place (""; all of them), as published, in order, until it returns false.
func (v *View) scanZone(z *Zone, after string, fn func(RRset) bool) {
	ed := v.edition(z)
	ed.sets.Scan(v.r, ed.prefix, append(slices.Clone(ed.prefix), after...), func(_ []byte, s RRset) bool {
		return zoneOrder(&s) == after || fn(s)
	})
}

// ReadZone begins to read a zone.
func (v *View) ReadZone(zone string) (*ZoneReader, error) {
	z, ok := v.Zone(zone)
	if !ok {
		return nil, ErrZoneGone
	}
	r := &ZoneReader{Serial: z.Serial, zone: zone, seen: z.Serial, was: map[string]*RRset{}}
	v.scanZone(&z, "", func(s RRset) bool { // it is among the apex's first
		r.SOA = s
		return s.Owner == zone && s.Type < TypeSOA
	})
	if r.SOA.Type != TypeSOA || r.SOA.Owner != zone {
		return nil, ErrZoneGone
	}
	return r, nil
}

// Read returns the next RRsets, the SOA in its place, about max of them; none when the zone has been read. The
// order is canonical. After an error the reader is of no more use.
func (r *ZoneReader) Read(v *View, max int) ([]RRset, error) {
	if r.done {
		return nil, nil
	}
	z, ok := v.Zone(r.zone)
	if !ok {
		return nil, ErrZoneGone
	}
	for r.seen != z.Serial {
		p, ok := v.publicationAfter(&z, r.seen)
		if !ok {
			return nil, ErrZoneOverrun
		}
		r.seen++
		r.undo(&p)
	}
	if len(r.keys) > maxUndone {
		return nil, ErrZoneOverrun
	}
	var page []RRset
	v.scanZone(&z, r.after, func(s RRset) bool {
		page = append(page, s)
		return len(page) < max
	})
	last := ""
	if r.done = len(page) < max; !r.done {
		last = zoneOrder(&page[max-1])
	}
	page = r.restore(page, last)
	if r.after = last; len(page) == 0 && !r.done {
		return r.Read(v, max) // all of it came later than Serial
	}
	return page, nil
}

// undo notes what was there before a publication.
func (r *ZoneReader) undo(p *Publication) {
	note := func(s *RRset, was *RRset) {
		key := zoneOrder(s)
		if _, noted := r.was[key]; noted {
			return
		}
		r.was[key] = was
		at, _ := slices.BinarySearch(r.keys, key)
		r.keys = slices.Insert(r.keys, at, key)
	}
	for i := range p.Removed {
		note(&p.Removed[i], &p.Removed[i])
	}
	for i := range p.Added {
		note(&p.Added[i], nil)
	}
}

// restore returns a page that begins behind after and ends with last ("": with the zone) as it was at Serial.
func (r *ZoneReader) restore(page []RRset, last string) []RRset {
	from, found := slices.BinarySearch(r.keys, r.after)
	if found {
		from++
	}
	to := len(r.keys)
	if last != "" {
		if to, found = slices.BinarySearch(r.keys, last); found {
			to++
		}
	}
	if from >= to {
		return page
	}
	page = slices.DeleteFunc(page, func(s RRset) bool {
		_, changed := slices.BinarySearch(r.keys[from:to], zoneOrder(&s))
		return changed
	})
	for _, key := range r.keys[from:to] {
		if s := r.was[key]; s != nil {
			page = append(page, *s)
		}
	}
	slices.SortFunc(page, func(a, b RRset) int {
		return strings.Compare(zoneOrder(&a), zoneOrder(&b))
	})
	return page
}

// publicationAfter is the one that follows a serial; false when the journal doesn't have it.
func (v *View) publicationAfter(z *Zone, serial uint32) (Publication, bool) {
	if behind := z.Serial - serial; behind == 0 || behind > z.Journal {
		return Publication{}, false
	}
	return zoneJournal.Get(v.r, zoneKey(z.Name).Uint(uint64(serial+1)))
}

// JournalAfter returns the publications after a serial, in order, at most max of them; ok is false when the
// journal doesn't go back so far.
func (v *View) JournalAfter(zone string, serial uint32, max int) (all []Publication, ok bool) {
	z, exists := v.Zone(zone)
	if !exists || z.Serial-serial > z.Journal {
		return nil, false
	}
	for ; serial != z.Serial && len(all) < max; serial++ {
		p, ok := v.publicationAfter(&z, serial)
		if !ok {
			return nil, false
		}
		all = append(all, p)
	}
	return all, true
}
