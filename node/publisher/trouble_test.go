package publisher

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// A zone from before level 3 goes on unsigned, and is signed in parts when an operator says so, while it is served as it was.
func TestAnOldZoneIsSignedOnDemand(t *testing.T) {
	t.Parallel()
	r := newRig(t, 2)
	r.must(operator, registry.KindTLDCreate, registry.TLDCreate{TLD: tld("example"), Serial: 41})
	r.fill("example", 400)
	r.publish()
	r.raiseTo(3)
	r.must(reg1, registry.KindDomainCreate, registry.DomainCreate{Name: "late.example", Hosts: []string{"ns.elsewhere.test"}})
	r.publish()
	r.view(func(v fsm.View) { validate(t, v, "example", registry.Form{}) })
	if z := r.zone("example"); z.Generation != 0 {
		t.Fatal("an old zone has an edition")
	}
	before := r.zone("example").Serial
	r.setForm("example", registry.Form{Signed: true})
	r.p.staged = 90
	r.publish()
	z := r.zone("example")
	if z.Serial != before+1 || len(r.switched) != 1 {
		t.Errorf("serial %d follows %d, switched: %v", z.Serial, before, r.switched)
	}
	r.view(func(v fsm.View) {
		validate(t, v, "example", registry.Form{Signed: true})
		judge(t, v, "example")
		if _, ok := v.Journal("example", before); ok {
			t.Error("the journal pretends to lead from before the signing to after it")
		}
		if z.Delegations != 401 {
			t.Errorf("%d delegations are counted, there are 401", z.Delegations)
		}
	})
	r.must(reg1, registry.KindDomainDelete, registry.DomainDelete{Name: "late.example"})
	r.publish()
	r.view(func(v fsm.View) {
		validate(t, v, "example", registry.Form{Signed: true})
		if all, ok := v.Journal("example", z.Serial); !ok || len(all) != 1 {
			t.Errorf("a journal of %d publications after the switch: %v", len(all), ok)
		}
	})
	r.collected("example")
}

// Removals beyond the share wait, everything else goes on, and an operator lets them go.
func TestTheBreakerHoldsRemovals(t *testing.T) {
	t.Parallel()
	r := newRig(t, 3)
	r.open("example", false)
	r.fill("example", 300)
	r.advance(2 * registry.Day) // no add grace: deletion takes a day
	r.publish()
	for i := range 60 { // those without a host of their own
		r.must(reg1, registry.KindDomainDelete, registry.DomainDelete{Name: fmt.Sprintf("d%d.example", 3*i+1)})
	}
	r.must(reg1, registry.KindDomainCreate, registry.DomainCreate{Name: "new.example", Hosts: []string{"ns.elsewhere.test"}})
	r.publish()
	count := func() (delegations int, fresh bool) {
		r.view(func(v fsm.View) {
			validate(t, v, "example", registry.Form{Signed: true})
			v.ZoneRRsets("example", func(s registry.RRset) bool {
				if s.Type == registry.TypeNS && s.Owner != "example" {
					delegations++
					fresh = fresh || s.Owner == "new.example"
				}
				return true
			})
		})
		return delegations, fresh
	}
	if n, fresh := count(); n != 301 || !fresh {
		t.Errorf("there are %d delegations, want 301; the new one is there: %v", n, fresh)
	}
	held := func() int {
		var names []string
		r.view(func(v fsm.View) { names, _ = v.HeldNames("example", 1000) })
		if uint64(len(names)) != r.zone("example").Held {
			t.Errorf("%d names are held, %d are counted", len(names), r.zone("example").Held)
		}
		return len(names)
	}
	if n := held(); n != 60 {
		t.Errorf("%d names are held, want 60", n)
	}
	// One of them is wanted again, and the fifty that may go in any case go.
	r.must(reg1, registry.KindDomainUpdate, registry.DomainUpdate{Name: "d101.example", AddStatuses: registry.ClientHold})
	r.publish()
	if n, _ := count(); n != 300 {
		t.Errorf("there are %d delegations, want 300: few removals pass", n)
	}
	// Made anew, the zone has them still.
	r.anew("example")
	r.publish()
	if n, _ := count(); n != 300 {
		t.Errorf("there are %d delegations in the edition made anew, want 300", n)
	}
	r.must(operator, registry.KindZoneControl, registry.ZoneControl{Zone: "example", Do: registry.ZoneRelease})
	r.advance(registry.Second)
	r.publish()
	if n, _ := count(); n != 240 || held() != 0 {
		t.Errorf("there are %d delegations, want 240; held: %d", n, held())
	}
	if z := r.zone("example"); z.Delegations != 240 {
		t.Errorf("%d delegations are counted, there are 240", z.Delegations)
	}
}

