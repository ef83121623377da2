package registry

import (
	"fmt"

	"quorate/fsm/store"
)

// ZonePolicy is how a zone is published. A zone without one was opened before level 3: it is
// unsigned, and goes on as it began until an operator gives it a policy (ZoneSet).
type ZonePolicy struct {
	Zone      string  `cbor:"1,keyasint"`
	Form      Form    `cbor:"2,keyasint"`
	Algorithm uint8   `cbor:"3,keyasint"`  // of keys that are made (RFC 8624 §3.1)
	Combined  bool    `cbor:"4,keyasint"`  // keys that are made are combined (RFC 6781 §3.1); otherwise KSK and ZSK apart
	Validity  Time    `cbor:"5,keyasint"`  // from signing to a signature's end, at most
	Jitter    Time    `cbor:"6,keyasint"`  // by how much less, at most, so that not all end at once
	Refresh   Time    `cbor:"7,keyasint"`  // a signature that ends sooner is replaced
	Inception Time    `cbor:"8,keyasint"`  // how long before its making a signature begins: others' clocks
	KeyTTL    uint32  `cbor:"9,keyasint"`  // of DNSKEY, CDS and CDNSKEY, in seconds
	Wildcards bool    `cbor:"10,keyasint"` // operators' records may stand at wildcards
	NoCDS     bool    `cbor:"11,keyasint"` // CDS and CDNSKEY (RFC 7344) are left out
	Breaker   Breaker `cbor:"12,keyasint"`
	Updated   Time    `cbor:"13,keyasint"`
	LastEvent uint64  `cbor:"14,keyasint"`
}

// Form is what an edition of a zone is made as.
type Form struct {
	Signed bool `cbor:"1,keyasint"`
	NSEC   bool `cbor:"2,keyasint"` // denial by NSEC (RFC 4034 §4); otherwise NSEC3 without salt and iterations (RFC 9276 §3.1)
	OptOut bool `cbor:"3,keyasint"` // unsigned delegations are left out of the chain (RFC 5155 §6)
}

// Breaker holds removals back when there are suddenly many: those beyond a
// share of the zone within a window wait for an operator's word.
type Breaker struct {
	Share  uint32 `cbor:"1,keyasint"` // thousandths of the delegations that there were; 1000: it never trips
	Least  uint64 `cbor:"2,keyasint"` // so many may go in any case
	Window Time   `cbor:"3,keyasint"`
}

// DNSSEC algorithms (RFC 8624 §3.1) that zones can be signed with.
const (
	RSASHA256       uint8 = 8
	ECDSAP256SHA256 uint8 = 13
	ECDSAP384SHA384 uint8 = 14
	ED25519         uint8 = 15
)

// CanSign says whether zones can be signed with an algorithm.
func CanSign(algorithm uint8) bool {
	return algorithm == RSASHA256 || algorithm >= ECDSAP256SHA256 && algorithm <= ED25519
}

// What a policy says that isn't told otherwise.
const (
	defaultJitter    = 3 * Day
	defaultInception = Hour
	defaultKeyTTL    = 3600
	// signatureReserve is by how much a signature that is not replaced yet outlives what secondaries keep after
	// they have lost us (SOA expire), so that none of them serves what has expired.
	signatureReserve = Day
	// refreshLag is how late a signature may be renewed: their ends are kept to the hour (expiryUnit), and the work takes its time.
	refreshLag = 2 * Hour
)

var (
	zonePolicies = store.DeclareSince[ZonePolicy](3, 24, "zone_policies", false).Kept() // name
)

// DefaultPolicy is the policy of new zones: signed, NSEC3 without opt-out, one combined key of
// ECDSA P-256. Signatures outlive the SOA's expire time.
func DefaultPolicy(t *TLD) ZonePolicy {
	refresh := Time(t.SOA.Expire)*Second + signatureReserve
	return ZonePolicy{
		Zone: t.Name, Form: Form{Signed: true}, Algorithm: ECDSAP256SHA256, Combined: true,
		Validity: refresh + 2*defaultJitter, Jitter: defaultJitter, Refresh: refresh, Inception: defaultInception, KeyTTL: defaultKeyTTL,
		Breaker: Breaker{Share: 50, Least: 50, Window: Hour},
	}
}

// ZonePolicy returns a zone's policy; ok is false for a zone that is as before level 3.
func (v *View) ZonePolicy(zone string) (p ZonePolicy, ok bool) {
	if v.Level() < 3 {
		return p, false
	}
	return zonePolicies.Get(v.r, nameKey(zone))
}

// ZoneSet gives a zone a policy. One that asks for another form, or Anew, has the zone made anew
// in the background; until that is whole the zone goes on as it is.
type ZoneSet struct {
	Policy ZonePolicy `cbor:"1,keyasint"`           // Updated and LastEvent are set here; LastEvent, unless nought, is that of the policy from which this one was made
	Anew   bool       `cbor:"2,keyasint,omitempty"` // also when the form is as it was
}

