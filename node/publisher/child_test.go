package publisher

import (
	"testing"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// A zone that is delegated from another of ours has its DS record there while it is signed and is to stay so, and no longer: with one that
// stays, or that goes after the signatures, the zone is bogus. A frozen zone lets its DS record go first.
func TestTheZoneAboveFollowsAChildsForm(t *testing.T) {
	t.Parallel()
	r := newRig(t, 3)
	r.open("two", false)
	r.open("kid.two", false)
	policy := func(signed bool) registry.ZoneSet {
		var p registry.ZonePolicy
		r.view(func(v fsm.View) { p, _ = v.ZonePolicy("kid.two") })
		p.Form = registry.Form{Signed: signed}
		return registry.ZoneSet{Policy: p}
	}
	is := func(when string, signed, ds bool) {
		t.Helper()
		r.publish()
		r.view(func(v fsm.View) {
			has := false
			v.ZoneRRsets("two", func(s registry.RRset) bool {
				has = has || s.Owner == "kid.two" && s.Type == registry.TypeDS
				return true
			})
			if got := v.PublishedForm("kid.two").Signed; got != signed || has != ds {
				t.Errorf("%s: signed %v with DS %v, want %v, %v", when, got, has, signed, ds)
			}
			validate(t, v, "two", v.PublishedForm("two"))
		})
	}
	control := func(do registry.ZoneAction) {
		t.Helper()
		r.must(operator, registry.KindZoneControl, registry.ZoneControl{Zone: "kid.two", Do: do})
	}
	is("at first", true, true)
	r.must(operator, registry.KindZoneSet, policy(false))
	is("unsigned", false, false)
	r.must(operator, registry.KindZoneSet, policy(true))
	is("signed again", true, true)

	control(registry.ZoneFreeze)
	r.must(operator, registry.KindZoneSet, policy(false))
	is("frozen, to be unsigned", true, false)
	r.must(operator, registry.KindZoneSet, policy(true))
	is("no, it stays signed", true, true)
	r.must(operator, registry.KindZoneSet, policy(false))
	is("frozen again", true, false)
	control(registry.ZoneThaw)
	is("thawed", false, false)
}
