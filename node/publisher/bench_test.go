package publisher

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/metrics"
	"syscall"
	"testing"
	"time"

	"quorate/fsm"
	"quorate/fsm/registry"
	"quorate/fsm/store"
)

// BenchmarkPublish publishes full batches of new delegations, two of five with DS: making the plan, signing, applying.
func BenchmarkPublish(b *testing.B) {
	r := newRig(b, 3)
	r.open("example", false)
	r.publish()
	next := 0
	batch := func(n int) {
		var entries []fsm.Entry
		for range n {
			c := registry.DomainCreate{Name: fmt.Sprintf("d%d.example", rand.Uint64()), Hosts: []string{"ns.elsewhere.test"}}
			if next++; next%5 < 2 {
				c.DS = []registry.DSData{{KeyTag: 1, Algorithm: 13, DigestType: 2, Digest: make([]byte, 32)}}
			}
			entries = append(entries, r.entry(reg1, registry.KindDomainCreate, c))
		}
		if out, err := r.m.Apply(entries); err != nil || out.Results[0].Fail != nil {
			b.Fatal(err, out.Results)
		}
	}
	r.do(reg1, registry.KindHostCreate, registry.HostCreate{Name: "ns.elsewhere.test"})
	batch(10_000)
	r.publish()
	b.ResetTimer()
	names := 0
	for b.Loop() {
		b.StopTimer()
		batch(maxNames)
		b.StartTimer()
		names += maxNames
		if _, err := r.p.Once(context.Background(), r.execute); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		r.publish()
		b.StartTimer()
	}
	b.ReportMetric(float64(names)/b.Elapsed().Seconds(), "names/s")
}

var firstNames = flag.Int("names", 20_000, "delegations of the zone that BenchmarkFirstSigning signs")

// BenchmarkFirstSigning signs a zone of many delegations, two of five with DS, for the first time: processor time of all that it takes at
// the leader (plans, signatures, and its own applying of the parts), the parts that it comes in, and the most memory in use.
//
//	go test ./node/publisher -run - -bench FirstSigning -benchtime 1x -args -names 1000000
func BenchmarkFirstSigning(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		r := newRig(b, 3)
		r.open("example", true)
		r.do(reg1, registry.KindHostCreate, registry.HostCreate{Name: "ns.elsewhere.test"})
		var entries []fsm.Entry
		apply := func() {
			out, err := r.m.Apply(entries)
			if err != nil || len(out.Results) > 0 && out.Results[0].Fail != nil {
				b.Fatal(err, out.Results)
			}
			entries = nil
		}
		for i := range *firstNames {
			c := registry.DomainCreate{Name: fmt.Sprintf("d%d.example", i), Hosts: []string{"ns.elsewhere.test"}}
			if i%5 < 2 {
				c.DS = []registry.DSData{{KeyTag: 1, Algorithm: 13, DigestType: 2, Digest: make([]byte, 32)}}
			}
			if entries = append(entries, r.entry(reg1, registry.KindDomainCreate, c)); len(entries) == 1000 {
				apply()
			}
		}
		apply()
		r.publish()
		runtime.GC()
		parts, octets, most := 0, 0, uint64(0)
		r.before = func(kind registry.Kind, body any) {
			if kind == registry.KindZoneStage {
				parts++
				octets += len(store.Encode(body))
			}
			sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
			metrics.Read(sample)
			most = max(most, sample[0].Value.Uint64())
		}
		before := processorTime(b)
		b.StartTimer()
		r.setForm("example", registry.Form{Signed: true})
		r.publish()
		b.StopTimer()
		if z := r.zone("example"); z.Delegations != uint64(*firstNames) {
			b.Fatalf("%d delegations are signed, want %d", z.Delegations, *firstNames)
		}
		b.ReportMetric((processorTime(b)-before).Seconds()*1e6/float64(*firstNames), "cpu-µs/name")
		b.ReportMetric(float64(parts), "parts")
		b.ReportMetric(float64(octets)/float64(*firstNames), "log-octets/name")
		b.ReportMetric(float64(most)/(1<<20), "heap-MiB")
		b.StartTimer()
	}
}

// processorTime is what this process has used.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkCreates is what a domain:create costs a node in processor time, without protocols, the log and, with TMPDIR in
// memory, the disk: each batch of creates is applied, planned, signed and published. apply and publish are every node's, plan is the leader's.
func BenchmarkCreates(b *testing.B) {
	const batch = 24 // about what gathers at 64 connections
	r := newRig(b, 3)
	thick := tld("example")
	thick.Thick = true
	r.must(operator, registry.KindTLDCreate, registry.TLDCreate{TLD: thick})
	secret := registry.AuthInfo{Sealed: make([]byte, 40)}
	for _, id := range []string{"owner", "admin", "tech"} {
		r.must(reg1, registry.KindContactCreate, registry.ContactCreate{ID: id, Email: "bench@bench.test", AuthInfo: secret, Voice: registry.Phone{Number: "+1.5555550123"},
			Postal: []registry.PostalInfo{{Type: "int", Name: "Benny Bench", Street: []string{"1 Test Street"}, City: "Testville", PostalCode: "90001", Country: "US"}}})
	}
	hosts := []string{"ns1.bench.test", "ns2.bench.test"}
	for _, h := range hosts {
		r.must(reg1, registry.KindHostCreate, registry.HostCreate{Name: h})
	}
	n, next := 0, 0
	create := func() {
		var entries []fsm.Entry
		for range batch {
			n++
			entries = append(entries, r.entry(reg1, registry.KindDomainCreate, registry.DomainCreate{
				Name: fmt.Sprintf("c%d-%d.example", rand.IntN(64), next+n), Months: 12, Registrant: "owner", Hosts: hosts, AuthInfo: secret,
				Contacts: []registry.DomainContact{{Type: "admin", ID: "admin"}, {Type: "tech", ID: "tech"}},
			}))
		}
		if out, err := r.m.Apply(entries); err != nil || out.Results[0].Fail != nil {
			b.Fatal(err, out.Results[0].Fail)
		}
	}
	for range 200 {
		create()
	}
	r.publish()
	var apply, publish, all time.Duration
	r.before = func(registry.Kind, any) { publish -= processorTime(b) }
	r.after = func() { publish += processorTime(b) }
	next, n = n, 0
	b.ReportAllocs()
	for b.Loop() {
		begun := processorTime(b)
		create()
		apply += processorTime(b) - begun
		if _, err := r.p.Once(context.Background(), r.execute); err != nil {
			b.Fatal(err)
		}
		all += processorTime(b) - begun
	}
	each := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(n) }
	b.ReportMetric(each(apply), "µs-apply/create")
	b.ReportMetric(each(all-apply-publish), "µs-plan/create")
	b.ReportMetric(each(publish), "µs-publish/create")
}
