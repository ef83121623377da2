package dnsserve

import (
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"math/bits"
	"net/netip"
)

// Sizes of DNS cookies in octets (RFC 7873 §4, RFC 9018 §4).
const (
	clientCookieSize = 8
	serverCookieSize = 16
	maxCookie        = 40 // a client cookie and the longest server cookie
	// CookieSecretSize is the length of each of Config.CookieSecrets: a key of SipHash.
	CookieSecretSize = 16
)

// Ages of server cookies in seconds (RFC 9018 §4.3).
const (
	cookieLife  = 3600 // older ones are no longer taken
	cookieFresh = 1800 // older ones are replaced
	cookieSkew  = 300  // so far ahead may another server's clock be
)

type serverCookie [serverCookieSize]byte

// cookieState says what a query's cookie is worth.
type cookieState uint8

const (
	cookieNone   cookieState = iota // there was none, or cookies are off
	cookieClient                    // a client cookie alone
	cookieBad                       // with a server cookie that isn't one of ours, or is too old
	cookieGood                      // the client was sent this cookie at the address that it asks from
)

// cookieJar makes and checks server cookies that any server with the same secrets takes (RFC 9018).
type cookieJar struct {
	keys [][2]uint64 // the first makes; all are taken
}

// newCookieJar returns nil without secrets: cookies are ignored then.
func newCookieJar(secrets [][]byte) (*cookieJar, error) {
	if len(secrets) == 0 {
		return nil, nil
	}
	j := new(cookieJar)
	for _, s := range secrets {
		if len(s) != CookieSecretSize {
			return nil, fmt.Errorf("dnsserve: a cookie secret has %d octets, not %d", len(s), CookieSecretSize)
		}
		j.keys = append(j.keys, [2]uint64{binary.LittleEndian.Uint64(s), binary.LittleEndian.Uint64(s[8:])})
	}
	return j, nil
}

// checkCookie judges the query's cookie and prepares the one to answer with.
func (r *responder) checkCookie() {
	q := r.query
	r.cookie = cookieNone
	if r.cookies == nil || q.cookie == 0 {
		return
	}
	client := q.cookieData[:clientCookieSize]
	now := uint32(r.from.now / 1e9)
	r.cookie = cookieClient
	if q.cookie > clientCookieSize {
		r.cookie = cookieBad
		if age, ok := r.cookies.check(client, q.cookieData[clientCookieSize:q.cookie], r.from.addr, now); ok {
			r.cookie = cookieGood
			if age <= cookieFresh {
				copy(r.serverCookie[:], q.cookieData[clientCookieSize:])
			} else {
				r.serverCookie = r.cookies.make(client, r.from.addr, now)
			}
			r.stats.cookies[cookieGood].Add(1)
			return
		}
	}
	r.stats.cookies[r.cookie].Add(1)
	r.serverCookie = r.cookies.make(client, r.from.addr, now)
}

// make returns the server cookie for a client at a time.
func (j *cookieJar) make(client []byte, addr netip.Addr, now uint32) (c serverCookie) {
	c[0] = 1
	binary.BigEndian.PutUint32(c[4:], now)
	binary.LittleEndian.PutUint64(c[8:], cookieHash(j.keys[0], client, c[:8], addr))
	return c
}

// check reports whether the cookie is one that make returned not long ago, and its age in seconds, negative
// when it comes from the future.
func (j *cookieJar) check(client, cookie []byte, addr netip.Addr, now uint32) (age int32, ok bool) {
	if len(cookie) != serverCookieSize || cookie[0] != 1 {
		return 0, false
	}
	age = int32(now - binary.BigEndian.Uint32(cookie[4:])) // RFC 1982 arithmetic
	if age > cookieLife || age < -cookieSkew {
		return 0, false
	}
	for _, key := range j.keys {
		var want [8]byte
		binary.LittleEndian.PutUint64(want[:], cookieHash(key, client, cookie[:8], addr))
		if subtle.ConstantTimeCompare(want[:], cookie[8:]) == 1 {
			return age, true
		}
	}
	return 0, false
}

// cookieHash is over client cookie, version, reserved octets, timestamp and client address (RFC 9018 §4.4).
func cookieHash(key [2]uint64, client, head []byte, addr netip.Addr) uint64 {
	var in [clientCookieSize + 8 + 16]byte
	n := copy(in[:], client)
	n += copy(in[n:], head)
	if addr.Is4() || addr.Is4In6() {
		a := addr.As4()
		n += copy(in[n:], a[:])
	} else if addr.IsValid() {
		a := addr.As16()
		n += copy(in[n:], a[:])
	}
	return sipHash(key[0], key[1], in[:n])
}

// sipHash is SipHash-2-4 (Aumasson and Bernstein, 2012).
func sipHash(k0, k1 uint64, b []byte) uint64 {
	v0, v1, v2, v3 := k0^0x736f6d6570736575, k1^0x646f72616e646f6d, k0^0x6c7967656e657261, k1^0x7465646279746573
	round := func() {
		v0 += v1
		v1 = bits.RotateLeft64(v1, 13) ^ v0
		v0 = bits.RotateLeft64(v0, 32)
		v2 += v3
		v3 = bits.RotateLeft64(v3, 16) ^ v2
		v0 += v3
		v3 = bits.RotateLeft64(v3, 21) ^ v0
		v2 += v1
		v1 = bits.RotateLeft64(v1, 17) ^ v2
		v2 = bits.RotateLeft64(v2, 32)
	}
	last := uint64(len(b)) << 56
	for ; len(b) >= 8; b = b[8:] {
		m := binary.LittleEndian.Uint64(b)
		v3 ^= m
		round()
		round()
		v0 ^= m
	}
	for i, c := range b {
		last |= uint64(c) << (8 * i)
	}
	v3 ^= last
	round()
	round()
	v0 ^= last
	v2 ^= 0xff
	for range 4 {
		round()
	}
	return v0 ^ v1 ^ v2 ^ v3
}
