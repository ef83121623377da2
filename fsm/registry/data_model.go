package registry

import (
	"slices"
)

// ContactModel says whether the domains of a registrar have contacts.
type ContactModel uint8

// The models. ICANN's tests call the third minimum and the second maximum.
const (
	TLDsContacts ContactModel = iota // as the TLD has it
	WithContacts                     // a registrant is required
	NoContacts                       // contacts are refused
)

// ContactTypes are the roles that a contact can have for a domain (RFC 5731 §2.2), beside the registrant's.
var ContactTypes = []string{"admin", "billing", "tech"}

// keepsContacts says whether domains of a sponsor have contacts.
func (v *View) keepsContacts(t *TLD, sponsor string) bool {
	if t.PerRegistrar {
		if r, ok := v.Registrar(sponsor); ok && r.Contacts != TLDsContacts {
			return r.Contacts == WithContacts
		}
	}
	return t.Thick
}

// checkModel holds a domain's contacts against the data model. What a domain had before (nil: there was none) and the policy
// of today would refuse may stay as it is: neither a change of policy nor one of the sponsor makes a domain unchangeable.
func (x *Exec) checkModel(tld *TLD, before, d *Domain) *Failure {
	had := Domain{}
	if before != nil {
		had = *before
	}
	keeps := x.keepsContacts(tld, d.Sponsor)
	fresh := missing(d.Contacts, had.Contacts)
	switch {
	case !keeps && (d.Registrant != "" && d.Registrant != had.Registrant || len(fresh) > 0):
		return Fail(ParameterPolicy, "domain:registrant", d.Registrant, "%s keeps no contacts", tld.Name)
	case keeps && d.Registrant == "" && (before == nil || had.Registrant != ""):
		return Fail(RequiredParameter, "domain:registrant", "", "%s needs a registrant", tld.Name)
	case len(d.Contacts) > MaxDomainContacts:
		return Fail(ParameterPolicy, "domain:contact", "", "a domain has at most %d contacts", MaxDomainContacts)
	}
	for _, c := range fresh {
		if slices.Contains(tld.RefusedContacts, c.Type) {
			return Fail(ParameterPolicy, "domain:contact", c.ID, "%s has no %s contacts", tld.Name, c.Type)
		}
	}
	if keeps {
		for _, kind := range tld.RequiredContacts {
			is := func(c DomainContact) bool { return c.Type == kind }
			if !slices.ContainsFunc(d.Contacts, is) && (before == nil || slices.ContainsFunc(had.Contacts, is)) {
				return Fail(RequiredParameter, "domain:contact", "", "%s needs a contact of the type %s", tld.Name, kind)
			}
		}
	}
	if d.Registrant != "" && !x.HasContact(d.Registrant) {
		return Fail(ObjectDoesNotExist, "domain:registrant", d.Registrant, "there is no such contact")
	}
	return x.checkContacts(d.Contacts)
}

// checkContactTypes refuses policies of contact types that make no sense.
func (t *TLD) checkContactTypes() *Failure {
	for _, of := range []struct {
		element string
		kinds   []string
	}{{"required_contacts", t.RequiredContacts}, {"refused_contacts", t.RefusedContacts}} {
		for i, kind := range of.kinds {
			if !slices.Contains(ContactTypes, kind) || i > 0 && of.kinds[i-1] >= kind {
				return Fail(ParameterSyntax, of.element, kind, "types are admin, billing and tech, in this order")
			}
		}
	}
	for _, kind := range t.RequiredContacts {
		if slices.Contains(t.RefusedContacts, kind) {
			return Fail(ParameterPolicy, "refused_contacts", kind, "the type is required")
		}
	}
	return nil
}

// OffersContacts and OffersHosts say whether contacts and hosts are objects of any TLD; without TLDs they are.
func (v *View) OffersContacts() bool {
	return v.offers(func(t *TLD) bool { return t.Thick || t.PerRegistrar })
}

// OffersHosts is explained beside OffersContacts.
func (v *View) OffersHosts() bool { return v.offers(func(t *TLD) bool { return !t.HostAttributes }) }

func (v *View) offers(wanted func(*TLD) bool) bool {
	none, some := true, false
	tlds.Scan(v.r, nil, nil, func(_ []byte, t TLD) bool {
		none, some = false, wanted(&t)
		return !some
	})
	return none || some
}
