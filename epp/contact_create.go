package epp

import (
	"quorate/epp/xmltree"
	"quorate/fsm/registry"
)

// parseContactCreate reads <contact:create> (RFC 5733 §3.2.1). Besides the
// registry's own refusals: 2001, 2004, 2005, 2102, 2306, 2400.
func parseContactCreate(s *session, e *xmltree.Element) (a action, fail *registry.Failure) {
	var x schema
	q := x.sequence(e)
	var c registry.ContactCreate
	id := q.required("id")
	c.ID = x.identifier(id)
	if problem := contactIDProblem(c.ID); problem != "" {
		x.refuse(registry.ParameterSyntax, id, "%s", problem)
	}
	c.Postal = x.postalInfos(q.repeated("postalInfo", 1, 2, "type"))
	voice := q.optional("voice", "x")
	c.Voice = x.phone(voice)
	if voice != nil && c.Voice.Number == "" {
		x.refuse(registry.ParameterSyntax, voice, "an empty telephone number")
	}
	c.Fax = x.phone(q.optional("fax", "x"))
	c.Email = x.email(q.required("email"))
	auth := x.authInfo(q.required("authInfo"), false)
	c.Disclose = x.disclose(q.optional("disclose", "flag"))
	q.end()
	if fail := x.failure(); fail != nil {
		return a, fail
	}
	if c.AuthInfo, fail = seal(s.registry, auth); fail != nil {
		return a, fail
	}
	return action{kind: registry.KindContactCreate, body: c, reply: writeContactCreated}, nil
}

func writeContactCreated(w *writer, r registry.Result) error {
	c, err := registry.ReplyAs[registry.ContactCreated](r)
	if err != nil {
		return err
	}
	w.raw(`<contact:creData`, contactXMLNS)
	w.element("contact:id", c.ID)
	w.time("contact:crDate", c.Created)
	w.raw(`</contact:creData>`)
	return nil
}
