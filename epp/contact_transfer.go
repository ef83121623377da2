package epp

import (
	"quorate/epp/xmltree"
	"quorate/fsm"
	"quorate/fsm/registry"
)

// contactTransfer is an authIDType (RFC 5733 §3.2.4).
type contactTransfer struct {
	id   string
	auth authInfo
}

func (x *schema) contactTransfer(e *xmltree.Element) (t contactTransfer) {
	q := x.Sequence(e)
	t.id = x.Identifier(q.Required("id"))
	t.auth = x.authInfo(q.Optional("authInfo"), false)
	q.End()
	return t
}

// contactProof verifies authInfo given for a contact that must exist, and says against what it was verified.
func (s *session) contactProof(v fsm.View, t contactTransfer) (registry.Proof, *registry.Failure) {
	c, ok := v.Contact(t.id)
	if !ok {
		return registry.Proof{}, registry.Fail(registry.ObjectDoesNotExist, "contact:id", t.id, "there is no such contact")
	}
	return proof(c.Number, c.AuthInfo), s.checkContactAuthInfo(v, c, t.auth)
}

// parseContactTransferRequest reads <contact:transfer> with op="request". Besides the
// registry's own refusals: 2001, 2003, 2102, 2202, 2303, 2306, 2400.
func parseContactTransferRequest(s *session, e *xmltree.Element) (action, *registry.Failure) {
	var x schema
	t := x.contactTransfer(e)
	x.requireAuthInfo(e, t.auth)
	return action{
		kind: registry.KindContactTransfer, body: registry.ContactTransfer{ID: t.id}, reply: writeTransferred(registry.ContactROID),
		prepare: func(v fsm.View, body any) (any, *registry.Failure) {
			c := body.(registry.ContactTransfer)
			var fail *registry.Failure
			c.Proof, fail = s.contactProof(v, t)
			return c, fail
		},
	}, x.Failure()
}

// parseContactTransferEnd reads <contact:transfer> with op="approve", "reject" or "cancel". Besides the
// registry's own refusals: 2001, 2102, 2202, 2306, 2400.
func parseContactTransferEnd(op registry.TransferOp) parser {
	return func(s *session, e *xmltree.Element) (action, *registry.Failure) {
		var x schema
		t := x.contactTransfer(e)
		return action{
			kind: registry.KindContactTransferEnd, body: registry.ContactTransferEnd{ID: t.id, Op: op}, reply: writeTransferred(registry.ContactROID),
			prepare: t.auth.verifiedBy(func(v fsm.View) *registry.Failure {
				_, fail := s.contactProof(v, t)
				return fail
			}),
		}, x.Failure()
	}
}

// parseContactTransferQuery reads <contact:transfer> with op="query" (RFC 5733 §3.1.3). It fails with 2001, 2102, 2201, 2202, 2301, 2303, 2306, 2400.
func parseContactTransferQuery(s *session, e *xmltree.Element) (action, *registry.Failure) {
	var x schema
	t := x.contactTransfer(e)
	return action{level: fsm.Linearizable, query: func(v fsm.View, w *writer) *registry.Failure {
		c, ok := v.Contact(t.id)
		if !ok {
			return registry.Fail(registry.ObjectDoesNotExist, "contact:id", t.id, "there is no such contact")
		}
		if t.auth.given {
			if fail := s.checkContactAuthInfo(v, c, t.auth); fail != nil {
				return fail
			}
		}
		if fail := s.mayQueryTransfer(&c.Object, c.Transfer, t.auth.given, "contact:id", t.id); fail != nil {
			return fail
		}
		w.transfer(registry.ContactROID, c.ID, *c.Transfer)
		return nil
	}}, x.Failure()
}
