package registry

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
)

// Limits of what a domain can hold for DNSSEC.
const (
	// DefaultDomainDS is how many DS records or keys a domain may have where its TLD says nothing: two keys
	// and their successors during a rollover of algorithms, with two digests each.
	DefaultDomainDS = 8
	// MaxDomainDS is the most that a TLD may allow: 32 DS records and their signatures stay below what fits a referral over TCP by far.
	MaxDomainDS = 32
	// MaxDigest bounds a digest, in octets: the longest that IANA lists has 48.
	MaxDigest = 64
	// MaxPublicKey bounds a public key, in octets: RSA of 4096 bits with a long exponent.
	MaxPublicKey = 1024 + 3
	// DefaultSigLife bounds maxSigLife, in seconds, where a domain's TLD says nothing: a quarter of a year. No signature is valid for longer.
	DefaultSigLife = 90 * 24 * 60 * 60
)

// DNSSECInterface is the form in which a TLD takes what secures its delegations (RFC 5910 §4).
type DNSSECInterface uint8

// The interfaces.
const (
	DSInterface  DNSSECInterface = iota // DS records
	KeyInterface                        // keys, of which the registry makes DS records
)

// DSData is what a DS record holds (RFC 5910 §4.1, RFC 4034 §5.1).
type DSData struct {
	KeyTag     uint16      `cbor:"1,keyasint"`
	Algorithm  uint8       `cbor:"2,keyasint"`
	DigestType uint8       `cbor:"3,keyasint"`
	Digest     []byte      `cbor:"4,keyasint"`
	Key        *DNSKeyData `cbor:"5,keyasint,omitempty"` // the key that it is the digest of, if the client told
}

// DNSKeyData is what a DNSKEY record holds (RFC 5910 §4.2, RFC 4034 §2.1).
type DNSKeyData struct {
	Flags     uint16 `cbor:"1,keyasint"`
	Protocol  uint8  `cbor:"2,keyasint"`
	Algorithm uint8  `cbor:"3,keyasint"`
	PublicKey []byte `cbor:"4,keyasint"`
}

// String is the record's RDATA in presentation form (RFC 4034 §5.3).
func (d DSData) String() string {
	return fmt.Sprintf("%d %d %d %X", d.KeyTag, d.Algorithm, d.DigestType, d.Digest)
}

// wire is the record's RDATA (RFC 4034 §5.1).
func (d DSData) wire() []byte {
	b := binary.BigEndian.AppendUint16(nil, d.KeyTag)
	return append(append(b, d.Algorithm, d.DigestType), d.Digest...)
}

// wire is the record's RDATA (RFC 4034 §2.1).
func (k DNSKeyData) wire() []byte {
	b := binary.BigEndian.AppendUint16(nil, k.Flags)
	return append(append(b, k.Protocol, k.Algorithm), k.PublicKey...)
}

// Tag is the key's tag (RFC 4034, appendix B).
func (k DNSKeyData) Tag() uint16 { return KeyTag(k.wire()) }

// DS is the DS record of the key at owner; ok is false for digest types that can't be made here.
func (k DNSKeyData) DS(owner string, digestType uint8) (d DSData, ok bool) {
	d = DSData{KeyTag: k.Tag(), Algorithm: k.Algorithm, DigestType: digestType}
	if digestType != DigestSHA256 && digestType != DigestSHA384 {
		return d, false
	}
	d.Digest = DSOf(owner, k.wire(), digestType)[4:]
	return d, true
}

func compareDS(a, b DSData) int {
	return cmp.Or(cmp.Compare(a.KeyTag, b.KeyTag), cmp.Compare(a.Algorithm, b.Algorithm), cmp.Compare(a.DigestType, b.DigestType), bytes.Compare(a.Digest, b.Digest))
}

func compareKeys(a, b DNSKeyData) int {
	return cmp.Or(cmp.Compare(a.Flags, b.Flags), cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Algorithm, b.Algorithm), bytes.Compare(a.PublicKey, b.PublicKey))
}

// DSRecords are the DS records of a domain: as its sponsor gave them, or made of its keys.
func (d *Domain) DSRecords() []DSData {
	if len(d.Keys) == 0 {
		return d.DS
	}
	records := make([]DSData, 0, len(d.Keys))
	for _, k := range d.Keys {
		ds, _ := k.DS(d.Name, DigestSHA256)
		records = append(records, ds)
	}
	return records
}

// dsSet are a domain's DS records, in wire form and canonical order (RFC 4034 §6.3).
func dsSet(d *Domain) (data [][]byte) {
	for _, ds := range d.DSRecords() {
		data = append(data, ds.wire())
	}
	slices.SortFunc(data, bytes.Compare)
	return data
}

// sameDS says whether two states of a domain lead to the same DS records.
func sameDS(a, b *Domain) bool {
	return slices.EqualFunc(dsSet(a), dsSet(b), bytes.Equal)
}

// secDNS is a change of what secures a delegation.
type secDNS struct {
	addDS, removeDS     []DSData
	addKeys, removeKeys []DNSKeyData
	removeAll           bool
	maxSigLife          *uint32 // seconds; nil: as it is
}

