package registry

import (
	"bytes"
	"slices"
	"strings"

	"quorate/fsm/store"
)

// Operators' records stand in a zone beside what follows from the registry: TXT and CAA at the apex,
// nic.TLD with data or delegated elsewhere, wildcards where policy allows.

// MaxZoneRecords bounds the RRsets that operators add to a zone: they are read whole when a policy is checked.
const MaxZoneRecords = 1000

// maxRecordOctets bounds an operator's RRset: it must fit an answer with its signatures.
const maxRecordOctets = 16 << 10

var zoneRecords = store.DeclareSince[RRset](3, 71, "zone_records", false) // zone, owner, type

// ZoneRecords changes operators' records.
type ZoneRecords struct {
	Zone   string      `cbor:"1,keyasint"`
	Remove []RecordKey `cbor:"2,keyasint,omitempty"` // before Set
	Set    []RRset     `cbor:"3,keyasint,omitempty"` // replaces what is there; without signatures
}

// RecordKey names an RRset.
type RecordKey struct {
	Owner string `cbor:"1,keyasint"`
	Type  uint16 `cbor:"2,keyasint"`
}

// OperatorRecords are a zone's operators' records, in canonical order.
func (v *View) OperatorRecords(zone string) (all []RRset) {
	if v.Level() < 3 {
		return nil
	}
	zoneRecords.Scan(v.r, zoneKey(zone), nil, func(_ []byte, s RRset) bool { all = append(all, s); return true })
	return all
}

// operated are operators' records at a name.
func (v *View) operated(zone, owner string) (sets []RRset) {
	zoneRecords.Scan(v.r, ownerKey(zone, owner), nil, func(_ []byte, s RRset) bool { sets = append(sets, s); return true })
	return sets
}

// operates says whether there are operators' records at or below a name.
func (v *View) operates(zone, name string) bool {
	return v.Level() >= 3 && zoneRecords.Any(v.r, zoneKey(zone).Name(name))
}

// zoneRecords fails with 2201, 2303, 2005, 2306, 2308.
func (x *Exec) zoneRecords(c ZoneRecords) (Code, any, *Failure) {
	if fail := x.mayOperate(); fail != nil {
		return 0, nil, fail
	}
	p, ok := x.ZonePolicy(c.Zone)
	if !ok {
		return 0, nil, Fail(ObjectDoesNotExist, "zone", c.Zone, "there is no such zone, or it has no policy yet")
	}
	var touched []string
	for _, k := range c.Remove {
		key := ownerKey(c.Zone, k.Owner).Uint16(k.Type)
		if !zoneRecords.Has(x.tx, key) {
			return 0, nil, Fail(ParameterPolicy, "remove", k.Owner, "an operator has set no records of type %d there", k.Type)
		}
		zoneRecords.Delete(x.tx, key)
		x.dirty(c.Zone, k.Owner)
		touched = append(touched, k.Owner)
	}
	for _, s := range c.Set {
		if fail := x.checkRecord(&p, &s); fail != nil {
			return 0, nil, fail
		}
		zoneRecords.Put(x.tx, ownerKey(c.Zone, s.Owner).Uint16(s.Type), s)
		x.dirty(c.Zone, s.Owner)
		touched = append(touched, s.Owner)
	}
	for _, owner := range touched {
		for name := owner; len(name) > len(c.Zone) || name == owner; name = parent(name) {
			if fail := x.checkRecordsAt(c.Zone, name); fail != nil {
				return 0, nil, fail
			}
		}
	}
	if all := x.OperatorRecords(c.Zone); len(all) > MaxZoneRecords {
		return 0, nil, Fail(DataPolicyViolation, "records", "", "operators' records of a zone are at most %d RRsets", MaxZoneRecords)
	}
	last := uint64(0)
	x.recordEvent("zone:records", c.Zone, 0, &last, nil, c)
	return Success, nil, nil
}

