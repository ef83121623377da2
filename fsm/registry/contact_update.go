package registry

import (
	"slices"
)

// ContactUpdate changes a contact (RFC 5733 §3.2.5). Statuses are removed before any is added. Its fields have been
// checked against the schema by the front door.
type ContactUpdate struct {
	ID             string         `cbor:"1,keyasint"`
	AddStatuses    Statuses       `cbor:"2,keyasint,omitempty"`
	RemoveStatuses Statuses       `cbor:"3,keyasint,omitempty"`
	Postal         []PostalChange `cbor:"4,keyasint,omitempty"` // one or two, of different types
	Voice          *Phone         `cbor:"5,keyasint,omitempty"` // nil: as it is, and so below
	Fax            *Phone         `cbor:"6,keyasint,omitempty"` // empty: none
	Email          *string        `cbor:"7,keyasint,omitempty"`
	AuthInfo       *AuthInfo      `cbor:"8,keyasint,omitempty"` // empty: none
	Disclose       *Disclose      `cbor:"9,keyasint,omitempty"` // takes the place of what was wished before; without elements: no wish
}

// PostalChange changes one form of a contact's name and address, or adds a form that the contact doesn't have yet:
// that needs a name and an address.
type PostalChange struct {
	Type    string         `cbor:"1,keyasint"`           // int or loc
	Name    *string        `cbor:"2,keyasint,omitempty"` // nil: as it is, and so below
	Org     *string        `cbor:"3,keyasint,omitempty"` // empty: none
	Address *PostalAddress `cbor:"4,keyasint,omitempty"` // as a whole
}

// PostalAddress is where a contact lives (RFC 5733 §2.4).
type PostalAddress struct {
	Street     []string `cbor:"1,keyasint,omitempty"` // up to three lines
	City       string   `cbor:"2,keyasint"`
	Province   string   `cbor:"3,keyasint,omitempty"`
	PostalCode string   `cbor:"4,keyasint,omitempty"`
	Country    string   `cbor:"5,keyasint"` // ISO 3166-1, two capitals
}

// contactUpdate fails with 2201, 2303, 2304, 2306, 2003.
func (x *Exec) contactUpdate(c ContactUpdate) (Code, any, *Failure) {
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
	onlyRemoves := c.AddStatuses == 0 && len(c.Postal) == 0 && c.Voice == nil && c.Fax == nil &&
		c.Email == nil && c.AuthInfo == nil && c.Disclose == nil
	if fail := x.updatable(n.Statuses, c.RemoveStatuses, onlyRemoves, "contact:id", c.ID); fail != nil {
		return 0, nil, fail
	}
	before := n
	var fail *Failure
	if n.Statuses, fail = x.changeStatuses(n.Statuses, c.AddStatuses, c.RemoveStatuses, ContactSettable, "contact:status"); fail != nil {
		return 0, nil, fail
	}
	if n.Postal, fail = changePostal(n.Postal, c.Postal); fail != nil {
		return 0, nil, fail
	}
	if c.Voice != nil {
		n.Voice = *c.Voice
	}
	if c.Fax != nil {
		n.Fax = *c.Fax
	}
	if c.Email != nil {
		n.Email = *c.Email
	}
	if c.AuthInfo != nil {
		n.AuthInfo = *c.AuthInfo
	}
	if c.Disclose != nil {
		n.Disclose = c.Disclose
		if len(c.Disclose.Elements) == 0 {
			n.Disclose = nil
		}
	}
	x.touch(&n.Object)
	x.record("contact:update", &n.Object, n.ID, before, n)
	contacts.Put(x.tx, textKey(n.ID), n)
	return Success, nil, nil
}

// changePostal is has with the changes made to a copy.
func changePostal(has []PostalInfo, changes []PostalChange) ([]PostalInfo, *Failure) {
	all := slices.Clone(has)
	for _, c := range changes {
		at := slices.IndexFunc(all, func(p PostalInfo) bool { return p.Type == c.Type })
		if at < 0 {
			if c.Name == nil || c.Address == nil {
				return nil, Fail(RequiredParameter, "contact:postalInfo", "", "the contact has no postal information of the type %s yet: it needs a name and an address", c.Type)
			}
			at, all = len(all), append(all, PostalInfo{Type: c.Type})
		}
		p := &all[at]
		if c.Name != nil {
			p.Name = *c.Name
		}
		if c.Org != nil {
			p.Org = *c.Org
		}
		if a := c.Address; a != nil {
			p.Street, p.City, p.Province, p.PostalCode, p.Country = a.Street, a.City, a.Province, a.PostalCode, a.Country
		}
	}
	return all, nil
}
