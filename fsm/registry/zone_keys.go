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

// KeyTimes is a key's timeline. A time of nought has not been decided.
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
)

// String is the state's name.
func (s KeyState) String() string {
	return [...]string{"generated", "published", "active", "retired", "removed"}[s]
}

// State is what the key does at a time.
func (k *ZoneKey) State(now Time) KeyState {
	reached := func(t Time) bool { return t != 0 && t <= now }
	switch t := k.Times; {
	case reached(t.Removed):
		return KeyRemoved
	case !reached(t.Published):
		return KeyGenerated
	case reached(t.Retired):
		return KeyRetired
	case reached(t.Active):
		return KeyActive
	}
	return KeyPublished
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
	now := v.Now()
	for _, k := range v.ZoneKeys(zone) {
		if k.State(now) == KeyActive && len(k.Sealed) > 0 {
			all = append(all, k)
		}
	}
	return all
}

// CanSignZone says whether a zone's active keys cover both roles.
func CanSignZone(signers []ZoneKey) bool {
	var roles Roles
	for _, k := range signers {
		roles |= k.Roles
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
	if a.First && CanSignZone(x.Signers(a.Zone)) {
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
	last := Time(0)
	for _, at := range []Time{t.Published, t.Active, t.Retired, t.Removed} {
		if at == 0 {
			continue
		}
		if at < last {
			return Fail(ParameterPolicy, "times", "", "a key is published, active, retired and removed in this order")
		}
		last = at
	}
	if t.Active != 0 && t.Published == 0 || t.Active != 0 && len(k.Sealed) == 0 {
		return Fail(ParameterPolicy, "times", "", "an active key is published, and its private part is here")
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
		if s := k.State(x.Now); s != KeyGenerated && s != KeyRemoved {
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
}

// zoneKeySet fails with 2201, 2303, 2005, 2306, 2308.
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
	before := k
	s.Times.Created = k.Times.Created
	k.Times = s.Times
	if fail := checkKey(&k); fail != nil {
		return 0, nil, fail
	}
	could := CanSignZone(x.Signers(s.Zone))
	p, _ := x.ZonePolicy(s.Zone)
	if removed, retired := k.Times.Removed, k.Times.Retired; !s.Force && removed != 0 && before.Times.Active != 0 && len(k.Sealed) > 0 &&
		(retired == 0 || removed < retired+p.Validity) && k.Roles&SignsZone != 0 {
		return 0, nil, Fail(ParameterPolicy, "times", "", "a key is removed when its last signature has ended, %d hours after it is retired, or what it signed is no longer good", p.Validity/Hour)
	}
	x.putKey(&before, &k)
	if could && !s.Force && !CanSignZone(x.Signers(s.Zone)) {
		return 0, nil, Fail(ParameterPolicy, "times", "", "without this key the zone can't be signed")
	}
	return Success, nil, x.checkKeys(s.Zone)
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
		s := k.State(now)
		if s == KeyGenerated || s == KeyRemoved {
			continue
		}
		key.Data = append(key.Data, k.RData())
		if k.Roles&SignsKeys != 0 && s == KeyActive && !p.NoCDS {
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
