package dnsserve

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// wideZone has delegations whose referrals need more and more room.
func wideZone(t testing.TB) *Zones {
	var b strings.Builder
	b.WriteString(exampleZone)
	for i := range 13 {
		// 13 name servers below the cut, each with both addresses: over 512 octets, under 1232.
		fmt.Fprintf(&b, "inside NS ns%d.inside\nns%d.inside A 192.0.2.%d\nns%d.inside AAAA 2001:db8::%d\n", i, i, i, i, i)
		// The same beside the cut.
		fmt.Fprintf(&b, "beside NS ns%d.inside\n", i)
	}
	for i := range 90 {
		fmt.Fprintf(&b, "huge TXT \"%03d %s\"\n", i, strings.Repeat("x", 200))
	}
	zones := NewZones()
	load(t, zones, "example.", b.String())
	return zones
}

func TestTruncation(t *testing.T) {
	t.Parallel()
	_, addr := serve(t, Config{}, wideZone(t))
	tests := []struct {
		name string
		typ  uint16
		edns uint16 // payload size; 0: no EDNS
		tc   bool
		ns   int // authority records
		ar   int // additional records, OPT not counted: at least one and fewer than 26 when -1
	}{
		{"inside.example.", dns.TypeA, 0, true, 0, 0},
		{"inside.example.", dns.TypeA, 512, true, 0, 0},
		{"inside.example.", dns.TypeA, 100, true, 0, 0}, // below 512 counts as 512
		{"inside.example.", dns.TypeA, 1232, false, 13, 26},
		{"inside.example.", dns.TypeA, 65535, false, 13, 26},
		{"beside.example.", dns.TypeA, 0, false, 13, -1}, // glue beside the cut may go, TC stays clear
		{"beside.example.", dns.TypeA, 1232, false, 13, 26},
		{"huge.example.", dns.TypeTXT, 0, true, 0, 0},
		{"huge.example.", dns.TypeTXT, 65535, true, 0, 0}, // the server's 1232 rules
		{"foo.example.", dns.TypeA, 0, false, 2, 3},
		{"foo.example.", dns.TypeA, 100, false, 2, 3},
	}
	for _, test := range tests {
		m := question(test.name, test.typ)
		limit := 512
		if test.edns > 0 {
			withOPT(m, test.edns, nil)
			limit = max(512, min(int(test.edns), 1232))
		}
		out := raw(t, addr, packed(t, m))
		var in dns.Msg
		if err := in.Unpack(out); err != nil {
			t.Fatal(err)
		}
		ar := 0
		for _, rr := range in.Extra {
			if rr.Header().Rrtype != dns.TypeOPT {
				ar++
			}
		}
		arOK := ar == test.ar || test.ar < 0 && ar > 0 && ar < 26
		if in.Truncated != test.tc || len(in.Ns) != test.ns || !arOK || len(in.Answer) > 0 && test.tc ||
			len(out) > limit || (in.IsEdns0() != nil) != (test.edns > 0) || len(in.Question) != 1 {
			t.Errorf("%s edns %d: %d octets\n%v", test.name, test.edns, len(out), &in)
		}
		whole := exchange(t, "tcp", addr, question(test.name, test.typ))
		if whole.Truncated || len(whole.Answer)+len(whole.Extra) < 3 {
			t.Errorf("%s by TCP:\n%v", test.name, whole)
		}
	}
}

// TestEverySize asks for every size there is and looks that no answer is larger, and that TC is set exactly
// when something of the full answer that may not be left out is left out.
func TestEverySize(t *testing.T) {
	t.Parallel()
	zones := wideZone(t)
	r := &responder{zones: zones, nsid: []byte("node"), udpSize: maxUDPSize, stats: new(counters)}
	out := make([]byte, maxMessage)
	for _, name := range []string{"inside.example.", "beside.example.", "www.some.where.beside.example.", "foo.example.", "example."} {
		full := new(dns.Msg)
		n := r.respond(out, packed(t, question(name, dns.TypeNS)), peer{tcp: true})
		if err := full.Unpack(out[:n]); err != nil {
			t.Fatal(err)
		}
		for size := uint16(512); size < 2048; size++ {
			m := withOPT(question(name, dns.TypeNS), size, func(o *dns.OPT) {
				o.Option = append(o.Option, &dns.EDNS0_NSID{Code: dns.EDNS0NSID})
			})
			n := r.respond(out, packed(t, m), peer{})
			var in dns.Msg
			if err := in.Unpack(out[:n]); err != nil {
				t.Fatalf("%s %d: %v", name, size, err)
			}
			if n > int(size) {
				t.Fatalf("%s: %d octets for %d", name, n, size)
			}
			if in.Truncated {
				if len(in.Answer)+len(in.Ns) > 0 || len(in.Extra) != 1 {
					t.Fatalf("%s %d: truncated answer is not clean\n%v", name, size, &in)
				}
			} else if len(in.Answer) != len(full.Answer) || len(in.Ns) != len(full.Ns) ||
				strings.HasPrefix(name, "inside") && len(in.Extra)-1 != len(full.Extra) {
				t.Fatalf("%s %d: something is missing\n%v", name, size, &in)
			}
		}
	}
}
