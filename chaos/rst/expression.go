package rst

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// Cells of a data provider are literal texts, or expressions in braces: {EMPTY}, {AUTO}, {PREVIOUS}, or terms joined by "&", each a
// text between double quotes, a variable ($TLD, $PREFIX, or a column of the row as $name), or a random function with the number of
// characters: RANDCHARS and RANDASCII give letters and digits that begin with a letter, RANDHEX gives as many octets in hex.

// The cells that stand for something.
const (
	cellEmpty    = "{EMPTY}"
	cellAuto     = "{AUTO}"
	cellPrevious = "{PREVIOUS}"
)

// ErrExpression says that a cell of a data provider can't be understood.
var ErrExpression = errors.New("not an expression")

// scope is what an expression may refer to.
type scope struct {
	variables map[string]string // by name, without $
	random    *rand.Rand
}

// evaluate is what a cell comes to, but for {EMPTY}, {AUTO} and {PREVIOUS}, which stay as they are.
func (s scope) evaluate(cell string) (string, error) {
	switch cell {
	case cellEmpty, cellAuto, cellPrevious:
		return cell, nil
	}
	if !strings.HasPrefix(cell, "{") || !strings.HasSuffix(cell, "}") {
		return cell, nil
	}
	rest := strings.TrimSpace(cell[1 : len(cell)-1])
	var out strings.Builder
	for {
		value, after, err := s.term(rest)
		if err != nil {
			return "", fmt.Errorf("%w: %s: %w", ErrExpression, cell, err)
		}
		out.WriteString(value)
		if rest = strings.TrimSpace(after); rest == "" {
			return out.String(), nil
		}
		if rest[0] != '&' {
			return "", fmt.Errorf("%w: %s: & should be at %q", ErrExpression, cell, rest)
		}
		rest = strings.TrimSpace(rest[1:])
	}
}

// term reads one term.
func (s scope) term(in string) (value, rest string, err error) {
	switch {
	case strings.HasPrefix(in, `"`):
		end := strings.IndexByte(in[1:], '"')
		if end < 0 {
			return "", "", errors.New("a text is not closed")
		}
		return in[1 : 1+end], in[end+2:], nil
	case strings.HasPrefix(in, "$"):
		name, rest := word(in[1:])
		v, ok := s.variables[name]
		if !ok {
			return "", "", fmt.Errorf("there is no $%s", name)
		}
		return v, rest, nil
	}
	name, rest := word(in)
	argument, after, ok := strings.Cut(rest, ")")
	argument, opened := strings.CutPrefix(argument, "(")
	n, err := strconv.Atoi(strings.TrimSpace(argument))
	if name == "" || !ok || !opened || err != nil || n < 0 || n > maxRandom {
		return "", "", fmt.Errorf("no term at %q", in)
	}
	switch name {
	case "RANDCHARS", "RANDASCII":
		return s.characters(n), after, nil
	case "RANDHEX":
		return s.hex(n), after, nil
	}
	return "", "", fmt.Errorf("there is no function %s", name)
}

// word is the letters, digits and underscores that a text begins with, and the rest.
func word(in string) (word, rest string) {
	i := 0
	for i < len(in) && (in[i] == '_' || in[i] >= '0' && in[i] <= '9' || in[i]|0x20 >= 'a' && in[i]|0x20 <= 'z') {
		i++
	}
	return in[:i], in[i:]
}

func (s scope) characters(n int) string {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[s.random.IntN(len(letters))]
		if i == 0 {
			b[i] = letters[s.random.IntN(26)]
		}
	}
	return string(b)
}

func (s scope) hex(octets int) string {
	const digits = "0123456789ABCDEF"
	b := make([]byte, 2*octets)
	for i := range b {
		b[i] = digits[s.random.IntN(len(digits))]
	}
	return string(b)
}
