package node

import (
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"

	"quorate/dnsserve"
	"quorate/fsm"
	"quorate/fsm/registry"
)

// zoneFeed brings what the state machine publishes to the name server. It is
// driven by the applying of the log, and by images that turn out to be damaged.
type zoneFeed struct {
	machine *fsm.Machine
	served  *dnsserve.Zones
	log     *slog.Logger

	mu      sync.Mutex        // one step at a time
	ahead   map[string]uint32 // zones whose image is newer than the state, until the log has led the state there
	loading map[string]bool   // zones that are being loaded in the background
	loads   sync.WaitGroup
}

// applied hands on what a batch of the log has published. A zone whose edition was switched is loaded in the
// background, and served as it was until that is done: it may be large, and the log must not wait.
func (f *zoneFeed) applied(out fsm.Outcome) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, name := range out.Switched {
		if f.loading[name] || f.has(registry.Publication{Zone: name, Serial: f.serial(name)}) {
			continue
		}
		if f.loading == nil {
			f.loading = make(map[string]bool)
		}
		f.loading[name] = true
		f.loads.Go(func() { f.reload(name) })
	}
	for _, p := range out.Published {
		if !f.loading[p.Zone] {
			f.publish(p)
		}
	}
}

// serial is a zone's in the state.
func (f *zoneFeed) serial(name string) (serial uint32) {
	if err := f.machine.View(func(v fsm.View) error {
		z, _ := v.Zone(name)
		serial = z.Serial
		return nil
	}); err != nil {
		f.log.Error("zones can't be read from the state", "page", true, "error", err)
	}
	return serial
}

// reload loads a zone, and again until publications can follow.
func (f *zoneFeed) reload(name string) {
	for whole := false; !whole; {
		f.load(name)
		whole = f.caughtUp(name)
	}
}

// caughtUp publishes what came while a zone was being loaded; then publications may follow directly.
func (f *zoneFeed) caughtUp(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	whole := true
	err := f.machine.View(func(v fsm.View) error {
		served, ok := f.served.Serial(fqdn(name))
		if !ok {
			return nil
		}
		var since []registry.Publication
		if since, whole = v.Journal(name, served); !whole {
			return nil // it was switched again
		}
		for _, p := range since {
			if err := f.served.Publish(fqdn(p.Zone), p.Base, p.Serial, changes(p)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		f.log.Error("a zone can't be served as it stands", "page", true, "zone", name, "error", err)
	}
	if whole {
		delete(f.loading, name)
	}
	return whole
}

// close waits until nothing is being loaded.
func (f *zoneFeed) close() { f.loads.Wait() }

// loadAll makes the name server serve the zones as they stand in the state, after that was replaced.
func (f *zoneFeed) loadAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ahead = nil
	for _, name := range f.zones() {
		f.bring(name, false)
	}
}

// load makes the name server serve one zone as it stands. A zone that was never published has no SOA and isn't served.
func (f *zoneFeed) load(name string) {
	err := f.machine.View(func(v fsm.View) error {
		z, ok := v.Zone(name)
		if !ok || !v.Published(name) {
			return nil
		}
		return f.served.Load(fqdn(name), z.Serial, rrsets(v, name))
	})
	if err != nil {
		f.log.Error("a zone can't be served as it stands", "page", true, "zone", name, "error", err)
	}
}

func rrsets(v fsm.View, zone string) iter.Seq2[dnsserve.RRset, error] {
	return func(yield func(dnsserve.RRset, error) bool) {
		v.ZoneRRsets(zone, func(s registry.RRset) bool {
			for _, set := range served(s) {
				if !yield(set, nil) {
					return false
				}
			}
			return true
		})
	}
}

// publish hands a publication on.
func (f *zoneFeed) publish(p registry.Publication) {
	if f.has(p) {
		return
	}
	err := f.served.Publish(fqdn(p.Zone), p.Base, p.Serial, changes(p))
	if err == nil {
		return
	}
	if !errors.Is(err, dnsserve.ErrNotServed) { // a zone's first publication
		f.log.Warn("a publication doesn't follow what is served; the zone is loaded anew", "zone", p.Zone, "error", err)
	}
	f.load(p.Zone)
}

// changes are a publication's steps. What is replaced is in both lists: the addition is all that counts.
func changes(p registry.Publication) (steps []dnsserve.Change) {
	for _, s := range p.Removed {
		for _, set := range served(s) {
			steps = append(steps, dnsserve.Change{Owner: set.Owner, Type: set.Type, Covers: set.Covers})
		}
	}
	for _, s := range p.Added {
		for _, set := range served(s) {
			steps = append(steps, dnsserve.Change{Owner: set.Owner, Type: set.Type, Covers: set.Covers, Set: &set})
		}
	}
	return steps
}

// served are an RRset and its signatures in the name server's form.
func served(s registry.RRset) []dnsserve.RRset {
	sets := []dnsserve.RRset{{Owner: fqdn(s.Owner), Type: s.Type, TTL: s.TTL, RData: s.Data}}
	if len(s.Sigs) > 0 {
		sets = append(sets, dnsserve.RRset{Owner: fqdn(s.Owner), Type: typeRRSIG, Covers: s.Type, TTL: s.TTL, RData: s.Sigs})
	}
	return sets
}

func fqdn(name string) string { return fmt.Sprintf("%s.", name) }

const typeRRSIG = 46 // RFC 4034 §3
