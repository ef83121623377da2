package dnsserve

import (
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"quorate/dnsserve/secondary"
)

// handlerQueries are the questions whose answers must cost no allocation.
var handlerQueries = []struct {
	label string
	name  string
	typ   uint16
	edns  bool
}{
	{"referral", "www.foo.example.", dns.TypeA, false},
	{"referral-exact", "foo.example.", dns.TypeA, true},
	{"referral-sibling", "www.bar.example.", dns.TypeA, true},
	{"apex-ns", "example.", dns.TypeNS, true},
	{"soa", "example.", dns.TypeSOA, false},
	{"nxdomain", "nothing.example.", dns.TypeA, true},
	{"wildcard", "a.b.wild.example.", dns.TypeTXT, true},
	{"cname", "alias.example.", dns.TypeA, true},
	{"refused", "com.", dns.TypeA, true},
	{"truncated", "inside.example.", dns.TypeA, false},
}

func handlerQuery(t testing.TB, i int) []byte {
	q := handlerQueries[i]
	m := question(q.name, q.typ)
	if q.edns {
		withOPT(m, 1232, func(o *dns.OPT) {
			o.SetDo()
			o.Option = append(o.Option, &dns.EDNS0_NSID{Code: dns.EDNS0NSID}, &dns.EDNS0_LOCAL{Code: optionZoneVersion},
				&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "00112233445566770100000000000000ffffffffffffffff"})
		})
	}
	return packed(t, m)
}

