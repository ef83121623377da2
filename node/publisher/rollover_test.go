package publisher

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// generate makes a key and gives it to the zone; it returns its number.
func (r *rig) generate(algorithm uint8, flags uint16, roles registry.Roles, times registry.KeyTimes) uint64 {
	r.t.Helper()
	k := r.key(algorithm, flags, roles, times)
	r.must(operator, registry.KindZoneKeyAdd, registry.ZoneKeyAdd{Zone: "example", Keys: []registry.ZoneKey{k}})
	var keys []registry.ZoneKey
	r.view(func(v fsm.View) { keys = v.ZoneKeys("example") })
	return keys[len(keys)-1].Number
}

func (r *rig) key(algorithm uint8, flags uint16, roles registry.Roles, times registry.KeyTimes) registry.ZoneKey {
	r.t.Helper()
	k, err := Keys{openSealer{}}.Generate("example", algorithm, flags, roles)
	if err != nil {
		r.t.Fatal(err)
	}
	k.Times = times
	return k
}

// setTimes is what changes a key's timeline.
func (r *rig) setTimes(number uint64, change func(t *registry.KeyTimes)) registry.ZoneKeySet {
	r.t.Helper()
	s := registry.ZoneKeySet{Zone: "example", Number: number}
	r.view(func(v fsm.View) {
		for _, k := range v.ZoneKeys("example") {
			if k.Number == number {
				s.Times = k.Times
			}
		}
	})
	change(&s.Times)
	return s
}

func (r *rig) states() (all string) {
	r.view(func(v fsm.View) {
		for _, k := range v.ZoneKeys("example") {
			all += fmt.Sprintf("%d:%d:%s ", k.Number, k.Algorithm, k.State(v.Now()))
		}
	})
	return all
}

const csk = registry.SignsKeys | registry.SignsZone

// stage is a zone in the middle of a change, which everybody must be able to validate.
func (r *rig) stage(t *testing.T, what, states string) {
	t.Helper()
	r.publish()
	if got := r.states(); got != states {
		t.Errorf("%s: the keys are %s, want %s", what, got, states)
	}
	r.view(func(v fsm.View) {
		validate(t, v, "example", v.PublishedForm("example"))
		judge(t, v, "example")
	})
	if t.Failed() {
		t.Fatalf("at the stage: %s", what)
	}
}

// signed opens a signed zone with something of everything in it, some time ago: its signatures are good all the while, and now.
func signed(t *testing.T) *rig {
	r := newRigAt(t, 3, registry.Time(time.Now().UnixMilli())-30*registry.Day)
	r.open("example", false)
	settings := tld("example")
	p := registry.DefaultPolicy(&settings)
	p.Wildcards, p.Validity = true, 40*registry.Day
	r.must(operator, registry.KindZoneSet, registry.ZoneSet{Policy: p})
	r.operate("example")
	r.publish()
	r.fill("example", 12)
	r.publish()
	r.advance(registry.Hour)
	return r
}

