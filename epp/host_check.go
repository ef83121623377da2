package epp

import (
	"cmp"

	"quorate/epp/xmltree"
	"quorate/fsm"
	"quorate/fsm/registry"
)

// parseHostCheck reads <host:check> (RFC 5732 §3.1.1).
func parseHostCheck(_ *session, e *xmltree.Element) (action, *registry.Failure) {
	return parseCheck(e, "name",
		func(x *schema, e *xmltree.Element) string { return lower(x.Label(e)) },
		func(name string) string { return cmp.Or(nameProblem(name), delegable(name)) },
		func(v fsm.View, name string) registry.Availability { return v.CheckHost(name) })
}
