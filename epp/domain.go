package epp

import (
	"quorate/epp/xmltree"
	"quorate/fsm/registry"
)

// What the commands on domains share (RFC 5731).

// domainStatuses are the values of domain:statusValueType.
const domainStatuses = registry.ClientStatuses | registry.ServerStatuses | registry.Pending | registry.Inactive | registry.OK

const domainXMLNS = ` xmlns:domain="` + nsDomain + `">`

// period reads a periodType into months; nought when there is none.
func (x *schema) period(e *xmltree.Element) (months uint16) {
	if e == nil {
		return 0
	}
	n := x.Number(e, 1, 99)
	if x.Choice(e, "unit", "", "y", "m") == "y" {
		n *= 12
	}
	return uint16(n)
}

// nameservers reads an nsType: names of host objects, or attributes. Which of them the TLD has is for the registry to say.
func (x *schema) nameservers(e *xmltree.Element) (names []string, attributes []registry.HostAttribute) {
	if e == nil {
		return nil, nil
	}
	q := x.Sequence(e)
	if q.Peek("hostAttr") {
		all := q.Repeated("hostAttr", 1, 0)
		q.End()
		for i := range all {
			attributes = append(attributes, x.hostAttr(&all[i]))
		}
		return nil, attributes
	}
	hosts := q.Repeated("hostObj", 1, 0)
	q.End()
	for i := range hosts {
		names = append(names, x.hostName(&hosts[i]))
	}
	return names, nil
}

// hostAttr reads a hostAttrType.
func (x *schema) hostAttr(e *xmltree.Element) (a registry.HostAttribute) {
	q := x.Sequence(e)
	name := q.Required("hostName")
	a.Name = x.hostName(name)
	if problem := delegable(a.Name); problem != "" {
		x.Refuse(registry.ParameterPolicy, name, "%s", problem)
	}
	a.Addresses = x.addresses(q.Repeated("hostAddr", 0, 0, "ip"))
	q.End()
	return a
}

// contacts reads contactTypes.
func (x *schema) contacts(all []xmltree.Element) (contacts []registry.DomainContact) {
	for i := range all {
		e := &all[i]
		c := registry.DomainContact{ID: x.Identifier(e)}
		if _, ok := e.Attr("type"); !ok {
			x.Refuse(registry.RequiredParameter, e, "what is the contact for: admin, billing or tech?")
		} else {
			c.Type = x.Choice(e, "type", "", "admin", "billing", "tech")
		}
		contacts = append(contacts, c)
	}
	return contacts
}
