package client

import (
	"context"
	"time"

	"quorate/epp/xmltree"
)

// Availability is the answer to one question of a check.
type Availability struct {
	Name      string `json:"name"` // or a contact's identifier
	Available bool   `json:"available"`
	Reason    string `json:"reason,omitempty"` // why not
}

// Object is what domains, hosts and contacts have in common.
type Object struct {
	ROID     string    `json:"roid"`
	Statuses []string  `json:"statuses"`
	Sponsor  string    `json:"clID"`
	Creator  string    `json:"crID"`
	Created  time.Time `json:"created"`
	Updater  string    `json:"upID,omitempty"`
	Updated  time.Time `json:"updated,omitzero"`     // zero when never
	Moved    time.Time `json:"transferred,omitzero"` // trDate; zero when never
}

// check sends a check for keys in elements called key.
func (c *Client) check(ctx context.Context, prefix, space, key string, keys []string) ([]Availability, error) {
	c.begin()
	c.raw(`<check>`)
	c.open(prefix, "check", space)
	for _, k := range keys {
		c.element(prefix+":"+key, k)
	}
	c.close(prefix, "check")
	c.raw(`</check>`)
	r, err := c.end(ctx, prefix+":check")
	if err != nil {
		return nil, err
	}
	data, err := r.data(space, "chkData")
	if err != nil {
		return nil, err
	}
	var all []Availability
	for i := range data.Children {
		cd := &data.Children[i]
		name := cd.Child(key)
		if name == nil {
			continue
		}
		avail, _ := name.Attr("avail")
		all = append(all, Availability{name.Token(), avail == "1" || avail == "true", childText(cd, "reason")})
	}
	return all, nil
}

// remove sends a delete of the object whose key is in an element called key.
func (c *Client) remove(ctx context.Context, prefix, space, key, value string) (*Reply, error) {
	c.begin()
	c.raw(`<delete>`)
	c.open(prefix, "delete", space)
	c.element(prefix+":"+key, value)
	c.close(prefix, "delete")
	c.raw(`</delete>`)
	return c.end(ctx, prefix+":delete")
}

// open begins an object's element, and binds its prefix.
func (c *Client) open(prefix, verb, space string) {
	c.raw(`<`, prefix, `:`, verb, ` xmlns:`, prefix, `="`, space, `">`)
}

func (c *Client) close(prefix, verb string) { c.raw(`</`, prefix, `:`, verb, `>`) }

// authInfo writes authorization information, empty or not.
func (c *Client) authInfo(prefix, password string) {
	c.raw(`<`, prefix, `:authInfo>`)
	c.element(prefix+":pw", password)
	c.raw(`</`, prefix, `:authInfo>`)
}

// statuses writes status values.
func (c *Client) statuses(prefix string, all []string) {
	for _, s := range all {
		c.raw(`<`, prefix, `:status s="`)
		c.out = xmltree.AppendText(c.out, s)
		c.raw(`"/>`)
	}
}

// readObject reads what objects have in common from an infData.
func readObject(e *xmltree.Element) (o Object, err error) {
	o = Object{
		ROID: childText(e, "roid"), Statuses: statuses(e),
		Sponsor: childText(e, "clID"), Creator: childText(e, "crID"), Updater: childText(e, "upID"),
	}
	if o.Created, err = when(e, "crDate"); err != nil {
		return o, err
	}
	if o.Updated, err = when(e, "upDate"); err != nil {
		return o, err
	}
	o.Moved, err = when(e, "trDate")
	return o, err
}

// readAuthInfo reads the password of an infData; "" if it shows none.
func readAuthInfo(e *xmltree.Element) string {
	if a := e.Child("authInfo"); a != nil {
		if pw := a.Child("pw"); pw != nil {
			return xmltree.Replace(pw.Text)
		}
	}
	return ""
}
