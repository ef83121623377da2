package fsm_test

import (
	"fmt"
	"strings"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// auth is authorization information as a scenario has it: a word stands for what a front door would have sealed.
func auth(w words) registry.AuthInfo { return registry.AuthInfo{Sealed: []byte(w.named["auth"])} }

var transferOps = map[string]registry.TransferOp{
	"approve": registry.ApproveTransfer, "reject": registry.RejectTransfer, "cancel": registry.CancelTransfer,
}

// transfer does what "REGISTRAR domain|contact transfer NAME op=..." says. The front door's part, to hold a
// request's auth= against what the object or a contact of it has (auth=ID:...), is played here.
func (s *scenario) transfer(actor registry.Actor, w words) (string, error) {
	name, op := w.plain[3], w.named["op"]
	end, ends := transferOps[op]
	switch {
	case w.plain[1] == "contact" && ends:
		return s.transferred(s.rig.do(actor, registry.KindContactTransferEnd, registry.ContactTransferEnd{ID: name, Op: end})), nil
	case w.plain[1] == "contact":
		proof := registry.Proof{Mark: auth(w).Mark()}
		s.rig.view(func(v fsm.View) { c, _ := v.Contact(name); proof.Number = c.Number })
		return s.transferred(s.rig.do(actor, registry.KindContactTransfer, registry.ContactTransfer{ID: name, Proof: proof})), nil
	case ends:
		return s.transferred(s.rig.do(actor, registry.KindDomainTransferEnd, registry.DomainTransferEnd{Name: name, Op: end})), nil
	}
	if op != "request" {
		return "", fmt.Errorf("no such transfer: %s", op)
	}
	proof := registry.Proof{Mark: auth(w).Mark()}
	s.rig.view(func(v fsm.View) {
		d, _ := v.Domain(name)
		proof.Number = d.Number
		if id, word, ok := strings.Cut(w.named["auth"], ":"); ok {
			c, _ := v.Contact(id)
			proof = registry.Proof{Number: c.Number, Mark: registry.AuthInfo{Sealed: []byte(word)}.Mark()}
		}
	})
	return s.transferred(s.rig.do(actor, registry.KindDomainTransfer, registry.DomainTransfer{
		Name: name, Months: uint16(12*w.number("years") + w.number("months")), Proof: proof,
	})), nil
}

// transferred is the result of a transfer: its code, and what the answer tells.
func (s *scenario) transferred(r registry.Result) string {
	if r.Fail != nil {
		return s.result(r)
	}
	t, err := registry.ReplyAs[registry.Transferred](r)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d %s", r.Code, transferText(&t.Transfer))
}

func transferText(t *registry.Transfer) string {
	text := fmt.Sprintf("%s %s>%s %s", t.Status, t.Losing, t.Requester, t.Acts.String()[:10])
	if t.Expires != 0 {
		text += " expires " + t.Expires.String()[:10]
	}
	return text
}

// poll shows the first message of a registrar and how many there are; with ack it is acknowledged.
func (s *scenario) poll(who string, w words) string {
	var m registry.Message
	var q registry.Queue
	s.rig.view(func(v fsm.View) { m, _ = v.FirstMessage(who); q = v.Queue(who) })
	if q.Count == 0 {
		return "empty"
	}
	text := fmt.Sprintf("%d: %s %s", q.Count, [...]string{"", "requested", "ended", "renewed", "purged", "dropped"}[m.Kind], m.Object)
	if m.Transfer != nil {
		text += " " + transferText(m.Transfer)
	}
	if m.Expires != 0 {
		text += " until " + m.Expires.String()[:10]
	}
	if m.Action != nil {
		text += fmt.Sprintf(" done=%v by %s", m.Action.Done, m.Action.ClTRID)
	}
	if len(w.plain) > 2 && w.plain[2] == "ack" {
		if r := s.rig.do(registrar(who), registry.KindPollAck, registry.PollAck{Number: m.Number}); r.Code.Failed() {
			return s.result(r)
		}
	}
	return text
}

// contact shows a contact's sponsor and statuses.
func (s *scenario) contact(id string) (text string) {
	s.rig.view(func(v fsm.View) {
		c, ok := v.Contact(id)
		if !ok {
			text = "gone"
			return
		}
		text = c.Sponsor + " " + strings.Join(v.ContactStatuses(c).Names(), " ")
	})
	return text
}
