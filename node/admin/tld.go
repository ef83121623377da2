package admin

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// The models of a TLD's registration data.
const (
	modelThick = "thick"
	modelThin  = "thin"
)

// What name servers of domains are.
const (
	hostObjects    = "objects"
	hostAttributes = "attributes"
)

func (h *handler) listTLDs(c *call) (int, any, error) {
	p, err := c.parameters("level")
	if err != nil {
		return 0, nil, err
	}
	all := []TLD{}
	err = h.read(c, p, func(v fsm.View) error {
		for _, t := range v.TLDs() {
			all = append(all, showTLD(v, t))
		}
		return nil
	})
	return http.StatusOK, all, err
}

func (h *handler) showTLD(c *call) (int, any, error) {
	p, err := c.parameters("level")
	if err != nil {
		return 0, nil, err
	}
	name, err := parseName("name", c.PathValue("name"))
	if err != nil {
		return 0, nil, err
	}
	var shown TLD
	err = h.read(c, p, func(v fsm.View) error {
		t, ok := v.TLD(name)
		if !ok {
			return registry.Fail(registry.ObjectDoesNotExist, "name", name, "there is no such TLD")
		}
		shown = showTLD(v, t)
		return nil
	})
	return http.StatusOK, shown, err
}

func (h *handler) createTLD(c *call) (int, any, error) {
	if _, err := c.parameters(); err != nil {
		return 0, nil, err
	}
	var wanted TLD
	if err := c.decode(&wanted); err != nil {
		return 0, nil, err
	}
	t, err := wanted.registry(registry.TLD{})
	if err != nil {
		return 0, nil, err
	}
	r, err := h.execute(c, registry.KindTLDCreate, registry.TLDCreate{TLD: t, Serial: wanted.Serial, Unsigned: wanted.Unsigned})
	if err != nil {
		return 0, nil, err
	}
	var shown TLD
	err = h.reread(c, r, func(v fsm.View) error {
		t, _ := v.TLD(t.Name)
		shown = showTLD(v, t)
		return nil
	})
	return http.StatusCreated, shown, err
}

// showTLD is a TLD of the registry in the API's form.
func showTLD(v fsm.View, t registry.TLD) TLD {
	zone, _ := v.Zone(cmp.Or(t.Zone, t.Name))
	shown := TLD{
		Name: t.Name, Model: modelThin, Currency: t.Currency,
		CreatePrice: FormatMoney(t.CreatePrice, t.Currency), RenewPrice: FormatMoney(t.RenewPrice, t.Currency),
		MaxYears: int(t.MaxYears),
		AddGrace: formatPeriod(t.AddGrace), RenewGrace: formatPeriod(t.RenewGrace), AutoRenewGrace: formatPeriod(t.AutoRenewGrace),
		DeleteDelay: formatPeriod(t.DeleteDelay),
		Reserved:    append([]string{}, t.Reserved...),
		SOA:         SOA{MName: t.SOA.MName, RName: t.SOA.RName, Refresh: t.SOA.Refresh, Retry: t.SOA.Retry, Expire: t.SOA.Expire, Minimum: t.SOA.Minimum},
		TTL:         TTL{Apex: t.TTL.Apex, Delegation: t.TTL.Delegation, Glue: t.TTL.Glue},
		SecDNS:      showSecDNS(t),
		Created:     formatTime(t.Created),
		Serial:      zone.Serial,

		PerRegistrar: t.PerRegistrar, RequiredContacts: slices.Clone(t.RequiredContacts), RefusedContacts: slices.Clone(t.RefusedContacts),
		Hosts: hostObjects, Zone: t.Zone,
	}
	if t.TransferPrice != nil {
		shown.TransferPrice = FormatMoney(*t.TransferPrice, t.Currency)
	}
	if t.TransferWait != nil {
		shown.TransferWait = formatPeriod(*t.TransferWait)
	}
	if t.TransferGrace != nil {
		shown.TransferGrace = formatPeriod(*t.TransferGrace)
	}
	if t.HostAttributes {
		shown.Hosts = hostAttributes
	}
	if t.Thick {
		shown.Model = modelThick
	}
	for _, ns := range t.Nameservers {
		shown.Nameservers = append(shown.Nameservers, Nameserver{ns.Name, formatAddresses(ns.Addresses)})
	}
	return shown
}

