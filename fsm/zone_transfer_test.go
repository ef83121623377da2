package fsm_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"quorate/fsm"
	"quorate/fsm/registry"
)

func TestSecondariesAndKeys(t *testing.T) {
	t.Parallel()
	needsLevel(t, 3)
	r := newRig(t)
	r.policy("example", 10_000, "reg1")
	key := registry.TSIGPut{Name: "key.ops.test", Algorithm: "hmac-sha256", Secret: []byte("sealed")}
	r.raiseTo(registry.HighestLevel)
	secondary := func(edit func(*registry.Secondary)) registry.SecondaryPut {
		s := registry.Secondary{Zone: "example", Name: "ops1", Key: key.Name,
			Notify:   []registry.Endpoint{{Address: []byte{192, 0, 2, 1}, Port: 53}},
			Networks: []registry.Network{{Address: []byte{192, 0, 2, 0}, Bits: 24}}}
		edit(&s)
		return registry.SecondaryPut{Secondary: s}
	}
	same := func(*registry.Secondary) {}
	for i, c := range []struct {
		what  string
		actor registry.Actor
		kind  registry.Kind
		body  any
		code  registry.Code
	}{
		{"a registrar's key", registrar("reg1"), registry.KindTSIGPut, key, registry.AuthorizationError},
		{"SHA-1", operator, registry.KindTSIGPut, registry.TSIGPut{Name: "k", Algorithm: "hmac-sha1", Secret: []byte("s")}, registry.ParameterRange},
		{"no secret", operator, registry.KindTSIGPut, registry.TSIGPut{Name: "k", Algorithm: "hmac-sha256"}, registry.ParameterRange},
		{"no name", operator, registry.KindTSIGPut, registry.TSIGPut{Name: "K", Algorithm: "hmac-sha256", Secret: []byte("s")}, registry.ParameterSyntax},
		{"a key that isn't there", operator, registry.KindSecondaryPut, secondary(same), registry.ObjectDoesNotExist},
		{"a key", operator, registry.KindTSIGPut, key, registry.Success},
		{"a registrar's secondary", registrar("reg1"), registry.KindSecondaryPut, secondary(same), registry.AuthorizationError},
		{"no zone", operator, registry.KindSecondaryPut, secondary(func(s *registry.Secondary) { s.Zone = "nowhere" }), registry.ObjectDoesNotExist},
		{"nothing to transfer with", operator, registry.KindSecondaryPut, secondary(func(s *registry.Secondary) { s.Key, s.Networks, s.Notify = "", nil, nil }), registry.ParameterPolicy},
		{"no port", operator, registry.KindSecondaryPut, secondary(func(s *registry.Secondary) { s.Notify[0].Port = 0 }), registry.ParameterSyntax},
		{"half a network", operator, registry.KindSecondaryPut, secondary(func(s *registry.Secondary) { s.Networks[0].Bits = 25; s.Networks[0].Address[3] = 1 }), registry.ParameterSyntax},
		{"a secondary", operator, registry.KindSecondaryPut, secondary(same), registry.Success},
		{"once more", operator, registry.KindSecondaryPut, secondary(same), registry.Success},
		{"an open one", operator, registry.KindSecondaryPut, secondary(func(s *registry.Secondary) { s.Name, s.Key = "ops2", "" }), registry.Success},
		{"one with the key from anywhere", operator, registry.KindSecondaryPut, secondary(func(s *registry.Secondary) { s.Name, s.Networks = "ops3", nil }), registry.Success},
		{"one that is only told", operator, registry.KindSecondaryPut, secondary(func(s *registry.Secondary) { s.Name, s.Key, s.Networks = "ops4", "", nil }), registry.Success},
		{"a key in use", operator, registry.KindTSIGDelete, registry.TSIGDelete{Name: key.Name}, registry.AssociationProhibits},
		{"a key that is no more", operator, registry.KindTSIGDelete, registry.TSIGDelete{Name: "k"}, registry.ObjectDoesNotExist},
		{"a registrar deletes", registrar("reg1"), registry.KindSecondaryDelete, registry.SecondaryDelete{Zone: "example", Name: "ops1"}, registry.AuthorizationError},
		{"none of that name", operator, registry.KindSecondaryDelete, registry.SecondaryDelete{Zone: "example", Name: "ops9"}, registry.ObjectDoesNotExist},
	} {
		if got := r.do(c.actor, c.kind, c.body); got.Code != c.code {
			t.Errorf("%d %s: got %v, want %d", i, c.what, got, c.code)
		}
	}
	may := func(address []byte, key string) (ok bool) {
		r.view(func(v fsm.View) { ok = v.MayTransfer("example", address, key) })
		return ok
	}
	here, there := []byte{192, 0, 2, 200}, []byte{198, 51, 100, 1}
	if !may(here, "") || !may(there, key.Name) || may(there, "") || may(there, "other") || may(make([]byte, 16), "") {
		t.Error("the lists of who may transfer are not heeded")
	}
	r.must(r.do(operator, registry.KindSecondaryDelete, registry.SecondaryDelete{Zone: "example", Name: "ops2"}))
	if may(here, "") || !may(here, key.Name) {
		t.Error("a secondary without its key")
	}
	for _, name := range []string{"ops1", "ops3", "ops4"} {
		r.must(r.do(operator, registry.KindSecondaryDelete, registry.SecondaryDelete{Zone: "example", Name: name}))
	}
	r.must(r.do(operator, registry.KindTSIGDelete, registry.TSIGDelete{Name: key.Name}))
	r.view(func(v fsm.View) {
		if len(v.TSIGKeys())+len(v.Secondaries("")) > 0 {
			t.Error("something is left")
		}
	})
}

