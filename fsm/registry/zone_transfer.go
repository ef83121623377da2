package registry

import (
	"slices"

	"quorate/fsm/store"
)

// Who may copy a zone from the registry's own servers, and who is told of new serials: policy, and so state.

// Bounds on what is read for each transfer and each signed query.
const (
	// MaxTSIGKeys is how many keys a cluster may have: a few for each secondary operator.
	MaxTSIGKeys = 256
	// MaxSecondaries is how many secondaries a zone may have.
	MaxSecondaries = 64
	// MaxNotified is how many addresses a secondary may be told at.
	MaxNotified = 8
	// MaxPrefixes is how many networks a secondary may come from.
	MaxPrefixes = 64
	// maxSealedSecret bounds a sealed secret in octets: 128 of a secret (RFC 2104 §3: longer ones are hashed), and what sealing adds.
	maxSealedSecret = 256
)

// TSIGAlgorithms are those that keys may have (RFC 8945 §6, without MD5 and SHA-1).
var TSIGAlgorithms = []string{"hmac-sha256", "hmac-sha384", "hmac-sha512"}

// TSIGKey is a secret shared with who transfers zones (RFC 8945).
type TSIGKey struct {
	Name      string `cbor:"1,keyasint"` // a domain name in lower case, no final dot
	Algorithm string `cbor:"2,keyasint"` // one of TSIGAlgorithms
	Secret    []byte `cbor:"3,keyasint"` // sealed under the key-encryption key
	Created   Time   `cbor:"4,keyasint"`
	Updated   Time   `cbor:"5,keyasint,omitempty"`
	LastEvent uint64 `cbor:"6,keyasint"`
}

// Endpoint is where a server listens.
type Endpoint struct {
	Address []byte `cbor:"1,keyasint"` // 4 or 16 octets
	Port    uint16 `cbor:"2,keyasint"`
}

// Secondary is a name server, not one of ours, that serves a zone from copies that it transfers.
type Secondary struct {
	Zone      string     `cbor:"1,keyasint"`
	Name      string     `cbor:"2,keyasint"`           // what operators call it: a domain name in lower case
	Notify    []Endpoint `cbor:"3,keyasint,omitempty"` // where it is told of new serials (RFC 1996)
	Networks  []Network  `cbor:"4,keyasint,omitempty"` // whence it may transfer; none: from anywhere, with Key
	Key       string     `cbor:"5,keyasint,omitempty"` // the TSIG key that it must sign with, and NOTIFY is signed with; "": none
	Created   Time       `cbor:"6,keyasint"`
	Updated   Time       `cbor:"7,keyasint,omitempty"`
	LastEvent uint64     `cbor:"8,keyasint"`
}

var (
	tsigKeys    = store.DeclareSince[TSIGKey](3, 75, "tsig_keys", false)     // name
	secondaries = store.DeclareSince[Secondary](3, 76, "secondaries", false) // zone, name
)

func secondaryKey(zone, name string) store.Key { return zoneKey(zone).Name(name).End() }

// TSIGKey returns the key called name.
func (v *View) TSIGKey(name string) (TSIGKey, bool) { return tsigKeys.Get(v.r, nameKey(name)) }

// TSIGKeys are all keys, in canonical order.
func (v *View) TSIGKeys() (all []TSIGKey) {
	tsigKeys.Scan(v.r, nil, nil, func(_ []byte, k TSIGKey) bool { all = append(all, k); return true })
	return all
}

// Secondary returns a zone's secondary called name.
func (v *View) Secondary(zone, name string) (Secondary, bool) {
	return secondaries.Get(v.r, secondaryKey(zone, name))
}

// Secondaries are a zone's secondaries, in canonical order; of zone "" those of all zones.
func (v *View) Secondaries(zone string) (all []Secondary) {
	var prefix store.Key
	if zone != "" {
		prefix = zoneKey(zone)
	}
	secondaries.Scan(v.r, prefix, nil, func(_ []byte, s Secondary) bool { all = append(all, s); return true })
	return all
}

// MayTransfer says whether a client at an address (4 or 16 octets), whose query the TSIG key called key has
// signed ("": none), is one of the zone's secondaries.
func (v *View) MayTransfer(zone string, address []byte, key string) bool {
	for _, s := range v.Secondaries(zone) {
		if s.lets(address, key) {
			return true
		}
	}
	return false
}

func (s *Secondary) lets(address []byte, key string) bool {
	if s.Key != "" && s.Key != key || s.Key == "" && len(s.Networks) == 0 {
		return false
	}
	return len(s.Networks) == 0 || slices.ContainsFunc(s.Networks, func(n Network) bool { return n.holds(address) })
}

// TSIGPut makes a key, or replaces its algorithm and secret.
type TSIGPut struct {
	Name      string `cbor:"1,keyasint"`
	Algorithm string `cbor:"2,keyasint"`
	Secret    []byte `cbor:"3,keyasint"` // sealed
}

