package registry

// Defaults of a TLD's policy on transfers.
const (
	DefaultTransferWait  = 5 * Day // ICANN's Transfer Policy, section I.A.3.6
	DefaultTransferGrace = 5 * Day // RFC 3915 §3.1, transferPeriod
)

// transferWait is how long the losing registrar has to answer.
func (t *TLD) transferWait() Time {
	if t.TransferWait != nil {
		return *t.TransferWait
	}
	return DefaultTransferWait
}

func (t *TLD) transferGrace() Time {
	if t.TransferGrace != nil {
		return *t.TransferGrace
	}
	return DefaultTransferGrace
}

// transferPrice is for a year, in minor units: what the transfer adds is a renewal.
func (t *TLD) transferPrice() int64 {
	if t.TransferPrice != nil {
		return *t.TransferPrice
	}
	return t.RenewPrice
}

// DomainTransfer requests to sponsor a domain (RFC 5731 §3.2.4). The requester pays
// at once, and gets the money back if the transfer doesn't come about: so no approval, by whomever or by
// time-out, can fail for want of funds.
type DomainTransfer struct {
	Name   string `cbor:"1,keyasint"`
	Months uint16 `cbor:"2,keyasint,omitempty"` // 0: DefaultMonths
	Proof  Proof  `cbor:"3,keyasint"`
}

// domainTransfer fails with 2201, 2303, 2202, 2106, 2300, 2304, 2306, 2004, 2104.
func (x *Exec) domainTransfer(c DomainTransfer) (Code, any, *Failure) {
	if fail := x.mayTransform(); fail != nil {
		return 0, nil, fail
	}
	d, ok := x.domain(c.Name)
	if !ok {
		return 0, nil, Fail(ObjectDoesNotExist, "domain:name", c.Name, "there is no such domain")
	}
	if !x.provenForDomain(c.Proof, &d) {
		return 0, nil, Fail(InvalidAuthInfo, "domain:pw", "", "the authorization information is wrong")
	}
	if fail := x.mayRequestTransfer(&d.Object, "domain:name", d.Name); fail != nil {
		return 0, nil, fail
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
	d.Statuses |= PendingTransfer
	d.Transfer = x.request(&d.Object, x.Now+tld.transferWait())
	d.Transfer.Months = c.Months
	d.Transfer.Expires = d.expiresByTransfer(&tld)
	if d.Transfer.Expires > x.Now.AddMonths(12*int(tld.MaxYears)) {
		return 0, nil, Fail(ParameterPolicy, "domain:period", "", "the registration would end over %d years from now", tld.MaxYears)
	}
	payer := d
	payer.Sponsor = x.Actor.Name
	if d.Transfer.Charge, fail = x.debit(&payer, "transfer", tld.transferPrice()*int64(n), tld.Currency); fail != nil {
		return 0, nil, fail
	}
	x.touch(&d.Object)
	x.record("domain:transfer-request", &d.Object, d.Name, before, d)
	x.putDomain(&before, &d)
	x.tell(d.Transfer.Losing, Message{Kind: TransferRequested, Of: DomainROID, Object: d.Name, Transfer: d.Transfer})
	if d.Transfer.Acts <= x.Now {
		// The TLD's policy is not to wait.
		d, _ = x.domain(d.Name)
		return Success, Transferred{d.Name, *d.Transfer}, nil
	}
	return SuccessPending, Transferred{d.Name, *d.Transfer}, nil
}

// provenForDomain says whether the proof is of the authorization information of the
// domain, or of its registrant or one of its contacts (RFC 5731 §3.2.4), as they are.
func (x *Exec) provenForDomain(p Proof, d *Domain) bool {
	if p.proves(d.Number, d.AuthInfo) {
		return true
	}
	for _, id := range linkedContacts(d) {
		if c, ok := x.Contact(id); ok && p.proves(c.Number, c.AuthInfo) {
			return true
		}
	}
	return false
}

// expiresByTransfer is when d, whose transfer has just been requested, will expire once
// the server approves it: earlier approval gives the same date, but where the auto-renew grace period ends before.
func (d Domain) expiresByTransfer(tld *TLD) Time {
	d.Grace = append([]Grace(nil), d.Grace...)
	for {
		switch next(&d, tld, d.Transfer.Acts) {
		case none, transferred:
			return d.Expires
		}
	}
}

// handOver completes the transfer of d, in the way and at the time that t says. All grace periods
// end: what the losing registrar paid for is not the other's to undo. But a renewal by the registry that is in its grace
// period is undone, for the transfer takes its place.
func (d *Domain) handOver(tld *TLD, t *Transfer) {
	months := int(t.Months)
	if _, undone := d.autoRenewal(t.Acts); undone {
		months -= AutoRenewMonths
	}
	d.Object.handOver(t)
	d.Expires = d.Expires.AddMonths(months)
	d.AuthInfo = AuthInfo{}
	d.Grace = nil
	if grace := tld.transferGrace(); grace > 0 {
		d.Grace = []Grace{{TransferPeriod, t.Acts + grace, t.Charge}}
	}
	t.Expires = d.Expires
	d.Transfer = t
}

// autoRenewal is the grace period of a renewal by the registry that runs at a time.
func (d *Domain) autoRenewal(at Time) (g Grace, ok bool) {
	for _, g := range d.Grace {
		if g.Kind == AutoRenewPeriod && g.Ends > at {
			return g, true
		}
	}
	return g, false
}

// handedOver does what else follows when a transfer has taken was to d: the money of a
// renewal that it undid, the subordinate hosts, which move along (RFC 5731 §3.2.4), and the messages.
func (x *Exec) handedOver(was, d *Domain) {
	if g, undone := was.autoRenewal(d.Transfer.Acts); undone && g.Charge != 0 {
		x.refund(was, g.Charge)
	}
	x.moveHosts(d, d.Moved)
	x.tellOfTransfer(DomainROID, d.Name, d.Transfer)
}

// moveHosts gives the hosts below a domain to its sponsor.
func (x *Exec) moveHosts(d *Domain, at Time) {
	for _, h := range x.subordinateHosts(d.Name) {
		if h.Sponsor == d.Sponsor {
			continue
		}
		before := h
		h.Sponsor, h.Moved = d.Sponsor, at
		x.record("host:transfer", &h.Object, h.Name, before, h)
		hosts.Put(x.tx, numberKey(h.Number), h)
	}
}

// subordinateHosts are the hosts at or below the name of a domain.
func (x *Exec) subordinateHosts(name string) (all []Host) {
	hostNames.Scan(x.tx, nameKey(name), nil, func(_ []byte, n uint64) bool {
		all = append(all, x.HostByNumber(n))
		return true
	})
	return all
}
