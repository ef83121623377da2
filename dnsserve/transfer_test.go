package dnsserve

import (
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// transfer asks for a transfer with another implementation and returns its records. key may be nil.
func transfer(t testing.TB, addr string, m *dns.Msg, key *Key) ([]dns.RR, error) {
	t.Helper()
	tr := &dns.Transfer{DialTimeout: deadline, ReadTimeout: deadline, WriteTimeout: deadline}
	if key != nil {
		m.SetTsig(key.Name, key.Algorithm+".", 300, time.Now().Unix())
		tr.TsigSecret = map[string]string{key.Name: base64.StdEncoding.EncodeToString(key.Secret)}
	}
	ch, err := tr.In(m, addr)
	if err != nil {
		return nil, err
	}
	var all []dns.RR
	for e := range ch {
		if e.Error != nil {
			err = e.Error
		}
		all = append(all, e.RR...)
	}
	return all, err
}

func axfr(origin string) *dns.Msg { return new(dns.Msg).SetAxfr(origin) }

func ixfr(origin string, serial uint32) *dns.Msg {
	return new(dns.Msg).SetIxfr(origin, serial, "a.", "b.")
}

// checkZone compares an AXFR's records with the zone.
func checkZone(t testing.TB, p *primary, rrs []dns.RR) {
	t.Helper()
	if len(rrs) < 2 || rrs[0].Header().Rrtype != dns.TypeSOA || rrs[len(rrs)-1].String() != rrs[0].String() {
		t.Fatalf("%d records that don't begin and end with the SOA", len(rrs))
	}
	var got []string
	for _, rr := range rrs[:len(rrs)-1] {
		got = append(got, strings.ToLower(rr.String()))
	}
	slices.Sort(got)
	if want := p.lines(); !slices.Equal(got, want) {
		t.Errorf("%d records:\n%s\nwant %d:\n%s", len(got), strings.Join(got, "\n"), len(want), strings.Join(want, "\n"))
	}
}

func TestAXFR(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, "example.", exampleZone)
	s, addr := p.serve(Config{NSID: "node-1"})
	keys := []*Key{nil}
	for _, algorithm := range []string{HMACSHA256, HMACSHA384, HMACSHA512} {
		k := p.addKey("key-"+algorithm+".", algorithm)
		keys = append(keys, &k)
	}
	for _, key := range keys {
		rrs, err := transfer(t, addr, axfr("example."), key)
		if err != nil {
			t.Fatal(err)
		}
		checkZone(t, p, rrs)
	}
	if rrs, err := transfer(t, addr, axfr("eXaMpLe."), nil); err != nil {
		t.Error(err)
	} else {
		checkZone(t, p, rrs)
	}
	eventually(t, "5 transfers are counted", func() bool { return s.transfers.counts[0][transferDone].Load() == 5 })
}

// TestLargeAXFR takes many messages, each signed, and a record that hardly fits one.
func TestLargeAXFR(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	text.WriteString("big. 60 SOA ns.big. hostmaster.big. 1 900 300 604800 600\nbig. 60 NS ns.big.\nns.big. 60 A 192.0.2.1\n")
	for i := range 20_000 {
		fmt.Fprintf(&text, "name-%d.big. 3600 NS ns1.name-%d.big.\nname-%d.big. 3600 NS ns.elsewhere.test.\nns1.name-%d.big. 60 A 192.0.2.%d\n", i, i, i, i, i%256)
	}
	fmt.Fprintf(&text, "long.big. 60 TYPE65333 \\# 60000 %s\n", strings.Repeat("00", 60000))
	p := newPrimary(t, "big.", text.String())
	key := p.addKey("key.big.", HMACSHA256)
	_, addr := p.serve(Config{})
	rrs, err := transfer(t, addr, axfr("big."), &key)
	if err != nil {
		t.Fatal(err)
	}
	checkZone(t, p, rrs)
}

// TestConnectionAfterTransfer: what is asked behind a transfer on the same connection is answered.
func TestConnectionAfterTransfer(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, "example.", exampleZone)
	_, addr := p.serve(Config{})
	c := dial(t, addr)
	first := question("foo.example.", dns.TypeNS)
	batch := framed(packed(t, first))
	for range 2 {
		batch = append(batch, framed(packed(t, withOPT(axfr("example."), 1232, local(optionExpire))))...)
	}
	last := question("example.", dns.TypeSOA)
	if _, err := c.Write(append(batch, framed(packed(t, last))...)); err != nil {
		t.Fatal(err)
	}
	if m := readFrame(t, c); m.Id != first.Id {
		t.Fatalf("got\n%v", m)
	}
	for range 2 {
		m := readFrame(t, c)
		if !m.Authoritative || len(m.Question) != 1 || len(m.Answer) < 30 || m.IsEdns0() == nil || localData(t, m, optionExpire) == nil {
			t.Fatalf("got\n%v", m)
		}
	}
	if m := readFrame(t, c); m.Id != last.Id || len(m.Answer) != 1 {
		t.Fatalf("got\n%v", m)
	}
}

