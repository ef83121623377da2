package dnsserve

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// trieKeys are the keys of a test's leaves, which hold nothing but their number.
type trieKeys []key

func (k trieKeys) of(e *edit) keyer {
	return func(r ref, _ *keyBuffer) key { return k[le.Uint32(e.view(r, 4))] }
}

func (k *key) compare(other *key) int {
	if k.head != other.head {
		return bytes.Compare(be.AppendUint64(nil, k.head), be.AppendUint64(nil, other.head))
	}
	return bytes.Compare(k.tail, other.tail)
}

// TestTrie runs random editions beside a map, with heads of few values so that whole heads collide, and
// looks at every edition again at the end: none may have been changed by a later one.
func TestTrie(t *testing.T) {
	t.Parallel()
	for _, values := range []uint64{1, 3, 50, 1 << 63} {
		rnd := rand.New(rand.NewPCG(values, 2))
		type snapshot struct {
			version
			want map[int]ref
		}
		keys := make(trieKeys, 300)
		for i := range keys {
			wire, _ := parseName(fmt.Sprintf("n%d.example.", i*i))
			keys[i] = key{rnd.Uint64N(values) << rnd.IntN(2), wire}
		}
		im, err := newImage(nil, []byte{0}, [identitySize]byte{}, [16]byte{})
		if err != nil {
			t.Fatal(err)
		}
		v := version{origin: []byte{0}, image: im}
		want := map[int]ref{}
		var all []snapshot
		for range 60 {
			e := v.edit(im)
			want = maps.Clone(want)
			for range rnd.IntN(40) {
				i := rnd.IntN(len(keys))
				if want[i] != 0 && rnd.IntN(2) == 0 {
					e.names = e.remove(e.names, 0, &keys[i])
					delete(want, i)
					continue
				}
				r, b := e.alloc(4)
				le.PutUint32(b, uint32(i))
				e.names = e.put(e.names, 0, &keys[i], r, keys.of(e))
				want[i] = r
			}
			v = e.version
			v.next = e.next
			all = append(all, snapshot{v, want})
		}
		for edition, s := range all {
			order := slices.SortedFunc(maps.Keys(s.want), func(a, b int) int { return keys[a].compare(&keys[b]) })
			var walked []int
			s.walk(s.names, func(r ref) bool { walked = append(walked, int(le.Uint32(s.view(r, 4)))); return true })
			if !slices.Equal(walked, order) {
				t.Fatalf("%d heads, edition %d: walk %v, want %v", values, edition, walked, order)
			}
			if len(order) > 0 && (s.first(s.names) != s.want[order[0]] || s.last(s.names) != s.want[order[len(order)-1]]) {
				t.Fatalf("%d heads, edition %d: first or last leaf", values, edition)
			}
			for i := range keys {
				if got := s.find(s.names, &keys[i]); got != s.want[i] && (s.want[i] != 0 || keys[le.Uint32(s.view(got, 4))].compare(&keys[i]) == 0) {
					t.Fatalf("%d heads, edition %d: leaf %d is at %d, want %d", values, edition, i, got, s.want[i])
				}
				floor := s.floor(s.names, &keys[i], func(r ref) bool { return keys[le.Uint32(s.view(r, 4))].compare(&keys[i]) <= 0 })
				n, found := slices.BinarySearchFunc(order, i, func(a, b int) int { return keys[a].compare(&keys[b]) })
				if !found {
					n--
				}
				if n < 0 && floor != 0 || n >= 0 && floor != s.want[order[n]] {
					t.Fatalf("%d heads, edition %d: floor of %d is %d, want number %d of %v", values, edition, i, floor, n, order)
				}
			}
		}
		// Emptied, nothing is left.
		e := v.edit(im)
		for i := range want {
			e.names = e.remove(e.names, 0, &keys[i])
		}
		if e.names != 0 {
			t.Errorf("%d heads: branch %d is left", values, e.names)
		}
	}
}

// TestPublicationAppendsLittle looks at what a publication of one name adds to the image of a large zone.
func TestPublicationAppendsLittle(t *testing.T) {
	t.Parallel()
	zones := NewZones()
	sets := []RRset{*oneSet(t, soa(1))}
	for i := range 20000 {
		sets = append(sets, RRset{Owner: fmt.Sprintf("d%d.example.", i), Type: typeNS, TTL: 60, RData: [][]byte{{1, 'a', 0}}})
	}
	if err := zones.Load("example.", 1, sequence(sets)); err != nil {
		t.Fatal(err)
	}
	used := func() int { return int(served(zones, "\x07example\x00").next) << unitBits }
	before := used()
	if err := zones.Publish("example.", 1, 2, []Change{put(t, soa(2)), put(t, "new.example. 60 NS a.")}); err != nil {
		t.Fatal(err)
	}
	// Two names, the apex and the new one: a path of branches each.
	if fresh := used() - before; fresh < 200 || fresh > 2500 || before < 1<<20 {
		t.Errorf("%d octets added to %d", fresh, before)
	}
}

// served is the version that queries see.
func served(zones *Zones, origin string) *version {
	return zones.table.Load().zones[origin].version.Load()
}
