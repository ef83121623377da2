package publisher

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"

	"quorate/fsm/registry"
)

// MaxKeyFile bounds a private key's file, in octets: RSA of 4096 bits in base64, with comments.
const MaxKeyFile = 16 << 10

// keyFormat begins a private key's file as BIND, ldns, Knot and OpenDNSSEC know it.
const keyFormat = "Private-key-format: v1."

var algorithmNames = map[uint8]string{
	registry.RSASHA256: "RSASHA256", registry.ECDSAP256SHA256: "ECDSAP256SHA256", registry.ECDSAP384SHA384: "ECDSAP384SHA384", registry.ED25519: "ED25519",
}

// ParsePrivate reads a private key: BIND's form (K*.private), or PEM with PKCS #8, SEC 1 (RFC 5915) or PKCS #1 (RFC 8017, appendix A.1.2),
// which say nothing of the algorithm, so that RSA is taken for RSASHA256.
func ParsePrivate(text []byte) (algorithm uint8, key crypto.Signer, err error) {
	if len(text) > MaxKeyFile {
		return 0, nil, fmt.Errorf("%w: a file of %d octets", ErrKey, len(text))
	}
	if block, rest := pem.Decode(text); block != nil {
		for block.Type == "EC PARAMETERS" { // OpenSSL writes the curve before the key
			if block, rest = pem.Decode(rest); block == nil {
				return 0, nil, fmt.Errorf("%w: parameters of a curve, and no key", ErrKey)
			}
		}
		algorithm, key, err = parsePEM(block)
	} else {
		algorithm, key, err = parseBIND(text)
	}
	if err != nil {
		return 0, nil, err
	}
	_, err = publicKey(algorithm, key.Public())
	return algorithm, key, err
}

func parsePEM(block *pem.Block) (algorithm uint8, key crypto.Signer, err error) {
	if block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "" {
		return 0, nil, fmt.Errorf("%w: it is encrypted with a password: decrypt it first (openssl pkey -in FILE -out PLAIN)", ErrKey)
	}
	var parsed any
	switch block.Type {
	case "EC PRIVATE KEY":
		parsed, err = x509.ParseECPrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		parsed, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "PRIVATE KEY":
		parsed, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	default:
		return 0, nil, fmt.Errorf("%w: a private key is needed, and this is PEM of %q", ErrKey, block.Type)
	}
	if err != nil {
		return 0, nil, fmt.Errorf("%w: %w", ErrKey, err)
	}
	switch k := parsed.(type) {
	case *rsa.PrivateKey:
		return registry.RSASHA256, k, nil
	case *ecdsa.PrivateKey:
		if k.Curve == elliptic.P384() {
			return registry.ECDSAP384SHA384, k, nil
		}
		return registry.ECDSAP256SHA256, k, nil
	case ed25519.PrivateKey:
		return registry.ED25519, k, nil
	}
	return 0, nil, fmt.Errorf("%w: %T", ErrKey, parsed)
}

