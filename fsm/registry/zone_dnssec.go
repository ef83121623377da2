package registry

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base32"
	"encoding/binary"
	"slices"
	"strings"
)

// Record types of DNSSEC, and of what operators add (IANA, "Resource Record (RR) TYPEs").
const (
	TypeCNAME      uint16 = 5
	TypeDNAME      uint16 = 39
	TypeDS         uint16 = 43
	TypeRRSIG      uint16 = 46
	TypeNSEC       uint16 = 47
	TypeDNSKEY     uint16 = 48
	TypeNSEC3      uint16 = 50
	TypeNSEC3PARAM uint16 = 51
	TypeCDS        uint16 = 59
	TypeCDNSKEY    uint16 = 60
)

const (
	hashSHA1   = 1 // the only hash of NSEC3 (RFC 5155 §11)
	flagOptOut = 1 // RFC 5155 §3.1.2.1
	// protocolDNSSEC is the only value of a key's protocol field (RFC 4034 §2.1.2).
	protocolDNSSEC = 3
)

var base32hex = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// hashName is the hash of a name for NSEC3, without salt and further iterations (RFC 5155 §5, RFC 9276 §3.1).
func hashName(name string) []byte {
	sum := sha1.Sum(wireName(name))
	return sum[:]
}

// hashOwner is the owner of the NSEC3 record of a hash (RFC 5155 §3).
func hashOwner(hash []byte, zone string) string { return base32hex.EncodeToString(hash) + "." + zone }

// parseHashLabel undoes hashOwner.
func parseHashLabel(owner string) ([]byte, bool) {
	label, _, _ := strings.Cut(owner, ".")
	hash, err := base32hex.DecodeString(label)
	return hash, err == nil && len(hash) == sha1.Size
}

// nsec3Head is an NSEC3's RDATA before the next hash: hash, flags, iterations, no salt, length of the hash (RFC 5155 §3.2).
func nsec3Head(optOut bool) []byte {
	head := []byte{hashSHA1, 0, 0, 0, 0, sha1.Size}
	if optOut {
		head[1] = flagOptOut
	}
	return head
}

const nsec3Next = 6 // where the next hash begins

// typeBitmap has the types that are at a name (RFC 4034 §4.1.2).
func typeBitmap(types []uint16) (b []byte) {
	types = slices.Compact(slices.Sorted(slices.Values(types)))
	for len(types) > 0 {
		window := types[0] >> 8
		var bits [32]byte
		length := 0
		for len(types) > 0 && types[0]>>8 == window {
			low := types[0] & 0xff
			bits[low/8] |= 0x80 >> (low % 8)
			length = int(low/8) + 1
			types = types[1:]
		}
		b = append(append(b, byte(window), byte(length)), bits[:length]...)
	}
	return b
}

// wireLength is the length of the name in wire form that data begins with; 0 if it doesn't.
func wireLength(data []byte) int {
	for i := 0; i < len(data); i += 1 + int(data[i]) {
		if data[i] == 0 {
			return i + 1
		}
	}
	return 0
}

// dnskey is a key's RDATA (RFC 4034 §2.1).
func dnskey(flags uint16, algorithm uint8, public []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, flags)
	return append(append(b, protocolDNSSEC, algorithm), public...)
}

// KeyTag is the tag of a DNSKEY's RDATA (RFC 4034, appendix B).
func KeyTag(rdata []byte) uint16 {
	sum := uint32(0)
	for i, b := range rdata {
		if i&1 == 0 {
			sum += uint32(b) << 8
		} else {
			sum += uint32(b)
		}
	}
	return uint16(sum + sum>>16)
}

// Digests of DS records (RFC 8624 §3.3) that are made here.
const (
	DigestSHA256 uint8 = 2
	DigestSHA384 uint8 = 4
)

// DSOf is the RDATA of the DS record of a key at a name (RFC 4034 §5.1).
func DSOf(name string, rdata []byte, digest uint8) []byte {
	b := binary.BigEndian.AppendUint16(nil, KeyTag(rdata))
	b = append(b, rdata[3], digest)
	over := append(wireName(name), rdata...)
	if digest == DigestSHA384 {
		sum := sha512.Sum384(over)
		return append(b, sum[:]...)
	}
	sum := sha256.Sum256(over)
	return append(b, sum[:]...)
}
