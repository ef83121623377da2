package publisher

import (
	"testing"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// What an operator sets is refused where it could not be published, or would take registrations out of the zone; so it never comes to be held
// back, which is for bugs.
func TestOperatorsRecordsThatCannotBePublished(t *testing.T) {
	t.Parallel()
	r := newRig(t, 3)
	r.open("example", false)
	suffix := func(name, zone string) registry.TLD {
		s := tld(name)
		if s.Zone = zone; zone != "" {
			s.Nameservers, s.SOA, s.TTL = nil, registry.SOA{}, registry.TTLs{}
		}
		return s
	}
	create := func(t registry.TLD) registry.TLDCreate { return registry.TLDCreate{TLD: t} }
	r.must(operator, registry.KindTLDCreate, create(suffix("shop.biz.example", "example")))
	r.must(operator, registry.KindTLDCreate, create(suffix("own.example", "")))
	r.fill("shop.biz.example", 3)
	ns := func(owner string, servers ...string) (s registry.RRset) {
		s = registry.RRset{Owner: owner, Type: registry.TypeNS, TTL: 60}
		for _, name := range servers {
			s.Data = append(s.Data, wire(name))
		}
		return s
	}
	text := func(owner string) registry.RRset {
		return registry.RRset{Owner: owner, Type: 16, TTL: 60, Data: [][]byte{{1, 'x'}}}
	}
	address := func(owner string) registry.RRset {
		return registry.RRset{Owner: owner, Type: registry.TypeA, TTL: 60, Data: [][]byte{{192, 0, 2, 1}}}
	}
	ds := registry.RRset{Owner: "two.example", Type: registry.TypeDS, TTL: 60, Data: [][]byte{append([]byte{1, 2, 13, 2}, make([]byte, 32)...)}}
	set := func(sets ...registry.RRset) registry.ZoneRecords {
		return registry.ZoneRecords{Zone: "example", Set: sets}
	}
	remove := func(owner string, kind uint16) registry.ZoneRecords {
		return registry.ZoneRecords{Zone: "example", Remove: []registry.RecordKey{{Owner: owner, Type: kind}}}
	}
	must := func(c registry.ZoneRecords) { t.Helper(); r.must(operator, registry.KindZoneRecords, c) }
	refused := func(c registry.ZoneRecords) {
		t.Helper()
		r.refused(registry.ParameterPolicy, operator, registry.KindZoneRecords, c)
	}
	refused(set(ns("shop.biz.example", "ns.elsewhere.test"))) // with all that is registered below
	refused(set(ns("biz.example", "ns.elsewhere.test")))
	refused(set(text("own.example"))) // a delegation
	refused(set(text("a.own.example")))
	refused(set(ns("one.example", "ns.one.example"))) // without glue
	must(set(ns("one.example", "ns.one.example"), address("ns.one.example")))
	refused(remove("ns.one.example", registry.TypeA))
	refused(set(text("a.one.example")))
	must(set(text("a.two.example")))
	refused(set(ns("two.example", "ns.elsewhere.test")))
	must(remove("a.two.example", 16))
	must(set(ns("two.example", "ns.elsewhere.test"), ds))
	refused(remove("two.example", registry.TypeNS))

	// Nor is there a TLD where operators' records are in its way, or below what is registered, and no registration above a TLD.
	r.refused(registry.ParameterPolicy, operator, registry.KindTLDCreate, create(suffix("a.two.example", "example")))
	r.refused(registry.ParameterPolicy, operator, registry.KindTLDCreate, create(suffix("two.example", "example")))
	must(set(text("a.three.example")))
	r.refused(registry.ParameterPolicy, operator, registry.KindTLDCreate, create(suffix("three.example", "")))
	r.must(reg1, registry.KindDomainCreate, registry.DomainCreate{Name: "four.example", Hosts: []string{"ns.elsewhere.test"}})
	r.refused(registry.ObjectExists, operator, registry.KindTLDCreate, create(suffix("a.four.example", "example")))
	r.refused(registry.ParameterPolicy, reg1, registry.KindDomainCreate, registry.DomainCreate{Name: "biz.example", Hosts: []string{"ns.elsewhere.test"}})

	r.publish()
	r.view(func(v fsm.View) {
		if names, why := v.HeldNames("example", 10); len(names) > 0 {
			t.Errorf("held back are %v: %v", names, why)
		}
		validate(t, v, "example", registry.Form{Signed: true})
	})
}
