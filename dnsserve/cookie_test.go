package dnsserve

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestServerCookies are the examples of RFC 9018, Appendix A.
func TestServerCookies(t *testing.T) {
	t.Parallel()
	tests := []struct {
		client, addr, secret string
		now                  uint32
		want                 string
	}{
		{"2464c4abcf10c957", "198.51.100.100", "e5e973e5a6b2a43f48e7dc849e37bfcf", 1559731985, "010000005cf79f111f8130c3eee29480"},
		{"2464c4abcf10c957", "198.51.100.100", "e5e973e5a6b2a43f48e7dc849e37bfcf", 1559734385, "010000005cf7a871d4a564a1442aca77"},
		{"22681ab97d52c298", "2001:db8:220:1:59de:d0f4:8769:82b8", "445536bcd2513298075a5d379663c962", 1559741961, "010000005cf7c609a6bb79d16625507a"},
	}
	for _, test := range tests {
		j, err := newCookieJar([][]byte{unhex(t, test.secret)})
		if err != nil {
			t.Fatal(err)
		}
		client, addr := unhex(t, test.client), netip.MustParseAddr(test.addr)
		got := j.make(client, addr, test.now)
		if hex.EncodeToString(got[:]) != test.want {
			t.Errorf("%s at %d: %x, want %s", test.client, test.now, got, test.want)
		}
		for _, after := range []int32{-cookieSkew - 1, -cookieSkew, 0, cookieLife, cookieLife + 1} {
			age, ok := j.check(client, got[:], addr, test.now+uint32(after))
			if want := after >= -cookieSkew && after <= cookieLife; ok != want || ok && age != after {
				t.Errorf("%d s after: %v, %d", after, ok, age)
			}
		}
		if _, ok := j.check(client, got[:], netip.MustParseAddr("192.0.2.1"), test.now); ok {
			t.Error("taken from another address")
		}
	}
	if _, err := newCookieJar([][]byte{make([]byte, 15)}); err == nil {
		t.Error("a secret of 15 octets is taken")
	}
}

// clock is what a server in a test takes for the time.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.at.Store(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.at.Load()) }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }

// serveAt is serve with a clock.
func serveAt(t testing.TB, c *clock, cfg Config, zones *Zones) (*Server, string) {
	t.Helper()
	cfg.Listen = []string{"127.0.0.1:0"}
	s := NewServer(cfg, zones)
	s.now = c.now
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	run(t, s)
	return s, s.Addr().String()
}

func withCookie(m *dns.Msg, cookie string) *dns.Msg {
	return withOPT(m, 1232, func(o *dns.OPT) {
		o.Option = append(o.Option, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: cookie})
	})
}

// option returns an answer's option, nil if there is none.
func option(m *dns.Msg, code uint16) dns.EDNS0 {
	if o := m.IsEdns0(); o != nil {
		for _, e := range o.Option {
			if e.Option() == code {
				return e
			}
		}
	}
	return nil
}

func cookieOf(t testing.TB, m *dns.Msg) string {
	t.Helper()
	c, ok := option(m, dns.EDNS0COOKIE).(*dns.EDNS0_COOKIE)
	if !ok {
		t.Fatalf("no cookie in\n%v", m)
	}
	return c.Cookie
}

var secrets = [][]byte{bytes.Repeat([]byte{1}, 16), bytes.Repeat([]byte{2}, 16), bytes.Repeat([]byte{3}, 16)}