// The zone's algorithm changes twice, in the order of RFC 6781 §4.1.4: signatures, the key, the parent, and away with the key before its
// signatures. At each stage the zone is sound for the strictest validator, and steps out of order are refused.
func TestAlgorithmRollover(t *testing.T) {
	t.Parallel()
	r := signed(t)
	r.stage(t, "at first", "1:13:active ")
	now := func(t *registry.Time) { *t = r.now }
	number, state := uint64(1), "1:13:active "
	gone, had := "", "1:13:"
	for _, algorithm := range []uint8{registry.ED25519, registry.RSASHA256} {
		number++
		old := number - 1
		name := fmt.Sprintf("%d:%d:", number, algorithm)

		// A key that is published at once would be of an algorithm that signs nothing.
		early := r.key(algorithm, registry.FlagsKSK, csk, registry.KeyTimes{Published: r.now, Active: r.now})
		r.refused(registry.ParameterPolicy, operator, registry.KindZoneKeyAdd, registry.ZoneKeyAdd{Zone: "example", Keys: []registry.ZoneKey{early}})

		if got := r.generate(algorithm, registry.FlagsKSK, csk, registry.KeyTimes{Active: r.now}); got != number {
			t.Fatalf("the key is number %d", got)
		}
		publish := func() registry.ZoneKeySet {
			return r.setTimes(number, func(k *registry.KeyTimes) { now(&k.Published) })
		}
		r.must(reg1, registry.KindDomainUpdate, registry.DomainUpdate{Name: "d1.example", AddStatuses: registry.ClientHold})
		r.stage(t, "the key signs what changes", state+name+"signing ")
		r.refused(registry.ParameterPolicy, operator, registry.KindZoneKeySet, publish())
		r.advance(registry.Second)
		r.anew("example")
		r.stage(t, "all is signed twice", state+name+"signing ")
		r.advance(2 * registry.Day)
		r.must(operator, registry.KindZoneKeySet, publish())
		r.must(reg1, registry.KindDomainUpdate, registry.DomainUpdate{Name: "d1.example", RemoveStatuses: registry.ClientHold})
		r.stage(t, "the key is published", state+name+"active ")
		r.advance(2 * registry.Day) // and the parent has its DS records, and no others

		// The old key's signatures must not go before the key.
		r.refused(registry.ParameterPolicy, operator, registry.KindZoneKeySet, r.setTimes(old, func(k *registry.KeyTimes) { now(&k.Retired) }))
		r.must(operator, registry.KindZoneKeySet, r.setTimes(old, func(k *registry.KeyTimes) {
			now(&k.Removed)
			k.Retired = r.now + 2*registry.Day
		}))
		r.stage(t, "the old key is removed", gone+had+"signing "+name+"active ")
		r.advance(2 * registry.Day)
		gone += had + "removed "
		r.stage(t, "its signatures go", gone+name+"active ")
		r.anew("example")
		r.stage(t, "and are gone", gone+name+"active ")
		had, state = name, gone+name+"active "
		r.advance(registry.Day)
	}
	r.view(func(v fsm.View) {
		v.ZoneRRsets("example", func(s registry.RRset) bool {
			if len(s.Sigs) > 1 {
				t.Errorf("%s type %d has %d signatures", s.Owner, s.Type, len(s.Sigs))
			}
			return true
		})
	})
}

