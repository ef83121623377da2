package registry

import (
	"bytes"
	"slices"
)

// MaxRenamedAbroad bounds the links of an external host that can be renamed: each is looked at, in one entry, for it
// must not be another registrar's. RFC 5732 §3.2.5 says what to do beyond: create a host of the new name, and link it.
const MaxRenamedAbroad = 4096

// HostUpdate changes a host (RFC 5732 §3.2.5). What is removed is removed before anything is added.
type HostUpdate struct {
	Name            string   `cbor:"1,keyasint"`
	AddAddresses    [][]byte `cbor:"2,keyasint,omitempty"` // 4 or 16 octets each
	RemoveAddresses [][]byte `cbor:"3,keyasint,omitempty"`
	AddStatuses     Statuses `cbor:"4,keyasint,omitempty"`
	RemoveStatuses  Statuses `cbor:"5,keyasint,omitempty"`
	NewName         string   `cbor:"6,keyasint,omitempty"` // "": as it is
}

// hostUpdate fails with 2201, 2302 (new name), 2303 (host, superordinate domain), 2304, 2305, 2306, 2003, 2005.
func (x *Exec) hostUpdate(c HostUpdate) (Code, any, *Failure) {
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
	onlyRemoves := len(c.AddAddresses)+len(c.RemoveAddresses) == 0 && c.AddStatuses == 0 && c.NewName == ""
	if fail := x.updatable(h.Statuses, c.RemoveStatuses, onlyRemoves, "host:name", c.Name); fail != nil {
		return 0, nil, fail
	}
	before := h
	var fail *Failure
	if h.Statuses, fail = x.changeStatuses(h.Statuses, c.AddStatuses, c.RemoveStatuses, HostSettable, "host:status"); fail != nil {
		return 0, nil, fail
	}
	if h.Addresses, fail = changeAddresses(h.Addresses, c.AddAddresses, c.RemoveAddresses); fail != nil {
		return 0, nil, fail
	}
	if c.NewName != "" {
		if fail := x.mayRename(&h, c.NewName); fail != nil {
			return 0, nil, fail
		}
		h.Name = c.NewName
	}
	if fail := x.checkAddresses(&before, &h, len(c.AddAddresses) > 0); fail != nil {
		return 0, nil, fail
	}
	x.touch(&h.Object)
	x.record("host:update", &h.Object, before.Name, before, h)
	hosts.Put(x.tx, numberKey(h.Number), h)
	switch linked := hostLinks.Any(x.tx, numberKey(h.Number)); {
	case h.Name != before.Name:
		x.renamed(&before, &h)
	case linked && !slices.EqualFunc(before.Addresses, h.Addresses, bytes.Equal):
		x.dirtyHost(h.Name)
	}
	return Success, nil, nil
}

// changeAddresses is has without what is removed and with what is added. What is removed must be there, what is added must not be.
func changeAddresses(has, add, remove [][]byte) ([][]byte, *Failure) {
	if _, fail := sortedAddresses(remove); fail != nil {
		return nil, fail
	}
	result := slices.Clone(has)
	for _, a := range remove {
		at := slices.IndexFunc(result, func(o []byte) bool { return bytes.Equal(o, a) })
		if at < 0 {
			return nil, Fail(ParameterPolicy, "host:addr", "", "the host does not have this address")
		}
		result = slices.Delete(result, at, at+1)
	}
	for _, a := range add {
		if slices.ContainsFunc(result, func(o []byte) bool { return bytes.Equal(o, a) }) {
			return nil, Fail(ParameterPolicy, "host:addr", "", "the host has this address already, or it is named twice")
		}
		result = append(result, a)
	}
	return sortedAddresses(result)
}

// mayRename refuses names that a host of the same sponsor could not be created with, and to move what others build on:
// an external host to which domains of other registrars are delegated (RFC 5732 §3.2.5).
func (x *Exec) mayRename(h *Host, to string) *Failure {
	if fail := x.hostNameFree(to); fail != nil {
		return fail
	}
	if fail := x.checkSuperordinate(to, h.Name); fail != nil {
		return fail
	}
	if _, internal := x.Superordinate(h.Name); internal {
		return nil
	}
	var fail *Failure
	n := 0
	hostLinks.Scan(x.tx, numberKey(h.Number), nil, func(_ []byte, name string) bool {
		if n++; n > MaxRenamedAbroad {
			fail = Fail(AssociationProhibits, "host:name", h.Name, "more than %d domains are delegated to the host: create one of the new name", MaxRenamedAbroad)
		} else if d, ok := x.Domain(name); ok && d.Sponsor != h.Sponsor {
			fail = Fail(AssociationProhibits, "host:name", h.Name, "a domain of another registrar is delegated to the host")
		}
		return fail == nil
	})
	return fail
}

// checkAddresses wants addresses where they are needed as glue, and refuses them where they can't be. A host that is
// renamed out of the registry's TLDs leaves its addresses behind.
func (x *Exec) checkAddresses(before, h *Host, adds bool) *Failure {
	domain, internal := x.Superordinate(h.Name)
	if internal && adds && x.Level() >= 3 {
		// A host that is older than its TLD has addresses when its superordinate domain is there, and its sponsor's.
		if _, ok := x.domain(domain); !ok {
			return Fail(ObjectDoesNotExist, "host:name", h.Name, "the superordinate domain %s does not exist", domain)
		}
	}
	switch {
	case !internal && adds:
		return Fail(ParameterPolicy, "host:addr", "", "a host outside of this registry's TLDs has no addresses here")
	case !internal:
		h.Addresses = nil
	case len(h.Addresses) == 0 && h.Name != before.Name:
		return Fail(RequiredParameter, "host:addr", "", "a host called %s needs an address", h.Name)
	case len(h.Addresses) == 0 && hostLinks.Any(x.tx, numberKey(h.Number)):
		return Fail(AssociationProhibits, "host:addr", "", "a domain is delegated to the host, which needs an address")
	}
	return nil
}

// renamed does what follows from a host's new name. Links are by number and need nothing; the zone is marked wherever
// it has the old name or will have the new one.
func (x *Exec) renamed(before, h *Host) {
	hostNames.Delete(x.tx, nameKey(before.Name))
	hostNames.Put(x.tx, nameKey(h.Name), h.Number)
	links := 0
	hostLinks.Scan(x.tx, numberKey(h.Number), nil, func([]byte, string) bool { links++; return links <= MaxRenamedAtOnce })
	if links <= MaxRenamedAtOnce {
		x.sweepHost(&Sweep{Host: h.Number, Stage: marksLinks}, MaxRenamedAtOnce)
		x.dirtyHost(before.Name)
	} else {
		sweeps.Put(x.tx, hostSweepKey(before.Name), Sweep{Host: h.Number, Addresses: before.Addresses})
	}
	x.dirtyHost(h.Name)
}
