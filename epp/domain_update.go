package epp

import (
	"quorate/epp/xmltree"
	"quorate/fsm/registry"
)

// parseDomainUpdate reads <domain:update> (RFC 5731 §3.2.5). Besides the
// registry's own refusals: 2001, 2003, 2005, 2102, 2306, 2400.
func parseDomainUpdate(s *session, e *xmltree.Element) (a action, fail *registry.Failure) {
	var x schema
	q := x.sequence(e)
	var d registry.DomainUpdate
	d.Name = x.hostName(q.required("name"))
	add, rem, chg := q.optional("add"), q.optional("rem"), q.optional("chg")
	q.end()
	d.AddHosts, d.AddContacts, d.AddStatuses = x.addRem(add)
	d.RemoveHosts, d.RemoveContacts, d.RemoveStatuses = x.addRem(rem)
	var auth authInfo
	if chg != nil {
		q := x.sequence(chg)
		if registrant := q.optional("registrant"); registrant != nil {
			id := x.token(registrant, 0, 16)
			d.Registrant = &id
		}
		auth = x.authInfo(q.optional("authInfo"), true)
		q.end()
	}
	if fail := x.failure(); fail != nil {
		return a, fail
	}
	if auth.given {
		sealed, fail := seal(s.registry, auth)
		if fail != nil {
			return a, fail
		}
		d.AuthInfo = &sealed
	}
	empty := add == nil && rem == nil && chg == nil
	return action{kind: registry.KindDomainUpdate, body: d, needsExtension: empty}, nil
}

// addRem reads an addRemType.
func (x *schema) addRem(e *xmltree.Element) (hosts []string, contacts []registry.DomainContact, statuses registry.Statuses) {
	if e == nil {
		return nil, nil, 0
	}
	q := x.sequence(e)
	hosts = x.nameservers(q.optional("ns"))
	contacts = x.contacts(q.repeated("contact", 0, 0, "type"))
	statuses = x.statuses(q.repeated("status", 0, 11, "s", "lang"), domainStatuses)
	q.end()
	return hosts, contacts, statuses
}
