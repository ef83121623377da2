package epp

import (
	"quorate/epp/xmltree"
	"quorate/fsm"
	"quorate/fsm/registry"
)

// domainTransfer is a transferType (RFC 5731 §3.2.4).
type domainTransfer struct {
	name   string
	months uint16
	auth   authInfo
}

func (x *schema) domainTransfer(e *xmltree.Element) (t domainTransfer) {
	q := x.Sequence(e)
	t.name = x.hostName(q.Required("name"))
	t.months = x.period(q.Optional("period", "unit"))
	t.auth = x.authInfo(q.Optional("authInfo"), false)
	q.End()
	return t
}

// domainProof verifies authInfo given for a domain that must exist, and says against what it was verified.
func (s *session) domainProof(v fsm.View, name string, auth authInfo) (registry.Proof, *registry.Failure) {
	d, ok := v.Domain(name)
	if !ok {
		return registry.Proof{}, registry.Fail(registry.ObjectDoesNotExist, "domain:name", name, "there is no such domain")
	}
	number, kept, fail := s.domainAuthInfo(v, d, auth)
	if fail == nil {
		fail = s.checkAuthInfo(kept, auth, "domain:pw")
	}
	return proof(number, kept), fail
}

// parseDomainTransferRequest reads <domain:transfer> with op="request". Besides the
// registry's own refusals: 2001, 2003, 2005, 2102, 2202, 2303, 2306, 2400.
func parseDomainTransferRequest(s *session, e *xmltree.Element) (action, *registry.Failure) {
	var x schema
	t := x.domainTransfer(e)
	x.requireAuthInfo(e, t.auth)
	return action{
		kind: registry.KindDomainTransfer, body: registry.DomainTransfer{Name: t.name, Months: t.months}, reply: writeTransferred(registry.DomainROID),
		prepare: func(v fsm.View, body any) (any, *registry.Failure) {
			d := body.(registry.DomainTransfer)
			var fail *registry.Failure
			d.Proof, fail = s.domainProof(v, t.name, t.auth)
			return d, fail
		},
	}, x.Failure()
}

// parseDomainTransferEnd reads <domain:transfer> with op="approve", "reject" or "cancel", where a
// period is of no account (RFC 5731 §3.2.4). Besides the registry's own refusals: 2001, 2005, 2102, 2202, 2306, 2400.
func parseDomainTransferEnd(op registry.TransferOp) parser {
	return func(s *session, e *xmltree.Element) (action, *registry.Failure) {
		var x schema
		t := x.domainTransfer(e)
		return action{
			kind: registry.KindDomainTransferEnd, body: registry.DomainTransferEnd{Name: t.name, Op: op}, reply: writeTransferred(registry.DomainROID),
			prepare: t.auth.verifiedBy(func(v fsm.View) *registry.Failure {
				_, fail := s.domainProof(v, t.name, t.auth)
				return fail
			}),
		}, x.Failure()
	}
}

// parseDomainTransferQuery reads <domain:transfer> with op="query" (RFC 5731 §3.1.3). It fails with 2001, 2005, 2102, 2201, 2202, 2301, 2303, 2306.
func parseDomainTransferQuery(s *session, e *xmltree.Element) (action, *registry.Failure) {
	var x schema
	t := x.domainTransfer(e)
	return action{level: fsm.Linearizable, query: func(v fsm.View, w *writer) *registry.Failure {
		d, ok := v.Domain(t.name)
		if !ok {
			return registry.Fail(registry.ObjectDoesNotExist, "domain:name", t.name, "there is no such domain")
		}
		if t.auth.given {
			if fail := s.checkDomainAuthInfo(v, d, t.auth); fail != nil {
				return fail
			}
		}
		if fail := s.mayQueryTransfer(&d.Object, d.Transfer, t.auth.given, "domain:name", t.name); fail != nil {
			return fail
		}
		w.transfer(registry.DomainROID, d.Name, *d.Transfer)
		return nil
	}}, x.Failure()
}
