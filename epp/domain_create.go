package epp

import (
	"quorate/epp/xmltree"
	"quorate/fsm/registry"
)

// parseDomainCreate reads <domain:create> (RFC 5731 §3.2.1). Besides the
// registry's own refusals: 2001, 2003, 2005, 2102, 2306, 2400.
func parseDomainCreate(s *session, e *xmltree.Element) (a action, fail *registry.Failure) {
	var x schema
	q := x.sequence(e)
	var d registry.DomainCreate
	name := q.required("name")
	d.Name = x.hostName(name)
	if problem := registrable(d.Name); problem != "" {
		x.refuse(registry.ParameterPolicy, name, "%s", problem)
	}
	d.Months = x.period(q.optional("period", "unit"))
	d.Hosts = x.nameservers(q.optional("ns"))
	if registrant := q.optional("registrant"); registrant != nil {
		d.Registrant = x.identifier(registrant)
	}
	d.Contacts = x.contacts(q.repeated("contact", 0, 0, "type"))
	auth := x.authInfo(q.required("authInfo"), false)
	q.end()
	if fail := x.failure(); fail != nil {
		return a, fail
	}
	if d.AuthInfo, fail = seal(s.registry, auth); fail != nil {
		return a, fail
	}
	return action{kind: registry.KindDomainCreate, body: d, reply: writeDomainCreated}, nil
}

func writeDomainCreated(w *writer, r registry.Result) error {
	d, err := registry.ReplyAs[registry.DomainCreated](r)
	if err != nil {
		return err
	}
	w.raw(`<domain:creData`, domainXMLNS)
	w.element("domain:name", d.Name)
	w.time("domain:crDate", d.Created)
	w.time("domain:exDate", d.Expires)
	w.raw(`</domain:creData>`)
	return nil
}
