package registry

// RegistrarUpdate changes what a registrar is known by, and how it may come in.
// A field that is nil leaves things as they are.
type RegistrarUpdate struct {
	ID                 string        `cbor:"1,keyasint"`
	Name               *string       `cbor:"2,keyasint,omitempty"`
	Password           *string       `cbor:"3,keyasint,omitempty"` // argon2id hash, in PHC string form
	Suspended          *bool         `cbor:"4,keyasint,omitempty"`
	IANA               *uint32       `cbor:"5,keyasint,omitempty"`
	URL                *string       `cbor:"6,keyasint,omitempty"`
	Whois              *string       `cbor:"7,keyasint,omitempty"`
	RDAP               *string       `cbor:"8,keyasint,omitempty"`
	AbuseEmail         *string       `cbor:"9,keyasint,omitempty"`
	AbusePhone         *string       `cbor:"10,keyasint,omitempty"`
	Postal             *[]PostalInfo `cbor:"11,keyasint,omitempty"`
	Voice              *Phone        `cbor:"12,keyasint,omitempty"`
	Fax                *Phone        `cbor:"13,keyasint,omitempty"`
	Email              *string       `cbor:"14,keyasint,omitempty"`
	RemoveCertificates []Binding     `cbor:"15,keyasint,omitempty"` // before others are added; their times don't matter
	AddCertificates    []Binding     `cbor:"16,keyasint,omitempty"` // one that is there gets other times
	Networks           *[]Network    `cbor:"17,keyasint,omitempty"`
	Sessions           *uint32       `cbor:"18,keyasint,omitempty"`
	Unlock             bool          `cbor:"19,keyasint,omitempty"`
	Contacts           *ContactModel `cbor:"30,keyasint,omitempty"`
}

// registrarUpdate fails with 2201, 2302, 2303, 2003, 2004, 2005, 2306.
func (x *Exec) registrarUpdate(u RegistrarUpdate) (Code, any, *Failure) {
	if fail := x.mayOperate(); fail != nil {
		return 0, nil, fail
	}
	r, ok := x.Registrar(u.ID)
	if !ok {
		return 0, nil, Fail(ObjectDoesNotExist, "id", u.ID, "there is no such registrar")
	}
	before := r
	if fail := x.changeIANA(&r, u.IANA); fail != nil {
		return 0, nil, fail
	}
	if u.Name != nil && *u.Name == "" || u.Password != nil && *u.Password == "" {
		return 0, nil, Fail(RequiredParameter, "name", "", "a registrar has a name and a password")
	}
	set(&r.Name, u.Name)
	set(&r.Password, u.Password)
	set(&r.Suspended, u.Suspended)
	set(&r.URL, u.URL)
	set(&r.Whois, u.Whois)
	set(&r.RDAP, u.RDAP)
	set(&r.AbuseEmail, u.AbuseEmail)
	set(&r.AbusePhone, u.AbusePhone)
	set(&r.Postal, u.Postal)
	set(&r.Voice, u.Voice)
	set(&r.Fax, u.Fax)
	set(&r.Email, u.Email)
	set(&r.Networks, u.Networks)
	set(&r.Sessions, u.Sessions)
	set(&r.Contacts, u.Contacts)
	if r.Contacts > NoContacts {
		return 0, nil, Fail(ParameterRange, "contacts", "", "no such model")
	}
	if u.Unlock {
		r.LockedUntil = 0
	}
	for _, b := range u.RemoveCertificates {
		if !r.unbind(b) {
			return 0, nil, Fail(ObjectDoesNotExist, "certificates", b.Fingerprint+b.Subject, "the registrar has no such certificate")
		}
	}
	for _, b := range u.AddCertificates {
		if fail := b.check(); fail != nil {
			return 0, nil, fail
		}
		r.bind(b)
	}
	if fail := r.checkAccess(); fail != nil {
		return 0, nil, fail
	}
	r.Updated = x.Now
	x.recordEvent("registrar:update", r.ID, 0, &r.LastEvent, before, r)
	registrars.Put(x.tx, textKey(r.ID), r)
	return Success, nil, nil
}

// set sets a field, if there is a value.
func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

// changeIANA keeps the index by IANA Registrar ID in step.
func (x *Exec) changeIANA(r *Registrar, to *uint32) *Failure {
	if to == nil || *to == r.IANA {
		return nil
	}
	if *to != 0 {
		if other, exists := x.RegistrarByIANA(*to); exists {
			return Fail(ObjectExists, "iana", r.ID, "%s has this IANA id", other.ID)
		}
		registrarIANA.Put(x.tx, numberKey(uint64(*to)), r.ID)
	}
	if r.IANA != 0 {
		registrarIANA.Delete(x.tx, numberKey(uint64(r.IANA)))
	}
	r.IANA = *to
	return nil
}
