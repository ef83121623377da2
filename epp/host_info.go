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
	}}, x.Failure()
}

// writeHost writes an infDataType.
func writeHost(v fsm.View, w *writer, h registry.Host) {
	w.Raw(`<host:infData`, hostXMLNS)
	w.Element("host:name", h.Name)
	w.Element("host:roid", v.ROID(registry.HostROID, h.Number))
	w.statuses("host", v.HostStatuses(h))
	w.addresses("host:addr", h.Addresses)
	w.Element("host:clID", clientID(h.Sponsor))
	w.Element("host:crID", clientID(h.Creator))
	w.Time("host:crDate", h.Created)
	if h.Updated != 0 && h.Updater != "" {
		w.Element("host:upID", clientID(h.Updater))
	}
	w.Time("host:upDate", h.Updated)
	w.Time("host:trDate", h.Moved)
	w.Raw(`</host:infData>`)
}

// addresses writes addrTypes.
func (w *writer) addresses(name string, all [][]byte) {
	for _, octets := range all {
		ip, _ := netip.AddrFromSlice(octets)
		family := "v6"
		if ip.Is4() {
			family = "v4"
		}
		w.Element(name+` ip="`+family+`"`, ip.String())
	}
}
