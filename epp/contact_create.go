package epp

import (
	"quorate/epp/xmltree"
	"quorate/fsm/registry"
)

// parseContactCreate reads <contact:create> (RFC 5733 §3.2.1). Besides the
// registry's own refusals: 2001, 2004, 2005, 2102, 2306, 2400.
func parseContactCreate(s *session, e *xmltree.Element) (a action, fail *registry.Failure) {
	var x schema
	q := x.Sequence(e)
	var c registry.ContactCreate
	id := q.Required("id")
	c.ID = x.Identifier(id)
	if problem := contactIDProblem(c.ID); problem != "" {
		x.Refuse(registry.ParameterSyntax, id, "%s", problem)
	}
	c.Postal = x.postalInfos(q.Repeated("postalInfo", 1, 2, "type"))
	c.Voice = x.number(q.Optional("voice", "x"))
	c.Fax = x.number(q.Optional("fax", "x"))
	c.Email = x.email(q.Required("email"))
	auth := x.authInfo(q.Required("authInfo"), false)
	c.Disclose = x.disclose(q.Optional("disclose", "flag"))
	q.End()
	if fail := x.Failure(); fail != nil {
		return a, fail
	}
	if c.AuthInfo, fail = s.keep(auth); fail != nil {
		return a, fail
	}
	return action{kind: registry.KindContactCreate, body: c, reply: writeContactCreated}, nil
}

func writeContactCreated(w *writer, r registry.Result) error {
	c, err := registry.ReplyAs[registry.ContactCreated](r)
	if err != nil {
		return err
	}
	w.Raw(`<contact:creData`, contactXMLNS)
	w.Element("contact:id", c.ID)
	w.Time("contact:crDate", c.Created)
	w.Raw(`</contact:creData>`)
	return nil
}
