package registry

import (
	"bytes"
	"fmt"
	"slices"

	"quorate/fsm/store"
)

// ZoneKey is a key of a zone. What it does at a time follows from its timeline (RFC 7583 §3.1): whoever
// rolls keys only writes times.
type ZoneKey struct {
	Zone      string   `cbor:"1,keyasint"`
	Number    uint64   `cbor:"2,keyasint"` // within the zone, never used again
	Flags     uint16   `cbor:"3,keyasint"` // 257 with SEP, 256 without (RFC 4034 §2.1.1)
	Algorithm uint8    `cbor:"4,keyasint"`
	Tag       uint16   `cbor:"5,keyasint"`           // RFC 4034, appendix B
	Public    []byte   `cbor:"6,keyasint"`           // as in DNSKEY's RDATA
	Sealed    []byte   `cbor:"7,keyasint,omitempty"` // the private key (PKCS #8), under the cluster's key-encryption key; none for a key of somebody else
	Roles     Roles    `cbor:"8,keyasint"`
	Times     KeyTimes `cbor:"9,keyasint"`
	LastEvent uint64   `cbor:"10,keyasint"`
}

// Roles say what a key signs.
type Roles uint8

// The roles of keys.
const (
	SignsKeys Roles = 1 << iota // the DNSKEY, CDS and CDNSKEY RRsets
	SignsZone                   // everything else
)

// KeyTimes is a key's timeline. A time of nought has not been decided. Usually a key is published, active, retired
// and removed in this order; where the algorithm changes a new key is active before it is published, and an old one
// removed before it is retired (RFC 6781 §4.1.4).
type KeyTimes struct {
	Created   Time `cbor:"1,keyasint"`
	Published Time `cbor:"2,keyasint,omitempty"` // in the DNSKEY RRset from then on
	Active    Time `cbor:"3,keyasint,omitempty"` // makes signatures
	Retired   Time `cbor:"4,keyasint,omitempty"` // makes none any more
	Removed   Time `cbor:"5,keyasint,omitempty"` // out of the DNSKEY RRset
}

// KeyState is what a key does at a time (RFC 7583 §3.1).
type KeyState uint8

// The states of keys.
const (
	KeyGenerated KeyState = iota
	KeyPublished
	KeyActive
	KeyRetired
	KeyRemoved
	KeySigning // makes signatures and is not in the DNSKEY RRset, yet or any more: of an algorithm that comes or goes
)

// String is the state's name.
func (s KeyState) String() string {
	return [...]string{"generated", "published", "active", "retired", "removed", "signing"}[s]
}

// State is what the key does at a time.
func (k *ZoneKey) State(now Time) KeyState {
	reached := func(t Time) bool { return t != 0 && t <= now }
	t := k.Times
	inZone := reached(t.Published) && !reached(t.Removed)
	signs := reached(t.Active) && !reached(t.Retired) && (!reached(t.Removed) || t.Retired != 0)
	switch {
	case inZone && signs:
		return KeyActive
	case inZone && reached(t.Retired):
		return KeyRetired
	case inZone:
		return KeyPublished
	case signs:
		return KeySigning
	case reached(t.Removed):
		return KeyRemoved
	}
	return KeyGenerated
}

// InZone says whether the key is in the DNSKEY RRset at a time.
func (k *ZoneKey) InZone(now Time) bool {
	s := k.State(now)
	return s == KeyPublished || s == KeyActive || s == KeyRetired
}

// Signs says whether the key makes signatures at a time.
func (k *ZoneKey) Signs(now Time) bool {
	s := k.State(now)
	return len(k.Sealed) > 0 && (s == KeyActive || s == KeySigning)
}

// RData is the key's DNSKEY record's.
func (k *ZoneKey) RData() []byte { return dnskey(k.Flags, k.Algorithm, k.Public) }

// Flags of keys.
const (
	FlagsZSK uint16 = 256
	FlagsKSK uint16 = 257
)

// MaxZoneKeys bounds the keys that a zone has had and has.
const MaxZoneKeys = 1000

// maxPublishedKeys bounds a DNSKEY RRset: two algorithms, each in the middle of a rollover of both keys, and somebody else's.
const maxPublishedKeys = 12

