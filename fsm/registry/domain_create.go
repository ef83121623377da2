package registry

import (
	"slices"
	"strings"

	"quorate/fsm/bugs"
)

// Limits of what a domain can hold.
const (
	MaxDomainHosts    = 13 // as many as a referral of 512 octets can name (RFC 1035 §2.3.4)
	MaxDomainContacts = 16 // three roles, a few of each
)

// DefaultMonths is the registration period when the client names none.
const DefaultMonths = 12

// DomainCreate registers a domain (RFC 5731 §3.2.1).
type DomainCreate struct {
	Name       string          `cbor:"1,keyasint"`
	Months     uint16          `cbor:"2,keyasint,omitempty"` // 0: DefaultMonths
	Registrant string          `cbor:"3,keyasint,omitempty"`
	Contacts   []DomainContact `cbor:"4,keyasint,omitempty"`
	Hosts      []string        `cbor:"5,keyasint,omitempty"` // names of host objects
	AuthInfo   AuthInfo        `cbor:"6,keyasint"`
	Attributes []HostAttribute `cbor:"7,keyasint,omitempty" since:"3"` // in place of Hosts, where the TLD wants it
	DS         []DSData        `cbor:"8,keyasint,omitempty" since:"3"`
	Keys       []DNSKeyData    `cbor:"9,keyasint,omitempty" since:"3"`
	MaxSigLife uint32          `cbor:"10,keyasint,omitempty" since:"3"` // 0: no wish
}

// DomainCreated is the reply to DomainCreate.
type DomainCreated struct {
	Name    string `cbor:"1,keyasint"`
	Created Time   `cbor:"2,keyasint"`
	Expires Time   `cbor:"3,keyasint"`
}

// domainCreate fails with 2201, 2303 (host, contact), 2302, 2003, 2004, 2005, 2104, 2306.
func (x *Exec) domainCreate(c DomainCreate) (Code, any, *Failure) {
	if fail := x.mayTransform(); fail != nil {
		return 0, nil, fail
	}
	tld, fail := x.registrable(c.Name)
	if fail != nil {
		return 0, nil, fail
	}
	if _, taken := x.domain(c.Name); taken {
		return 0, nil, Fail(ObjectExists, "domain:name", c.Name, "the name is registered")
	}
	older := 0 // hosts below the name that are older than the TLD
	if x.Level() >= 3 {
		older = x.hostsBelow(c.Name)
	}
	if older > MaxSubordinates {
		return 0, nil, Fail(ParameterPolicy, "domain:name", c.Name, "there are more than %d hosts below the name", MaxSubordinates)
	}
	if c.Months == 0 {
		c.Months = DefaultMonths
	}
	n, fail := years(c.Months, &tld, "domain:period")
	if fail != nil {
		return 0, nil, fail
	}
	if fail := x.checkModel(&tld, nil, &Domain{Object: Object{Sponsor: x.Actor.Name}, Registrant: c.Registrant, Contacts: c.Contacts}); fail != nil {
		return 0, nil, fail
	}
	if fail := tld.checkHostModel(len(c.Hosts), len(c.Attributes)); fail != nil {
		return 0, nil, fail
	}
	attributes, fail := x.changeAttributes(c.Name, nil, c.Attributes, nil)
	if fail != nil {
		return 0, nil, fail
	}
	numbers, fail := x.delegatedTo(c.Hosts)
	if fail != nil {
		return 0, nil, fail
	}
	if len(numbers) > MaxDomainHosts {
		return 0, nil, Fail(ParameterPolicy, "domain:ns", "", "a domain has at most %d name servers", MaxDomainHosts)
	}
	slices.Sort(numbers)
	slices.SortFunc(c.Contacts, compareContacts)
	d := Domain{
		Object: x.create(), Name: c.Name, TLD: tld.Name, Expires: x.Now.AddMonths(12 * n),
		Registrant: c.Registrant, Contacts: c.Contacts, Hosts: numbers, Attributes: attributes, AuthInfo: c.AuthInfo,
	}
	secure := secDNS{addDS: c.DS, addKeys: c.Keys}
	if c.MaxSigLife != 0 {
		secure.maxSigLife = &c.MaxSigLife
	}
	if fail := d.secure(&tld, secure); fail != nil {
		return 0, nil, fail
	}
	charge, fail := x.debit(&d, "create", tld.CreatePrice*int64(n), tld.Currency)
	if fail != nil {
		return 0, nil, fail
	}
	if bugs.Planted == bugs.DebitWithoutCreate && x.Index%8 == 0 {
		return 0, nil, Fail(CommandFailed, "", "", "a bug is planted here")
	}
	if tld.AddGrace > 0 {
		d.Grace = []Grace{{AddPeriod, x.Now + tld.AddGrace, charge}}
	}
	x.record("domain:create", &d.Object, d.Name, nil, d)
	if older > 0 {
		x.moveHosts(&d, x.Now)
	}
	x.putDomain(nil, &d)
	return Success, DomainCreated{d.Name, d.Created, d.Expires}, nil
}

// registrable returns the TLD in which name can be registered by policy, whether it is taken or not.
func (v *View) registrable(name string) (TLD, *Failure) {
	if !ValidName(name) {
		return TLD{}, Fail(ParameterSyntax, "domain:name", name, "not a host name in lower case")
	}
	tld, ok := v.TLDOf(name)
	if !ok {
		return tld, Fail(ParameterPolicy, "domain:name", name, "no TLD of this registry")
	}
	if strings.Contains(strings.TrimSuffix(name, "."+tld.Name), ".") {
		return tld, Fail(ParameterPolicy, "domain:name", name, "not directly below the TLD")
	}
	if v.leadsToTLD(name) || tld.reserves(name) || v.operates(tld.zone(), name) {
		return tld, Fail(ParameterPolicy, "domain:name", name, "the name is reserved")
	}
	return tld, nil
}

// Availability is the answer to a check (RFC 5730 §2.9.2.1).
type Availability struct {
	Name      string
	Available bool
	Reason    string // why not
}

// CheckDomain says whether name can be registered now (RFC 5731 §3.1.1).
func (v *View) CheckDomain(name string) Availability {
	if _, fail := v.registrable(name); fail != nil {
		return Availability{name, false, fail.Reason}
	}
	if d, taken := v.Domain(name); taken {
		if d.Statuses.Has(PendingDelete) {
			return Availability{name, false, "Pending delete"}
		}
		return Availability{name, false, "In use"}
	}
	return Availability{name, true, ""}
}
