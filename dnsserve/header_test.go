package dnsserve

import (
	"bytes"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func packed(t testing.TB, m *dns.Msg) []byte {
	t.Helper()
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Of the query's flags only RD is repeated: CD is for resolvers (RFC 4035 §3.1.6).
func TestFlags(t *testing.T) {
	t.Parallel()
	_, addr := serve(t, Config{}, exampleZones(t))
	for bits := range 8 {
		m := question("example.", dns.TypeTXT)
		m.RecursionDesired, m.CheckingDisabled, m.AuthenticatedData = bits&1 > 0, bits&2 > 0, bits&4 > 0
		m.Zero, m.RecursionAvailable = true, true
		in := exchange(t, "udp", addr, m)
		want := "NOERROR aa"
		if m.RecursionDesired {
			want += " rd"
		}
		if got, _, _ := strings.Cut(dump(in), "\n"); got != want || in.Id != m.Id {
			t.Errorf("bits %03b: got %s, want %s", bits, got, want)
		}
	}
}

func TestOpcodes(t *testing.T) {
	t.Parallel()
	_, addr := serve(t, Config{}, exampleZones(t))
	for opcode := 1; opcode < 16; opcode++ {
		m := withOPT(question("example.", dns.TypeSOA), 1232, nil)
		m.Opcode = opcode
		msg := packed(t, m)
		var in dns.Msg
		if err := in.Unpack(raw(t, addr, msg)); err != nil {
			t.Fatal(err)
		}
		if in.Rcode != dns.RcodeNotImplemented || in.Opcode != opcode || len(in.Answer) > 0 || in.IsEdns0() == nil || in.Authoritative {
			t.Errorf("opcode %d: got\n%v", opcode, &in)
		}
		// Other opcodes may have another format: what can't be read as a query is NOTIMP all the same.
		if err := in.Unpack(raw(t, addr, msg[:20])); err != nil || in.Rcode != dns.RcodeNotImplemented {
			t.Errorf("opcode %d, cut short: %v\n%v", opcode, err, &in)
		}
		// Another version of EDNS comes first (RFC 6891 §6.1.3).
		m.IsEdns0().SetVersion(1)
		if in := exchange(t, "udp", addr, m); in.Rcode != dns.RcodeBadVers || in.Opcode != opcode {
			t.Errorf("opcode %d, EDNS version 1: got\n%v", opcode, in)
		}
	}
}

func TestClassesAndTransfers(t *testing.T) {
	t.Parallel()
	_, addr := serve(t, Config{}, exampleZones(t))
	ask := func(name string, typ, class uint16) {
		m := question(name, typ)
		m.Question[0].Qclass = class
		for _, network := range []string{"udp", "tcp"} {
			if in := exchange(t, network, addr, m); dump(in) != "REFUSED\n" || len(in.Question) != 1 {
				t.Errorf("%s %s type %d class %d: got\n%v", network, name, typ, class, in)
			}
		}
	}
	for _, class := range []uint16{0, dns.ClassCHAOS, dns.ClassHESIOD, dns.ClassNONE, dns.ClassANY, 4711} {
		ask("example.", dns.TypeSOA, class)
	}
	ask("version.bind.", dns.TypeTXT, dns.ClassCHAOS)
	ask("example.", dns.TypeAXFR, dns.ClassINET)
	ask("example.", dns.TypeIXFR, dns.ClassINET)
}

// TestFormatErrors: what has a readable header but is no query gets FORMERR, the question only if it was
// one.
func TestFormatErrors(t *testing.T) {
	t.Parallel()
	_, addr := serve(t, Config{}, exampleZones(t))
	good := packed(t, question("www.example.", dns.TypeA))
	edit := func(f func(b []byte) []byte) []byte { return f(bytes.Clone(good)) }
	tests := []struct {
		name      string
		msg       []byte
		questions int
	}{
		{"no question", edit(func(b []byte) []byte { b[5] = 0; return b[:12] }), 0},
		{"two questions", edit(func(b []byte) []byte { b[5] = 2; return append(b, b[12:]...) }), 0},
		{"65535 questions", edit(func(b []byte) []byte { b[4], b[5] = 255, 255; return b }), 0},
		{"header alone", good[:12], 0},
		{"name cut short", good[:18], 0},
		{"no type", good[:len(good)-4], 0},
		{"no class", good[:len(good)-1], 0},
		{"octets behind", append(bytes.Clone(good), 0), 1},
		{"missing additional record", edit(func(b []byte) []byte { b[11] = 1; return b }), 1},
		{"65535 of everything", edit(func(b []byte) []byte {
			copy(b[6:], []byte{255, 255, 255, 255, 255, 255})
			return b
		}), 1},
		{"compressed question", append(bytes.Clone(good[:12]), 0xc0, 12, 0, 1, 0, 1), 0},
		{"label type 01", append(bytes.Clone(good[:12]), 0x41, 'x', 0, 0, 1, 0, 1), 0},
		{"name too long", append(append(bytes.Clone(good[:12]), bytes.Repeat([]byte{1, 'a'}, 127)...), 1, 'a', 0, 0, 1, 0, 1), 0},
	}
	for _, test := range tests {
		out := raw(t, addr, test.msg)
		var in dns.Msg
		if err := in.Unpack(out); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if in.Rcode != dns.RcodeFormatError || len(in.Question) != test.questions || in.Id != uint16(good[0])<<8|uint16(good[1]) ||
			len(in.Answer)+len(in.Ns)+len(in.Extra) > 0 {
			t.Errorf("%s: got\n%v", test.name, &in)
		}
	}
	// The longest name there can be is no error.
	longest := append(append(bytes.Clone(good[:12]), bytes.Repeat([]byte{1, 'a'}, 127)...), 0, 0, 1, 0, 1)
	if out := raw(t, addr, longest); out[3]&15 != dns.RcodeRefused {
		t.Errorf("name of 255 octets: %x", out)
	}
}

// TestSilence: no answer to answers nor to what is shorter than a header. A good query behind each shows
// that the server had its chance.
func TestSilence(t *testing.T) {
	t.Parallel()
	s, addr := serve(t, Config{}, exampleZones(t))
	reply := packed(t, question("example.", dns.TypeSOA))
	reply[2] |= 0x80
	for _, network := range []string{"udp", "tcp"} {
		c, err := dns.DialTimeout(network, addr, deadline)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		silent := [][]byte{reply}
		if network == "udp" {
			silent = append(silent, []byte{}, []byte{1}, reply[:11])
		}
		for _, msg := range silent {
			if _, err := c.Write(msg); err != nil {
				t.Fatal(err)
			}
		}
		m := question("example.", dns.TypeSOA)
		in, _, err := (&dns.Client{Net: network, Timeout: deadline}).ExchangeWithConn(m, c)
		if err != nil || in.Id != m.Id {
			t.Errorf("%s: %v %v", network, err, in)
		}
	}
	eventually(t, "five messages dropped", func() bool {
		var n uint64
		for i := range s.udpStats {
			n += s.udpStats[i].dropped.Load()
		}
		for i := range s.tcpStats {
			n += s.tcpStats[i].dropped.Load()
		}
		return n == 5
	})
}
