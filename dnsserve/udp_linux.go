package dnsserve

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// openUDP opens the UDP sockets of one address.
func (s *Server) openUDP(a netip.AddrPort) (all []udpSocket, bound netip.AddrPort, err error) {
	if s.config.PortableUDP {
		c, bound, err := listenOnePacket(a, s.config.UDPWorkers)
		return []udpSocket{c}, bound, err
	}
	defer func() {
		if err != nil {
			for _, u := range all {
				u.close()
			}
		}
	}()
	bound = a
	for i := range s.config.UDPWorkers {
		fd, at, err := openBatchSocket(bound, i == 0)
		if err != nil {
			return all, bound, err
		}
		all, bound = append(all, &batchSocket{fd: fd, ipv6: a.Addr().Is6()}), at
	}
	return all, bound, nil
}

// openBatchSocket opens one of the sockets that share an address. The first is bound as if it were alone, so that
// an address that somebody else has is an error; only then others may join.
func openBatchSocket(a netip.AddrPort, first bool) (fd int, bound netip.AddrPort, err error) {
	family, addr := unix.AF_INET, unix.Sockaddr(&unix.SockaddrInet4{Port: int(a.Port()), Addr: as4(a.Addr())})
	if a.Addr().Is6() {
		family, addr = unix.AF_INET6, &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
	}
	fd, err = unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, a, fmt.Errorf("socket: %w", err)
	}
	defer func() {
		if err != nil {
			unix.Close(fd)
		}
	}()
	set := func(level, option, value int) {
		if err == nil {
			err = unix.SetsockoptInt(fd, level, option, value)
		}
	}
	if a.Addr().Is6() {
		set(unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
	}
	if !first {
		set(unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	}
	if err == nil {
		err = unix.Bind(fd, addr)
	}
	if first {
		set(unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	}
	if err != nil {
		return -1, a, err
	}
	// More than the system's default, if it lets us: what comes while a thread is kept from running waits here.
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, socketBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, socketBuffer)
	}
	look := unix.NsecToTimeval(int64(lookAround))
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &look); err != nil {
		return -1, a, fmt.Errorf("SO_RCVTIMEO: %w", err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return -1, a, err
	}
	switch n := name.(type) {
	case *unix.SockaddrInet4:
		bound = netip.AddrPortFrom(a.Addr(), uint16(n.Port))
	case *unix.SockaddrInet6:
		bound = netip.AddrPortFrom(a.Addr(), uint16(n.Port))
	}
	return fd, bound, nil
}

func as4(a netip.Addr) (b [4]byte) {
	if a.Is4() {
		return a.As4()
	}
	return b
}

// batchSocket is one of several sockets of an address, among which the kernel spreads clients. A thread of its
// own waits in the kernel for queries, takes all that are there, and sends their answers together.
type batchSocket struct {
	fd   int
	ipv6 bool
}

func (b *batchSocket) workers() int { return 1 }

// drain wakes the thread: it finds the server closing. The error is that UDP has no connection to shut down.
func (b *batchSocket) drain() { _ = unix.Shutdown(b.fd, unix.SHUT_RD) }

func (b *batchSocket) close() { unix.Close(b.fd) }

// mmsghdr is the kernel's struct mmsghdr.
type mmsghdr struct {
	unix.Msghdr
	length uint32
}

// batch is what recvmmsg and sendmmsg read and write. It is allocated once, and its addresses stay.
type batch struct {
	in, out       []mmsghdr
	inIov, outIov []unix.Iovec
	names         []unix.RawSockaddrInet6 // long enough for both families
	queries       []byte
	answers       []byte
}

func newBatch(udpSize int) *batch {
	b := &batch{
		in: make([]mmsghdr, batchSize), out: make([]mmsghdr, batchSize),
		inIov: make([]unix.Iovec, batchSize), outIov: make([]unix.Iovec, batchSize),
		names: make([]unix.RawSockaddrInet6, batchSize), queries: make([]byte, batchSize*maxQuery), answers: make([]byte, batchSize*udpSize),
	}
	for i := range batchSize {
		b.inIov[i].Base = &b.queries[i*maxQuery]
		b.inIov[i].SetLen(maxQuery)
		b.in[i].Name = (*byte)(unsafe.Pointer(&b.names[i]))
		b.in[i].Namelen = unix.SizeofSockaddrInet6
		b.in[i].Iov = &b.inIov[i]
		b.in[i].SetIovlen(1)
		b.out[i].Iov = &b.outIov[i]
		b.out[i].SetIovlen(1)
	}
	return b
}

func (b *batchSocket) serve(s *Server, r *responder) {
	// The thread spends its time waiting in the kernel; no other goroutine should have to be moved from it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	size := s.config.UDPSize
	q := newBatch(size)
	r.ahead = new(ahead)
	for {
		n, err := q.receive(b.fd)
		closing := s.drained.Load()
		if closing && (err != nil || q.in[0].length == 0) {
			return // a socket that is shut down yields messages without end, all empty
		}
		if err != nil || n == 0 {
			if err != nil && !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
				s.log.Warn("dns udp read failed", "error", err)
				time.Sleep(retryPause)
			}
			continue
		}
		now := s.now().UnixNano()
		answers := 0
		if n >= aheadLeast {
			r.lookAhead(q.query, n)
		}
		for i := range n {
			from := peer{addr: b.client(&q.names[i]), now: now}
			out := q.answers[answers*size : (answers+1)*size]
			length := s.answerRead(r, r.ahead.query(i), out, q.query(i), from)
			if length > 0 {
				q.outIov[answers].Base = &out[0]
				q.outIov[answers].SetLen(length)
				q.out[answers].Name, q.out[answers].Namelen = q.in[i].Name, q.in[i].Namelen
				answers++
			}
			q.in[i].Namelen = unix.SizeofSockaddrInet6
		}
		q.send(b.fd, answers)
		r.ahead.forget()
		if closing {
			return
		}
	}
}

// query is the i-th query of those received.
func (b *batch) query(i int) []byte { return b.queries[i*maxQuery:][:b.in[i].length] }

// client reads the address of a query's sender.
func (b *batchSocket) client(name *unix.RawSockaddrInet6) netip.Addr {
	if b.ipv6 {
		return netip.AddrFrom16(name.Addr)
	}
	return netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(name)).Addr)
}

// receive waits for a query, and takes others that are there as well.
func (b *batch) receive(fd int) (int, error) {
	n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&b.in[0])), batchSize, unix.MSG_WAITFORONE, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// send sends the first n answers. One that can't be sent is skipped: that is its client's or the network's matter.
func (b *batch) send(fd, n int) {
	for from := 0; from < n; {
		sent, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&b.out[from])), uintptr(n-from), 0, 0, 0)
		switch {
		case errno == unix.EINTR:
		case errno != 0:
			from++
		default:
			from += int(sent)
		}
	}
}
