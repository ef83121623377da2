// Package frame cuts a byte stream into EPP data units (RFC 5734 §4): a header
// of four octets that holds the total length, itself included, in network byte
// order, and an XML instance.
package frame

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

const (
	// HeaderSize is the length of the header, in octets.
	HeaderSize = 4
	// MinSize is the shortest total length that is not an error: a header and one octet.
	MinSize = HeaderSize + 1
)

// ErrLength is wrapped by the errors for total lengths that are out of bounds.
// What follows such a header can't be told apart: the connection is lost.
var ErrLength = errors.New("frame length out of bounds")

// Reader reads data units. It is for one goroutine.
type Reader struct {
	in  *bufio.Reader
	max uint32
	buf []byte
}

// NewReader makes a Reader that refuses total lengths over max octets.
func NewReader(r io.Reader, max int) *Reader {
	return &Reader{in: bufio.NewReaderSize(r, bufferSize), max: uint32(min(max, math.MaxInt32))}
}

// Await blocks until a data unit begins. At a clean end of the stream it returns io.EOF.
func (r *Reader) Await() error {
	_, err := r.in.Peek(1)
	return err
}

// Next reads a data unit and returns its XML instance, which is valid until
// the next call. The errors are the stream's, io.EOF at a clean end,
// io.ErrUnexpectedEOF inside a unit, and ErrLength.
func (r *Reader) Next() ([]byte, error) {
	var header [HeaderSize]byte
	if _, err := io.ReadFull(r.in, header[:]); err != nil {
		return nil, err
	}
	total := binary.BigEndian.Uint32(header[:])
	if total < MinSize || total > r.max {
		return nil, fmt.Errorf("%w: %d octets, not %d to %d", ErrLength, total, MinSize, r.max)
	}
	n := int(total) - HeaderSize
	// Memory follows what has arrived, not what a header claims.
	r.buf = r.buf[:0]
	for len(r.buf) < n {
		have := len(r.buf)
		r.buf = grow(r.buf, min(n-have, step))
		if _, err := io.ReadFull(r.in, r.buf[have:]); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	return r.buf, nil
}

func grow(b []byte, n int) []byte {
	if cap(b)-len(b) >= n {
		return b[:len(b)+n]
	}
	return append(b, make([]byte, n)...)
}

// Begin appends room for a header to b, which must be empty; the XML instance is appended to the result.
func Begin(b []byte) []byte { return append(b, 0, 0, 0, 0) }

// End fills in the header of a unit begun with Begin. So header and instance
// can leave in one write, which some peers count on.
func End(b []byte) []byte {
	binary.BigEndian.PutUint32(b, uint32(len(b)))
	return b
}