var (
	zoneKeys   = store.DeclareSince[ZoneKey](3, 29, "zone_keys", false).Kept()  // zone, number
	zoneKeyDue = store.DeclareSince[store.Empty](3, 70, "zone_keys_due", false) // time, zone, number: a key's state changes
)

// ZoneKeys are a zone's keys, in the order of their coming.
func (v *View) ZoneKeys(zone string) (all []ZoneKey) {
	if v.Level() < 3 {
		return nil
	}
	zoneKeys.Scan(v.r, zoneKey(zone), nil, func(_ []byte, k ZoneKey) bool { all = append(all, k); return true })
	return all
}

// Signers are the keys that sign for a zone now, in an order that all nodes share.
func (v *View) Signers(zone string) (all []ZoneKey) {
	return signersAt(v.ZoneKeys(zone), v.Now())
}

// CanSignZone says whether those of a zone's signers that are in its DNSKEY RRset cover both roles.
func CanSignZone(signers []ZoneKey, now Time) bool {
	var roles Roles
	for _, k := range signers {
		if k.InZone(now) {
			roles |= k.Roles
		}
	}
	return roles == SignsKeys|SignsZone
}

// ZoneKeyAdd gives a zone keys.
type ZoneKeyAdd struct {
	Zone  string    `cbor:"1,keyasint"`
	Keys  []ZoneKey `cbor:"2,keyasint"`           // Number, Times.Created and LastEvent are set here; with First the other times, too
	First bool      `cbor:"3,keyasint,omitempty"` // the zone's first keys, made by the leader itself: refused if there are active ones
}

// zoneKeyAdd fails with 2201, 2303, 2302, 2005, 2306, 2308.
func (x *Exec) zoneKeyAdd(a ZoneKeyAdd) (Code, any, *Failure) {
	if x.Actor.Role != RoleOperator && (x.Actor.Role != RoleNode || !a.First) {
		return 0, nil, Fail(AuthorizationError, "", "", "only an operator may do this")
	}
	if _, ok := x.ZonePolicy(a.Zone); !ok {
		return 0, nil, Fail(ObjectDoesNotExist, "zone", a.Zone, "there is no such zone, or it has no policy yet")
	}
	if a.First && CanSignZone(x.Signers(a.Zone), x.Now) {
		return 0, nil, Fail(ObjectExists, "keys", a.Zone, "the zone has active keys")
	}
	have := x.ZoneKeys(a.Zone)
	if len(have)+len(a.Keys) > MaxZoneKeys || len(a.Keys) == 0 {
		return 0, nil, Fail(DataPolicyViolation, "keys", "", "a zone has at most %d keys, and here come %d", MaxZoneKeys, len(a.Keys))
	}
	for _, k := range a.Keys {
		if fail := checkKey(&k); fail != nil {
			return 0, nil, fail
		}
		if slices.ContainsFunc(have, func(h ZoneKey) bool {
			return h.Algorithm == k.Algorithm && bytes.Equal(h.Public, k.Public)
		}) {
			return 0, nil, Fail(ObjectExists, "keys", fmt.Sprint(k.Tag), "the zone has this key")
		}
		k.Zone, k.Number, k.Times.Created = a.Zone, uint64(len(have)+1), x.Now
		if a.First {
			k.Times = KeyTimes{Created: x.Now, Published: x.Now, Active: x.Now}
		}
		if !a.First { // without which the zone can't be published at all
			if fail := x.checkAlgorithm(&k, nil); fail != nil {
				return 0, nil, fail
			}
		}
		have = append(have, k)
		x.putKey(nil, &k)
	}
	return Success, nil, x.checkKeys(a.Zone)
}

