package epp

import (
	"quorate/epp/xmltree"
	"quorate/fsm/registry"
)

// parseHostUpdate reads <host:update> (RFC 5732 §3.2.5). Besides the registry's own refusals: 2001, 2003, 2005, 2306.
func parseHostUpdate(_ *session, e *xmltree.Element) (action, *registry.Failure) {
	var x schema
	q := x.Sequence(e)
	var h registry.HostUpdate
	h.Name = x.hostName(q.Required("name"))
	add, rem, chg := q.Optional("add"), q.Optional("rem"), q.Optional("chg")
	q.End()
	h.AddAddresses, h.AddStatuses = x.hostAddRem(add)
	h.RemoveAddresses, h.RemoveStatuses = x.hostAddRem(rem)
	// A name is all that can be changed. Clients that change none send the element empty all the same.
	if chg != nil && len(chg.Children) > 0 {
		q := x.Sequence(chg)
		name := q.Required("name")
		q.End()
		h.NewName = x.hostName(name)
		if problem := delegable(h.NewName); problem != "" {
			x.Refuse(registry.ParameterPolicy, name, "%s", problem)
		}
	}
	empty := add == nil && rem == nil && chg == nil
	return action{kind: registry.KindHostUpdate, body: h, needsExtension: empty}, x.Failure()
}

// hostAddRem reads an addRemType.
func (x *schema) hostAddRem(e *xmltree.Element) (addresses [][]byte, statuses registry.Statuses) {
	if e == nil {
		return nil, 0
	}
	q := x.Sequence(e)
	addresses = x.addresses(q.Repeated("addr", 0, 0, "ip"))
	statuses = x.statuses(q.Repeated("status", 0, 7, "s", "lang"), hostStatuses)
	q.End()
	return addresses, statuses
}
