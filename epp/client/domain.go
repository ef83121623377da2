package client

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"quorate/epp/xmltree"
)

// Domain is the answer to a domain:info (RFC 5731 §3.1.2).
type Domain struct {
	Object
	Name         string          `json:"name"`
	Registrant   string          `json:"registrant,omitempty"`
	Contacts     []DomainContact `json:"contacts,omitempty"`
	Hosts        []string        `json:"hosts,omitempty"`      // delegated to
	Attributes   []HostAttribute `json:"attributes,omitempty"` // the same, where hosts are no objects
	Subordinates []string        `json:"subordinates,omitempty"`
	Expires      time.Time       `json:"expires"`
	AuthInfo     string          `json:"authInfo,omitempty"`
	SecDNS       *SecDNS         `json:"secDNS,omitempty"` // nil: the delegation isn't secured
}

// HostAttribute is a name server that is no object.
type HostAttribute struct {
	Name      string       `json:"name"`
	Addresses []netip.Addr `json:"addresses,omitempty"`
}

// DomainContact is a contact's role for a domain.
type DomainContact struct {
	Type string `json:"type"` // admin, billing or tech
	ID   string `json:"id"`
}

// DomainCreate registers a domain (RFC 5731 §3.2.1).
type DomainCreate struct {
	Name       string
	Years      int // 0: the registry's default
	Hosts      []string
	Attributes []HostAttribute // in place of Hosts, where hosts are no objects
	Registrant string
	Contacts   []DomainContact
	AuthInfo   string
	SecDNS     SecDNS
}

