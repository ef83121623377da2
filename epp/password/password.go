// Package password hashes and verifies registrars' passwords with argon2id (RFC 9106).
package password

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"

	"golang.org/x/crypto/argon2"
)

// ErrHash says that a stored hash is not one that this package writes.
var ErrHash = errors.New("not an argon2id hash in PHC string form")

// Hash returns a password's hash under a fresh salt, in PHC string form
// ($argon2id$v=19$m=…,t=…,p=…$salt$hash).
func Hash(password string) (string, error) {
	salt := make([]byte, saltLen)
	if _, err := rand.Read(salt); err != nil {
		return "", fmt.Errorf("hashing a password: %w", err)
	}
	key := argon2.IDKey([]byte(password), salt, passes, memory, threads, keyLen)
	enc := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, memory, passes, threads, enc.EncodeToString(salt), enc.EncodeToString(key)), nil
}

// Verify says whether password is the one that hash was made of. The error is ErrHash. It takes tens of
// milliseconds of one core and tens of megabytes: servers go through a Verifier.
func Verify(hash, password string) (bool, error) {
	p, err := parse(hash)
	if err != nil {
		return false, err
	}
	key := argon2.IDKey([]byte(password), p.salt, p.passes, p.memory, p.threads, uint32(len(p.key)))
	return subtle.ConstantTimeCompare(key, p.key) == 1, nil
}

type parameters struct {
	memory, passes uint32
	threads        uint8
	salt, key      []byte
}

func parse(hash string) (p parameters, err error) {
	var version int
	var salt, key string
	// Sscanf's %s stops at white space only, so the last two parts are cut apart by hand.
	var rest string
	if _, err := fmt.Sscanf(hash, "$argon2id$v=%d$m=%d,t=%d,p=%d$%s", &version, &p.memory, &p.passes, &p.threads, &rest); err != nil {
		return p, fmt.Errorf("%w: %w", ErrHash, err)
	}
	for i := range len(rest) {
		if rest[i] == '$' {
			salt, key = rest[:i], rest[i+1:]
			break
		}
	}
	enc := base64.RawStdEncoding.Strict()
	p.salt, err = enc.DecodeString(salt)
	if err != nil {
		return p, fmt.Errorf("%w: salt: %w", ErrHash, err)
	}
	p.key, err = enc.DecodeString(key)
	if err != nil {
		return p, fmt.Errorf("%w: key: %w", ErrHash, err)
	}
	switch {
	case version != argon2.Version:
		return p, fmt.Errorf("%w: version %d", ErrHash, version)
	case p.memory == 0 || p.memory > maxMemory || p.passes == 0 || p.passes > maxPasses || p.threads == 0:
		return p, fmt.Errorf("%w: cost out of bounds", ErrHash)
	case len(p.salt) < 8 || len(p.key) < 16 || len(p.key) > maxKeyLen:
		return p, fmt.Errorf("%w: salt or key too short or too long", ErrHash)
	}
	return p, nil
}
