package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"quorate/dnsserve"
	"quorate/fsm"
)

// A node that is cut off from the cluster goes on to serve its zones, for their signatures outlive what anybody needs to
// mend a network. Near their end resolvers are better off with the other name servers: so the node says that it is not
// ready, and in the end answers SERVFAIL for all of the zone, whether a client validates or not, because what it would say is
// weeks old as well. A node that follows the cluster doesn't: if its signatures are near their end, so are everybody's. It
// answers SERVFAIL where a signature has ended that the answer needs (dnsserve), and to nobody else.

const (
	// signaturesEnd is how long before the first signature of a zone ends the log begins to say so: a signer that
	// works renews them many days earlier, and two days are enough for people to mend one.
	signaturesEnd = 48 * time.Hour
	// signatureCheck is how often signatures and the clock are looked at.
	signatureCheck = 5 * time.Second
	// cutOff is how far the state's log time is behind the clock in a node that is cut off. A cluster that moves has a Tick each second.
	cutOff = time.Hour
	// withholdBefore is how long before the first signature of a zone ends a node that is cut off answers for it no more: clients' clocks
	// differ, and what is nearly over is cached by nobody.
	withholdBefore = time.Hour
)

// servedZones is what the watch needs of *dnsserve.Zones.
type servedZones interface {
	Origins() []string
	Expires(origin string) (time.Time, bool)
	Withhold(origin string, why dnsserve.Why) error
	Release(origin string)
}

// signatureWatch keeps a node that is cut off from serving what has expired.
type signatureWatch struct {
	zones   servedZones
	now     func() time.Time
	logTime func() (time.Time, error) // of the state
	log     *slog.Logger

	mu       sync.Mutex
	behind   time.Duration
	alone    bool
	near     map[string]time.Time // zones, by origin, whose first signature ends soon, and when
	withheld map[string]bool
}

// watchSignatures makes the watch of a node's zones.
func watchSignatures(zones servedZones, machine *fsm.Machine, log *slog.Logger) *signatureWatch {
	return &signatureWatch{zones: zones, now: time.Now, log: log, logTime: func() (at time.Time, err error) {
		err = machine.View(func(v fsm.View) error { at = time.UnixMilli(int64(v.Now())); return nil })
		return at, err
	}}
}

// run looks until ctx ends.
func (w *signatureWatch) run(ctx context.Context) {
	every := time.NewTicker(signatureCheck)
	defer every.Stop()
	for {
		w.look()
		select {
		case <-every.C:
		case <-ctx.Done():
			return
		}
	}
}

// look withholds and releases zones as it is time to. What has changed is logged once.
func (w *signatureWatch) look() {
	at, err := w.logTime()
	if err != nil {
		w.log.Error("the state's log time can't be read", "page", true, "error", err)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	w.behind = max(0, now.Sub(at))
	if at.UnixMilli() == 0 {
		w.behind = 0 // the state is that of a cluster which is yet to be
	}
	alone := w.behind > cutOff
	if alone != w.alone {
		if w.alone = alone; alone {
			w.log.Warn("this node has heard of nothing new for long; it serves its zones as they are until their signatures are near their end", "since", at)
		} else {
			w.log.Info("this node follows the cluster again")
		}
	}
	near, withheld := map[string]time.Time{}, map[string]bool{}
	for _, origin := range w.zones.Origins() {
		end, signed := w.zones.Expires(origin)
		if !signed || end.Sub(now) >= signaturesEnd {
			continue
		}
		near[origin] = end
		if _, said := w.near[origin]; !said {
			w.log.Error("signatures of a zone are near their end, or past it", "page", true, "zone", origin, "first", end, "cut_off", alone)
		}
		withheld[origin] = alone && end.Sub(now) < withholdBefore
	}
	for origin := range withheld {
		if withheld[origin] && !w.withheld[origin] {
			if err := w.zones.Withhold(origin, dnsserve.SignatureExpired); err != nil {
				w.log.Error("a zone can't be withheld", "page", true, "zone", origin, "error", err)
				withheld[origin] = false
				continue
			}
			w.log.Error("a zone is answered for no more: its signatures end, and this node has no newer ones", "page", true, "zone", origin, "first", near[origin], "behind", w.behind)
		}
	}
	for origin := range w.withheld {
		if w.withheld[origin] && !withheld[origin] {
			w.zones.Release(origin)
			w.log.Info("a zone is answered for again", "zone", origin)
		}
	}
	w.near, w.withheld = near, withheld
}

// ready is nil while resolvers are as well off here as with the zones' other name servers.
func (w *signatureWatch) ready() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var errs []error
	for _, origin := range slices.Sorted(maps.Keys(w.near)) {
		end := w.near[origin]
		switch {
		case w.withheld[origin]:
			errs = append(errs, fmt.Errorf("%s is not answered for: cut off for %s, and its first signature ends at %s", origin, w.behind.Round(time.Second), end.UTC().Format(time.RFC3339)))
		case w.alone:
			errs = append(errs, fmt.Errorf("%s: cut off for %s, and its first signature ends at %s", origin, w.behind.Round(time.Second), end.UTC().Format(time.RFC3339)))
		}
	}
	return errors.Join(errs...)
}

// withholds says whether a zone isn't answered for.
func (w *signatureWatch) withholds(origin string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.withheld[origin]
}

// age is how far the state was behind the clock at the last look.
func (w *signatureWatch) age() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.behind
}
