package fsm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"quorate/fsm/registry"
	"quorate/fsm/store"
)

// An entry of the log is a level, log time, and the command:
//
//	1 octet   the cluster level that the command needs
//	8 octets  log time in milliseconds since 1970, big-endian; the leader stamps it
//	rest      the canonical encoding of a registry.Command
//
// So a leader stamps what another node encoded without decoding it, and an entry
// above the cluster's level is known for one, and refused alike, by binaries that don't know what is in it.

const headerSize = 9

// MaxEntry bounds an entry, in octets.
const MaxEntry = 4 << 20

// ErrForm says that an entry is of a form that this binary does not know.
var ErrForm = errors.New("log entry of an unknown form")

// Encode makes an entry, not stamped yet.
func Encode(c registry.Command) []byte {
	entry := make([]byte, headerSize, 512)
	entry[0] = byte(max(c.Needs, registry.FirstLevel))
	return append(entry, store.Encode(c)...)
}

// Stamp sets the entry's log time.
func Stamp(entry []byte, now registry.Time) { binary.BigEndian.PutUint64(entry[1:], uint64(now)) }

// Decode takes an entry apart. One that was never stamped has no time, and is refused.
func Decode(entry []byte) (c registry.Command, now registry.Time, err error) {
	if len(entry) < headerSize {
		return c, 0, ErrForm
	}
	if now = registry.Time(binary.BigEndian.Uint64(entry[1:])); now == 0 {
		return c, 0, fmt.Errorf("%w: it has no time", ErrForm)
	}
	c, err = DecodeUnstamped(entry)
	return c, now, err
}

// needs is the level that an entry's command needs.
func needs(entry []byte) (registry.Level, error) {
	if len(entry) < headerSize || entry[0] == 0 {
		return 0, ErrForm
	}
	return registry.Level(entry[0]), nil
}

// DecodeUnstamped is Decode for entries on their way to the leader.
func DecodeUnstamped(entry []byte) (c registry.Command, err error) {
	level, err := needs(entry)
	if err != nil || len(entry) > MaxEntry {
		return c, ErrForm
	}
	if err := store.Decode(entry[headerSize:], &c); err != nil {
		return c, fmt.Errorf("%w: %w", ErrForm, err)
	}
	// CBOR has more than one way to say a thing, and we have one: what isn't said so was not made by Encode.
	if !bytes.Equal(store.Encode(c), entry[headerSize:]) {
		return c, fmt.Errorf("%w: not in canonical form", ErrForm)
	}
	c.Needs = level
	return c, nil
}
