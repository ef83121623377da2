package node

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"

	"quorate/dnsserve"
	"quorate/fsm"
	"quorate/fsm/registry"
)

const (
	// pageSets is how many RRsets of a zone are read with one view: a millisecond or a few, and some 100 KB.
	pageSets = 1000
	// pageSteps is how many publications are read with one view: each may be of thousands of names.
	pageSteps = 16
)

// transfers is where the name server's zone transfers come from: the state, read in pages, so that no view is
// held while a receiver takes its time.
type transfers struct {
	machine atomic.Pointer[fsm.Machine] // nil while the state is being opened, when zones are served already
	sealer  *sealer
	log     *slog.Logger
}

// errOpening says that the state can't be read yet; secondaries come again.
var errOpening = errors.New("the state is being opened")

func (t *transfers) view(fn func(fsm.View) error) error {
	m := t.machine.Load()
	if m == nil {
		return errOpening
	}
	return m.View(fn)
}

func nameOf(fqdn string) string { return strings.TrimSuffix(fqdn, ".") }

// Key implements dnsserve.Transfers.
func (t *transfers) Key(name string) (key dnsserve.Key, ok bool) {
	err := t.view(func(v fsm.View) (err error) {
		key, ok, err = t.key(v, nameOf(name))
		return err
	})
	if err != nil {
		t.log.Error("a TSIG key can't be read from the state", "key", name, "error", err)
		return key, false
	}
	return key, ok
}

func (t *transfers) key(v fsm.View, name string) (dnsserve.Key, bool, error) {
	k, ok := v.TSIGKey(name)
	if !ok {
		return dnsserve.Key{}, false, nil
	}
	secret, err := t.sealer.Open(k.Secret)
	if err != nil {
		return dnsserve.Key{}, false, fmt.Errorf("TSIG key %s: %w", name, err)
	}
	return dnsserve.Key{Name: fqdn(k.Name), Algorithm: k.Algorithm, Secret: secret}, true, nil
}

// Allowed implements dnsserve.Transfers.
func (t *transfers) Allowed(zone string, client netip.Addr, key string) (ok bool) {
	err := t.view(func(v fsm.View) error {
		ok = v.MayTransfer(nameOf(zone), client.AsSlice(), nameOf(key))
		return nil
	})
	if err != nil {
		t.log.Error("the list of secondaries can't be read from the state", "zone", zone, "error", err)
	}
	return ok && err == nil
}

// Snapshot implements dnsserve.Transfers.
func (t *transfers) Snapshot(ctx context.Context, zone string) (soa dnsserve.RRset, rest iter.Seq2[dnsserve.RRset, error], err error) {
	var reader *registry.ZoneReader
	if err := t.view(func(v fsm.View) (err error) {
		reader, err = v.ReadZone(nameOf(zone))
		return err
	}); err != nil {
		return soa, nil, err
	}
	return served(reader.SOA)[0], func(yield func(dnsserve.RRset, error) bool) {
		for {
			var page []registry.RRset
			err := t.view(func(v fsm.View) (err error) {
				page, err = reader.Read(v.View, pageSets)
				return err
			})
			if err = errors.Join(err, ctx.Err()); err != nil {
				yield(dnsserve.RRset{}, err)
				return
			}
			if len(page) == 0 {
				return
			}
			for _, s := range page {
				for i, set := range served(s) {
					if s.Type == registry.TypeSOA && i == 0 {
						continue // soa
					}
					if !yield(set, nil) {
						return
					}
				}
			}
		}
	}, nil
}

