package fsm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"quorate/fsm/registry"
	"quorate/fsm/store"
)

// An entry of the log is a form number, log time, and the command:
//
//	1 octet   Form
//	8 octets  log time in milliseconds since 1970, big-endian; the leader stamps it
//	rest      the canonical encoding of a registry.Command
//
// So a leader stamps what another node encoded without decoding it.

// Form is the version of entries that this binary writes; it reads it and all before it.
const Form = 1

const headerSize = 9

// MaxEntry bounds an entry, in octets.
const MaxEntry = 4 << 20

// ErrForm says that an entry is of a form that this binary does not know.
var ErrForm = errors.New("log entry of an unknown form")

// Encode makes an entry, not stamped yet.
func Encode(c registry.Command) []byte {
	return append(make([]byte, headerSize, 512), store.Encode(c)...)
}

// Stamp sets the entry's form and log time.
func Stamp(entry []byte, now registry.Time) {
	entry[0] = Form
	binary.BigEndian.PutUint64(entry[1:], uint64(now))
}

// Decode takes an entry apart. An entry that was never stamped has no form and is refused.
func Decode(entry []byte) (c registry.Command, now registry.Time, err error) {
	if len(entry) < headerSize || entry[0] != Form {
		return c, 0, ErrForm
	}
	c, err = DecodeUnstamped(entry)
	return c, registry.Time(binary.BigEndian.Uint64(entry[1:])), err
}

// DecodeUnstamped is Decode for entries on their way to the leader.
func DecodeUnstamped(entry []byte) (c registry.Command, err error) {
	if len(entry) < headerSize || len(entry) > MaxEntry {
		return c, ErrForm
	}
	if err := store.Decode(entry[headerSize:], &c); err != nil {
		return c, fmt.Errorf("%w: %w", ErrForm, err)
	}
	// CBOR has more than one way to say a thing, and we have one: what isn't said so was not made by Encode.
	if !bytes.Equal(store.Encode(c), entry[headerSize:]) {
		return c, fmt.Errorf("%w: not in canonical form", ErrForm)
	}
	return c, nil
}
