package dnsserve

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// deadline bounds every wait of a test; nothing is timed by it.
const deadline = 20 * time.Second

// exampleZone has one of everything that changes an answer.
const exampleZone = `
$ORIGIN example.
$TTL 3600
@            SOA   ns1.nic hostmaster 7 900 300 604800 600
@            NS    ns1.nic
@            NS    ns.elsewhere.test.
@            TXT   "the example zone"
@            TYPE65333 \# 3 0a0b0c
nic          NS    ns1.nic
ns1.nic      A     192.0.2.1
ns1.nic      AAAA  2001:db8::1
foo          NS    ns1.foo
foo          NS    ns2.foo
foo          DS    12345 13 2 0102030405060708091011121314151617181920212223242526272829303132
ns1.foo      A     192.0.2.11
ns2.foo      A     192.0.2.12
ns2.foo      AAAA  2001:db8::12
hidden.foo   TXT   "below the cut"
bar          NS    ns1.foo
bar          NS    ns.elsewhere.test.
plain        NS    ns.elsewhere.test.
self         NS    self
self         A     192.0.2.20
a.b.ent      TXT   "two empty non-terminals above"
deleg.co     NS    ns.elsewhere.test.
*.wild       TXT   "wild"
*.wild       MX    10 mail.wild
host.wild    A     192.0.2.30
sub.*.wild   A     192.0.2.31
alias        CNAME target
target       A     192.0.2.40
second       CNAME alias
aliasout     CNAME www.elsewhere.test.
aliaswild    CNAME x.wild
aliasnx      CNAME nothing
aliascut     CNAME www.foo
loop1        CNAME loop2
loop2        CNAME loop1
`

// records parses zone file text.
func records(t testing.TB, text string) (rrs []dns.RR) {
	t.Helper()
	p := dns.NewZoneParser(strings.NewReader(text), "", "")
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		rrs = append(rrs, rr)
	}
	if err := p.Err(); err != nil {
		t.Fatalf("zone text: %v", err)
	}
	return rrs
}

// rrsets makes of records what the server takes.
func rrsets(t testing.TB, rrs []dns.RR) []RRset {
	t.Helper()
	type key struct {
		owner       string
		typ, covers uint16
	}
	at := make(map[key]int)
	var out []RRset
	buf := make([]byte, dns.MaxMsgSize)
	for _, rr := range rrs {
		h := rr.Header()
		end, err := dns.PackRR(rr, buf, 0, nil, false)
		if err != nil {
			t.Fatalf("pack %v: %v", rr, err)
		}
		_, start, err := dns.UnpackDomainName(buf, 0)
		if err != nil {
			t.Fatal(err)
		}
		k := key{owner: strings.ToLower(h.Name), typ: h.Rrtype}
		if sig, ok := rr.(*dns.RRSIG); ok {
			k.covers = sig.TypeCovered
		}
		i, ok := at[k]
		if !ok {
			i = len(out)
			at[k] = i
			out = append(out, RRset{Owner: k.owner, Type: k.typ, Covers: k.covers, TTL: h.Ttl})
		}
		out[i].RData = append(out[i].RData, bytes.Clone(buf[start+10:end]))
	}
	for i := range out {
		slices.SortFunc(out[i].RData, bytes.Compare)
	}
	return out
}

func sequence(sets []RRset) iter.Seq2[RRset, error] {
	return func(yield func(RRset, error) bool) {
		for _, s := range sets {
			if !yield(s, nil) {
				return
			}
		}
	}
}

// load puts a zone in, at the serial of its SOA.
func load(t testing.TB, zones *Zones, origin, text string) {
	t.Helper()
	rrs := records(t, text)
	for _, rr := range rrs {
		if soa, ok := rr.(*dns.SOA); ok && soa.Hdr.Name == origin {
			if err := zones.Load(origin, soa.Serial, sequence(rrsets(t, rrs))); err != nil {
				t.Fatalf("load: %v", err)
			}
			return
		}
	}
	t.Fatalf("zone text without SOA for %s", origin)
}

// set parses the records of one RRset.
func oneSet(t testing.TB, text string) *RRset {
	t.Helper()
	sets := rrsets(t, records(t, text))
	if len(sets) != 1 {
		t.Fatalf("%q: %d RRsets", text, len(sets))
	}
	return &sets[0]
}

