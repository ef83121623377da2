package rdds

import "quorate/fsm/registry"

// FirstContact is the identifier of a domain's first contact of a type (RFC 5731 §2.2), "" if there is none.
// The services have one place for each role, whereas a domain may have several contacts of one type.
func FirstContact(d registry.Domain, kind string) string {
	for _, c := range d.Contacts {
		if c.Type == kind {
			return c.ID
		}
	}
	return ""
}

// RegistrarPostal is the address of a registrar to publish; empty if it has none.
func RegistrarPostal(r registry.Registrar) registry.PostalInfo { return preferred(r.Postal) }

// preferred is the internationalized of two forms of postal data (RFC 5733 §2.4): everyone can read it.
func preferred(all []registry.PostalInfo) (p registry.PostalInfo) {
	for i, candidate := range all {
		if i == 0 || candidate.Type == "int" {
			p = candidate
		}
	}
	return p
}
