package dnsserve

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// asker asks a server with a rate limit as one client would, and notes what gets an answer.
type asker struct {
	t    *testing.T
	r    *responder
	from peer
	out  []byte
}

func newAsker(t *testing.T, zones *Zones, cfg Config) *asker {
	t.Helper()
	c := newClock()
	j, err := newCookieJar(cfg.CookieSecrets)
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(cfg, zones)
	s.config.UDPSize = defaultUDPSize
	s.cookies, s.limiter = j, newLimiter(cfg.RRL, c.now())
	return &asker{t, s.responder(new(counters)), peer{addr: netip.MustParseAddr("192.0.2.1"), now: c.now().UnixNano()}, make([]byte, maxMessage)}
}

// ask returns the answer; nil for none.
func (a *asker) ask(m *dns.Msg) *dns.Msg {
	a.t.Helper()
	n := a.r.respond(a.out, packed(a.t, m), a.from)
	if n == 0 {
		return nil
	}
	in := new(dns.Msg)
	if err := in.Unpack(a.out[:n]); err != nil {
		a.t.Fatal(err)
	}
	return in
}

// flood asks n times and counts whole answers, slipped ones and silence.
func (a *asker) flood(n int, name string) (whole, slipped, dropped int) {
	a.t.Helper()
	for range n {
		switch in := a.ask(question(name, dns.TypeA)); {
		case in == nil:
			dropped++
		case in.Truncated:
			if len(in.Answer)+len(in.Ns)+len(in.Extra) > 0 {
				a.t.Fatalf("a slipped answer holds records:\n%v", in)
			}
			slipped++
		default:
			whole++
		}
	}
	return whole, slipped, dropped
}

func (a *asker) expect(what string, n int, name string, whole, slipped, dropped int) {
	a.t.Helper()
	if w, s, d := a.flood(n, name); w != whole || s != slipped || d != dropped {
		a.t.Errorf("%s: %d whole, %d slipped, %d dropped; want %d, %d, %d", what, w, s, d, whole, slipped, dropped)
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	zones := exampleZones(t)
	load(t, zones, "other.", "other. 60 SOA a. b. 1 1 1 1 1\nother. 60 NS a.")
	a := newAsker(t, zones, Config{RRL: RRL{Rate: 10, Slip: 2, Allow: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}}})
	a.expect("at first", 30, "www.foo.example.", 10, 10, 10)
	a.expect("another name below another cut is a referral too", 4, "www.bar.example.", 0, 2, 2)
	a.expect("NXDOMAIN has its own limit", 12, "nothing.example.", 10, 1, 1)
	a.expect("so have answers", 12, "target.example.", 10, 1, 1)
	a.expect("so has another zone", 12, "nothing.other.", 10, 1, 1)
	a.expect("so have errors", 12, "com.", 10, 1, 1)
	a.from.addr = netip.MustParseAddr("192.0.2.254")
	a.expect("the neighbour shares it", 4, "www.foo.example.", 0, 2, 2)
	a.from.addr = netip.MustParseAddr("192.0.3.1")
	a.expect("the next /24 doesn't", 4, "www.foo.example.", 4, 0, 0)
	a.from.addr = netip.MustParseAddr("2001:db8:0:100::1")
	a.expect("an IPv6 client", 12, "www.foo.example.", 10, 1, 1)
	a.from.addr = netip.MustParseAddr("2001:db8:0:1ff::1")
	a.expect("in the same /56", 4, "www.foo.example.", 0, 2, 2)
	a.from.addr = netip.MustParseAddr("2001:db8:0:200::1")
	a.expect("in the next /56", 4, "www.foo.example.", 4, 0, 0)
	a.from.addr = netip.MustParseAddr("198.51.100.7")
	a.expect("on the list", 100, "www.foo.example.", 100, 0, 0)
	a.from.addr = netip.MustParseAddr("192.0.2.1")
	a.from.tcp = true
	a.expect("by TCP", 100, "www.foo.example.", 100, 0, 0)
	a.from.tcp = false
	a.from.now += int64(300 * time.Millisecond)
	a.expect("300 ms later", 5, "www.foo.example.", 3, 1, 1)
	a.from.now += int64(time.Hour)
	a.expect("an hour later", 30, "www.foo.example.", 10, 10, 10)
	if n, m := a.r.stats.limited.Load(), a.r.stats.slipped.Load(); n < 30 || m < 30 {
		t.Errorf("counted %d dropped, %d slipped", n, m)
	}
}