// apply carries out an IXFR (RFC 1995 §4) on a copy of a zone at a serial, and returns the copy.
func apply(t testing.TB, zone []string, serial uint32, rrs []dns.RR) []string {
	t.Helper()
	soa := rrs[0].(*dns.SOA)
	if len(rrs) == 1 {
		if soa.Serial != serial {
			t.Fatalf("a lone SOA of serial %d for %d", soa.Serial, serial)
		}
		return zone
	}
	zone = slices.Clone(zone)
	for i := 1; i < len(rrs)-1; {
		for _, adds := range []bool{false, true} {
			s, ok := rrs[i].(*dns.SOA)
			if !ok || !adds && s.Serial != serial {
				t.Fatalf("record %d is %v, want the SOA of %d", i, rrs[i], serial)
			}
			serial = s.Serial
			for first := true; first || rrs[i].Header().Rrtype != dns.TypeSOA; first = false {
				line := strings.ToLower(rrs[i].String())
				at := slices.Index(zone, line)
				if adds == (at >= 0) {
					t.Fatalf("record %d, added %v: %s; in the zone: %v", i, adds, line, at >= 0)
				}
				if adds {
					zone = append(zone, line)
				} else {
					zone = slices.Delete(zone, at, at+1)
				}
				i++
			}
		}
	}
	if serial != soa.Serial || rrs[len(rrs)-1].String() != soa.String() {
		t.Fatalf("ends at serial %d with %v", serial, rrs[len(rrs)-1])
	}
	slices.Sort(zone)
	return zone
}

const signedBy = "12345 example. AAAA"

func TestIXFR(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, "example.", exampleZone)
	key := p.addKey("key.example.", HMACSHA256)
	s, addr := p.serve(Config{})
	at := map[uint32][]string{7: p.lines()}
	for _, changes := range [][]string{
		{"new.example. 60 NS ns1.new.example.", "ns1.new.example. 60 A 192.0.2.77"},
		{"foo.example. 3600 NS ns1.foo.example.\nfoo.example. 3600 NS ns9.elsewhere.test."}, // one of two stays
		{"-new.example. 60 NS ns1.new.example.", "-ns1.new.example. 60 A 192.0.2.77"},
		{"foo.example. 60 NS ns1.foo.example.\nfoo.example. 60 NS ns9.elsewhere.test."}, // another TTL
		{"target.example. 3600 RRSIG A 13 2 3600 20300101000000 20260101000000 " + signedBy},
		{"target.example. 3600 A 192.0.2.40", "target.example. 3600 RRSIG A 13 2 3600 20300201000000 20260201000000 " + signedBy},
		{},
	} {
		p.publish(changes...)
		at[p.serial] = p.lines()
	}
	for serial, zone := range at {
		for _, k := range []*Key{nil, &key} {
			rrs, err := transfer(t, addr, ixfr("example.", serial), k)
			if err != nil {
				t.Fatalf("from %d: %v", serial, err)
			}
			if got := apply(t, zone, serial, rrs); !slices.Equal(got, at[p.serial]) {
				t.Errorf("from %d: %v", serial, got)
			}
		}
	}
	// A refreshed signature goes alone.
	rrs, err := transfer(t, addr, ixfr("example.", 12), nil)
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, rr := range rrs {
		types = append(types, dns.TypeToString[rr.Header().Rrtype])
	}
	if got := strings.Join(types, " "); got != "SOA SOA RRSIG SOA RRSIG SOA SOA SOA" {
		t.Errorf("from 12: %s", got)
	}
	// A client ahead of us is as good as up to date (RFC 1995 §2).
	if rrs, err := transfer(t, addr, ixfr("example.", 99), nil); err != nil || len(rrs) != 1 {
		t.Errorf("from 99: %v, %v", rrs, err)
	}
	p.forget(3)
	for serial, whole := range map[uint32]bool{7: true, 9: true, 10: false, 13: false} {
		rrs, err := transfer(t, addr, ixfr("example.", serial), nil)
		if err != nil {
			t.Fatal(err)
		}
		if (rrs[1].Header().Rrtype != dns.TypeSOA) != whole {
			t.Errorf("from %d: second record is %v", serial, rrs[1])
		} else if whole {
			checkZone(t, p, rrs)
		}
	}
	// By UDP there is the SOA alone.
	for _, serial := range []uint32{7, p.serial} {
		if in := exchange(t, "udp", addr, ixfr("example.", serial)); len(in.Answer) != 1 || in.Answer[0].(*dns.SOA).Serial != p.serial || in.Truncated {
			t.Errorf("got\n%v", in)
		}
	}
	eventually(t, "22 transfers are counted", func() bool { return s.transfers.counts[1][transferDone].Load() == 22 })
}

