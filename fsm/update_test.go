package fsm_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// randomUpdate is a change to a contact or a host, for random histories.
func randomUpdate(r *rig, rng *rand.Rand, actor registry.Actor, contact, host, abroad string) registry.Command {
	// What is there is worth more changes than what isn't, and its sponsor is the one who may.
	r.view(func(v fsm.View) {
		if names := append(v.Subordinates("example"), v.Subordinates("elsewhere.test")...); len(names) > 0 && rng.IntN(4) > 0 {
			host = names[rng.IntN(len(names))]
		}
		if h, ok := v.Host(host); ok && rng.IntN(4) > 0 {
			actor = registrar(h.Sponsor)
		}
	})
	address := func() [][]byte { return [][]byte{{192, 0, 2, byte(rng.IntN(9))}} }
	switch rng.IntN(6) {
	case 0:
		email := fmt.Sprintf("c%d@mail.test", rng.IntN(9))
		return r.command(actor, registry.KindContactUpdate, registry.ContactUpdate{ID: contact, Email: &email})
	case 1:
		return r.command(actor, registry.KindContactUpdate, registry.ContactUpdate{ID: contact, AddStatuses: 1 << rng.IntN(10), RemoveStatuses: 1 << rng.IntN(5)})
	case 2:
		return r.command(actor, registry.KindHostUpdate, registry.HostUpdate{Name: host, AddAddresses: address()})
	case 3:
		return r.command(actor, registry.KindHostUpdate, registry.HostUpdate{Name: host, RemoveAddresses: address()})
	case 4:
		return r.command(actor, registry.KindHostUpdate, registry.HostUpdate{Name: abroad, NewName: host, AddAddresses: address()})
	}
	to := fmt.Sprintf("ns%d.%s", rng.IntN(3), host[strings.IndexByte(host, '.')+1:])
	if rng.IntN(3) == 0 {
		to = abroad
	}
	return r.command(actor, registry.KindHostUpdate, registry.HostUpdate{Name: host, NewName: to})
}

// randomTLDUpdate changes what goes into every delegation, or what domains may be made of.
func randomTLDUpdate(r *rig, rng *rand.Rand) registry.Command {
	var t registry.TLD
	r.view(func(v fsm.View) { t, _ = v.TLD("example") })
	base := t.LastEvent
	switch rng.IntN(4) {
	case 0:
		t.TTL.Delegation = 60 * uint32(1+rng.IntN(9))
	case 1:
		t.Nameservers = []registry.Nameserver{{Name: "ns1.nic.example", Addresses: [][]byte{{192, 0, 2, byte(1 + rng.IntN(9))}}}, {Name: fmt.Sprintf("ns%d.elsewhere.test", rng.IntN(3))}}
	case 2:
		t.SOA.Refresh = uint32(1 + rng.IntN(9))
	case 3:
		t.RefusedContacts = []string{"billing", "tech"}[rng.IntN(2):]
	}
	return r.command(operator, registry.KindTLDUpdate, registry.TLDUpdate{TLD: t, Base: base})
}

// Random histories hold what they are there for: changes of all kinds, and names that are given up.
func TestRandomHistoriesHaveUpdates(t *testing.T) {
	t.Parallel()
	needsLevel(t, 3)
	events := map[string]int{}
	missing := []string{"contact:update", "host:update", "tld:update", "a new name"}
	for seed := uint64(1); seed < 20 && len(missing) > 0; seed++ {
		names := map[uint64]string{}
		risenHistory(t, seed, 300).view(func(v fsm.View) {
			v.History(0, func(h registry.Record) bool {
				events[h.Event]++
				if strings.HasPrefix(h.Event, "host:") {
					if was := names[h.Number]; was != "" && was != h.Object {
						events["a new name"]++
					}
					names[h.Number] = h.Object
				}
				return true
			})
		})
		missing = slices.DeleteFunc(missing, func(event string) bool { return events[event] > 0 })
	}
	if len(missing) > 0 {
		t.Errorf("no %v among %v", missing, events)
	}
}

// wantGlue holds a published zone against itself: no delegation to a name in it is without an address; and once all is
// published no address is of use to nobody.
func wantGlue(t *testing.T, v fsm.View, zone string, all bool) {
	t.Helper()
	addresses, wanted := map[string]bool{}, map[string]bool{}
	v.ZoneRRsets(zone, func(s registry.RRset) bool {
		switch s.Type {
		case registry.TypeA, registry.TypeAAAA:
			addresses[s.Owner] = true
		case registry.TypeNS:
			for _, wire := range s.Data {
				if name := nameOfWire(wire); strings.HasSuffix(name, "."+zone) {
					wanted[name] = true
				}
			}
		}
		return true
	})
	for name := range wanted {
		if !addresses[name] {
			t.Errorf("the zone delegates to %s and has no address of it", name)
		}
	}
	for name := range addresses {
		if all && !wanted[name] {
			t.Errorf("the zone has addresses of %s, to which nothing is delegated", name)
		}
	}
}

