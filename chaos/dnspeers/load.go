package dnspeers

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/net/ipv4"
	"golang.org/x/sync/errgroup"
)

// Load is what came of a burst of queries.
type Load struct {
	Answers, Lost, Wrong int64
	Octets               int64 // of the answers
	Elapsed              time.Duration
	CPU                  time.Duration // of the server
}

// Rate is answers in a second.
func (l Load) Rate() float64 { return float64(l.Answers) / l.Elapsed.Seconds() }

// PerAnswer is the processor time of an answer.
func (l Load) PerAnswer() time.Duration {
	if l.Answers == 0 {
		return 0
	}
	return time.Duration(int64(l.CPU) / l.Answers)
}

// Queries are what a zone is asked: of a hundred, 90 for names below its delegations, 5 for names that don't exist, 5 for the apex.
func (z Zone) Queries(n int, do bool) (all [][]byte, err error) {
	random := rand.New(rand.NewPCG(z.Seed, 2))
	for i := range n {
		name, typ := "www."+Name(random.IntN(z.Names)), dns.TypeA
		switch i % 20 {
		case 0:
			name = fmt.Sprintf("no-%x.%s", random.Uint32(), Origin)
		case 1:
			name, typ = Origin, []uint16{dns.TypeSOA, dns.TypeNS}[i/20%2]
		}
		q := new(dns.Msg)
		q.SetQuestion(name, typ)
		q.RecursionDesired = false
		q.SetEdns0(1232, do)
		wire, err := q.Pack()
		if err != nil {
			return nil, fmt.Errorf("query for %s: %w", name, err)
		}
		all = append(all, wire)
	}
	return all, nil
}

// good says whether an answer is one that the queries should get.
func good(b []byte) bool {
	return len(b) >= 12 && b[2]&0x80 != 0 && (b[3]&0x0f == dns.RcodeSuccess || b[3]&0x0f == dns.RcodeNameError)
}

// UDP asks a server for a time, with a window of queries on their way, from one socket and with batches.
func UDP(ctx context.Context, s *Server, queries [][]byte, d time.Duration) (l Load, err error) {
	conn, err := net.Dial("udp4", s.Address)
	if err != nil {
		return l, err
	}
	defer conn.Close()
	_ = conn.(*net.UDPConn).SetReadBuffer(4 << 20) // what the kernel allows
	pc := ipv4.NewPacketConn(conn.(net.PacketConn))
	in, out := make([]ipv4.Message, batch), make([]ipv4.Message, batch)
	for i := range batch {
		in[i].Buffers = [][]byte{make([]byte, 4096)}
		out[i].Buffers = [][]byte{nil}
	}
	cpu, begin := s.CPU(), time.Now()
	next, outstanding := 0, 0
	for time.Since(begin) < d && ctx.Err() == nil {
		for outstanding+batch <= window {
			for i := range batch {
				out[i].Buffers[0] = queries[next%len(queries)]
				next++
			}
			for sent := 0; sent < batch; {
				n, err := pc.WriteBatch(out[sent:], 0)
				if err != nil {
					return l, fmt.Errorf("sending to %s: %w", s.Kind.Name, err)
				}
				sent += n
			}
			outstanding += batch
		}
		if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
			return l, err
		}
		n, err := pc.ReadBatch(in, 0)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			l.Lost += int64(outstanding)
			outstanding = 0
			continue
		}
		if err != nil {
			return l, fmt.Errorf("receiving from %s: %w", s.Kind.Name, err)
		}
		for _, m := range in[:n] {
			l.Answers++
			l.Octets += int64(m.N)
			if !good(m.Buffers[0][:m.N]) {
				l.Wrong++
			}
		}
		outstanding = max(0, outstanding-n)
	}
	l.Elapsed, l.CPU = time.Since(begin), s.CPU()-cpu
	return l, nil
}

// TCP is UDP over connections that stay open, each with its own window.
func TCP(ctx context.Context, s *Server, queries [][]byte, d time.Duration) (l Load, err error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	loads := make([]Load, tcpConnections)
	var group errgroup.Group
	cpu, begin := s.CPU(), time.Now()
	for c := range tcpConnections {
		group.Go(func() (err error) {
			loads[c], err = tcpConnection(ctx, s.Address, queries, c)
			return err
		})
	}
	err = group.Wait()
	l.Elapsed, l.CPU = time.Since(begin), s.CPU()-cpu
	for _, one := range loads {
		l.Answers, l.Wrong, l.Octets = l.Answers+one.Answers, l.Wrong+one.Wrong, l.Octets+one.Octets
	}
	return l, err
}

func tcpConnection(ctx context.Context, address string, queries [][]byte, number int) (l Load, err error) {
	conn, err := net.Dial("tcp4", address)
	if err != nil {
		return l, err
	}
	defer conn.Close()
	next := number * len(queries) / tcpConnections
	var out []byte
	send := func(n int) error {
		out = out[:0]
		for range n {
			q := queries[next%len(queries)]
			next++
			out = append(binary.BigEndian.AppendUint16(out, uint16(len(q))), q...)
		}
		_, err := conn.Write(out)
		return err
	}
	if err := send(tcpWindow); err != nil {
		return l, err
	}
	in, have := make([]byte, 128<<10), 0
	for ctx.Err() == nil {
		if err := conn.SetReadDeadline(time.Now().Add(10 * patience)); err != nil {
			return l, err
		}
		n, err := conn.Read(in[have:])
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = errors.New("the server closed a connection that was in use")
			}
			return l, err
		}
		have += n
		answered, at := 0, 0
		for have-at >= 2 {
			end := at + 2 + int(binary.BigEndian.Uint16(in[at:]))
			if end > have {
				break
			}
			answered++
			l.Octets += int64(end - at - 2)
			if !good(in[at+2 : end]) {
				l.Wrong++
			}
			at = end
		}
		have = copy(in, in[at:have])
		l.Answers += int64(answered)
		if answered > 0 {
			if err := send(answered); err != nil {
				return l, err
			}
		}
	}
	return l, nil
}