func parseBIND(text []byte) (algorithm uint8, key crypto.Signer, err error) {
	fields := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	first := true
	for lines.Scan() {
		if first && !strings.HasPrefix(lines.Text(), keyFormat) {
			return 0, nil, fmt.Errorf("%w: neither PEM nor %q", ErrKey, keyFormat)
		}
		first = false
		name, value, _ := strings.Cut(lines.Text(), ":")
		fields[strings.ToLower(strings.TrimSpace(name))] = strings.TrimSpace(value)
	}
	var number int
	if _, err := fmt.Sscanf(fields["algorithm"], "%d", &number); err != nil || number < 0 || number > 255 {
		return 0, nil, fmt.Errorf("%w: algorithm %q", ErrKey, fields["algorithm"])
	}
	algorithm = uint8(number)
	octets := func(name string) []byte {
		b, failed := base64.StdEncoding.DecodeString(fields[name])
		if failed != nil || len(b) == 0 {
			err = fmt.Errorf("%w: %s is missing or not base64", ErrKey, name)
		}
		return b
	}
	switch algorithm {
	case registry.ECDSAP256SHA256, registry.ECDSAP384SHA384:
		curve, size := elliptic.P256(), 32
		if algorithm == registry.ECDSAP384SHA384 {
			curve, size = elliptic.P384(), 48
		}
		d := octets("privatekey")
		if err != nil {
			return 0, nil, err
		}
		if len(d) > size {
			return 0, nil, fmt.Errorf("%w: a private key of %d octets", ErrKey, len(d))
		}
		private, err := ecdsa.ParseRawPrivateKey(curve, append(make([]byte, size-len(d)), d...))
		if err != nil {
			return 0, nil, fmt.Errorf("%w: %w", ErrKey, err)
		}
		return algorithm, private, nil
	case registry.ED25519:
		seed := octets("privatekey")
		if err != nil {
			return 0, nil, err
		}
		if len(seed) != ed25519.SeedSize {
			return 0, nil, fmt.Errorf("%w: a private key of %d octets", ErrKey, len(seed))
		}
		return algorithm, ed25519.NewKeyFromSeed(seed), nil
	case registry.RSASHA256:
		n := func(name string) *big.Int { return new(big.Int).SetBytes(octets(name)) }
		e := n("publicexponent")
		k := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: n("modulus")}, D: n("privateexponent"), Primes: []*big.Int{n("prime1"), n("prime2")}}
		if err != nil {
			return 0, nil, err
		}
		if !e.IsInt64() || e.Int64() > 1<<31-1 {
			return 0, nil, fmt.Errorf("%w: an exponent of %d bits", ErrKey, e.BitLen())
		}
		k.E = int(e.Int64())
		if err := k.Validate(); err != nil {
			return 0, nil, fmt.Errorf("%w: %w", ErrKey, err)
		}
		k.Precompute()
		return algorithm, k, nil
	}
	return 0, nil, fmt.Errorf("%w: algorithm %d", ErrKey, algorithm)
}

// FormatPrivate writes a private key in BIND's form.
func FormatPrivate(algorithm uint8, key crypto.Signer) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s3\nAlgorithm: %d (%s)\n", keyFormat, algorithm, algorithmNames[algorithm])
	line := func(name string, octets []byte) {
		fmt.Fprintf(&b, "%s: %s\n", name, base64.StdEncoding.EncodeToString(octets))
	}
	switch k := key.(type) {
	case *ecdsa.PrivateKey:
		d, err := k.Bytes()
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrKey, err)
		}
		line("PrivateKey", d)
	case ed25519.PrivateKey:
		line("PrivateKey", k.Seed())
	case *rsa.PrivateKey:
		line("Modulus", k.N.Bytes())
		line("PublicExponent", big.NewInt(int64(k.E)).Bytes())
		line("PrivateExponent", k.D.Bytes())
		line("Prime1", k.Primes[0].Bytes())
		line("Prime2", k.Primes[1].Bytes())
		k.Precompute()
		line("Exponent1", k.Precomputed.Dp.Bytes())
		line("Exponent2", k.Precomputed.Dq.Bytes())
		line("Coefficient", k.Precomputed.Qinv.Bytes())
	default:
		return nil, fmt.Errorf("%w: %T", ErrKey, key)
	}
	return b.Bytes(), nil
}

// Keys makes, takes and gives out private keys in their sealed form.
type Keys struct{ Sealer }

// Generate makes a key.
func (k Keys) Generate(zone string, algorithm uint8, flags uint16, roles registry.Roles) (registry.ZoneKey, error) {
	private, err := Generate(algorithm)
	if err != nil {
		return registry.ZoneKey{}, err
	}
	return Seal(k.Sealer, zone, algorithm, flags, roles, private)
}

// Import takes a key's file (ParsePrivate).
func (k Keys) Import(zone string, text []byte, flags uint16, roles registry.Roles) (registry.ZoneKey, error) {
	algorithm, private, err := ParsePrivate(text)
	if err != nil {
		return registry.ZoneKey{}, err
	}
	return Seal(k.Sealer, zone, algorithm, flags, roles, private)
}

// Export is a key's file, in BIND's form.
func (k Keys) Export(key registry.ZoneKey) ([]byte, error) {
	private, err := Open(k.Sealer, &key)
	if err != nil {
		return nil, err
	}
	return FormatPrivate(key.Algorithm, private)
}
