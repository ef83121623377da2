package publisher

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"

	"quorate/fsm/registry"
)

// rsaBits is the size of RSA keys that are made: what RFC 8624's MUST is used with.
const rsaBits = 2048

// minRSABits is the least size of RSA keys that are taken (RFC 6781 §3.4.2, RST dnssec-14).
const minRSABits = 2048

// ErrKey says that a key is of no use here.
var ErrKey = errors.New("not a key that zones can be signed with")

// Generate makes a key for an algorithm.
func Generate(algorithm uint8) (crypto.Signer, error) {
	switch algorithm {
	case registry.RSASHA256:
		return rsa.GenerateKey(rand.Reader, rsaBits)
	case registry.ECDSAP256SHA256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case registry.ECDSAP384SHA384:
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case registry.ED25519:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	}
	return nil, fmt.Errorf("%w: algorithm %d", ErrKey, algorithm)
}

// publicKey is a key's public part as in DNSKEY's RDATA (RFC 3110 §2, RFC 6605 §4, RFC 8080 §3), if it fits the algorithm.
func publicKey(algorithm uint8, key crypto.PublicKey) ([]byte, error) {
	switch k := key.(type) {
	case *rsa.PublicKey:
		if algorithm != registry.RSASHA256 || k.N.BitLen() < minRSABits || k.N.BitLen() > 4096 {
			return nil, fmt.Errorf("%w: an RSA key of %d bits for algorithm %d", ErrKey, k.N.BitLen(), algorithm)
		}
		exponent := big.NewInt(int64(k.E)).Bytes()
		return append(append([]byte{byte(len(exponent))}, exponent...), k.N.Bytes()...), nil
	case *ecdsa.PublicKey:
		want := map[uint8]elliptic.Curve{registry.ECDSAP256SHA256: elliptic.P256(), registry.ECDSAP384SHA384: elliptic.P384()}[algorithm]
		point, err := k.Bytes()
		if err != nil || want == nil || k.Curve != want {
			return nil, fmt.Errorf("%w: an ECDSA key for algorithm %d", ErrKey, algorithm)
		}
		return point[1:], nil // without the mark of an uncompressed point
	case ed25519.PublicKey:
		if algorithm != registry.ED25519 {
			return nil, fmt.Errorf("%w: an Ed25519 key for algorithm %d", ErrKey, algorithm)
		}
		return k, nil
	}
	return nil, fmt.Errorf("%w: %T", ErrKey, key)
}

// Sealer keeps private keys out of the state.
type Sealer interface {
	Seal(plain []byte) ([]byte, error)
	Open(sealed []byte) ([]byte, error)
}

// Seal makes the registry's form of a private key; its times are for the caller to set.
func Seal(s Sealer, zone string, algorithm uint8, flags uint16, roles registry.Roles, key crypto.Signer) (k registry.ZoneKey, err error) {
	k = registry.ZoneKey{Zone: zone, Flags: flags, Algorithm: algorithm, Roles: roles}
	if k.Public, err = publicKey(algorithm, key.Public()); err != nil {
		return k, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return k, fmt.Errorf("%w: %w", ErrKey, err)
	}
	k.Tag = registry.KeyTag(k.RData())
	k.Sealed, err = s.Seal(der)
	return k, err
}

// Open opens a private key.
func Open(s Sealer, k *registry.ZoneKey) (crypto.Signer, error) {
	der, err := s.Open(k.Sealed)
	if err != nil {
		return nil, fmt.Errorf("key %d of %s: %w", k.Tag, k.Zone, err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("key %d of %s: %w: %w", k.Tag, k.Zone, ErrKey, err)
	}
	signer, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("key %d of %s: %w", k.Tag, k.Zone, ErrKey)
	}
	return signer, nil
}

// sign signs data in DNSSEC's form of the algorithm's signatures (RFC 3110 §3, RFC 6605 §4, RFC 8080 §4). Equal data have equal
// signatures, whichever node makes them.
func sign(algorithm uint8, key crypto.Signer, data []byte) ([]byte, error) {
	var hash crypto.Hash
	var digest []byte
	switch algorithm {
	case registry.RSASHA256, registry.ECDSAP256SHA256:
		sum := sha256.Sum256(data)
		hash, digest = crypto.SHA256, sum[:]
	case registry.ECDSAP384SHA384:
		sum := sha512.Sum384(data)
		hash, digest = crypto.SHA384, sum[:]
	case registry.ED25519:
		digest = data
	}
	signature, err := key.Sign(nil, digest, hash)
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	if k, ok := key.(*ecdsa.PrivateKey); ok {
		return rawECDSA(signature, (k.Curve.Params().BitSize+7)/8)
	}
	return signature, nil
}

// rawECDSA is an ECDSA signature as two numbers of size octets, of its ASN.1 form.
func rawECDSA(der []byte, size int) ([]byte, error) {
	raw := make([]byte, 2*size)
	bad := fmt.Errorf("signing: a malformed signature of %d octets", len(der))
	if len(der) < 2 || der[0] != 0x30 || int(der[1]) != len(der)-2 {
		return nil, bad
	}
	rest := der[2:]
	for i := range 2 {
		if len(rest) < 2 || rest[0] != 2 || len(rest) < 2+int(rest[1]) {
			return nil, bad
		}
		n := rest[2 : 2+rest[1]]
		for len(n) > 0 && n[0] == 0 {
			n = n[1:]
		}
		if len(n) > size {
			return nil, bad
		}
		copy(raw[(i+1)*size-len(n):], n)
		rest = rest[2+rest[1]:]
	}
	return raw, nil
}

// rrsig is an RRSIG's RDATA without its signature (RFC 4034 §3.1).
func rrsig(covers uint16, algorithm uint8, labels uint8, ttl, expiration, inception uint32, tag uint16, signer []byte) []byte {
	b := make([]byte, 0, 18+len(signer)+64)
	b = binary.BigEndian.AppendUint16(b, covers)
	b = append(b, algorithm, labels)
	for _, n := range []uint32{ttl, expiration, inception} {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	b = binary.BigEndian.AppendUint16(b, tag)
	return append(b, signer...)
}