func nameOfWire(wire []byte) string {
	var labels []string
	for len(wire) > 1 {
		n := int(wire[0])
		labels = append(labels, string(wire[1:1+n]))
		wire = wire[1+n:]
	}
	return strings.Join(labels, ".")
}

// A host to which more is delegated than one entry should mark is renamed at once for all that ask, and step by step
// in the zone, which is whole after each step.
func TestAHostWithManyLinksIsRenamed(t *testing.T) {
	t.Parallel()
	needsLevel(t, 3)
	const links = 3 * registry.MaxSwept / 2
	r := newRig(t)
	r.policy("example", 100_000_000, "reg1", "reg2")
	r.raiseTo(3)
	r.must(r.do(registrar("reg1"), registry.KindContactCreate, registry.ContactCreate{ID: "c1"}))
	r.must(r.do(registrar("reg1"), registry.KindDomainCreate, registry.DomainCreate{Name: "host.example", Registrant: "c1"}))
	r.must(r.do(registrar("reg1"), registry.KindHostCreate, registry.HostCreate{Name: "old.host.example", Addresses: [][]byte{{192, 0, 2, 7}}}))
	r.must(r.do(registrar("reg1"), registry.KindHostCreate, registry.HostCreate{Name: "ns.abroad.test"}))
	var all []registry.Command
	for i := range links {
		all = append(all, r.command(registrar("reg2"), registry.KindDomainCreate, registry.DomainCreate{
			Name: fmt.Sprintf("d%d.example", i), Registrant: "c1", Hosts: []string{"old.host.example", "ns.abroad.test"},
		}))
	}
	for _, result := range r.commit(all...).Results {
		r.must(result)
	}
	publishAll := func() {
		t.Helper()
		for before := uint32(0); ; {
			serial := r.publish("example")
			if serial == before {
				return
			}
			before = serial
		}
	}
	publishAll()
	rename := func(from, to string) {
		t.Helper()
		r.must(r.do(registrar("reg1"), registry.KindHostUpdate, registry.HostUpdate{Name: from, NewName: to}))
		r.view(func(v fsm.View) {
			d, _ := v.Domain("d7.example")
			if names := v.HostNames(d); names[0] != to {
				t.Errorf("d7.example is delegated to %v", names)
			}
			if v.CheckHost(from).Available || v.Sweeps() != 1 {
				t.Errorf("%s can be had at once; %d sweeps go on", from, v.Sweeps())
			}
		})
		// What was there of the old name stays until nobody is sent there.
		if got := r.do(registrar("reg1"), registry.KindHostCreate, registry.HostCreate{Name: from, Addresses: [][]byte{{192, 0, 2, 8}}}); got.Code != registry.ObjectExists {
			t.Errorf("a host of the old name: %v", got)
		}
	}
	settle := func() (steps int) {
		t.Helper()
		for going := true; going; steps++ {
			r.must(r.do(node("n1"), registry.KindTick, registry.Tick{}))
			r.publish("example")
			r.view(func(v fsm.View) {
				going = v.Sweeps() > 0 || len(v.Dirty("example", 1)) > 0
				wantGlue(t, v, "example", !going)
			})
			if steps > 100 || t.Failed() {
				t.Fatalf("it does not come to an end: %d steps", steps)
			}
		}
		return steps
	}
	published := func(name string) (n int) {
		r.view(func(v fsm.View) {
			v.ZoneRRsets("example", func(s registry.RRset) bool {
				for _, wire := range s.Data {
					if s.Type == registry.TypeNS && nameOfWire(wire) == name {
						n++
					}
				}
				return true
			})
		})
		return n
	}
	rename("old.host.example", "new.host.example")
	if steps := settle(); steps < 4 {
		t.Errorf("it took only %d steps", steps)
	}
	if published("old.host.example") != 0 || published("new.host.example") != links {
		t.Errorf("%d delegations to the old name, %d to the new", published("old.host.example"), published("new.host.example"))
	}
	r.must(r.do(registrar("reg1"), registry.KindHostCreate, registry.HostCreate{Name: "old.host.example", Addresses: [][]byte{{192, 0, 2, 8}}}))

	// Out of the registry, while its domain would like to go: not before the zone has followed.
	rename("new.host.example", "ns2.abroad.test")
	r.must(r.do(registrar("reg1"), registry.KindHostDelete, registry.HostDelete{Name: "old.host.example"}))
	if got := r.do(registrar("reg1"), registry.KindDomainDelete, registry.DomainDelete{Name: "host.example"}); got.Code != registry.AssociationProhibits {
		t.Errorf("delete of the domain that the old name was below: %v", got)
	}
	settle()
	r.must(r.do(registrar("reg1"), registry.KindDomainDelete, registry.DomainDelete{Name: "host.example"}))
	if published("new.host.example") != 0 || published("ns2.abroad.test") != links {
		t.Errorf("%d delegations to the old name, %d abroad", published("new.host.example"), published("ns2.abroad.test"))
	}
	if err := r.m.Verify(); err != nil {
		t.Error(err)
	}
	// Abroad it is linked by more than can be looked at for other registrars' domains, if by fewer than that by theirs.
	if got := r.do(registrar("reg1"), registry.KindHostUpdate, registry.HostUpdate{Name: "ns2.abroad.test", NewName: "ns3.abroad.test"}); got.Code != registry.AssociationProhibits {
		t.Errorf("renaming what others' domains are delegated to: %v", got)
	}
}

