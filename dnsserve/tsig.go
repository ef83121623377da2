package dnsserve

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"strings"
	"time"
)

// Algorithms of TSIG, as keys name them (RFC 8945 §6). MD5 and SHA-1 are not among them.
const (
	HMACSHA256 = "hmac-sha256"
	HMACSHA384 = "hmac-sha384"
	HMACSHA512 = "hmac-sha512"
)

var algorithms = map[string]func() hash.Hash{HMACSHA256: sha256.New, HMACSHA384: sha512.New384, HMACSHA512: sha512.New}

// Key is a secret shared with a secondary (RFC 8945).
type Key struct {
	Name      string // lower-case presentation form with final dot
	Algorithm string // HMACSHA256, HMACSHA384 or HMACSHA512
	Secret    []byte
}

// Errors of TSIG (RFC 8945 §5.2), and what statistics call them.
const (
	tsigBadSig   = 16
	tsigBadKey   = 17
	tsigBadTime  = 18
	tsigBadTrunc = 22
)

const (
	signedGood = iota
	signedBadKey
	signedBadSig
	signedBadTime
	signedBadTrunc
)

const (
	// tsigFudge is by how many seconds clocks may differ (RFC 8945 §10).
	tsigFudge = 300
	// tsigFixed is the length of the record but for names, MAC and other data.
	tsigFixed = 10 + 16
	// maxTSIG is the longest that the server writes.
	maxTSIG = maxName + tsigFixed + len(HMACSHA512) + 2 + sha512.Size + 6
)

// auth is the TSIG of a query, and what was found of it.
type auth struct {
	key       *Key   // the one that signed the query; nil: none did
	owner     []byte // its name, lower-case wire form
	algorithm []byte // wire form
	signed    uint64 // Unix time in seconds that the query gives
	fudge     uint16
	mac       []byte // of the query, or of the message signed last
	failure   uint16 // tsigBadKey and so on; 0: none
	later     bool   // messages follow one that was signed: transfers
}

// mayAnswerSigned says whether the other side can check a signature of ours.
func (a *auth) mayAnswerSigned() bool { return a.failure == 0 || a.failure == tsigBadTime }

// macSize is the length of a key's MAC in octets.
func (k *Key) macSize() int { return algorithms[k.Algorithm]().Size() }

// newMAC is for a message that answers one with the MAC prior, if there was one.
func (k *Key) newMAC(prior []byte) hash.Hash {
	m := hmac.New(algorithms[k.Algorithm], k.Secret)
	if len(prior) > 0 {
		m.Write(binary.BigEndian.AppendUint16(nil, uint16(len(prior))))
		m.Write(prior)
	}
	return m
}

// variables are what is signed of TSIG's own fields (RFC 8945 §4.3.3).
func (a *auth) variables(when uint64, fudge, failure uint16, other []byte) []byte {
	b := append([]byte(nil), a.owner...)
	b = append(b, 0, classANY, 0, 0, 0, 0)
	b = append(b, a.algorithm...)
	b = appendTimers(b, when, fudge)
	b = binary.BigEndian.AppendUint16(b, failure)
	b = binary.BigEndian.AppendUint16(b, uint16(len(other)))
	return append(b, other...)
}

func appendTimers(b []byte, when uint64, fudge uint16) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(when>>32))
	b = binary.BigEndian.AppendUint32(b, uint32(when))
	return binary.BigEndian.AppendUint16(b, fudge)
}

// tsigRecord is a parsed TSIG record.
type tsigRecord struct {
	owner, algorithm []byte // lower-case wire form
	signed           uint64
	fudge            uint16
	mac              []byte
	id               uint16
	failure          uint16
	other            []byte
}

var errTSIG = errors.New("dnsserve: malformed TSIG record")

