package epp

import (
	"quorate/epp/xmltree"
	"quorate/fsm/registry"
)

// parseDomainUpdate reads <domain:update> (RFC 5731 §3.2.5). Besides the
// registry's own refusals: 2001, 2003, 2005, 2102, 2306, 2400.
func parseDomainUpdate(s *session, e *xmltree.Element) (a action, fail *registry.Failure) {
	var x schema
	q := x.Sequence(e)
	var d registry.DomainUpdate
	d.Name = x.hostName(q.Required("name"))
	add, rem, chg := q.Optional("add"), q.Optional("rem"), q.Optional("chg")
	q.End()
	d.AddHosts, d.AddAttributes, d.AddContacts, d.AddStatuses = x.addRem(add)
	var gone []registry.HostAttribute
	d.RemoveHosts, gone, d.RemoveContacts, d.RemoveStatuses = x.addRem(rem)
	for _, a := range gone {
		d.RemoveAttributes = append(d.RemoveAttributes, a.Name) // the name is enough to know it by
	}
	var auth authInfo
	if chg != nil {
		q := x.Sequence(chg)
		if registrant := q.Optional("registrant"); registrant != nil {
			id := x.Token(registrant, 0, 16)
			d.Registrant = &id
		}
		auth = x.authInfo(q.Optional("authInfo"), true)
		q.End()
	}
	if fail := x.Failure(); fail != nil {
		return a, fail
	}
	if auth.given {
		sealed, fail := s.keep(auth)
		if fail != nil {
			return a, fail
		}
		d.AuthInfo = &sealed
	}
	empty := add == nil && rem == nil && chg == nil
	return action{kind: registry.KindDomainUpdate, body: d, needsExtension: empty}, nil
}

// addRem reads an addRemType.
func (x *schema) addRem(e *xmltree.Element) (hosts []string, attributes []registry.HostAttribute, contacts []registry.DomainContact, statuses registry.Statuses) {
	if e == nil {
		return nil, nil, nil, 0
	}
	q := x.Sequence(e)
	hosts, attributes = x.nameservers(q.Optional("ns"))
	contacts = x.contacts(q.Repeated("contact", 0, 0, "type"))
	statuses = x.statuses(q.Repeated("status", 0, 11, "s", "lang"), domainStatuses)
	q.End()
	return hosts, attributes, contacts, statuses
}
