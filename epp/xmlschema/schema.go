// Package xmlschema holds elements against XML schemas by hand: the reader that
// the parsers of all commands and extensions are made of. It knows the types
// that the schemas of EPP share, and no command.
package xmlschema

import (
	"unicode/utf8"

	"quorate/epp/xmltree"
	"quorate/fsm/registry"
)

// The namespaces that a document may use anywhere.
const (
	EPP = "urn:ietf:params:xml:ns:epp-1.0"
	xsi = "http://www.w3.org/2001/XMLSchema-instance"
)

// Prefixes are the customary prefixes of the object services' namespaces (RFC
// 5731 to 5733). A Failure of the registry names elements with them.
var Prefixes = map[string]string{
	"urn:ietf:params:xml:ns:domain-1.0":  "domain",
	"urn:ietf:params:xml:ns:host-1.0":    "host",
	"urn:ietf:params:xml:ns:contact-1.0": "contact",
}

// Schema holds elements against the XML schemas of RFC 5730 to 5733, by hand:
// order, cardinality, types. It notes the first violation and goes on, so that
// what reads a command is free of error handling; nothing that was read counts
// unless Failure returns nil.
type Schema struct {
	invalid *registry.Failure // 2001: the document isn't valid
	refused *registry.Failure // any other code: it is valid, but a value is wrong
}

// Failure is the first violation. Invalid documents come before wrong values, wherever they stand.
func (x *Schema) Failure() *registry.Failure {
	if x.invalid != nil {
		return x.invalid
	}
	return x.refused
}

// Violate notes that e is not valid.
func (x *Schema) Violate(e *xmltree.Element, reason string, args ...any) {
	if x.invalid == nil {
		x.invalid = FailAt(registry.CommandSyntax, e, reason, args...)
	}
}

// Refuse notes that e is valid but not acceptable.
func (x *Schema) Refuse(code registry.Code, e *xmltree.Element, reason string, args ...any) {
	if x.refused == nil {
		x.refused = FailAt(code, e, reason, args...)
	}
}

// FailAt makes a Failure about an element.
func FailAt(code registry.Code, e *xmltree.Element, reason string, args ...any) *registry.Failure {
	value := xmltree.Collapse(e.Text)
	if e.Name == "pw" || e.Name == "newPW" {
		value = "" // no secret goes anywhere but where it belongs
	}
	if utf8.RuneCountInString(value) > maxValue {
		value = string([]rune(value)[:maxValue])
	}
	return registry.Fail(code, ElementName(e), value, reason, args...)
}

// ElementName is how a Failure names an element: with the customary prefix,
// without one in EPP's own namespace, and as {URI}name in foreign ones.
func ElementName(e *xmltree.Element) string {
	if e.Space == EPP {
		return e.Name
	}
	if prefix, ok := Prefixes[e.Space]; ok {
		return prefix + ":" + e.Name
	}
	return "{" + e.Space + "}" + e.Name
}