func checkKey(k *ZoneKey) *Failure {
	t := k.Times
	switch {
	case len(k.Public) == 0 || len(k.Public) > 1024 || len(k.Sealed) > 8192:
		return Fail(ParameterSyntax, "public", "", "not a public key")
	case k.Tag != KeyTag(k.RData()):
		return Fail(ParameterSyntax, "tag", fmt.Sprint(k.Tag), "the key's tag is %d", KeyTag(k.RData()))
	case k.Flags != FlagsKSK && k.Flags != FlagsZSK || k.Roles == 0 || k.Roles > SignsKeys|SignsZone:
		return Fail(ParameterPolicy, "flags", fmt.Sprint(k.Flags), "a key has flags 256 or 257, and a role")
	case k.Roles&SignsKeys != 0 && k.Flags != FlagsKSK:
		return Fail(ParameterPolicy, "flags", fmt.Sprint(k.Flags), "a key that signs keys has flags 257")
	case !CanSign(k.Algorithm) && len(k.Sealed) > 0:
		return Fail(ParameterRange, "algorithm", fmt.Sprint(k.Algorithm), "zones are signed with algorithm 8, 13, 14 or 15")
	}
	for _, begin := range []Time{t.Published, t.Active} {
		for _, end := range []Time{t.Retired, t.Removed} {
			if end != 0 && begin > end {
				return Fail(ParameterPolicy, "times", "", "a key is published and active before it is retired and removed")
			}
		}
	}
	if t.Active != 0 && len(k.Sealed) == 0 {
		return Fail(ParameterPolicy, "times", "", "the private part of an active key is here")
	}
	return nil
}

// putKey stores a key, with the times at which the zone must follow it.
func (x *Exec) putKey(before, k *ZoneKey) {
	if before != nil {
		for _, at := range before.Times.all() {
			zoneKeyDue.Delete(x.tx, numberKey(uint64(at)).Text(k.Zone).Uint(k.Number))
		}
		x.recordEvent("zone:key", fmt.Sprintf("%s/%d", k.Zone, k.Number), 0, &k.LastEvent, *before, *k)
	} else {
		x.recordEvent("zone:key", fmt.Sprintf("%s/%d", k.Zone, k.Number), 0, &k.LastEvent, nil, *k)
	}
	for _, at := range k.Times.all() {
		if at > x.Now {
			zoneKeyDue.Put(x.tx, numberKey(uint64(at)).Text(k.Zone).Uint(k.Number), store.Empty{})
		}
	}
	zoneKeys.Put(x.tx, zoneKey(k.Zone).Uint(k.Number), *k)
	x.dirtyKeys(k.Zone)
}

// dirtyKeys marks what follows from a zone's keys, here and in the zone that delegates it.
func (x *Exec) dirtyKeys(zone string) {
	x.dirty(zone, zone)
	x.dirtyAbove(zone)
}

// dirtyAbove marks a zone where it is delegated, if that is in another zone of this registry.
func (x *Exec) dirtyAbove(zone string) {
	if above := x.zoneAbove(zone); above != "" {
		x.dirty(above, zone)
	}
}

func (t KeyTimes) all() (all []Time) {
	for _, at := range []Time{t.Published, t.Active, t.Retired, t.Removed} {
		if at != 0 {
			all = append(all, at)
		}
	}
	return all
}

// checkKeys refuses a DNSKEY RRset that no answer could hold.
func (x *Exec) checkKeys(zone string) *Failure {
	published := 0
	for _, k := range x.ZoneKeys(zone) {
		if k.InZone(x.Now) {
			published++
		}
	}
	if published > maxPublishedKeys {
		return Fail(DataPolicyViolation, "keys", "", "a zone has at most %d keys published", maxPublishedKeys)
	}
	return nil
}

// ZoneKeySet writes a key's timeline.
type ZoneKeySet struct {
	Zone   string   `cbor:"1,keyasint"`
	Number uint64   `cbor:"2,keyasint"`
	Times  KeyTimes `cbor:"3,keyasint"`           // Created stays as it is
	Force  bool     `cbor:"4,keyasint,omitempty"` // even if the zone can't be signed any more, or there are signatures by the key
	Base   uint64   `cbor:"5,keyasint,omitempty"` // LastEvent of the key that the times were worked out from; 0: whatever it is
}