// A frozen zone keeps its content and renews its signatures; a rollback brings older content back, freshly signed, until it is thawed.
func TestFreezeRollbackThaw(t *testing.T) {
	t.Parallel()
	r := newRig(t, 3)
	r.open("example", false)
	r.fill("example", 30)
	r.publish()
	r.operateApex("one")
	r.publish()
	good := r.zone("example").Serial
	var then map[string]string
	r.view(func(v fsm.View) { then = content(v, "example") })
	control := func(do registry.ZoneAction, to uint32) registry.ZoneControl {
		return registry.ZoneControl{Zone: "example", Do: do, To: to}
	}
	// A bad day.
	for i := range 10 {
		r.must(reg1, registry.KindDomainUpdate, registry.DomainUpdate{Name: fmt.Sprintf("d%d.example", i), AddStatuses: registry.ClientHold})
		r.must(reg1, registry.KindDomainCreate, registry.DomainCreate{Name: fmt.Sprintf("bad%d.example", i), Hosts: []string{"ns.elsewhere.test"}})
		if i%2 == 0 {
			r.publish()
		}
	}
	r.operateApex("two")
	r.publish()
	var now map[string]string
	r.view(func(v fsm.View) { now = content(v, "example") })
	bad := r.zone("example").Serial

	r.refused(registry.ParameterPolicy, operator, registry.KindZoneControl, control(registry.ZoneRollback, bad+1))
	r.refused(registry.AuthorizationError, reg1, registry.KindZoneControl, control(registry.ZoneFreeze, 0))
	r.must(operator, registry.KindZoneControl, control(registry.ZoneRollback, good))
	r.publish()
	z := r.zone("example")
	if !z.Frozen || z.Rollback != 0 || z.Serial != bad+1 {
		t.Errorf("after the rollback: %+v", z)
	}
	check := func(what string, want map[string]string) {
		t.Helper()
		r.view(func(v fsm.View) {
			validate(t, v, "example", registry.Form{Signed: true})
			sameContent(t, what, content(v, "example"), want)
		})
	}
	check("rolled back", then)
	// The registry goes on, the zone does not, but its signatures do.
	r.must(reg1, registry.KindDomainCreate, registry.DomainCreate{Name: "while.example", Hosts: []string{"ns.elsewhere.test"}})
	for range 20 {
		r.advance(registry.Day)
		r.publish()
	}
	check("frozen", then)
	if z := r.zone("example"); z.Serial == bad+1 {
		t.Error("no signature was renewed while the zone was frozen")
	}
	r.refused(registry.ObjectStatusProhibits, operator, registry.KindZoneControl, control(registry.ZoneFreeze, 0))
	r.must(operator, registry.KindZoneControl, control(registry.ZoneThaw, 0))
	r.must(reg1, registry.KindDomainUpdate, registry.DomainUpdate{Name: "while.example", AddStatuses: registry.ClientHold})
	r.publish()
	check("thawed", now)
}

func (r *rig) operateApex(text string) {
	r.t.Helper()
	r.must(operator, registry.KindZoneRecords, registry.ZoneRecords{Zone: "example", Set: []registry.RRset{
		{Owner: "example", Type: 16, TTL: 60, Data: [][]byte{append([]byte{byte(len(text))}, text...)}},
	}})
}

// Signatures are renewed long before they end, few at a time.
func TestSignaturesAreRenewed(t *testing.T) {
	t.Parallel()
	r := newRig(t, 3)
	r.open("example", false)
	const names, days = 120, 24
	r.operateNames(names)
	r.publish()
	var p registry.ZonePolicy
	r.view(func(v fsm.View) { p, _ = v.ZonePolicy("example") })
	most, renewed := 0, 0
	hour := 0
	r.before = func(kind registry.Kind, body any) {
		if pub, ok := body.(registry.Publication); ok {
			hour += len(pub.Added)
			renewed += len(pub.Added)
		}
	}
	for range days * 24 {
		r.advance(registry.Hour)
		hour = 0
		r.publish()
		most = max(most, hour)
		r.view(func(v fsm.View) {
			first, ok := v.FirstExpiry("example")
			if !ok || first-v.Now() < p.Refresh-2*registry.Hour {
				t.Fatalf("a signature ends in %d hours", (first-v.Now())/registry.Hour)
			}
		})
	}
	r.view(func(v fsm.View) { validate(t, v, "example", registry.Form{Signed: true}) })
	// An RRset and a link of the chain for each name, each renewed every three to six days; of all at once a third at most would
	// be renewed in an hour.
	if renewed < 2*names*(days/6-1) || most > 2*names/3 {
		t.Errorf("%d signatures were renewed in %d days, at most %d in an hour", renewed, days, most)
	}
}

