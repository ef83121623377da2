package epp

import (
	"net/netip"

	"quorate/epp/xmltree"
	"quorate/fsm/registry"
)

// What the commands on hosts share (RFC 5732).

// hostStatuses are the values of host:statusValueType.
const hostStatuses = registry.HostSettable | registry.Linked | registry.OK |
	registry.PendingCreate | registry.PendingDelete | registry.PendingTransfer | registry.PendingUpdate

const hostXMLNS = ` xmlns:host="` + nsHost + `">`

// addresses reads addrTypes into 4 or 16 octets each.
func (x *schema) addresses(all []xmltree.Element) (octets [][]byte) {
	for i := range all {
		e := &all[i]
		text := x.Token(e, 3, 45)
		family := x.Choice(e, "ip", "v4", "v4", "v6")
		ip, err := netip.ParseAddr(text)
		switch {
		case err != nil || ip.Zone() != "" || ip.Is4() != (family == "v4"):
			x.Refuse(registry.ParameterSyntax, e, "not an IP%s address", family)
		case !servable(ip):
			x.Refuse(registry.ParameterPolicy, e, "nobody can reach a name server at this address")
		default:
			octets = append(octets, ip.AsSlice())
		}
	}
	return octets
}

// thisNetwork is the block that is no destination (RFC 6890 §2.2.2).
var thisNetwork = netip.MustParsePrefix("0.0.0.0/8")

// servable says whether a name server could be reached at ip at all. Private
// and documentation addresses are not refused: closed networks have registries too.
func servable(ip netip.Addr) bool {
	return !ip.IsUnspecified() && !ip.IsLoopback() && !ip.IsMulticast() && !ip.IsLinkLocalUnicast() &&
		!ip.Is4In6() && !thisNetwork.Contains(ip) && ip != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}
