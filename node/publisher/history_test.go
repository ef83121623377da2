package publisher

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"quorate/fsm"
	"quorate/fsm/registry"
)

var forms = map[string]registry.Form{
	"unsigned": {},
	"nsec3":    {Signed: true},
	"opt-out":  {Signed: true, OptOut: true},
	"nsec":     {Signed: true, NSEC: true},
}

// wire is a name in wire form.
func wire(name string) []byte { return wireName(name) }

// operate sets operators' records: nic delegated with DS, text at the apex, a wildcard and names deep below.
func (r *rig) operate(zone string) {
	r.t.Helper()
	ds := append([]byte{1, 2, 13, 2}, bytes.Repeat([]byte{7}, 32)...)
	r.must(operator, registry.KindZoneRecords, registry.ZoneRecords{Zone: zone, Set: []registry.RRset{
		{Owner: zone, Type: 16, TTL: 60, Data: [][]byte{append([]byte{4}, "text"...)}},
		{Owner: "nic." + zone, Type: registry.TypeNS, TTL: 60, Data: [][]byte{wire("ns1.nic." + zone)}},
		{Owner: "nic." + zone, Type: registry.TypeDS, TTL: 60, Data: [][]byte{ds}},
		{Owner: "*.www." + zone, Type: registry.TypeA, TTL: 60, Data: [][]byte{{192, 0, 2, 9}}},
		{Owner: "a.b.c.www." + zone, Type: 16, TTL: 60, Data: [][]byte{{1, 'x'}}},
	}})
}

// live does something at random.
func (r *rig) live(rng *rand.Rand, zone string) {
	name := fmt.Sprintf("d%d.%s", rng.IntN(9), zone)
	host := fmt.Sprintf("ns%d.%s", rng.IntN(2), name)
	if rng.IntN(4) == 0 {
		host = name
	}
	other := fmt.Sprintf("ns%d.d%d.%s", rng.IntN(2), rng.IntN(9), zone)
	abroad := fmt.Sprintf("ns%d.elsewhere.test", rng.IntN(3))
	switch rng.IntN(12) {
	case 0, 1:
		r.do(reg1, registry.KindHostCreate, registry.HostCreate{Name: abroad})
		r.do(reg1, registry.KindDomainCreate, registry.DomainCreate{Name: name, Hosts: []string{abroad}})
	case 2:
		r.do(reg1, registry.KindDomainCreate, registry.DomainCreate{Name: name})
	case 3, 4:
		r.do(reg1, registry.KindHostCreate, registry.HostCreate{Name: host, Addresses: [][]byte{{192, 0, 2, byte(rng.IntN(9))}}})
	case 5:
		r.do(reg1, registry.KindHostDelete, registry.HostDelete{Name: host})
	case 6:
		r.do(reg1, registry.KindDomainDelete, registry.DomainDelete{Name: name})
	case 7:
		r.do(reg1, registry.KindDomainUpdate, registry.DomainUpdate{Name: name, AddHosts: []string{host}})
	case 8:
		r.do(reg1, registry.KindDomainUpdate, registry.DomainUpdate{Name: name, AddHosts: []string{other}})
	case 9:
		r.do(reg1, registry.KindDomainUpdate, registry.DomainUpdate{Name: name, RemoveHosts: []string{[]string{host, other, abroad}[rng.IntN(3)]}})
	case 10:
		hold := registry.ClientHold
		if rng.IntN(2) == 0 {
			r.do(reg1, registry.KindDomainUpdate, registry.DomainUpdate{Name: name, AddStatuses: hold})
		} else {
			r.do(reg1, registry.KindDomainUpdate, registry.DomainUpdate{Name: name, RemoveStatuses: hold})
		}
	default:
		r.advance(registry.Time(rng.Int64N(int64(30 * registry.Hour))))
	}
}

// content is a zone's records by name and type, without signatures, keys and the serial.
func content(v fsm.View, zone string) map[string]string {
	all := map[string]string{}
	v.ZoneRRsets(zone, func(s registry.RRset) bool {
		if s.Type != registry.TypeSOA {
			all[fmt.Sprint(s.Owner, " ", s.Type)] = fmt.Sprintf("%d %x signed %v", s.TTL, s.Data, len(s.Sigs) > 0)
		}
		return true
	})
	return all
}

func sameContent(t *testing.T, what string, got, want map[string]string) {
	t.Helper()
	for key, w := range want {
		if got[key] != w {
			t.Errorf("%s: %s is %q, want %q", what, key, got[key], w)
		}
	}
	for key := range got {
		if _, is := want[key]; !is {
			t.Errorf("%s: %s shouldn't be there", what, key)
		}
	}
}

