package wan

import (
	"net"
	"net/netip"
	"sync"
)

// packet is a datagram, and how it leaves the emulator.
type packet struct {
	data  []byte
	small *[smallPacket]byte // data's memory, if it goes back to the pool
	out   *net.UDPConn
	to    netip.AddrPort
}

var pool = sync.Pool{New: func() any { return new([smallPacket]byte) }}

// newPacket copies the data.
func newPacket(data []byte, out *net.UDPConn, to netip.AddrPort) packet {
	p := packet{out: out, to: to}
	if len(data) <= smallPacket {
		p.small = pool.Get().(*[smallPacket]byte)
		p.data = p.small[:len(data)]
	} else {
		p.data = make([]byte, len(data))
	}
	copy(p.data, data)
	return p
}

func (p packet) copy() packet { return newPacket(p.data, p.out, p.to) }

// release gives the memory back; nobody may use the packet afterwards.
func (p packet) release() {
	if p.small != nil {
		pool.Put(p.small)
	}
}
