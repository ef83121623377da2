package dnsserve

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func local(code uint16) func(*dns.OPT) {
	return func(o *dns.OPT) { o.Option = append(o.Option, &dns.EDNS0_LOCAL{Code: code}) }
}

// localData returns an option's octets; nil if there is none.
func localData(t testing.TB, m *dns.Msg, code uint16) []byte {
	t.Helper()
	switch e := option(m, code).(type) {
	case nil:
		return nil
	case *dns.EDNS0_LOCAL:
		return e.Data
	case *dns.EDNS0_EXPIRE:
		return binary.BigEndian.AppendUint32(nil, e.Expire)
	case *dns.EDNS0_ZONEVERSION:
		return append([]byte{e.LabelCount, e.Type}, e.Version...)
	default:
		t.Fatalf("option %T", e)
		return nil
	}
}

func TestZoneVersion(t *testing.T) {
	t.Parallel()
	zones := exampleZones(t)
	load(t, zones, "a.b.test.", "a.b.test. 60 SOA a. b. 4294967295 1 1 1 1\na.b.test. 60 NS a.")
	_, addr := serve(t, Config{}, zones)
	for _, network := range []string{"udp", "tcp"} {
		for name, want := range map[string][]byte{
			"example.": {1, 0, 0, 0, 0, 7}, "www.foo.example.": {1, 0, 0, 0, 0, 7}, "nothing.example.": {1, 0, 0, 0, 0, 7},
			"x.a.b.test.": {3, 0, 255, 255, 255, 255}, "com.": nil,
		} {
			in := exchange(t, network, addr, withOPT(question(name, dns.TypeA), 1232, local(optionZoneVersion)))
			if got := localData(t, in, optionZoneVersion); !bytes.Equal(got, want) {
				t.Errorf("%s %s: %v, want %v", network, name, got, want)
			}
		}
	}
	if in := exchange(t, "udp", addr, withOPT(question("example.", dns.TypeA), 1232, nil)); option(in, optionZoneVersion) != nil {
		t.Errorf("not asked for:\n%v", in)
	}
}

func TestExpire(t *testing.T) {
	t.Parallel()
	_, addr := serve(t, Config{}, exampleZones(t))
	for typ, want := range map[uint16][]byte{dns.TypeSOA: {0, 9, 58, 128}, dns.TypeNS: nil} { // 604800
		in := exchange(t, "udp", addr, withOPT(question("example.", typ), 1232, local(optionExpire)))
		if got := localData(t, in, optionExpire); !bytes.Equal(got, want) {
			t.Errorf("type %d: %v, want %v", typ, got, want)
		}
	}
}

func TestKeepalive(t *testing.T) {
	t.Parallel()
	_, addr := serve(t, Config{TCPIdle: 7 * time.Second, MaxTCP: 8}, exampleZones(t))
	m := withOPT(question("example.", dns.TypeSOA), 1232, local(optionKeepalive))
	keepalive := func(in *dns.Msg) (uint16, bool) {
		e, ok := option(in, optionKeepalive).(*dns.EDNS0_TCP_KEEPALIVE)
		if !ok {
			return 0, false
		}
		return e.Timeout, true
	}
	if got, ok := keepalive(exchange(t, "tcp", addr, m)); !ok || got != 70 {
		t.Errorf("%d, %v: want 70", got, ok)
	}
	if got, ok := keepalive(exchange(t, "udp", addr, m)); ok {
		t.Errorf("by UDP: %d", got)
	}
	if got, ok := keepalive(exchange(t, "tcp", addr, question("example.", dns.TypeSOA))); ok {
		t.Errorf("not asked for: %d", got)
	}
	for range 5 {
		dial(t, addr)
	}
	eventually(t, "less time when many are there", func() bool {
		got, ok := keepalive(exchange(t, "tcp", addr, m))
		return ok && got == 10
	})
}

