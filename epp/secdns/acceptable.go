package secdns

import (
	"bytes"

	"quorate/epp/xmltree"
	"quorate/fsm/registry"
)

// The digest types of DS records that are accepted, with their length in octets
// (IANA, "Delegation Signer (DS) Resource Record (RR) Type Digest Algorithms").
var digests = map[uint8]int{
	2: 32, // SHA-256 (RFC 4509)
	4: 48, // SHA-384 (RFC 6605)
	5: 32, // GOST R 34.11-2012 (RFC 9558)
	6: 32, // SM3 (RFC 9563)
}

// refusedDigests are assigned and not accepted: anybody who can make collisions could make them for a key of his own.
var refusedDigests = map[uint8]string{
	1:   "SHA-1 is too weak (RFC 8624 §3.3)",
	3:   "GOST R 34.11-94 is obsolete (RFC 9906)",
	253: "private digests mean nothing to others",
	254: "private digests mean nothing to others",
}

// algorithm says what a public key of a DNSSEC algorithm looks like: a fixed length in octets, or a form.
type algorithm struct {
	octets int
	form   func(key []byte) bool
}

// algorithms are those that are accepted: all that IANA has assigned for signing zones ("DNS Security Algorithm Numbers").
// The older ones are weak, but a zone is its owner's, and resolvers decide what they believe.
var algorithms = map[uint8]algorithm{
	3:  {form: isDSA},    // DSA/SHA1 (RFC 2536)
	5:  {form: isRSA},    // RSA/SHA-1 (RFC 3110)
	6:  {form: isDSA},    // DSA-NSEC3-SHA1 (RFC 5155)
	7:  {form: isRSA},    // RSASHA1-NSEC3-SHA1 (RFC 5155)
	8:  {form: isRSA},    // RSA/SHA-256 (RFC 5702)
	10: {form: isRSA},    // RSA/SHA-512 (RFC 5702)
	12: {octets: 64},     // GOST R 34.10-2001 (RFC 5933)
	13: {octets: 2 * 32}, // ECDSA P-256 (RFC 6605)
	14: {octets: 2 * 48}, // ECDSA P-384 (RFC 6605)
	15: {octets: 32},     // Ed25519 (RFC 8080)
	16: {octets: 57},     // Ed448 (RFC 8080)
	17: {octets: 64},     // SM2 (RFC 9563)
	23: {octets: 64},     // GOST R 34.10-2012 (RFC 9558)
}

// refusedAlgorithms are assigned and not accepted.
var refusedAlgorithms = map[uint8]string{
	1:   "RSA/MD5 must not be used (RFC 6944 §2.3)",
	2:   "Diffie-Hellman signs no zones",
	252: "indirect keys sign no zones",
	253: "private algorithms mean nothing to others",
	254: "private algorithms mean nothing to others",
}

const (
	// secureEntryPoint are the flags of a zone's key that DS records may point to, not revoked (RFC 4034 §2.1.1, RFC 5011 §7).
	secureEntryPoint = 257
	// protocolDNSSEC is the only value of a key's protocol field (RFC 4034 §2.1.2).
	protocolDNSSEC = 3
)

// acceptable refuses what is to be added to a domain and isn't good enough: 2004 for what nothing is assigned to,
// 2306 for what is assigned and refused, 2005 for octets that can't be what they are said to be.
func (x *reader) acceptable(domain string, s secured) {
	for i := range s.ds {
		x.acceptableDS(domain, &s.dsElements[i], s.ds[i])
	}
	for i := range s.keys {
		x.acceptableKey(&s.keyElements[i], s.keys[i])
	}
}

func (x *reader) acceptableDS(domain string, e *xmltree.Element, ds registry.DSData) {
	x.algorithm(e, ds.Algorithm)
	if why, assigned := refusedDigests[ds.DigestType]; assigned {
		x.Refuse(registry.ParameterPolicy, child(e, "digestType"), "%s", why)
	}
	length, known := digests[ds.DigestType]
	if !known {
		x.Refuse(registry.ParameterRange, child(e, "digestType"), "no digest has this number")
	}
	if len(ds.Digest) != length {
		x.Refuse(registry.ParameterSyntax, child(e, "digest"), "a digest of type %d has %d octets, not %d", ds.DigestType, length, len(ds.Digest))
	}
	if ds.Key == nil {
		return
	}
	x.acceptableKey(child(e, "keyData"), *ds.Key)
	made, can := ds.Key.DS(domain, ds.DigestType)
	if made.KeyTag != ds.KeyTag || made.Algorithm != ds.Algorithm || can && !bytes.Equal(made.Digest, ds.Digest) {
		x.Refuse(registry.ParameterPolicy, e, "this is no DS record of the key with it, whose tag is %d", made.KeyTag)
	}
}

func (x *reader) acceptableKey(e *xmltree.Element, k registry.DNSKeyData) {
	if k.Flags != secureEntryPoint {
		x.Refuse(registry.ParameterPolicy, child(e, "flags"), "only a secure entry point secures a delegation: flags %d", secureEntryPoint)
	}
	if k.Protocol != protocolDNSSEC {
		x.Refuse(registry.ParameterRange, child(e, "protocol"), "a key's protocol is %d", protocolDNSSEC)
	}
	x.algorithm(e, k.Algorithm)
	a, known := algorithms[k.Algorithm]
	if !known {
		return
	}
	if a.form != nil && !a.form(k.PublicKey) || a.form == nil && len(k.PublicKey) != a.octets {
		x.Refuse(registry.ParameterSyntax, child(e, "pubKey"), "not a public key of algorithm %d", k.Algorithm)
	}
}

func (x *reader) algorithm(e *xmltree.Element, number uint8) {
	if why, assigned := refusedAlgorithms[number]; assigned {
		x.Refuse(registry.ParameterPolicy, child(e, "alg"), "%s", why)
	} else if _, known := algorithms[number]; !known {
		x.Refuse(registry.ParameterRange, child(e, "alg"), "no algorithm has this number")
	}
}

// child is a child of e, or e itself if a document that isn't valid lacks it.
func child(e *xmltree.Element, name string) *xmltree.Element {
	if c := e.Child(name); c != nil {
		return c
	}
	return e
}

// isRSA says whether key is of the form of RFC 3110 §2: the exponent's length in one octet or, after a zero, two; the
// exponent; and a modulus of 512 to 4096 bits without leading zeros.
func isRSA(key []byte) bool {
	if len(key) < 1 {
		return false
	}
	length, rest := int(key[0]), key[1:]
	if length == 0 {
		if len(rest) < 2 {
			return false
		}
		length, rest = int(rest[0])<<8|int(rest[1]), rest[2:]
	}
	if length == 0 || length >= len(rest) {
		return false
	}
	exponent, modulus := rest[:length], rest[length:]
	return exponent[0] != 0 && modulus[0] != 0 && len(exponent) <= len(modulus) && len(modulus) >= 512/8 && len(modulus) <= 4096/8
}

// isDSA says whether key is of the form of RFC 2536 §2: T, Q of 20 octets, and P, G and Y of 64+8T each.
func isDSA(key []byte) bool {
	return len(key) > 0 && key[0] <= 8 && len(key) == 1+20+3*(64+8*int(key[0]))
}