// Journal implements dnsserve.Transfers. The SOA is that of the moment; what is published while the steps are
// sent is not among them.
func (t *transfers) Journal(ctx context.Context, zone string, from uint32) (soa dnsserve.RRset, steps iter.Seq2[dnsserve.Step, error], ok bool, err error) {
	name := nameOf(zone)
	var to uint32
	if err := t.view(func(v fsm.View) error {
		reader, err := v.ReadZone(name)
		if err != nil {
			return err
		}
		soa, to = served(reader.SOA)[0], reader.Serial
		_, ok = v.JournalAfter(name, from, 1)
		return nil
	}); err != nil || !ok {
		return soa, nil, false, err
	}
	return soa, func(yield func(dnsserve.Step, error) bool) {
		for at := from; at != to; {
			var some []registry.Publication
			err := t.view(func(v fsm.View) error {
				all, ok := v.JournalAfter(name, at, pageSteps)
				if some = all; !ok || len(all) == 0 {
					return registry.ErrZoneOverrun
				}
				return nil
			})
			if err = errors.Join(err, ctx.Err()); err != nil {
				yield(dnsserve.Step{}, err)
				return
			}
			for _, p := range some {
				if !yield(dnsserve.Step{Removed: servedAll(p.Removed), Added: servedAll(p.Added)}, nil) {
					return
				}
				if at = p.Serial; at == to {
					return
				}
			}
		}
	}, true, nil
}

func servedAll(sets []registry.RRset) (all []dnsserve.RRset) {
	for _, s := range sets {
		all = append(all, served(s)...)
	}
	return all
}

// notifyPause gathers the serials of a busy zone: NOTIFY goes out at once, and then once in this time.
const notifyPause = time.Second

// notifier tells secondaries of new serials while this node leads. A new leader tells of all zones, for it
// doesn't know what the one before it did.
type notifier struct {
	machine *fsm.Machine
	source  *transfers
	notify  *dnsserve.Notifier
	leads   func() bool
	poked   chan struct{}
	log     *slog.Logger
}

// poke says that something was published. It never waits.
func (n *notifier) poke() {
	select {
	case n.poked <- struct{}{}:
	default:
	}
}

// run tells until ctx ends.
func (n *notifier) run(ctx context.Context) {
	var told map[string]uint32 // serials by zone; nil: this node doesn't lead
	for {
		rest := time.Duration(0)
		switch {
		case !n.leads():
			told = nil
		default:
			if told == nil {
				told = map[string]uint32{}
			}
			some, err := n.tell(told)
			if err != nil {
				n.log.Error("secondaries can't be told of new serials", "error", err)
			}
			if some {
				rest = notifyPause
			}
		}
		if !sleep(ctx, rest) {
			return
		}
		select {
		case <-n.poked:
		case <-time.After(notifyPause): // for a reign that has begun, or ended
		case <-ctx.Done():
			return
		}
	}
}

// sleep waits; false when ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// tell tells of the zones whose serials are new, and says whether there were any.
func (n *notifier) tell(told map[string]uint32) (some bool, err error) {
	err = n.machine.View(func(v fsm.View) (err error) {
		for _, z := range v.Zones() {
			if serial, ok := told[z.Name]; ok && serial == z.Serial {
				continue
			}
			reader, unread := v.ReadZone(z.Name)
			if unread != nil {
				continue // it was never published
			}
			told[z.Name], some = z.Serial, true
			var targets []dnsserve.Target
			for _, s := range v.Secondaries(z.Name) {
				its, wrong := n.targets(v, s)
				targets, err = append(targets, its...), errors.Join(err, wrong)
			}
			n.notify.Notify(fqdn(z.Name), served(reader.SOA)[0], targets)
		}
		return err
	})
	return some, err
}

func (n *notifier) targets(v fsm.View, s registry.Secondary) (all []dnsserve.Target, err error) {
	var key *dnsserve.Key
	if s.Key != "" {
		k, ok, err := n.source.key(v, s.Key)
		if err != nil || !ok {
			return nil, err
		}
		key = &k
	}
	for _, e := range s.Notify {
		if a, ok := netip.AddrFromSlice(e.Address); ok {
			all = append(all, dnsserve.Target{Addr: netip.AddrPortFrom(a, e.Port), Key: key})
		}
	}
	return all, nil
}
