//go:build linux

package dnsserve

import (
	"context"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"quorate/dnsserve/secondary"
)

// generated is a zone of registryZone that is transferred without ever being in memory: whatever a transfer takes is its own.
type generated struct {
	t     testing.TB
	names int
	key   Key
	steps atomic.Uint32 // since serial 1
}

func (g *generated) soa() RRset { return *oneSet(g.t, soa(1+g.steps.Load())) }

// Key implements Transfers.
func (g *generated) Key(name string) (Key, bool) { return g.key, name == g.key.Name }

// Allowed implements Transfers.
func (g *generated) Allowed(_ string, _ netip.Addr, key string) bool { return key == g.key.Name }

// Snapshot implements Transfers.
func (g *generated) Snapshot(context.Context, string) (RRset, iter.Seq2[RRset, error], error) {
	return g.soa(), func(yield func(RRset, error) bool) {
		for s := range registryZone(g.t, g.names, false) {
			if s.Type != typeSOA && !yield(s, nil) {
				return
			}
		}
	}, nil
}

// Journal implements Transfers: each step adds a delegation.
func (g *generated) Journal(_ context.Context, _ string, from uint32) (RRset, iter.Seq2[Step, error], bool, error) {
	return g.soa(), func(yield func(Step, error) bool) {
		for serial := from; serial < 1+g.steps.Load(); serial++ {
			ns := oneSet(g.t, fmt.Sprintf("new%d.example. 3600 NS ns1.hoster.test.", serial))
			if !yield(Step{Removed: []RRset{*oneSet(g.t, soa(serial))}, Added: []RRset{*oneSet(g.t, soa(serial+1)), *ns}}, nil) {
				return
			}
		}
	}, from <= 1+g.steps.Load(), nil
}

// peakMemory is the most memory that this process has had resident, in octets, since it was last forgotten.
func peakMemory(b *testing.B, forget bool) (n int) {
	if forget {
		if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
			b.Fatal(err)
		}
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	fmt.Sscan(rest, &n)
	return n << 10
}

// BenchmarkTransfer has each secondary that is installed take a zone of -names delegations by AXFR, signed by TSIG, and then a
// change by IXFR: go test ./dnsserve -run - -bench Transfer -benchtime 1x -args -names 1000000
func BenchmarkTransfer(b *testing.B) {
	for _, program := range secondary.Programs {
		b.Run(program.Name, func(b *testing.B) {
			if _, err := program.Path(); err != nil {
				b.Skip(err)
			}
			for b.Loop() {
				g := &generated{t: b, names: *benchNames, key: Key{Name: "key.example.", Algorithm: HMACSHA256, Secret: []byte(strings.Repeat("secret", 6))}}
				zones := NewZones()
				apex := func() {
					soa := g.soa()
					sets := []RRset{soa, *oneSet(b, "example. 3600 NS ns1.nic.example.")}
					if err := zones.Load("example.", soaSerial(soa.RData[0]), sequence(sets)); err != nil {
						b.Fatal(err)
					}
				}
				apex()
				busy := spent(b)
				for s := range registryZone(b, g.names, false) {
					_ = s
				}
				making := spent(b) - busy
				s, addr := serve(b, Config{Transfers: g}, zones)
				before := peakMemory(b, true)
				busy = spent(b)
				began := time.Now()
				at := startSecondary(b, program, addr, g.key)
				await := func(what string, ok func() bool) {
					ctx, cancel := context.WithTimeout(b.Context(), 30*time.Minute)
					defer cancel()
					for tick := time.NewTicker(5 * time.Millisecond); !ok(); {
						select {
						case <-tick.C:
						case <-ctx.Done():
							b.Fatalf("never: %s", what)
						}
					}
				}
				await("the transfer is done", func() bool { return s.transfers.counts[0][transferDone].Load() > 0 })
				b.ReportMetric(time.Since(began).Seconds(), "AXFR-s")
				b.ReportMetric((spent(b) - busy - making).Seconds(), "AXFR-CPU-s")
				b.ReportMetric(float64(peakMemory(b, false)-before)/(1<<20), "peak-MiB")
				has := func(serial uint32) func() bool {
					return func() bool { n, ok := serialAt(at, "example."); return ok && n == serial }
				}
				await("the secondary serves the zone", has(1))
				b.ReportMetric(time.Since(began).Seconds(), "served-s")
				g.steps.Add(1)
				apex()
				notifier := NewNotifier(slog.New(slog.NewTextHandler(io.Discard, nil)))
				began = time.Now()
				notifier.Notify("example.", g.soa(), []Target{{netip.MustParseAddrPort(at), &g.key}})
				await("the secondary has the change", has(2))
				b.ReportMetric(time.Since(began).Seconds()*1000, "IXFR-ms")
				notifier.Close()
				if n := s.transfers.counts[0][transferDone].Load(); n != 1 {
					b.Errorf("%d AXFR", n)
				}
				b.ReportMetric(0, "ns/op")
			}
		})
	}
}
