package fsm_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"quorate/fsm"
	"quorate/fsm/registry"
	"quorate/fsm/store"
)

// Histories of nothing but transfers have every end, and keep what must be true.
func TestTransfersAtRandom(t *testing.T) {
	t.Parallel()
	needsLevel(t, 3)
	rng := rand.New(rand.NewPCG(1, 1))
	r := newRig(t)
	r.policy("example", 200_000, "reg1", "reg2", "reg3")
	r.raiseTo(3)
	for i := range 4 {
		r.must(r.do(registrar("reg1"), registry.KindContactCreate, registry.ContactCreate{ID: fmt.Sprintf("c%d", i), AuthInfo: secret}))
		name := fmt.Sprintf("d%d.example", i)
		r.must(r.do(registrar("reg1"), registry.KindDomainCreate, registry.DomainCreate{Name: name, Registrant: "c0", AuthInfo: secret}))
		r.must(r.do(registrar("reg1"), registry.KindHostCreate, registry.HostCreate{Name: "ns1." + name, Addresses: [][]byte{{192, 0, 2, 1}}}))
	}
	for i := range 400 {
		actor := registrar(fmt.Sprintf("reg%d", 1+rng.IntN(3)))
		r.commit(randomTransfer(r, rng, actor, fmt.Sprintf("d%d.example", rng.IntN(4))))
		r.view(func(v fsm.View) {
			if i%20 == 19 { // the whole ledger is read each time, and keeps what is wrong in it
				if err := v.Audit(); err != nil {
					t.Fatal(err)
				}
			}
			checkQueues(t, v)
			checkTransfers(t, v)
		})
		r.advance(r.now + registry.Second + registry.Time(rng.Int64N(int64(3*registry.Day))))
	}
	events := map[string]int{}
	r.view(func(v fsm.View) {
		v.History(0, func(h registry.Record) bool {
			if strings.HasSuffix(h.Event, ":transfer-approve") && h.Actor.Role == registry.RoleNode {
				h.Event += " by time-out"
			}
			events[h.Event]++
			return true
		})
	})
	for _, want := range []string{
		"domain:transfer-request", "domain:transfer-approve", "domain:transfer-reject", "domain:transfer-cancel", "domain:transfer-approve by time-out",
		"contact:transfer-request", "contact:transfer-approve by time-out", "host:transfer",
	} {
		if events[want] == 0 {
			t.Errorf("no %s among %v", want, events)
		}
	}
	if err := r.m.Verify(); err != nil {
		t.Error(err)
	}
}

// A registrar's queue is bounded: the oldest are kept, and how many were lost is told once there is room.
func TestAFullQueueKeepsTheOldest(t *testing.T) {
	t.Parallel()
	needsLevel(t, 3)
	r := newRig(t)
	r.policy("example", 1_000_000, "reg1", "reg2")
	r.raiseTo(3)
	reg1 := registrar("reg1")
	r.must(r.do(reg1, registry.KindContactCreate, registry.ContactCreate{ID: "c1"}))
	r.must(r.do(reg1, registry.KindDomainCreate, registry.DomainCreate{Name: "a.example", Registrant: "c1", AuthInfo: secret}))
	request := func() {
		t.Helper()
		var d registry.Domain
		r.view(func(v fsm.View) { d, _ = v.Domain("a.example") })
		r.must(r.do(registrar("reg2"), registry.KindDomainTransfer, registry.DomainTransfer{Name: d.Name, Proof: registry.Proof{Number: d.Number, Mark: secret.Mark()}}))
		r.must(r.do(registrar("reg2"), registry.KindDomainTransferEnd, registry.DomainTransferEnd{Name: d.Name, Op: registry.CancelTransfer}))
	}
	queue := func() (q registry.Queue, kinds []registry.MessageKind) {
		r.view(func(v fsm.View) {
			q = v.Queue("reg1")
			v.Messages("reg1", func(m registry.Message) bool { kinds = append(kinds, m.Kind); return true })
		})
		return q, kinds
	}
	request()
	first, _ := queue()
	// Nobody waits for a hundred thousand messages to be made: the queue is told that it has them.
	full := registry.Queue{Count: registry.MaxMessages, First: first.First}
	alterRow(t, r, "message_queues", func(key, value []byte) []byte {
		if string(key) == "reg1\x00" {
			return store.Encode(full)
		}
		return value
	})
	request()
	if q, kinds := queue(); q.Count != registry.MaxMessages || q.First != first.First || q.Dropped != 2 || len(kinds) != 2 {
		t.Errorf("a full queue is %+v after two messages more, and holds %v", q, kinds)
	}
	r.must(r.do(reg1, registry.KindPollAck, registry.PollAck{Number: first.First}))
	q, kinds := queue()
	if q.Count != registry.MaxMessages || q.Dropped != 0 || q.First == first.First || len(kinds) != 2 || kinds[1] != registry.MessagesDropped {
		t.Errorf("with room again it is %+v, and holds %v", q, kinds)
	}
	for what, c := range map[string]struct {
		actor registry.Actor
		ack   registry.PollAck
		code  registry.Code
	}{
		"acknowledged before":          {reg1, registry.PollAck{Number: first.First}, registry.ObjectDoesNotExist},
		"of another registrar":         {registrar("reg2"), registry.PollAck{Number: q.First}, registry.ObjectDoesNotExist},
		"an operator's":                {operator, registry.PollAck{Number: q.First}, registry.AuthorizationError},
		"a registrar that isn't there": {registrar("reg9"), registry.PollAck{Number: q.First}, registry.AuthorizationError},
	} {
		if got := r.do(c.actor, registry.KindPollAck, c.ack); got.Code != c.code {
			t.Errorf("%s: %v, want %d", what, got, c.code)
		}
	}
}