// checkRecord refuses what is not an operator's to set.
func (x *Exec) checkRecord(p *ZonePolicy, s *RRset) *Failure {
	refuse := func(why string, args ...any) *Failure {
		return Fail(ParameterPolicy, "records", s.Owner, why, args...)
	}
	size := 0
	for i, d := range s.Data {
		if size += len(d); i > 0 && bytes.Compare(s.Data[i-1], d) >= 0 {
			return Fail(ParameterSyntax, "records", s.Owner, "records are not in canonical order, or one is there twice")
		}
		if len(d) > 65535 {
			return Fail(ParameterSyntax, "records", s.Owner, "a record is longer than 65535 octets")
		}
	}
	label, rest, _ := strings.Cut(s.Owner, ".")
	switch {
	case !validOwner(s.Owner) || s.Owner != p.Zone && !below(s.Owner, p.Zone):
		return Fail(ParameterSyntax, "records", s.Owner, "not a name in %s, in lower case", p.Zone)
	case len(s.Data) == 0 || size > maxRecordOctets || len(s.Sigs) > 0 || s.TTL > 1<<31-1:
		return Fail(ParameterSyntax, "records", s.Owner, "an RRset has 1 record or more, %d octets at most, a TTL under 2^31, and its signatures are made here", maxRecordOctets)
	case s.Type == TypeSOA, s.Type == TypeDNSKEY, s.Type == TypeRRSIG, s.Type == TypeNSEC, s.Type == TypeNSEC3, s.Type == TypeNSEC3PARAM, s.Type == TypeCDS, s.Type == TypeCDNSKEY,
		s.Type == 0, s.Type == 41, s.Type >= 128 && s.Type < 256, s.Type == TypeDNAME:
		return refuse("records of type %d are not set by operators", s.Type)
	case s.Owner == p.Zone && (s.Type == TypeNS || s.Type == TypeDS || s.Type == TypeCNAME):
		return refuse("the apex's name servers are the TLD's, and there is no DS or CNAME at an apex")
	case label == "*" && (!p.Wildcards || s.Type == TypeNS || s.Type == TypeDS):
		return refuse("the zone's policy allows no wildcard here")
	case strings.Contains(rest, "*"):
		return refuse("a wildcard is the first label")
	}
	for name := s.Owner; name != p.Zone; name = parent(name) {
		if _, taken := domains.Get(x.tx, nameKey(name)); taken {
			return refuse("%s is registered", name)
		}
		if t, isTLD := x.TLD(name); isTLD && t.Zone == "" {
			return refuse("%s has a zone of its own: this one only delegates it", name)
		}
	}
	if s.Type == TypeNS && x.leadsToTLD(s.Owner) {
		return refuse("registrations at or below it are published in this zone: it can't be delegated")
	}
	return nil
}

// checkRecordsAt refuses RRsets that can't stand together at a name (RFC 1034 §3.6.2, RFC 4035 §2.4).
func (x *Exec) checkRecordsAt(zone, owner string) *Failure {
	var cut, ds, alias bool
	sets := x.operated(zone, owner)
	for _, s := range sets {
		cut, ds, alias = cut || s.Type == TypeNS, ds || s.Type == TypeDS, alias || s.Type == TypeCNAME
	}
	switch {
	case alias && (len(sets) > 1 || len(sets[0].Data) > 1):
		return Fail(ParameterPolicy, "records", owner, "a CNAME stands alone")
	case ds && !cut:
		return Fail(ParameterPolicy, "records", owner, "there is no DS but at a delegation")
	}
	if !cut {
		for name := parent(owner); len(name) > len(zone); name = parent(name) {
			if slices.ContainsFunc(x.operated(zone, name), func(s RRset) bool { return s.Type == TypeNS }) {
				if slices.ContainsFunc(sets, func(s RRset) bool { return s.Type != TypeA && s.Type != TypeAAAA }) {
					return Fail(ParameterPolicy, "records", owner, "%s is delegated: below it there can only be addresses of its name servers", name)
				}
			}
		}
		return nil
	}
	for _, s := range sets {
		if s.Type != TypeNS && s.Type != TypeDS && s.Type != TypeA && s.Type != TypeAAAA {
			return Fail(ParameterPolicy, "records", owner, "at a delegation there are only NS and DS, and addresses of name servers")
		}
	}
	var fail *Failure
	zoneRecords.Scan(x.tx, zoneKey(zone).Name(owner), nil, func(_ []byte, s RRset) bool {
		if below(s.Owner, owner) && s.Type != TypeA && s.Type != TypeAAAA {
			fail = Fail(ParameterPolicy, "records", owner, "there are operators' records of type %d at %s: below a delegation there can only be addresses of its name servers", s.Type, s.Owner)
		}
		return fail == nil
	})
	if fail != nil {
		return fail
	}
	return x.checkGlueAt(zone, owner, find(sets, TypeNS))
}

// checkGlueAt refuses an operator's delegation whose name servers can't be found without glue, and have none (RFC 9471 §3.1).
func (x *Exec) checkGlueAt(zone, owner string, ns *RRset) *Failure {
	t := x.mustTLD(zone)
	for _, d := range ns.Data {
		name, ok := plainName(d)
		if !ok || name != owner && !below(name, owner) || x.own(&t, name) {
			continue
		}
		at := x.operated(zone, name)
		if find(at, TypeA) == nil && find(at, TypeAAAA) == nil {
			return Fail(ParameterPolicy, "records", owner, "the name server %s is found by its addresses only: set its A or AAAA records as well", name)
		}
	}
	return nil
}

// validOwner is ValidName for any records: a label may begin with an underscore (RFC 8552), and the first be a wildcard.
func validOwner(name string) bool {
	if name == "" || len(name) > MaxName {
		return false
	}
	for i, label := range strings.Split(name, ".") {
		if i == 0 && label == "*" {
			continue
		}
		if !validLabel(strings.TrimPrefix(label, "_")) || len(label) > MaxLabel {
			return false
		}
	}
	return true
}
