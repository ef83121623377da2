package registry

// DomainRenew extends a registration (RFC 5731 §3.2.3).
type DomainRenew struct {
	Name    string `cbor:"1,keyasint"`
	Current Time   `cbor:"2,keyasint"`           // midnight of the date on which the client thinks that it expires
	Months  uint16 `cbor:"3,keyasint,omitempty"` // 0: DefaultMonths
}

// DomainRenewed is the reply to DomainRenew.
type DomainRenewed struct {
	Name    string `cbor:"1,keyasint"`
	Expires Time   `cbor:"2,keyasint"`
}

// domainRenew fails with 2201, 2303, 2304, 2306 (curExpDate), 2004, 2104, 2105.
func (x *Exec) domainRenew(c DomainRenew) (Code, any, *Failure) {
	d, fail := x.sponsored(c.Name)
	if fail != nil {
		return 0, nil, fail
	}
	if fail := prohibited(d.Statuses, Pending|ClientRenewProhibited|ServerRenewProhibited, "domain:name", d.Name); fail != nil {
		return 0, nil, fail
	}
	if d.Expires.midnight() != c.Current {
		return 0, nil, Fail(ParameterPolicy, "domain:curExpDate", c.Current.String()[:10], "the domain expires on another day")
	}
	tld := x.mustTLD(d.TLD)
	if c.Months == 0 {
		c.Months = DefaultMonths
	}
	n, fail := years(c.Months, &tld, "domain:period")
	if fail != nil {
		return 0, nil, fail
	}
	before := d
	d.Expires = d.Expires.AddMonths(12 * n)
	if d.Expires > x.Now.AddMonths(12*int(tld.MaxYears)) {
		return 0, nil, Fail(NotEligibleForRenewal, "domain:period", "", "the registration would end over %d years from now", tld.MaxYears)
	}
	charge, fail := x.debit(&d, "renew", tld.RenewPrice*int64(n), tld.Currency)
	if fail != nil {
		return 0, nil, fail
	}
	if tld.RenewGrace > 0 {
		d.Grace = append(d.Grace[:len(d.Grace):len(d.Grace)], Grace{RenewPeriod, x.Now + tld.RenewGrace, charge})
	}
	x.touch(&d.Object)
	x.record("domain:renew", &d.Object, d.Name, before, d)
	x.putDomain(&before, &d)
	return Success, DomainRenewed{d.Name, d.Expires}, nil
}

// midnight is the beginning of t's day in UTC.
func (t Time) midnight() Time {
	y, m, d := t.Date()
	return DateOf(y, m, d)
}

// prohibited refuses a command on an object that has one of the statuses in any.
func prohibited(has, any Statuses, element, value string) *Failure {
	if stop := has & any; stop != 0 {
		return Fail(ObjectStatusProhibits, element, value, "the object has the status %s", stop.Names()[0])
	}
	return nil
}
