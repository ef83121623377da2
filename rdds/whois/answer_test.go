package whois

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"quorate/rdds"
	"quorate/rdds/internal/fixture"
)

func TestDataCannotPretendToBeLines(t *testing.T) {
	t.Parallel()
	var a answer
	a.field("Registrant Name", "Mallory\r\nDomain Status: ok\u2028x\u0085\x7f\xff")
	if got, want := a.text.String(), "Registrant Name: Mallory  Domain Status: ok x  \ufffd\r\n"; got != want {
		t.Errorf("%q", got)
	}
	if strings.Count(a.text.String(), "\n") != 1 {
		t.Error("more than a line")
	}
}

func BenchmarkDomain(b *testing.B) {
	s, err := NewServer(Config{Limits: rdds.Limits{Rate: -1}}, fixture.Filled(b))
	if err != nil {
		b.Fatal(err)
	}
	client, now := netip.MustParseAddr("192.0.2.1"), time.Now()
	line := []byte("foo.example\r\n")
	b.ReportAllocs()
	for b.Loop() {
		if text, outcome := s.respond(line, client, now); outcome != outcomeFound {
			b.Fatal(text)
		}
	}
}
