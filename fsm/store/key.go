package store

import (
	"encoding/binary"
	"strings"
)

// Key is a row's place in its table; rows are in byte order. Compound keys are
// built by chaining: Key(nil).Text(registrar).Uint(number).
type Key []byte

// Uint appends n so that byte order is numeric order.
func (k Key) Uint(n uint64) Key { return binary.BigEndian.AppendUint64(k, n) }

// Uint16 appends n so that byte order is numeric order.
func (k Key) Uint16(n uint16) Key { return binary.BigEndian.AppendUint16(k, n) }

// Text appends s and a terminator. s must not hold a zero byte.
func (k Key) Text(s string) Key { return append(append(k, s...), 0) }

// Name appends a domain name with its labels from the root down, so that byte
// order is the canonical order of RFC 4034 §6.1 and a name is a prefix of all
// names below it. Name must be the last part of a key, or be followed by End.
func (k Key) Name(name string) Key {
	for name = strings.TrimSuffix(name, "."); name != ""; {
		i := strings.LastIndexByte(name, '.')
		k = k.Text(name[i+1:])
		name = name[:max(i, 0)]
	}
	return k
}

// End closes a name inside a compound key: no label is empty.
func (k Key) End() Key { return append(k, 0) }

// LastUint returns the number that ends a key built with Uint.
func LastUint(k []byte) uint64 { return binary.BigEndian.Uint64(k[len(k)-8:]) }
