package admin

import (
	"net/http"
	"net/netip"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// Domain is GET /v1/domains/NAME, and the answer to a change of its statuses.
type Domain struct {
	Name        string       `json:"name"`
	ROID        string       `json:"roid"`
	TLD         string       `json:"tld"`
	Sponsor     string       `json:"sponsor"`
	Creator     string       `json:"creator"`
	Created     string       `json:"created"`
	Updated     string       `json:"updated,omitempty"`
	Expires     string       `json:"expires"`
	Statuses    []string     `json:"statuses"`
	Registrant  string       `json:"registrant,omitempty"`
	Contacts    []Contact    `json:"contacts,omitempty"`
	Nameservers []Nameserver `json:"nameservers,omitempty"` // with the addresses that they have here
}

// Contact is a contact's role for a domain.
type Contact struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// StatusChange is PATCH /v1/domains/NAME/status. What is removed is removed first; it must be there, and what is added must not be.
type StatusChange struct {
	Add    []string `json:"add,omitempty"`
	Remove []string `json:"remove,omitempty"`
}

func (h *handler) showDomain(c *call) (int, any, error) {
	p, err := c.parameters("level")
	if err != nil {
		return 0, nil, err
	}
	name, err := parseName("name", c.PathValue("name"))
	if err != nil {
		return 0, nil, err
	}
	var shown Domain
	err = h.read(c, p, func(v fsm.View) (err error) { shown, err = findDomain(v, name); return err })
	return http.StatusOK, shown, err
}

func (h *handler) changeStatus(c *call) (int, any, error) {
	if _, err := c.parameters(); err != nil {
		return 0, nil, err
	}
	name, err := parseName("name", c.PathValue("name"))
	if err != nil {
		return 0, nil, err
	}
	var wanted StatusChange
	if err := c.decode(&wanted); err != nil {
		return 0, nil, err
	}
	u := registry.DomainUpdate{Name: name}
	if u.AddStatuses, err = parseStatuses("add", wanted.Add); err != nil {
		return 0, nil, err
	}
	if u.RemoveStatuses, err = parseStatuses("remove", wanted.Remove); err != nil {
		return 0, nil, err
	}
	if u.AddStatuses == 0 && u.RemoveStatuses == 0 {
		return 0, nil, missing("add", "there is nothing to add or remove")
	}
	r, err := h.execute(c, registry.KindDomainUpdate, u)
	if err != nil {
		return 0, nil, err
	}
	var shown Domain
	err = h.reread(c, r, func(v fsm.View) (err error) { shown, err = findDomain(v, name); return err })
	return http.StatusOK, shown, err
}

// parseStatuses reads statuses that somebody can set: clients theirs, the server its own.
func parseStatuses(element string, names []string) (set registry.Statuses, err error) {
	for _, name := range names {
		s, known := registry.ParseStatus(name)
		if !known || !s.Has(registry.ClientStatuses|registry.ServerStatuses) {
			return 0, invalid(element, name, "not a status that is set: client or server with Hold, or with {Delete,Renew,Transfer,Update}Prohibited")
		}
		if set.Has(s) {
			return 0, invalid(element, name, "the status is named twice")
		}
		set |= s
	}
	return set, nil
}

func findDomain(v fsm.View, name string) (Domain, error) {
	d, ok := v.Domain(name)
	if !ok {
		return Domain{}, registry.Fail(registry.ObjectDoesNotExist, "name", name, "there is no such domain")
	}
	shown := Domain{
		Name: d.Name, ROID: v.ROID(registry.DomainROID, d.Number), TLD: d.TLD, Sponsor: d.Sponsor, Creator: d.Creator,
		Created: formatTime(d.Created), Updated: formatTime(d.Updated), Expires: formatTime(d.Expires),
		Statuses: v.DomainStatuses(d).Names(), Registrant: d.Registrant,
	}
	for _, c := range d.Contacts {
		shown.Contacts = append(shown.Contacts, Contact(c))
	}
	for _, n := range d.Hosts {
		host := v.HostByNumber(n)
		shown.Nameservers = append(shown.Nameservers, Nameserver{host.Name, formatAddresses(host.Addresses)})
	}
	for _, a := range d.Attributes {
		shown.Nameservers = append(shown.Nameservers, Nameserver{a.Name, formatAddresses(a.Addresses)})
	}
	return shown, nil
}

func formatAddresses(all [][]byte) (texts []string) {
	for _, octets := range all {
		a, _ := netip.AddrFromSlice(octets)
		texts = append(texts, a.String())
	}
	return texts
}
