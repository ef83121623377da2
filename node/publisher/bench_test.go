package publisher

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"quorate/fsm"
	"quorate/fsm/registry"
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

// BenchmarkFirstSigning signs a zone of many delegations, two of five with DS, for the first time.
func BenchmarkFirstSigning(b *testing.B) {
	const delegations = 20_000
	for b.Loop() {
		b.StopTimer()
		r := newRig(b, 3)
		r.open("example", true)
		r.do(reg1, registry.KindHostCreate, registry.HostCreate{Name: "ns.elsewhere.test"})
		var entries []fsm.Entry
		for i := range delegations {
			c := registry.DomainCreate{Name: fmt.Sprintf("d%d.example", i), Hosts: []string{"ns.elsewhere.test"}}
			if i%5 < 2 {
				c.DS = []registry.DSData{{KeyTag: 1, Algorithm: 13, DigestType: 2, Digest: make([]byte, 32)}}
			}
			if entries = append(entries, r.entry(reg1, registry.KindDomainCreate, c)); len(entries) == 1000 {
				if _, err := r.m.Apply(entries); err != nil {
					b.Fatal(err)
				}
				entries = nil
			}
		}
		r.publish()
		b.StartTimer()
		r.setForm("example", registry.Form{Signed: true})
		r.publish()
	}
	b.ReportMetric(delegations*float64(b.N)/b.Elapsed().Seconds(), "delegations/s")
}