// parseTSIG reads the record b, which ends the message.
func parseTSIG(b []byte) (t tsigRecord, err error) {
	var l labels
	n := l.read(b)
	if n == 0 || len(b) < n+10 {
		return t, errTSIG
	}
	t.owner = bytes.Clone(l.wire)
	if binary.BigEndian.Uint16(b[n+2:]) != classANY || binary.BigEndian.Uint32(b[n+4:]) != 0 {
		return t, errTSIG
	}
	b = b[n+10:]
	if n = l.read(b); n == 0 || len(b) < n+10 {
		return t, errTSIG
	}
	t.algorithm = bytes.Clone(l.wire)
	b = b[n:]
	t.signed = uint64(binary.BigEndian.Uint16(b))<<32 | uint64(binary.BigEndian.Uint32(b[2:]))
	t.fudge = binary.BigEndian.Uint16(b[6:])
	if n = int(binary.BigEndian.Uint16(b[8:])); len(b) < 10+n+6 {
		return t, errTSIG
	}
	t.mac = b[10 : 10+n]
	b = b[10+n:]
	t.id, t.failure = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	t.other = b[6:]
	if int(binary.BigEndian.Uint16(b[4:])) != len(t.other) {
		return t, errTSIG
	}
	return t, nil
}

// authenticate checks the query's TSIG (RFC 8945 §5.2) and returns the response code that then stands:
// rcode, if all is well.
func (r *responder) authenticate(msg []byte, rcode int) int {
	t, err := parseTSIG(msg[r.query.tsig:])
	if err != nil {
		r.query.tsig = 0
		return rcodeFormErr
	}
	r.auth = auth{owner: t.owner, algorithm: t.algorithm, signed: t.signed, fudge: t.fudge}
	failed := func(code uint16, label int) int {
		r.auth.failure = code
		r.stats.signed[label].Add(1)
		return rcodeNotAuth
	}
	key, ok := r.keyOf(&t)
	if !ok {
		return failed(tsigBadKey, signedBadKey)
	}
	size := key.macSize()
	if len(t.mac) > size || len(t.mac) < max(10, size/2) { // RFC 8945 §5.2.2.1
		r.query.tsig = 0
		return rcodeFormErr
	}
	m := key.newMAC(nil)
	m.Write(binary.BigEndian.AppendUint16(nil, t.id))
	m.Write(msg[2:10])
	m.Write(binary.BigEndian.AppendUint16(nil, binary.BigEndian.Uint16(msg[10:])-1))
	m.Write(msg[headerSize:r.query.tsig])
	m.Write(r.auth.variables(t.signed, t.fudge, t.failure, t.other))
	switch {
	case len(t.mac) < size && hmac.Equal(m.Sum(nil)[:len(t.mac)], t.mac):
		return failed(tsigBadTrunc, signedBadTrunc)
	case !hmac.Equal(m.Sum(nil), t.mac):
		return failed(tsigBadSig, signedBadSig)
	}
	r.auth.mac, r.auth.key = bytes.Clone(t.mac), &key
	if now := r.from.now / int64(time.Second); now > int64(t.signed)+int64(t.fudge) || now < int64(t.signed)-int64(t.fudge) {
		return failed(tsigBadTime, signedBadTime)
	}
	r.stats.signed[signedGood].Add(1)
	return rcode
}

// keyOf finds the key that the record names, if it is of the record's algorithm.
func (r *responder) keyOf(t *tsigRecord) (Key, bool) {
	if r.keys == nil {
		return Key{}, false
	}
	key, ok := r.keys.Key(show(t.owner))
	if !ok || algorithms[key.Algorithm] == nil || show(t.algorithm) != key.Algorithm+"." {
		return Key{}, false
	}
	return key, true
}

// signedBy is the name of the key that signed the query as it should; "" if none did.
func (r *responder) signedBy() string {
	if r.query.tsig == 0 || r.auth.failure != 0 || r.auth.key == nil {
		return ""
	}
	return r.auth.key.Name
}

// tsigLength is what TSIG will take at most at the end of the answer.
func (r *responder) tsigLength() int {
	if r.query.tsig == 0 {
		return 0
	}
	n := len(r.auth.owner) + tsigFixed + len(r.auth.algorithm) + 6
	if r.auth.mayAnswerSigned() {
		n += r.auth.key.macSize()
	}
	return n
}

// sign appends TSIG to the answer, which is finished otherwise.
func (r *responder) sign() { r.out = r.auth.sign(r.out, r.from.now) }

