//go:build unix

package dnsserve

import (
	"crypto/sha1"
	"flag"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

var (
	benchNames  = flag.Int("names", 100_000, "delegations in the zone of BenchmarkImage")
	benchOptOut = flag.Bool("optout", false, "BenchmarkImage: only signed delegations have NSEC3")
)

// registryZone makes a zone of n delegations as they come: in the order of names, each with two name servers, 30 % with
// glue, 40 % signed, and NSEC3 (for those with DS alone, or all). Signatures and the next
// hashes are of the right size, not right.
func registryZone(t testing.TB, n int, optOut bool) iter.Seq2[RRset, error] {
	fixed := []RRset{
		*oneSet(t, soa(1)), *oneSet(t, "example. 3600 NS ns1.nic.example."), *oneSet(t, "example. 0 NSEC3PARAM 1 0 0 -"),
		*oneSet(t, signature("example.", "SOA")), *oneSet(t, signature("example.", "NS")),
	}
	return func(yield func(RRset, error) bool) {
		for _, s := range fixed {
			if !yield(s, nil) {
				return
			}
		}
		out := 0
		sign := func(owner string, covers uint16) RRset {
			rd := make([]byte, 18, 18+9+64)
			be.PutUint16(rd, covers)
			rd[2], rd[3] = 13, 2
			be.PutUint32(rd[rrsigExpires:], uint32(1893456000+(out*7919)%1_209_600)) // two weeks
			rd = append(rd, "\x07example\x00"...)
			out++
			return RRset{Owner: owner, Type: typeRRSIG, Covers: covers, TTL: 3600, RData: [][]byte{append(rd, make([]byte, 64)...)}}
		}
		add := func(s RRset) bool { return yield(s, nil) }
		for i := range n {
			owner := fmt.Sprintf("name%08d.example.", i)
			first, second := []byte(fmt.Sprintf("\x03ns1\x09hoster%03d\x04test\x00", i%997)), []byte(fmt.Sprintf("\x03ns2\x09hoster%03d\x04test\x00", i%997))
			glue, signed := i%10 < 3, i%5 < 2
			if glue {
				first = []byte(fmt.Sprintf("\x03ns1\x0cname%08d\x07example\x00", i))
			}
			ok := add(RRset{Owner: owner, Type: typeNS, TTL: 3600, RData: [][]byte{first, second}})
			if glue {
				ok = ok && add(RRset{Owner: "ns1." + owner, Type: typeA, TTL: 3600, RData: [][]byte{{192, 0, 2, byte(i)}}})
			}
			if signed {
				ok = ok && add(RRset{Owner: owner, Type: typeDS, TTL: 3600, RData: [][]byte{make([]byte, 36)}}) && add(sign(owner, typeDS))
			}
			if signed || !optOut {
				hash := sha1.Sum(fmt.Appendf(nil, "\x0cname%08d\x07example\x00", i))
				var label [labelSize]byte
				hashLabel(&label, &hash)
				rd := append(append([]byte{1, 0, 0, 0, 0, 20}, hash[:]...), 0, 6, 0x20, 0, 0, 0, 0, 0x12)
				at := string(label[:]) + ".example."
				ok = ok && add(RRset{Owner: at, Type: typeNSEC3, TTL: 600, RData: [][]byte{rd}}) && add(sign(at, typeNSEC3))
			}
			if !ok {
				return
			}
		}
	}
}

// spent is the processor time of this process.
func spent(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkImage is what a zone costs: go test ./dnsserve -run - -bench 'Image$' -benchtime 1x -args -names 10000000
func BenchmarkImage(b *testing.B) {
	n := *benchNames
	folder := b.TempDir()
	heap := func() float64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	var busy, loading, opening, answering, publishing time.Duration
	var used, garbage, onHeap float64
	for b.Loop() {
		before := heap()
		zones := openFolder(b, folder, 1)
		start, began := time.Now(), spent(b)
		if err := zones.Load("example.", 1, registryZone(b, n, *benchOptOut)); err != nil {
			b.Fatal(err)
		}
		loading += time.Since(start)
		busy += spent(b) - began
		v := served(zones, "\x07example\x00")
		used, garbage = float64(v.next)*unit, float64(v.garbage)
		onHeap = heap() - before
		if err := zones.Close(); err != nil {
			b.Fatal(err)
		}

		start = time.Now()
		zones = openFolder(b, folder, 2)
		opening += time.Since(start)
		r, out := testResponder(zones), make([]byte, maxMessage)
		ask := packed(b, withOPT(question(fmt.Sprintf("www.name%08d.example.", n/2), dns.TypeA), 1232, func(o *dns.OPT) { o.SetDo() }))
		if m := r.respond(out, ask, peer{}); m < 200 || out[3]&15 != 0 {
			b.Fatalf("answer of %d octets", m)
		}
		answering += time.Since(start)

		const publications = 200
		changes := make([][]Change, publications)
		for i := range changes {
			owner := fmt.Sprintf("new%d.example.", i)
			changes[i] = []Change{put(b, soa(uint32(i+2))), put(b, owner+" 3600 NS ns1.hoster.test."), put(b, fmt.Sprintf("%032d.example. 600 NSEC3 1 0 0 - %032d NS", i, i+1))}
		}
		start = time.Now()
		for i := range changes {
			if err := zones.Publish("example.", uint32(i+1), uint32(i+2), changes[i]); err != nil {
				b.Fatal(err)
			}
		}
		publishing += time.Since(start) / publications
		runtime.KeepAlive(zones)
	}
	each := func(d time.Duration) time.Duration { return d / time.Duration(b.N) }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(used/float64(n), "mapped-B/name")
	b.ReportMetric(garbage/used*100, "garbage-%")
	b.ReportMetric(max(0, onHeap)/float64(n), "heap-B/name")
	b.ReportMetric(each(loading).Seconds(), "load-s")
	b.ReportMetric(each(busy).Seconds(), "load-CPU-s")
	b.ReportMetric(float64(each(opening).Microseconds())/1000, "open-ms")
	b.ReportMetric(float64(each(answering).Microseconds())/1000, "first-answer-ms")
	b.ReportMetric(float64(each(publishing).Microseconds()), "publication-µs")
}

// BenchmarkSigned is the way of a query with DO in a signed zone, from octets to octets, in processor time: this and
// the number of allocations are what a machine that does other things too can still tell.
func BenchmarkSigned(b *testing.B) {
	for _, signer := range []testSigner{{origin: "example.", nsec3: true}, {origin: "example."}} {
		zones := NewZones()
		if err := zones.Load("example.", 7, sequence(rrsets(b, signer.sign(b, uniform(b, exampleZone), nil)))); err != nil {
			b.Fatal(err)
		}
		for _, q := range []struct {
			label, name string
			typ         uint16
			do          bool
		}{
			{"referral-plain", "www.foo.example.", dns.TypeA, false}, {"referral-signed", "www.foo.example.", dns.TypeA, true},
			{"referral-unsigned", "www.plain.example.", dns.TypeA, true}, {"nxdomain", "nothing.example.", dns.TypeA, true},
			{"nodata", "target.example.", dns.TypeMX, true}, {"wildcard", "a.wild.example.", dns.TypeTXT, true}, {"soa", "example.", dns.TypeSOA, true},
		} {
			b.Run(fmt.Sprintf("nsec3=%v/%s", signer.nsec3, q.label), func(b *testing.B) {
				r, out := testResponder(zones), make([]byte, defaultUDPSize)
				msg := packed(b, withOPT(question(q.name, q.typ), 1232, func(o *dns.OPT) { o.SetDo(q.do) }))
				b.ReportAllocs()
				began := spent(b)
				for b.Loop() {
					r.respond(out, msg, peer{})
				}
				b.ReportMetric(float64((spent(b)-began).Nanoseconds())/float64(b.N), "CPU-ns/op")
			})
		}
	}
}

// BenchmarkRegistry is the way of queries for names below delegations in a zone of -names of them, in no order, so that what is looked
// at isn't at hand for the processor. Two thirds of an answer's cost are the kernel's and not seen here.
func BenchmarkRegistry(b *testing.B) {
	n := *benchNames
	zones := NewZones()
	if err := zones.Load("example.", 1, registryZone(b, n, *benchOptOut)); err != nil {
		b.Fatal(err)
	}
	for _, do := range []bool{false, true} {
		rnd := rand.New(rand.NewPCG(1, 1))
		queries := make([][]byte, 1<<15)
		for i := range queries {
			queries[i] = packed(b, withOPT(question(fmt.Sprintf("www.name%08d.example.", rnd.IntN(n)), dns.TypeA), 1232, func(o *dns.OPT) { o.SetDo(do) }))
		}
		for _, batch := range []int{1, batchSize} {
			b.Run(fmt.Sprintf("do=%v/batch=%d", do, batch), func(b *testing.B) {
				s := NewServer(Config{}, zones)
				s.config.UDPSize = defaultUDPSize
				r, out := s.responder(new(counters)), make([]byte, defaultUDPSize)
				r.ahead = new(ahead)
				from := peer{addr: netip.MustParseAddr("192.0.2.1"), now: time.Now().UnixNano()}
				began, answers := spent(b), 0
				b.ReportAllocs()
				for b.Loop() {
					some := queries[answers&(len(queries)-1):][:batch]
					answers += batch
					if batch > 1 {
						r.lookAhead(func(i int) []byte { return some[i] }, batch)
					}
					for i, q := range some {
						s.answerRead(r, r.ahead.query(i), out, q, from)
					}
				}
				b.ReportMetric(float64((spent(b)-began).Nanoseconds())/float64(answers), "CPU-ns/answer")
			})
		}
	}
}
