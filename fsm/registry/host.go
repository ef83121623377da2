package registry

import (
	"bytes"
	"slices"
)

// MaxHostAddresses bounds the addresses of a host.
const MaxHostAddresses = 13

// HostCreate makes a host (RFC 5732 §3.2.1).
type HostCreate struct {
	Name      string   `cbor:"1,keyasint"`
	Addresses [][]byte `cbor:"2,keyasint,omitempty"` // 4 or 16 octets each
}

// HostCreated is the reply to HostCreate.
type HostCreated struct {
	Name    string `cbor:"1,keyasint"`
	Created Time   `cbor:"2,keyasint"`
}

// HostDelete removes a host (RFC 5732 §3.2.2).
type HostDelete struct {
	Name string `cbor:"1,keyasint"`
}

// hostCreate fails with 2201, 2302, 2303 (superordinate domain), 2304, 2003, 2306.
func (x *Exec) hostCreate(c HostCreate) (Code, any, *Failure) {
	if fail := x.mayTransform(); fail != nil {
		return 0, nil, fail
	}
	if fail := x.hostNameFree(c.Name); fail != nil {
		return 0, nil, fail
	}
	if fail := x.checkSuperordinate(c.Name, ""); fail != nil {
		return 0, nil, fail
	}
	switch name, internal := x.Superordinate(c.Name); {
	case !internal && len(c.Addresses) > 0:
		return 0, nil, Fail(ParameterPolicy, "host:addr", "", "a host outside of this registry's TLDs has no addresses here")
	case internal && len(c.Addresses) == 0:
		return 0, nil, Fail(RequiredParameter, "host:addr", "", "a host below %s needs an address", name)
	}
	addresses, fail := sortedAddresses(c.Addresses)
	if fail != nil {
		return 0, nil, fail
	}
	h := Host{Object: x.create(), Name: c.Name, Addresses: addresses}
	x.record("host:create", &h.Object, h.Name, nil, h)
	hosts.Put(x.tx, numberKey(h.Number), h)
	hostNames.Put(x.tx, nameKey(h.Name), h.Number)
	return Success, HostCreated{h.Name, h.Created}, nil
}

// hostNameFree refuses names that are none, and those that a host has or that the zone still delegates to.
func (x *Exec) hostNameFree(name string) *Failure {
	if !ValidName(name) {
		return Fail(ParameterSyntax, "host:name", name, "not a host name in lower case")
	}
	if _, taken := x.Host(name); taken {
		return Fail(ObjectExists, "host:name", name, "the host exists")
	}
	if _, leaving := x.leaving(name); leaving {
		return Fail(ObjectExists, "host:name", name, "a host has just been renamed from this, and the zone is still to follow")
	}
	return nil
}

// MaxSubordinates bounds the hosts below a domain: they move with it in one entry (RFC 5731 §3.2.4), and its info lists all of them.
const MaxSubordinates = 1024

// checkSuperordinate lets only the superordinate domain's sponsor have a host below it, and only so many. before is the host's
// name until now; "" for a new one.
func (x *Exec) checkSuperordinate(host, before string) *Failure {
	name, internal := x.Superordinate(host)
	if !internal {
		if _, isTLD := x.TLD(host); isTLD {
			return Fail(ParameterPolicy, "host:name", host, "a TLD is no host")
		}
		return nil
	}
	d, ok := x.domain(name)
	if !ok {
		return Fail(ObjectDoesNotExist, "host:name", host, "the superordinate domain %s does not exist", name)
	}
	if fail := x.mayChange(&d.Object, "host:name", host); fail != nil {
		return fail
	}
	if fail := prohibited(d.Statuses, PendingDelete, "host:name", host); fail != nil {
		return fail
	}
	if before == name || below(before, name) || x.Level() < 3 { // whose logs mean what they meant
		return nil
	}
	if x.hostsBelow(name) >= MaxSubordinates {
		return Fail(ParameterPolicy, "host:name", host, "there are %d hosts below %s, and can't be more", MaxSubordinates, name)
	}
	return nil
}

// hostsBelow counts the hosts at or below a domain's name, to one more than there may be.
func (x *Exec) hostsBelow(domain string) (n int) {
	hostNames.Scan(x.tx, nameKey(domain), nil, func([]byte, uint64) bool { n++; return n <= MaxSubordinates })
	return n
}

func sortedAddresses(all [][]byte) ([][]byte, *Failure) {
	if len(all) > MaxHostAddresses {
		return nil, Fail(ParameterPolicy, "host:addr", "", "a host has at most %d addresses", MaxHostAddresses)
	}
	sorted := slices.Clone(all)
	slices.SortFunc(sorted, bytes.Compare)
	for i, a := range sorted {
		if len(a) != 4 && len(a) != 16 {
			return nil, Fail(ParameterSyntax, "host:addr", "", "not an IPv4 or IPv6 address")
		}
		if i > 0 && bytes.Equal(a, sorted[i-1]) {
			return nil, Fail(ParameterPolicy, "host:addr", "", "an address is named twice")
		}
	}
	return sorted, nil
}

// hostDelete fails with 2201, 2303, 2304, 2305.
func (x *Exec) hostDelete(c HostDelete) (Code, any, *Failure) {
	if fail := x.mayTransform(); fail != nil {
		return 0, nil, fail
	}
	h, ok := x.Host(c.Name)
	if !ok {
		return 0, nil, Fail(ObjectDoesNotExist, "host:name", c.Name, "there is no such host")
	}
	if fail := x.mayChange(&h.Object, "host:name", c.Name); fail != nil {
		return 0, nil, fail
	}
	if fail := prohibited(h.Statuses, Pending|ClientDeleteProhibited|ServerDeleteProhibited, "host:name", h.Name); fail != nil {
		return 0, nil, fail
	}
	x.unlink(hostLinks, h.Number)
	if x.HostStatuses(h).Has(Linked) {
		return 0, nil, Fail(AssociationProhibits, "host:name", h.Name, "a domain is delegated to the host")
	}
	x.record("host:delete", &h.Object, h.Name, h, nil)
	hosts.Delete(x.tx, numberKey(h.Number))
	hostNames.Delete(x.tx, nameKey(h.Name))
	return Success, nil, nil
}

// CheckHost says whether a host called name can be created (RFC 5732 §3.1.1).
func (v *View) CheckHost(name string) Availability {
	if _, taken := v.Host(name); taken {
		return Availability{name, false, "In use"}
	}
	if _, leaving := v.leaving(name); leaving {
		return Availability{name, false, "In use"}
	}
	return Availability{name, true, ""}
}
