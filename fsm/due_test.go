package fsm_test

import (
	"reflect"
	"testing"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// What has fallen due is shown before an entry has executed it just as it is shown after: the time of the change included.
func TestReadsShowWhatTheNextTickWillDo(t *testing.T) {
	t.Parallel()
	needsLevel(t, 3)
	r := newRig(t)
	r.policy("example", 1_000_000, "reg1", "reg2")
	r.raiseTo(3)
	reg1, reg2 := registrar("reg1"), registrar("reg2")
	r.must(r.do(reg1, registry.KindContactCreate, registry.ContactCreate{ID: "c1", AuthInfo: secret}))
	for _, name := range []string{"moves.example", "stays.example"} {
		r.must(r.do(reg1, registry.KindDomainCreate, registry.DomainCreate{Name: name, Registrant: "c1", AuthInfo: secret}))
	}
	type shown struct {
		Moves, Stays registry.Domain
		Contact      registry.Contact
	}
	read := func() (s shown) {
		r.view(func(v fsm.View) {
			s.Moves, _ = v.Domain("moves.example")
			s.Stays, _ = v.Domain("stays.example")
			s.Contact, _ = v.Contact("c1")
		})
		// The history and the ledger are of executed entries only.
		s.Moves.LastEvent, s.Stays.LastEvent, s.Contact.LastEvent = 0, 0, 0
		for _, d := range []*registry.Domain{&s.Moves, &s.Stays} {
			for i := range d.Grace {
				d.Grace[i].Charge = 0
			}
		}
		return s
	}
	expires := read().Stays.Expires
	r.advance(expires - registry.DefaultTransferWait)
	before := read()
	r.must(r.do(reg2, registry.KindDomainTransfer, registry.DomainTransfer{Name: "moves.example", Proof: registry.Proof{Number: before.Moves.Number, Mark: secret.Mark()}}))
	r.must(r.do(reg2, registry.KindContactTransfer, registry.ContactTransfer{ID: "c1", Proof: registry.Proof{Number: before.Contact.Number, Mark: secret.Mark()}}))
	r.advance(expires)
	r.must(r.do(reg1, registry.KindHostCreate, registry.HostCreate{Name: "ns.elsewhere.test"})) // brings log time on, and touches none of them
	due := read()
	for what, got := range map[string]registry.Object{"the domain that moves": due.Moves.Object, "the one that stays": due.Stays.Object, "the contact": due.Contact.Object} {
		if got.Updated != expires {
			t.Errorf("%s was updated at %v, want %v", what, got.Updated, expires)
		}
	}
	r.must(r.do(node("n1"), registry.KindTick, registry.Tick{}))
	if after := read(); !reflect.DeepEqual(due, after) {
		t.Errorf("shown is\n%+v\nand after a Tick\n%+v", due, after)
	}
}
