package epp

import (
	"quorate/epp/xmltree"
	"quorate/fsm/registry"
)

// parseContactDelete reads <contact:delete> (RFC 5733 §3.2.2).
func parseContactDelete(_ *session, e *xmltree.Element) (action, *registry.Failure) {
	var x schema
	q := x.Sequence(e)
	id := x.Identifier(q.Required("id"))
	q.End()
	return action{kind: registry.KindContactDelete, body: registry.ContactDelete{ID: id}}, x.Failure()
}
