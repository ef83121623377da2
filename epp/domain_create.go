package epp

import (
	"quorate/epp/xmltree"
	"quorate/fsm/registry"
)

// parseDomainCreate reads <domain:create> (RFC 5731 §3.2.1). Besides the
// registry's own refusals: 2001, 2003, 2005, 2102, 2306, 2400.
func parseDomainCreate(s *session, e *xmltree.Element) (a action, fail *registry.Failure) {
	var x schema
	q := x.Sequence(e)
	var d registry.DomainCreate
	name := q.Required("name")
	d.Name = x.hostName(name)
	if problem := registrable(d.Name); problem != "" {
		x.Refuse(registry.ParameterPolicy, name, "%s", problem)
	}
	d.Months = x.period(q.Optional("period", "unit"))
	d.Hosts, d.Attributes = x.nameservers(q.Optional("ns"))
	if registrant := q.Optional("registrant"); registrant != nil {
		d.Registrant = x.Identifier(registrant)
	}
	d.Contacts = x.contacts(q.Repeated("contact", 0, 0, "type"))
	auth := x.authInfo(q.Required("authInfo"), false)
	q.End()
	if fail := x.Failure(); fail != nil {
		return a, fail
	}
	if d.AuthInfo, fail = s.keep(auth); fail != nil {
		return a, fail
	}
	return action{kind: registry.KindDomainCreate, body: d, reply: writeDomainCreated}, nil
}

func writeDomainCreated(w *writer, r registry.Result) error {
	d, err := registry.ReplyAs[registry.DomainCreated](r)
	if err != nil {
		return err
	}
	w.Raw(`<domain:creData`, domainXMLNS)
	w.Element("domain:name", d.Name)
	w.Time("domain:crDate", d.Created)
	w.Time("domain:exDate", d.Expires)
	w.Raw(`</domain:creData>`)
	return nil
}
