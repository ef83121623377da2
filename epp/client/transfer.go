package client

import (
	"context"
	"time"

	"quorate/epp/xmltree"
)

// Transfer is where a transfer of a domain or contact stands (RFC 5731 §3.1.3, RFC 5733 §3.1.3).
type Transfer struct {
	Object    string    `json:"object"` // the domain's name or the contact's identifier
	Status    string    `json:"status"` // pending, clientApproved, ...
	Requester string    `json:"reID"`
	Requested time.Time `json:"reDate"`
	Actor     string    `json:"acID"`            // who should act, or has acted
	Acts      time.Time `json:"acDate"`          // by when, or when
	Expires   time.Time `json:"exDate,omitzero"` // of a domain, if the transfer changes it
}

// TransferCommand is a transfer command's content.
type TransferCommand struct {
	Op       string // request, query, approve, reject or cancel
	Object   string // the domain's name or the contact's identifier
	Years    int    // added to a domain's registration by a request; 0: the registry's default
	AuthInfo string // only sent if it isn't empty
	ROID     string // of the contact that AuthInfo belongs to; "" if it is the object's own
}

// TransferDomain sends a command about the transfer of a domain. The code is 1001 while it is pending.
func (c *Client) TransferDomain(ctx context.Context, t TransferCommand) (*Transfer, *Reply, error) {
	return c.transfer(ctx, "domain", nsDomain, "name", t)
}

// TransferContact sends a command about the transfer of a contact.
func (c *Client) TransferContact(ctx context.Context, t TransferCommand) (*Transfer, *Reply, error) {
	return c.transfer(ctx, "contact", nsContact, "id", t)
}

func (c *Client) transfer(ctx context.Context, prefix, space, key string, t TransferCommand) (*Transfer, *Reply, error) {
	c.begin()
	c.raw(`<transfer op="`)
	c.out = xmltree.AppendText(c.out, t.Op)
	c.raw(`">`)
	c.open(prefix, "transfer", space)
	c.element(prefix+":"+key, t.Object)
	c.period(t.Years)
	if t.AuthInfo != "" {
		c.raw(`<`, prefix, `:authInfo>`)
		pw := prefix + ":pw"
		if t.ROID != "" {
			pw += ` roid="` + string(xmltree.AppendText(nil, t.ROID)) + `"`
		}
		c.element(pw, t.AuthInfo)
		c.raw(`</`, prefix, `:authInfo>`)
	}
	c.close(prefix, "transfer")
	c.raw(`</transfer>`)
	r, err := c.end(ctx, prefix+":transfer")
	if err != nil {
		return nil, r, err
	}
	data, err := r.data(space, "trnData")
	if err != nil {
		return nil, r, err
	}
	transfer, err := readTransfer(data)
	return transfer, r, err
}

// readTransfer reads a trnDataType.
func readTransfer(e *xmltree.Element) (t *Transfer, err error) {
	t = &Transfer{
		Object: childText(e, "name") + childText(e, "id"), Status: childText(e, "trStatus"), Requester: childText(e, "reID"), Actor: childText(e, "acID"),
	}
	for name, to := range map[string]*time.Time{"reDate": &t.Requested, "acDate": &t.Acts, "exDate": &t.Expires} {
		if *to, err = when(e, name); err != nil {
			return nil, err
		}
	}
	return t, nil
}
