package registry

import (
	"bytes"
	"cmp"
	"slices"
)

// HostAttribute is a name server that is an attribute of a domain, not an object (RFC 5731 §1.1).
type HostAttribute struct {
	Name      string   `cbor:"1,keyasint"`
	Addresses [][]byte `cbor:"2,keyasint,omitempty"` // 4 or 16 octets each, sorted; glue if the name is at or below the domain's
}

// checkHostModel refuses name servers of the other kind than the TLD's.
func (t *TLD) checkHostModel(objects, attributes int) *Failure {
	switch {
	case t.HostAttributes && objects > 0:
		return Fail(ParameterPolicy, "domain:hostObj", "", "%s has name servers as attributes, not as host objects", t.Name)
	case !t.HostAttributes && attributes > 0:
		return Fail(ParameterPolicy, "domain:hostAttr", "", "%s has name servers as host objects, not as attributes", t.Name)
	}
	return nil
}

// changeAttributes is has without what is removed, by name, and with what is added.
func (x *Exec) changeAttributes(domain string, has, add []HostAttribute, remove []string) ([]HostAttribute, *Failure) {
	result := slices.Clone(has)
	for _, name := range remove {
		at, found := slices.BinarySearchFunc(result, HostAttribute{Name: name}, compareAttributes)
		if !found {
			return nil, Fail(ParameterPolicy, "domain:hostName", name, "the domain is not delegated to this host, or it is named twice")
		}
		result = slices.Delete(result, at, at+1)
	}
	for _, a := range add {
		at, found := slices.BinarySearchFunc(result, a, compareAttributes)
		if found {
			return nil, Fail(ParameterPolicy, "domain:hostName", a.Name, "the domain is delegated to this host already, or it is named twice")
		}
		var fail *Failure
		if a.Addresses, fail = x.checkAttribute(domain, a); fail != nil {
			return nil, fail
		}
		result = slices.Insert(result, at, a)
	}
	if len(result) > MaxDomainHosts {
		return nil, Fail(ParameterPolicy, "domain:ns", "", "a domain has at most %d name servers", MaxDomainHosts)
	}
	return result, nil
}

// checkAttribute wants addresses for what is at or below the domain, and refuses them abroad. Those of names below other
// domains of the registry are kept but never published: glue is for the superordinate domain to give.
func (x *Exec) checkAttribute(domain string, a HostAttribute) ([][]byte, *Failure) {
	if !ValidName(a.Name) {
		return nil, Fail(ParameterSyntax, "domain:hostName", a.Name, "not a host name in lower case")
	}
	if _, isTLD := x.TLD(a.Name); isTLD {
		return nil, Fail(ParameterPolicy, "domain:hostName", a.Name, "a TLD is no host")
	}
	_, internal := x.Superordinate(a.Name)
	switch inBailiwick := a.Name == domain || below(a.Name, domain); {
	case inBailiwick && len(a.Addresses) == 0:
		return nil, Fail(RequiredParameter, "domain:hostAddr", "", "a host below %s needs an address", domain)
	case !internal && len(a.Addresses) > 0:
		return nil, Fail(ParameterPolicy, "domain:hostAddr", "", "a host outside of this registry's TLDs has no addresses here")
	}
	return sortedAddresses(a.Addresses)
}

func compareAttributes(a, b HostAttribute) int { return cmp.Compare(a.Name, b.Name) }

// attributeGlue are the addresses that the superordinate domain of a name, if it is delegated, gives the name as an attribute.
func (v *View) attributeGlue(zone, name string) [][]byte {
	superordinate, internal := v.Superordinate(name)
	if !internal {
		return nil
	}
	d, ok := v.Domain(superordinate)
	if !ok || !v.delegated(&d) || v.zoneOf(d.TLD) != zone {
		return nil
	}
	if at, found := slices.BinarySearchFunc(d.Attributes, HostAttribute{Name: name}, compareAttributes); found {
		return d.Attributes[at].Addresses
	}
	return nil
}

func sameAttributes(a, b *Domain) bool {
	return slices.EqualFunc(a.Attributes, b.Attributes, func(a, b HostAttribute) bool {
		return a.Name == b.Name && slices.EqualFunc(a.Addresses, b.Addresses, bytes.Equal)
	})
}
