package dnsserve

import (
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"

	"quorate/dnsserve/secondary"
)

// startSecondary runs a secondary of example. until the test ends and returns its address.
func startSecondary(t testing.TB, program secondary.Program, primary string, key Key) string {
	t.Helper()
	s, err := program.Start(t.TempDir(), secondary.Zone{
		Name: "example.", Primaries: []netip.AddrPort{netip.MustParseAddrPort(primary)}, Key: key.Name, Secret: secretOf(key),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if said := s.Stop(); t.Failed() {
			t.Logf("%s says:\n%s", program.Name, said)
		}
	})
	return s.Address.String()
}

// serialAt is the serial that a server has; false when it has none yet.
func serialAt(addr, origin string) (uint32, bool) {
	c := dns.Client{Timeout: time.Second}
	in, _, err := c.Exchange(question(origin, dns.TypeSOA), addr)
	if err != nil || len(in.Answer) != 1 {
		return 0, false
	}
	s, ok := in.Answer[0].(*dns.SOA)
	if !ok {
		return 0, false
	}
	return s.Serial, true
}

// TestSecondaries: name servers that aren't ours follow a zone by AXFR, then by NOTIFY and IXFR, and, when the
// journal doesn't reach back, by AXFR again; and at each serial they hold what we hold.
func TestSecondaries(t *testing.T) {
	t.Parallel()
	for _, program := range secondary.Programs {
		t.Run(program.Name, func(t *testing.T) {
			t.Parallel()
			tool(t, program.Executable)
			p := newPrimary(t, "example.", exampleZone)
			key := p.addKey("key.example.", HMACSHA256)
			p.allow = func(_ netip.Addr, name string) bool { return name == key.Name }
			s, addr := p.serve(Config{CookieSecrets: secrets})
			at := startSecondary(t, program, addr, key)
			notifier := NewNotifier(slog.New(slog.NewTextHandler(io.Discard, nil)))
			defer notifier.Close()
			follows := func() {
				t.Helper()
				eventually(t, fmt.Sprintf("%s has serial %d", program.Name, p.serial), func() bool {
					serial, ok := serialAt(at, p.origin)
					return ok && serial == p.serial
				})
				rrs, err := transfer(t, at, axfr(p.origin), nil)
				if err != nil {
					t.Fatal(err)
				}
				checkZone(t, p, rrs)
			}
			tell := func() {
				notifier.Notify(p.origin, p.soa(), []Target{{netip.MustParseAddrPort(at), &key}})
			}
			follows()
			for _, changes := range [][]string{
				{"new.example. 60 NS ns1.new.example.", "ns1.new.example. 60 A 192.0.2.77"},
				{"foo.example. 3600 NS ns1.foo.example.\nfoo.example. 3600 NS ns9.elsewhere.test.", "example. 60 TXT \"changed\""},
				{"-new.example. 60 NS ns1.new.example.", "-ns1.new.example. 60 A 192.0.2.77"},
				{},
			} {
				p.publish(changes...)
				tell()
				follows()
			}
			whole := s.transfers.counts[0][transferDone].Load()
			if n := s.transfers.counts[1][transferDone].Load(); n < 4 || whole > 1 {
				t.Errorf("followed by %d IXFR and %d AXFR, want 4 and 1", n, whole)
			}
			for i := range 20 { // several steps in one transfer
				p.publish(fmt.Sprintf("n%d.example. 60 NS ns.elsewhere.test.", i))
			}
			tell()
			follows()
			p.publish("later.example. 60 NS ns.elsewhere.test.")
			p.forget(len(p.steps))
			tell()
			follows()
			eventually(t, "all NOTIFY are acknowledged", func() bool {
				return notifier.counts[notifyAcknowledged].Load() >= 5 && notifier.counts[notifyRefused].Load() == 0
			})
		})
	}
}
