package epp

import (
	"strings"

	"quorate/epp/xmltree"
	"quorate/fsm"
	"quorate/fsm/registry"
)

// parseContactInfo reads <contact:info> (RFC 5733 §3.1.2). Contacts are
// personal data: only their sponsor sees them, or who has the authInfo. It
// fails with 2001, 2102, 2201, 2202, 2303.
func parseContactInfo(s *session, e *xmltree.Element) (action, *registry.Failure) {
	var x schema
	q := x.Sequence(e)
	id := x.Identifier(q.Required("id"))
	auth := x.authInfo(q.Optional("authInfo"), false)
	q.End()
	return action{level: fsm.Linearizable, query: func(v fsm.View, w *writer) *registry.Failure {
		c, ok := v.Contact(id)
		if !ok {
			return registry.Fail(registry.ObjectDoesNotExist, "contact:id", id, "there is no such contact")
		}
		switch {
		case auth.given:
			if fail := s.checkContactAuthInfo(v, c, auth); fail != nil {
				return fail
			}
		case c.Sponsor != s.registrar:
			return registry.Fail(registry.AuthorizationError, "contact:id", id, "the contact is sponsored by another registrar")
		}
		return s.writeContact(v, w, c)
	}}, x.Failure()
}

// checkContactAuthInfo checks authInfo given for a contact.
func (s *session) checkContactAuthInfo(v fsm.View, c registry.Contact, given authInfo) *registry.Failure {
	if given.roid != "" && given.roid != v.ROID(registry.ContactROID, c.Number) {
		return registry.Fail(registry.InvalidAuthInfo, "contact:pw", "", "%s is not this contact", given.roid)
	}
	return s.checkAuthInfo(c.AuthInfo, given, "contact:pw")
}

// writeContact writes an infDataType.
func (s *session) writeContact(v fsm.View, w *writer, c registry.Contact) *registry.Failure {
	w.Raw(`<contact:infData`, contactXMLNS)
	w.Element("contact:id", c.ID)
	w.Element("contact:roid", v.ROID(registry.ContactROID, c.Number))
	w.statuses("contact", v.ContactStatuses(c))
	for _, p := range c.Postal {
		w.postalInfo(p)
	}
	w.phone("contact:voice", c.Voice)
	w.phone("contact:fax", c.Fax)
	w.Element("contact:email", c.Email)
	w.Element("contact:clID", clientID(c.Sponsor))
	w.Element("contact:crID", clientID(c.Creator))
	w.Time("contact:crDate", c.Created)
	if c.Updated != 0 && c.Updater != "" {
		w.Element("contact:upID", clientID(c.Updater))
	}
	w.Time("contact:upDate", c.Updated)
	w.Time("contact:trDate", c.Moved)
	if fail := s.writeAuthInfo(w, "contact", c.AuthInfo, c.Sponsor); fail != nil {
		return fail
	}
	w.disclose(c.Disclose)
	w.Raw(`</contact:infData>`)
	return nil
}

func (w *writer) postalInfo(p registry.PostalInfo) {
	w.Raw(`<contact:postalInfo type="`, p.Type, `">`)
	w.Element("contact:name", p.Name)
	w.Optional("contact:org", p.Org)
	w.Raw(`<contact:addr>`)
	for _, street := range p.Street {
		w.Element("contact:street", street)
	}
	w.Element("contact:city", p.City)
	w.Optional("contact:sp", p.Province)
	w.Optional("contact:pc", p.PostalCode)
	w.Element("contact:cc", p.Country)
	w.Raw(`</contact:addr></contact:postalInfo>`)
}

func (w *writer) phone(name string, p registry.Phone) {
	if p.Number == "" {
		return
	}
	w.Raw(`<`, name)
	if p.Extension != "" {
		w.Raw(` x="`)
		w.Text(p.Extension)
		w.Raw(`"`)
	}
	w.Raw(`>`)
	w.Text(p.Number)
	w.Raw(`</`, name, `>`)
}

// disclose writes a discloseType, in the order in which it was read, which is the schema's.
func (w *writer) disclose(d *registry.Disclose) {
	if d == nil {
		return
	}
	flag := "0"
	if d.Flag {
		flag = "1"
	}
	w.Raw(`<contact:disclose flag="`, flag, `">`)
	for _, e := range d.Elements {
		name, form, typed := strings.Cut(e, ":")
		w.Raw(`<contact:`, name)
		if typed {
			w.Raw(` type="`, form, `"`)
		}
		w.Raw(`/>`)
	}
	w.Raw(`</contact:disclose>`)
}
