package epp

import (
	"slices"

	"quorate/epp/xmltree"
	"quorate/fsm"
	"quorate/fsm/registry"
)

// parseDomainInfo reads <domain:info> (RFC 5731 §3.1.2). It fails with 2001, 2005, 2102, 2202, 2303.
func parseDomainInfo(s *session, e *xmltree.Element) (action, *registry.Failure) {
	var x schema
	q := x.Sequence(e)
	element := q.Required("name", "hosts")
	name := x.hostName(element)
	hosts := x.Choice(element, "hosts", "all", "all", "del", "none", "sub")
	auth := x.authInfo(q.Optional("authInfo"), false)
	q.End()
	return action{level: fsm.Linearizable, query: func(v fsm.View, w *writer) *registry.Failure {
		d, ok := v.Domain(name)
		if !ok {
			return registry.Fail(registry.ObjectDoesNotExist, "domain:name", name, "there is no such domain")
		}
		if auth.given {
			if fail := s.checkDomainAuthInfo(v, d, auth); fail != nil {
				return fail
			}
		}
		return s.writeDomain(v, w, d, hosts, auth.given || d.Sponsor == s.registrar)
	}}, x.Failure()
}

// checkDomainAuthInfo checks authInfo given for a domain.
func (s *session) checkDomainAuthInfo(v fsm.View, d registry.Domain, given authInfo) *registry.Failure {
	_, kept, fail := s.domainAuthInfo(v, d, given)
	if fail != nil {
		return fail
	}
	return s.checkAuthInfo(kept, given, "domain:pw")
}

// domainAuthInfo is what authInfo given for a domain is to be compared with, and the number of the object that it belongs to:
// the domain or, with a roid, its registrant or one of its contacts (RFC 5731 §3.1.2).
func (s *session) domainAuthInfo(v fsm.View, d registry.Domain, given authInfo) (number uint64, kept registry.AuthInfo, fail *registry.Failure) {
	if given.roid == "" || given.roid == v.ROID(registry.DomainROID, d.Number) {
		return d.Number, d.AuthInfo, nil
	}
	ids := []string{d.Registrant}
	for _, c := range d.Contacts {
		ids = append(ids, c.ID)
	}
	for _, id := range ids {
		if c, ok := v.Contact(id); ok && v.ROID(registry.ContactROID, c.Number) == given.roid {
			return c.Number, c.AuthInfo, nil
		}
	}
	return 0, kept, registry.Fail(registry.InvalidAuthInfo, "domain:pw", "", "%s is no contact of the domain", given.roid)
}

// writeDomain writes an infDataType; with authInfo if all may be shown.
func (s *session) writeDomain(v fsm.View, w *writer, d registry.Domain, hosts string, all bool) *registry.Failure {
	w.subject = d
	w.Raw(`<domain:infData`, domainXMLNS)
	w.Element("domain:name", d.Name)
	w.Element("domain:roid", v.ROID(registry.DomainROID, d.Number))
	w.statuses("domain", v.DomainStatuses(d))
	w.Optional("domain:registrant", d.Registrant)
	for _, c := range d.Contacts {
		w.Element(`domain:contact type="`+c.Type+`"`, c.ID)
	}
	if hosts == "all" || hosts == "del" {
		w.nameservers(v, d)
	}
	if hosts == "all" || hosts == "sub" {
		for _, name := range v.Subordinates(d.Name) {
			w.Element("domain:host", name)
		}
	}
	w.Element("domain:clID", clientID(d.Sponsor))
	w.Element("domain:crID", clientID(d.Creator))
	w.Time("domain:crDate", d.Created)
	if d.Updated != 0 && d.Updater != "" {
		w.Element("domain:upID", clientID(d.Updater))
	}
	w.Time("domain:upDate", d.Updated)
	w.Time("domain:exDate", d.Expires)
	w.Time("domain:trDate", d.Moved)
	if all {
		if fail := s.writeAuthInfo(w, "domain", d.AuthInfo, d.Sponsor); fail != nil {
			return fail
		}
	}
	w.Raw(`</domain:infData>`)
	return nil
}

// nameservers writes an nsType, if the domain is delegated.
func (w *writer) nameservers(v fsm.View, d registry.Domain) {
	names := v.HostNames(d)
	if len(names) == 0 {
		return
	}
	w.Raw(`<domain:ns>`)
	if len(d.Attributes) > 0 {
		for _, a := range d.Attributes {
			w.Raw(`<domain:hostAttr>`)
			w.Element("domain:hostName", a.Name)
			w.addresses("domain:hostAddr", a.Addresses)
			w.Raw(`</domain:hostAttr>`)
		}
	} else {
		slices.Sort(names)
		for _, name := range names {
			w.Element("domain:hostObj", name)
		}
	}
	w.Raw(`</domain:ns>`)
}

// statuses writes an object's status values.
func (w *writer) statuses(prefix string, set registry.Statuses) {
	for _, name := range set.Names() {
		w.Raw(`<`, prefix, `:status s="`, name, `"/>`)
	}
}

// clientID is who did something, as a clIDType. Operators and nodes have names
// of any length and are no clients; where one doesn't fit it is the registry that acted.
func clientID(actor string) string {
	if len(actor) < 3 || len(actor) > 16 {
		return "registry"
	}
	return actor
}
