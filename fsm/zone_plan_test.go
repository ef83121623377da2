package fsm_test

import (
	"fmt"
	"testing"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// A publication that takes only some of the marked names takes those, too, below which the glue is that it needs: a cut that comes
// later would leave the glue without one, and the publication would be refused.
func TestGlueComesWithTheCutAboveIt(t *testing.T) {
	t.Parallel()
	needsLevel(t, 3)
	r := newRig(t)
	r.policy("legacy", 1_000_000_000, "reg1")
	r.raiseTo(3)
	tld := defaultTLD("example")
	tld.Thick = false
	r.must(r.do(operator, registry.KindTLDCreate, registry.TLDCreate{TLD: tld, Unsigned: true}))
	r.publish("example")
	reg1 := registrar("reg1")
	host := func(name string) {
		r.must(r.do(reg1, registry.KindHostCreate, registry.HostCreate{Name: name, Addresses: [][]byte{{192, 0, 2, 1}}}))
	}
	domain := func(name, ns string) {
		r.must(r.do(reg1, registry.KindDomainCreate, registry.DomainCreate{Name: name, Hosts: []string{ns}}))
	}
	r.must(r.do(reg1, registry.KindHostCreate, registry.HostCreate{Name: "ns.elsewhere.test"}))
	// Each is delegated to a host below the next. The last is first in the zone's order.
	const length = 200
	name := func(i int) string { return fmt.Sprintf("c%03d.example", i) }
	domain(name(0), "ns.elsewhere.test")
	for i := range length {
		host("ns." + name(i))
		domain(name(i+1), "ns."+name(i))
	}
	host("ns." + name(length))
	domain("b.example", "ns."+name(length))
	for {
		var plan registry.Plan
		more := false
		r.view(func(v fsm.View) { plan, more = v.PlanMarks("example", v.Index(), 5) })
		if !more {
			break
		}
		r.must(r.do(node("n1"), registry.KindPublishZone, plan.Publication))
	}
	r.view(func(v fsm.View) { wantGlue(t, v, "example", true) })
}
