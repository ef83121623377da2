package registry

// DomainTransferEnd approves, rejects or cancels the pending transfer of a domain (RFC 5731 §3.2.4).
type DomainTransferEnd struct {
	Name string     `cbor:"1,keyasint"`
	Op   TransferOp `cbor:"2,keyasint"`
}

// domainTransferEnd fails with 2201, 2303, 2301.
func (x *Exec) domainTransferEnd(c DomainTransferEnd) (Code, any, *Failure) {
	if fail := x.mayTransform(); fail != nil {
		return 0, nil, fail
	}
	d, ok := x.domain(c.Name)
	if !ok {
		return 0, nil, Fail(ObjectDoesNotExist, "domain:name", c.Name, "there is no such domain")
	}
	if fail := x.mayEndTransfer(&d.Object, d.Transfer, c.Op, "domain:name", c.Name); fail != nil {
		return 0, nil, fail
	}
	before := d
	t := d.Transfer.ended(c.Op.ends(x.Actor.Role), x.Now)
	x.touch(&d.Object)
	if t.Status.Approved() {
		tld := x.mustTLD(d.TLD)
		d.handOver(&tld, t)
		x.record("domain:"+t.Status.event(), &d.Object, d.Name, before, d)
		x.putDomain(&before, &d)
		x.handedOver(&before, &d)
		return Success, Transferred{d.Name, *t}, nil
	}
	d.Statuses &^= PendingTransfer
	if t.Charge != 0 {
		x.refund(&d, t.Charge)
	}
	t.Expires, t.Charge = 0, 0
	d.Transfer = t
	x.record("domain:"+t.Status.event(), &d.Object, d.Name, before, d)
	x.putDomain(&before, &d)
	x.tellOfTransfer(DomainROID, d.Name, t)
	return Success, Transferred{d.Name, *t}, nil
}
