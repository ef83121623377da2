package epp

import (
	"cmp"

	"quorate/epp/xmltree"
	"quorate/fsm"
	"quorate/fsm/registry"
)

// parseDomainCheck reads <domain:check> (RFC 5731 §3.1.1).
func parseDomainCheck(_ *session, e *xmltree.Element) (action, *registry.Failure) {
	return parseCheck(e, "name",
		func(x *schema, e *xmltree.Element) string { return lower(x.Label(e)) },
		func(name string) string { return cmp.Or(nameProblem(name), registrable(name)) },
		func(v fsm.View, name string) registry.Availability { return v.CheckDomain(name) })
}
