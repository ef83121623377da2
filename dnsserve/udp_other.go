//go:build !linux

package dnsserve

import "net/netip"

// openUDP opens the UDP socket of one address.
func (s *Server) openUDP(a netip.AddrPort) ([]udpSocket, netip.AddrPort, error) {
	c, bound, err := listenOnePacket(a, s.config.UDPWorkers)
	return []udpSocket{c}, bound, err
}
