package fsm_test

import (
	"fmt"
	"testing"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// What waits for a zone that is frozen doesn't hold up what is to be marked in another, however much it is.
func TestAFrozenZoneHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	needsLevel(t, 3)
	r := newRig(t)
	r.policy("legacy", 1_000_000_000, "reg1")
	r.raiseTo(3)
	for _, name := range []string{"example", "other"} {
		tld := defaultTLD(name)
		tld.Thick = false
		r.must(r.do(operator, registry.KindTLDCreate, registry.TLDCreate{TLD: tld, Unsigned: true}))
	}
	reg1 := registrar("reg1")
	ttl := func() (ttl uint32) {
		r.view(func(v fsm.View) {
			v.ZoneRRsets("other", func(s registry.RRset) bool {
				if s.Owner == "a.other" {
					ttl = s.TTL
				}
				return ttl == 0
			})
		})
		return ttl
	}
	r.must(r.do(reg1, registry.KindHostCreate, registry.HostCreate{Name: "ns1.elsewhere.test"}))
	r.must(r.do(reg1, registry.KindDomainCreate, registry.DomainCreate{Name: "a.other", Hosts: []string{"ns1.elsewhere.test"}}))
	r.must(r.do(reg1, registry.KindDomainCreate, registry.DomainCreate{Name: "a.example", Hosts: []string{"ns1.elsewhere.test"}}))
	const hosts, atOnce = 5 * registry.MaxDomainHosts, registry.MaxRenamedAtOnce + 1 // more than a Tick goes on with
	for from := 0; from < hosts; from += registry.MaxDomainHosts {
		var names []string
		for i := range registry.MaxDomainHosts {
			names = append(names, fmt.Sprintf("ns%d.a.example", from+i))
			r.must(r.do(reg1, registry.KindHostCreate, registry.HostCreate{Name: names[i], Addresses: [][]byte{{192, 0, 2, 1}}}))
		}
		var creates []registry.Command
		for i := range atOnce {
			creates = append(creates, r.command(reg1, registry.KindDomainCreate, registry.DomainCreate{Name: fmt.Sprintf("d%d.example", from*atOnce+i), Hosts: names}))
		}
		for _, result := range r.commit(creates...).Results {
			r.must(result)
		}
	}
	r.publish("other")
	r.must(r.do(operator, registry.KindZoneControl, registry.ZoneControl{Zone: "example", Do: registry.ZoneFreeze}))
	for i := range hosts {
		r.must(r.do(reg1, registry.KindHostUpdate, registry.HostUpdate{Name: fmt.Sprintf("ns%d.a.example", i), NewName: fmt.Sprintf("renamed%d.a.example", i)}))
	}
	var tld registry.TLD
	r.view(func(v fsm.View) { tld, _ = v.TLD("other") })
	tld.TTL.Delegation = 60
	r.must(r.do(operator, registry.KindTLDUpdate, registry.TLDUpdate{TLD: tld, Base: tld.LastEvent}))
	tick := func() { r.must(r.do(node("n1"), registry.KindTick, registry.Tick{})) }
	for range 3 {
		tick()
		r.publish("other")
	}
	if got := ttl(); got != 60 {
		t.Errorf("the other zone's delegations have a TTL of %d, want 60", got)
	}
	r.must(r.do(operator, registry.KindZoneControl, registry.ZoneControl{Zone: "example", Do: registry.ZoneThaw}))
	left := func() (n int) { r.view(func(v fsm.View) { n = v.Sweeps() }); return n }
	for i := 0; i < 4*hosts && left() > 0; i++ {
		r.publish("example")
		tick()
	}
	if n := left(); n > 0 {
		t.Errorf("%d sweeps are left after the thaw", n)
	}
	r.view(func(v fsm.View) { wantGlue(t, v, "example", false) })
}
