package dnsserve

import (
	"bytes"
	"errors"
	"fmt"
)

var errName = errors.New("malformed domain name")

// lower maps ASCII capitals to small letters and leaves every other octet alone. Label lengths are below
// 'A', so whole wire names may be folded octet by octet (RFC 4343).
var lower = func() (t [256]byte) {
	for i := range t {
		t[i] = byte(i)
	}
	for c := 'A'; c <= 'Z'; c++ {
		t[c] = byte(c) - 'A' + 'a'
	}
	return t
}()

// parseName turns a fully qualified name in presentation form (RFC 1035 §5.1, escapes included) into its
// lower-case wire form.
func parseName(s string) ([]byte, error) {
	if s == "." {
		return []byte{0}, nil
	}
	wire := make([]byte, 1, len(s)+1)
	start := 0 // of the current label's length octet
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '.':
			n := len(wire) - start - 1
			if n == 0 || n > maxLabel {
				return nil, fmt.Errorf("%w %q: label of %d octets", errName, s, n)
			}
			wire[start] = byte(n)
			start = len(wire)
			wire = append(wire, 0)
			continue
		case c == '\\':
			var n int
			if c, n = unescape(s[i+1:]); n == 0 {
				return nil, fmt.Errorf("%w %q: bad escape", errName, s)
			}
			i += n
		}
		wire = append(wire, lower[c])
	}
	if start != len(wire)-1 {
		return nil, fmt.Errorf("%w %q: no final dot", errName, s)
	}
	if start == 0 || len(wire) > maxName {
		return nil, fmt.Errorf("%w %q: %d octets", errName, s, len(wire))
	}
	return wire, nil
}

// unescape reads what follows a backslash: three decimal digits or any other octet. It returns the octet
// and how many characters it took, 0 when they are no escape.
func unescape(s string) (byte, int) {
	digit := func(c byte) bool { return '0' <= c && c <= '9' }
	switch {
	case s == "":
		return 0, 0
	case !digit(s[0]):
		return s[0], 1
	case len(s) < 3 || !digit(s[1]) || !digit(s[2]):
		return 0, 0
	}
	n := int(s[0]-'0')*100 + int(s[1]-'0')*10 + int(s[2]-'0')
	if n > 255 {
		return 0, 0
	}
	return byte(n), 3
}

// nameLen returns the length of the uncompressed wire name at the start of b, 0 when there is none.
func nameLen(b []byte) int {
	for i := 0; i < len(b) && i < maxName; i += 1 + int(b[i]) {
		if b[i] == 0 {
			return i + 1
		}
		if b[i] > maxLabel {
			return 0
		}
	}
	return 0
}

// labelCount returns the number of labels of a valid wire name, the root not counted.
func labelCount(wire []byte) (n int) {
	for i := 0; wire[i] != 0; i += 1 + int(wire[i]) {
		n++
	}
	return n
}

// parent returns the wire name without its first label. The root has none: don't ask.
func parent(wire []byte) []byte { return wire[1+wire[0]:] }

// within reports whether the wire name is zone or below it. Both are lower-case.
func within(wire, zone []byte) bool {
	for len(wire) > len(zone) {
		wire = parent(wire)
	}
	return bytes.Equal(wire, zone)
}

// isWildcard reports whether the first label is a lone asterisk (RFC 4592 §2.1.1).
func isWildcard(wire []byte) bool { return wire[0] == 1 && wire[1] == '*' }

// fold returns a lower-case copy of the wire name.
func fold(wire []byte) []byte {
	out := make([]byte, len(wire))
	for i, c := range wire {
		out[i] = lower[c]
	}
	return out
}

// labels is a lower-case wire name cut into labels. It lives in the scratch space of a worker.
type labels struct {
	wire []byte // the name, in buf
	buf  [maxName]byte
	off  [maxLabels + 1]uint8 // off[i] is where label i starts; off[n] is the root's octet
	n    int                  // number of labels, the root not counted
}

// read takes the uncompressed name at the start of msg, folding its case, and returns its length; 0 when
// msg holds no whole name.
func (l *labels) read(msg []byte) int {
	i := 0
	for l.n = 0; ; l.n++ {
		if i >= len(msg) || i >= maxName {
			return 0
		}
		c := int(msg[i])
		if c > 0 && (c > maxLabel || i+1+c >= maxName || i+1+c > len(msg)) {
			return 0
		}
		l.off[l.n] = uint8(i)
		l.buf[i] = byte(c)
		i++
		if c == 0 {
			l.wire = l.buf[:i]
			return i
		}
		for end := i + c; i < end; i++ {
			l.buf[i] = lower[msg[i]]
		}
	}
}

// suffix returns the last n labels and the root.
func (l *labels) suffix(n int) []byte { return l.wire[l.off[l.n-n]:] }

// show returns the presentation form of a wire name, for messages.
func show(wire []byte) string {
	if wire[0] == 0 {
		return "."
	}
	var out []byte
	for ; wire[0] != 0; wire = parent(wire) {
		for _, c := range wire[1 : 1+wire[0]] {
			switch {
			case c == '.' || c == '\\':
				out = append(out, '\\', c)
			case c <= ' ' || c > '~':
				out = fmt.Appendf(out, "\\%03d", c)
			default:
				out = append(out, c)
			}
		}
		out = append(out, '.')
	}
	return string(out)
}
