package epp

import (
	"regexp"
	"unicode/utf8"

	"quorate/epp/xmlschema"
	"quorate/epp/xmltree"
	"quorate/fsm/registry"
)

// schema reads elements, and knows the types that objects share.
type schema struct{ xmlschema.Schema }

// failAt makes a Failure about an element.
func failAt(code registry.Code, e *xmltree.Element, reason string, args ...any) *registry.Failure {
	return xmlschema.FailAt(code, e, reason, args...)
}

// roidPattern is roidType; Schema's \w is Unicode's.
var roidPattern = regexp.MustCompile(`^[\pL\pN\pM_]{1,80}-[\pL\pN\pM_]{1,8}$`)

// authInfo is authorization information as a client gives it.
type authInfo struct {
	given    bool
	element  string // its pw, for failures about it
	password string
	roid     string // of the object that the password belongs to, if not the one in question
}

// authInfo reads an authInfoType, or an authInfoChgType when null may stand for none.
func (x *schema) authInfo(e *xmltree.Element, orNull bool) (a authInfo) {
	if e == nil {
		return a
	}
	a.given = true
	q := x.Sequence(e)
	switch {
	case q.Peek("ext"):
		ext := q.Required("ext")
		inner := x.Sequence(ext)
		inner.Foreign()
		inner.End()
		x.Refuse(registry.UnimplementedOption, ext, "authorization information is a password here")
	case orNull && q.Peek("null"):
		x.Empty(q.Required("null"))
	default:
		pw := q.Required("pw", "roid")
		a.element = xmlschema.ElementName(pw)
		a.password = x.Line(pw, 0, len(pw.Text))
		if utf8.RuneCountInString(a.password) > MaxAuthInfo {
			x.Refuse(registry.ParameterPolicy, pw, "more than %d characters", MaxAuthInfo)
		}
		if roid, ok := pw.Attr("roid"); ok {
			if a.roid = xmltree.Collapse(roid); !roidPattern.MatchString(a.roid) {
				x.Violate(pw, "the attribute roid is no repository object identifier")
			}
		}
	}
	q.End()
	return a
}

// status reads statusTypes of an object whose schema knows these values. Each may be named once.
func (x *schema) statuses(all []xmltree.Element, known registry.Statuses) (set registry.Statuses) {
	for i := range all {
		e := &all[i]
		x.Text(e)
		x.Language(e)
		name := x.Choice(e, "s", "", known.Names()...)
		s, _ := registry.ParseStatus(name)
		if set.Has(s) {
			x.Refuse(registry.ParameterPolicy, e, "the status %s is named twice", name)
		}
		set |= s
	}
	return set
}
