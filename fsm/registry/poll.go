package registry

import (
	"strconv"

	"quorate/fsm/store"
)

// Service messages (RFC 5730 §2.9.2.3) wait in a queue for each registrar. A message is
// put there by the log entry that it tells of, and stays until it is acknowledged.

// MaxMessages bounds a registrar's queue: three days of auto-renewals of a registrar with ten million domains. What
// comes when the queue is full is dropped, the oldest are kept; a message tells how many were dropped as soon as there is room.
const MaxMessages = 100_000

// Message is a service message.
type Message struct {
	Number   uint64         `cbor:"1,keyasint"` // its identifier, never used again
	Queued   Time           `cbor:"2,keyasint"`
	Kind     MessageKind    `cbor:"3,keyasint"`
	Of       byte           `cbor:"4,keyasint,omitempty"` // what Object is: DomainROID or ContactROID
	Object   string         `cbor:"5,keyasint,omitempty"` // the domain's name or the contact's identifier
	Transfer *Transfer      `cbor:"6,keyasint,omitempty"` // as it stood
	Expires  Time           `cbor:"7,keyasint,omitempty"` // until when it was renewed
	Action   *PendingAction `cbor:"8,keyasint,omitempty"` // that has ended: it was this registrar's command
	Dropped  uint64         `cbor:"9,keyasint,omitempty"` // how many messages were
}

// PendingAction is the end of what a command was answered 1001 for (RFC 5731 §3.3).
type PendingAction struct {
	Done   bool      `cbor:"1,keyasint"` // false: it was denied
	ClTRID string    `cbor:"2,keyasint,omitempty"`
	ID     CommandID `cbor:"3,keyasint"`
	Time   Time      `cbor:"4,keyasint"` // paDate
}

// MessageKind is what a message tells of.
type MessageKind uint8

// The messages.
const (
	TransferRequested MessageKind = iota + 1 // to the losing registrar
	TransferEnded                            // to both; Transfer.Status says how
	DomainRenewedByRegistry
	DomainPurged
	MessagesDropped
)

// Queue is what there is to say of a registrar's queue.
type Queue struct {
	Count   uint64 `cbor:"1,keyasint"`
	First   uint64 `cbor:"2,keyasint"`           // number of the oldest message
	Dropped uint64 `cbor:"3,keyasint,omitempty"` // since the queue was last not full
}

var (
	messages = store.DeclareSince[Message](3, 18, "messages", false) // registrar, number
	queues   = store.DeclareSince[Queue](3, 19, "message_queues", false)
)

func messageKey(registrar string, number uint64) store.Key { return textKey(registrar).Uint(number) }

// Queue is the state of a registrar's queue.
func (v *View) Queue(registrar string) Queue {
	q, _ := queues.Get(v.r, textKey(registrar))
	return q
}

// FirstMessage is the oldest message of a registrar.
func (v *View) FirstMessage(registrar string) (m Message, ok bool) {
	q := v.Queue(registrar)
	if q.Count == 0 {
		return m, false
	}
	return messages.Get(v.r, messageKey(registrar, q.First))
}

// Messages calls fn for a registrar's messages, oldest first, until it returns false.
func (v *View) Messages(registrar string, fn func(Message) bool) {
	messages.Scan(v.r, textKey(registrar), nil, func(_ []byte, m Message) bool { return fn(m) })
}

// tell queues a message for a registrar.
func (x *Exec) tell(registrar string, m Message) {
	if x.Level() < 3 {
		return
	}
	q := x.Queue(registrar)
	if q.Count >= MaxMessages {
		q.Dropped++
		queues.Put(x.tx, textKey(registrar), q)
		return
	}
	m.Number, m.Queued = x.number(), x.Now
	if q.Count == 0 {
		q.First = m.Number
	}
	q.Count++
	messages.Put(x.tx, messageKey(registrar, m.Number), m)
	queues.Put(x.tx, textKey(registrar), q)
}

// tellOfTransfer tells both registrars that a transfer has ended. For who requested it, a pending action has, too.
func (x *Exec) tellOfTransfer(of byte, object string, t *Transfer) {
	m := Message{Kind: TransferEnded, Of: of, Object: object, Transfer: t}
	x.tell(t.Losing, m)
	m.Action = &PendingAction{Done: t.Status.Approved(), ClTRID: t.ClTRID, ID: t.ID, Time: t.Acts}
	x.tell(t.Requester, m)
}

// tellOfPurge tells a registrar that the domain which it has deleted is gone.
func (x *Exec) tellOfPurge(d *Domain, at Time) {
	if x.Level() < 3 {
		return
	}
	m := Message{Kind: DomainPurged, Of: DomainROID, Object: d.Name}
	// Nothing happens to a domain between its delete and its purge, so its newest record is of the delete.
	history.Scan(x.tx, numberKey(d.LastEvent), nil, func(_ []byte, r Record) bool {
		if r.Number != d.Number {
			return true
		}
		if r.Actor.Name == d.Sponsor {
			m.Action = &PendingAction{Done: true, ClTRID: r.ClTRID, ID: r.ID, Time: at}
		}
		return false
	})
	x.tell(d.Sponsor, m)
}

// PollAck takes a message out of the actor's queue (RFC 5730 §2.9.2.3). Any message may
// be acknowledged, not only the first: sessions of one registrar need not wait for each other.
type PollAck struct {
	Number uint64 `cbor:"1,keyasint"`
}

// Acknowledged is the reply to PollAck.
type Acknowledged struct {
	Left  uint64 `cbor:"1,keyasint"` // messages in the queue
	First uint64 `cbor:"2,keyasint"` // number of the oldest of them; 0: none
}

// pollAck fails with 2201, 2303.
func (x *Exec) pollAck(c PollAck) (Code, any, *Failure) {
	who := x.Actor.Name
	if _, ok := x.Registrar(who); !ok || x.Actor.Role != RoleRegistrar {
		return 0, nil, Fail(AuthorizationError, "", "", "%s has no messages", who)
	}
	key := messageKey(who, c.Number)
	if !messages.Has(x.tx, key) {
		return 0, nil, Fail(ObjectDoesNotExist, "poll", strconv.FormatUint(c.Number, 10), "there is no such message")
	}
	messages.Delete(x.tx, key)
	q := x.Queue(who)
	q.Count--
	if q.First == c.Number {
		q.First = 0
		messages.Scan(x.tx, textKey(who), key, func(_ []byte, m Message) bool { q.First = m.Number; return false })
	}
	dropped := q.Dropped
	q.Dropped = 0
	if q.Count == 0 {
		queues.Delete(x.tx, textKey(who))
	} else {
		queues.Put(x.tx, textKey(who), q)
	}
	if dropped > 0 {
		x.tell(who, Message{Kind: MessagesDropped, Dropped: dropped})
	}
	q = x.Queue(who)
	return Success, Acknowledged{q.Count, q.First}, nil
}