// operateNames sets operators' records at n names.
func (r *rig) operateNames(n int) {
	r.t.Helper()
	var sets []registry.RRset
	for i := range n {
		sets = append(sets, registry.RRset{Owner: fmt.Sprintf("t%d.www.example", i), Type: 16, TTL: 60, Data: [][]byte{{1, 'x'}}})
	}
	r.must(operator, registry.KindZoneRecords, registry.ZoneRecords{Zone: "example", Set: sets})
}

// What would be no sound zone is refused by every replica, and the name that is at fault is held back while others go on.
func TestUnsoundPublicationsAreRefused(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(p *registry.Publication){
		"a link of the chain is missing": func(p *registry.Publication) {
			p.Added = slices.DeleteFunc(p.Added, func(s registry.RRset) bool { return s.Type == registry.TypeNSEC3 })
		},
		"an unsigned link": func(p *registry.Publication) {
			for i := range p.Added {
				if p.Added[i].Type == registry.TypeNSEC3 {
					p.Added[i].Sigs = nil
				}
			}
		},
		"no glue": func(p *registry.Publication) {
			p.Added = slices.DeleteFunc(p.Added, func(s registry.RRset) bool { return s.Type == registry.TypeA })
		},
		"orphan glue": func(p *registry.Publication) {
			p.Added = append(p.Added, registry.RRset{Owner: "ns1.nobody.example", Type: registry.TypeA, TTL: 1, Data: [][]byte{{192, 0, 2, 1}}, Sigs: p.Added[len(p.Added)-1].Sigs})
		},
		"DS without a delegation": func(p *registry.Publication) {
			p.Added = append(p.Added, registry.RRset{Owner: "nobody.example", Type: registry.TypeDS, TTL: 1, Data: [][]byte{{1}}, Sigs: p.Added[len(p.Added)-1].Sigs})
		},
		"data below a delegation": func(p *registry.Publication) {
			p.Added = append(p.Added, registry.RRset{Owner: "x.foo.example", Type: 16, TTL: 1, Data: [][]byte{{0}}})
		},
		"a second name beside a CNAME": func(p *registry.Publication) {
			sig := p.Added[len(p.Added)-1].Sigs
			p.Added = append(p.Added, registry.RRset{Owner: "www.example", Type: 16, TTL: 1, Data: [][]byte{{0}}, Sigs: sig},
				registry.RRset{Owner: "www.example", Type: registry.TypeCNAME, TTL: 1, Data: [][]byte{{0}}, Sigs: sig})
		},
		"a signed delegation": func(p *registry.Publication) {
			for i := range p.Added {
				if p.Added[i].Type == registry.TypeNS {
					p.Added[i].Sigs = p.Added[len(p.Added)-1].Sigs
				}
			}
		},
		"no name servers at the apex": func(p *registry.Publication) {
			p.Removed = append(p.Removed, registry.RRset{Owner: "example", Type: registry.TypeNS})
		},
		"no SOA": func(p *registry.Publication) {
			p.Added = slices.DeleteFunc(p.Added, func(s registry.RRset) bool { return s.Type == registry.TypeSOA })
		},
		"another zone's": func(p *registry.Publication) {
			p.Added = append(p.Added, registry.RRset{Owner: "foo.test", Type: registry.TypeNS, TTL: 1, Data: [][]byte{{0}}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, 3)
			r.open("example", false)
			r.publish()
			r.must(reg1, registry.KindDomainCreate, registry.DomainCreate{Name: "foo.example"})
			r.must(reg1, registry.KindHostCreate, registry.HostCreate{Name: "ns1.foo.example", Addresses: [][]byte{{192, 0, 2, 1}}})
			r.must(reg1, registry.KindDomainUpdate, registry.DomainUpdate{Name: "foo.example", AddHosts: []string{"ns1.foo.example"}})
			refused := 0
			_, err := r.p.Once(context.Background(), func(_ context.Context, kind registry.Kind, body any) error {
				p, ok := body.(registry.Publication)
				if !ok {
					return nil // whatever is done about it
				}
				for i, s := range p.Removed {
					if s.Type == registry.TypeNS {
						p.Removed = slices.Delete(p.Removed, i, i+1)
					}
				}
				spoil(&p)
				for i, s := range p.Removed {
					if s.Type == registry.TypeNS && len(s.Data) == 0 {
						r.view(func(v fsm.View) {
							v.ZoneRRsets("example", func(old registry.RRset) bool {
								if old.Owner == s.Owner && old.Type == s.Type {
									p.Removed[i] = old
								}
								return true
							})
						})
					}
				}
				got := r.do(leader, kind, p)
				if got.Code != registry.ParameterPolicy {
					t.Errorf("the registry said %d %v, want %d", got.Code, got.Fail, registry.ParameterPolicy)
				}
				refused++
				if got.Fail != nil {
					t.Log(got.Fail)
					return got.Fail
				}
				return nil
			})
			if refused == 0 {
				t.Fatalf("nothing was published: %v", err)
			}
			r.publish()
			r.view(func(v fsm.View) { validate(t, v, "example", registry.Form{Signed: true}) })
		})
	}
}