func TestCookies(t *testing.T) {
	t.Parallel()
	const client = "0011223344556677"
	c := newClock()
	s, addr := serveAt(t, c, Config{CookieSecrets: secrets[:2]}, exampleZones(t))
	_, before := serveAt(t, c, Config{CookieSecrets: secrets[1:]}, exampleZones(t))
	_, others := serveAt(t, c, Config{CookieSecrets: secrets[2:]}, exampleZones(t))
	ask := func(addr, network, cookie string) *dns.Msg {
		t.Helper()
		in := exchange(t, network, addr, withCookie(question("example.", dns.TypeSOA), cookie))
		if in.Rcode != dns.RcodeSuccess || len(in.Answer) != 1 {
			t.Errorf("got\n%v", in)
		}
		return in
	}
	for _, network := range []string{"udp", "tcp"} {
		first := cookieOf(t, ask(addr, network, client))
		if len(first) != 48 || first[:16] != client {
			t.Fatalf("cookie %s", first)
		}
		if again := cookieOf(t, ask(addr, network, first)); again != first {
			t.Errorf("a fresh cookie is replaced: %s", again)
		}
		c.advance(31 * time.Minute)
		renewed := cookieOf(t, ask(addr, network, first))
		if renewed == first {
			t.Error("a cookie of 31 minutes is not replaced")
		}
		if again := cookieOf(t, ask(addr, network, renewed)); again != renewed {
			t.Errorf("a fresh cookie is replaced: %s", again)
		}
		// One with another server's secret is good where that is known, and bad where it isn't.
		foreign := cookieOf(t, ask(before, network, client))
		if again := cookieOf(t, ask(addr, network, foreign)); again != foreign {
			t.Errorf("the previous secret's cookie is replaced: %s", again)
		}
		alien := cookieOf(t, ask(others, network, client))
		if again := cookieOf(t, ask(addr, network, alien)); again == alien {
			t.Error("another cluster's cookie is taken")
		}
	}
	var good, bad, fresh uint64
	for _, all := range [][]counters{s.udpStats, s.tcpStats} {
		for i := range all {
			good += all[i].cookies[cookieGood].Load()
			bad += all[i].cookies[cookieBad].Load()
			fresh += all[i].cookies[cookieClient].Load()
		}
	}
	if good != 8 || bad != 2 || fresh != 2 {
		t.Errorf("%d good, %d bad, %d new", good, bad, fresh)
	}
}

func TestCookieForms(t *testing.T) {
	t.Parallel()
	_, addr := serve(t, Config{CookieSecrets: secrets}, exampleZones(t))
	for n := range 42 {
		want := dns.RcodeFormatError
		if n == 8 || n >= 16 && n <= 40 {
			want = dns.RcodeSuccess
		}
		in := exchange(t, "udp", addr, withCookie(question("example.", dns.TypeSOA), hex.EncodeToString(make([]byte, n))))
		if in.Rcode != want || (option(in, dns.EDNS0COOKIE) != nil) != (want == dns.RcodeSuccess) {
			t.Errorf("cookie of %d octets:\n%v", n, in)
		}
	}
	// Without a question one gets a cookie, and without a cookie nothing.
	m := withCookie(&dns.Msg{MsgHdr: dns.MsgHdr{Id: 7}}, "0011223344556677")
	for _, network := range []string{"udp", "tcp"} {
		if in := exchange(t, network, addr, m); in.Rcode != dns.RcodeSuccess || len(in.Question) > 0 || len(cookieOf(t, in)) != 48 {
			t.Errorf("got\n%v", in)
		}
	}
	// It is told of a cookie that isn't good (RFC 7873 §5.4).
	good := cookieOf(t, exchange(t, "udp", addr, m))
	for cookie, want := range map[string]int{good: dns.RcodeSuccess, good[:16] + good[32:] + good[16:32]: dns.RcodeBadCookie} {
		in := exchange(t, "udp", addr, withCookie(&dns.Msg{MsgHdr: dns.MsgHdr{Id: 9}}, cookie))
		if in.Rcode != want || cookieOf(t, in) != good {
			t.Errorf("cookie %s without a question: got\n%v", cookie, in)
		}
	}
	if in := exchange(t, "udp", addr, withOPT(&dns.Msg{MsgHdr: dns.MsgHdr{Id: 8}}, 1232, nil)); in.Rcode != dns.RcodeFormatError {
		t.Errorf("got\n%v", in)
	}
	_, off := serve(t, Config{}, exampleZones(t))
	if in := exchange(t, "udp", off, withCookie(question("example.", dns.TypeSOA), "0011223344556677")); option(in, dns.EDNS0COOKIE) != nil {
		t.Errorf("cookies are off:\n%v", in)
	}
}

// Of several cookies only the first counts, also when others are malformed (RFC 7873 §5.2).
func TestSeveralCookies(t *testing.T) {
	t.Parallel()
	const client = "0011223344556677"
	_, addr := serve(t, Config{CookieSecrets: secrets}, exampleZones(t))
	for _, second := range []string{"8899aabbccddeeff", "", "00112233"} {
		m := withCookie(question("example.", dns.TypeSOA), client)
		o := m.IsEdns0()
		o.Option = append(o.Option, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: second})
		if in := exchange(t, "udp", addr, m); in.Rcode != dns.RcodeSuccess || cookieOf(t, in)[:16] != client {
			t.Errorf("second cookie %q: got\n%v", second, in)
		}
		o.Option[0], o.Option[1] = o.Option[1], o.Option[0]
		want := dns.RcodeFormatError
		if len(second) == len(client) {
			want = dns.RcodeSuccess
		}
		if in := exchange(t, "udp", addr, m); in.Rcode != want {
			t.Errorf("first cookie %q: got\n%v", second, in)
		}
	}
}
