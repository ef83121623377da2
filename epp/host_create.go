package epp

import (
	"quorate/epp/xmltree"
	"quorate/fsm/registry"
)

// parseHostCreate reads <host:create> (RFC 5732 §3.2.1). Besides the registry's own refusals: 2001, 2005, 2306.
func parseHostCreate(_ *session, e *xmltree.Element) (action, *registry.Failure) {
	var x schema
	q := x.sequence(e)
	var h registry.HostCreate
	name := q.required("name")
	h.Name = x.hostName(name)
	if problem := delegable(h.Name); problem != "" {
		x.refuse(registry.ParameterPolicy, name, "%s", problem)
	}
	h.Addresses = x.addresses(q.repeated("addr", 0, 0, "ip"))
	q.end()
	return action{kind: registry.KindHostCreate, body: h, reply: writeHostCreated}, x.failure()
}

func writeHostCreated(w *writer, r registry.Result) error {
	h, err := registry.ReplyAs[registry.HostCreated](r)
	if err != nil {
		return err
	}
	w.raw(`<host:creData`, hostXMLNS)
	w.element("host:name", h.Name)
	w.time("host:crDate", h.Created)
	w.raw(`</host:creData>`)
	return nil
}
