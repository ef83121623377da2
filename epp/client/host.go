package client

import (
	"context"
	"net/netip"
	"time"
)

// Host is the answer to a host:info (RFC 5732 §3.1.2).
type Host struct {
	Object
	Name      string   `json:"name"`
	Addresses []string `json:"addresses,omitempty"`
}

// CheckHosts asks which names have no host yet.
func (c *Client) CheckHosts(ctx context.Context, names ...string) ([]Availability, error) {
	return c.check(ctx, "host", nsHost, "name", names)
}

// CreateHost makes a host (RFC 5732 §3.2.1), and returns when it was made.
func (c *Client) CreateHost(ctx context.Context, name string, addresses ...netip.Addr) (time.Time, error) {
	c.begin()
	c.raw(`<create>`)
	c.open("host", "create", nsHost)
	c.element("host:name", name)
	c.addresses("host:addr", addresses)
	c.close("host", "create")
	c.raw(`</create>`)
	r, err := c.end(ctx, "host:create")
	if err != nil {
		return time.Time{}, err
	}
	data, err := r.data(nsHost, "creData")
	if err != nil {
		return time.Time{}, err
	}
	return when(data, "crDate")
}

// InfoHost asks for a host.
func (c *Client) InfoHost(ctx context.Context, name string) (*Host, error) {
	c.begin()
	c.raw(`<info>`)
	c.open("host", "info", nsHost)
	c.element("host:name", name)
	c.close("host", "info")
	c.raw(`</info>`)
	r, err := c.end(ctx, "host:info")
	if err != nil {
		return nil, err
	}
	data, err := r.data(nsHost, "infData")
	if err != nil {
		return nil, err
	}
	o, err := readObject(data)
	if err != nil {
		return nil, err
	}
	return &Host{Object: o, Name: childText(data, "name"), Addresses: childTexts(data, "addr")}, nil
}

// HostUpdate changes a host (RFC 5732 §3.2.5).
type HostUpdate struct {
	Name        string
	Add, Remove HostParts
	NewName     string // "": as it is
}

// HostParts are what can be added to a host and removed from it.
type HostParts struct {
	Addresses []netip.Addr
	Statuses  []string
}

// UpdateHost changes a host.
func (c *Client) UpdateHost(ctx context.Context, h HostUpdate) (*Reply, error) {
	c.begin()
	c.raw(`<update>`)
	c.open("host", "update", nsHost)
	c.element("host:name", h.Name)
	for _, part := range []struct {
		tag string
		HostParts
	}{{"host:add", h.Add}, {"host:rem", h.Remove}} {
		if len(part.Addresses)+len(part.Statuses) > 0 {
			c.raw(`<`, part.tag, `>`)
			c.addresses("host:addr", part.Addresses)
			c.statuses("host", part.Statuses)
			c.raw(`</`, part.tag, `>`)
		}
	}
	if h.NewName != "" {
		c.raw(`<host:chg>`)
		c.element("host:name", h.NewName)
		c.raw(`</host:chg>`)
	}
	c.close("host", "update")
	c.raw(`</update>`)
	return c.end(ctx, "host:update")
}

func (c *Client) addresses(tag string, all []netip.Addr) {
	for _, a := range all {
		if a.Is4() {
			c.element(tag+` ip="v4"`, a.String())
		} else {
			c.element(tag+` ip="v6"`, a.String())
		}
	}
}

// DeleteHost removes a host.
func (c *Client) DeleteHost(ctx context.Context, name string) (*Reply, error) {
	return c.remove(ctx, "host", nsHost, "name", name)
}
