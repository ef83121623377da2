package node

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"

	"quorate/dnsserve"
)

// sealer keeps secrets out of the state: it encrypts them under the cluster's
// key-encryption key, which no state file, log or copy holds.
type sealer struct {
	aead cipher.AEAD
	key  []byte
}

// sealedForm begins every sealed value; another cipher would be another form.
const sealedForm = 1

var errSealed = errors.New("a sealed value can't be opened: it is damaged, or sealed under another key")

// loadKEK reads a key-encryption key: 32 octets in hex.
func loadKEK(path string) (*sealer, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("kek: reading key-encryption key: %w", err)
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != 32 {
		return nil, fmt.Errorf("kek: key-encryption key in %s is not 32 octets in hex", path)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &sealer{aead, key}, nil
}

// derive makes a secret that all nodes of the cluster have, and that tells nothing of the key-encryption key
// nor of secrets with other labels (RFC 5869).
func (s *sealer) derive(label string, size int) ([]byte, error) {
	return hkdf.Key(sha256.New, s.key, nil, label, size)
}

// cookieSecrets are the secrets of DNS cookies: those of an epoch, which makes them, and of its neighbours, so that
// nodes may go on to the next one after another.
func (s *sealer) cookieSecrets(epoch int) (all [][]byte, err error) {
	for _, e := range []int{epoch, epoch - 1, epoch + 1} {
		secret, err := s.derive(fmt.Sprintf("quorate dns cookie %d", e), dnsserve.CookieSecretSize)
		if err != nil {
			return nil, fmt.Errorf("secret of DNS cookies: %w", err)
		}
		all = append(all, secret)
	}
	return all, nil
}

// Seal encrypts plain; equal values have different sealed forms.
func (s *sealer) Seal(plain []byte) ([]byte, error) {
	return s.aead.Seal([]byte{sealedForm}, nil, plain, nil), nil
}

// Open undoes Seal.
func (s *sealer) Open(sealed []byte) ([]byte, error) {
	if len(sealed) < 1 || sealed[0] != sealedForm {
		return nil, errSealed
	}
	plain, err := s.aead.Open(nil, nil, sealed[1:], nil)
	if err != nil {
		return nil, errSealed
	}
	return plain, nil
}

// NewKEK makes a key-encryption key, in the form that a file holds.
func NewKEK() string {
	key := make([]byte, 32)
	rand.Read(key) // never fails
	return hex.EncodeToString(key) + "\n"
}