// DomainCreated is the answer to a DomainCreate.
type DomainCreated struct {
	Name    string    `json:"name"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
}

// DomainUpdate changes a domain (RFC 5731 §3.2.5).
type DomainUpdate struct {
	Name        string
	Add, Remove DomainParts
	Registrant  *string // nil: as it is; empty: none
	AuthInfo    *string // nil: as it is; empty: none
	SecDNS      SecDNSUpdate
}

// DomainParts are what can be added to a domain and removed from it.
type DomainParts struct {
	Hosts      []string
	Attributes []HostAttribute
	Contacts   []DomainContact
	Statuses   []string
}

// CheckDomains asks which names can be registered.
func (c *Client) CheckDomains(ctx context.Context, names ...string) ([]Availability, error) {
	return c.check(ctx, "domain", nsDomain, "name", names)
}

// CreateDomain registers a domain.
func (c *Client) CreateDomain(ctx context.Context, d DomainCreate) (*DomainCreated, error) {
	c.begin()
	c.raw(`<create>`)
	c.open("domain", "create", nsDomain)
	c.element("domain:name", d.Name)
	c.period(d.Years)
	c.nameservers(d.Hosts, d.Attributes)
	c.optional("domain:registrant", d.Registrant)
	c.contacts(d.Contacts)
	c.authInfo("domain", d.AuthInfo)
	c.close("domain", "create")
	c.raw(`</create>`)
	c.secDNSCreate(d.SecDNS)
	r, err := c.end(ctx, "domain:create")
	if err != nil {
		return nil, err
	}
	data, err := r.data(nsDomain, "creData")
	if err != nil {
		return nil, err
	}
	created := &DomainCreated{Name: childText(data, "name")}
	if created.Created, err = when(data, "crDate"); err != nil {
		return nil, err
	}
	created.Expires, err = when(data, "exDate")
	return created, err
}

// InfoDomain asks for a domain. Hosts is all, del, sub or none, "" for the default; authInfo is only sent if it isn't empty.
func (c *Client) InfoDomain(ctx context.Context, name, hosts, authInfo string) (*Domain, error) {
	c.begin()
	c.raw(`<info>`)
	c.open("domain", "info", nsDomain)
	tag := "domain:name"
	if hosts != "" {
		tag += ` hosts="` + string(xmltree.AppendText(nil, hosts)) + `"`
	}
	c.element(tag, name)
	if authInfo != "" {
		c.authInfo("domain", authInfo)
	}
	c.close("domain", "info")
	c.raw(`</info>`)
	r, err := c.end(ctx, "domain:info")
	if err != nil {
		return nil, err
	}
	data, err := r.data(nsDomain, "infData")
	if err != nil {
		return nil, err
	}
	d, err := readDomain(data)
	if err != nil {
		return nil, err
	}
	d.SecDNS, err = r.readSecDNS()
	return d, err
}

// RenewDomain extends a registration that expires on a day (UTC), and returns when it does now.
func (c *Client) RenewDomain(ctx context.Context, name string, expires time.Time, years int) (time.Time, error) {
	c.begin()
	c.raw(`<renew>`)
	c.open("domain", "renew", nsDomain)
	c.element("domain:name", name)
	c.element("domain:curExpDate", expires.UTC().Format(time.DateOnly))
	c.period(years)
	c.close("domain", "renew")
	c.raw(`</renew>`)
	r, err := c.end(ctx, "domain:renew")
	if err != nil {
		return time.Time{}, err
	}
	data, err := r.data(nsDomain, "renData")
	if err != nil {
		return time.Time{}, err
	}
	return when(data, "exDate")
}

// UpdateDomain changes a domain.
func (c *Client) UpdateDomain(ctx context.Context, d DomainUpdate) (*Reply, error) {
	c.begin()
	c.raw(`<update>`)
	c.open("domain", "update", nsDomain)
	c.element("domain:name", d.Name)
	c.parts("domain:add", d.Add)
	c.parts("domain:rem", d.Remove)
	c.raw(`<domain:chg>`)
	if d.Registrant != nil {
		c.element("domain:registrant", *d.Registrant)
	}
	if d.AuthInfo != nil {
		if *d.AuthInfo == "" {
			c.raw(`<domain:authInfo><domain:null/></domain:authInfo>`)
		} else {
			c.authInfo("domain", *d.AuthInfo)
		}
	}
	c.raw(`</domain:chg>`)
	c.close("domain", "update")
	c.raw(`</update>`)
	c.secDNSUpdate(d.SecDNS)
	return c.end(ctx, "domain:update")
}

// DeleteDomain ends a registration. The code is 1000 when the domain is gone, 1001 when it will be.
func (c *Client) DeleteDomain(ctx context.Context, name string) (*Reply, error) {
	return c.remove(ctx, "domain", nsDomain, "name", name)
}

func (c *Client) period(years int) {
	if years > 0 {
		c.element(`domain:period unit="y"`, strconv.Itoa(years))
	}
}

func (c *Client) nameservers(hosts []string, attributes []HostAttribute) {
	if len(hosts)+len(attributes) == 0 {
		return
	}
	c.raw(`<domain:ns>`)
	for _, h := range hosts {
		c.element("domain:hostObj", h)
	}
	for _, a := range attributes {
		c.raw(`<domain:hostAttr>`)
		c.element("domain:hostName", a.Name)
		c.addresses("domain:hostAddr", a.Addresses)
		c.raw(`</domain:hostAttr>`)
	}
	c.raw(`</domain:ns>`)
}

func (c *Client) contacts(all []DomainContact) {
	for _, contact := range all {
		c.element(`domain:contact type="`+string(xmltree.AppendText(nil, contact.Type))+`"`, contact.ID)
	}
}

func (c *Client) parts(name string, p DomainParts) {
	if len(p.Hosts)+len(p.Attributes)+len(p.Contacts)+len(p.Statuses) == 0 {
		return
	}
	c.raw(`<`, name, `>`)
	c.nameservers(p.Hosts, p.Attributes)
	c.contacts(p.Contacts)
	c.statuses("domain", p.Statuses)
	c.raw(`</`, name, `>`)
}

func readDomain(e *xmltree.Element) (*Domain, error) {
	o, err := readObject(e)
	if err != nil {
		return nil, err
	}
	d := &Domain{
		Object: o, Name: childText(e, "name"), Registrant: childText(e, "registrant"),
		Subordinates: childTexts(e, "host"), AuthInfo: readAuthInfo(e),
	}
	if ns := e.Child("ns"); ns != nil {
		d.Hosts = childTexts(ns, "hostObj")
		for i := range ns.Children {
			attr := &ns.Children[i]
			if !attr.Is(ns.Space, "hostAttr") {
				continue
			}
			a := HostAttribute{Name: childText(attr, "hostName")}
			for _, text := range childTexts(attr, "hostAddr") {
				ip, err := netip.ParseAddr(text)
				if err != nil {
					return nil, fmt.Errorf("%w: %w", ErrProtocol, err)
				}
				a.Addresses = append(a.Addresses, ip)
			}
			d.Attributes = append(d.Attributes, a)
		}
	}
	for i := range e.Children {
		if c := &e.Children[i]; c.Is(e.Space, "contact") {
			role, _ := c.Attr("type")
			d.Contacts = append(d.Contacts, DomainContact{role, c.Token()})
		}
	}
	d.Expires, err = when(e, "exDate")
	return d, err
}
