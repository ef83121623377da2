package rdds

import (
	"strings"

	"quorate/fsm/registry"
)

// Fields is a set of a contact's data that is published or withheld as a whole.
type Fields uint8

// The fields. The contact's identifier is none of them, as it is never published: it is of use to nobody
// outside, and links the domains of one person. Nor are state or province and country, which always are.
const (
	Name         Fields = 1 << iota // of the person or the role
	Organization                    // of the person
	Address                         // street, city and postal code
	Voice                           // number and extension
	Fax                             // number and extension
	Email
)

// Has says whether f has a field of any.
func (f Fields) Has(any Fields) bool { return f&any != 0 }

// withheldByDefault is what the registry's announced policy (RFC 5730 §2.4, dcp) keeps from the public
// unless the contact's disclose element says otherwise. It publishes what says which law applies and, of
// organizations, who they are.
const withheldByDefault = Name | Address | Voice | Fax | Email

// Contact is a contact as the public may see it: what is withheld is empty.
type Contact struct {
	Withheld                   Fields
	Name, Organization         string
	Street                     []string
	City, Province, PostalCode string
	Country                    string // ISO 3166-1, two capitals
	Voice, Fax                 registry.Phone
	Email                      string
}

// disclosable are the elements of RFC 5733 §2.9.
var disclosable = map[string]Fields{
	"name": Name, "org": Organization, "addr": Address, "voice": Voice, "fax": Fax, "email": Email,
}

// Publish applies the disclosure policy to a contact: the server's, with the exceptions that the contact
// asked for (RFC 5733 §2.9). Of two forms of the postal data the internationalized one is published.
func Publish(c registry.Contact) Contact {
	p := preferred(c.Postal)
	withheld := withheldByDefault
	if c.Disclose != nil {
		for _, element := range c.Disclose.Elements {
			name, form, _ := strings.Cut(element, ":")
			if form != "" && form != p.Type {
				continue
			}
			field := disclosable[name]
			if c.Disclose.Flag {
				withheld &^= field
			} else {
				withheld |= field
			}
		}
	}
	out := Contact{Withheld: withheld, Province: p.Province, Country: p.Country}
	if !withheld.Has(Name) {
		out.Name = p.Name
	}
	if !withheld.Has(Organization) {
		out.Organization = p.Org
	}
	if !withheld.Has(Address) {
		out.Street, out.City, out.PostalCode = p.Street, p.City, p.PostalCode
	}
	if !withheld.Has(Voice) {
		out.Voice = c.Voice
	}
	if !withheld.Has(Fax) {
		out.Fax = c.Fax
	}
	if !withheld.Has(Email) {
		out.Email = c.Email
	}
	return out
}