// Hosts below a domain move with it in one entry. So there are only so many of them, and a Tick ends no further transfers when it has moved many.
func TestHostsBelowADomainAreLimited(t *testing.T) {
	t.Parallel()
	needsLevel(t, 3)
	r := newRig(t)
	r.policy("example", 100_000, "reg1", "reg2")
	r.raiseTo(3)
	reg1 := registrar("reg1")
	create := func(name string) registry.Command {
		return r.command(reg1, registry.KindHostCreate, registry.HostCreate{Name: name, Addresses: [][]byte{{192, 0, 2, 1}}})
	}
	r.must(r.do(reg1, registry.KindContactCreate, registry.ContactCreate{ID: "c1"}))
	domains := []string{"a.example", "b.example", "c.example"}
	for _, name := range domains {
		r.must(r.do(reg1, registry.KindDomainCreate, registry.DomainCreate{Name: name, Registrant: "c1", AuthInfo: secret}))
		var all []registry.Command
		for i := range registry.MaxSubordinates {
			all = append(all, create(fmt.Sprintf("ns%d.%s", i, name)))
		}
		for _, result := range r.commit(all...).Results {
			r.must(result)
		}
	}
	refused := func(what string, c registry.Command) {
		t.Helper()
		if got := r.commit(c).Results[0]; got.Code != registry.ParameterPolicy {
			t.Errorf("%s: %d %v", what, got.Code, got.Fail)
		}
	}
	rename := func(from, to string) registry.Command {
		return r.command(reg1, registry.KindHostUpdate, registry.HostUpdate{Name: from, NewName: to, AddAddresses: [][]byte{{192, 0, 2, 2}}})
	}
	r.must(r.do(reg1, registry.KindHostCreate, registry.HostCreate{Name: "ns.abroad.test"}))
	refused("one more", create("more.a.example"))
	refused("renamed from abroad", rename("ns.abroad.test", "more.a.example"))
	refused("renamed from another domain", rename("ns0.b.example", "more.a.example"))
	r.must(r.commit(rename("ns0.a.example", "more.a.example")).Results[0])
	r.must(r.do(reg1, registry.KindHostDelete, registry.HostDelete{Name: "ns1.a.example"}))
	r.must(r.commit(create("again.a.example")).Results[0])

	var acts registry.Time
	for _, name := range domains {
		var d registry.Domain
		r.view(func(v fsm.View) { d, _ = v.Domain(name) })
		r.must(r.do(registrar("reg2"), registry.KindDomainTransfer, registry.DomainTransfer{Name: name, Proof: registry.Proof{Number: d.Number, Mark: secret.Mark()}}))
		r.view(func(v fsm.View) { d, _ = v.Domain(name) })
		acts = d.Transfer.Acts
	}
	overdue := func() (is bool) {
		r.view(func(v fsm.View) {
			at, ok := v.OldestDue()
			is = ok && at <= v.Now()
		})
		return is
	}
	r.advance(acts + registry.Second)
	if !overdue() {
		t.Error("one Tick has moved the hosts of all domains")
	}
	r.must(r.do(node("n1"), registry.KindTick, registry.Tick{}))
	if overdue() {
		t.Error("the second Tick has left something over")
	}
	r.view(func(v fsm.View) {
		if h, _ := v.Host("ns7.c.example"); h.Sponsor != "reg2" {
			t.Errorf("the host is %s's", h.Sponsor)
		}
	})
}
