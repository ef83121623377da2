// Package xmltree reads small XML documents into trees, strictly: namespaces
// are resolved (Namespaces in XML 1.0), and whatever a protocol message has no
// business with is refused: document types, entities of the document's own,
// processing instructions, a second XML declaration. It knows nothing about
// schemas.
package xmltree

import (
	"strings"
	"unicode/utf8"
)

// Element is an element with its resolved name.
type Element struct {
	Space    string // namespace URI; "" for none
	Name     string // local name
	Attrs    []Attr // without namespace declarations
	Children []Element
	Text     string // all character data directly inside, run together
}

// Attr is an attribute with its resolved name.
type Attr struct {
	Space string // namespace URI; "" for an unprefixed attribute
	Name  string // local name
	Value string
}

// Is says whether e has this namespace and local name.
func (e *Element) Is(space, name string) bool { return e.Name == name && e.Space == space }

// Attr is the value of the attribute that has a local name and no namespace.
func (e *Element) Attr(name string) (value string, ok bool) {
	for i := range e.Attrs {
		if e.Attrs[i].Space == "" && e.Attrs[i].Name == name {
			return e.Attrs[i].Value, true
		}
	}
	return "", false
}

// Child is the first child with a local name in e's own namespace, or nil.
func (e *Element) Child(name string) *Element {
	for i := range e.Children {
		if c := &e.Children[i]; c.Is(e.Space, name) {
			return c
		}
	}
	return nil
}

// Token is the text with white space collapsed, as XML Schema's type token has it.
func (e *Element) Token() string { return Collapse(e.Text) }

// Collapse trims white space and makes one space of each run inside (XML Schema Part 2 §4.3.6).
func Collapse(s string) string {
	for i := range len(s) {
		if isSpace(s[i]) {
			return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r < utf8.RuneSelf && isSpace(byte(r)) }), " ")
		}
	}
	return s
}

// Replace makes each white space character a space, as XML Schema's type normalizedString has it.
func Replace(s string) string {
	if !strings.ContainsAny(s, "\t\n\r") {
		return s
	}
	return strings.NewReplacer("\t", " ", "\n", " ", "\r", " ").Replace(s)
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

func blank(s string) bool {
	for i := range len(s) {
		if !isSpace(s[i]) {
			return false
		}
	}
	return true
}

// AppendText appends s escaped for use as character data or in an attribute
// between double quotes. Characters that XML can't hold become U+FFFD.
func AppendText(dst []byte, s string) []byte {
	done := 0
	for i := 0; i < len(s); {
		c, width := rune(s[i]), 1
		if c >= utf8.RuneSelf {
			c, width = utf8.DecodeRuneInString(s[i:])
		}
		if insert := escape(c, width); insert != "" {
			dst = append(append(dst, s[done:i]...), insert...)
			done = i + width
		}
		i += width
	}
	return append(dst, s[done:]...)
}

func escape(c rune, width int) string {
	switch {
	case c == '&':
		return "&amp;"
	case c == '<':
		return "&lt;"
	case c == '>':
		return "&gt;"
	case c == '"':
		return "&quot;"
	case c == '\r':
		return "&#13;"
	case c == '\n':
		return "&#10;"
	case c == '\t':
		return "&#9;"
	case c < ' ', c == utf8.RuneError && width == 1, c == 0xfffe, c == 0xffff:
		return "\uFFFD"
	}
	return ""
}
