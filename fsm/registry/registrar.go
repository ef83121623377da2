package registry

import "math"

// RegistrarCreate opens an account for a registrar.
type RegistrarCreate struct {
	Registrar Registrar `cbor:"1,keyasint"` // Created, Updated and LastEvent are set here
}

// RegistrarFund books a deposit, and sets the credit limit if one is given.
type RegistrarFund struct {
	ID          string `cbor:"1,keyasint"`
	Currency    string `cbor:"2,keyasint"`
	Amount      int64  `cbor:"3,keyasint"`           // minor units
	CreditLimit *int64 `cbor:"4,keyasint,omitempty"` // minor units; nil: as it is
}

// maxBalance keeps sums of balances far from overflow, in minor units.
const maxBalance = math.MaxInt64 / (1 << 20)

// registrarCreate fails with 2201, 2302, 2004, 2005, 2306.
func (x *Exec) registrarCreate(c RegistrarCreate) (Code, any, *Failure) {
	if fail := x.mayOperate(); fail != nil {
		return 0, nil, fail
	}
	r := c.Registrar
	if len(r.ID) < 3 || len(r.ID) > 16 {
		return 0, nil, Fail(ParameterSyntax, "id", r.ID, "a registrar's id has 3 to 16 characters (RFC 5730 clIDType)")
	}
	for _, c := range []byte(r.ID) {
		if c <= ' ' || c > '~' {
			return 0, nil, Fail(ParameterSyntax, "id", r.ID, "a registrar's id is of visible ASCII characters")
		}
	}
	if _, exists := x.Registrar(r.ID); exists {
		return 0, nil, Fail(ObjectExists, "id", r.ID, "the registrar exists")
	}
	if r.IANA != 0 {
		if other, exists := x.RegistrarByIANA(r.IANA); exists {
			return 0, nil, Fail(ObjectExists, "iana", r.ID, "%s has this IANA id", other.ID)
		}
		registrarIANA.Put(x.tx, numberKey(uint64(r.IANA)), r.ID)
	}
	if fail := r.checkAccess(); fail != nil && x.Level() >= 3 {
		return 0, nil, fail
	}
	r.Created, r.Updated, r.LastEvent = x.Now, 0, 0
	x.recordEvent("registrar:create", r.ID, 0, &r.LastEvent, nil, r)
	registrars.Put(x.tx, textKey(r.ID), r)
	return Success, nil, nil
}

// registrarFund fails with 2201, 2303, 2004, 2005.
func (x *Exec) registrarFund(c RegistrarFund) (Code, any, *Failure) {
	if fail := x.mayOperate(); fail != nil {
		return 0, nil, fail
	}
	r, ok := x.Registrar(c.ID)
	if !ok {
		return 0, nil, Fail(ObjectDoesNotExist, "id", c.ID, "there is no such registrar")
	}
	if len(c.Currency) != 3 {
		return 0, nil, Fail(ParameterSyntax, "currency", c.Currency, "not an ISO 4217 code")
	}
	a := x.Account(RegistrarAccount(c.ID), c.Currency)
	if c.Amount < 0 || c.Amount > maxBalance || a.Balance > maxBalance-c.Amount {
		return 0, nil, Fail(ParameterRange, "amount", "", "a deposit is between nothing and %d minor units, and so is the balance", int64(maxBalance))
	}
	if c.CreditLimit != nil {
		if *c.CreditLimit < 0 || *c.CreditLimit > maxBalance {
			return 0, nil, Fail(ParameterRange, "credit_limit", "", "out of range")
		}
		a.CreditLimit = *c.CreditLimit
	}
	before := r.LastEvent
	x.recordEvent("registrar:fund", r.ID, 0, &r.LastEvent, before, c)
	registrars.Put(x.tx, textKey(r.ID), r)
	accounts.Put(x.tx, textKey(a.Name).Text(a.Currency), a)
	if c.Amount > 0 || a.Last == 0 {
		x.post(Entry{From: cash, To: a.Name, Amount: c.Amount, Currency: c.Currency, Why: "deposit"})
	}
	return Success, nil, nil
}