// TestExtendedErrors: who asks with EDNS is told why there is no answer.
func TestExtendedErrors(t *testing.T) {
	t.Parallel()
	zones := exampleZones(t)
	load(t, zones, "expired.", "expired. 60 SOA a. b. 1 1 1 1 1\nexpired. 60 NS a.")
	for origin, why := range map[string]Why{"expired.": SignatureExpired, "absent.": NotReady} {
		if err := zones.Withhold(origin, why); err != nil {
			t.Fatal(err)
		}
	}
	_, addr := serve(t, Config{}, zones)
	in := func(class uint16, m *dns.Msg) *dns.Msg { m.Question[0].Qclass = class; return m }
	opcode := question("example.", dns.TypeSOA)
	opcode.Opcode = dns.OpcodeUpdate
	tests := []struct {
		m           *dns.Msg
		rcode, want int
	}{
		{question("example.", dns.TypeSOA), dns.RcodeSuccess, -1},
		{question("nothing.example.", dns.TypeSOA), dns.RcodeNameError, -1},
		{question("com.", dns.TypeA), dns.RcodeRefused, 20},
		{question("example.", dns.TypeAXFR), dns.RcodeRefused, 18},
		{question("x.example.", dns.TypeAXFR), dns.RcodeNotAuth, 20},
		{in(dns.ClassCHAOS, question("version.bind.", dns.TypeTXT)), dns.RcodeRefused, 21},
		{opcode, dns.RcodeNotImplemented, 21},
		{question("expired.", dns.TypeSOA), dns.RcodeServerFailure, 7},
		{question("x.expired.", dns.TypeA), dns.RcodeServerFailure, 7},
		{question("expired.", dns.TypeDS), dns.RcodeServerFailure, 7},
		{question("absent.", dns.TypeSOA), dns.RcodeServerFailure, 14},
		{question("x.absent.", dns.TypeA), dns.RcodeServerFailure, 14},
	}
	for _, network := range []string{"udp", "tcp"} {
		for _, test := range tests {
			got := -1
			in := exchange(t, network, addr, withOPT(test.m.Copy(), 1232, nil))
			if e, ok := option(in, optionExtended).(*dns.EDNS0_EDE); ok {
				got = int(e.InfoCode)
			}
			if in.Rcode != test.rcode || got != test.want || in.Rcode != 0 && in.Rcode != dns.RcodeNameError && len(in.Answer)+len(in.Ns) > 0 {
				t.Errorf("%s: extended error %d, want %d in\n%v", network, got, test.want, in)
			}
			if in := exchange(t, network, addr, test.m); in.Rcode != test.rcode || in.IsEdns0() != nil {
				t.Errorf("%s: without EDNS\n%v", network, in)
			}
		}
	}
	zones.Release("expired.")
	zones.Release("absent.")
	if in := exchange(t, "udp", addr, question("expired.", dns.TypeSOA)); len(in.Answer) != 1 {
		t.Errorf("released:\n%v", in)
	}
	if in := exchange(t, "udp", addr, question("absent.", dns.TypeSOA)); in.Rcode != dns.RcodeRefused {
		t.Errorf("released:\n%v", in)
	}
}

func TestChaos(t *testing.T) {
	t.Parallel()
	_, addr := serve(t, Config{ChaosID: "site1", ChaosVersion: "quorate"}, exampleZones(t))
	_, shy := serve(t, Config{ChaosID: "site1"}, exampleZones(t))
	ask := func(addr, network, name string, typ uint16) string {
		m := question(name, typ)
		m.Question[0].Qclass = dns.ClassCHAOS
		return dump(exchange(t, network, addr, m))
	}
	for _, network := range []string{"udp", "tcp"} {
		for name, text := range map[string]string{"id.server.": "site1", "HOSTNAME.bind.": "site1", "version.server.": "quorate", "version.bind.": "quorate"} {
			want := "NOERROR aa\nAN " + name + " 0 CH TXT \"" + text + "\"\n"
			if got := ask(addr, network, name, dns.TypeTXT); got != want {
				t.Errorf("%s: %swant %s", name, got, want)
			}
		}
		for _, got := range []string{ask(addr, network, "other.server.", dns.TypeTXT), ask(shy, network, "version.bind.", dns.TypeTXT)} {
			if got != "REFUSED\n" {
				t.Error(got)
			}
		}
		if got := ask(addr, network, "id.server.", dns.TypeA); got != "NOERROR aa\n" {
			t.Error(got)
		}
	}
}

// TestOptionsFit: whatever is asked for fits, and OPT is in truncated answers as well.
func TestOptionsFit(t *testing.T) {
	t.Parallel()
	_, addr := serve(t, Config{NSID: string(bytes.Repeat([]byte{'x'}, maxNSID)), CookieSecrets: secrets}, wideZone(t))
	for _, size := range []uint16{0, 512, 700, 1232, 65535} {
		for _, name := range []string{"example.", "inside.example.", "huge.example.", "www.foo.example.", "com."} {
			m := withCookie(question(name, dns.TypeTXT), "0011223344556677")
			o := m.IsEdns0()
			o.SetUDPSize(size)
			o.SetDo()
			local(optionExpire)(o)
			local(optionZoneVersion)(o)
			local(optionKeepalive)(o)
			o.Option = append(o.Option, &dns.EDNS0_NSID{Code: dns.EDNS0NSID})
			out := raw(t, addr, packed(t, m))
			if limit := min(max(int(size), 512), 1232); len(out) > limit {
				t.Errorf("%s: %d octets for %d", name, len(out), limit)
			}
			in := new(dns.Msg)
			if err := in.Unpack(out); err != nil {
				t.Fatal(err)
			}
			if option(in, dns.EDNS0NSID) == nil || option(in, dns.EDNS0COOKIE) == nil {
				t.Errorf("%s, %d octets:\n%v", name, size, in)
			}
		}
	}
}