// zoneKeySet fails with 2201, 2303, 2304, 2005, 2306, 2308.
func (x *Exec) zoneKeySet(s ZoneKeySet) (Code, any, *Failure) {
	if x.Actor.Role != RoleOperator && x.Actor.Role != RoleNode {
		return 0, nil, Fail(AuthorizationError, "", "", "only an operator may do this")
	}
	if x.Level() < 3 {
		return 0, nil, Fail(UnimplementedCommand, "", "", "this needs level 3")
	}
	k, ok := zoneKeys.Get(x.tx, zoneKey(s.Zone).Uint(s.Number))
	if !ok {
		return 0, nil, Fail(ObjectDoesNotExist, "key", fmt.Sprint(s.Number), "there is no such key")
	}
	if s.Base != 0 && s.Base != k.LastEvent {
		return 0, nil, Fail(ObjectStatusProhibits, "base", "", "somebody else has changed the key meanwhile")
	}
	before := k
	s.Times.Created = k.Times.Created
	k.Times = s.Times
	if fail := checkKey(&k); fail != nil {
		return 0, nil, fail
	}
	was := x.ZoneKeys(s.Zone)
	if !s.Force {
		if fail := x.checkAlgorithm(&k, &before); fail != nil {
			return 0, nil, fail
		}
		if fail := x.checkRemoval(&k, &before); fail != nil {
			return 0, nil, fail
		}
	}
	x.putKey(&before, &k)
	if !s.Force {
		if fail := x.checkSigners(was, x.ZoneKeys(s.Zone)); fail != nil {
			return 0, nil, fail
		}
	}
	return Success, nil, x.checkKeys(s.Zone)
}

// checkSigners refuses that there comes a time, now or later, at which a zone's keys can't sign it, though as they were they could have.
// The leader would make others then, which no parent knows.
func (x *Exec) checkSigners(was, are []ZoneKey) *Failure {
	times := []Time{x.Now}
	for _, k := range are {
		for _, at := range k.Times.all() {
			if at > x.Now {
				times = append(times, at)
			}
		}
	}
	slices.Sort(times)
	for _, at := range times {
		switch {
		case CanSignZone(signersAt(are, at), at) || !CanSignZone(signersAt(was, at), at):
		case at == x.Now:
			return Fail(ParameterPolicy, "times", "", "without this key the zone can't be signed")
		default:
			return Fail(ParameterPolicy, "times", "", "the zone can't be signed from %s on: no other key does what this one did", at)
		}
	}
	return nil
}

func signersAt(keys []ZoneKey, at Time) (all []ZoneKey) {
	for _, k := range keys {
		if k.Signs(at) {
			all = append(all, k)
		}
	}
	return all
}

// signsAll says whether all that is published is signed by a key: it signs since before the edition was begun, or
// for longer than any signature is good, or since before any other key has.
func (x *Exec) signsAll(k *ZoneKey, keys []ZoneKey) bool {
	active := k.Times.Active
	if !k.Signs(x.Now) || k.Roles&SignsZone == 0 {
		return false
	}
	if p, _ := x.ZonePolicy(k.Zone); active+p.Validity <= x.Now || active < x.editionBegun(k.Zone) {
		return true
	}
	return !slices.ContainsFunc(keys, func(o ZoneKey) bool {
		return o.Roles&SignsZone != 0 && o.Times.Active != 0 && o.Times.Active < active
	})
}

// editionBegun is when the making of a zone's published edition began.
func (x *Exec) editionBegun(zone string) Time {
	z, _ := x.Zone(zone)
	if z.Generation == 0 {
		return 0
	}
	return x.generation(zone, z.Generation).Begun
}

// checkAlgorithm keeps to what RFC 4035 §2.2 wants, and validators have insisted on: of each algorithm in the DNSKEY RRset there
// is a signature over everything in the zone. So an algorithm's signatures come before its first key, and its last key goes before
// they do (RFC 6781 §4.1.4). before is the key as it was; nil if it is new.
func (x *Exec) checkAlgorithm(k, before *ZoneKey) *Failure {
	if z, _ := x.Zone(k.Zone); z.Generation == 0 || !x.edition(&z).form.Signed {
		return nil
	}
	keys := x.ZoneKeys(k.Zone)
	same := func(o ZoneKey) bool { return o.Algorithm == k.Algorithm }
	others := slices.DeleteFunc(slices.Clone(keys), func(o ZoneKey) bool { return !o.InZone(x.Now) || o.Number == k.Number })
	if len(others) == 0 {
		return nil // there is nothing to validate by yet, or any more
	}
	if k.Times.Published != 0 && (before == nil || before.Times.Published != k.Times.Published) && !slices.ContainsFunc(others, same) {
		signing := k.Times.Active != 0 && before != nil && x.signsAll(before, keys) ||
			slices.ContainsFunc(keys, func(o ZoneKey) bool { return same(o) && o.Number != k.Number && x.signsAll(&o, keys) })
		if !signing {
			return Fail(ParameterPolicy, "times", "", "everything must be signed with algorithm %d before a key of it is published: have the key active, sign the zone anew, and then publish it", k.Algorithm)
		}
	}
	retired := k.Times.Retired
	if retired == 0 || before == nil || before.Times.Retired == retired || k.Roles&SignsZone == 0 {
		return nil
	}
	if !slices.ContainsFunc(keys, func(o ZoneKey) bool {
		return same(o) && o.Number != k.Number && o.Roles&SignsZone != 0 && o.Signs(retired)
	}) {
		all := append(slices.DeleteFunc(others, func(o ZoneKey) bool { return !same(o) }), *k)
		for _, o := range all {
			if o.Times.Removed == 0 || o.Times.Removed > retired {
				return Fail(ParameterPolicy, "times", "", "no key signs with algorithm %d then, and key %d of it is in the zone still: it must be removed before", k.Algorithm, o.Number)
			}
		}
	}
	return nil
}