// tsigPut fails with 2201, 2005, 2004, 2308.
func (x *Exec) tsigPut(c TSIGPut) (Code, any, *Failure) {
	if fail := x.mayOperate(); fail != nil {
		return 0, nil, fail
	}
	switch {
	case !ValidName(c.Name):
		return 0, nil, Fail(ParameterSyntax, "name", c.Name, "a key's name is a domain name in lower case")
	case !slices.Contains(TSIGAlgorithms, c.Algorithm):
		return 0, nil, Fail(ParameterRange, "algorithm", c.Algorithm, "the algorithms are %v", TSIGAlgorithms)
	case len(c.Secret) == 0 || len(c.Secret) > maxSealedSecret:
		return 0, nil, Fail(ParameterRange, "secret", "", "a sealed secret has 1 to %d octets", maxSealedSecret)
	}
	k, exists := x.TSIGKey(c.Name)
	if !exists && len(x.TSIGKeys()) >= MaxTSIGKeys {
		return 0, nil, Fail(DataPolicyViolation, "name", c.Name, "there are %d keys, as many as there may be", MaxTSIGKeys)
	}
	if exists {
		before := k
		k.Algorithm, k.Secret, k.Updated = c.Algorithm, c.Secret, x.Now
		x.recordEvent("tsig:update", k.Name, 0, &k.LastEvent, before, k)
	} else {
		k = TSIGKey{Name: c.Name, Algorithm: c.Algorithm, Secret: c.Secret, Created: x.Now}
		x.recordEvent("tsig:create", k.Name, 0, &k.LastEvent, nil, k)
	}
	tsigKeys.Put(x.tx, nameKey(k.Name), k)
	return Success, nil, nil
}

// TSIGDelete removes a key that no secondary needs.
type TSIGDelete struct {
	Name string `cbor:"1,keyasint"`
}

// tsigDelete fails with 2201, 2303, 2305.
func (x *Exec) tsigDelete(c TSIGDelete) (Code, any, *Failure) {
	if fail := x.mayOperate(); fail != nil {
		return 0, nil, fail
	}
	k, exists := x.TSIGKey(c.Name)
	if !exists {
		return 0, nil, Fail(ObjectDoesNotExist, "name", c.Name, "there is no such key")
	}
	for _, s := range x.Secondaries("") {
		if s.Key == k.Name {
			return 0, nil, Fail(AssociationProhibits, "name", c.Name, "secondary %s of %s needs the key", s.Name, s.Zone)
		}
	}
	last := k.LastEvent
	x.recordEvent("tsig:delete", k.Name, 0, &last, k, nil)
	tsigKeys.Delete(x.tx, nameKey(k.Name))
	return Success, nil, nil
}

// SecondaryPut makes a secondary of a zone, or replaces it.
type SecondaryPut struct {
	Secondary Secondary `cbor:"1,keyasint"` // Created, Updated and LastEvent are set here
}

// secondaryPut fails with 2201, 2303, 2005, 2004, 2306, 2308.
func (x *Exec) secondaryPut(c SecondaryPut) (Code, any, *Failure) {
	if fail := x.mayOperate(); fail != nil {
		return 0, nil, fail
	}
	s := c.Secondary
	if _, ok := x.Zone(s.Zone); !ok {
		return 0, nil, Fail(ObjectDoesNotExist, "zone", s.Zone, "there is no such zone")
	}
	if fail := s.check(); fail != nil {
		return 0, nil, fail
	}
	if _, ok := x.TSIGKey(s.Key); s.Key != "" && !ok {
		return 0, nil, Fail(ObjectDoesNotExist, "key", s.Key, "there is no such TSIG key")
	}
	before, exists := x.Secondary(s.Zone, s.Name)
	if !exists && len(x.Secondaries(s.Zone)) >= MaxSecondaries {
		return 0, nil, Fail(DataPolicyViolation, "name", s.Name, "the zone has %d secondaries, as many as it may", MaxSecondaries)
	}
	s.Created, s.Updated, s.LastEvent = x.Now, 0, 0
	if exists {
		s.Created, s.Updated, s.LastEvent = before.Created, x.Now, before.LastEvent
		x.recordEvent("secondary:update", s.Zone+" "+s.Name, 0, &s.LastEvent, before, s)
	} else {
		x.recordEvent("secondary:create", s.Zone+" "+s.Name, 0, &s.LastEvent, nil, s)
	}
	secondaries.Put(x.tx, secondaryKey(s.Zone, s.Name), s)
	return Success, nil, nil
}

func (s *Secondary) check() *Failure {
	switch {
	case !ValidName(s.Name):
		return Fail(ParameterSyntax, "name", s.Name, "a secondary's name is a domain name in lower case")
	case len(s.Notify) > MaxNotified:
		return Fail(ParameterRange, "notify", "", "a secondary is told at up to %d addresses", MaxNotified)
	case len(s.Networks) > MaxPrefixes:
		return Fail(ParameterRange, "networks", "", "a secondary comes from up to %d networks", MaxPrefixes)
	case len(s.Notify) == 0 && len(s.Networks) == 0 && s.Key == "":
		return Fail(ParameterPolicy, "networks", "", "a secondary has networks or a key to transfer with, or addresses to be told at")
	}
	for _, e := range s.Notify {
		if len(e.Address) != 4 && len(e.Address) != 16 || e.Port == 0 {
			return Fail(ParameterSyntax, "notify", "", "not an address of 4 or 16 octets with a port")
		}
	}
	for _, n := range s.Networks {
		if fail := n.check(); fail != nil {
			return fail
		}
	}
	return nil
}

// SecondaryDelete removes a secondary: it may transfer the zone no more.
type SecondaryDelete struct {
	Zone string `cbor:"1,keyasint"`
	Name string `cbor:"2,keyasint"`
}

// secondaryDelete fails with 2201, 2303.
func (x *Exec) secondaryDelete(c SecondaryDelete) (Code, any, *Failure) {
	if fail := x.mayOperate(); fail != nil {
		return 0, nil, fail
	}
	s, exists := x.Secondary(c.Zone, c.Name)
	if !exists {
		return 0, nil, Fail(ObjectDoesNotExist, "name", c.Name, "the zone has no such secondary")
	}
	last := s.LastEvent
	x.recordEvent("secondary:delete", s.Zone+" "+s.Name, 0, &last, s, nil)
	secondaries.Delete(x.tx, secondaryKey(s.Zone, s.Name))
	return Success, nil, nil
}