// registry is the wanted TLD, defaults filled in, in the registry's form: r with all that the API can set. Its error
// says what is wrong with it.
func (t TLD) registry(r registry.TLD) (_ registry.TLD, err error) {
	if t.Name, err = parseName("name", t.Name); err != nil {
		return r, err
	}
	if t.Zone != "" {
		if t.Zone, err = parseName("zone", t.Zone); err != nil {
			return r, err
		}
	} else if len(t.Nameservers) == 0 {
		return r, missing("nameservers", "a zone has at least one name server")
	}
	t = t.withDefaults()
	r.Name = t.Name
	switch t.Model {
	case modelThick, modelThin:
		r.Thick = t.Model == modelThick
	default:
		return r, invalid("model", t.Model, "the models are thick and thin")
	}
	if t.MaxYears < 1 || t.MaxYears > registry.MaxYears {
		return r, registry.Fail(registry.ParameterRange, "max_years", "", "a registration lasts 1 to %d years", registry.MaxYears)
	}
	r.MaxYears = uint8(t.MaxYears)
	if r.Currency, err = parseCurrency(t.Currency); err != nil {
		return r, err
	}
	for _, m := range []struct {
		element, text string
		minor         *int64
	}{{"create_price", t.CreatePrice, &r.CreatePrice}, {"renew_price", t.RenewPrice, &r.RenewPrice}} {
		if *m.minor, err = parseAmount(m.element, m.text, r.Currency); err != nil {
			return r, err
		}
		if *m.minor > maxPrice {
			return r, registry.Fail(registry.ParameterRange, m.element, m.text, "a price is at most %s a year", FormatMoney(maxPrice, r.Currency))
		}
	}
	for _, d := range []struct {
		element, text string
		period        *registry.Time
	}{
		{"add_grace", t.AddGrace, &r.AddGrace}, {"renew_grace", t.RenewGrace, &r.RenewGrace},
		{"auto_renew_grace", t.AutoRenewGrace, &r.AutoRenewGrace}, {"delete_delay", t.DeleteDelay, &r.DeleteDelay},
	} {
		if *d.period, err = parsePeriod(d.element, d.text); err != nil {
			return r, err
		}
	}
	if r.Reserved, err = parseReserved(t.Reserved); err != nil {
		return r, err
	}
	if err := t.objects(&r); err != nil {
		return r, err
	}
	if err := t.transfers(&r); err != nil {
		return r, err
	}
	if err := t.SecDNS.set(&r); err != nil {
		return r, err
	}
	if r.Zone = t.Zone; r.Zone != "" {
		if len(t.Nameservers) > 0 || t.SOA != (SOA{}) || t.TTL != (TTL{}) {
			return r, registry.Fail(registry.ParameterPolicy, "zone", t.Zone, "name servers, SOA and times to live are the zone's")
		}
		return r, nil
	}
	if r.Nameservers, err = t.nameservers(); err != nil {
		return r, err
	}
	return r, t.zone(&r)
}

// objects sets what domains are made of.
func (t TLD) objects(r *registry.TLD) error {
	r.PerRegistrar = t.PerRegistrar
	for _, of := range []struct {
		element string
		from    []string
		to      *[]string
	}{{"required_contacts", t.RequiredContacts, &r.RequiredContacts}, {"refused_contacts", t.RefusedContacts, &r.RefusedContacts}} {
		*of.to = nil
		for _, kind := range of.from {
			if !slices.Contains(registry.ContactTypes, kind) {
				return invalid(of.element, kind, "the types are %s", strings.Join(registry.ContactTypes, ", "))
			}
			*of.to = append(*of.to, kind)
		}
	}
	switch t.Hosts {
	case hostObjects, hostAttributes:
		r.HostAttributes = t.Hosts == hostAttributes
	default:
		return invalid("hosts", t.Hosts, "name servers are objects or attributes")
	}
	return nil
}

// transfers sets what a transfer costs and how long it takes; what is empty is as usual.
func (t TLD) transfers(r *registry.TLD) error {
	r.TransferPrice, r.TransferWait, r.TransferGrace = nil, nil, nil
	if t.TransferPrice != "" {
		minor, err := parseAmount("transfer_price", t.TransferPrice, r.Currency)
		if err != nil {
			return err
		}
		if minor > maxPrice {
			return registry.Fail(registry.ParameterRange, "transfer_price", t.TransferPrice, "a price is at most %s a year", FormatMoney(maxPrice, r.Currency))
		}
		r.TransferPrice = &minor
	}
	for _, d := range []struct {
		element, text string
		to            **registry.Time
	}{{"transfer_wait", t.TransferWait, &r.TransferWait}, {"transfer_grace", t.TransferGrace, &r.TransferGrace}} {
		if d.text == "" {
			continue
		}
		period, err := parsePeriod(d.element, d.text)
		if err != nil {
			return err
		}
		*d.to = &period
	}
	return nil
}

