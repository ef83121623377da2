package epp

import (
	"slices"

	"quorate/epp/xmltree"
	"quorate/fsm/registry"
)

// parseContactUpdate reads <contact:update> (RFC 5733 §3.2.5). Besides the registry's own refusals: 2001, 2003, 2004,
// 2005, 2102, 2306, 2400.
func parseContactUpdate(s *session, e *xmltree.Element) (a action, fail *registry.Failure) {
	var x schema
	q := x.Sequence(e)
	var c registry.ContactUpdate
	c.ID = x.Identifier(q.Required("id"))
	add, rem, chg := q.Optional("add"), q.Optional("rem"), q.Optional("chg")
	q.End()
	c.AddStatuses, c.RemoveStatuses = x.contactAddRem(add), x.contactAddRem(rem)
	var auth authInfo
	if chg != nil {
		auth = x.contactChange(chg, &c)
	}
	if fail := x.Failure(); fail != nil {
		return a, fail
	}
	if auth.given {
		sealed, fail := s.keep(auth)
		if fail != nil {
			return a, fail
		}
		c.AuthInfo = &sealed
	}
	empty := add == nil && rem == nil && chg == nil
	return action{kind: registry.KindContactUpdate, body: c, needsExtension: empty}, nil
}

// contactAddRem reads an addRemType. The schema wants a status in it, but stock clients send it empty.
func (x *schema) contactAddRem(e *xmltree.Element) registry.Statuses {
	if e == nil {
		return 0
	}
	q := x.Sequence(e)
	statuses := x.statuses(q.Repeated("status", 0, 7, "s", "lang"), contactStatuses)
	q.End()
	return statuses
}

// contactChange reads a chgType.
func (x *schema) contactChange(e *xmltree.Element, c *registry.ContactUpdate) (auth authInfo) {
	q := x.Sequence(e)
	infos := q.Repeated("postalInfo", 0, 2, "type")
	for i := range infos {
		p := x.postalChange(&infos[i])
		if slices.ContainsFunc(c.Postal, func(o registry.PostalChange) bool { return o.Type == p.Type }) {
			x.Refuse(registry.ParameterPolicy, &infos[i], "two addresses of the type %s", p.Type)
		}
		c.Postal = append(c.Postal, p)
	}
	if voice := q.Optional("voice", "x"); voice != nil {
		p := x.number(voice)
		c.Voice = &p
	}
	if fax := q.Optional("fax", "x"); fax != nil {
		p := x.phone(fax)
		c.Fax = &p
	}
	if email := q.Optional("email"); email != nil {
		s := x.email(email)
		c.Email = &s
	}
	auth = x.authInfo(q.Optional("authInfo"), false)
	c.Disclose = x.disclose(q.Optional("disclose", "flag"))
	q.End()
	return auth
}

// postalChange reads a chgPostalInfoType: what isn't named stays.
func (x *schema) postalChange(e *xmltree.Element) (p registry.PostalChange) {
	p.Type = x.Choice(e, "type", "", "loc", "int")
	q := x.Sequence(e)
	if name := q.Optional("name"); name != nil {
		s := x.postalLine(name, 1)
		p.Name = &s
	}
	if org := q.Optional("org"); org != nil {
		s := x.postalLine(org, 0)
		p.Org = &s
	}
	if addr := q.Optional("addr"); addr != nil {
		var a registry.PostalInfo
		x.address(addr, &a)
		p.Address = &registry.PostalAddress{Street: a.Street, City: a.City, Province: a.Province, PostalCode: a.PostalCode, Country: a.Country}
	}
	q.End()
	if p.Type == "int" {
		x.internationalized(e)
	}
	return p
}