func (c secDNS) empty() bool {
	return len(c.addDS)+len(c.removeDS)+len(c.addKeys)+len(c.removeKeys) == 0 && !c.removeAll && c.maxSigLife == nil
}

// secure changes a domain's DS records or keys: what is removed is removed
// before anything is added (RFC 5910 §5.2.5). It fails with 2004, 2005, 2306.
func (d *Domain) secure(tld *TLD, c secDNS) (fail *Failure) {
	if c.maxSigLife != nil {
		if limit := tld.SigLife(); *c.maxSigLife < 1 || *c.maxSigLife > limit {
			return Fail(ParameterRange, "secDNS:maxSigLife", fmt.Sprint(*c.maxSigLife), "a signature's lifetime is from 1 to %d seconds here", limit)
		}
		d.MaxSigLife = *c.maxSigLife
	}
	if c.removeAll {
		d.DS, d.Keys = nil, nil
	}
	if d.DS, fail = changeSorted(d.DS, c.addDS, c.removeDS, compareDS, "secDNS:dsData", func(ds DSData) string { return fmt.Sprint(ds.KeyTag) }); fail != nil {
		return fail
	}
	if d.Keys, fail = changeSorted(d.Keys, c.addKeys, c.removeKeys, compareKeys, "secDNS:keyData", func(k DNSKeyData) string { return fmt.Sprint(k.Tag()) }); fail != nil {
		return fail
	}
	if len(c.addDS)+len(c.addKeys) == 0 {
		return nil
	}
	element, limit := "secDNS:dsData", tld.DomainDS()
	if len(c.addKeys) > 0 {
		element = "secDNS:keyData"
	}
	switch {
	case tld.DNSSEC == KeyInterface && len(c.addDS) > 0:
		return Fail(ParameterPolicy, "secDNS:dsData", "", "the TLD takes keys, in keyData, not DS records")
	case tld.DNSSEC == DSInterface && len(c.addKeys) > 0:
		return Fail(ParameterPolicy, element, "", "the TLD takes DS records, in dsData, not keys")
	case len(d.DS) > 0 && len(d.Keys) > 0:
		// The TLD's interface is another since the domain was secured.
		return Fail(ParameterPolicy, element, "", "a domain has either DS records or keys: remove all of the others with the same command")
	case len(d.DS)+len(d.Keys) > limit:
		return Fail(ParameterPolicy, element, "", "a domain has at most %d DS records or keys", limit)
	}
	for _, ds := range c.addDS {
		if fail := ds.check(); fail != nil {
			return fail
		}
	}
	for _, k := range c.addKeys {
		if fail := k.check(); fail != nil {
			return fail
		}
	}
	return nil
}

// check refuses what no record can hold. Which algorithms and digests are
// good enough is not for the rules of the log: the front doors know the lists of today.
func (d DSData) check() *Failure {
	if len(d.Digest) == 0 || len(d.Digest) > MaxDigest {
		return Fail(ParameterSyntax, "secDNS:digest", "", "a digest has 1 to %d octets", MaxDigest)
	}
	if d.Key != nil {
		return d.Key.check()
	}
	return nil
}

func (k DNSKeyData) check() *Failure {
	if len(k.PublicKey) == 0 || len(k.PublicKey) > MaxPublicKey {
		return Fail(ParameterSyntax, "secDNS:pubKey", "", "a public key has 1 to %d octets", MaxPublicKey)
	}
	return nil
}

// changeSorted removes members of a sorted set, which must be there, and then adds others, which must not.
func changeSorted[T any](has, add, remove []T, compare func(a, b T) int, element string, value func(T) string) ([]T, *Failure) {
	result := slices.Clone(has)
	for _, v := range remove {
		at, found := slices.BinarySearchFunc(result, v, compare)
		if !found {
			return nil, Fail(ParameterPolicy, element, value(v), "the domain does not have this")
		}
		result = slices.Delete(result, at, at+1)
	}
	for _, v := range add {
		at, found := slices.BinarySearchFunc(result, v, compare)
		if found {
			return nil, Fail(ParameterPolicy, element, value(v), "the domain has this already, or it is named twice")
		}
		result = slices.Insert(result, at, v)
	}
	return result, nil
}

// DomainDS is how many DS records or keys a domain may have.
func (t *TLD) DomainDS() int { return int(cmp.Or(t.MaxDS, DefaultDomainDS)) }

// SigLife is the longest maxSigLife, in seconds.
func (t *TLD) SigLife() uint32 { return cmp.Or(t.MaxSigLife, DefaultSigLife) }

// checkDNSSEC refuses policies for DNSSEC that make no sense.
func (t *TLD) checkDNSSEC() *Failure {
	switch {
	case t.DNSSEC > KeyInterface:
		return Fail(ParameterRange, "dnssec_interface", fmt.Sprint(t.DNSSEC), "no such interface")
	case t.MaxDS > MaxDomainDS:
		return Fail(ParameterRange, "max_ds", fmt.Sprint(t.MaxDS), "at most %d", MaxDomainDS)
	case t.MaxSigLife > 1<<31-1:
		return Fail(ParameterRange, "max_sig_life", fmt.Sprint(t.MaxSigLife), "at most %d seconds", 1<<31-1)
	}
	return nil
}