// nameservers wants addresses for those in the zone, where they become glue, and only for those.
func (t TLD) nameservers() (all []registry.Nameserver, err error) {
	for _, wanted := range t.Nameservers {
		var ns registry.Nameserver
		if ns.Name, err = parseName("nameservers", wanted.Name); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(all, func(other registry.Nameserver) bool { return other.Name == ns.Name }) {
			return nil, invalid("nameservers", ns.Name, "the name server is named twice")
		}
		inZone := strings.HasSuffix(ns.Name, "."+t.Name)
		switch {
		case inZone && len(wanted.Addresses) == 0:
			return nil, registry.Fail(registry.RequiredParameter, "nameservers", ns.Name, "the name server is in the zone, so its addresses are needed")
		case !inZone && len(wanted.Addresses) > 0:
			return nil, registry.Fail(registry.ParameterPolicy, "nameservers", ns.Name, "the name server is outside of the zone, which can't hold addresses for it")
		}
		for _, s := range wanted.Addresses {
			a, err := parseAddress("nameservers", s)
			if err != nil {
				return nil, err
			}
			ns.Addresses = append(ns.Addresses, a)
		}
		all = append(all, ns)
	}
	return all, nil
}

// zone sets the SOA and the times to live. An expire time from before it was looked at may stay as it is.
func (t TLD) zone(r *registry.TLD) (err error) {
	before := r.SOA
	if r.SOA.MName, err = parseName("soa.mname", t.SOA.MName); err != nil {
		return err
	}
	if r.SOA.RName, err = parseName("soa.rname", t.SOA.RName); err != nil {
		return err
	}
	for _, s := range []struct {
		element string
		from    uint32
		to      *uint32
	}{
		{"soa.refresh", t.SOA.Refresh, &r.SOA.Refresh}, {"soa.retry", t.SOA.Retry, &r.SOA.Retry},
		{"soa.expire", t.SOA.Expire, &r.SOA.Expire}, {"soa.minimum", t.SOA.Minimum, &r.SOA.Minimum},
		{"ttl.apex", t.TTL.Apex, &r.TTL.Apex}, {"ttl.delegation", t.TTL.Delegation, &r.TTL.Delegation}, {"ttl.glue", t.TTL.Glue, &r.TTL.Glue},
	} {
		if s.from > maxSeconds {
			return registry.Fail(registry.ParameterRange, s.element, "", "at most %d seconds (RFC 2181 §8)", maxSeconds)
		}
		*s.to = s.from
	}
	if s := r.SOA; s != before && uint64(s.Expire) <= uint64(s.Refresh)+uint64(s.Retry) {
		return registry.Fail(registry.ParameterRange, "soa.expire", fmt.Sprint(s.Expire),
			"more than refresh and retry together, %d s, or a secondary drops the zone before it can have asked twice (RFC 1912 §2.2)", uint64(s.Refresh)+uint64(s.Retry))
	}
	return nil
}

func parseReserved(labels []string) (all []string, err error) {
	if len(labels) > maxReserved {
		return nil, registry.Fail(registry.ParameterRange, "reserved", "", "at most %d labels are reserved", maxReserved)
	}
	for _, s := range labels {
		label := strings.ToLower(s)
		if !registry.ValidName(label) || strings.Contains(label, ".") {
			return nil, invalid("reserved", s, "not a label: letters, digits and inner hyphens, at most %d characters", registry.MaxLabel)
		}
		all = append(all, label)
	}
	return all, nil
}

// parsePeriod reads "120h" as log time, in milliseconds.
func parsePeriod(element, s string) (registry.Time, error) {
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		return 0, invalid(element, s, "not a duration such as 120h")
	case d < 0 || d > maxPeriod || d%time.Millisecond != 0:
		return 0, registry.Fail(registry.ParameterRange, element, s, "a period is whole milliseconds, from nothing to %s", formatPeriod(registry.Time(maxPeriod.Milliseconds())))
	}
	return registry.Time(d.Milliseconds()), nil
}

// formatPeriod writes a duration of log time without units that are nought: 120h, not 120h0m0s.
func formatPeriod(t registry.Time) string {
	s := (time.Duration(t) * time.Millisecond).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// formatTime is an instant in RFC 3339; "" for none.
func formatTime(t registry.Time) string {
	if t == 0 {
		return ""
	}
	return t.String()
}

// parseAmount is ParseMoney for what can't be negative.
func parseAmount(element, text, currency string) (int64, error) {
	minor, err := ParseMoney(text, currency)
	if err != nil {
		return 0, invalid(element, "", "%v", err)
	}
	if minor < 0 {
		return 0, registry.Fail(registry.ParameterRange, element, text, "an amount is not negative")
	}
	return minor, nil
}
