package node

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"quorate/dnsserve"
	"quorate/fsm"
	"quorate/fsm/registry"
	"quorate/node/config"
)

const (
	// imagesName is the folder of zone images in the data folder.
	imagesName = "zones"
	// imageSync is how often images are brought to the disk. What is newer when the power fails is
	// read from the state's journal.
	imageSync = time.Minute
)

// openImages opens the zones as they were last served; without them a node still answers, as soon as it has
// read them from the state.
func openImages(cfg config.Config, feed *zoneFeed) *dnsserve.Zones {
	images := dnsserve.Images{
		Folder: filepath.Join(cfg.Data, imagesName), Log: feed.log, Damaged: feed.mend,
		// After a recovery from lost majority a serial may mean something else.
		Identity: fmt.Sprintf("%s generation %d", cfg.Cluster, cfg.Transport.Generation),
	}
	zones, err := dnsserve.OpenZones(images)
	if err != nil {
		feed.log.Error("zone images can't be opened; zones are kept in memory", "page", true, "error", err)
		zones = dnsserve.NewZones()
	}
	feed.served = zones
	return zones
}

// zones are the names of all zones in the state.
func (f *zoneFeed) zones() (names []string) {
	if err := f.machine.View(func(v fsm.View) error {
		for _, z := range v.Zones() {
			names = append(names, z.Name)
		}
		return nil
	}); err != nil {
		f.log.Error("zones can't be read from the state", "page", true, "error", err)
	}
	return names
}

// loadMissing loads the zones that have no image, and forgets images of zones that are no more.
func (f *zoneFeed) loadMissing() {
	f.mu.Lock()
	defer f.mu.Unlock()
	left := make(map[string]bool)
	for _, origin := range f.served.Origins() {
		left[origin] = true
	}
	for _, name := range f.zones() {
		if !left[fqdn(name)] {
			f.load(name)
		}
		delete(left, fqdn(name))
	}
	for origin := range left {
		f.log.Warn("the state has no zone for an image", "zone", origin)
		f.served.Drop(origin)
	}
}

// catchUp brings images to what the state has. One that is newer, which is possible when the state's file
// wasn't synced in time, is served until the log has led the state there.
func (f *zoneFeed) catchUp() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, name := range f.zones() {
		f.bring(name, true)
	}
}

// bring makes the name server serve a zone as it stands: nothing is to be done if it does, publications are
// enough if the journal has them.
func (f *zoneFeed) bring(name string, mayBeAhead bool) {
	var missing []registry.Publication
	var done bool
	serial, served := f.served.Serial(fqdn(name))
	if err := f.machine.View(func(v fsm.View) error {
		z, ok := v.Zone(name)
		switch {
		case !ok || !served:
		case z.Serial == serial && v.Published(name):
			done = true
		case mayBeAhead && int32(serial-z.Serial) > 0 && serial-z.Serial <= registry.MaxJournal:
			if f.ahead == nil {
				f.ahead = make(map[string]uint32)
			}
			f.ahead[name], done = serial, true
		default:
			missing, _ = v.Journal(name, serial)
		}
		return nil
	}); err != nil {
		f.log.Error("zones can't be read from the state", "page", true, "error", err)
		return
	}
	for _, p := range missing {
		err := f.served.Publish(fqdn(p.Zone), p.Base, p.Serial, changes(p))
		if done = err == nil; !done {
			f.log.Warn("a zone image can't be brought up to date; it is made anew", "zone", name, "error", err)
			break
		}
	}
	if !done {
		f.load(name)
	}
}

// has reports whether a publication that the log leads to is one that an image had already.
func (f *zoneFeed) has(p registry.Publication) bool {
	serial, ok := f.ahead[p.Zone]
	if !ok {
		return false
	}
	if int32(serial-p.Serial) <= 0 {
		delete(f.ahead, p.Zone)
	}
	return int32(serial-p.Serial) >= 0
}

// mend loads a zone whose image is damaged.
func (f *zoneFeed) mend(origin string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	name := origin[:len(origin)-1]
	if f.machine == nil {
		return // there is no state to load it from; the node ends
	}
	delete(f.ahead, name)
	f.load(name)
}

// whileClosed runs what must be done before the state can be read; images that turn out to be damaged wait for it.
func (f *zoneFeed) whileClosed(do func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return do()
}

// keepImages syncs the zone images now and then.
func (n *Node) keepImages(ctx context.Context) {
	every := time.NewTicker(imageSync)
	defer every.Stop()
	for {
		select {
		case <-every.C:
		case <-ctx.Done():
			return
		}
		if err := n.zones.Sync(); err != nil {
			n.log.Error("zone images can't be synced", "page", true, "error", err)
		}
	}
}
