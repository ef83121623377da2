package client

import (
	"context"
	"strconv"
	"time"

	"quorate/epp/xmltree"
)

// Queue is what an answer says of the messages that wait (RFC 5730 §2.6).
type Queue struct {
	Count uint64 `json:"count"`
	ID    string `json:"id"` // of the first message or, after an acknowledgement, of that
}

// Message is a service message (RFC 5730 §2.9.2.3).
type Message struct {
	ID       string         `json:"id"`
	Count    uint64         `json:"count"` // in the queue, this one included
	Queued   time.Time      `json:"qDate"`
	Text     string         `json:"msg"`
	Transfer *Transfer      `json:"transfer,omitempty"`
	Action   *PendingAction `json:"action,omitempty"`
	Object   string         `json:"object,omitempty"` // that was renewed
	Expires  time.Time      `json:"expires,omitzero"` // until when
}

// PendingAction is the end of what a command was answered 1001 for (RFC 5731 §3.3).
type PendingAction struct {
	Object string    `json:"object"`
	Done   bool      `json:"done"`
	ClTRID string    `json:"clTRID,omitempty"` // of the command
	SvTRID string    `json:"svTRID"`
	Date   time.Time `json:"paDate"`
}

// Poll asks for the first message of the queue; nil if there is none.
func (c *Client) Poll(ctx context.Context) (*Message, error) {
	c.begin()
	c.raw(`<poll op="req"/>`)
	r, err := c.end(ctx, "poll")
	if err != nil || r.msgQ == nil {
		return nil, err
	}
	return readMessage(r)
}

// Ack acknowledges a message, which takes it out of the queue.
func (c *Client) Ack(ctx context.Context, id string) (*Reply, error) {
	c.begin()
	c.raw(`<poll op="ack" msgID="`)
	c.out = xmltree.AppendText(c.out, id)
	c.raw(`"/>`)
	return c.end(ctx, "poll")
}

func readMessage(r *Reply) (m *Message, err error) {
	m = &Message{ID: r.Queue.ID, Count: r.Queue.Count, Text: childText(r.msgQ, "msg")}
	if m.Queued, err = when(r.msgQ, "qDate"); err != nil {
		return nil, err
	}
	for i := range r.all {
		switch e := &r.all[i]; e.Name {
		case "trnData":
			m.Transfer, err = readTransfer(e)
		case "panData":
			m.Action, err = readAction(e)
		case "renData":
			m.Object = childText(e, "name")
			m.Expires, err = when(e, "exDate")
		}
		if err != nil {
			return nil, err
		}
	}
	return m, nil
}

func readAction(e *xmltree.Element) (a *PendingAction, err error) {
	a = &PendingAction{Object: childText(e, "name") + childText(e, "id")}
	for _, key := range []string{"name", "id"} {
		if k := e.Child(key); k != nil {
			done, _ := k.Attr("paResult")
			a.Done = done == "1" || done == "true"
		}
	}
	if id := e.Child("paTRID"); id != nil {
		// These are EPP's own elements, inside one of the object's.
		for i := range id.Children {
			switch c := &id.Children[i]; c.Name {
			case "clTRID":
				a.ClTRID = c.Token()
			case "svTRID":
				a.SvTRID = c.Token()
			}
		}
	}
	a.Date, err = when(e, "paDate")
	return a, err
}

// readQueue reads the attributes of a msgQType; nil if there is none.
func readQueue(e *xmltree.Element) *Queue {
	if e == nil {
		return nil
	}
	count, _ := e.Attr("count")
	n, _ := strconv.ParseUint(count, 10, 64)
	id, _ := e.Attr("id")
	return &Queue{n, id}
}
