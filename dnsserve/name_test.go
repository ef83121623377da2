package dnsserve

import (
	"bytes"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func TestParseName(t *testing.T) {
	t.Parallel()
	good := map[string]string{
		".":                           "\x00",
		"example.":                    "\x07example\x00",
		"A.Example.":                  "\x01a\x07example\x00",
		`a\.b.example.`:               "\x03a.b\x07example\x00",
		`\000\255\\.x.`:               "\x03\x00\xff\\\x01x\x00",
		`\065.`:                       "\x01a\x00",
		"*.x.":                        "\x01*\x01x\x00",
		strings.Repeat("a", 63) + ".": "\x3f" + strings.Repeat("a", 63) + "\x00",
		strings.Repeat("a.", 127):     strings.Repeat("\x01a", 127) + "\x00",
	}
	for in, want := range good {
		got, err := parseName(in)
		if err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "..", ".a.", "a", "a.b", "a..", `a\`, `a\.`, `\25.`, `\256.`, `\2x5.`,
		strings.Repeat("a", 64) + ".", strings.Repeat("a.", 128)} {
		if got, err := parseName(in); err == nil {
			t.Errorf("%q: no error but %q", in, got)
		}
	}
}

// FuzzName compares parseName and show with another implementation.
func FuzzName(f *testing.F) {
	for _, s := range []string{".", "example.", `a\.b\000.Ex-Ample.`, "a..b.", `\`, `\3`, "xn--p1ai."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		wire, err := parseName(s)
		if err != nil {
			return
		}
		if nameLen(wire) != len(wire) || labelCount(wire) > maxLabels {
			t.Fatalf("%q: malformed %q", s, wire)
		}
		again, err := parseName(show(wire))
		if err != nil || !bytes.Equal(again, wire) {
			t.Fatalf("%q: shown as %q, which is %q, %v", s, show(wire), again, err)
		}
		theirs, _, err := dns.UnpackDomainName(wire, 0)
		if err != nil || theirs != show(wire) && dns.CanonicalName(theirs) != dns.CanonicalName(show(wire)) {
			theirsWire := make([]byte, maxName)
			if n, err := dns.PackDomainName(theirs, theirsWire, 0, nil, false); err != nil || !bytes.Equal(fold(theirsWire[:n]), wire) {
				t.Fatalf("%q: %q here, %q there (%v)", s, show(wire), theirs, err)
			}
		}
	})
}
