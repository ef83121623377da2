package client

import (
	"context"
	"time"

	"quorate/epp/xmltree"
)

// Contact is a person or organisation (RFC 5733), for a create or from an info.
type Contact struct {
	Object                // from an info only
	ID       string       `json:"id"`
	Postal   []PostalInfo `json:"postal"` // one or two, of different types
	Voice    Phone        `json:"voice,omitzero"`
	Fax      Phone        `json:"fax,omitzero"`
	Email    string       `json:"email"`
	AuthInfo string       `json:"authInfo,omitempty"`
}

// PostalInfo is a name and address.
type PostalInfo struct {
	Type       string   `json:"type"` // int or loc
	Name       string   `json:"name"`
	Org        string   `json:"org,omitempty"`
	Street     []string `json:"street,omitempty"` // up to three lines
	City       string   `json:"city"`
	Province   string   `json:"province,omitempty"`
	PostalCode string   `json:"postalCode,omitempty"`
	Country    string   `json:"country"` // ISO 3166-1, two capitals
}

// Phone is a telephone number.
type Phone struct {
	Number    string `json:"number"` // +CC.NUMBER
	Extension string `json:"extension,omitempty"`
}

// CheckContacts asks which identifiers have no contact yet.
func (c *Client) CheckContacts(ctx context.Context, ids ...string) ([]Availability, error) {
	return c.check(ctx, "contact", nsContact, "id", ids)
}

// CreateContact makes a contact (RFC 5733 §3.2.1), and returns when it was made.
func (c *Client) CreateContact(ctx context.Context, n Contact) (time.Time, error) {
	c.begin()
	c.raw(`<create>`)
	c.open("contact", "create", nsContact)
	c.element("contact:id", n.ID)
	for _, p := range n.Postal {
		c.postal(p)
	}
	c.phone("contact:voice", n.Voice)
	c.phone("contact:fax", n.Fax)
	c.element("contact:email", n.Email)
	c.authInfo("contact", n.AuthInfo)
	c.close("contact", "create")
	c.raw(`</create>`)
	r, err := c.end(ctx, "contact:create")
	if err != nil {
		return time.Time{}, err
	}
	data, err := r.data(nsContact, "creData")
	if err != nil {
		return time.Time{}, err
	}
	return when(data, "crDate")
}

// InfoContact asks for a contact; authInfo is only sent if it isn't empty.
func (c *Client) InfoContact(ctx context.Context, id, authInfo string) (*Contact, error) {
	c.begin()
	c.raw(`<info>`)
	c.open("contact", "info", nsContact)
	c.element("contact:id", id)
	if authInfo != "" {
		c.authInfo("contact", authInfo)
	}
	c.close("contact", "info")
	c.raw(`</info>`)
	r, err := c.end(ctx, "contact:info")
	if err != nil {
		return nil, err
	}
	data, err := r.data(nsContact, "infData")
	if err != nil {
		return nil, err
	}
	return readContact(data)
}

// DeleteContact removes a contact.
func (c *Client) DeleteContact(ctx context.Context, id string) (*Reply, error) {
	return c.remove(ctx, "contact", nsContact, "id", id)
}

func (c *Client) postal(p PostalInfo) {
	c.raw(`<contact:postalInfo type="`)
	c.out = xmltree.AppendText(c.out, p.Type)
	c.raw(`">`)
	c.element("contact:name", p.Name)
	c.optional("contact:org", p.Org)
	c.raw(`<contact:addr>`)
	for _, s := range p.Street {
		c.element("contact:street", s)
	}
	c.element("contact:city", p.City)
	c.optional("contact:sp", p.Province)
	c.optional("contact:pc", p.PostalCode)
	c.element("contact:cc", p.Country)
	c.raw(`</contact:addr></contact:postalInfo>`)
}

func (c *Client) phone(name string, p Phone) {
	if p.Number == "" {
		return
	}
	if p.Extension != "" {
		name += ` x="` + string(xmltree.AppendText(nil, p.Extension)) + `"`
	}
	c.element(name, p.Number)
}

func readContact(e *xmltree.Element) (*Contact, error) {
	o, err := readObject(e)
	if err != nil {
		return nil, err
	}
	n := &Contact{
		Object: o, ID: childText(e, "id"), Email: childText(e, "email"), AuthInfo: readAuthInfo(e),
		Voice: readPhone(e, "voice"), Fax: readPhone(e, "fax"),
	}
	for i := range e.Children {
		info := &e.Children[i]
		if !info.Is(e.Space, "postalInfo") {
			continue
		}
		form, _ := info.Attr("type")
		p := PostalInfo{Type: form, Name: childText(info, "name"), Org: childText(info, "org")}
		if a := info.Child("addr"); a != nil {
			p.Street, p.City, p.Province = childTexts(a, "street"), childText(a, "city"), childText(a, "sp")
			p.PostalCode, p.Country = childText(a, "pc"), childText(a, "cc")
		}
		n.Postal = append(n.Postal, p)
	}
	return n, nil
}

func readPhone(e *xmltree.Element, name string) Phone {
	c := e.Child(name)
	if c == nil {
		return Phone{}
	}
	ext, _ := c.Attr("x")
	return Phone{Number: c.Token(), Extension: ext}
}
