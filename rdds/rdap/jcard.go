package rdap

import (
	"encoding/json"
	"net/url"
	"strings"

	"quorate/fsm/registry"
	"quorate/rdds"
)

// JCard is a person or organization (RFC 7095), by the properties after version.
type JCard struct{ Properties []Property }

// Property is a property of a JCard.
type Property struct {
	Name       string
	Parameters Parameters
	Type       string
	Text       string   // the value, if Components is nil
	Components []string // of a structured value (RFC 7095 §3.3.1.3)
	Street     []string // with several lines, replaces the component for the street
}

// Parameters are the parameters of a property that occur here.
type Parameters struct {
	CC   string `json:"cc,omitempty"`   // ISO 3166-1 code of an address (RFC 8605 §3.1)
	Type string `json:"type,omitempty"` // voice or fax
}

// The places of an address's components (RFC 6350 §6.3.1).
const (
	adrStreet = iota + 2
	adrCity
	adrProvince
	adrPostalCode
	adrCountry
	adrComponents
)

// array is the property as RFC 7095 §3.3 has it: name, parameters, type and value.
func (p Property) array() []any {
	if p.Components == nil {
		return []any{p.Name, p.Parameters, p.Type, p.Text}
	}
	components := make([]any, len(p.Components))
	for i, c := range p.Components {
		components[i] = c
	}
	if len(p.Street) > 1 {
		components[adrStreet] = p.Street
	}
	return []any{p.Name, p.Parameters, p.Type, components}
}

// MarshalJSON writes the card as RFC 7095 §3.2 has it.
func (c JCard) MarshalJSON() ([]byte, error) {
	properties := [][]any{{"version", Parameters{}, "text", "4.0"}}
	for _, p := range c.Properties {
		properties = append(properties, p.array())
	}
	return json.Marshal([...]any{"vcard", properties})
}

func newJCard(name string) *JCard {
	c := new(JCard)
	c.text("fn", name)
	return c
}

func (c *JCard) add(p Property) { c.Properties = append(c.Properties, p) }

func (c *JCard) text(name, value string) { c.add(Property{Name: name, Type: "text", Text: value}) }

func (c *JCard) uri(name, value string) { c.add(Property{Name: name, Type: "uri", Text: value}) }

// address adds an address. The country is a parameter, and its name left empty, as the profile wants.
func (c *JCard) address(p registry.PostalInfo) {
	adr := Property{Name: "adr", Parameters: Parameters{CC: p.Country}, Type: "text", Components: make([]string, adrComponents), Street: p.Street}
	adr.Components[adrStreet] = strings.Join(p.Street, "")
	adr.Components[adrCity] = p.City
	adr.Components[adrProvince] = p.Province
	adr.Components[adrPostalCode] = p.PostalCode
	c.add(adr)
}

// phone adds a telephone number (RFC 3966) of a kind, voice or fax, unless it is empty.
func (c *JCard) phone(kind string, p registry.Phone) {
	if p.Number == "" {
		return
	}
	uri := "tel:" + p.Number
	if p.Extension != "" {
		uri += ";ext=" + url.PathEscape(p.Extension)
	}
	c.add(Property{Name: "tel", Parameters: Parameters{Type: kind}, Type: "uri", Text: uri})
}

func (c *JCard) email(address string) {
	if address != "" {
		c.text("email", address)
	}
}

// contactCard is what is published of a contact in a role. A name or address that is withheld stays as an empty
// value; instead of the address for mail, contactURI says where its owner can be reached (RFC 8605 §2.1).
func contactCard(r contactRole, p rdds.Contact, contactURI string) *JCard {
	c := newJCard(p.Name)
	if r.postal && p.Organization != "" {
		c.text("org", p.Organization)
	}
	if r.postal {
		c.address(registry.PostalInfo{
			Street: p.Street, City: p.City, Province: p.Province, PostalCode: p.PostalCode, Country: p.Country,
		})
	}
	c.phone("voice", p.Voice)
	if r.postal {
		c.phone("fax", p.Fax)
	}
	c.email(p.Email)
	if p.Withheld.Has(rdds.Email) {
		c.uri("contact-uri", contactURI)
	}
	return c
}
