package client

import (
	"context"
	"strings"
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
	Disclose *Disclose    `json:"disclose,omitempty"` // nil: as the registry's policy has it
}

// Disclose is a wish about publication, as an exception to the registry's policy (RFC 5733 §2.9).
type Disclose struct {
	Flag     bool     `json:"flag"`     // true: publish the elements; false: don't
	Elements []string `json:"elements"` // name, org, addr with ":int" or ":loc"; voice, fax, email
}

// ContactUpdate changes a contact (RFC 5733 §3.2.5).
type ContactUpdate struct {
	ID          string
	Add, Remove []string       // statuses
	Postal      []PostalChange // of different types
	Voice       *Phone         // nil: as it is, and so below
	Fax         *Phone         // empty: none
	Email       *string
	AuthInfo    *string
	Disclose    *Disclose // without elements: none
}

// PostalChange changes one form of a name and address, or adds one.
type PostalChange struct {
	Type    string      // int or loc
	Name    *string     // nil: as it is
	Org     *string     // nil: as it is; empty: none
	Address *PostalInfo // nil: as it is; name and organisation don't count
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
	c.disclose(n.Disclose)
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

// UpdateContact changes a contact.
func (c *Client) UpdateContact(ctx context.Context, n ContactUpdate) (*Reply, error) {
	c.begin()
	c.raw(`<update>`)
	c.open("contact", "update", nsContact)
	c.element("contact:id", n.ID)
	if len(n.Add) > 0 {
		c.raw(`<contact:add>`)
		c.statuses("contact", n.Add)
		c.raw(`</contact:add>`)
	}
	if len(n.Remove) > 0 {
		c.raw(`<contact:rem>`)
		c.statuses("contact", n.Remove)
		c.raw(`</contact:rem>`)
	}
	c.raw(`<contact:chg>`)
	for _, p := range n.Postal {
		c.raw(`<contact:postalInfo type="`)
		c.out = xmltree.AppendText(c.out, p.Type)
		c.raw(`">`)
		c.changed("contact:name", p.Name)
		c.changed("contact:org", p.Org)
		if p.Address != nil {
			c.address(*p.Address)
		}
		c.raw(`</contact:postalInfo>`)
	}
	if n.Voice != nil {
		c.phoneElement("contact:voice", *n.Voice)
	}
	if n.Fax != nil {
		c.phoneElement("contact:fax", *n.Fax)
	}
	c.changed("contact:email", n.Email)
	if n.AuthInfo != nil {
		c.authInfo("contact", *n.AuthInfo)
	}
	c.disclose(n.Disclose)
	c.raw(`</contact:chg>`)
	c.close("contact", "update")
	c.raw(`</update>`)
	return c.end(ctx, "contact:update")
}

// changed writes an element for a value that is to change.
func (c *Client) changed(name string, value *string) {
	if value != nil {
		c.element(name, *value)
	}
}

// disclosable are the elements of a discloseType, in the schema's order.
var disclosable = []string{"name", "org", "addr", "voice", "fax", "email"}

func (c *Client) disclose(d *Disclose) {
	if d == nil {
		return
	}
	flag := "0"
	if d.Flag {
		flag = "1"
	}
	c.raw(`<contact:disclose flag="`, flag, `">`)
	for _, want := range disclosable {
		for _, e := range d.Elements {
			name, form, typed := strings.Cut(e, ":")
			if name != want {
				continue
			}
			c.raw(`<contact:`, name)
			if typed {
				c.raw(` type="`, form, `"`)
			}
			c.raw(`/>`)
		}
	}
	c.raw(`</contact:disclose>`)
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
	c.address(p)
	c.raw(`</contact:postalInfo>`)
}

func (c *Client) address(p PostalInfo) {
	c.raw(`<contact:addr>`)
	for _, s := range p.Street {
		c.element("contact:street", s)
	}
	c.element("contact:city", p.City)
	c.optional("contact:sp", p.Province)
	c.optional("contact:pc", p.PostalCode)
	c.element("contact:cc", p.Country)
	c.raw(`</contact:addr>`)
}

func (c *Client) phone(name string, p Phone) {
	if p.Number != "" {
		c.phoneElement(name, p)
	}
}

func (c *Client) phoneElement(name string, p Phone) {
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
		Voice: readPhone(e, "voice"), Fax: readPhone(e, "fax"), Disclose: readDisclose(e),
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

func readDisclose(e *xmltree.Element) *Disclose {
	c := e.Child("disclose")
	if c == nil {
		return nil
	}
	flag, _ := c.Attr("flag")
	d := &Disclose{Flag: flag == "1" || flag == "true"}
	for i := range c.Children {
		name := c.Children[i].Name
		if form, typed := c.Children[i].Attr("type"); typed {
			name += ":" + form
		}
		d.Elements = append(d.Elements, name)
	}
	return d
}
