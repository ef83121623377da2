package registry

import "quorate/fsm/store"

// Sweep is a change that touches more names of a zone than one entry should mark: Ticks go on with it, a slice each.
// Until it is done the zone stays whole: what is published under a host's old name keeps its glue.
type Sweep struct {
	// A host that was renamed, with all delegations to it.
	Host      uint64   `cbor:"1,keyasint,omitempty"` // its number
	Addresses [][]byte `cbor:"2,keyasint,omitempty"` // the glue that its old name had
	Marked    uint64   `cbor:"3,keyasint,omitempty"` // the number of the domain to go on from
	Stage     uint8    `cbor:"4,keyasint,omitempty"` // awaitsGlue, marksLinks or awaitsLinks

	// A TLD whose settings go into every delegation.
	From string `cbor:"5,keyasint,omitempty"` // the domain to go on from
}

// sweeps are keyed by what goes on: a host's old name, or a TLD's.
var sweeps = store.DeclareSince[Sweep](3, 7, "sweeps", false) // host or tld, name

// The stages of a renamed host's sweep. In this order no delegation is ever published without its glue.
const (
	awaitsGlue  = iota // until the new name is published
	marksLinks         // marks the delegations
	awaitsLinks        // until they are published, and the old name's glue is of no use to anybody
)

// Bounds on sweeps.
const (
	// MaxRenamedAtOnce bounds the delegations to a renamed host that are marked with the renaming: with the glue they
	// fit into one publication.
	MaxRenamedAtOnce = 256
	// MaxSwept bounds the names that one entry marks because of one change: some tens of milliseconds of Apply.
	MaxSwept = 1024
	// maxSweeps bounds the sweeps that one Tick goes on with.
	maxSweeps = 64
	// maxSweepsWaiting bounds those that it finds to be waiting for a publication, which costs a few rows each.
	maxSweepsWaiting = 2048
)

func hostSweepKey(old string) store.Key { return store.Key(nil).Text("host").Name(old) }

func tldSweepKey(tld string) store.Key { return store.Key(nil).Text("tld").Name(tld) }

// leaving is the sweep of the host that was called name until not long ago, while the zone may still delegate to that name.
func (v *View) leaving(name string) (Sweep, bool) {
	if v.Level() < 3 {
		return Sweep{}, false
	}
	return sweeps.Get(v.r, hostSweepKey(name))
}

// leavingBelow says whether there is such a name at or below ancestor.
func (v *View) leavingBelow(ancestor string) bool {
	return v.Level() >= 3 && sweeps.Any(v.r, hostSweepKey(ancestor))
}

// Sweeps is how many changes are not marked for publication as a whole yet.
func (v *View) Sweeps() (n int) {
	if v.Level() >= 3 {
		sweeps.Scan(v.r, nil, nil, func([]byte, Sweep) bool { n++; return true })
	}
	return n
}

// sweep goes on with what is to be swept, by at most max names.
func (x *Exec) sweep(max int) {
	type running struct {
		key store.Key
		row Sweep
	}
	var all []running
	waiting := 0
	sweeps.Scan(x.tx, nil, nil, func(key []byte, s Sweep) bool {
		// Where a zone is frozen its sweeps wait for long: they must not hold up those of other zones.
		if x.waits(&s) {
			waiting++
		} else {
			all = append(all, running{append(store.Key(nil), key...), s})
		}
		return len(all) < maxSweeps && waiting < maxSweepsWaiting
	})
	for _, r := range all {
		if max <= 0 {
			return
		}
		was, done, n := r.row, false, 0
		if r.row.Host != 0 {
			done, n = x.sweepHost(&r.row, max)
		} else {
			done, n = x.sweepTLD(nameOf(r.key[len(tldSweepKey("")):]), &r.row, max)
		}
		max -= n
		switch {
		case done:
			sweeps.Delete(x.tx, r.key)
			if r.row.Host != 0 {
				x.dirtyHost(nameOf(r.key[len(hostSweepKey("")):]))
			}
		case was.Marked != r.row.Marked || was.Stage != r.row.Stage || was.From != r.row.From:
			sweeps.Put(x.tx, r.key, r.row)
		}
	}
}

// waits says whether a renamed host's sweep can't go on before something has been published.
func (x *Exec) waits(s *Sweep) (waits bool) {
	switch {
	case s.Host == 0:
	case s.Stage == awaitsGlue:
		h, ok := hosts.Get(x.tx, numberKey(s.Host))
		return ok && x.awaited(h.Name)
	case s.Stage == awaitsLinks:
		hostLinks.Scan(x.tx, numberKey(s.Host), numberKey(s.Host).Uint(s.Marked), func(_ []byte, name string) bool {
			waits = zoneDirty.Has(x.tx, ownerKey(x.zoneHolding(name), name))
			return false
		})
	}
	return waits
}

// sweepHost goes on with a renamed host.
func (x *Exec) sweepHost(s *Sweep, max int) (done bool, n int) {
	if s.Stage == awaitsGlue {
		if x.waits(s) {
			return false, 0
		}
		s.Stage = marksLinks
	}
	passed := true
	hostLinks.Scan(x.tx, numberKey(s.Host), numberKey(s.Host).Uint(s.Marked), func(key []byte, name string) bool {
		zone := x.zoneHolding(name)
		if n == max || s.Stage == awaitsLinks && zoneDirty.Has(x.tx, ownerKey(zone, name)) {
			passed = false
			return false
		}
		if s.Stage == marksLinks {
			x.dirty(zone, name)
		}
		s.Marked = store.LastUint(key) + 1
		n++
		return true
	})
	if passed && s.Stage == marksLinks && len(s.Addresses) > 0 {
		s.Marked, s.Stage = 0, awaitsLinks
		return false, n
	}
	return passed, n
}

// awaited says whether a host's name is marked in one of the zones that could have it as glue.
func (x *Exec) awaited(name string) bool {
	for p := parent(name); p != ""; p = parent(p) {
		if t, ok := x.TLD(p); ok && zoneDirty.Has(x.tx, ownerKey(t.zone(), name)) {
			return true
		}
	}
	return false
}

// sweepTLD marks all delegations of a TLD.
func (x *Exec) sweepTLD(tld string, s *Sweep, max int) (done bool, n int) {
	var from store.Key
	if s.From != "" {
		from = nameKey(s.From)
	}
	done = true
	var all []Domain
	domains.Scan(x.tx, nameKey(tld), from, func(_ []byte, d Domain) bool {
		if n == max {
			s.From, done = d.Name, false
			return false
		}
		n++
		if d.TLD == tld {
			all = append(all, d)
		}
		return true
	})
	for i := range all {
		x.dirtyDelegation(nil, &all[i])
	}
	return done, n
}
