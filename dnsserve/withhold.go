package dnsserve

import (
	"fmt"
	"maps"
)

// Why is the reason for which a zone isn't answered for: its extended error (RFC 8914).
type Why uint16

// The reasons.
const (
	NotReady         Why = extendedNotReady         // its content isn't there yet
	SignatureExpired Why = extendedSignatureExpired // it is there, and resolvers would take it for forged
)

// withheld are the zones that aren't answered for, by origin in wire form. It is immutable.
type withheld struct {
	why         map[string]Why
	least, most int // labels in the shortest and longest origin
}

// Withhold has every question for names of the zone answered SERVFAIL, with the reason, whether the zone
// is loaded or not, until Release: resolvers then ask another server, as they do not after REFUSED or a
// stale answer. It is for a node that knows that its answers would be wrong.
func (z *Zones) Withhold(origin string, why Why) error {
	wire, err := parseName(origin)
	if err != nil {
		return fmt.Errorf("dnsserve: withhold zone: %w", err)
	}
	z.write.Lock()
	defer z.write.Unlock()
	all := z.withheldCopy()
	all[string(wire)] = why
	z.setWithheld(all)
	return nil
}

// Release undoes Withhold. A zone that isn't withheld stays so.
func (z *Zones) Release(origin string) {
	wire, err := parseName(origin)
	if err != nil {
		return
	}
	z.write.Lock()
	defer z.write.Unlock()
	all := z.withheldCopy()
	delete(all, string(wire))
	z.setWithheld(all)
}

func (z *Zones) withheldCopy() map[string]Why {
	if w := z.withheld.Load(); w != nil {
		return maps.Clone(w.why)
	}
	return make(map[string]Why)
}

func (z *Zones) setWithheld(all map[string]Why) {
	if len(all) == 0 {
		z.withheld.Store(nil)
		return
	}
	w := &withheld{why: all, least: maxLabels}
	for origin := range all {
		n := labelCount([]byte(origin))
		w.least, w.most = min(w.least, n), max(w.most, n)
	}
	z.withheld.Store(w)
}

// withheldFrom says whether a question that the zone served would answer (nil: none would) belongs to a
// zone that is withheld.
func (z *Zones) withheldFrom(q *labels, qtype uint16, served *version) (Why, bool) {
	w := z.withheld.Load()
	if w == nil {
		return 0, false
	}
	top, least := q.n, w.least
	if qtype == typeDS && served != nil && served.labels < q.n {
		top-- // the parent's (RFC 4035 §3.1.4.1)
	}
	if served != nil {
		least = max(least, served.labels)
	}
	for n := min(top, w.most); n >= least; n-- {
		if why, ok := w.why[string(q.suffix(n))]; ok {
			return why, true
		}
	}
	return 0, false
}
