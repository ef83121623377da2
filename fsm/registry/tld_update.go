package registry

import (
	"bytes"
	"slices"
)

// TLDUpdate sets all settings of a TLD.
type TLDUpdate struct {
	TLD  TLD    `cbor:"1,keyasint"` // as it is to be; Created, Updated and LastEvent are set here
	Base uint64 `cbor:"2,keyasint"` // LastEvent of the TLD that the change was worked out from: of two changes at once one is refused
}

// tldUpdate fails with 2201, 2303, 2304 (changed meanwhile), 2003, 2004, 2005, 2306.
func (x *Exec) tldUpdate(c TLDUpdate) (Code, any, *Failure) {
	if fail := x.mayOperate(); fail != nil {
		return 0, nil, fail
	}
	before, ok := x.TLD(c.TLD.Name)
	if !ok {
		return 0, nil, Fail(ObjectDoesNotExist, "name", c.TLD.Name, "there is no such TLD")
	}
	if c.Base != before.LastEvent {
		return 0, nil, Fail(ObjectStatusProhibits, "base", "", "the TLD has been changed by somebody else meanwhile")
	}
	t := c.TLD
	t.normalize()
	if fail := checkTLD(&t); fail != nil {
		return 0, nil, fail
	}
	if fail := x.checkExpire(&t); fail != nil {
		return 0, nil, fail
	}
	switch hasDomains := domains.Any(x.tx, nameKey(t.Name)); {
	case t.Zone != before.Zone:
		return 0, nil, Fail(ParameterPolicy, "zone", t.Zone, "the zone is chosen when the TLD is opened")
	case t.HostAttributes != before.HostAttributes && hasDomains:
		return 0, nil, Fail(ParameterPolicy, "hosts", "", "the TLD has domains: their name servers can't change their kind")
	}
	t.Created, t.Updated, t.LastEvent = before.Created, x.Now, before.LastEvent
	x.recordEvent("tld:update", t.Name, 0, &t.LastEvent, before, t)
	tlds.Put(x.tx, nameKey(t.Name), t)
	if t.Zone == "" {
		x.followTLD(&before, &t)
	}
	return Success, nil, nil
}

// followTLD marks what a change of its settings changes in a TLD's zone, and in the zone that delegates it.
func (x *Exec) followTLD(before, t *TLD) {
	ttls := before.TTL != t.TTL
	servers := !slices.EqualFunc(before.Nameservers, t.Nameservers, func(a, b Nameserver) bool {
		return a.Name == b.Name && slices.EqualFunc(a.Addresses, b.Addresses, bytes.Equal)
	})
	if servers || ttls || before.SOA != t.SOA {
		x.dirty(t.Name, t.Name)
	}
	if servers || ttls {
		for _, ns := range slices.Concat(before.Nameservers, t.Nameservers) {
			if below(ns.Name, t.Name) {
				x.dirty(t.Name, ns.Name)
			}
		}
	}
	if servers {
		x.dirtyChild(before)
		x.dirtyChild(t)
	}
	if before.TTL.Delegation == t.TTL.Delegation && before.TTL.Glue == t.TTL.Glue {
		return
	}
	for _, other := range x.TLDs() {
		switch {
		case other.zone() == t.Name:
			sweeps.Put(x.tx, tldSweepKey(other.Name), Sweep{})
		case x.delegatedFrom(&other) == t.Name:
			x.dirtyChild(&other)
		}
	}
}

// delegatedFrom is the zone of this registry that delegates a TLD's own; "" if there is none.
func (v *View) delegatedFrom(t *TLD) string {
	above, ok := v.TLDOf(t.Name)
	if !ok || t.Zone != "" {
		return ""
	}
	return above.zone()
}

// dirtyChild marks a TLD, and its name servers, in the zone that delegates it.
func (x *Exec) dirtyChild(t *TLD) {
	zone := x.delegatedFrom(t)
	if zone == "" {
		return
	}
	x.dirty(zone, t.Name)
	for _, ns := range t.Nameservers {
		if below(ns.Name, zone) {
			x.dirty(zone, ns.Name)
		}
	}
}
