package dnsserve

import (
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// Errors that a caller decides on; after either it calls Load.
var (
	// ErrSerial means that a publication does not follow the serial that is served.
	ErrSerial = errors.New("dnsserve: publication does not follow the served serial")
	// ErrNotServed means that a publication is for a zone that was never loaded, or was dropped.
	ErrNotServed = errors.New("dnsserve: zone is not served")
)

// Zones holds the zones that a node serves, each at one serial. Queries read it without locks; writers
// take turns. The zero value is not usable: call NewZones or OpenZones.
type Zones struct {
	images Images
	write  sync.Mutex
	table  atomic.Pointer[table]

	damages atomic.Uint64
	working sync.WaitGroup // compactions
	closing chan struct{}
	close   sync.Once // of it

	withheld atomic.Pointer[withheld] // nil: none is
}

// table is an immutable directory of zones.
type table struct {
	zones       map[string]*zone // by origin in wire form
	least, most int              // labels in the shortest and longest origin
}

// zone is a zone over time.
type zone struct {
	label      string // the origin in presentation form
	version    atomic.Pointer[version]
	damaged    atomic.Bool // and reported
	compaction *compaction // the one that is going on; guarded by Zones.write
	patience   ref         // no compaction is tried again while the image is smaller; guarded by Zones.write
}

// NewZones returns an empty set of zones, kept in memory alone: every question is refused.
func NewZones() *Zones {
	z := &Zones{closing: make(chan struct{})}
	z.images.Log = slog.New(slog.DiscardHandler)
	z.table.Store(new(table))
	return z
}

// Load replaces the zone by the RRsets of sets, in any order, each once; it is how a zone first comes, and
// comes back after a snapshot or after ErrSerial. The SOA among them must carry serial. The new version
// appears to queries at once and whole; until then, and if Load fails (ErrRecord, or the error that sets
// yields), the old one is served. The serial may be any: the state of the registry is right, whatever was
// served before. When the image's file can't be written, the zone is kept in memory; sets is then read
// a second time.
func (z *Zones) Load(origin string, serial uint32, sets iter.Seq2[RRset, error]) error {
	wire, err := parseName(origin)
	if err != nil {
		return fmt.Errorf("dnsserve: load zone: %w", err)
	}
	fill := func(e *edit) error {
		for rr, err := range sets {
			if err != nil {
				return fmt.Errorf("dnsserve: load zone %s: %w", origin, err)
			}
			if err := e.add(&rr); err != nil {
				return fmt.Errorf("load zone %s: %w", origin, err)
			}
		}
		return nil
	}
	v, file, err := z.build(wire, serial, true, fill)
	if err != nil {
		return err
	}
	z.write.Lock()
	defer z.write.Unlock()
	z.settle(v, file)
	z.serve(v)
	return nil
}

// serve makes queries see a version. The caller holds z.write.
func (z *Zones) serve(v *version) {
	old := z.table.Load()
	if served := old.zones[string(v.origin)]; served != nil {
		served.compaction = nil // whatever is being compacted, it isn't this
		served.version.Store(v)
		served.damaged.Store(false)
		return
	}
	fresh := &zone{label: show(v.origin)}
	fresh.version.Store(v)
	zones := maps.Clone(old.zones)
	if zones == nil {
		zones = make(map[string]*zone)
	}
	zones[string(v.origin)] = fresh
	z.table.Store(newTable(zones))
}

// Publish carries out one publication, whole or not at all. changes are applied in order; among them is the
// SOA with the new serial, which must be later than base (RFC 1982 §3.2). It returns ErrSerial when base is
// not the served serial, ErrNotServed when there is no such zone, ErrRecord when a change can't be served;
// any error is mended by Load. Its cost grows with the changes, hardly with the zone. The changes must not be
// touched afterwards: if the image is being compacted, they are needed once more.
func (z *Zones) Publish(origin string, base, serial uint32, changes []Change) error {
	wire, err := parseName(origin)
	if err != nil {
		return fmt.Errorf("dnsserve: publish zone: %w", err)
	}
	z.write.Lock()
	defer z.write.Unlock()
	served := z.table.Load().zones[string(wire)]
	if served == nil {
		return fmt.Errorf("%w: %s", ErrNotServed, origin)
	}
	v := served.version.Load()
	if v.serial != base || int32(serial-base) <= 0 {
		return fmt.Errorf("%w: zone %s at %d, publication from %d to %d", ErrSerial, origin, v.serial, base, serial)
	}
	next, err := v.publish(serial, changes)
	if err != nil {
		return fmt.Errorf("publish zone %s serial %d: %w", origin, serial, err)
	}
	served.version.Store(next)
	if c := served.compaction; c != nil {
		c.missed = append(c.missed, missed{serial, changes})
	} else if next.wasteful() && next.next >= served.patience {
		z.compact(served, next)
	}
	return nil
}

// publish makes the next version in the same image.
func (v *version) publish(serial uint32, changes []Change) (next *version, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer guard(&err)
	e := v.edit(v.image)
	for i := range changes {
		if err := e.change(&changes[i]); err != nil {
			return nil, err
		}
	}
	return e.finish(serial)
}

// Drop stops serving the zone, and removes its image; its names are refused from then on. A zone that isn't served stays so.
func (z *Zones) Drop(origin string) {
	wire, err := parseName(origin)
	if err != nil {
		return
	}
	z.write.Lock()
	defer z.write.Unlock()
	zones := maps.Clone(z.table.Load().zones)
	if served := zones[string(wire)]; served != nil {
		served.compaction = nil
		z.removeFile(wire)
	}
	delete(zones, string(wire))
	z.table.Store(newTable(zones))
}

// Serial returns the serial of the zone as it is served now; false when it isn't.
func (z *Zones) Serial(origin string) (uint32, bool) {
	wire, err := parseName(origin)
	if err != nil {
		return 0, false
	}
	served := z.table.Load().zones[string(wire)]
	if served == nil {
		return 0, false
	}
	return served.version.Load().serial, true
}

func newTable(zones map[string]*zone) *table {
	t := &table{zones: zones, least: maxLabels}
	for origin := range zones {
		n := labelCount([]byte(origin))
		t.least, t.most = min(t.least, n), max(t.most, n)
	}
	return t
}

// find returns the current version of the zone that answers for the name: the one with the longest origin
// that ends it. DS belongs to the parent's side of a cut, so for DS a zone above the name wins over one at
// the name (RFC 4035 §3.1.4.1).
func (t *table) find(q *labels, qtype uint16) *version {
	top := q.n
	if qtype == typeDS {
		top--
	}
	for n := min(top, t.most); n >= t.least; n-- {
		if z := t.zones[string(q.suffix(n))]; z != nil {
			return z.version.Load()
		}
	}
	if qtype == typeDS {
		if z := t.zones[string(q.wire)]; z != nil {
			return z.version.Load()
		}
	}
	return nil
}
