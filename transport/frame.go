package transport

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
)

// What is said inside a stream of RPC and bulk. Integers are big-endian.
//
//	request:  budget uint32 (ms, 0 = none) | method length uint8 | method | body length uint32 | body | end of stream
//	reply:    status uint8 | code length uint8 | code | body length uint32 | body
//
// An RPC's answer is one reply and the end of the stream. A bulk transfer's is any number of chunks, a chunk of length 0 and a
// reply, which says whether what came before is all of it; then the end of the stream.
//
//	chunk:    length uint32 | bytes
//
// The deadline travels as a span of time: the nodes' clocks may differ by more than a call takes.

// errMalformed is wrapped by errors about bytes that are not what is described above.
var errMalformed = errors.New("malformed message")

// errTooLarge is wrapped by errors about messages over their limit.
var errTooLarge = errors.New("message too large")

type request struct {
	budget time.Duration // zero is none
	method string
	body   []byte
}

// status says what a reply is.
type status uint8

const (
	statusOK     status = iota // the body is the handler's reply
	statusError                // the handler returned an error: code and text
	statusFailed               // a handler ran, but the transport couldn't bring its answer: code and text
)

type reply struct {
	status status
	code   string
	body   []byte
}

// appendRequest appends a request. The caller has checked the limits.
func appendRequest(b []byte, r request) []byte {
	var ms uint32
	if r.budget > 0 {
		ms = uint32(min(max(r.budget.Milliseconds(), 1), math.MaxUint32))
	}
	b = binary.BigEndian.AppendUint32(b, ms)
	b = append(b, byte(len(r.method)))
	b = append(b, r.method...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(r.body)))
	return append(b, r.body...)
}

// readRequest reads one request and the end of the stream. Before a body is read, reserve is asked for its length; if it says no, the
// error is errBusy.
func readRequest(r io.Reader, reserve func(bytes int) bool) (request, error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return request{}, err
	}
	length := int(head[4])
	if length == 0 || length > MaxMethod {
		return request{}, fmt.Errorf("%w: a method name of %d bytes", errMalformed, length)
	}
	rest := make([]byte, length+4)
	if _, err := io.ReadFull(r, rest); err != nil {
		return request{}, err
	}
	size := binary.BigEndian.Uint32(rest[length:])
	if size > MaxMessage {
		return request{}, fmt.Errorf("%w: a request of %d bytes", errTooLarge, size)
	}
	if !reserve(int(size)) {
		return request{}, errBusy
	}
	body, err := readBody(r, int(size))
	if err != nil {
		return request{}, err
	}
	// The end is what makes a request whole: a caller that broke off before it may rely on no handler having run.
	if err := readEnd(r); err != nil {
		return request{}, err
	}
	budget := time.Duration(binary.BigEndian.Uint32(head[:])) * time.Millisecond
	return request{budget: budget, method: string(rest[:length]), body: body}, nil
}

var errBusy = errors.New("too many bytes of requests")

// appendReply appends a reply. Codes and texts are cut to their limits; the caller has checked the length of a result.
func appendReply(b []byte, r reply) []byte {
	code, body := r.code, r.body
	if r.status != statusOK {
		code, body = code[:min(len(code), MaxErrorCode)], body[:min(len(body), MaxErrorMessage)]
	}
	b = append(b, byte(r.status), byte(len(code)))
	b = append(b, code...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
	return append(b, body...)
}

// readReply reads one reply, not the end of the stream.
func readReply(r io.Reader) (reply, error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return reply{}, err
	}
	kind, length := status(head[0]), int(head[1])
	if kind > statusFailed || length > MaxErrorCode || (kind == statusOK && length != 0) {
		return reply{}, fmt.Errorf("%w: a reply of status %d with a code of %d bytes", errMalformed, kind, length)
	}
	rest := make([]byte, length+4)
	if _, err := io.ReadFull(r, rest); err != nil {
		return reply{}, err
	}
	size, limit := binary.BigEndian.Uint32(rest[length:]), uint32(MaxMessage)
	if kind != statusOK {
		limit = MaxErrorMessage
	}
	if size > limit {
		return reply{}, fmt.Errorf("%w: a reply of %d bytes", errTooLarge, size)
	}
	body, err := readBody(r, int(size))
	if err != nil {
		return reply{}, err
	}
	return reply{status: kind, code: string(rest[:length]), body: body}, nil
}

// readBody reads exactly size bytes. A length field alone is worth eagerBody bytes of memory, no more.
func readBody(r io.Reader, size int) ([]byte, error) {
	if size <= eagerBody {
		body := make([]byte, size)
		_, err := io.ReadFull(r, body)
		return body, err
	}
	var body bytes.Buffer
	body.Grow(eagerBody)
	if _, err := io.CopyN(&body, r, int64(size)); err != nil {
		return nil, err
	}
	return body.Bytes(), nil
}

// readEnd is nil if the stream ends here.
func readEnd(r io.Reader) error {
	var b [1]byte
	switch n, err := io.ReadFull(r, b[:]); {
	case n > 0:
		return fmt.Errorf("%w: bytes after its end", errMalformed)
	case errors.Is(err, io.EOF):
		return nil
	default:
		return err
	}
}

// appendChunkHeader appends the length of a chunk; zero ends the chunks.
func appendChunkHeader(b []byte, size int) []byte {
	return binary.BigEndian.AppendUint32(b, uint32(size))
}

// readChunkHeader reads the length of a chunk.
func readChunkHeader(r io.Reader) (int, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size > maxChunk {
		return 0, fmt.Errorf("%w: a chunk of %d bytes", errTooLarge, size)
	}
	return int(size), nil
}
