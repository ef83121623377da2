package epp

import (
	"quorate/epp/xmltree"
	"quorate/fsm/registry"
)

// parseDomainDelete reads <domain:delete> (RFC 5731 §3.2.2).
func parseDomainDelete(_ *session, e *xmltree.Element) (action, *registry.Failure) {
	var x schema
	name := x.onlyName(e)
	return action{kind: registry.KindDomainDelete, body: registry.DomainDelete{Name: name}}, x.Failure()
}

// onlyName reads an element that holds just a host or domain name: sNameType.
func (x *schema) onlyName(e *xmltree.Element) string {
	q := x.Sequence(e)
	name := x.hostName(q.Required("name"))
	q.End()
	return name
}
