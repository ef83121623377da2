package epp

import (
	"quorate/epp/xmltree"
	"quorate/fsm"
	"quorate/fsm/registry"
)

// parseContactCheck reads <contact:check> (RFC 5733 §3.1.1).
func parseContactCheck(_ *session, e *xmltree.Element) (action, *registry.Failure) {
	return parseCheck(e, "id", (*schema).Identifier, contactIDProblem,
		func(v fsm.View, id string) registry.Availability { return v.CheckContact(id) })
}

// contactIDProblem says why a clIDType can't be a contact's identifier; "" if it can.
// It ends up in WHOIS and in URLs of RDAP.
func contactIDProblem(id string) string {
	for i := range len(id) {
		if id[i] <= ' ' || id[i] > '~' {
			return "Character not allowed"
		}
	}
	return ""
}