// A name that can't be published does not keep others from it, and is told of.
func TestAnUnsoundNameIsHeldBack(t *testing.T) {
	t.Parallel()
	r := newRig(t, 3)
	r.open("example", false)
	r.publish()
	r.must(reg1, registry.KindDomainCreate, registry.DomainCreate{Name: "foo.example"})
	r.must(reg1, registry.KindHostCreate, registry.HostCreate{Name: "ns.elsewhere.test"})
	for _, name := range []string{"bar.example", "baz.example"} {
		r.must(reg1, registry.KindDomainCreate, registry.DomainCreate{Name: name, Hosts: []string{"ns.elsewhere.test"}})
	}
	r.must(leader, registry.KindZoneHold, registry.ZoneHold{Zone: "example", From: r.index, Owners: []string{"bar.example"}, Why: "a test"})
	r.publish()
	r.view(func(v fsm.View) {
		validate(t, v, "example", registry.Form{Signed: true})
		all := content(v, "example")
		if all["bar.example 2"] != "" || all["baz.example 2"] == "" {
			t.Errorf("the zone has %v", all)
		}
		if i := v.Incidents(10); len(i) != 1 {
			t.Errorf("incidents: %v", i)
		}
	})
	r.must(operator, registry.KindZoneControl, registry.ZoneControl{Zone: "example", Do: registry.ZoneRelease})
	r.advance(registry.Second)
	r.publish()
	r.view(func(v fsm.View) {
		if content(v, "example")["bar.example 2"] == "" {
			t.Error("a released name is not in the zone")
		}
	})
}

// A secondary that has lost us serves until the SOA's expire time: neither it nor the signatures' lives can be set so that it would serve
// expired ones.
func TestSignaturesOutliveSecondaries(t *testing.T) {
	t.Parallel()
	r := newRig(t, 3)
	r.open("example", false)
	r.publish()
	expire := func(d registry.Time) registry.TLDUpdate {
		var u registry.TLDUpdate
		r.view(func(v fsm.View) { u.TLD, _ = v.TLD("example") })
		u.Base, u.TLD.SOA.Expire = u.TLD.LastEvent, uint32(d/registry.Second)
		return u
	}
	refresh := func(d registry.Time) registry.ZoneSet {
		var p registry.ZonePolicy
		r.view(func(v fsm.View) { p, _ = v.ZonePolicy("example") })
		p.Refresh = d
		p.Validity = d + p.Jitter + registry.Day
		return registry.ZoneSet{Policy: p}
	}
	const day, hour = registry.Day, registry.Hour
	r.must(operator, registry.KindTLDUpdate, expire(8*day-2*hour)) // the policy renews 8 days before the end
	r.refused(registry.ParameterRange, operator, registry.KindTLDUpdate, expire(8*day-2*hour+registry.Second))
	r.refused(registry.ParameterRange, operator, registry.KindZoneSet, refresh(8*day-registry.Second))
	r.must(operator, registry.KindZoneSet, refresh(10*day))
	r.must(operator, registry.KindTLDUpdate, expire(10*day-2*hour))
	unsigned := refresh(10 * day)
	unsigned.Policy.Form = registry.Form{}
	r.must(operator, registry.KindZoneSet, unsigned)
	r.refused(registry.ParameterRange, operator, registry.KindTLDUpdate, expire(20*day)) // it is still published as it was
	r.publish()
	r.must(operator, registry.KindTLDUpdate, expire(20*day))
	signed := refresh(20 * day)
	signed.Policy.Form.Signed = true
	r.refused(registry.ParameterRange, operator, registry.KindZoneSet, signed)
}
