package store

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// Digest is an order-independent sum over all rows: four 64-bit lanes, each
// the wrapping sum of a quarter of SHA-256(table, key, value). Equal states have
// equal digests however they were reached; a put or delete updates it in place.
type Digest [4]uint64

func (d *Digest) add(table byte, key, value []byte) {
	lanes := rowHash(table, key, value)
	for i := range d {
		d[i] += lanes[i]
	}
}

func (d *Digest) remove(table byte, key, value []byte) {
	lanes := rowHash(table, key, value)
	for i := range d {
		d[i] -= lanes[i]
	}
}

func rowHash(table byte, key, value []byte) (lanes [4]uint64) {
	b := make([]byte, 0, 512)
	b = append(b, table)
	b = binary.BigEndian.AppendUint32(b, uint32(len(key)))
	b = append(b, key...)
	b = append(b, value...)
	sum := sha256.Sum256(b)
	for i := range lanes {
		lanes[i] = binary.BigEndian.Uint64(sum[8*i:])
	}
	return lanes
}

// String is the digest in hex, 64 characters.
func (d Digest) String() string {
	var b []byte
	for _, lane := range d {
		b = binary.BigEndian.AppendUint64(b, lane)
	}
	return hex.EncodeToString(b)
}