// checkRemoval refuses that a key goes by which something in the zone may be validated, and nothing else.
func (x *Exec) checkRemoval(k, before *ZoneKey) *Failure {
	removed, retired := k.Times.Removed, k.Times.Retired
	if removed == 0 || removed == before.Times.Removed && retired == before.Times.Retired || before.Times.Active == 0 || len(k.Sealed) == 0 || k.Roles&SignsZone == 0 {
		return nil
	}
	p, _ := x.ZonePolicy(k.Zone)
	if retired != 0 && (removed >= retired+p.Validity || retired <= x.Now && retired < x.editionBegun(k.Zone)) {
		return nil // nothing of what it signed is left
	}
	keys := x.ZoneKeys(k.Zone)
	for _, o := range keys {
		if o.Number != k.Number && o.InZone(removed) && o.Signs(removed) && x.signsAll(&o, keys) {
			return nil // all of it is signed by another
		}
	}
	return Fail(ParameterPolicy, "times", "",
		"what the key has signed would no longer be good: a key is removed %d hours after it is retired, when its last signature has ended, or when everything is signed by another key (quorate dnssec sign --anew)", p.Validity/Hour)
}

// keysDue marks the zones of at most max keys whose state has changed.
func (x *Exec) keysDue(max int) {
	type row struct {
		key  store.Key
		zone string
	}
	var rows []row
	zoneKeyDue.Scan(x.tx, nil, nil, func(key []byte, _ store.Empty) bool {
		if Time(store.LastUint(key[:8])) > x.Now {
			return false
		}
		rows = append(rows, row{slices.Clone(key), string(key[8 : len(key)-9])})
		return len(rows) < max
	})
	for _, r := range rows {
		zoneKeyDue.Delete(x.tx, r.key)
		x.dirtyKeys(r.zone)
	}
}

// keySets are the apex's RRsets that follow from a zone's keys.
func keySets(p *ZonePolicy, form Form, keys []ZoneKey, now Time) (sets []RRset) {
	if !form.Signed {
		return nil
	}
	key := RRset{Owner: p.Zone, Type: TypeDNSKEY, TTL: p.KeyTTL}
	cds, cdnskey := RRset{Owner: p.Zone, Type: TypeCDS, TTL: p.KeyTTL}, RRset{Owner: p.Zone, Type: TypeCDNSKEY, TTL: p.KeyTTL}
	for _, k := range keys {
		if !k.InZone(now) {
			continue
		}
		key.Data = append(key.Data, k.RData())
		if k.Roles&SignsKeys != 0 && k.State(now) == KeyActive && !p.NoCDS {
			cds.Data = append(cds.Data, DSOf(p.Zone, k.RData(), DigestSHA256))
			cdnskey.Data = append(cdnskey.Data, k.RData())
		}
	}
	for _, s := range []RRset{key, cds, cdnskey} {
		if len(s.Data) > 0 {
			slices.SortFunc(s.Data, bytes.Compare)
			sets = append(sets, s)
		}
	}
	if !form.NSEC {
		sets = append(sets, RRset{Owner: p.Zone, Type: TypeNSEC3PARAM, Data: [][]byte{{hashSHA1, 0, 0, 0, 0}}})
	}
	return sets
}
