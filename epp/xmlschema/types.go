package xmlschema

import (
	"encoding/base64"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"quorate/epp/xmltree"
)

// Attributes allows e no attributes but these, and those that any element may have (XML Schema Part 1 §2.6).
func (x *Schema) Attributes(e *xmltree.Element, allowed []string) {
	for _, a := range e.Attrs {
		if a.Space == xsi && (a.Name == "schemaLocation" || a.Name == "noNamespaceSchemaLocation") {
			continue
		}
		if a.Space != "" || !slices.Contains(allowed, a.Name) {
			x.Violate(e, "the attribute %s is unknown", a.Name)
		}
	}
}

// Empty wants e to hold nothing.
func (x *Schema) Empty(e *xmltree.Element) {
	q := x.Sequence(e)
	q.End()
}

// Text is what e, which has no children, holds.
func (x *Schema) Text(e *xmltree.Element) string {
	if len(e.Children) > 0 {
		x.Violate(&e.Children[0], "the element is unknown, or out of place")
	}
	return e.Text
}

// Token is e's text as the type token, of min to max characters.
func (x *Schema) Token(e *xmltree.Element, min, max int) string {
	return x.length(e, xmltree.Collapse(x.Text(e)), min, max)
}

// Line is e's text as the type normalizedString, of min to max characters.
func (x *Schema) Line(e *xmltree.Element, min, max int) string {
	return x.length(e, xmltree.Replace(x.Text(e)), min, max)
}

func (x *Schema) length(e *xmltree.Element, s string, min, max int) string {
	if n := utf8.RuneCountInString(s); n < min || n > max {
		x.Violate(e, "%d characters, not %d to %d", n, min, max)
	}
	return s
}

// The types that the schemas share (eppcom-1.0).

// Identifier is e's text as a clIDType.
func (x *Schema) Identifier(e *xmltree.Element) string { return x.Token(e, 3, 16) }

// Label is e's text as a labelType.
func (x *Schema) Label(e *xmltree.Element) string { return x.Token(e, 1, 255) }

// Choice is the value of e's attribute called name, which must be among values; fallback when it is absent, unless that is "".
func (x *Schema) Choice(e *xmltree.Element, name, fallback string, values ...string) string {
	v, ok := e.Attr(name)
	if !ok {
		if fallback == "" {
			x.Violate(e, "the attribute %s is missing", name)
		}
		return fallback
	}
	v = xmltree.Collapse(v)
	if !slices.Contains(values, v) {
		x.Violate(e, "the attribute %s is none of %s", name, strings.Join(values, ", "))
	}
	return v
}

// Boolean is the value of e's attribute called name (XML Schema Part 2 §3.2.2).
func (x *Schema) Boolean(e *xmltree.Element, name string) bool {
	v := x.Choice(e, name, "", "true", "false", "1", "0")
	return v == "true" || v == "1"
}

// Language checks e's optional attribute lang (XML Schema Part 2 §3.3.3).
func (x *Schema) Language(e *xmltree.Element) {
	if v, ok := e.Attr("lang"); ok && !IsLanguage(xmltree.Collapse(v)) {
		x.Violate(e, "the attribute lang is no language")
	}
}

// Number is e's text as a whole number from min to max, none of them negative (XML Schema's unsignedShort and the like).
func (x *Schema) Number(e *xmltree.Element, min, max int) (n int) {
	s := xmltree.Collapse(x.Text(e))
	if s != "" && s[0] == '+' {
		s = s[1:]
	}
	if s == "" || len(s) > maxDigits {
		x.Violate(e, "not a number")
		return 0
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			x.Violate(e, "not a number")
			return 0
		}
		n = 10*n + int(s[i]-'0')
	}
	if n < min || n > max {
		x.Violate(e, "not from %d to %d", min, max)
	}
	return n
}

// Hex is e's text as the type hexBinary, which may be empty.
func (x *Schema) Hex(e *xmltree.Element) []byte {
	b, err := hex.DecodeString(xmltree.Collapse(x.Text(e)))
	if err != nil {
		x.Violate(e, "not pairs of hexadecimal digits")
	}
	return b
}

// Base64 is e's text as the type base64Binary, of at least min octets.
func (x *Schema) Base64(e *xmltree.Element, min int) []byte {
	s := strings.ReplaceAll(xmltree.Collapse(x.Text(e)), " ", "")
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil {
		x.Violate(e, "not base64")
	} else if len(b) < min {
		x.Violate(e, "%d octets, not at least %d", len(b), min)
	}
	return b
}

// Flag is e's text as the type boolean (XML Schema Part 2 §3.2.2).
func (x *Schema) Flag(e *xmltree.Element) bool {
	switch xmltree.Collapse(x.Text(e)) {
	case "true", "1":
		return true
	case "false", "0":
	default:
		x.Violate(e, "not a boolean")
	}
	return false
}

var languageTag = regexp.MustCompile(`^[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*$`)

// IsLanguage says whether s is of the form of XML Schema's type language.
func IsLanguage(s string) bool { return languageTag.MatchString(s) }
