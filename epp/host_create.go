package epp

import (
	"quorate/epp/xmltree"
	"quorate/fsm/registry"
)

// parseHostCreate reads <host:create> (RFC 5732 §3.2.1). Besides the registry's own refusals: 2001, 2005, 2306.
func parseHostCreate(_ *session, e *xmltree.Element) (action, *registry.Failure) {
	var x schema
	q := x.Sequence(e)
	var h registry.HostCreate
	name := q.Required("name")
	h.Name = x.hostName(name)
	if problem := delegable(h.Name); problem != "" {
		x.Refuse(registry.ParameterPolicy, name, "%s", problem)
	}
	h.Addresses = x.addresses(q.Repeated("addr", 0, 0, "ip"))
	q.End()
	return action{kind: registry.KindHostCreate, body: h, reply: writeHostCreated}, x.Failure()
}

func writeHostCreated(w *writer, r registry.Result) error {
	h, err := registry.ReplyAs[registry.HostCreated](r)
	if err != nil {
		return err
	}
	w.Raw(`<host:creData`, hostXMLNS)
	w.Element("host:name", h.Name)
	w.Time("host:crDate", h.Created)
	w.Raw(`</host:creData>`)
	return nil
}
