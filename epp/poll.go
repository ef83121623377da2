package epp

import (
	"context"
	"fmt"
	"strconv"

	"quorate/epp/xmltree"
	"quorate/fsm"
	"quorate/fsm/registry"
)

// poll carries out <poll> (RFC 5730 §2.9.2.3). It fails with 2001, 2003, 2103, 2303, 2400.
func (s *session) poll(ctx context.Context, c *command) (response, error) {
	var x schema
	op := x.Choice(c.element, "op", "", "ack", "req")
	id, named := c.element.Attr("msgID")
	id = xmltree.Collapse(id)
	if named && id == "" {
		x.Violate(c.element, "the attribute msgID is empty")
	}
	x.Empty(c.element)
	if op == "ack" && !named {
		x.Refuse(registry.RequiredParameter, c.element, "which message? msgID says so")
	}
	if len(c.extensions) > 0 {
		x.Refuse(registry.UnimplementedExtension, c.extensions[0], "no extension of poll is offered")
	}
	if fail := x.Failure(); fail != nil {
		return refusal(fail), nil
	}
	if op == "ack" {
		return s.acknowledge(ctx, c, id)
	}
	return s.firstMessage(ctx, c), nil
}

// firstMessage shows the first message of the queue, which stays there.
func (s *session) firstMessage(ctx context.Context, c *command) (r response) {
	err := s.registry.View(ctx, fsm.Linearizable, s.lastWrite, func(v fsm.View) error {
		q := v.Queue(s.registrar)
		r = response{code: registry.SuccessNoMessages, queue: &q}
		if m, ok := v.FirstMessage(s.registrar); ok {
			r.code, r.message = registry.SuccessAckToDequeue, &m
			return s.showMessage(c.operation(), v, m, &r)
		}
		return nil
	})
	if err != nil {
		s.log.Warn("EPP query impossible", "command", c.label(), "error", err)
		return refusal(registry.Fail(registry.CommandFailed, "", "", "the registry can't be read now"))
	}
	return r
}

// showMessage puts a message's data into the answer. Data of an object service that the login
// didn't name is shown all the same, but for sessions that know where to look for such (RFC 9038 §4).
func (s *session) showMessage(op operation, v fsm.View, m registry.Message, r *response) error {
	r.data.subject = m
	space := nsDomain
	if m.Of == registry.ContactROID {
		space = nsContact
	}
	for _, w := range messageData(m) {
		if s.objects[space] || !s.negotiated(unhandledNamespaces.URI) {
			r.data.B = append(r.data.B, w.B...)
		} else {
			r.unhandled = append(r.unhandled, unhandled{space, w.B})
		}
	}
	if fail := s.respond(op, &v, registry.Result{Code: r.code}, r); fail != nil {
		return fail
	}
	return nil
}

// acknowledge takes a message out of the queue.
func (s *session) acknowledge(ctx context.Context, c *command, id string) (response, error) {
	number, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return refusal(failAt(registry.ObjectDoesNotExist, c.element, "there is no such message")), nil
	}
	var acked registry.Acknowledged
	r, err := s.transform(ctx, c, action{
		kind: registry.KindPollAck, body: registry.PollAck{Number: number},
		reply: func(_ *writer, r registry.Result) (err error) {
			acked, err = registry.ReplyAs[registry.Acknowledged](r)
			return err
		},
	})
	if err == nil && !r.code.Failed() {
		r.queue, r.acked = &registry.Queue{Count: acked.Left, First: acked.First}, id
	}
	return r, err
}

// queue is what an answer says of the messages that wait for the session's registrar: as far as this node knows.
func (s *session) queue(ctx context.Context) *registry.Queue {
	var q registry.Queue
	if err := s.registry.View(ctx, fsm.Local, 0, func(v fsm.View) error { q = v.Queue(s.registrar); return nil }); err != nil {
		return nil // an answer may do without (RFC 5730 §2.6)
	}
	return &q
}

// messageQueue appends a msgQType, unless there are no messages (RFC 5730 §2.6). Its id is that of the first message in the
// queue or, after an acknowledgement, of what was acknowledged.
func (r *response) messageQueue(w *writer) {
	if r.queue == nil || r.queue.Count == 0 {
		return
	}
	id := r.acked
	if id == "" {
		id = strconv.FormatUint(r.queue.First, 10)
	}
	w.Raw(`<msgQ count="`, strconv.FormatUint(r.queue.Count, 10), `" id="`)
	w.Text(id)
	if r.message == nil {
		w.Raw(`"/>`)
		return
	}
	w.Raw(`">`)
	w.Time("qDate", r.message.Queued)
	w.Element(`msg lang="en"`, messageText(r.message))
	w.Raw(`</msgQ>`)
}

// messageText is a message in words.
func messageText(m *registry.Message) string {
	switch m.Kind {
	case registry.TransferRequested:
		return "Transfer requested."
	case registry.TransferEnded:
		switch {
		case m.Transfer.Status.Approved():
			return "Transfer approved."
		case m.Transfer.Status == registry.ClientRejected:
			return "Transfer rejected."
		}
		return "Transfer cancelled."
	case registry.DomainRenewedByRegistry:
		return "Domain was auto-renewed."
	case registry.DomainPurged:
		return "Domain deleted."
	case registry.MessagesDropped:
		return fmt.Sprintf("The queue was full: %d messages after the last one were dropped.", m.Dropped)
	}
	return "Message."
}

// messageData are the elements that a message carries: the transfer as it stood, what was
// renewed, and the end of a pending action (RFC 5731 §3.2.4 and §3.3, RFC 5733 §3.3).
func messageData(m registry.Message) (all []writer) {
	var w, action writer
	switch {
	case m.Transfer != nil:
		w.transfer(m.Of, m.Object, *m.Transfer)
		all = append(all, w)
	case m.Kind == registry.DomainRenewedByRegistry:
		w.renewed(registry.DomainRenewed{Name: m.Object, Expires: m.Expires})
		all = append(all, w)
	}
	if m.Action != nil {
		action.pendingAction(m.Of, m.Object, m.Action)
		all = append(all, action)
	}
	return all
}

// object begins an element of an object's data, with the object's key, and returns what ends it.
func (w *writer) object(of byte, data, attributes, object string) (prefix, end string) {
	prefix, key, space := "domain", "name", nsDomain
	if of == registry.ContactROID {
		prefix, key, space = "contact", "id", nsContact
	}
	w.Raw(`<`, prefix, `:`, data, ` xmlns:`, prefix, `="`, space, `">`)
	w.Element(prefix+":"+key+attributes, object)
	return prefix, `</` + prefix + `:` + data + `>`
}

// pendingAction appends a panDataType.
func (w *writer) pendingAction(of byte, object string, a *registry.PendingAction) {
	result := `0`
	if a.Done {
		result = `1`
	}
	prefix, end := w.object(of, "panData", ` paResult="`+result+`"`, object)
	w.Raw(`<`, prefix, `:paTRID>`)
	w.Optional("clTRID", a.ClTRID)
	w.Element("svTRID", a.ID.String())
	w.Raw(`</`, prefix, `:paTRID>`)
	w.Time(prefix+":paDate", a.Time)
	w.Raw(end)
}
