package wan

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// relay is the address of one site for another: a socket in front, and one behind for each client, from which the target sees it.
type relay struct {
	network *Network
	there   *direction // from the clients to the target
	back    *direction
	front   *net.UDPConn
	target  netip.AddrPort

	mu      sync.Mutex
	clients map[netip.AddrPort]*client
	closed  bool
}

// client is an address that has sent something to a relay.
type client struct {
	address netip.AddrPort
	socket  *net.UDPConn // towards the target
	heard   uint64       // which of the relay's packets was its last; forward's alone
}

// listen opens a UDP socket. Its buffer is enlarged as far as the system allows.
func listen(address *net.UDPAddr) (*net.UDPConn, error) {
	conn, err := net.ListenUDP("udp", address)
	if err != nil {
		return nil, err
	}
	_ = conn.SetReadBuffer(socketBuffer) // a smaller one loses packets in bursts, as networks do
	return conn, nil
}

// forward takes what clients send, until the front socket is closed.
func (r *relay) forward() {
	var count uint64
	receive(r.front, func(data []byte, from netip.AddrPort) {
		c, err := r.client(from)
		if err != nil {
			r.network.log.Warn("the wide area drops a packet: no socket for its sender", "from", r.there.from, "to", r.there.to, "sender", from, "error", err)
			return
		}
		count++
		c.heard = count
		r.there.send(newPacket(data, c.socket, r.target))
	})
}

// answer takes what the target sends to a client, until the client's socket is closed.
func (r *relay) answer(c *client) {
	receive(c.socket, func(data []byte, from netip.AddrPort) {
		if from == r.target { // anybody can send to this port
			r.back.send(newPacket(data, r.front, c.address))
		}
	})
}

// receive calls take for each datagram, until the socket is closed. The data are take's only until it returns.
func receive(socket *net.UDPConn, take func(data []byte, from netip.AddrPort)) {
	buffer := make([]byte, maxDatagram)
	for {
		n, from, err := socket.ReadFromUDPAddrPort(buffer)
		switch {
		case err == nil:
			take(buffer[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
		case errors.Is(err, net.ErrClosed):
			return
		default:
			time.Sleep(readPause)
		}
	}
}

// client is the client of this address, made if need be.
func (r *relay) client(address netip.AddrPort) (*client, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c, ok := r.clients[address]; ok {
		return c, nil
	}
	if r.closed {
		return nil, net.ErrClosed
	}
	if len(r.clients) >= maxClients {
		r.evict()
	}
	// As with the front, not connected: a target that is down must not make the next write fail.
	socket, err := listen(&net.UDPAddr{IP: local(r.target).AsSlice(), Zone: r.target.Addr().Zone()})
	if err != nil {
		return nil, err
	}
	c := &client{address: address, socket: socket}
	r.clients[address] = c
	r.network.loops.Go(func() { r.answer(c) })
	return c, nil
}

// local is the address to send to the target from: what is on this machine needs to be reachable from nowhere else.
func local(target netip.AddrPort) netip.Addr {
	switch {
	case target.Addr().IsLoopback():
		return target.Addr()
	case target.Addr().Is4():
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}

// evict forgets the client heard of least recently.
func (r *relay) evict() {
	var oldest *client
	for _, c := range r.clients {
		if oldest == nil || c.heard < oldest.heard {
			oldest = c
		}
	}
	oldest.socket.Close()
	delete(r.clients, oldest.address)
}

func (r *relay) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.front.Close()
	for _, c := range r.clients {
		c.socket.Close()
	}
}
