package registry

// ContactCreate makes a contact (RFC 5733 §3.2.1). Its fields have been checked
// against the schema by the front door.
type ContactCreate struct {
	ID       string       `cbor:"1,keyasint"`
	Postal   []PostalInfo `cbor:"2,keyasint"`
	Voice    Phone        `cbor:"3,keyasint"`
	Fax      Phone        `cbor:"4,keyasint"`
	Email    string       `cbor:"5,keyasint"`
	AuthInfo AuthInfo     `cbor:"6,keyasint"`
	Disclose *Disclose    `cbor:"7,keyasint,omitempty"`
}

// ContactCreated is the reply to ContactCreate.
type ContactCreated struct {
	ID      string `cbor:"1,keyasint"`
	Created Time   `cbor:"2,keyasint"`
}

// ContactDelete removes a contact (RFC 5733 §3.2.2).
type ContactDelete struct {
	ID string `cbor:"1,keyasint"`
}

// contactCreate fails with 2201, 2302.
func (x *Exec) contactCreate(c ContactCreate) (Code, any, *Failure) {
	if fail := x.mayTransform(); fail != nil {
		return 0, nil, fail
	}
	if x.HasContact(c.ID) {
		return 0, nil, Fail(ObjectExists, "contact:id", c.ID, "the contact exists")
	}
	n := Contact{
		Object: x.create(), ID: c.ID, Postal: c.Postal, Voice: c.Voice, Fax: c.Fax,
		Email: c.Email, AuthInfo: c.AuthInfo, Disclose: c.Disclose,
	}
	x.record("contact:create", &n.Object, n.ID, nil, n)
	contacts.Put(x.tx, textKey(n.ID), n)
	return Success, ContactCreated{n.ID, n.Created}, nil
}

// contactDelete fails with 2201, 2303, 2304, 2305.
func (x *Exec) contactDelete(c ContactDelete) (Code, any, *Failure) {
	if fail := x.mayTransform(); fail != nil {
		return 0, nil, fail
	}
	n, ok := x.Contact(c.ID)
	if !ok {
		return 0, nil, Fail(ObjectDoesNotExist, "contact:id", c.ID, "there is no such contact")
	}
	if fail := x.mayChange(&n.Object, "contact:id", c.ID); fail != nil {
		return 0, nil, fail
	}
	if fail := prohibited(n.Statuses, Pending|ClientDeleteProhibited|ServerDeleteProhibited, "contact:id", n.ID); fail != nil {
		return 0, nil, fail
	}
	x.unlink(contactLinks, n.Number)
	if x.ContactStatuses(n).Has(Linked) {
		return 0, nil, Fail(AssociationProhibits, "contact:id", n.ID, "a domain names the contact")
	}
	x.record("contact:delete", &n.Object, n.ID, n, nil)
	contacts.Delete(x.tx, textKey(n.ID))
	return Success, nil, nil
}

// CheckContact says whether a contact with this id can be created (RFC 5733 §3.1.1).
func (v *View) CheckContact(id string) Availability {
	if v.HasContact(id) {
		return Availability{id, false, "In use"}
	}
	return Availability{id, true, ""}
}
