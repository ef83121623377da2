package dnsserve

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"
)

func TestPublishRefusals(t *testing.T) {
	t.Parallel()
	ok := func(serial uint32) []Change { return []Change{put(t, soa(serial))} }
	edit := func(f func(*RRset)) []Change {
		c := put(t, "new.example. 60 NS ns.new.example.")
		f(c.Set)
		c.Owner, c.Type, c.Covers = c.Set.Owner, c.Set.Type, c.Set.Covers
		return append(ok(8), c)
	}
	tests := []struct {
		name         string
		origin       string
		base, serial uint32
		changes      []Change
		want         error
	}{
		{"older base", "example.", 6, 8, ok(8), ErrSerial},
		{"newer base", "example.", 8, 9, ok(9), ErrSerial},
		{"same serial", "example.", 7, 7, ok(7), ErrSerial},
		{"serial going back", "example.", 7, 6, ok(6), ErrSerial},
		{"unknown zone", "test.", 7, 8, ok(8), ErrNotServed},
		{"SOA missing", "example.", 7, 8, nil, ErrRecord},
		{"SOA of another serial", "example.", 7, 8, ok(9), ErrRecord},
		{"SOA removed", "example.", 7, 8, []Change{drop("example.", dns.TypeSOA)}, ErrRecord},
		{"outside", "example.", 7, 8, append(ok(8), put(t, "x.test. 60 A 192.0.2.1")), ErrRecord},
		{"outside by suffix", "example.", 7, 8, append(ok(8), put(t, "notexample. 60 A 192.0.2.1")), ErrRecord},
		{"no final dot", "example.", 7, 8, edit(func(s *RRset) { s.Owner = "new.example" }), ErrRecord},
		{"empty label", "example.", 7, 8, edit(func(s *RRset) { s.Owner = "new..example." }), ErrRecord},
		{"no records", "example.", 7, 8, edit(func(s *RRset) { s.RData = nil }), ErrRecord},
		{"type 0", "example.", 7, 8, edit(func(s *RRset) { s.Type = 0 }), ErrRecord},
		{"type OPT", "example.", 7, 8, edit(func(s *RRset) { s.Type = dns.TypeOPT }), ErrRecord},
		{"type ANY", "example.", 7, 8, edit(func(s *RRset) { s.Type = dns.TypeANY }), ErrRecord},
		{"removal of type ANY", "example.", 7, 8, append(ok(8), drop("foo.example.", dns.TypeANY)), ErrRecord},
		{"covers without RRSIG", "example.", 7, 8, edit(func(s *RRset) { s.Covers = dns.TypeDS }), ErrRecord},
		{"RRSIG without covers", "example.", 7, 8, edit(func(s *RRset) { s.Type = dns.TypeRRSIG }), ErrRecord},
		{"RRSIG covering another", "example.", 7, 8, edit(func(s *RRset) {
			s.Type, s.Covers, s.RData = dns.TypeRRSIG, dns.TypeNS, [][]byte{make([]byte, 40)}
		}), ErrRecord},
		{"TTL", "example.", 7, 8, edit(func(s *RRset) { s.TTL = 1 << 31 }), ErrRecord},
		{"NS compressed", "example.", 7, 8, edit(func(s *RRset) { s.RData = [][]byte{{0xc0, 12}} }), ErrRecord},
		{"NS cut short", "example.", 7, 8, edit(func(s *RRset) { s.RData = [][]byte{{3, 'n', 's'}} }), ErrRecord},
		{"NS with more behind", "example.", 7, 8, edit(func(s *RRset) { s.RData = [][]byte{{1, 'a', 0, 0}} }), ErrRecord},
		{"A of 5 octets", "example.", 7, 8, edit(func(s *RRset) { s.Type, s.RData = dns.TypeA, [][]byte{make([]byte, 5)} }), ErrRecord},
		{"AAAA of 4 octets", "example.", 7, 8, edit(func(s *RRset) { s.Type, s.RData = dns.TypeAAAA, [][]byte{make([]byte, 4)} }), ErrRecord},
		{"two CNAMEs", "example.", 7, 8, edit(func(s *RRset) { s.Type, s.RData = dns.TypeCNAME, [][]byte{{0}, {1, 'a', 0}} }), ErrRecord},
		{"SOA cut short", "example.", 7, 8, edit(func(s *RRset) { s.Type, s.RData = dns.TypeSOA, [][]byte{{0, 0, 1}} }), ErrRecord},
		{"MX of one octet", "example.", 7, 8, edit(func(s *RRset) { s.Type, s.RData = dns.TypeMX, [][]byte{{0}} }), ErrRecord},
		{"longer than a message", "example.", 7, 8, edit(func(s *RRset) { s.Type, s.RData = dns.TypeTXT, [][]byte{make([]byte, 65500)} }), ErrRecord},
		{"longer than a message with owners", "example.", 7, 8, edit(func(s *RRset) {
			s.Type, s.RData = dns.TypeA, nil
			for i := range 5000 {
				s.RData = append(s.RData, []byte{1, 2, byte(i >> 8), byte(i)})
			}
		}), ErrRecord},
		{"set and key differ", "example.", 7, 8, append(ok(8), Change{Owner: "a.example.", Type: dns.TypeA, Set: oneSet(t, "b.example. 60 A 192.0.2.1")}), ErrRecord},
	}
	zones := exampleZones(t)
	before := zones.table.Load().zones["\x07example\x00"].version.Load()
	for _, test := range tests {
		if err := zones.Publish(test.origin, test.base, test.serial, test.changes); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
	if after := zones.table.Load().zones["\x07example\x00"].version.Load(); after != before {
		t.Error("a refused publication left its mark")
	}
	check(t, zones, []qa{{"foo.example.", dns.TypeA, fooReferral}, {"new.example.", dns.TypeA, "NXDOMAIN aa\n" + negative}})
}

func TestSerialWrapsAround(t *testing.T) {
	t.Parallel()
	zones := NewZones()
	load(t, zones, "example.", soa(1<<32-1))
	if err := zones.Publish("example.", 1<<32-1, 0, []Change{put(t, soa(0))}); err != nil {
		t.Fatal(err)
	}
	if serial, ok := zones.Serial("EXAMPLE."); !ok || serial != 0 {
		t.Errorf("serial %d, %v", serial, ok)
	}
}

func TestLoadRefusals(t *testing.T) {
	t.Parallel()
	zones := exampleZones(t)
	boom := errors.New("boom")
	load := func(origin string, serial uint32, sets ...RRset) error {
		return zones.Load(origin, serial, sequence(sets))
	}
	good := *oneSet(t, soa(9))
	if err := load("example", 9, good); !errors.Is(err, errName) {
		t.Errorf("origin without dot: %v", err)
	}
	if err := load("example.", 8, good); !errors.Is(err, ErrRecord) {
		t.Errorf("wrong serial: %v", err)
	}
	if err := load("example.", 9); !errors.Is(err, ErrRecord) {
		t.Errorf("empty zone: %v", err)
	}
	if err := load("example.", 9, good, good); !errors.Is(err, ErrRecord) {
		t.Errorf("RRset twice: %v", err)
	}
	if err := zones.Load("example.", 9, func(yield func(RRset, error) bool) { _ = yield(good, nil) && yield(RRset{}, boom) }); !errors.Is(err, boom) {
		t.Errorf("failing source: %v", err)
	}
	check(t, zones, []qa{{"foo.example.", dns.TypeA, fooReferral}})
	// A good one replaces the zone whole, to an older serial too.
	if err := load("example.", 5, *oneSet(t, soa(5))); err != nil {
		t.Fatal(err)
	}
	if serial, ok := zones.Serial("example."); !ok || serial != 5 {
		t.Errorf("serial %d, %v", serial, ok)
	}
	check(t, zones, []qa{{"foo.example.", dns.TypeA, "NXDOMAIN aa\n" + strings.ReplaceAll(negative, " 7 ", " 5 ")}})
}

// TestPublishEqualsLoad: a zone changed step by step answers like the same zone loaded whole.
func TestPublishEqualsLoad(t *testing.T) {
	t.Parallel()
	zones := exampleZones(t)
	steps := [][]Change{
		{put(t, "plain.example. 60 NS ns1.plain.example."), put(t, "ns1.plain.example. 60 A 192.0.2.99")},
		{drop("foo.example.", dns.TypeNS), drop("foo.example.", dns.TypeDS)}, // what was glue is data now
		{put(t, "ent.example. 60 NS ns.x."), drop("absent.example.", dns.TypeA)},
		{put(t, "plain.example. 60 DS 1 13 2 00"), put(t, "*.example. 60 TXT all")},
	}
	for i, changes := range steps {
		serial := uint32(8 + i)
		if err := zones.Publish("example.", serial-1, serial, append(changes, put(t, soa(serial)))); err != nil {
			t.Fatal(err)
		}
	}
	check(t, zones, []qa{
		{"www.plain.example.", dns.TypeA, "NOERROR\nNS plain.example. 60 IN NS ns1.plain.example.\nAR ns1.plain.example. 60 IN A 192.0.2.99\n"},
		{"ns1.foo.example.", dns.TypeA, "NOERROR aa\nAN ns1.foo.example. 3600 IN A 192.0.2.11\n"},
		{"hidden.foo.example.", dns.TypeTXT, "NOERROR aa\nAN hidden.foo.example. 3600 IN TXT \"below the cut\"\n"},
		{"a.b.ent.example.", dns.TypeTXT, "NOERROR\nNS ent.example. 60 IN NS ns.x.\n"},
		{"plain.example.", dns.TypeDS, "NOERROR aa\nAN plain.example. 60 IN DS 1 13 2 00\n"},
		{"anything.example.", dns.TypeTXT, "NOERROR aa\nAN anything.example. 60 IN TXT \"all\"\n"},
	})
}

// consistentChanges makes of a serial changes at several names that an answer can be checked by: every
// answer shows the serial it is from, at every place.
func consistentChanges(t testing.TB, serial uint32) []Change {
	ip := func(subnet byte) string {
		return fmt.Sprintf("%d.%d.%d.%d", subnet, byte(serial>>16), byte(serial>>8), byte(serial))
	}
	changes := []Change{
		put(t, soa(serial)),
		put(t, fmt.Sprintf("cut.example. 60 NS s%d.cut.example.\ncut.example. 60 NS beside.other.example.", serial)),
		drop(fmt.Sprintf("s%d.cut.example.", serial-1), dns.TypeA),
		put(t, fmt.Sprintf("s%d.cut.example. 60 A %s", serial, ip(10))),
		put(t, "beside.other.example. 60 A "+ip(11)),
		put(t, "other.example. 60 NS beside.other.example."),
	}
	if serial%2 == 0 {
		return append(changes, put(t, fmt.Sprintf("even.example. 60 TXT %d", serial)))
	}
	return append(changes, drop("even.example.", dns.TypeTXT))
}

// shownSerial returns the serial that an answer of that zone is from, or an error when its parts disagree.
func shownSerial(m *dns.Msg) (uint32, error) {
	var serials []uint32
	for _, rr := range append(append(m.Answer, m.Ns...), m.Extra...) {
		var s uint32
		switch rr := rr.(type) {
		case *dns.SOA:
			s = rr.Serial
		case *dns.TXT:
			fmt.Sscan(rr.Txt[0], &s)
		case *dns.NS:
			if n, _ := fmt.Sscanf(rr.Ns, "s%d.cut.example.", &s); n == 0 {
				continue
			}
		case *dns.A:
			ip := rr.A.To4()
			s = uint32(ip[1])<<16 | uint32(ip[2])<<8 | uint32(ip[3])
		}
		serials = append(serials, s)
	}
	if len(serials) == 0 {
		return 0, fmt.Errorf("no serial in\n%v", m)
	}
	for _, s := range serials {
		if s != serials[0] {
			return 0, fmt.Errorf("serials %v in\n%v", serials, m)
		}
	}
	return serials[0], nil
}

// TestConsistentWhilePublishing: readers see each answer from one serial, and serials only rise.
func TestConsistentWhilePublishing(t *testing.T) {
	t.Parallel()
	const last = 400
	zones := NewZones()
	load(t, zones, "example.", soa(1)+"\nexample. 60 NS ns.test.")
	if err := zones.Publish("example.", 1, 2, consistentChanges(t, 2)); err != nil {
		t.Fatal(err)
	}
	_, addr := serve(t, Config{}, zones)
	var done atomic.Bool
	var wg sync.WaitGroup
	reader := func(ask func(*dns.Msg) *dns.Msg) {
		var seen uint32
		for i := 0; !done.Load() || seen < last; i++ {
			name := []string{"example.", "even.example.", "x.cut.example.", "no.such.example."}[i%4]
			typ := dns.TypeTXT
			if i%4 == 0 {
				typ = dns.TypeSOA
			}
			m := ask(question(name, typ))
			serial, err := shownSerial(m)
			if err != nil || serial < seen || name == "even.example." && (serial%2 == 0) != (m.Rcode == dns.RcodeSuccess) {
				t.Errorf("%s: serial %d after %d: %v\n%v", name, serial, seen, err, m)
				return
			}
			seen = serial
		}
	}
	for range 4 {
		wg.Go(func() {
			c, err := dns.Dial("udp", addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			reader(func(m *dns.Msg) *dns.Msg {
				in, _, err := (&dns.Client{Timeout: deadline}).ExchangeWithConn(m, c)
				if err != nil {
					t.Error(err)
					return new(dns.Msg)
				}
				return in
			})
		})
		wg.Go(func() {
			r := &responder{zones: zones, udpSize: defaultUDPSize, stats: new(counters)}
			out := make([]byte, maxMessage)
			reader(func(m *dns.Msg) *dns.Msg {
				in := new(dns.Msg)
				if err := in.Unpack(out[:r.respond(out, packed(t, m), peer{})]); err != nil {
					t.Error(err)
				}
				return in
			})
		})
	}
	for serial := uint32(3); serial <= last; serial++ {
		if err := zones.Publish("example.", serial-1, serial, consistentChanges(t, serial)); err != nil {
			t.Error(err)
			break
		}
	}
	done.Store(true)
	wg.Wait()
}