// zoneNow are a zone's RRsets.
func (r *rig) zoneNow(zone string) (all []registry.RRset) {
	r.view(func(v fsm.View) {
		v.ZoneRRsets(zone, func(s registry.RRset) bool { all = append(all, s); return true })
	})
	return all
}

// TestZoneReader: a zone that changes while it is read is read as it was.
func TestZoneReader(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.policy("example", 1_000_000, "reg1")
	r.must(r.do(registrar("reg1"), registry.KindHostCreate, registry.HostCreate{Name: "ns.elsewhere.test"}))
	rng := rand.New(rand.NewPCG(1, 2))
	r.must(r.do(registrar("reg1"), registry.KindContactCreate, registry.ContactCreate{ID: "c1"}))
	domain := func(i int) registry.DomainCreate {
		return registry.DomainCreate{Name: fmt.Sprintf("d%d.example", i), Months: 12, Registrant: "c1", Hosts: []string{"ns.elsewhere.test"}}
	}
	var batch []registry.Command
	for i := range 60 {
		batch = append(batch, r.command(registrar("reg1"), registry.KindDomainCreate, domain(i*2)))
	}
	r.commit(batch...)
	r.publish("example")
	for _, size := range []int{2, 9, 31} {
		want := r.zoneNow("example")
		var reader *registry.ZoneReader
		r.view(func(v fsm.View) {
			var err error
			if reader, err = v.ReadZone("example"); err != nil {
				t.Fatal(err)
			}
		})
		var got []registry.RRset
		for {
			var page []registry.RRset
			r.view(func(v fsm.View) {
				var err error
				if page, err = reader.Read(v.View, size); err != nil {
					t.Fatal(err)
				}
			})
			if len(page) == 0 {
				break
			}
			got = append(got, page...)
			switch i := rng.IntN(120); rng.IntN(3) {
			case 0:
				r.do(registrar("reg1"), registry.KindDomainCreate, domain(i))
			case 1:
				r.do(registrar("reg1"), registry.KindDomainDelete, registry.DomainDelete{Name: fmt.Sprintf("d%d.example", i)})
			}
			r.publish("example")
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("pages of %d: %d RRsets, want %d as they were", size, len(got), len(want))
		}
	}
	r.view(func(v fsm.View) {
		if _, err := v.ReadZone("nowhere"); !errors.Is(err, registry.ErrZoneGone) {
			t.Errorf("no zone: %v", err)
		}
		z, _ := v.Zone("example")
		all, ok := v.JournalAfter("example", z.Serial-5, 3)
		if !ok || len(all) != 3 || all[0].Base != z.Serial-5 || all[2].Serial != z.Serial-2 {
			t.Errorf("the journal: %v, %v", ok, all)
		}
		if _, ok := v.JournalAfter("example", z.Serial+1, 3); ok {
			t.Error("the journal has the future")
		}
	})
}
