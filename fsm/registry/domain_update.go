package registry

import (
	"slices"
)

// DomainUpdate changes a domain (RFC 5731 §3.2.5). What is removed is removed
// before anything is added.
type DomainUpdate struct {
	Name             string          `cbor:"1,keyasint"`
	AddHosts         []string        `cbor:"2,keyasint,omitempty"`
	RemoveHosts      []string        `cbor:"3,keyasint,omitempty"`
	AddContacts      []DomainContact `cbor:"4,keyasint,omitempty"`
	RemoveContacts   []DomainContact `cbor:"5,keyasint,omitempty"`
	AddStatuses      Statuses        `cbor:"6,keyasint,omitempty"`
	RemoveStatuses   Statuses        `cbor:"7,keyasint,omitempty"`
	Registrant       *string         `cbor:"8,keyasint,omitempty"` // nil: as it is
	AuthInfo         *AuthInfo       `cbor:"9,keyasint,omitempty"` // nil: as it is
	AddAttributes    []HostAttribute `cbor:"10,keyasint,omitempty" since:"3"`
	RemoveAttributes []string        `cbor:"11,keyasint,omitempty" since:"3"` // names
	AddDS            []DSData        `cbor:"12,keyasint,omitempty" since:"3"`
	RemoveDS         []DSData        `cbor:"13,keyasint,omitempty" since:"3"` // the key of one plays no part
	AddKeys          []DNSKeyData    `cbor:"14,keyasint,omitempty" since:"3"`
	RemoveKeys       []DNSKeyData    `cbor:"15,keyasint,omitempty" since:"3"`
	RemoveAllDS      bool            `cbor:"16,keyasint,omitempty" since:"3"` // all DS records and keys, before anything is added
	MaxSigLife       *uint32         `cbor:"17,keyasint,omitempty" since:"3"` // nil: as it is
}

func (c *DomainUpdate) secDNS() secDNS {
	return secDNS{c.AddDS, c.RemoveDS, c.AddKeys, c.RemoveKeys, c.RemoveAllDS, c.MaxSigLife}
}

// domainUpdate fails with 2201, 2303, 2304, 2306, 2003, 2004, 2005.
func (x *Exec) domainUpdate(c DomainUpdate) (Code, any, *Failure) {
	d, fail := x.sponsored(c.Name)
	if fail != nil {
		return 0, nil, fail
	}
	if fail := x.mayUpdate(d.Statuses, c); fail != nil {
		return 0, nil, fail
	}
	before := d
	if d.Statuses, fail = x.changeStatuses(d.Statuses, c.AddStatuses, c.RemoveStatuses, ClientStatuses|ServerStatuses, "domain:status"); fail != nil {
		return 0, nil, fail
	}
	tld := x.mustTLD(d.TLD)
	if fail := tld.checkHostModel(len(c.AddHosts)+len(c.RemoveHosts), len(c.AddAttributes)+len(c.RemoveAttributes)); fail != nil {
		return 0, nil, fail
	}
	if d.Attributes, fail = x.changeAttributes(d.Name, d.Attributes, c.AddAttributes, c.RemoveAttributes); fail != nil {
		return 0, nil, fail
	}
	if d.Hosts, fail = x.changeHosts(d.Hosts, c.AddHosts, c.RemoveHosts); fail != nil {
		return 0, nil, fail
	}
	if d.Contacts, fail = changeContacts(d.Contacts, c.AddContacts, c.RemoveContacts); fail != nil {
		return 0, nil, fail
	}
	if c.Registrant != nil {
		d.Registrant = *c.Registrant
	}
	if fail := x.checkModel(&tld, &before, &d); fail != nil {
		return 0, nil, fail
	}
	if fail := d.secure(&tld, c.secDNS()); fail != nil {
		return 0, nil, fail
	}
	if c.AuthInfo != nil {
		d.AuthInfo = *c.AuthInfo
	}
	x.touch(&d.Object)
	x.record("domain:update", &d.Object, d.Name, before, d)
	x.putDomain(&before, &d)
	return Success, nil, nil
}

// mayUpdate lets a client through its own clientUpdateProhibited only to remove it (RFC 5731 §2.3).
func (x *Exec) mayUpdate(has Statuses, c DomainUpdate) *Failure {
	onlyRemoves := len(c.AddAttributes)+len(c.RemoveAttributes)+len(c.AddHosts)+len(c.RemoveHosts)+len(c.AddContacts)+len(c.RemoveContacts) == 0 &&
		c.AddStatuses == 0 && c.Registrant == nil && c.AuthInfo == nil && c.secDNS().empty()
	return x.updatable(has, c.RemoveStatuses, onlyRemoves, "domain:name", c.Name)
}

func (x *Exec) changeHosts(has []uint64, add, remove []string) ([]uint64, *Failure) {
	gone, fail := x.hostsNamed(remove)
	if fail != nil {
		return nil, fail
	}
	fresh, fail := x.delegatedTo(add)
	if fail != nil {
		return nil, fail
	}
	result := slices.Clone(has)
	for i, n := range gone {
		at, found := slices.BinarySearch(result, n)
		if !found {
			return nil, Fail(ParameterPolicy, "domain:hostObj", remove[i], "the domain is not delegated to this host")
		}
		result = slices.Delete(result, at, at+1)
	}
	for i, n := range fresh {
		at, found := slices.BinarySearch(result, n)
		if found {
			return nil, Fail(ParameterPolicy, "domain:hostObj", add[i], "the domain is delegated to this host already")
		}
		result = slices.Insert(result, at, n)
	}
	if len(result) > MaxDomainHosts {
		return nil, Fail(ParameterPolicy, "domain:ns", "", "a domain has at most %d name servers", MaxDomainHosts)
	}
	return result, nil
}

func changeContacts(has, add, remove []DomainContact) ([]DomainContact, *Failure) {
	result := slices.Clone(has)
	for _, c := range remove {
		at, found := slices.BinarySearchFunc(result, c, compareContacts)
		if !found {
			return nil, Fail(ParameterPolicy, "domain:contact", c.ID, "the domain has no such %s contact", c.Type)
		}
		result = slices.Delete(result, at, at+1)
	}
	for _, c := range add {
		at, found := slices.BinarySearchFunc(result, c, compareContacts)
		if found {
			return nil, Fail(ParameterPolicy, "domain:contact", c.ID, "the domain has this %s contact already", c.Type)
		}
		result = slices.Insert(result, at, c)
	}
	return result, nil
}