// A combined key is followed by a key-signing and a zone-signing one, which are then rolled: the one by double signature, the other by
// publication before (RFC 6781 §4.1.1.1, §4.1.2).
func TestKeyRollovers(t *testing.T) {
	t.Parallel()
	r := signed(t)
	add := func(flags uint16, roles registry.Roles, times registry.KeyTimes) uint64 {
		return r.generate(registry.ECDSAP256SHA256, flags, roles, times)
	}
	set := func(number uint64, change func(t *registry.KeyTimes)) registry.ZoneKeySet {
		return r.setTimes(number, change)
	}
	must := func(number uint64, change func(t *registry.KeyTimes)) {
		t.Helper()
		r.must(operator, registry.KindZoneKeySet, set(number, change))
	}
	refused := func(number uint64, change func(t *registry.KeyTimes)) {
		t.Helper()
		r.refused(registry.ParameterPolicy, operator, registry.KindZoneKeySet, set(number, change))
	}
	soon := r.now + registry.Day
	add(registry.FlagsKSK, registry.SignsKeys, registry.KeyTimes{Published: r.now, Active: soon})
	add(registry.FlagsZSK, registry.SignsZone, registry.KeyTimes{Published: r.now, Active: soon})
	r.stage(t, "two keys are published", "1:13:active 2:13:published 3:13:published ")
	refused(1, func(k *registry.KeyTimes) { k.Retired = r.now }) // nothing would sign
	r.advance(registry.Day)
	r.stage(t, "and sign", "1:13:active 2:13:active 3:13:active ")
	signatures := func(kind uint16) (n int) {
		r.view(func(v fsm.View) {
			v.ZoneRRsets("example", func(s registry.RRset) bool {
				if s.Owner == "example" && s.Type == kind {
					n = len(s.Sigs)
				}
				return true
			})
		})
		return n
	}
	if n := signatures(registry.TypeDNSKEY); n != 2 {
		t.Errorf("the keys have %d signatures as soon as a second key signs them, want 2: the parent may have its DS record only", n)
	}
	r.advance(2 * registry.Day) // and the parent has the DS record of the second key
	must(1, func(k *registry.KeyTimes) { k.Retired = r.now })
	r.stage(t, "the combined key is retired", "1:13:retired 2:13:active 3:13:active ")
	if n := signatures(registry.TypeDNSKEY); n != 1 {
		t.Errorf("the keys have %d signatures, want 1", n)
	}
	refused(1, func(k *registry.KeyTimes) { k.Removed = r.now })
	r.advance(registry.Second)
	r.anew("example")
	r.stage(t, "all is signed anew", "1:13:retired 2:13:active 3:13:active ")
	r.advance(registry.Day)
	must(1, func(k *registry.KeyTimes) { k.Removed = r.now })
	r.stage(t, "and the combined key is removed", "1:13:removed 2:13:active 3:13:active ")

	// A zone-signing key: published, then active in the other's place; what the other has signed goes by and by.
	add(registry.FlagsZSK, registry.SignsZone, registry.KeyTimes{Published: r.now, Active: r.now + registry.Day})
	must(3, func(k *registry.KeyTimes) { k.Retired = r.now + registry.Day })
	r.stage(t, "the next zone-signing key is published", "1:13:removed 2:13:active 3:13:active 4:13:published ")
	r.advance(registry.Day)
	r.stage(t, "and signs", "1:13:removed 2:13:active 3:13:retired 4:13:active ")
	refused(3, func(k *registry.KeyTimes) { k.Removed = r.now })
	for range 4 {
		r.advance(10 * registry.Day)
		r.stage(t, "signatures of both", "1:13:removed 2:13:active 3:13:retired 4:13:active ")
	}
	must(3, func(k *registry.KeyTimes) { k.Removed = r.now })
	r.stage(t, "the old one is removed", "1:13:removed 2:13:active 3:13:removed 4:13:active ")

	// A key-signing key: published and active at once, with the other until the parent has changed.
	add(registry.FlagsKSK, registry.SignsKeys, registry.KeyTimes{Published: r.now, Active: r.now})
	r.stage(t, "two key-signing keys", "1:13:removed 2:13:active 3:13:removed 4:13:active 5:13:active ")
	r.advance(2 * registry.Day)
	must(2, func(k *registry.KeyTimes) { k.Retired, k.Removed = r.now, r.now })
	r.stage(t, "the old one is removed", "1:13:removed 2:13:removed 3:13:removed 4:13:active 5:13:active ")
}

// A timeline that leaves the zone without a key that signs is refused when it is set, not when its time has come: the leader would make a key
// then that no parent knows, and the zone would be bogus for everybody.
func TestATimelineThatLeavesNoSigner(t *testing.T) {
	t.Parallel()
	r := newRig(t, 3)
	r.open("example", false)
	r.publish()
	later := r.now + 2*registry.Day
	retire := func(number uint64, at registry.Time) registry.ZoneKeySet {
		return r.setTimes(number, func(k *registry.KeyTimes) { k.Retired = at })
	}
	r.refused(registry.ParameterPolicy, operator, registry.KindZoneKeySet, retire(1, later))
	r.generate(registry.ECDSAP256SHA256, registry.FlagsKSK, registry.SignsKeys, registry.KeyTimes{Published: r.now, Active: later})
	r.refused(registry.ParameterPolicy, operator, registry.KindZoneKeySet, retire(1, later)) // who would sign the records?
	r.generate(registry.ECDSAP256SHA256, registry.FlagsZSK, registry.SignsZone, registry.KeyTimes{Published: r.now, Active: later})
	r.refused(registry.ParameterPolicy, operator, registry.KindZoneKeySet, retire(1, later-1))
	r.must(operator, registry.KindZoneKeySet, retire(1, later))
	r.refused(registry.ParameterPolicy, operator, registry.KindZoneKeySet, retire(2, later+registry.Day))
	r.refused(registry.ParameterPolicy, operator, registry.KindZoneKeySet, r.setTimes(2, func(k *registry.KeyTimes) { k.Active = later + 1 }))
	r.refused(registry.ParameterPolicy, operator, registry.KindZoneKeySet, r.setTimes(2, func(k *registry.KeyTimes) { k.Removed = later + 1 }))
	forced := retire(2, later+registry.Day)
	forced.Force = true
	r.must(operator, registry.KindZoneKeySet, forced)
	r.must(operator, registry.KindZoneKeySet, retire(2, later+2*registry.Day)) // better than it was
	r.advance(2 * registry.Day)
	r.stage(t, "two in the place of one", "1:13:retired 2:13:active 3:13:active ")
}

