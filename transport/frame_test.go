package transport

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func always(int) bool { return true }

func TestRequestsSurviveTheWire(t *testing.T) {
	t.Parallel()
	for _, want := range []request{
		{method: "m"},
		{method: strings.Repeat("m", MaxMethod), body: []byte("body"), budget: 8 * time.Second},
		{method: "m", body: pattern(eagerBody + 1), budget: time.Millisecond},
		{method: "m", budget: math.MaxUint32 * time.Millisecond},
	} {
		got, err := readRequest(iotest.OneByteReader(bytes.NewReader(appendRequest(nil, want))), always)
		if err != nil || got.method != want.method || got.budget != want.budget || !bytes.Equal(got.body, want.body) {
			t.Errorf("%s with %d bytes and %s came out with %d bytes and %s: %v",
				want.method, len(want.body), want.budget, len(got.body), got.budget, err)
		}
	}
}

func TestBudgetIsNeverRoundedToNone(t *testing.T) {
	t.Parallel()
	for budget, want := range map[time.Duration]time.Duration{
		time.Nanosecond:         time.Millisecond,
		math.MaxInt64:           math.MaxUint32 * time.Millisecond,
		1999 * time.Microsecond: time.Millisecond,
	} {
		got, err := readRequest(bytes.NewReader(appendRequest(nil, request{method: "m", budget: budget})), always)
		if err != nil || got.budget != want {
			t.Errorf("%s became %s, want %s (%v)", budget, got.budget, want, err)
		}
	}
}

func TestBadRequestsAreRefused(t *testing.T) {
	t.Parallel()
	whole := appendRequest(nil, request{method: "method", body: []byte("body"), budget: time.Second})
	for cut := range whole {
		if _, err := readRequest(bytes.NewReader(whole[:cut]), always); !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut after %d bytes: %v", cut, err)
		}
	}
	for _, test := range []struct {
		name  string
		input []byte
		want  error
	}{
		{"bytes after the end", append(bytes.Clone(whole), 0), errMalformed},
		{"no method", []byte{0, 0, 0, 0, 0, 0, 0, 0, 0}, errMalformed},
		{"long method", append([]byte{0, 0, 0, 0, MaxMethod + 1}, make([]byte, 100)...), errMalformed},
		{"oversize", []byte{0, 0, 0, 0, 1, 'm', 1, 0, 0, 1}, errTooLarge},
		{"4 GiB", []byte{0, 0, 0, 0, 1, 'm', 255, 255, 255, 255}, errTooLarge},
		{"the largest, but not there", []byte{0, 0, 0, 0, 1, 'm', 1, 0, 0, 0, 'x'}, io.ErrUnexpectedEOF},
	} {
		if _, err := readRequest(bytes.NewReader(test.input), always); !errors.Is(err, test.want) && !(test.want == io.ErrUnexpectedEOF && errors.Is(err, io.EOF)) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
	if _, err := readRequest(bytes.NewReader(whole), func(n int) bool { return n != 4 }); !errors.Is(err, errBusy) {
		t.Errorf("no room for 4 bytes: %v", err)
	}
}

// A peer must not make this node allocate by a length field alone: the room offered to a reader is the memory that was set aside.
func TestLengthFieldAloneAllocatesLittle(t *testing.T) {
	t.Parallel()
	r := &roomReader{input: append([]byte{0, 0, 0, 0, 1, 'm', 1, 0, 0, 0}, make([]byte, 1000)...)}
	if _, err := readRequest(r, always); err == nil {
		t.Error("a request of 16 MiB was found in 1000 bytes")
	}
	if r.room > 2*eagerBody {
		t.Errorf("for 16 MiB claimed and 1000 bytes sent %d bytes were set aside, want at most %d", r.room, 2*eagerBody)
	}
}

// roomReader remembers the largest buffer that it was given to read into.
type roomReader struct {
	input []byte
	room  int
}

