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
	n := x.number(e, 1, 99)
	if x.choice(e, "unit", "", "y", "m") == "y" {
		n *= 12
	}
	return uint16(n)
}

// number is e's text as a whole number from min to max (XML Schema's unsignedShort).
func (x *schema) number(e *xmltree.Element, min, max int) (n int) {
	s := xmltree.Collapse(x.text(e))
	if s != "" && s[0] == '+' {
		s = s[1:]
	}
	if s == "" || len(s) > 8 {
		x.violate(e, "not a number")
		return 0
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			x.violate(e, "not a number")
			return 0
		}
		n = 10*n + int(s[i]-'0')
	}
	if n < min || n > max {
		x.violate(e, "not from %d to %d", min, max)
	}
	return n
}

// nameservers reads an nsType. Name servers are host objects here.
func (x *schema) nameservers(e *xmltree.Element) (names []string) {
	if e == nil {
		return nil
	}
	q := x.sequence(e)
	if q.peek("hostAttr") {
		attrs := q.repeated("hostAttr", 1, 0)
		q.end()
		for i := range attrs {
			x.hostAttr(&attrs[i])
		}
		x.refuse(registry.ParameterPolicy, &attrs[0], "name servers are host objects here, not attributes")
		return nil
	}
	hosts := q.repeated("hostObj", 1, 0)
	q.end()
	for i := range hosts {
		names = append(names, x.hostName(&hosts[i]))
	}
	return names
}

// hostAttr checks a hostAttrType.
func (x *schema) hostAttr(e *xmltree.Element) {
	q := x.sequence(e)
	x.label(q.required("hostName"))
	addresses := q.repeated("hostAddr", 0, 0, "ip")
	q.end()
	for i := range addresses {
		x.token(&addresses[i], 3, 45)
		x.choice(&addresses[i], "ip", "v4", "v4", "v6")
	}
}

// contacts reads contactTypes.
func (x *schema) contacts(all []xmltree.Element) (contacts []registry.DomainContact) {
	for i := range all {
		e := &all[i]
		c := registry.DomainContact{ID: x.identifier(e)}
		if _, ok := e.Attr("type"); !ok {
			x.refuse(registry.RequiredParameter, e, "what is the contact for: admin, billing or tech?")
		} else {
			c.Type = x.choice(e, "type", "", "admin", "billing", "tech")
		}
		contacts = append(contacts, c)
	}
	return contacts
}
