package registry

// ContactTransferWait is how long the losing registrar has to answer. Contacts belong to no TLD, so it is the same for all.
const ContactTransferWait = DefaultTransferWait

// ContactTransfer requests to sponsor a contact (RFC 5733 §3.2.4).
type ContactTransfer struct {
	ID    string `cbor:"1,keyasint"`
	Proof Proof  `cbor:"2,keyasint"`
}

// ContactTransferEnd approves, rejects or cancels the pending transfer of a contact (RFC 5733 §3.2.4).
type ContactTransferEnd struct {
	ID string     `cbor:"1,keyasint"`
	Op TransferOp `cbor:"2,keyasint"`
}

// contactTransfer fails with 2201, 2303, 2202, 2106, 2300, 2304.
func (x *Exec) contactTransfer(c ContactTransfer) (Code, any, *Failure) {
	if fail := x.mayTransform(); fail != nil {
		return 0, nil, fail
	}
	n, ok := x.Contact(c.ID)
	if !ok {
		return 0, nil, Fail(ObjectDoesNotExist, "contact:id", c.ID, "there is no such contact")
	}
	if !c.Proof.proves(n.Number, n.AuthInfo) {
		return 0, nil, Fail(InvalidAuthInfo, "contact:pw", "", "the authorization information is wrong")
	}
	if fail := x.mayRequestTransfer(&n.Object, "contact:id", n.ID); fail != nil {
		return 0, nil, fail
	}
	before := n
	n.Statuses |= PendingTransfer
	n.Transfer = x.request(&n.Object, x.Now+ContactTransferWait)
	x.touch(&n.Object)
	x.record("contact:transfer-request", &n.Object, n.ID, before, n)
	x.putContact(&before, &n)
	x.tell(n.Transfer.Losing, Message{Kind: TransferRequested, Of: ContactROID, Object: n.ID, Transfer: n.Transfer})
	return SuccessPending, Transferred{n.ID, *n.Transfer}, nil
}

// contactTransferEnd fails with 2201, 2303, 2301.
func (x *Exec) contactTransferEnd(c ContactTransferEnd) (Code, any, *Failure) {
	if fail := x.mayTransform(); fail != nil {
		return 0, nil, fail
	}
	n, ok := x.Contact(c.ID)
	if !ok {
		return 0, nil, Fail(ObjectDoesNotExist, "contact:id", c.ID, "there is no such contact")
	}
	if fail := x.mayEndTransfer(&n.Object, n.Transfer, c.Op, "contact:id", c.ID); fail != nil {
		return 0, nil, fail
	}
	before := n
	t := n.Transfer.ended(c.Op.ends(x.Actor.Role), x.Now)
	x.touch(&n.Object)
	if t.Status.Approved() {
		n.handOver(t)
	} else {
		n.Statuses &^= PendingTransfer
		n.Transfer = t
	}
	x.record("contact:"+t.Status.event(), &n.Object, n.ID, before, n)
	x.putContact(&before, &n)
	x.tellOfTransfer(ContactROID, n.ID, t)
	return Success, Transferred{n.ID, *t}, nil
}

// handOver completes the transfer of n, in the way and at the time that t says.
func (n *Contact) handOver(t *Transfer) {
	n.Object.handOver(t)
	n.AuthInfo = AuthInfo{}
	n.Transfer = t
}
