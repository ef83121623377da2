package registry

import (
	"bytes"
	"crypto/sha256"

	"quorate/fsm/store"
)

// What the transfers of domains and contacts share (RFC 5730 §2.9.3.4). An object
// keeps the newest request to transfer it, pending or ended, for queries.

// Transfer is a request to change an object's sponsor.
type Transfer struct {
	Status    TransferStatus `cbor:"1,keyasint"`
	Requester string         `cbor:"2,keyasint"`           // reID: who wants to sponsor the object
	Requested Time           `cbor:"3,keyasint"`           // reDate
	Losing    string         `cbor:"4,keyasint"`           // the sponsor when it was requested
	Acts      Time           `cbor:"5,keyasint"`           // acDate: while pending, when the server approves it; then, when it ended
	Months    uint16         `cbor:"6,keyasint,omitempty"` // by how much it extends a domain's registration
	Expires   Time           `cbor:"7,keyasint,omitempty"` // exDate: when a domain will expire by it, or does
	Charge    uint64         `cbor:"8,keyasint,omitempty"` // the ledger entry that paid for it; 0: none
	ClTRID    string         `cbor:"9,keyasint,omitempty"` // of the request
	ID        CommandID      `cbor:"10,keyasint"`          // of the request
}

// TransferStatus is what became of a request.
type TransferStatus uint8

// The states of a transfer (eppcom-1.0, trStatusType). Numbers are part of the stored form.
const (
	TransferPending TransferStatus = iota + 1
	ClientApproved                 // by the losing registrar
	ClientRejected                 // by the losing registrar
	ClientCancelled                // by who had requested it
	ServerApproved                 // by time-out, or by an operator
	ServerCancelled                // by an operator
)

var transferStatusNames = [...]string{"", "pending", "clientApproved", "clientRejected", "clientCancelled", "serverApproved", "serverCancelled"}

// String is the status as EPP writes it.
func (s TransferStatus) String() string { return transferStatusNames[s] }

// Approved says whether the object changed its sponsor.
func (s TransferStatus) Approved() bool { return s == ClientApproved || s == ServerApproved }

// Actor is acID: the registrar that should act on a pending transfer, or whose the action
// was. What the server did is booked for the registrar that could have.
func (t *Transfer) Actor() string {
	if t.Status == ClientCancelled {
		return t.Requester
	}
	return t.Losing
}

// Involves says whether a registrar may know of the transfer: it gains or loses the object.
func (t *Transfer) Involves(registrar string) bool {
	return registrar == t.Requester || registrar == t.Losing
}

// Transferred is the reply to commands that request or end a transfer.
type Transferred struct {
	Object   string   `cbor:"1,keyasint"` // the domain's name or the contact's identifier
	Transfer Transfer `cbor:"2,keyasint"`
}

// TransferOp is how a pending transfer is to end.
type TransferOp uint8

// The ends of a transfer.
const (
	ApproveTransfer TransferOp = iota + 1
	RejectTransfer
	CancelTransfer
)

// ends is the status that an operation by the actor leads to.
func (op TransferOp) ends(role Role) TransferStatus {
	switch {
	case op == ApproveTransfer && role == RoleOperator:
		return ServerApproved
	case op == ApproveTransfer:
		return ClientApproved
	case role == RoleOperator:
		return ServerCancelled
	case op == RejectTransfer:
		return ClientRejected
	}
	return ClientCancelled
}

// event is what the history calls an end.
func (s TransferStatus) event() string {
	switch s {
	case ClientApproved, ServerApproved:
		return "transfer-approve"
	case ClientRejected:
		return "transfer-reject"
	}
	return "transfer-cancel"
}

// ended is the transfer after its end.
func (t *Transfer) ended(how TransferStatus, at Time) *Transfer {
	e := *t
	e.Status, e.Acts = how, at
	return &e
}

// mayEndTransfer lets the sponsor approve and reject, and who requested the
// transfer cancel it (RFC 5730 §2.9.3.4). It fails with 2201, 2301, 2306.
func (x *Exec) mayEndTransfer(o *Object, t *Transfer, op TransferOp, element, value string) *Failure {
	if op < ApproveTransfer || op > CancelTransfer {
		return Fail(ParameterPolicy, element, value, "a transfer is approved, rejected or cancelled")
	}
	if op != CancelTransfer {
		if fail := x.mayChange(o, element, value); fail != nil {
			return fail
		}
	}
	if !o.Statuses.Has(PendingTransfer) {
		return Fail(NotPendingTransfer, element, value, "no transfer of the object is pending")
	}
	if op == CancelTransfer && x.Actor.Role != RoleOperator && t.Requester != x.Actor.Name {
		return Fail(AuthorizationError, element, value, "the transfer was requested by another registrar")
	}
	return nil
}

// mayRequestTransfer lets registrars request what others sponsor. It fails with 2106, 2201, 2300, 2304.
func (x *Exec) mayRequestTransfer(o *Object, element, value string) *Failure {
	if x.Actor.Role != RoleRegistrar {
		return Fail(AuthorizationError, "", "", "only a registrar can sponsor objects")
	}
	if o.Sponsor == x.Actor.Name {
		return Fail(NotEligibleForTransfer, element, value, "%s sponsors the object already", x.Actor.Name)
	}
	if o.Statuses.Has(PendingTransfer) {
		return Fail(PendingTransferExists, element, value, "a transfer of the object is pending")
	}
	return prohibited(o.Statuses, Pending|ClientTransferProhibited|ServerTransferProhibited, element, value)
}

// request is a new transfer, pending until acts.
func (x *Exec) request(o *Object, acts Time) *Transfer {
	return &Transfer{
		Status: TransferPending, Requester: x.Actor.Name, Requested: x.Now, Losing: o.Sponsor, Acts: acts,
		ClTRID: x.ClTRID, ID: x.ID,
	}
}

// handOver gives an object to who requested it. Its authorization information
// is void from then on (RFC 9154 §5.4): the caller clears it.
func (o *Object) handOver(t *Transfer) {
	o.Sponsor, o.Moved = t.Requester, t.Acts
	o.Statuses &^= PendingTransfer
}

// Proof is what a front door verified authorization information against. The state
// machine can't open what is sealed, so it only makes sure that this is still what is kept.
type Proof struct {
	Number uint64 `cbor:"1,keyasint"` // of the object whose authorization information was given
	Mark   []byte `cbor:"2,keyasint"` // AuthInfo.Mark
}

// markSize is enough to tell values of one object apart, in octets.
const markSize = 16

// Mark tells one value of authorization information from any other.
func (a AuthInfo) Mark() []byte {
	sum := sha256.Sum256(store.Encode(a))
	return sum[:markSize]
}

// None says that no authorization information is set: nothing that a client gives matches it (RFC 9154 §4.4).
func (a AuthInfo) None() bool { return len(a.Sealed)+len(a.Hash) == 0 }

// proves says whether the proof is of an object's authorization information as it is.
func (p Proof) proves(number uint64, a AuthInfo) bool {
	return p.Number == number && !a.None() && bytes.Equal(p.Mark, a.Mark())
}
