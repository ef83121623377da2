package registry

import (
	"cmp"
	"fmt"
	"slices"

	"quorate/fsm/store"
)

// mustTLD returns the TLD of a domain that exists: TLDs with domains are never removed.
func (v *View) mustTLD(name string) TLD {
	t, ok := v.TLD(name)
	if !ok {
		panic(fmt.Sprintf("invariant: TLD %s has domains but no row", name))
	}
	return t
}

// sponsored returns the domain called name, settled, for a transform that only
// its sponsoring client may ask for. It fails with 2201, 2303.
func (x *Exec) sponsored(name string) (d Domain, fail *Failure) {
	if fail := x.mayTransform(); fail != nil {
		return d, fail
	}
	d, ok := x.domain(name)
	if !ok {
		return d, Fail(ObjectDoesNotExist, "domain:name", name, "there is no such domain")
	}
	return d, x.mayChange(&d.Object, "domain:name", name)
}

// putDomain replaces before (nil: none) by d, with its due time, its links and
// the names of the zone that follow from it.
func (x *Exec) putDomain(before, d *Domain) {
	if before != nil && dueAt(before) != dueAt(d) {
		due.Delete(x.tx, dueKey(before))
	}
	if before == nil || dueAt(before) != dueAt(d) {
		due.Put(x.tx, dueKey(d), store.Empty{})
	}
	x.link(before, d)
	domains.Put(x.tx, nameKey(d.Name), *d)
	if before == nil || x.delegated(before) != x.delegated(d) || !slices.Equal(before.Hosts, d.Hosts) || !sameAttributes(before, d) || !sameDS(before, d) || before.MaxSigLife != d.MaxSigLife && len(dsSet(d)) > 0 {
		x.dirtyDelegation(before, d)
	}
}

// removeDomain ends a domain and all that follows from it.
func (x *Exec) removeDomain(d *Domain) {
	due.Delete(x.tx, dueKey(d))
	x.link(d, nil)
	domains.Delete(x.tx, nameKey(d.Name))
	x.dirtyDelegation(d, nil)
}

// link makes the link tables agree with a domain's change from before to after; nil is no domain.
func (x *Exec) link(before, after *Domain) {
	var number uint64
	var name string
	var oldHosts, newHosts []uint64
	var oldContacts, newContacts []string
	if before != nil {
		number, name = before.Number, before.Name
		oldHosts, oldContacts = before.Hosts, linkedContacts(before)
	}
	if after != nil {
		number, name = after.Number, after.Name
		newHosts, newContacts = after.Hosts, linkedContacts(after)
	}
	for _, h := range missing(oldHosts, newHosts) {
		hostLinks.Delete(x.tx, numberKey(h).Uint(number))
	}
	for _, h := range missing(newHosts, oldHosts) {
		hostLinks.Put(x.tx, numberKey(h).Uint(number), name)
	}
	for _, id := range missing(oldContacts, newContacts) {
		contactLinks.Delete(x.tx, x.contactNumber(id).Uint(number))
	}
	for _, id := range missing(newContacts, oldContacts) {
		contactLinks.Put(x.tx, x.contactNumber(id).Uint(number), name)
	}
}

// linkedContacts are the contacts of d, each once, sorted.
func linkedContacts(d *Domain) (ids []string) {
	if d.Registrant != "" {
		ids = append(ids, d.Registrant)
	}
	for _, c := range d.Contacts {
		ids = append(ids, c.ID)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// missing are the members of a that aren't in b.
func missing[T comparable](a, b []T) (only []T) {
	for _, v := range a {
		if !slices.Contains(b, v) {
			only = append(only, v)
		}
	}
	return only
}

func (x *Exec) contactNumber(id string) store.Key {
	c, ok := x.Contact(id)
	if !ok {
		panic(fmt.Sprintf("invariant: contact %s is linked but missing", id))
	}
	return numberKey(c.Number)
}

// hostsNamed resolves delegated-to hosts by name for a domain of tld.
func (x *Exec) hostsNamed(names []string) (numbers []uint64, fail *Failure) {
	for _, name := range names {
		h, ok := x.Host(name)
		if !ok {
			return nil, Fail(ObjectDoesNotExist, "domain:hostObj", name, "there is no such host")
		}
		if slices.Contains(numbers, h.Number) {
			return nil, Fail(ParameterPolicy, "domain:hostObj", name, "the host is named twice")
		}
		numbers = append(numbers, h.Number)
	}
	return numbers, nil
}

// delegatedTo is hostsNamed for hosts that a domain is to be delegated to: those in the registry's TLDs need addresses.
func (x *Exec) delegatedTo(names []string) (numbers []uint64, fail *Failure) {
	if numbers, fail = x.hostsNamed(names); fail != nil {
		return nil, fail
	}
	for i, n := range numbers {
		if _, internal := x.Superordinate(names[i]); internal && len(x.HostByNumber(n).Addresses) == 0 {
			return nil, Fail(AssociationProhibits, "domain:hostObj", names[i], "the host has no address yet")
		}
	}
	return numbers, nil
}

// checkContacts refuses contacts that don't exist, or that are named twice in a role.
func (x *Exec) checkContacts(all []DomainContact) *Failure {
	for i, c := range all {
		if !x.HasContact(c.ID) {
			return Fail(ObjectDoesNotExist, "domain:contact", c.ID, "there is no such contact")
		}
		if slices.Contains(all[:i], c) {
			return Fail(ParameterPolicy, "domain:contact", c.ID, "the contact is named twice as %s", c.Type)
		}
	}
	return nil
}

func compareContacts(a, b DomainContact) int {
	return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.ID, b.ID))
}

// years checks a period against policy: whole years, as prices are by the year.
func years(months uint16, tld *TLD, element string) (int, *Failure) {
	if months%12 != 0 || months == 0 {
		return 0, Fail(ParameterPolicy, element, fmt.Sprint(months), "a period of %d months is not a whole number of years", months)
	}
	n := int(months / 12)
	if n > int(tld.MaxYears) {
		return 0, Fail(ParameterRange, element, fmt.Sprint(n), "a registration lasts at most %d years", tld.MaxYears)
	}
	return n, nil
}
