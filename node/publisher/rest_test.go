package publisher

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// listen has the publisher's log kept.
func (r *rig) listen() *bytes.Buffer {
	var log bytes.Buffer
	r.p = New(r.m.View, openSealer{}, slog.New(slog.NewTextHandler(&log, nil)))
	return &log
}

// wakeUps wakes the publisher as often as marks do on a busy second, for some seconds. What it can't do is no failure here.
func (r *rig) wakeUps(seconds int, do Execute) {
	r.t.Helper()
	for range seconds {
		r.advance(registry.Second)
		for range 5 {
			_, _ = r.p.Once(context.Background(), do)
		}
	}
}

// What is refused again and again is proposed ever more rarely, one line of the log says so, and it is tried at once when an operator
// has changed something.
func TestWhatIsRefusedRests(t *testing.T) {
	t.Parallel()
	r := newRig(t, 3)
	r.open("example", false)
	r.publish()
	log := r.listen()
	attempts, refusing := 0, true
	do := func(ctx context.Context, kind registry.Kind, body any) error {
		if kind != registry.KindPublishZone || !refusing {
			return r.execute(ctx, kind, body)
		}
		attempts++
		return registry.Fail(registry.ParameterPolicy, "breaker", "", "for a test")
	}
	r.must(reg1, registry.KindHostCreate, registry.HostCreate{Name: "ns.elsewhere.test"})
	r.must(reg1, registry.KindDomainCreate, registry.DomainCreate{Name: "foo.example", Hosts: []string{"ns.elsewhere.test"}})
	r.wakeUps(600, do)
	// After 1, 2, 4, 8, 16, 32 and then each 60 seconds.
	if attempts < 10 || attempts > 17 {
		t.Errorf("%d attempts in ten minutes", attempts)
	}
	if n := strings.Count(log.String(), "page=true"); n != 1 {
		t.Errorf("%d pages, want 1:\n%s", n, log)
	}
	all := r.p.Troubles("example")
	if len(all) != 1 || all[0].Duty != "changes" || !strings.Contains(all[0].Why, "for a test") || all[0].Attempts != attempts || len(r.p.Troubles("other")) != 0 {
		t.Errorf("the troubles are %+v", all)
	}
	before := attempts
	r.wakeUps(1, do) // nothing has changed
	thaw := func(a registry.ZoneAction) {
		r.must(operator, registry.KindZoneControl, registry.ZoneControl{Zone: "example", Do: a})
	}
	thaw(registry.ZoneRelease)
	r.wakeUps(1, do)
	if attempts < before+1 || attempts > before+2 {
		t.Errorf("%d attempts after an operator's word, want 1", attempts-before)
	}
	refusing = false
	thaw(registry.ZoneRelease)
	r.wakeUps(1, do)
	r.view(func(v fsm.View) {
		if content(v, "example")["foo.example 2"] == "" {
			t.Error("nothing was published when it could be")
		}
		validate(t, v, "example", registry.Form{Signed: true})
	})
	if len(r.p.Troubles("")) != 0 || !strings.Contains(log.String(), "trouble is over") {
		t.Errorf("troubles that are over: %v\n%s", r.p.Troubles(""), log)
	}
}

// A name whose signatures can't be renewed keeps no other's from it.
func TestOneNameRestsAlone(t *testing.T) {
	t.Parallel()
	r := newRig(t, 3)
	r.open("example", false)
	r.operateNames(20)
	r.publish()
	log := r.listen()
	const ill = "t7.www.example"
	refusing := true
	do := func(ctx context.Context, kind registry.Kind, body any) error {
		if p, ok := body.(registry.Publication); ok && refusing {
			for _, s := range p.Added {
				if s.Owner == ill {
					return registry.Fail(registry.ParameterPolicy, "zone", ill, "for a test")
				}
			}
		}
		return r.execute(ctx, kind, body)
	}
	days := func(n int) {
		for range 24 * n {
			r.advance(registry.Hour)
			for more := true; more; {
				var err error
				if more, err = r.p.Once(context.Background(), do); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	var policy registry.ZonePolicy
	r.view(func(v fsm.View) { policy, _ = v.ZonePolicy("example") })
	days(9)
	late := func() (names []string) {
		r.view(func(v fsm.View) {
			v.ZoneRRsets("example", func(s registry.RRset) bool {
				for _, sig := range s.Sigs {
					end := registry.Time(uint32(sig[8])<<24|uint32(sig[9])<<16|uint32(sig[10])<<8|uint32(sig[11])) * registry.Second
					if end < v.Now()+policy.Refresh-2*registry.Hour {
						names = append(names, s.Owner)
					}
				}
				return true
			})
		})
		return names
	}
	if names := late(); len(names) != 1 || names[0] != ill {
		t.Errorf("signatures that should have been renewed: %v", names)
	}
	if all := r.p.Troubles("example"); len(all) != 1 || all[0].Duty != "renewal of signatures of "+ill {
		t.Errorf("the troubles are %+v", all)
	}
	if n := strings.Count(log.String(), "page=true"); n != 1 {
		t.Errorf("%d pages, want 1:\n%s", n, log)
	}
	refusing = false
	days(1)
	if names := late(); len(names) != 0 || len(r.p.Troubles("")) != 0 {
		t.Errorf("when nothing refuses it any more: %v, %v", names, r.p.Troubles(""))
	}
}

// A name that is held back already isn't held back again and again, each time with an incident.
func TestNoNameIsHeldTwice(t *testing.T) {
	t.Parallel()
	r := newRig(t, 3)
	r.open("example", false)
	r.publish()
	r.must(reg1, registry.KindHostCreate, registry.HostCreate{Name: "ns.elsewhere.test"})
	r.must(reg1, registry.KindDomainCreate, registry.DomainCreate{Name: "foo.example", Hosts: []string{"ns.elsewhere.test"}})
	holds := 0
	r.wakeUps(120, func(ctx context.Context, kind registry.Kind, body any) error {
		if kind == registry.KindPublishZone {
			return registry.Fail(registry.ParameterPolicy, "zone", "foo.example", "for a test")
		}
		if kind == registry.KindZoneHold {
			if holds++; holds == 1 {
				r.must(reg1, registry.KindDomainCreate, registry.DomainCreate{Name: "bar.example", Hosts: []string{"ns.elsewhere.test"}})
			}
		}
		return r.execute(ctx, kind, body)
	})
	var incidents int
	r.view(func(v fsm.View) { incidents = len(v.Incidents(100)) })
	if holds != 1 || incidents != 1 || len(r.p.Troubles("example")) != 1 {
		t.Errorf("%d holds, %d incidents, troubles: %v", holds, incidents, r.p.Troubles("example"))
	}
}
