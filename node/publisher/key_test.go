package publisher

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"quorate/fsm"
	"quorate/fsm/registry"
)

var algorithms = []uint8{registry.RSASHA256, registry.ECDSAP256SHA256, registry.ECDSAP384SHA384, registry.ED25519}

// Keys go out and come back as they were, in both forms, and other programs' too.
func TestKeysTravel(t *testing.T) {
	t.Parallel()
	keys := Keys{openSealer{}}
	for _, algorithm := range algorithms {
		k, err := keys.Generate("example", algorithm, registry.FlagsKSK, registry.SignsKeys)
		if err != nil {
			t.Fatal(err)
		}
		text, err := keys.Export(k)
		if err != nil {
			t.Fatal(err)
		}
		back, err := keys.Import("example", text, k.Flags, k.Roles)
		if err != nil || !bytes.Equal(back.Public, k.Public) || back.Tag != k.Tag {
			t.Errorf("algorithm %d: %v, tag %d, was %d", algorithm, err, back.Tag, k.Tag)
		}
		asPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: k.Sealed})
		if back, err = keys.Import("example", asPEM, k.Flags, k.Roles); err != nil || back.Tag != k.Tag {
			t.Errorf("algorithm %d, PEM: %v, tag %d, was %d", algorithm, err, back.Tag, k.Tag)
		}
		for _, old := range olderPEM(t, k.Sealed) {
			if back, err = keys.Import("example", old, k.Flags, k.Roles); err != nil || back.Tag != k.Tag {
				t.Errorf("algorithm %d: %v, tag %d, was %d, of\n%s", algorithm, err, back.Tag, k.Tag, old)
			}
		}
		theirs := &dns.DNSKEY{Hdr: dns.RR_Header{Name: "example.", Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET}, Flags: 257, Protocol: 3, Algorithm: algorithm}
		bits := map[uint8]int{registry.RSASHA256: 2048, registry.ECDSAP384SHA384: 384}[algorithm]
		if bits == 0 {
			bits = 256
		}
		private, err := theirs.Generate(bits)
		if err != nil {
			t.Fatal(err)
		}
		taken, err := keys.Import("example", []byte(theirs.PrivateKeyString(private)), registry.FlagsKSK, registry.SignsKeys)
		if err != nil || taken.Tag != theirs.KeyTag() {
			t.Errorf("algorithm %d: another program's key: %v, tag %d, want %d", algorithm, err, taken.Tag, theirs.KeyTag())
		}
	}
}

// olderPEM is a PKCS #8 key in the forms of PEM that are its algorithm's own, as OpenSSL writes them with -traditional.
func olderPEM(t testing.TB, pkcs8 []byte) (all [][]byte) {
	t.Helper()
	key, err := x509.ParsePKCS8PrivateKey(pkcs8)
	if err != nil {
		t.Fatal(err)
	}
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		der, err := x509.MarshalECPrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		text := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
		curve := pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS", Bytes: []byte{6, 0}})
		return [][]byte{text, append(curve, text...)}
	case *rsa.PrivateKey:
		return [][]byte{pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})}
	}
	return nil
}

// What can't be taken is refused in words, not with what ASN.1 was met.
func TestKeysThatAreRefused(t *testing.T) {
	t.Parallel()
	for text, why := range map[string]string{
		"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n":                                       "encrypted with a password",
		"-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nMAA=\n-----END EC PRIVATE KEY-----\n": "encrypted with a password",
		"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n":                                                           `PEM of "CERTIFICATE"`,
		"-----BEGIN EC PARAMETERS-----\nMAA=\n-----END EC PARAMETERS-----\n":                                                       "no key",
		"Private-key-format: v1.3\nAlgorithm: 5 (RSASHA1)\n":                                                                       "algorithm 5",
		"something": "neither PEM",
	} {
		if _, _, err := ParsePrivate([]byte(text)); !errors.Is(err, ErrKey) || !strings.Contains(err.Error(), why) {
			t.Errorf("%v, want %q, of\n%s", err, why, text)
		}
	}
}

// BIND makes a key, and takes ours.
func TestKeysOfBIND(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("dnssec-keygen"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("dnssec-keygen is not installed")
		}
		t.Skip("dnssec-keygen is not installed")
	}
	dir := t.TempDir()
	out, err := exec.Command("dnssec-keygen", "-q", "-K", dir, "-a", "ECDSAP256SHA256", "-f", "KSK", "example").Output()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, strings.TrimSpace(string(out))+".private"))
	if err != nil {
		t.Fatal(err)
	}
	k, err := Keys{openSealer{}}.Import("example", text, registry.FlagsKSK, registry.SignsKeys)
	if err != nil {
		t.Fatal(err)
	}
	public, err := os.ReadFile(filepath.Join(dir, strings.TrimSpace(string(out))+".key"))
	if err != nil {
		t.Fatal(err)
	}
	rr, err := dns.NewRR(string(public[bytes.Index(public, []byte("\nexample."))+1:]))
	if err != nil || rr.(*dns.DNSKEY).KeyTag() != k.Tag {
		t.Errorf("%v: the tag is %d", err, k.Tag)
	}
}

// Zones are sound with every algorithm, with one key and with two.
func TestAlgorithms(t *testing.T) {
	t.Parallel()
	for _, algorithm := range algorithms {
		for _, combined := range []bool{true, false} {
			t.Run(fmt.Sprint(algorithm, combined), func(t *testing.T) {
				t.Parallel()
				r := newRig(t, 3)
				r.open("example", true)
				z := tld("example")
				p := registry.DefaultPolicy(&z)
				p.Algorithm, p.Combined = algorithm, combined
				r.must(operator, registry.KindZoneSet, registry.ZoneSet{Policy: p})
				r.publish()
				r.fill("example", 20)
				r.publish()
				r.view(func(v fsm.View) {
					validate(t, v, "example", p.Form)
					if n := len(v.Signers("example")); combined != (n == 1) {
						t.Errorf("algorithm %d has %d keys", algorithm, n)
					}
					judge(t, v, "example")
				})
			})
		}
	}
}

func FuzzParsePrivate(f *testing.F) {
	keys := Keys{openSealer{}}
	for _, algorithm := range algorithms {
		k, err := keys.Generate("example", algorithm, registry.FlagsKSK, registry.SignsKeys)
		if err != nil {
			f.Fatal(err)
		}
		text, err := keys.Export(k)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
		f.Add(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: k.Sealed}))
		for _, old := range olderPEM(f, k.Sealed) {
			f.Add(old)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		algorithm, key, err := ParsePrivate(text)
		if err != nil {
			return
		}
		if _, err := x509.MarshalPKCS8PrivateKey(key); err != nil {
			t.Errorf("algorithm %d: a key that can't be kept: %v", algorithm, err)
		}
		if _, err := sign(algorithm, key, []byte("data")); err != nil {
			t.Errorf("algorithm %d: a key that can't sign: %v", algorithm, err)
		}
	})
}
