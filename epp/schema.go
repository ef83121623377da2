package epp

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"quorate/epp/xmltree"
	"quorate/fsm/registry"
)

// schema holds elements against the XML schemas of RFC 5730 to 5733, by hand:
// order, cardinality, types. It notes the first violation and goes on, so that
// what reads a command is free of error handling; nothing that was read counts
// unless failure returns nil.
type schema struct {
	invalid *registry.Failure // 2001: the document isn't valid
	refused *registry.Failure // any other code: it is valid, but a value is wrong
}

// failure is the first violation. Invalid documents come before wrong values, wherever they stand.
func (x *schema) failure() *registry.Failure {
	if x.invalid != nil {
		return x.invalid
	}
	return x.refused
}

// violate notes that e is not valid.
func (x *schema) violate(e *xmltree.Element, reason string, args ...any) {
	if x.invalid == nil {
		x.invalid = failAt(registry.CommandSyntax, e, reason, args...)
	}
}

// refuse notes that e is valid but not acceptable.
func (x *schema) refuse(code registry.Code, e *xmltree.Element, reason string, args ...any) {
	if x.refused == nil {
		x.refused = failAt(code, e, reason, args...)
	}
}

// failAt makes a Failure about an element.
func failAt(code registry.Code, e *xmltree.Element, reason string, args ...any) *registry.Failure {
	value := xmltree.Collapse(e.Text)
	if e.Name == "pw" || e.Name == "newPW" {
		value = "" // no secret goes anywhere but where it belongs
	}
	if utf8.RuneCountInString(value) > maxValue {
		value = string([]rune(value)[:maxValue])
	}
	return registry.Fail(code, elementName(e), value, reason, args...)
}

// elementName is how a Failure names an element: with the customary prefix,
// without one in EPP's own namespace, and as {URI}name in foreign ones.
func elementName(e *xmltree.Element) string {
	if e.Space == nsEPP {
		return e.Name
	}
	if prefix, ok := prefixes[e.Space]; ok {
		return prefix + ":" + e.Name
	}
	return "{" + e.Space + "}" + e.Name
}

// sequence reads the children of an element in the order that the schema wants.
type sequence struct {
	x  *schema
	of *xmltree.Element
	at int // of the next child
}

// sequence begins to read the children of e, which holds no text.
func (x *schema) sequence(e *xmltree.Element) sequence {
	if xmltree.Collapse(e.Text) != "" {
		x.violate(e, "text where only elements may be")
	}
	return sequence{x: x, of: e}
}

// next is the next child if it is called name, in its parent's namespace, with no attributes but attrs.
func (q *sequence) next(name string, attrs []string) *xmltree.Element {
	if q.at == len(q.of.Children) {
		return nil
	}
	e := &q.of.Children[q.at]
	if !e.Is(q.of.Space, name) {
		return nil
	}
	q.at++
	q.x.attributes(e, attrs)
	return e
}

// optional is the next child if it is called name, else nil.
func (q *sequence) optional(name string, attrs ...string) *xmltree.Element {
	return q.next(name, attrs)
}

// required is the next child, which must be called name; if it is not, an empty element.
func (q *sequence) required(name string, attrs ...string) *xmltree.Element {
	if e := q.next(name, attrs); e != nil {
		return e
	}
	q.unexpected(name)
	return &xmltree.Element{Space: q.of.Space, Name: name}
}

// repeated are the next children called name: at least min, and no more than max; no limit if that is nought.
func (q *sequence) repeated(name string, min, max int, attrs ...string) []xmltree.Element {
	from := q.at
	for q.next(name, attrs) != nil {
	}
	all := q.of.Children[from:q.at]
	if len(all) < min {
		q.unexpected(name)
	}
	if max > 0 && len(all) > max {
		q.x.violate(&all[max], "at most %d of these may be here", max)
		return all[:max]
	}
	return all
}

// foreign is the next child, which must be of another namespace.
func (q *sequence) foreign() *xmltree.Element {
	if q.at < len(q.of.Children) {
		if e := &q.of.Children[q.at]; e.Space != q.of.Space {
			q.at++
			return e
		}
	}
	q.unexpected("an element of another namespace")
	return &xmltree.Element{}
}

// end says that nothing else may come.
func (q *sequence) end() {
	if q.at < len(q.of.Children) {
		q.x.violate(&q.of.Children[q.at], "the element is unknown, or out of place")
	}
}

func (q *sequence) unexpected(wanted string) {
	if q.at < len(q.of.Children) {
		q.x.violate(&q.of.Children[q.at], "%s should be here", wanted)
	} else {
		q.x.violate(q.of, "%s is missing at the end", wanted)
	}
}

// attributes allows e no attributes but these, and those that any element may have (XML Schema Part 1 §2.6).
func (x *schema) attributes(e *xmltree.Element, allowed []string) {
	for _, a := range e.Attrs {
		if a.Space == nsXSI && (a.Name == "schemaLocation" || a.Name == "noNamespaceSchemaLocation") {
			continue
		}
		if a.Space != "" || !slices.Contains(allowed, a.Name) {
			x.violate(e, "the attribute %s is unknown", a.Name)
		}
	}
}

