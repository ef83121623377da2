package dnsserve

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// everySet lists what a zone holds, sorted, and what its chains of NSEC3 and NSEC are, in their order.
func everySet(t testing.TB, v *version) (sets, denial, sorted []string) {
	t.Helper()
	if err := v.each(func(owner []byte, s rawSet) error {
		sets = append(sets, fmt.Sprintf("%s %d %d %d %x", show(owner), s.typ, s.covers, s.ttl, s.rdata))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(sets)
	v.walk(v.denial, func(r ref) bool { denial = append(denial, show(v.name(r).wire())); return true })
	v.walk(v.sorted, func(r ref) bool { sorted = append(sorted, show(v.name(r).wire())); return true })
	return sets, denial, sorted
}

// TestLoadIsPublication: a zone that is loaded, whose tries are made at once, is the zone that comes of as many
// publications, in whatever order its RRsets are handed in; and what is published to either afterwards leaves the same.
func TestLoadIsPublication(t *testing.T) {
	t.Parallel()
	const names = flushDrafts / 2 // each with four names of its own: they are written out in several turns
	rnd := rand.New(rand.NewPCG(8, 8))
	apex := []RRset{*oneSet(t, soa(1)), *oneSet(t, "example. 60 NS ns.elsewhere.test."), *oneSet(t, "example. 60 NSEC3PARAM 1 0 0 -")}
	sets := slices.Clone(apex[1:])
	for i := range names {
		// Common beginnings, so that heads of the canonical order's keys are alike; and names that have no records.
		owner := fmt.Sprintf("n%d.example.", rnd.Uint32N(1<<20)*names+uint32(i))
		sets = append(sets,
			RRset{Owner: owner, Type: typeNS, TTL: 60, RData: [][]byte{append([]byte("\x03ns1\x03ent"), must(parseName(owner))...)}},
			RRset{Owner: owner, Type: typeNSEC, TTL: 60, RData: [][]byte{{0, 0, 1, 2}}},
			RRset{Owner: "ns1.ent." + owner, Type: typeA, TTL: 60, RData: [][]byte{{192, 0, 2, byte(i)}}})
		var hash [hashSize]byte
		for j := range hash {
			hash[j] = byte(rnd.Uint32())
		}
		var label [labelSize]byte
		hashLabel(&label, &hash)
		sets = append(sets, RRset{Owner: string(label[:]) + ".example.", Type: typeNSEC3, TTL: 60, RData: [][]byte{append([]byte{1, 0, 0, 0, 0, 20}, hash[:]...)}})
	}
	rnd.Shuffle(len(sets), func(i, j int) { sets[i], sets[j] = sets[j], sets[i] })
	loaded, published := NewZones(), NewZones()
	if err := loaded.Load("example.", 2, sequence(append([]RRset{*oneSet(t, soa(2))}, sets...))); err != nil {
		t.Fatal(err)
	}
	if err := published.Load("example.", 1, sequence(apex[:1])); err != nil {
		t.Fatal(err)
	}
	changes := func(sets []RRset, serial uint32, remove bool) []Change {
		all := []Change{put(t, soa(serial))}
		for i, s := range sets {
			c := Change{Owner: s.Owner, Type: s.Type, Covers: s.Covers, Set: &sets[i]}
			if remove {
				c.Set = nil
			}
			all = append(all, c)
		}
		return all
	}
	if err := published.Publish("example.", 1, 2, changes(sets, 2, false)); err != nil {
		t.Fatal(err)
	}
	const origin = "\x07example\x00"
	compare := func() {
		t.Helper()
		a, b := served(loaded, origin), served(published, origin)
		if a.count != b.count {
			t.Errorf("%d names, %d if they are published", a.count, b.count)
		}
		sets, denial, sorted := everySet(t, a)
		wantSets, wantDenial, wantSorted := everySet(t, b)
		if !slices.Equal(sets, wantSets) || !slices.Equal(denial, wantDenial) || !slices.Equal(sorted, wantSorted) {
			t.Fatalf("%d RRsets and chains of %d and %d, or others; published %d, %d and %d",
				len(sets), len(denial), len(sorted), len(wantSets), len(wantDenial), len(wantSorted))
		}
		for _, owner := range sets {
			var name string
			fmt.Sscan(owner, &name)
			if wire := must(parseName(name)); len(name) < labelSize && !a.get(wire).is() {
				t.Fatalf("%s isn't found", name)
			}
		}
	}
	compare()
	if a, _, sorted := everySet(t, served(loaded, origin)); len(a) != len(sets)+1 || len(sorted) != names {
		t.Errorf("%d RRsets, %d in canonical order", len(a), len(sorted))
	}
	// Removal goes by the tries' shape.
	for serial := uint32(3); len(sets) > 0; serial++ {
		n := len(sets)/3 + 1
		for _, zones := range []*Zones{loaded, published} {
			if err := zones.Publish("example.", serial-1, serial, changes(sets[:n], serial, true)); err != nil {
				t.Fatal(err)
			}
		}
		sets = sets[n:]
	}
	compare()
	if n := served(loaded, origin).count; n != 1 {
		t.Errorf("%d names are left", n)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
