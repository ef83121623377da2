// Package wan emulates the wide area between sites: UDP relays in user space
// that delay, jitter, lose, duplicate, reorder and throttle packets, and cut
// sites off from each other. It needs no privileges and nothing of the kernel.
//
// A node's address for a peer (`dial` in its configuration) is a relay made for
// that pair, from site to peer. What enters the relay there travels along the
// direction from→to; the answers travel along to→from. There is one direction
// for each ordered pair of sites, whoever dialled: two nodes dial each other,
// so packets of both their relays share the two directions between them, with
// their rates and queues, as they share the line between two real sites.
//
//	site1 ──▶ relay site1,site2 ──▶ direction site1→site2 ──▶ site2
//	      ◀── relay site1,site2 ◀── direction site2→site1 ◀──
//
// Towards the target each client of a relay has a socket of its own, which is
// how answers find their way back. QUIC knows connections by their ids, so the
// nodes don't care that they see the relay's addresses instead of each other's.
//
// What happens to a packet is decided in line, which has neither clock nor
// sockets. Its random choices depend only on the network's seed, the direction
// and the packet's number in it: a run whose packets come in the same order
// meets the same fate.
package wan
