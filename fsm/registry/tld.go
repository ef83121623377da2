package registry

import "slices"

// MaxPrice bounds a price for a year, in minor units: ten years of it are far from overflow.
const MaxPrice = 1_000_000_000_000

// MaxYears is the longest registration that a TLD may allow.
const MaxYears = 10

// TLDCreate opens a TLD and its zone, which is published at once.
type TLDCreate struct {
	TLD    TLD    `cbor:"1,keyasint"` // Created, Updated and LastEvent are set here
	Serial uint32 `cbor:"2,keyasint"` // the zone's serial before its first publication

	Unsigned bool `cbor:"3,keyasint,omitempty" since:"3"` // the zone begins without DNSSEC
}

// tldCreate fails with 2201, 2302, 2003, 2004, 2005, 2306.
func (x *Exec) tldCreate(c TLDCreate) (Code, any, *Failure) {
	if fail := x.mayOperate(); fail != nil {
		return 0, nil, fail
	}
	t := c.TLD
	if _, exists := x.TLD(t.Name); exists {
		return 0, nil, Fail(ObjectExists, "name", t.Name, "the TLD exists")
	}
	if fail := x.checkPlace(&t); fail != nil {
		return 0, nil, fail
	}
	t.normalize()
	if fail := checkTLD(&t); fail != nil {
		return 0, nil, fail
	}
	if t.Zone != "" {
		if fail := x.checkSuffix(&t); fail != nil {
			return 0, nil, fail
		}
	}
	t.Created, t.Updated, t.LastEvent = x.Now, 0, 0
	x.recordEvent("tld:create", t.Name, 0, &t.LastEvent, nil, t)
	tlds.Put(x.tx, nameKey(t.Name), t)
	if t.Zone != "" {
		return Success, nil, nil
	}
	x.openZone(&t, c.Serial, c.Unsigned)
	if x.Level() >= 3 {
		x.dirtyChild(&t)
	}
	return Success, nil, nil
}

// checkPlace refuses a TLD whose names, or whose delegation, could not be published where it would be: others have that name, or one above it.
func (x *Exec) checkPlace(t *TLD) *Failure {
	for name := t.Name; name != ""; name = parent(name) {
		if name != t.Name {
			if _, isTLD := x.TLD(name); isTLD || x.Level() < 3 {
				break
			}
		}
		if _, taken := domains.Get(x.tx, nameKey(name)); taken {
			return Fail(ObjectExists, "name", name, "a registrar has registered this name")
		}
	}
	above, ok := x.TLDOf(t.Name)
	if !ok || x.Level() < 3 {
		return nil
	}
	zone := above.zone()
	for name := t.Name; len(name) > len(zone); name = parent(name) {
		if zoneRecords.Has(x.tx, ownerKey(zone, name).Uint16(TypeNS)) {
			return Fail(ParameterPolicy, "name", t.Name, "operators' records of the zone %s delegate %s elsewhere", zone, name)
		}
	}
	if t.Zone == "" && x.operates(zone, t.Name) {
		return Fail(ParameterPolicy, "name", t.Name, "the zone %s has operators' records at or below this name", zone)
	}
	return nil
}

func (t *TLD) normalize() {
	for _, set := range []*[]string{&t.Reserved, &t.RequiredContacts, &t.RefusedContacts} {
		slices.Sort(*set)
		*set = slices.Compact(*set)
	}
}

// checkSuffix lets a TLD be published in the zone of another: one that has a zone of its own, for there is one zone then.
func (x *Exec) checkSuffix(t *TLD) *Failure {
	above, ok := x.TLD(t.Zone)
	switch {
	case !ok || !below(t.Name, t.Zone) || above.Zone != "":
		return Fail(ParameterPolicy, "zone", t.Zone, "not a TLD with a zone of its own that %s is below", t.Name)
	case len(t.Nameservers) > 0 || t.SOA != (SOA{}):
		return Fail(ParameterPolicy, "zone", t.Zone, "name servers and SOA are the zone's")
	}
	if nearest, _ := x.TLDOf(t.Name); nearest.zone() != t.Zone {
		return Fail(ParameterPolicy, "zone", t.Zone, "%s is in the zone %s", t.Name, nearest.zone())
	}
	return nil
}

func checkTLD(t *TLD) *Failure {
	switch {
	case !ValidName(t.Name):
		return Fail(ParameterSyntax, "name", t.Name, "not a domain name in lower case")
	case t.MaxYears < 1 || t.MaxYears > MaxYears:
		return Fail(ParameterRange, "max_years", "", "a registration lasts 1 to %d years", MaxYears)
	case t.CreatePrice < 0 || t.RenewPrice < 0 || t.CreatePrice > MaxPrice || t.RenewPrice > MaxPrice:
		return Fail(ParameterRange, "price", "", "a price is between nothing and %d minor units", int64(MaxPrice))
	case len(t.Currency) != 3:
		return Fail(ParameterSyntax, "currency", t.Currency, "not an ISO 4217 code")
	case t.AddGrace < 0 || t.RenewGrace < 0 || t.AutoRenewGrace < 0 || t.DeleteDelay < 0:
		return Fail(ParameterRange, "grace", "", "a duration is not negative")
	case t.transferPrice() < 0 || t.transferPrice() > MaxPrice:
		return Fail(ParameterRange, "transfer_price", "", "a price is between nothing and %d minor units", int64(MaxPrice))
	case t.transferWait() < 0 || t.transferGrace() < 0:
		return Fail(ParameterRange, "transfer_wait", "", "a duration is not negative")
	case t.Zone != "": // which has the rest
	case len(t.Nameservers) == 0 || len(t.Nameservers) > MaxDomainHosts:
		return Fail(ParameterRange, "nameservers", "", "a zone has 1 to %d name servers", MaxDomainHosts)
	case !ValidName(t.SOA.MName) || !ValidName(t.SOA.RName):
		return Fail(ParameterSyntax, "soa", "", "not a host name in lower case")
	}
	if fail := t.checkDNSSEC(); fail != nil {
		return fail
	}
	if fail := t.checkContactTypes(); fail != nil {
		return fail
	}
	for i, ns := range t.Nameservers {
		if slices.ContainsFunc(t.Nameservers[:i], func(o Nameserver) bool { return o.Name == ns.Name }) {
			return Fail(ParameterPolicy, "nameservers", ns.Name, "the name server is named twice")
		}
		if !ValidName(ns.Name) {
			return Fail(ParameterSyntax, "nameservers", ns.Name, "not a host name in lower case")
		}
		if inZone := below(ns.Name, t.Name); inZone != (len(ns.Addresses) > 0) {
			return Fail(ParameterPolicy, "nameservers", ns.Name, "a name server in the zone needs addresses, one outside has none here")
		}
		if _, fail := sortedAddresses(ns.Addresses); fail != nil {
			return fail
		}
	}
	return nil
}
