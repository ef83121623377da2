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
	q := x.sequence(e)
	id := x.identifier(q.required("id"))
	auth := x.authInfo(q.optional("authInfo"), false)
	q.end()
	return action{level: fsm.Linearizable, query: func(v fsm.View, w *writer) *registry.Failure {
		c, ok := v.Contact(id)
		if !ok {
			return registry.Fail(registry.ObjectDoesNotExist, "contact:id", id, "there is no such contact")
		}
		switch {
		case auth.given:
			if auth.roid != "" && auth.roid != v.ROID(registry.ContactROID, c.Number) {
				return registry.Fail(registry.InvalidAuthInfo, "contact:pw", "", "%s is not this contact", auth.roid)
			}
			if fail := s.checkAuthInfo(c.AuthInfo, auth, "contact:pw"); fail != nil {
				return fail
			}
		case c.Sponsor != s.registrar:
			return registry.Fail(registry.AuthorizationError, "contact:id", id, "the contact is sponsored by another registrar")
		}
		return s.writeContact(v, w, c)
	}}, x.failure()
}

// writeContact writes an infDataType.
func (s *session) writeContact(v fsm.View, w *writer, c registry.Contact) *registry.Failure {
	w.raw(`<contact:infData`, contactXMLNS)
	w.element("contact:id", c.ID)
	w.element("contact:roid", v.ROID(registry.ContactROID, c.Number))
	w.statuses("contact", v.ContactStatuses(c))
	for _, p := range c.Postal {
		w.postalInfo(p)
	}
	w.phone("contact:voice", c.Voice)
	w.phone("contact:fax", c.Fax)
	w.element("contact:email", c.Email)
	w.element("contact:clID", clientID(c.Sponsor))
	w.element("contact:crID", clientID(c.Creator))
	w.time("contact:crDate", c.Created)
	if c.Updated != 0 && c.Updater != "" {
		w.element("contact:upID", clientID(c.Updater))
	}
	w.time("contact:upDate", c.Updated)
	w.time("contact:trDate", c.Moved)
	if fail := s.writeAuthInfo(w, "contact", c.AuthInfo); fail != nil {
		return fail
	}
	w.disclose(c.Disclose)
	w.raw(`</contact:infData>`)
	return nil
}

func (w *writer) postalInfo(p registry.PostalInfo) {
	w.raw(`<contact:postalInfo type="`, p.Type, `">`)
	w.element("contact:name", p.Name)
	w.optional("contact:org", p.Org)
	w.raw(`<contact:addr>`)
	for _, street := range p.Street {
		w.element("contact:street", street)
	}
	w.element("contact:city", p.City)
	w.optional("contact:sp", p.Province)
	w.optional("contact:pc", p.PostalCode)
	w.element("contact:cc", p.Country)
	w.raw(`</contact:addr></contact:postalInfo>`)
}

func (w *writer) phone(name string, p registry.Phone) {
	if p.Number == "" {
		return
	}
	w.raw(`<`, name)
	if p.Extension != "" {
		w.raw(` x="`)
		w.text(p.Extension)
		w.raw(`"`)
	}
	w.raw(`>`)
	w.text(p.Number)
	w.raw(`</`, name, `>`)
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
	w.raw(`<contact:disclose flag="`, flag, `">`)
	for _, e := range d.Elements {
		name, form, typed := strings.Cut(e, ":")
		w.raw(`<contact:`, name)
		if typed {
			w.raw(` type="`, form, `"`)
		}
		w.raw(`/>`)
	}
	w.raw(`</contact:disclose>`)
}