// Whatever happens in the registry, the zone that follows it change by change is sound at every serial, and is the
// zone that would be made from nothing; and one that is made in the background, in parts, by one leader
// after another, while the registry goes on, is the same again.
func TestTheZoneFollowsTheRegistry(t *testing.T) {
	t.Parallel()
	for name, form := range forms {
		for seed := range uint64(3) {
			t.Run(fmt.Sprint(name, seed), func(t *testing.T) {
				t.Parallel()
				follow(t, form, rand.New(rand.NewPCG(seed, 77)))
			})
		}
	}
}

func follow(t *testing.T, form registry.Form, rng *rand.Rand) {
	r := newRig(t, 3)
	r.open("example", !form.Signed)
	r.setForm("example", form)
	r.operate("example")
	r.publish()
	serial := r.zone("example").Serial
	r.before = func(kind registry.Kind, _ any) {
		if kind == registry.KindPublishZone {
			r.view(func(v fsm.View) { z, _ := v.Zone("example"); serial = z.Serial })
		}
	}
	r.after = func() {
		r.view(func(v fsm.View) {
			z, _ := v.Zone("example")
			if z.Serial-serial > 1 {
				t.Errorf("after serial %d came %d", serial, z.Serial)
			}
			serial = z.Serial
			validate(t, v, "example", form)
		})
	}
	for range 120 {
		r.live(rng, "example")
		if rng.IntN(3) == 0 {
			r.publish()
		}
		if t.Failed() {
			t.FailNow()
		}
	}
	r.publish()
	var before map[string]string
	r.view(func(v fsm.View) { before = content(v, "example") })
	r.anew("example")
	r.publish()
	r.view(func(v fsm.View) { sameContent(t, "made anew", content(v, "example"), before) })

	// And while everything goes on, in small parts, each by another leader.
	r.anew("example")
	switched := len(r.switched)
	for n := 0; len(r.switched) == switched; n++ {
		if n > 2000 {
			t.Fatal("the edition is never whole")
		}
		r.p = New(r.m.View, openSealer{}, quiet)
		r.p.staged = 1 + rng.IntN(5)
		if n < 60 {
			r.live(rng, "example")
		}
		if _, err := r.p.Once(context.Background(), r.execute); err != nil {
			t.Fatal(err)
		}
	}
	r.p = New(r.m.View, openSealer{}, quiet)
	r.publish()
	r.view(func(v fsm.View) { before = content(v, "example") })
	r.anew("example")
	r.publish()
	r.view(func(v fsm.View) { sameContent(t, "made while the registry went on", content(v, "example"), before) })
	if err := r.m.Verify(); err != nil {
		t.Error(err)
	}
	r.collected("example")
}

// setForm gives a zone another form.
func (r *rig) setForm(zone string, form registry.Form) {
	r.t.Helper()
	t := tld(zone)
	p := registry.DefaultPolicy(&t)
	p.Form, p.Wildcards = form, true
	r.must(operator, registry.KindZoneSet, registry.ZoneSet{Policy: p})
}

// anew has a zone made from nothing.
func (r *rig) anew(zone string) {
	r.t.Helper()
	var p registry.ZonePolicy
	r.view(func(v fsm.View) { p, _ = v.ZonePolicy(zone) })
	r.must(operator, registry.KindZoneSet, registry.ZoneSet{Policy: p, Anew: true})
}

// collected wants nothing left of old editions after some Ticks.
func (r *rig) collected(zone string) {
	r.t.Helper()
	for range 60 {
		r.advance(registry.Second)
	}
	z := r.zone(zone)
	rows := map[string]int{}
	published := 0
	r.view(func(v fsm.View) {
		v.ZoneRRsets(zone, func(registry.RRset) bool { published++; return true })
		_ = v.Rows(func(table string, _, _ []byte) error { rows[table]++; return nil })
	})
	if rows["zone_rrsets"] != 0 || rows["zone_edition_rrsets"] != published || rows["zone_generations"] != 1 || rows["zone_dirty_next"] != 0 || uint32(rows["zone_journal"]) != z.Journal {
		r.t.Errorf("of old editions there is left: %d and %d RRsets, %d editions, %d marks, %d publications; the zone has %d RRsets and a journal of %d",
			rows["zone_rrsets"], rows["zone_edition_rrsets"], rows["zone_generations"], rows["zone_dirty_next"], rows["zone_journal"], published, z.Journal)
	}
}
