package epp

import (
	"net/netip"

	"quorate/epp/xmltree"
	"quorate/fsm"
	"quorate/fsm/registry"
)

// parseHostInfo reads <host:info> (RFC 5732 §3.1.2), which any client may send. It fails with 2001, 2005, 2303.
func parseHostInfo(_ *session, e *xmltree.Element) (action, *registry.Failure) {
	var x schema
	name := x.onlyName(e)
	return action{level: fsm.Linearizable, query: func(v fsm.View, w *writer) *registry.Failure {
		h, ok := v.Host(name)
		if !ok {
			return registry.Fail(registry.ObjectDoesNotExist, "host:name", name, "there is no such host")
		}
		writeHost(v, w, h)
		return nil
	}}, x.failure()
}

// writeHost writes an infDataType.
func writeHost(v fsm.View, w *writer, h registry.Host) {
	w.raw(`<host:infData`, hostXMLNS)
	w.element("host:name", h.Name)
	w.element("host:roid", v.ROID(registry.HostROID, h.Number))
	w.statuses("host", v.HostStatuses(h))
	for _, octets := range h.Addresses {
		ip, _ := netip.AddrFromSlice(octets)
		family := "v6"
		if ip.Is4() {
			family = "v4"
		}
		w.element(`host:addr ip="`+family+`"`, ip.String())
	}
	w.element("host:clID", clientID(h.Sponsor))
	w.element("host:crID", clientID(h.Creator))
	w.time("host:crDate", h.Created)
	if h.Updated != 0 && h.Updater != "" {
		w.element("host:upID", clientID(h.Updater))
	}
	w.time("host:upDate", h.Updated)
	w.time("host:trDate", h.Moved)
	w.raw(`</host:infData>`)
}
