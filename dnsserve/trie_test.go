package dnsserve

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
)

// TestTrie runs random editions beside a map, with hashes of few values so that whole hashes collide, and
// looks at every edition again at the end: none may have been changed by a later one.
func TestTrie(t *testing.T) {
	t.Parallel()
	for _, values := range []uint64{1, 3, 50, 1 << 63} {
		rnd := rand.New(rand.NewPCG(values, 2))
		type snapshot struct {
			root *branch
			want map[string]*name
		}
		var all []snapshot
		root, want := &branch{}, map[string]*name{}
		wires := make([][]byte, 300)
		hashes := make([]uint64, len(wires))
		for i := range wires {
			wires[i], _ = parseName(fmt.Sprintf("n%d.example.", i*i))
			hashes[i] = rnd.Uint64N(values)
		}
		for range 60 {
			e := new(edition)
			want = maps.Clone(want)
			for range rnd.IntN(40) {
				i := rnd.IntN(len(wires))
				if n := want[string(wires[i])]; n != nil && rnd.IntN(2) == 0 {
					root = root.remove(e, 0, n)
					delete(want, string(wires[i]))
					continue
				}
				n := &name{hash: hashes[i], wire: wires[i]}
				root = root.put(e, 0, n)
				want[string(wires[i])] = n
			}
			all = append(all, snapshot{root, want})
		}
		for i, s := range all {
			if s.root.size() != len(s.want) {
				t.Fatalf("%d hashes, edition %d: %d names, want %d", values, i, s.root.size(), len(s.want))
			}
			for j, wire := range wires {
				if got := s.root.get(hashes[j], wire); got != s.want[string(wire)] {
					t.Fatalf("%d hashes, edition %d: %s is %v", values, i, show(wire), got)
				}
			}
		}
		// Emptied, it is one empty branch again.
		e := new(edition)
		for _, n := range want {
			root = root.remove(e, 0, n)
		}
		if len(root.names) != 0 || len(root.branches) != 0 {
			t.Errorf("%d hashes: %d names and %d branches are left", values, len(root.names), len(root.branches))
		}
	}
}

// TestPublicationCopiesLittle counts the branches that a publication of one name makes in a large zone.
func TestPublicationCopiesLittle(t *testing.T) {
	t.Parallel()
	zones := NewZones()
	sets := []RRset{*oneSet(t, soa(1))}
	for i := range 20000 {
		sets = append(sets, RRset{Owner: fmt.Sprintf("d%d.example.", i), Type: typeNS, TTL: 60, RData: [][]byte{{1, 'a', 0}}})
	}
	if err := zones.Load("example.", 1, sequence(sets)); err != nil {
		t.Fatal(err)
	}
	branches := func() map[*branch]bool {
		all := make(map[*branch]bool)
		zones.table.Load().zones["\x07example\x00"].version.Load().root.collect(all)
		return all
	}
	before := branches()
	if err := zones.Publish("example.", 1, 2, []Change{put(t, soa(2)), put(t, "new.example. 60 NS a.")}); err != nil {
		t.Fatal(err)
	}
	fresh := 0
	for b := range branches() {
		if !before[b] {
			fresh++
		}
	}
	// Two names, the apex and the new one: a path each.
	if fresh < 2 || fresh > 2*6 || len(before) < 400 {
		t.Errorf("%d branches made of %d", fresh, len(before))
	}
}

func (b *branch) size() int {
	n := len(b.names)
	for _, kid := range b.branches {
		n += kid.size()
	}
	return n
}

func (b *branch) collect(all map[*branch]bool) {
	all[b] = true
	for _, kid := range b.branches {
		kid.collect(all)
	}
}