// put and drop make changes.
func put(t testing.TB, text string) Change {
	s := oneSet(t, text)
	return Change{Owner: s.Owner, Type: s.Type, Covers: s.Covers, Set: s}
}

func drop(owner string, typ uint16) Change { return Change{Owner: owner, Type: typ} }

func soa(serial uint32) string {
	return fmt.Sprintf("example. 3600 SOA ns1.nic.example. hostmaster.example. %d 900 300 604800 600", serial)
}

func exampleZones(t testing.TB) *Zones {
	zones := NewZones()
	load(t, zones, "example.", exampleZone)
	return zones
}

// serve runs a server on a free port of the loopback until the test ends and returns its address.
func serve(t testing.TB, cfg Config, zones *Zones) (*Server, string) {
	t.Helper()
	if cfg.Listen == nil {
		cfg.Listen = []string{"127.0.0.1:0"}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	s := NewServer(cfg, zones)
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	run(t, s)
	return s, s.Addr().String()
}

// run serves until the test ends.
func run(t testing.TB, s *Server) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil && err != ErrClosed {
			t.Errorf("Serve: %v", err)
		}
	})
}

func question(name string, typ uint16) *dns.Msg {
	m := new(dns.Msg)
	m.SetQuestion(name, typ)
	m.RecursionDesired = false
	return m
}

// exchange asks over real sockets.
func exchange(t testing.TB, network, addr string, m *dns.Msg) *dns.Msg {
	t.Helper()
	c := dns.Client{Net: network, Timeout: deadline, UDPSize: dns.MaxMsgSize}
	in, _, err := c.Exchange(m, addr)
	if err != nil {
		t.Fatalf("%s %s %v: %v", network, addr, m.Question, err)
	}
	return in
}

// raw sends octets by UDP and returns the answer's.
func raw(t testing.TB, addr string, msg []byte) []byte {
	t.Helper()
	c, err := dns.DialTimeout("udp", addr, deadline)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(deadline))
	if _, err := c.Conn.Write(msg); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, dns.MaxMsgSize)
	n, err := c.Conn.Read(buf)
	if err != nil {
		t.Fatalf("no answer to %x: %v", msg, err)
	}
	return buf[:n]
}

// dump shows an answer: response code and flags, then a line per record in the order of the message.
func dump(m *dns.Msg) string {
	var b strings.Builder
	b.WriteString(dns.RcodeToString[m.Rcode])
	for _, f := range []struct {
		set  bool
		name string
	}{{m.Authoritative, "aa"}, {m.Truncated, "tc"}, {m.RecursionDesired, "rd"}, {m.RecursionAvailable, "ra"},
		{m.Zero, "z"}, {m.AuthenticatedData, "ad"}, {m.CheckingDisabled, "cd"}} {
		if f.set {
			b.WriteString(" " + f.name)
		}
	}
	b.WriteString("\n")
	for _, s := range []struct {
		name string
		rrs  []dns.RR
	}{{"AN", m.Answer}, {"NS", m.Ns}, {"AR", m.Extra}} {
		for _, rr := range s.rrs {
			if rr.Header().Rrtype != dns.TypeOPT {
				b.WriteString(s.name + " " + strings.Join(strings.Fields(rr.String()), " ") + "\n")
			}
		}
	}
	return b.String()
}

// qa is a question and its whole answer.
type qa struct {
	name string
	typ  uint16
	want string
}

// check asks every question of a table by UDP and by TCP, without EDNS.
func check(t *testing.T, zones *Zones, table []qa) {
	t.Helper()
	checkMessages(t, zones, table, question)
}

func checkMessages(t *testing.T, zones *Zones, table []qa, question func(string, uint16) *dns.Msg) {
	t.Helper()
	_, addr := serve(t, Config{}, zones)
	for _, network := range []string{"udp", "tcp"} {
		for _, row := range table {
			got := dump(exchange(t, network, addr, question(row.name, row.typ)))
			if want := strings.TrimLeft(row.want, "\n"); got != want {
				t.Errorf("%s: %s %s\ngot:\n%swant:\n%s", network, row.name, dns.TypeToString[row.typ], got, want)
			}
		}
	}
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		}
	}
}
