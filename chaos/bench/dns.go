package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// dnsLoad is what came of a phase of DNS queries.
type dnsLoad struct {
	answers, lost, wrong int64
	elapsed              time.Duration
}

func (l dnsLoad) rate() float64 { return float64(l.answers) / l.elapsed.Seconds() }

// queryDNS asks address for the delegations of names for the time d, from one UDP socket per core, each with a window of outstanding
// queries. An answer is wrong unless its response code is NOERROR.
func queryDNS(ctx context.Context, address string, names []string, d time.Duration) (dnsLoad, error) {
	var queries [][]byte
	for _, n := range names {
		q := new(dns.Msg)
		q.SetQuestion(dns.Fqdn(n), dns.TypeA)
		q.RecursionDesired = false
		q.SetEdns0(1232, false)
		wire, err := q.Pack()
		if err != nil {
			return dnsLoad{}, fmt.Errorf("query for %s: %w", n, err)
		}
		queries = append(queries, wire)
	}
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	workers := runtime.GOMAXPROCS(0)
	loads, errs := make([]dnsLoad, workers), make([]error, workers)
	begin := time.Now()
	var group sync.WaitGroup
	for i := range workers {
		group.Go(func() { loads[i], errs[i] = queryFrom(ctx, address, queries, i) })
	}
	group.Wait()
	total := dnsLoad{elapsed: time.Since(begin)}
	for _, l := range loads {
		total.answers, total.lost, total.wrong = total.answers+l.answers, total.lost+l.lost, total.wrong+l.wrong
	}
	return total, errors.Join(errs...)
}

// queryFrom is one worker of queryDNS: it sends a new query for each answer.
func queryFrom(ctx context.Context, address string, queries [][]byte, worker int) (l dnsLoad, err error) {
	conn, err := net.Dial("udp", address)
	if err != nil {
		return l, err
	}
	defer conn.Close()
	next := worker * len(queries) / 7 // the workers don't march in step
	out, in := make([]byte, 512), make([]byte, 4096)
	var id uint16
	send := func() error {
		n := copy(out, queries[next%len(queries)])
		id++
		binary.BigEndian.PutUint16(out, id)
		next++
		_, err := conn.Write(out[:n])
		return err
	}
	outstanding := 0
	for ctx.Err() == nil {
		for ; outstanding < dnsWindow; outstanding++ {
			if err := send(); err != nil {
				return l, err
			}
		}
		conn.SetReadDeadline(time.Now().Add(dnsPatience))
		n, err := conn.Read(in)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			l.lost += int64(outstanding)
			outstanding = 0
			continue
		}
		if err != nil {
			return l, err
		}
		outstanding = max(outstanding-1, 0) // a late answer, already counted as lost, is no debt
		l.answers++
		if n < 12 || in[3]&0x0F != dns.RcodeSuccess {
			l.wrong++
		}
	}
	return l, nil
}

// echoLimit is the rate that the generator reaches against a server that only turns each query round: what it and the kernel can do at most.
func echoLimit(ctx context.Context, names []string, d time.Duration) (float64, error) {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return 0, err
	}
	var closing atomic.Bool
	var group sync.WaitGroup
	var echoErr error
	group.Go(func() {
		b := make([]byte, 512)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(b)
			if err == nil && n > 2 {
				b[2] |= 0x80 // QR
				_, err = conn.WriteToUDPAddrPort(b[:n], from)
			}
			if err != nil {
				if !closing.Load() {
					echoErr = err
				}
				return
			}
		}
	})
	l, err := queryDNS(ctx, conn.LocalAddr().String(), names, d)
	closing.Store(true)
	conn.Close()
	group.Wait()
	return l.rate(), errors.Join(err, echoErr)
}