func TestRateLimitSlips(t *testing.T) {
	t.Parallel()
	a := newAsker(t, exampleZones(t), Config{RRL: RRL{Rate: 10}})
	a.expect("never", 30, "www.foo.example.", 10, 0, 20)
	a = newAsker(t, exampleZones(t), Config{RRL: RRL{Rate: 10, Slip: 1}})
	a.expect("always", 30, "www.foo.example.", 10, 20, 0)
}

// TestRateLimitCookies: who has a good cookie has no limit; who has begun to get one is led to it.
func TestRateLimitCookies(t *testing.T) {
	t.Parallel()
	a := newAsker(t, exampleZones(t), Config{RRL: RRL{Rate: 10, Slip: 1}, CookieSecrets: secrets})
	a.expect("at first", 10, "www.foo.example.", 10, 0, 0)
	m := withCookie(question("www.foo.example.", dns.TypeA), "0011223344556677")
	in := a.ask(m)
	if in == nil || in.Rcode != dns.RcodeBadCookie || in.Truncated || in.Authoritative || len(in.Ns) > 0 {
		t.Fatalf("got\n%v", in)
	}
	forged := withCookie(question("www.foo.example.", dns.TypeA), "00112233445566770100000000000000ffffffffffffffff")
	if in := a.ask(forged); in == nil || in.Rcode != dns.RcodeBadCookie {
		t.Fatalf("got\n%v", in)
	}
	good := withCookie(question("www.foo.example.", dns.TypeA), cookieOf(t, in))
	for range 100 {
		if in := a.ask(good); in == nil || in.Rcode != dns.RcodeSuccess || len(in.Ns) == 0 {
			t.Fatalf("got\n%v", in)
		}
	}
	// Without a limit in the way a bad cookie costs nothing.
	b := newAsker(t, exampleZones(t), Config{CookieSecrets: secrets})
	if in := b.ask(forged); in == nil || in.Rcode != dns.RcodeSuccess {
		t.Fatalf("got\n%v", in)
	}
}

// TestRateLimitTable: more prefixes than the table holds are forgotten, not confused.
func TestRateLimitTable(t *testing.T) {
	t.Parallel()
	l := newLimiter(RRL{Rate: 1}, time.Unix(1, 0))
	at := time.Unix(2, 0).UnixNano()
	var h uint64
	for i := range uint64(4 * rateSlots) {
		h = (i + 1) * 0x9e3779b97f4a7c15
		l.take(h, at)
	}
	if l.take(h, at) {
		t.Error("the last of many is forgotten at once")
	}
}

// TestRateLimitOnTheWire: the limit is shared by all sockets of an address.
func TestRateLimitOnTheWire(t *testing.T) {
	t.Parallel()
	for _, portable := range []bool{false, true} {
		s, addr := serveAt(t, newClock(), Config{RRL: RRL{Rate: 10}, UDPWorkers: 4, PortableUDP: portable}, exampleZones(t))
		const n = 40
		for range n { // each from another port, hence to any of the sockets
			c, err := net.Dial("udp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := c.Write(packed(t, question("www.foo.example.", dns.TypeA))); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, "all are counted", func() bool {
			var dropped, given uint64
			for i := range s.udpStats {
				dropped += s.udpStats[i].limited.Load()
				given += s.udpStats[i].responses[rcodeNoError].Load()
			}
			return dropped == n-10 && given == 10
		})
	}
}