func (r *roomReader) Read(p []byte) (int, error) {
	r.room = max(r.room, len(p))
	n := copy(p, r.input)
	r.input = r.input[n:]
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func TestRepliesSurviveTheWire(t *testing.T) {
	t.Parallel()
	for _, want := range []reply{
		{},
		{body: pattern(100_000)},
		{status: statusError, code: "code", body: []byte("text")},
		{status: statusFailed, code: strings.Repeat("c", MaxErrorCode), body: pattern(MaxErrorMessage)},
	} {
		r := bytes.NewReader(appendReply(nil, want))
		got, err := readReply(iotest.HalfReader(r))
		if err != nil || got.status != want.status || got.code != want.code || !bytes.Equal(got.body, want.body) || r.Len() != 0 {
			t.Errorf("%+v came out as %+v, %v", want, got, err)
		}
	}
}

func TestBadRepliesAreRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		input []byte
		want  error
	}{
		{"unknown status", []byte{3, 0, 0, 0, 0, 0}, errMalformed},
		{"long code", []byte{1, MaxErrorCode + 1, 0, 0, 0, 0}, errMalformed},
		{"success with a code", []byte{0, 1, 'c', 0, 0, 0, 0}, errMalformed},
		{"oversize", []byte{0, 0, 1, 0, 0, 1}, errTooLarge},
		{"long text", []byte{1, 0, 0, 0, 4, 1}, errTooLarge},
		{"cut", []byte{0, 0, 0, 0, 0, 4, 'a'}, io.ErrUnexpectedEOF},
	} {
		if _, err := readReply(bytes.NewReader(test.input)); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
}

func TestALPN(t *testing.T) {
	t.Parallel()
	if got := alpn(ProtocolRaft, 3); got != "quorate-raft/1 g=3" {
		t.Errorf("raft in generation 3 is %q", got)
	}
	for _, s := range []string{"", "h3", "quorate-", "quorate-raft", "quorate-raft/1", "quorate-raft/1 g=", "quorate-raft/x g=1",
		"quorate-raft/1 g=-1", "quorate-mail/1 g=3", "quorate-raft/1 g=99999999999999999999"} {
		if _, _, _, ok := parseALPN(s); ok {
			t.Errorf("%q was taken", s)
		}
	}
}

func FuzzReadRequest(f *testing.F) {
	f.Add(appendRequest(nil, request{method: "echo", body: []byte("body"), budget: time.Second}))
	f.Add(appendRequest(nil, request{method: "m"}))
	f.Add([]byte{0, 0, 0, 0, 1, 'm', 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, input []byte) {
		r, err := readRequest(bytes.NewReader(input), always)
		if err == nil && !bytes.Equal(appendRequest(nil, r), input) {
			t.Errorf("%x is read as %+v, which is written otherwise", input, r)
		}
	})
}

func FuzzReadReply(f *testing.F) {
	f.Add(appendReply(nil, reply{body: []byte("body")}))
	f.Add(appendReply(nil, reply{status: statusError, code: "not-leader", body: []byte("text")}))
	f.Add([]byte{1, 255, 0})
	f.Fuzz(func(t *testing.T, input []byte) {
		in := bytes.NewReader(input)
		r, err := readReply(in)
		if err == nil && !bytes.Equal(appendReply(nil, r), input[:len(input)-in.Len()]) {
			t.Errorf("%x is read as %+v, which is written otherwise", input, r)
		}
	})
}

func FuzzParseALPN(f *testing.F) {
	f.Add("quorate-raft/1 g=3")
	f.Add("quorate-bulk/01 g=0")
	f.Add("h3")
	f.Fuzz(func(t *testing.T, s string) {
		p, version, generation, ok := parseALPN(s)
		if !ok || version != wireVersion {
			return
		}
		again, _, generationAgain, ok := parseALPN(alpn(p, generation))
		if !ok || again != p || generationAgain != generation {
			t.Errorf("%q is %s of generation %d, which is read otherwise", s, p, generation)
		}
	})
}