// zoneSet fails with 2201, 2303, 2304, 2004, 2306.
func (x *Exec) zoneSet(s ZoneSet) (Code, any, *Failure) {
	if fail := x.mayOperate(); fail != nil {
		return 0, nil, fail
	}
	p := s.Policy
	z, ok := x.Zone(p.Zone)
	if !ok {
		return 0, nil, Fail(ObjectDoesNotExist, "zone", p.Zone, "there is no such zone")
	}
	tld := x.mustTLD(p.Zone)
	if fail := checkPolicy(&p, &tld); fail != nil {
		return 0, nil, fail
	}
	before, had := x.ZonePolicy(p.Zone)
	if p.LastEvent != 0 && p.LastEvent != before.LastEvent {
		return 0, nil, Fail(ObjectStatusProhibits, "base", "", "somebody else has changed the zone's policy meanwhile")
	}
	p.Updated, p.LastEvent = x.Now, before.LastEvent
	if had {
		x.recordEvent("zone:set", p.Zone, 0, &p.LastEvent, before, p)
	} else {
		x.recordEvent("zone:set", p.Zone, 0, &p.LastEvent, nil, p)
	}
	zonePolicies.Put(x.tx, nameKey(p.Zone), p)
	switch now := x.edition(&z); {
	case z.Building != 0 && x.generation(z.Name, z.Building).Form != p.Form:
		x.abandon(&z)
		fallthrough
	case s.Anew || !had || now.form != p.Form:
		if z.Building == 0 && (s.Anew || !had || now.form != p.Form) {
			x.build(&z, p.Form)
		}
	}
	zones.Put(x.tx, nameKey(z.Name), z)
	x.dirty(z.Name, z.Name) // TTLs, CDS
	x.dirtyAbove(z.Name)    // DS, which goes before the signatures do
	return Success, nil, nil
}

func checkPolicy(p *ZonePolicy, t *TLD) *Failure {
	switch {
	case !CanSign(p.Algorithm):
		return Fail(ParameterRange, "algorithm", fmt.Sprint(p.Algorithm), "zones are signed with algorithm 8, 13, 14 or 15")
	case p.Form.OptOut && (p.Form.NSEC || !p.Form.Signed), p.Form.NSEC && !p.Form.Signed:
		return Fail(ParameterPolicy, "denial", "", "opt-out is a form of NSEC3, and there is no denial without signatures")
	case p.Jitter < 0 || p.Refresh <= 0 || p.Validity > MaxValidity || p.Validity-p.Jitter < p.Refresh+MinSigningInterval:
		return Fail(ParameterRange, "validity", "", "validity less jitter must be at least a day more than refresh, and validity at most a year")
	case p.Form.Signed && !p.outlives(t):
		return Fail(ParameterRange, "refresh", "", "a secondary may serve for as long as the SOA's expire time, %d s: signatures must be replaced %d hours earlier before their end", t.SOA.Expire, refreshLag/Hour)
	case p.Inception < Hour || p.Inception > Day:
		return Fail(ParameterRange, "inception", "", "a signature begins an hour to a day before its making")
	case p.KeyTTL < 60 || p.KeyTTL > 7*86400:
		return Fail(ParameterRange, "key_ttl", "", "a TTL of keys is a minute to a week")
	case p.Breaker.Share > 1000 || p.Breaker.Window < Minute || p.Breaker.Window > 30*Day:
		return Fail(ParameterRange, "breaker", "", "a share is at most 1000 thousandths, a window a minute to 30 days")
	}
	return nil
}

// SignatureLife is for how long signatures over the DS records of a domain are good, at most, whose maxSigLife is
// wish (seconds; 0: none).
func (p *ZonePolicy) SignatureLife(wish uint32) Time {
	if wish == 0 {
		return p.Validity
	}
	return min(p.Validity, max(Time(wish)*Second, p.LeastLife()))
}

// LeastLife is for how long any signature is good, at least: less, and it would have to be renewed before it was made.
func (p *ZonePolicy) LeastLife() Time { return p.Refresh + MinSigningInterval }

// outlives says whether no signature ends while a secondary that has lost us may still serve the zone (RFC 1035 §3.3.13, expire).
func (p *ZonePolicy) outlives(t *TLD) bool {
	return p.Refresh >= Time(t.SOA.Expire)*Second+refreshLag
}

// checkExpire refuses an expire time of a zone that its signatures would not outlive.
func (x *Exec) checkExpire(t *TLD) *Failure {
	p, ok := x.ZonePolicy(t.Name)
	if !ok || !p.Form.Signed && !x.PublishedForm(t.Name).Signed || p.outlives(t) {
		return nil
	}
	return Fail(ParameterRange, "soa.expire", fmt.Sprint(t.SOA.Expire),
		"signatures are renewed %d hours before their end: a secondary that has lost us would serve expired ones. First have them renewed earlier (quorate dnssec sign --refresh)", p.Refresh/Hour)
}

// Bounds of policies.
const (
	// MaxValidity is the longest life of a signature: far from where its 32-bit times wrap (RFC 4034 §3.1.5).
	MaxValidity = 366 * Day
	// MinSigningInterval is the least time between a signature's making and its replacement.
	MinSigningInterval = Day
)
