package store

import (
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// The one codec of the replicated state, of commands and of results: CBOR in
// its Core Deterministic Encoding (RFC 8949 §4.2.1). Structs are maps with
// integer keys, so a field's number, not its name or place, is its identity:
// numbers are never used again. Equal values have equal bytes, which is what
// makes digests and golden files meaningful.
//
// CBOR was chosen over a codec of our own (no reason to have one) and over
// protobuf (its deterministic mode promises nothing across versions).
var (
	encMode = must(encOptions().EncMode())
	decMode = must(cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		MaxNestedLevels:   16,
		MaxArrayElements:  1 << 20,
		MaxMapPairs:       1 << 16,
	}.DecMode())
)

func encOptions() cbor.EncOptions {
	o := cbor.CoreDetEncOptions()
	// A nil and an empty slice are the same value, so they must be the same bytes.
	o.NilContainers = cbor.NilContainerAsEmpty
	o.TagsMd = cbor.TagsForbidden
	return o
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Encode returns the canonical encoding of v. A value that has none is a
// programming error and panics.
func Encode(v any) []byte {
	b, err := encMode.Marshal(v)
	if err != nil {
		panic(fmt.Errorf("encoding %T: %w", v, err))
	}
	return b
}

// Decode fills v from its canonical encoding. Unknown fields, duplicate keys
// and trailing bytes are errors: a node must not drop what a newer one wrote.
func Decode(b []byte, v any) error {
	if err := decMode.Unmarshal(b, v); err != nil {
		return fmt.Errorf("decoding %T: %w", v, err)
	}
	return nil
}