// The forms of denial follow each other, while the registry goes on.
func TestDenialChanges(t *testing.T) {
	t.Parallel()
	r := signed(t)
	r.p.staged = 7
	for i, name := range []string{"nsec", "opt-out", "nsec3", "nsec", "nsec3", "opt-out", "nsec"} {
		var p registry.ZonePolicy
		r.view(func(v fsm.View) { p, _ = v.ZonePolicy("example") })
		p.Form = forms[name]
		r.must(operator, registry.KindZoneSet, registry.ZoneSet{Policy: p})
		r.must(reg1, registry.KindDomainCreate, registry.DomainCreate{Name: fmt.Sprintf("n%d.example", i), Hosts: []string{"ns.elsewhere.test"}})
		r.stage(t, name, "1:13:active ")
		r.view(func(v fsm.View) {
			if v.PublishedForm("example") != forms[name] {
				t.Errorf("the zone is %+v, want %s", v.PublishedForm("example"), name)
			}
		})
		r.advance(registry.Hour)
	}
}

// A zone comes from elsewhere with its keys: it begins unsigned, takes the keys and the serial, and is signed by them alone.
func TestATakenOverZone(t *testing.T) {
	t.Parallel()
	r := newRig(t, 3)
	r.must(operator, registry.KindTLDCreate, registry.TLDCreate{TLD: tld("example"), Serial: 2026010100, Unsigned: true})
	r.fill("example", 5)
	r.publish()
	all := registry.KeyTimes{Published: r.now, Active: r.now}
	r.generate(registry.RSASHA256, registry.FlagsKSK, registry.SignsKeys, all)
	r.generate(registry.RSASHA256, registry.FlagsZSK, registry.SignsZone, all)
	r.setForm("example", registry.Form{Signed: true})
	r.stage(t, "taken over", "1:8:active 2:8:active ")
	if z := r.zone("example"); z.Serial <= 2026010100 {
		t.Errorf("its serial is %d", z.Serial)
	}
}

// A key that the parent knows is retired at its time, as somebody insisted, and nothing signs keys in its place. Another of the leader's own making, which no DS
// record names, would have every validating resolver refuse the zone. Instead it stays as it is, somebody is told, and can mend it.
func TestNoKeyThatTheParentDoesNotKnow(t *testing.T) {
	t.Parallel()
	r := signed(t)
	log := r.listen()
	var now registry.Time
	r.view(func(v fsm.View) { now = v.Now() })
	r.generate(13, registry.FlagsZSK, registry.SignsZone, registry.KeyTimes{Published: now, Active: now})
	end := r.setTimes(1, func(t *registry.KeyTimes) { t.Retired = now + registry.Hour })
	end.Force = true
	r.must(operator, registry.KindZoneKeySet, end)
	r.stage(t, "the end is near", "1:13:active 2:13:active ")
	r.advance(2 * registry.Hour)
	r.wakeUps(60, r.execute)
	if got := r.states(); got != "1:13:retired 2:13:active " {
		t.Errorf("the keys are %s", got)
	}
	r.view(func(v fsm.View) { judge(t, v, "example") })
	if all := r.p.Troubles("example"); len(all) != 1 || !strings.Contains(all[0].Why, "key 1 is published") || !strings.Contains(log.String(), "page=true") {
		t.Errorf("the troubles are %+v", all)
	}
	r.must(operator, registry.KindZoneKeySet, r.setTimes(1, func(t *registry.KeyTimes) { t.Retired = 0 }))
	r.stage(t, "mended", "1:13:active 2:13:active ")
}
