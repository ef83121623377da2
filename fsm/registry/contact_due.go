package registry

import "quorate/fsm/store"

// A contact's transfer is the only thing that happens to it by itself: approval by
// time-out. As with domains, readers see it applied to a copy, and entries execute it.

// contactDue is where Ticks find the contacts with a pending transfer.
var contactDue = store.DeclareSince[store.Empty](3, 17, "contact_due", false) // time, id

func contactDueKey(n *Contact) store.Key { return numberKey(uint64(n.Transfer.Acts)).Text(n.ID) }

// due says whether the contact's transfer has come about by time-out.
func (n *Contact) due(now Time) bool {
	return n.Statuses.Has(PendingTransfer) && n.Transfer.Acts <= now
}

// settle takes n through what is due at now, and says whether anything was.
func (n *Contact) settle(now Time) bool {
	if !n.due(now) {
		return false
	}
	n.handOver(n.Transfer.ended(ServerApproved, n.Transfer.Acts))
	n.Updated = n.Transfer.Acts
	return true
}

// putContact replaces before by n, with the place in the queue of what is due.
func (x *Exec) putContact(before, n *Contact) {
	if before.Statuses.Has(PendingTransfer) {
		contactDue.Delete(x.tx, contactDueKey(before))
	}
	if n.Statuses.Has(PendingTransfer) {
		contactDue.Put(x.tx, contactDueKey(n), store.Empty{})
	}
	contacts.Put(x.tx, textKey(n.ID), *n)
}

// Contact settles the contact with the client's identifier id and returns it: every command that looks at a contact sees it so.
func (x *Exec) Contact(id string) (Contact, bool) {
	n, ok := contacts.Get(x.tx, textKey(id))
	if !ok {
		return n, false
	}
	before := n
	if n.settle(x.Now) {
		x.record("contact:"+n.Transfer.Status.event(), &n.Object, n.ID, before, n)
		x.putContact(&before, &n)
		x.tellOfTransfer(ContactROID, n.ID, n.Transfer)
	}
	return n, true
}

// settleContacts settles at most max contacts with a transfer due, in the order in which they fell due.
func (x *Exec) settleContacts(max int) {
	var ids []string
	contactDue.Scan(x.tx, nil, nil, func(key []byte, _ store.Empty) bool {
		at, id := parseDueKey(key)
		if at > x.Now || len(ids) == max {
			return false
		}
		ids = append(ids, id)
		return true
	})
	for _, id := range ids {
		x.Contact(id)
	}
}
