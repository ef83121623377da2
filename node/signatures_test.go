package node

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"quorate/dnsserve"
)

// signedZone are a zone's RRsets whose signatures end at a time.
func signedZone(end time.Time) func(func(dnsserve.RRset, error) bool) {
	ns := []byte{2, 'n', 's', 4, 't', 'e', 's', 't', 0}
	soa := append(append([]byte{}, ns...), ns...)
	soa = append(soa, make([]byte, 20)...)
	binary.BigEndian.PutUint32(soa[len(soa)-20:], 7)
	sig := func(covers uint16) []byte {
		b := binary.BigEndian.AppendUint16(nil, covers)
		b = append(b, 13, 1, 0, 0, 14, 16)
		b = binary.BigEndian.AppendUint32(b, uint32(end.Unix()))
		b = binary.BigEndian.AppendUint32(b, 0)
		b = append(b, 1, 1)
		return append(append(b, "\x07example\x00"...), make([]byte, 64)...)
	}
	sets := []dnsserve.RRset{{Owner: "example.", Type: 6, TTL: 3600, RData: [][]byte{soa}}, {Owner: "example.", Type: 2, TTL: 3600, RData: [][]byte{ns}}}
	for _, s := range sets[:2] {
		sets = append(sets, dnsserve.RRset{Owner: "example.", Type: typeRRSIG, Covers: s.Type, TTL: 3600, RData: [][]byte{sig(s.Type)}})
	}
	return func(yield func(dnsserve.RRset, error) bool) {
		for _, s := range sets {
			if !yield(s, nil) {
				return
			}
		}
	}
}

// A node that is cut off serves until its signatures are near their end, says so before, and then sends resolvers elsewhere, those that
// don't validate too; when it follows the cluster again, it answers. A node that follows it goes on, whatever its signatures.
func TestSignaturesEndAtANodeThatIsCutOff(t *testing.T) {
	t.Parallel()
	zones := dnsserve.NewZones()
	now := time.Now()
	end := now.Add(100 * 24 * time.Hour) // far enough for the name server, which has a clock of its own
	load := func(end time.Time) {
		t.Helper()
		if err := zones.Load("example.", 7, signedZone(end)); err != nil {
			t.Fatal(err)
		}
	}
	load(end)
	logTime := now
	var said strings.Builder
	w := &signatureWatch{
		zones: zones, now: func() time.Time { return now }, logTime: func() (time.Time, error) { return logTime, nil },
		log: slog.New(slog.NewTextHandler(&said, nil)),
	}
	address := freeAddress(t)
	server := dnsserve.NewServer(dnsserve.Config{Listen: []string{address}, Log: quiet}, zones)
	if err := server.Listen(); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(context.Background()) }()
	t.Cleanup(func() {
		if err := server.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, dnsserve.ErrClosed) {
			t.Error(err)
		}
	})
	check := func(what string, rcode int, ready bool, lines int) {
		t.Helper()
		w.look()
		w.look() // what was said isn't said again
		for _, do := range []bool{false, true} {
			m := new(dns.Msg)
			m.SetQuestion("example.", dns.TypeSOA)
			m.SetEdns0(1232, do)
			got, err := dns.Exchange(m, address)
			if err != nil {
				t.Fatal(err)
			}
			why := -1
			for _, o := range got.IsEdns0().Option {
				if e, ok := o.(*dns.EDNS0_EDE); ok {
					why = int(e.InfoCode)
				}
			}
			if got.Rcode != rcode || rcode == dns.RcodeServerFailure && why != 7 {
				t.Errorf("%s: rcode %d, extended error %d; DO %v", what, got.Rcode, why, do)
			}
		}
		if err := w.ready(); (err == nil) != ready {
			t.Errorf("%s: ready for DNS: %v", what, err)
		}
		if n := strings.Count(said.String(), "\n"); n != lines {
			t.Errorf("%s: %d lines, want %d:\n%s", what, n, lines, said.String())
		}
		said.Reset()
		if w.withholds("example.") != (rcode != dns.RcodeSuccess) {
			t.Errorf("%s: the status says withheld: %v", what, w.withholds("example."))
		}
	}
	check("fresh", dns.RcodeSuccess, true, 0)
	now = now.Add(2 * time.Hour)
	check("cut off for two hours", dns.RcodeSuccess, true, 1)
	if age := w.age(); age != 2*time.Hour {
		t.Errorf("the state is %s old", age)
	}
	now = end.Add(-49 * time.Hour)
	check("for long", dns.RcodeSuccess, true, 0)
	now = end.Add(-47 * time.Hour)
	check("near the signatures' end", dns.RcodeSuccess, false, 1)
	now = end.Add(-61 * time.Minute)
	check("very near", dns.RcodeSuccess, false, 0)
	now = end.Add(-59 * time.Minute)
	check("at the signatures' end", dns.RcodeServerFailure, false, 1)
	now = end.Add(time.Hour)
	check("after it", dns.RcodeServerFailure, false, 0)
	logTime = now
	check("with the cluster, which has no newer ones either", dns.RcodeSuccess, true, 2)
	logTime = end.Add(-30 * 24 * time.Hour)
	check("cut off again", dns.RcodeServerFailure, false, 2)
	end = end.Add(20 * 24 * time.Hour)
	load(end)
	check("with newer signatures", dns.RcodeSuccess, true, 1)
}

// A node says by its probe, its status and its metrics whether resolvers are well off with it.
func TestReadyForDNS(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	n, _ := running(t, c)
	eventually(t, "ready", func() bool { status, _ := get(c, "/readyz"); return status == 200 })
	if status, body := get(c, "/readyz/dns"); status != 200 {
		t.Errorf("%d %s", status, body)
	}
	openTLD(t, n)
	eventually(t, "a signed zone", func() bool { _, signed := n.zones.Expires("example."); return signed })
	// The clock of a node that has been away for longer than its signatures last.
	n.signatures.mu.Lock()
	n.signatures.now = func() time.Time { return time.Now().Add(100 * 24 * time.Hour) }
	n.signatures.mu.Unlock()
	n.signatures.look()
	status, body := get(c, "/readyz/dns")
	if status != http.StatusServiceUnavailable || !strings.Contains(body, "example. is not answered for") {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := get(c, "/readyz"); status != 200 {
		t.Errorf("EPP isn't ready: %d", status)
	}
	_, metrics := get(c, "/metrics")
	for _, want := range []string{`quorate_zone_withheld{zone="example"} 1`, "quorate_state_age_seconds 8.6"} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no metric %s", want)
		}
	}
	s, err := adminDoor{n.consensus, n}.Status(t.Context())
	if err != nil || !strings.Contains(s.DNS, "not answered for") || s.Ready != "ok" || len(s.Zones) != 1 || !s.Zones[0].Withheld {
		t.Errorf("%+v, %v", s, err)
	}
}
