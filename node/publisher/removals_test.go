package publisher

import (
	"fmt"
	"testing"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// Removals that come a few at a time count together, whoever publishes them, and no longer than for a window; what they come to doesn't
// depend on when a window begins.
func TestTheBreakerCountsRemovalsTogether(t *testing.T) {
	t.Parallel()
	r := newRig(t, 3)
	r.open("example", false)
	r.must(reg1, registry.KindHostCreate, registry.HostCreate{Name: "ns.elsewhere.test"})
	for i := range 400 {
		r.must(reg1, registry.KindDomainCreate, registry.DomainCreate{Name: fmt.Sprintf("d%d.example", i), Hosts: []string{"ns.elsewhere.test"}})
	}
	r.publish()
	next := 0
	remove := func(n int) {
		for range n {
			r.must(reg1, registry.KindDomainUpdate, registry.DomainUpdate{Name: fmt.Sprintf("d%d.example", next), AddStatuses: registry.ClientHold})
			next++
		}
		r.p = New(r.m.View, openSealer{}, quiet) // another leader each time
		r.publish()
	}
	gone := func() int { return 400 - int(r.zone("example").Delegations) }
	want := func(what string, wantGone, wantHeld int) {
		t.Helper()
		if held := int(r.zone("example").Held); gone() != wantGone || held != wantHeld {
			t.Errorf("%s: %d delegations are gone and %d are held, want %d and %d", what, gone(), held, wantGone, wantHeld)
		}
	}
	for range 9 { // fifty may go in an hour: least and share agree on no more
		remove(5)
		r.advance(20 * registry.Second)
	}
	want("few at a time", 45, 0)
	remove(10)
	want("more than may go", 45, 10)
	for range 6 {
		r.advance(registry.Minute)
		remove(2)
	}
	// By and by the first fade; but at no boundary fifty more may go.
	if n := gone(); n < 50 || n > 57 {
		t.Errorf("%d delegations are gone after ten minutes, want 50 and what has faded", n)
	}
	r.advance(2 * registry.Hour)
	remove(1) // from which an hour might be counted
	r.advance(58 * registry.Minute)
	before := gone()
	remove(40)
	if n := gone() - before; n != 40 {
		t.Errorf("%d of 40 went when the others had faded", n)
	}
	r.advance(4 * registry.Minute)
	before = gone()
	remove(40)
	if n := gone() - before; n != 0 {
		t.Errorf("%d more went four minutes later: they are counted apart", n)
	}
	r.advance(registry.Hour)
	before = gone()
	remove(50)
	if n := gone() - before; n != 50 {
		t.Errorf("%d of 50 went an hour later", n)
	}
	r.view(func(v fsm.View) { validate(t, v, "example", registry.Form{Signed: true}) })
}

// A host that hundreds of delegations point at is renamed in a signed zone: after each publication the zone is sound, no delegation is
// without its glue, and in the end nobody points at the old name.
func TestARenamedHostInASignedZone(t *testing.T) {
	t.Parallel()
	const links = 2 * registry.MaxRenamedAtOnce
	r := newRig(t, 3)
	r.open("example", false)
	r.must(reg1, registry.KindDomainCreate, registry.DomainCreate{Name: "host.example"})
	r.must(reg1, registry.KindHostCreate, registry.HostCreate{Name: "old.host.example", Addresses: [][]byte{{192, 0, 2, 7}}})
	r.must(reg1, registry.KindHostCreate, registry.HostCreate{Name: "ns.elsewhere.test"})
	hosts := []string{"old.host.example", "ns.elsewhere.test"}
	r.must(reg1, registry.KindDomainUpdate, registry.DomainUpdate{Name: "host.example", AddHosts: hosts})
	for i := range links {
		c := registry.DomainCreate{Name: fmt.Sprintf("d%d.example", i), Hosts: hosts}
		if i%3 == 0 {
			c.DS = []registry.DSData{{KeyTag: 1, Algorithm: 13, DigestType: 2, Digest: make([]byte, 32)}}
		}
		r.must(reg1, registry.KindDomainCreate, c)
	}
	r.publish()
	publications := 0
	r.after = func() {
		publications++
		r.view(func(v fsm.View) { validate(t, v, "example", registry.Form{Signed: true}) })
	}
	pointing := func(to string) (n int) {
		r.view(func(v fsm.View) {
			v.ZoneRRsets("example", func(s registry.RRset) bool {
				for _, d := range s.Data {
					if s.Type == registry.TypeNS && string(d) == string(wire(to)) {
						n++
					}
				}
				return true
			})
		})
		return n
	}
	has := func(owner string) (there bool) {
		r.view(func(v fsm.View) { there = content(v, "example")[owner+" 1"] != "" })
		return there
	}
	for _, names := range [][2]string{{"old.host.example", "new.host.example"}, {"new.host.example", "ns.abroad.test"}} {
		publications = 0
		r.must(reg1, registry.KindHostUpdate, registry.HostUpdate{Name: names[0], NewName: names[1]})
		for going := true; going; {
			r.advance(registry.Second)
			r.publish()
			if n := pointing(names[0]); n > 0 && !has(names[0]) {
				t.Fatalf("%d delegations point at %s, which has no glue", n, names[0])
			}
			r.view(func(v fsm.View) { going = v.Sweeps() > 0 || len(v.Dirty("example", 1)) > 0 })
			if publications > 50 || t.Failed() {
				t.Fatalf("it comes to no end: %d publications", publications)
			}
		}
		if pointing(names[0]) != 0 || pointing(names[1]) != links+1 || has(names[0]) {
			t.Errorf("%d delegations point at %s, %d at %s; glue is left: %v", pointing(names[0]), names[0], pointing(names[1]), names[1], has(names[0]))
		}
	}
	if z := r.zone("example"); z.Held != 0 || z.Delegations != links+1 {
		t.Errorf("%d names are held, %d delegations", z.Held, z.Delegations)
	}
	r.view(func(v fsm.View) { judge(t, v, "example") })
}
