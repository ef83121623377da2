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

// equalFold reports whether two wire names are the same, in whatever case.
func equalFold(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i, c := range a {
		if lower[c] != lower[b[i]] {
			return false
		}
	}
	return true
}

// withinFold is within for a wire name in any case.
func withinFold(wire, zone []byte) bool {
	for len(wire) > len(zone) {
		wire = parent(wire)
	}
	return equalFold(wire, zone)
}

// canonical appends what orders names below a zone as RFC 4034 §6.1 does, octet by octet, when it is appended
// to nothing: the labels that the name has more than the zone, the last one first, each ended by 0.
func canonical(dst, wire, zone []byte) []byte {
	var starts [maxLabels]uint8
	n := 0
	for at := 0; at < len(wire)-len(zone); at += 1 + int(wire[at]) {
		starts[n] = uint8(at)
		n++
	}
	for n--; n >= 0; n-- {
		at := int(starts[n])
		for _, c := range wire[at+1 : at+1+int(wire[at])] {
			if c <= 1 { // 0 ends a label, so it can't be in one
				dst = append(dst, 1, c+1)
			} else {
				dst = append(dst, c)
			}
		}
		dst = append(dst, 0)
	}
	return dst
}

// hashSize is the length of SHA-1, the only hash that NSEC3 knows, and labelSize that of its label (RFC 5155 §3.3).
const (
	hashSize  = 20
	labelSize = 32
)

const base32hex = "0123456789abcdefghijklmnopqrstuv"

// hashLabel writes the label of a hash, without its length.
func hashLabel(dst *[labelSize]byte, hash *[hashSize]byte) {
	for i, j := 0, 0; i < hashSize; i, j = i+5, j+8 {
		b := uint64(hash[i])<<32 | uint64(hash[i+1])<<24 | uint64(hash[i+2])<<16 | uint64(hash[i+3])<<8 | uint64(hash[i+4])
		for k := range 8 {
			dst[j+k] = base32hex[b>>(35-5*k)&31]
		}
	}
}

// labelHash undoes hashLabel; false when the label is none of a hash.
func labelHash(dst *[hashSize]byte, label []byte) bool {
	if len(label) != labelSize {
		return false
	}
	for i, j := 0, 0; i < hashSize; i, j = i+5, j+8 {
		var b uint64
		for _, c := range label[j : j+8] {
			switch {
			case '0' <= c && c <= '9':
				c -= '0'
			case 'a' <= c && c <= 'v':
				c -= 'a' - 10
			default:
				return false
			}
			b = b<<5 | uint64(c)
		}
		dst[i], dst[i+1], dst[i+2], dst[i+3], dst[i+4] = byte(b>>32), byte(b>>24), byte(b>>16), byte(b>>8), byte(b)
	}
	return true
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

// follow takes the name at an offset of a message of ours, compressed or not, folding its case. It
// reports false when it is none that fits.
func (l *labels) follow(msg []byte, at int) bool {
	i := 0
	for l.n = 0; ; {
		c := int(msg[at])
		if c >= 0xc0 {
			at = int(be.Uint16(msg[at:]) & 0x3fff)
			continue
		}
		if i+1+c > maxName || c > 0 && i+1+c >= maxName {
			return false
		}
		l.off[l.n] = uint8(i)
		l.buf[i] = byte(c)
		i++
		at++
		if c == 0 {
			l.wire = l.buf[:i]
			return true
		}
		for end := i + c; i < end; i, at = i+1, at+1 {
			l.buf[i] = lower[msg[at]]
		}
		l.n++
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
