package registry

// DomainDelete ends a registration (RFC 5731 §3.2.2): at once and with a refund
// in the add grace period, otherwise after the TLD's DeleteDelay.
type DomainDelete struct {
	Name string `cbor:"1,keyasint"`
}

// domainDelete fails with 2201, 2303, 2304, 2305.
func (x *Exec) domainDelete(c DomainDelete) (Code, any, *Failure) {
	d, fail := x.sponsored(c.Name)
	if fail != nil {
		return 0, nil, fail
	}
	if fail := prohibited(d.Statuses, Pending|ClientDeleteProhibited|ServerDeleteProhibited, "domain:name", d.Name); fail != nil {
		return 0, nil, fail
	}
	if subs := x.Subordinates(d.Name); len(subs) > 0 {
		return 0, nil, Fail(AssociationProhibits, "domain:name", d.Name, "the host %s is subordinate to the domain", subs[0])
	}
	if x.leavingBelow(d.Name) {
		return 0, nil, Fail(AssociationProhibits, "domain:name", d.Name, "the zone still delegates to a host that was below the domain")
	}
	before := d
	// Refunds go by what still runs: all charges of a deleted domain that are in a grace period come back.
	inAddGrace := false
	for _, g := range d.Grace {
		inAddGrace = inAddGrace || g.Kind == AddPeriod
		if g.Charge != 0 {
			x.refund(&d, g.Charge)
		}
	}
	d.Grace = nil
	if inAddGrace {
		x.removeDomain(&before)
		x.record("domain:delete", &d.Object, d.Name, before, nil)
		return Success, nil, nil
	}
	tld := x.mustTLD(d.TLD)
	d.Statuses |= PendingDelete
	d.Purge = x.Now + tld.DeleteDelay
	x.touch(&d.Object)
	x.record("domain:delete", &d.Object, d.Name, before, d)
	x.putDomain(&before, &d)
	return SuccessPending, nil, nil
}