// everything is a server with all on that a query can meet.
func everything(t testing.TB) *Server {
	s := NewServer(Config{}, wideZone(t))
	s.config.UDPSize, s.config.NSID = defaultUDPSize, "node-1"
	s.limiter = newLimiter(RRL{Rate: 10, Slip: 2}, time.Now())
	var err error
	if s.cookies, err = newCookieJar(secrets); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestNoAllocations holds the way of a UDP query, from octets to octets, to its promise.
func TestNoAllocations(t *testing.T) {
	s := everything(t)
	r := s.responder(new(counters))
	out := make([]byte, defaultUDPSize)
	for i, q := range handlerQueries {
		msg := handlerQuery(t, i)
		from := peer{addr: netip.MustParseAddr("192.0.2.1"), now: time.Now().UnixNano()}
		if n := testing.AllocsPerRun(100, func() { s.answer(r, out, msg, from) }); n != 0 {
			t.Errorf("%s: %v allocations", q.label, n)
		}
	}
}

func BenchmarkHandler(b *testing.B) {
	s := NewServer(Config{}, wideZone(b))
	s.config.UDPSize, s.config.NSID = defaultUDPSize, "node-1"
	for i, q := range handlerQueries {
		b.Run(q.label, func(b *testing.B) {
			msg := handlerQuery(b, i)
			r, out := s.responder(new(counters)), make([]byte, defaultUDPSize)
			b.ReportAllocs()
			for b.Loop() {
				s.answer(r, out, msg, peer{})
			}
		})
	}
}

// delegations makes the RRsets of a zone of n names with two name servers each, one in three with glue.
func delegations(b testing.TB, n int) []RRset {
	sets := []RRset{*oneSet(b, soa(1)), *oneSet(b, "example. 3600 NS ns1.nic.example.")}
	for i := range n {
		owner := fmt.Sprintf("d%d.example.", i)
		wire, err := parseName(owner)
		if err != nil {
			b.Fatal(err)
		}
		first, second := []byte("\x03ns1\x07hosting\x04test\x00"), []byte("\x03ns2\x07hosting\x04test\x00")
		if i%3 == 0 {
			first = append([]byte("\x03ns1"), wire...)
			sets = append(sets, RRset{Owner: "ns1." + owner, Type: typeA, TTL: 3600, RData: [][]byte{{192, 0, 2, byte(i)}}})
		}
		sets = append(sets, RRset{Owner: owner, Type: typeNS, TTL: 3600, RData: [][]byte{first, second}})
	}
	return sets
}

func BenchmarkLoad(b *testing.B) {
	sets := delegations(b, 100_000)
	for b.Loop() {
		if err := NewZones().Load("example.", 1, sequence(sets)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100_000, "ns/name")
}

// BenchmarkPublish adds a delegation to zones of several sizes: the cost must hardly grow.
func BenchmarkPublish(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			zones := NewZones()
			if err := zones.Load("example.", 1, sequence(delegations(b, n))); err != nil {
				b.Fatal(err)
			}
			set := oneSet(b, soa(1))
			serial := uint32(1)
			for b.Loop() {
				rd := append([]byte(nil), set.RData[0]...)
				at := len(rd) - soaFixed
				serial++
				rd[at], rd[at+1], rd[at+2], rd[at+3] = byte(serial>>24), byte(serial>>16), byte(serial>>8), byte(serial)
				owner := fmt.Sprintf("new%d.example.", serial)
				err := zones.Publish("example.", serial-1, serial, []Change{
					{Owner: "example.", Type: typeSOA, Set: &RRset{Owner: "example.", Type: typeSOA, TTL: 60, RData: [][]byte{rd}}},
					{Owner: owner, Type: typeNS, Set: &RRset{Owner: owner, Type: typeNS, TTL: 60, RData: [][]byte{{2, 'n', 's', 0}}}},
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// mapServer is the peer: miekg/dns' own server, answering the same questions from a map of ready messages.
func mapServer(b *testing.B, names []string, r *responder) string {
	answers := make(map[string]*dns.Msg, len(names))
	out := make([]byte, maxMessage)
	for _, name := range names {
		m := new(dns.Msg)
		if err := m.Unpack(out[:r.respond(out, packed(b, question(name, dns.TypeA)), peer{})]); err != nil {
			b.Fatal(err)
		}
		m.Compress = true
		answers[name] = m
	}
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ready := make(chan struct{})
	server := &dns.Server{PacketConn: pc, NotifyStartedFunc: func() { close(ready) }, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := *answers[q.Question[0].Name]
		m.Id = q.Id
		w.WriteMsg(&m)
	})}
	go server.ActivateAndServe()
	<-ready
	b.Cleanup(func() { server.Shutdown() })
	return pc.LocalAddr().String()
}

// burst sends n queries over a few sockets with a window each and returns answers per second.
func burst(b *testing.B, addr string, queries [][]byte, n int) float64 {
	const window = 32
	var wg sync.WaitGroup
	var answered atomic.Int64
	clients := runtime.GOMAXPROCS(0)
	start := time.Now()
	for client := range clients {
		wg.Go(func() {
			c, err := net.Dial("udp", addr)
			if err != nil {
				b.Error(err)
				return
			}
			defer c.Close()
			in := make([]byte, maxUDPSize)
			sent, got := 0, 0
			for share := n / clients; got < share; {
				for sent < share && sent-got < window {
					if _, err := c.Write(queries[(client+sent)%len(queries)]); err != nil {
						b.Error(err)
						return
					}
					sent++
				}
				c.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
				if _, err := c.Read(in); err != nil {
					sent = got // the window was lost; its answers are not counted
					continue
				}
				got++
				answered.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(answered.Load()) / time.Since(start).Seconds()
}

// BenchmarkUDP compares, over the loopback and in turns within one run, with the portable path, with miekg/dns, and
// with the name servers that are installed, which have the same zone from us. The generator shares the processors, so that
// the ratios understate the differences between the servers.
func BenchmarkUDP(b *testing.B) {
	var text strings.Builder
	text.WriteString("example. 60 SOA ns1.nic.example. hostmaster.example. 1 900 300 604800 600\nexample. 60 NS ns1.nic.example.\n")
	for i := range 10_000 {
		fmt.Fprintf(&text, "d%d.example. 3600 NS ns1.d%d.example.\nd%d.example. 3600 NS ns2.hosting.test.\nns1.d%d.example. 3600 A 192.0.2.%d\n", i, i, i, i, i%256)
	}
	p := newPrimary(b, "example.", text.String())
	key := p.addKey("key.example.", HMACSHA256)
	_, ours := p.serve(Config{CookieSecrets: secrets})
	_, portable := serve(b, Config{PortableUDP: true, CookieSecrets: secrets}, p.zones)
	var names []string
	var queries [][]byte
	for i := range 1000 {
		names = append(names, fmt.Sprintf("www.d%d.example.", i*7))
		queries = append(queries, packed(b, question(names[i], dns.TypeA)))
	}
	peers := []struct{ name, addr string }{
		{"batched", ours}, {"portable", portable},
		{"dns.Server", mapServer(b, names, &responder{zones: p.zones, udpSize: defaultUDPSize, stats: new(counters)})},
	}
	for _, program := range secondary.Programs {
		if _, err := program.Path(); err != nil {
			continue
		}
		at := startSecondary(b, program, ours, key)
		eventually(b, program.Name+" has the zone", func() bool { _, ok := serialAt(at, p.origin); return ok })
		peers = append(peers, struct{ name, addr string }{program.Name, at})
	}
	sums := make([]float64, len(peers))
	rounds := 0
	for b.Loop() {
		for i := range peers {
			turn := (i + rounds) % len(peers)
			sums[turn] += burst(b, peers[turn].addr, queries, 20_000)
		}
		rounds++
	}
	for i, peer := range peers {
		b.ReportMetric(sums[i]/float64(rounds), peer.name+"/s")
	}
}
