package admin

import (
	"net/http"
	"net/netip"
	"slices"
	"time"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// RegistrarChange is PATCH /v1/registrars/ID. What is nil or absent stays as it is.
type RegistrarChange struct {
	Name               *string       `json:"name,omitempty"`
	Password           *string       `json:"password,omitempty"`
	Suspended          *bool         `json:"suspended,omitempty"`
	Unlock             bool          `json:"unlock,omitempty"` // open a lock that wrong passwords have closed
	IANA               *uint32       `json:"iana,omitempty"`
	URL                *string       `json:"url,omitempty"`
	Whois              *string       `json:"whois,omitempty"`
	RDAP               *string       `json:"rdap,omitempty"`
	AbuseEmail         *string       `json:"abuse_email,omitempty"`
	AbusePhone         *string       `json:"abuse_phone,omitempty"`
	Email              *string       `json:"email,omitempty"`
	Voice              *string       `json:"voice,omitempty"`
	Street             *[]string     `json:"street,omitempty"`
	City               *string       `json:"city,omitempty"`
	Province           *string       `json:"province,omitempty"`
	PostalCode         *string       `json:"postal_code,omitempty"`
	Country            *string       `json:"country,omitempty"`
	RemoveCertificates []Certificate `json:"remove_certificates,omitempty"` // before others are added
	AddCertificates    []Certificate `json:"add_certificates,omitempty"`    // one that is there gets other times
	Networks           *[]string     `json:"networks,omitempty"`            // CIDR; none: it may come from anywhere
	Contacts           *string       `json:"contacts,omitempty"`            // with, without, or "": as the TLD has it
	MaxSessions        *uint32       `json:"max_sessions,omitempty"`        // on all nodes together; 0: as for all
}

// Certificate is one that a registrar may come with: by its fingerprint, or any that
// an issuer has given to a subject. Times are RFC 3339; "": always was, for ever.
type Certificate struct {
	Fingerprint string `json:"fingerprint,omitempty"` // SHA-256, hex
	Issuer      string `json:"issuer,omitempty"`      // distinguished name (RFC 4514)
	Subject     string `json:"subject,omitempty"`
	From        string `json:"from,omitempty"`
	Until       string `json:"until,omitempty"`
}

func (h *handler) changeRegistrar(c *call) (int, any, error) {
	if _, err := c.parameters(); err != nil {
		return 0, nil, err
	}
	var wanted RegistrarChange
	if err := c.decode(&wanted); err != nil {
		return 0, nil, err
	}
	var now Registrar
	if err := h.Registry.View(c.Context(), fsm.Linearizable, 0, func(v fsm.View) error {
		r, err := findRegistrar(v, c.PathValue("id"))
		now = showRegistrar(v, r)
		return err
	}); err != nil {
		return 0, nil, err
	}
	u, err := wanted.registry(now)
	if err != nil {
		return 0, nil, err
	}
	if wanted.Password != nil {
		hash, err := h.hash(c.Context(), *wanted.Password)
		if err != nil {
			return 0, nil, err
		}
		u.Password = &hash
	}
	r, err := h.execute(c, registry.KindRegistrarUpdate, u)
	if err != nil {
		return 0, nil, err
	}
	var shown Registrar
	err = h.reread(c, r, func(v fsm.View) error {
		r, err := findRegistrar(v, now.ID)
		shown = showRegistrar(v, r)
		return err
	})
	return http.StatusOK, shown, err
}

// registry is the change in the registry's form, its password apart, of a registrar that is as now says. What comes of it
// has to be what could have been created.
func (w RegistrarChange) registry(now Registrar) (u registry.RegistrarUpdate, err error) {
	to := now
	to.Balances, to.Created, to.Bound, to.LockedUntil, to.Password = nil, "", nil, "", "unchanged"
	if w.Password != nil {
		to.Password = *w.Password
	}
	addressed := false
	for _, f := range []struct {
		field *string
		value *string
		of    bool // of the address
	}{
		{&to.Name, w.Name, true}, {&to.URL, w.URL, false}, {&to.Whois, w.Whois, false}, {&to.RDAP, w.RDAP, false},
		{&to.AbuseEmail, w.AbuseEmail, false}, {&to.AbusePhone, w.AbusePhone, false}, {&to.Email, w.Email, false}, {&to.Voice, w.Voice, false},
		{&to.Contacts, w.Contacts, false}, {&to.City, w.City, true}, {&to.Province, w.Province, true}, {&to.PostalCode, w.PostalCode, true}, {&to.Country, w.Country, true},
	} {
		if f.value != nil {
			*f.field = *f.value
			addressed = addressed || f.of
		}
	}
	if w.Street != nil {
		to.Street, addressed = *w.Street, true
	}
	if w.Networks != nil {
		to.Networks = *w.Networks
	}
	r, err := to.registry()
	if err != nil {
		return u, err
	}
	u = registry.RegistrarUpdate{
		ID: now.ID, Name: w.Name, Suspended: w.Suspended, Unlock: w.Unlock, IANA: w.IANA, URL: w.URL, Whois: w.Whois, RDAP: w.RDAP,
		AbuseEmail: w.AbuseEmail, AbusePhone: w.AbusePhone, Email: w.Email, Sessions: w.MaxSessions,
	}
	if w.Whois != nil {
		u.Whois = &r.Whois // in lower case
	}
	if w.Contacts != nil {
		u.Contacts = &r.Contacts
	}
	if w.Voice != nil {
		u.Voice = &r.Voice
	}
	if addressed {
		u.Postal = &r.Postal
	}
	if w.Networks != nil {
		u.Networks = &r.Networks
	}
	if u.RemoveCertificates, err = parseBindings(w.RemoveCertificates); err == nil {
		u.AddCertificates, err = parseBindings(w.AddCertificates)
	}
	return u, err
}

func parseBindings(all []Certificate) (bs []registry.Binding, err error) {
	for _, c := range all {
		b := registry.Binding{Issuer: c.Issuer, Subject: c.Subject}
		if c.Fingerprint != "" {
			if b.Fingerprint, err = parseFingerprint(c.Fingerprint); err != nil {
				return nil, err
			}
		}
		if b.From, err = parseTime("from", c.From); err != nil {
			return nil, err
		}
		if b.Until, err = parseTime("until", c.Until); err != nil {
			return nil, err
		}
		bs = append(bs, b)
	}
	return bs, nil
}

// parseTime is a time of RFC 3339, to the millisecond; "" is none.
func parseTime(element, s string) (registry.Time, error) {
	if s == "" {
		return 0, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.UnixMilli() <= 0 {
		return 0, invalid(element, s, "not a time such as 2026-11-28T12:00:00Z")
	}
	return registry.Time(t.UnixMilli()), nil
}

// parseNetworks reads networks in CIDR notation, or addresses alone. With host bits set it can't be told
// which of the two was meant, or which length: 10.0.0.1/8 lets 16 million others in.
func parseNetworks(all []string) (ns []registry.Network, err error) {
	for _, s := range all {
		p, err := netip.ParsePrefix(s)
		if a, alone := netip.ParseAddr(s); alone == nil && a.Zone() == "" {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil || p.Addr().Is4In6() {
			return nil, invalid("networks", s, "not a network such as 192.0.2.0/24 or 2001:db8::/32")
		}
		if p != p.Masked() {
			return nil, invalid("networks", s, "an address within the network %s: give the network, or the address alone", p.Masked())
		}
		n := registry.Network{Address: p.Addr().AsSlice(), Bits: uint8(p.Bits())}
		if !slices.ContainsFunc(ns, func(o registry.Network) bool { return o.Bits == n.Bits && slices.Equal(o.Address, n.Address) }) {
			ns = append(ns, n)
		}
	}
	return ns, nil
}

func formatNetworks(ns []registry.Network) (all []string) {
	for _, n := range ns {
		a, _ := netip.AddrFromSlice(n.Address)
		all = append(all, netip.PrefixFrom(a, int(n.Bits)).String())
	}
	return all
}

func formatBindings(bs []registry.Binding) (all []Certificate) {
	for _, b := range bs {
		all = append(all, Certificate{b.Fingerprint, b.Issuer, b.Subject, formatTime(b.From), formatTime(b.Until)})
	}
	return all
}
