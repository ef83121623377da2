package epp

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"math"
	"unicode/utf8"

	"quorate/epp/extension"
	"quorate/fsm"
	"quorate/fsm/registry"
)

// How authorization information is kept, shown and compared. A session that named RFC 9154 at login gives strong random values,
// which are kept as salted hashes and shown to nobody. What others give is sealed, and shown to the object's sponsor.

// secureAuthInfo is RFC 9154: a way of using what EPP has, without an element of its own.
var secureAuthInfo = extension.Extension{URI: "urn:ietf:params:xml:ns:epp:secure-authinfo-transfer-1.0"}

// keep is authorization information as it goes into the state; empty is none. It fails with 2202 where RFC 9154 is in force and the value is weak, and 2400.
func (s *session) keep(a authInfo) (kept registry.AuthInfo, fail *registry.Failure) {
	if a.password == "" {
		return kept, nil
	}
	if s.negotiated(secureAuthInfo.URI) {
		if problem := authInfoProblem(a.password); problem != "" {
			return kept, registry.Fail(registry.InvalidAuthInfo, a.element, "", "%s", problem)
		}
		if s.keepsHashes() {
			salt := make([]byte, saltOctets)
			rand.Read(salt) // never fails
			return registry.AuthInfo{Salt: salt, Hash: hashAuthInfo(salt, a.password)}, nil
		}
	}
	b, err := s.registry.Seal([]byte(a.password))
	if err != nil {
		s.log.Error("authorization information can't be sealed", "error", err)
		return kept, registry.Fail(registry.CommandFailed, "", "", "the authorization information can't be kept")
	}
	return registry.AuthInfo{Sealed: b}, nil
}

// keepsHashes says whether the cluster is at a level that knows hashes; until all nodes are upgraded, values are sealed.
func (s *session) keepsHashes() (yes bool) {
	err := s.registry.View(context.Background(), fsm.Local, 0, func(v fsm.View) error { yes = v.Level() >= 3; return nil })
	return err == nil && yes
}

// hashAuthInfo is what is kept of a value. One round is enough: nobody guesses 128 random bits (RFC 9154 §4.3).
func hashAuthInfo(salt []byte, value string) []byte {
	h := sha256.New()
	h.Write(salt)
	h.Write([]byte(value))
	return h.Sum(nil)
}

// authInfoProblem says why a value can't have 128 bits of entropy, by RFC 9154 §4.1: it is too short for the kinds of characters that
// are in it, or has too few of them to be random; "" if it can.
func authInfoProblem(value string) string {
	var digit, lower, upper, other float64
	distinct := map[rune]bool{}
	for _, r := range value {
		distinct[r] = true
		switch {
		case '0' <= r && r <= '9':
			digit = 10
		case 'a' <= r && r <= 'z':
			lower = 26
		case 'A' <= r && r <= 'Z':
			upper = 26
		default:
			other = 32 // the rest of the printable ASCII characters
		}
	}
	alphabet := digit + lower + upper + other
	if needs := math.Ceil(authInfoBits / math.Log2(alphabet)); float64(utf8.RuneCountInString(value)) < needs {
		return "the authorization information is too short to be random"
	}
	if len(distinct) < minAuthInfoCharacters {
		return "the authorization information has too few different characters to be random"
	}
	return ""
}

// checkAuthInfo compares what was given with what is kept. Where nothing is kept, nothing is right. It fails with 2202, 2400.
func (s *session) checkAuthInfo(kept registry.AuthInfo, given authInfo, element string) *registry.Failure {
	right := false
	switch {
	case len(kept.Hash) > 0:
		right = subtle.ConstantTimeCompare(kept.Hash, hashAuthInfo(kept.Salt, given.password)) == 1
	case len(kept.Sealed) > 0:
		plain, err := s.registry.Open(kept.Sealed)
		if err != nil {
			return s.cannotOpen(err)
		}
		right = subtle.ConstantTimeCompare(plain, []byte(given.password)) == 1
	}
	if right {
		return nil
	}
	s.log.Info("EPP authorization information is wrong", "element", element)
	return registry.Fail(registry.InvalidAuthInfo, element, "", "the authorization information is wrong")
}

func (s *session) cannotOpen(err error) *registry.Failure {
	s.log.Error("sealed authorization information can't be opened", "error", err)
	return registry.Fail(registry.CommandFailed, "", "", "the authorization information can't be read")
}

// writeAuthInfo writes the authorization information of an object that has some. Hashes, and anything where RFC 9154
// is in force, appear to the sponsor as an empty value, which says that one is set (RFC 9154 §5.3), and to others not at all.
func (s *session) writeAuthInfo(w *writer, prefix string, a registry.AuthInfo, sponsor string) *registry.Failure {
	if a.None() {
		return nil
	}
	plain := ""
	if len(a.Hash) > 0 || s.negotiated(secureAuthInfo.URI) {
		if sponsor != s.registrar {
			return nil
		}
	} else {
		b, err := s.registry.Open(a.Sealed)
		if err != nil {
			return s.cannotOpen(err)
		}
		plain = string(b)
	}
	w.Raw(`<`, prefix, `:authInfo>`)
	w.Element(prefix+":pw", plain)
	w.Raw(`</`, prefix, `:authInfo>`)
	return nil
}