func TestTransferRefusals(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, "example.", exampleZone)
	load(t, p.zones, "other.", "other. 60 SOA a. b. 1 1 1 1 1\nother. 60 NS a.")
	good, wrong := p.addKey("good.", HMACSHA256), p.addKey("wrong.", HMACSHA512)
	p.allow = func(client netip.Addr, key string) bool { return client.IsLoopback() && key == "good." }
	s, addr := p.serve(Config{})
	noSOA := axfr("example.")
	noSOA.Question[0].Qtype = dns.TypeIXFR
	tests := []struct {
		name    string
		network string
		m       *dns.Msg
		key     *Key
		rcode   int
	}{
		{"no key", "tcp", axfr("example."), nil, dns.RcodeRefused},
		{"another key", "tcp", axfr("example."), &wrong, dns.RcodeRefused},
		{"another zone", "tcp", axfr("other."), &good, dns.RcodeRefused},
		{"no zone", "tcp", axfr("com."), &good, dns.RcodeRefused},
		{"no apex", "tcp", axfr("foo.example."), nil, dns.RcodeNotAuth},
		{"by UDP", "udp", axfr("example."), &good, dns.RcodeRefused},
		{"IXFR without key", "tcp", ixfr("example.", 7), nil, dns.RcodeRefused},
		{"IXFR by UDP without key", "udp", ixfr("example.", 7), nil, dns.RcodeRefused},
		{"IXFR without SOA", "tcp", noSOA, &good, dns.RcodeFormatError},
	}
	for _, test := range tests {
		c := dns.Client{Net: test.network, Timeout: deadline}
		if test.key != nil {
			test.m.SetTsig(test.key.Name, test.key.Algorithm+".", 300, time.Now().Unix())
			c.TsigSecret = map[string]string{test.key.Name: base64.StdEncoding.EncodeToString(test.key.Secret)}
		}
		in, _, err := c.Exchange(test.m, addr)
		if err != nil || in.Rcode != test.rcode || len(in.Answer) > 0 || (in.IsTsig() != nil) != (test.key != nil) {
			t.Errorf("%s: %v\n%v", test.name, err, in)
		}
	}
	if rrs, err := transfer(t, addr, axfr("example."), &good); err != nil {
		t.Error(err)
	} else {
		checkZone(t, p, rrs)
	}
	if n := s.transfers.counts[0][transferRefused].Load(); n != 4 {
		t.Errorf("%d refused AXFR counted", n)
	}
}

// TestTransferLimit: over the limit there is a clear answer, and the end of one transfer makes room.
func TestTransferLimit(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, "example.", exampleZone)
	p.stuck = make(chan struct{})
	s, addr := p.serve(Config{MaxTransfers: 1})
	first := dial(t, addr)
	first.Write(framed(packed(t, axfr("example."))))
	eventually(t, "a transfer is under way", func() bool { return len(s.transfers.slots) == 1 })
	second := dial(t, addr)
	second.Write(framed(packed(t, axfr("example."))))
	if m := readFrame(t, second); m.Rcode != dns.RcodeServerFailure {
		t.Errorf("got\n%v", m)
	}
	close(p.stuck)
	if m := readFrame(t, first); len(m.Answer) < 30 {
		t.Errorf("got\n%v", m)
	}
	eventually(t, "room", func() bool { return len(s.transfers.slots) == 0 })
	second.Write(framed(packed(t, axfr("example."))))
	if m := readFrame(t, second); len(m.Answer) < 30 {
		t.Errorf("got\n%v", m)
	}
}

// TestShutdownDuringTransfer: a transfer is cut, so that the client knows that it isn't whole.
func TestShutdownDuringTransfer(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, "example.", exampleZone)
	p.stuck = make(chan struct{})
	s, addr := p.serve(Config{})
	c := dial(t, addr)
	c.Write(framed(packed(t, axfr("example."))))
	eventually(t, "a transfer is under way", func() bool { return len(s.transfers.slots) == 1 })
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	closedByServer(t, c)
	if n := s.transfers.counts[0][transferFailed].Load(); n != 1 {
		t.Errorf("%d failed transfers counted", n)
	}
}

// TestReceiverLeaves: a transfer whose receiver is gone ends.
func TestReceiverLeaves(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, "example.", exampleZone)
	p.stuck = make(chan struct{})
	s, addr := p.serve(Config{})
	c := dial(t, addr)
	c.Write(framed(packed(t, axfr("example."))))
	eventually(t, "a transfer is under way", func() bool { return len(s.transfers.slots) == 1 })
	c.(*net.TCPConn).SetLinger(0)
	c.Close()
	close(p.stuck)
	eventually(t, "the transfer ends", func() bool { return len(s.transfers.slots) == 0 && s.conns.count.Load() == 0 })
}

// TestIdleConnections: a thousand that say nothing, or half a query, cost the others nothing.
func TestIdleConnections(t *testing.T) {
	t.Parallel()
	s, addr := serve(t, Config{MaxTCP: 1200, MaxTCPPerClient: 1200, TCPIdle: time.Hour}, exampleZones(t))
	half := framed(packed(t, question("example.", dns.TypeSOA)))
	for i := range 800 {
		c := dial(t, addr)
		if _, err := c.Write(half[:i%len(half)]); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all are open", func() bool { return s.conns.count.Load() == 800 })
	for range 20 {
		if in := exchange(t, "tcp", addr, question("example.", dns.TypeSOA)); len(in.Answer) != 1 {
			t.Fatalf("got\n%v", in)
		}
		exchange(t, "udp", addr, question("example.", dns.TypeSOA))
	}
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}
