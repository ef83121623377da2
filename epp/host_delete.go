package epp

import (
	"quorate/epp/xmltree"
	"quorate/fsm/registry"
)

// parseHostDelete reads <host:delete> (RFC 5732 §3.2.2).
func parseHostDelete(_ *session, e *xmltree.Element) (action, *registry.Failure) {
	var x schema
	name := x.onlyName(e)
	return action{kind: registry.KindHostDelete, body: registry.HostDelete{Name: name}}, x.Failure()
}
