package epp

import (
	"quorate/epp/xmltree"
	"quorate/fsm"
	"quorate/fsm/registry"
)

// What the transfers of domains and contacts share (RFC 5730 §2.9.2.4 and §2.9.3.4).

// transfer appends a trnDataType.
func (w *writer) transfer(of byte, object string, t registry.Transfer) {
	prefix, end := w.object(of, "trnData", "", object)
	w.Element(prefix+":trStatus", t.Status.String())
	w.Element(prefix+":reID", clientID(t.Requester))
	w.Time(prefix+":reDate", t.Requested)
	w.Element(prefix+":acID", clientID(t.Actor()))
	w.Time(prefix+":acDate", t.Acts)
	w.Time(prefix+":exDate", t.Expires)
	w.Raw(end)
}

// writeTransferred answers a command that requested or ended a transfer.
func writeTransferred(of byte) func(w *writer, r registry.Result) error {
	return func(w *writer, r registry.Result) error {
		t, err := registry.ReplyAs[registry.Transferred](r)
		if err != nil {
			return err
		}
		w.transfer(of, t.Object, t.Transfer)
		return nil
	}
}

// requireAuthInfo wants the authorization information without which there is no request (RFC 5730 §2.9.3.4).
func (x *schema) requireAuthInfo(e *xmltree.Element, auth authInfo) {
	if !auth.given {
		x.Refuse(registry.RequiredParameter, e, "a transfer is requested with the object's authorization information")
	}
}

// mayQueryTransfer lets those ask about a transfer whom it concerns, and who has the
// authorization information (RFC 5730 §2.9.2.4). It fails with 2201, 2301.
func (s *session) mayQueryTransfer(o *registry.Object, t *registry.Transfer, proven bool, element, value string) *registry.Failure {
	if !proven && o.Sponsor != s.registrar && (t == nil || !t.Involves(s.registrar)) {
		return registry.Fail(registry.AuthorizationError, element, value, "the transfer is between other registrars")
	}
	if t == nil {
		return registry.Fail(registry.NotPendingTransfer, element, value, "nobody has requested to transfer the object")
	}
	return nil
}

// proof is what a request's authorization information was verified against.
func proof(number uint64, a registry.AuthInfo) registry.Proof {
	return registry.Proof{Number: number, Mark: a.Mark()}
}

// verifiedBy is how a command prepares to which authInfo is optional: by verifying it if it was given.
func (a authInfo) verifiedBy(verify func(v fsm.View) *registry.Failure) func(fsm.View, any) (any, *registry.Failure) {
	if !a.given {
		return nil
	}
	return func(v fsm.View, body any) (any, *registry.Failure) { return body, verify(v) }
}