// empty wants e to hold nothing.
func (x *schema) empty(e *xmltree.Element) {
	q := x.sequence(e)
	q.end()
}

// text is what e, which has no children, holds.
func (x *schema) text(e *xmltree.Element) string {
	if len(e.Children) > 0 {
		x.violate(&e.Children[0], "the element is unknown, or out of place")
	}
	return e.Text
}

// token is e's text as the type token, of min to max characters.
func (x *schema) token(e *xmltree.Element, min, max int) string {
	return x.length(e, xmltree.Collapse(x.text(e)), min, max)
}

// line is e's text as the type normalizedString, of min to max characters.
func (x *schema) line(e *xmltree.Element, min, max int) string {
	return x.length(e, xmltree.Replace(x.text(e)), min, max)
}

func (x *schema) length(e *xmltree.Element, s string, min, max int) string {
	if n := utf8.RuneCountInString(s); n < min || n > max {
		x.violate(e, "%d characters, not %d to %d", n, min, max)
	}
	return s
}

// The types that the schemas share (eppcom-1.0).

// identifier is e's text as a clIDType.
func (x *schema) identifier(e *xmltree.Element) string { return x.token(e, 3, 16) }

// label is e's text as a labelType.
func (x *schema) label(e *xmltree.Element) string { return x.token(e, 1, 255) }

// choice is the value of e's attribute called name, which must be among values; fallback when it is absent, unless that is "".
func (x *schema) choice(e *xmltree.Element, name, fallback string, values ...string) string {
	v, ok := e.Attr(name)
	if !ok {
		if fallback == "" {
			x.violate(e, "the attribute %s is missing", name)
		}
		return fallback
	}
	v = xmltree.Collapse(v)
	if !slices.Contains(values, v) {
		x.violate(e, "the attribute %s is none of %s", name, strings.Join(values, ", "))
	}
	return v
}

// boolean is the value of e's attribute called name (XML Schema Part 2 §3.2.2).
func (x *schema) boolean(e *xmltree.Element, name string) bool {
	v := x.choice(e, name, "", "true", "false", "1", "0")
	return v == "true" || v == "1"
}

// language checks e's optional attribute lang (XML Schema Part 2 §3.3.3).
func (x *schema) language(e *xmltree.Element) {
	if v, ok := e.Attr("lang"); ok && !languageTag.MatchString(xmltree.Collapse(v)) {
		x.violate(e, "the attribute lang is no language")
	}
}

var (
	languageTag = regexp.MustCompile(`^[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*$`)
	roidPattern = regexp.MustCompile(`^[\pL\pN\pM_]{1,80}-[\pL\pN\pM_]{1,8}$`) // roidType; Schema's \w is Unicode's
)

// authInfo is authorization information as a client gives it.
type authInfo struct {
	given    bool
	password string
	roid     string // of the object that the password belongs to, if not the one in question
}

// authInfo reads an authInfoType, or an authInfoChgType when null may stand for none.
func (x *schema) authInfo(e *xmltree.Element, orNull bool) (a authInfo) {
	if e == nil {
		return a
	}
	a.given = true
	q := x.sequence(e)
	switch {
	case q.peek("ext"):
		ext := q.required("ext")
		inner := x.sequence(ext)
		inner.foreign()
		inner.end()
		x.refuse(registry.UnimplementedOption, ext, "authorization information is a password here")
	case orNull && q.peek("null"):
		x.empty(q.required("null"))
	default:
		pw := q.required("pw", "roid")
		a.password = x.line(pw, 0, len(pw.Text))
		if utf8.RuneCountInString(a.password) > MaxAuthInfo {
			x.refuse(registry.ParameterPolicy, pw, "more than %d characters", MaxAuthInfo)
		}
		if roid, ok := pw.Attr("roid"); ok {
			if a.roid = xmltree.Collapse(roid); !roidPattern.MatchString(a.roid) {
				x.violate(pw, "the attribute roid is no repository object identifier")
			}
		}
	}
	q.end()
	return a
}

// peek says whether the next child is called name.
func (q *sequence) peek(name string) bool {
	return q.at < len(q.of.Children) && q.of.Children[q.at].Is(q.of.Space, name)
}

// status reads statusTypes of an object whose schema knows these values. Each may be named once.
func (x *schema) statuses(all []xmltree.Element, known registry.Statuses) (set registry.Statuses) {
	for i := range all {
		e := &all[i]
		x.text(e)
		x.language(e)
		name := x.choice(e, "s", "", known.Names()...)
		s, _ := registry.ParseStatus(name)
		if set.Has(s) {
			x.refuse(registry.ParameterPolicy, e, "the status %s is named twice", name)
		}
		set |= s
	}
	return set
}

// seal keeps authorization information from readers of the state. The error answers 2400.
func seal(r Registry, a authInfo) (sealed registry.AuthInfo, fail *registry.Failure) {
	if a.password == "" {
		return sealed, nil
	}
	b, err := r.Seal([]byte(a.password))
	if err != nil {
		return sealed, registry.Fail(registry.CommandFailed, "", "", "%s", fmt.Sprintf("authorization information can't be kept: %v", err))
	}
	return registry.AuthInfo{Sealed: b}, nil
}