// sign appends TSIG to a message that answers the query, or follows one that was signed before (RFC 8945
// §5.3, §5.3.1). now is Unix time in nanoseconds.
func (a *auth) sign(msg []byte, now int64) []byte {
	when := uint64(now / int64(time.Second))
	fudge := uint16(tsigFudge)
	var other []byte
	if a.failure != 0 { // these carry the times of the query, to be understood by it (RFC 8945 §5.2.3)
		other = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(nil, uint16(when>>32)), uint32(when))
		if when, fudge = a.signed, a.fudge; a.failure != tsigBadTime {
			other = nil
		}
	}
	var mac []byte
	if a.mayAnswerSigned() {
		m := a.key.newMAC(a.mac)
		m.Write(msg)
		if a.later {
			m.Write(appendTimers(nil, when, fudge))
		} else {
			m.Write(a.variables(when, fudge, a.failure, other))
		}
		mac = m.Sum(nil)
		a.mac, a.later = mac, true
	}
	return appendTSIG(msg, a, when, fudge, mac, other)
}

func appendTSIG(msg []byte, a *auth, when uint64, fudge uint16, mac, other []byte) []byte {
	id := binary.BigEndian.Uint16(msg)
	binary.BigEndian.PutUint16(msg[10:], binary.BigEndian.Uint16(msg[10:])+1)
	msg = append(msg, a.owner...)
	msg = append(msg, 0, typeTSIG, 0, classANY, 0, 0, 0, 0)
	msg = binary.BigEndian.AppendUint16(msg, uint16(len(a.algorithm)+16+len(mac)+len(other)))
	msg = append(msg, a.algorithm...)
	msg = appendTimers(msg, when, fudge)
	msg = binary.BigEndian.AppendUint16(msg, uint16(len(mac)))
	msg = append(msg, mac...)
	msg = binary.BigEndian.AppendUint16(msg, id)
	msg = binary.BigEndian.AppendUint16(msg, a.failure)
	msg = binary.BigEndian.AppendUint16(msg, uint16(len(other)))
	return append(msg, other...)
}

// signQuery appends TSIG to a query of ours and returns what its answer is checked by.
func signQuery(msg []byte, key Key, now int64) ([]byte, *auth, error) {
	owner, err := parseName(strings.ToLower(key.Name))
	if err != nil || algorithms[key.Algorithm] == nil {
		return nil, nil, fmt.Errorf("dnsserve: TSIG key %q: bad name or algorithm %q", key.Name, key.Algorithm)
	}
	algorithm, err := parseName(key.Algorithm + ".")
	if err != nil {
		return nil, nil, err
	}
	a := &auth{key: &key, owner: owner, algorithm: algorithm}
	return a.sign(msg, now), a, nil
}

// checkAnswer checks the TSIG of an answer to a query that was signed.
func (a *auth) checkAnswer(msg []byte, at int, now int64) error {
	if at == 0 {
		return errors.New("the answer is not signed")
	}
	t, err := parseTSIG(msg[at:])
	if err != nil {
		return err
	}
	if t.failure != 0 && len(t.mac) == 0 {
		return fmt.Errorf("the other side refuses the signature with TSIG error %d", t.failure)
	}
	m := a.key.newMAC(a.mac)
	m.Write(binary.BigEndian.AppendUint16(nil, t.id))
	m.Write(msg[2:10])
	m.Write(binary.BigEndian.AppendUint16(nil, binary.BigEndian.Uint16(msg[10:])-1))
	m.Write(msg[headerSize:at])
	m.Write(a.variables(t.signed, t.fudge, t.failure, t.other))
	if !bytes.Equal(t.owner, a.owner) || !bytes.Equal(t.algorithm, a.algorithm) || !hmac.Equal(m.Sum(nil), t.mac) {
		return errors.New("the answer's signature is not good")
	}
	if t.failure != 0 {
		return fmt.Errorf("the other side says TSIG error %d", t.failure)
	}
	if s := now / int64(time.Second); s > int64(t.signed)+int64(t.fudge) || s < int64(t.signed)-int64(t.fudge) {
		return errors.New("the answer was signed at another time")
	}
	return nil
}
