package frame

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func unit(body string) []byte { return End(append(Begin(nil), body...)) }

func TestUnitsComeBackInOrder(t *testing.T) {
	t.Parallel()
	bodies := []string{"x", strings.Repeat("y", 5000), strings.Repeat("z", 60000), "<epp/>\r\n"}
	var stream []byte
	for _, b := range bodies {
		stream = append(stream, unit(b)...)
	}
	for name, in := range map[string]io.Reader{
		"whole":              bytes.NewReader(stream),
		"octet by octet":     iotest.OneByteReader(bytes.NewReader(stream)),
		"data with an error": iotest.DataErrReader(bytes.NewReader(stream)),
	} {
		r := NewReader(in, 64<<10)
		for _, want := range bodies {
			if err := r.Await(); err != nil {
				t.Fatalf("%s: Await: %v", name, err)
			}
			got, err := r.Next()
			if err != nil || string(got) != want {
				t.Fatalf("%s: Next: %d octets, %v; want %d", name, len(got), err, len(want))
			}
		}
		if err := r.Await(); err != io.EOF {
			t.Errorf("%s: Await at the end: %v", name, err)
		}
		if _, err := r.Next(); err != io.EOF {
			t.Errorf("%s: Next at the end: %v", name, err)
		}
	}
}

func TestLengthsOutOfBounds(t *testing.T) {
	t.Parallel()
	for _, total := range []uint32{0, 1, 4, 1025, 1 << 31, 1<<32 - 1} {
		stream := binary.BigEndian.AppendUint32(nil, total)
		if _, err := NewReader(bytes.NewReader(append(stream, make([]byte, 2000)...)), 1024).Next(); !errors.Is(err, ErrLength) {
			t.Errorf("length %d: %v", total, err)
		}
	}
	for _, total := range []int{5, 1024} {
		stream := append(binary.BigEndian.AppendUint32(nil, uint32(total)), make([]byte, total-4)...)
		if got, err := NewReader(bytes.NewReader(stream), 1024).Next(); err != nil || len(got) != total-4 {
			t.Errorf("length %d: %d octets, %v", total, len(got), err)
		}
	}
}

func TestCutUnits(t *testing.T) {
	t.Parallel()
	whole := unit("<epp/>")
	for n := 1; n < len(whole); n++ {
		if _, err := NewReader(bytes.NewReader(whole[:n]), 1024).Next(); err != io.ErrUnexpectedEOF {
			t.Errorf("%d of %d octets: %v", n, len(whole), err)
		}
	}
}

func TestMemoryFollowsArrival(t *testing.T) {
	t.Parallel()
	stream := append(binary.BigEndian.AppendUint32(nil, 1<<30), "just this"...)
	r := NewReader(bytes.NewReader(stream), 1<<30)
	if _, err := r.Next(); err != io.ErrUnexpectedEOF {
		t.Fatal(err)
	}
	if cap(r.buf) > 4*step {
		t.Errorf("%d octets reserved for a unit of which 9 came", cap(r.buf))
	}
}

func FuzzReader(f *testing.F) {
	f.Add(unit("<epp/>"))
	f.Add(append(unit("a"), unit("bc")...))
	f.Add([]byte{0, 0, 0, 4})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 'x'})
	f.Fuzz(func(t *testing.T, stream []byte) {
		const max = 4096
		r := NewReader(bytes.NewReader(stream), max)
		var again []byte
		for {
			body, err := r.Next()
			if err != nil {
				break
			}
			if len(body) == 0 || len(body) > max-HeaderSize {
				t.Fatalf("a unit of %d octets", len(body))
			}
			again = append(again, unit(string(body))...)
		}
		if !bytes.HasPrefix(stream, again) {
			t.Fatal("the units read are not those of the stream")
		}
	})
}
