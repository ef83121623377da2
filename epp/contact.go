package epp

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"quorate/epp/xmltree"
	"quorate/fsm/registry"
)

// What the commands on contacts share (RFC 5733).

// contactStatuses are the values of contact:statusValueType.
const contactStatuses = registry.ContactSettable | registry.Linked | registry.OK |
	registry.PendingCreate | registry.PendingDelete | registry.PendingTransfer | registry.PendingUpdate

const contactXMLNS = ` xmlns:contact="` + nsContact + `">`

// postalInfos reads postalInfoTypes: one or two, of different types.
func (x *schema) postalInfos(all []xmltree.Element) (infos []registry.PostalInfo) {
	for i := range all {
		e := &all[i]
		p := x.postalInfo(e)
		if slices.ContainsFunc(infos, func(o registry.PostalInfo) bool { return o.Type == p.Type }) {
			x.Refuse(registry.ParameterPolicy, e, "two addresses of the type %s", p.Type)
		}
		infos = append(infos, p)
	}
	return infos
}

func (x *schema) postalInfo(e *xmltree.Element) (p registry.PostalInfo) {
	p.Type = x.Choice(e, "type", "", "loc", "int")
	q := x.Sequence(e)
	p.Name = x.postalLine(q.Required("name"), 1)
	p.Org = x.postalLine(q.Optional("org"), 0)
	addr := q.Required("addr")
	q.End()
	x.address(addr, &p)
	if p.Type == "int" {
		x.internationalized(e)
	}
	return p
}

// address reads an addrType.
func (x *schema) address(e *xmltree.Element, p *registry.PostalInfo) {
	q := x.Sequence(e)
	streets := q.Repeated("street", 0, 3)
	for i := range streets {
		p.Street = append(p.Street, x.postalLine(&streets[i], 0))
	}
	p.City = x.postalLine(q.Required("city"), 1)
	p.Province = x.postalLine(q.Optional("sp"), 0)
	if pc := q.Optional("pc"); pc != nil {
		p.PostalCode = x.Token(pc, 0, 16)
	}
	cc := q.Required("cc")
	p.Country = x.Token(cc, 2, 2)
	if !isCountry(p.Country) {
		x.Refuse(registry.ParameterRange, cc, "not a country code of ISO 3166-1, in capitals")
	}
	q.End()
}

// postalLine is e's text as a postalLineType, or with min nought an optPostalLineType.
func (x *schema) postalLine(e *xmltree.Element, min int) string {
	if e == nil {
		return ""
	}
	s := x.Line(e, min, 255)
	if min > 0 && strings.TrimSpace(s) == "" {
		x.Refuse(registry.ParameterSyntax, e, "nothing but spaces")
	}
	return s
}

// internationalized wants the int form of an address to be in the subset of
// Unicode that 7 bits can represent (RFC 5733 §2.4, postalInfo).
func (x *schema) internationalized(e *xmltree.Element) {
	if i := strings.IndexFunc(e.Text, func(r rune) bool { return r >= utf8.RuneSelf }); i >= 0 {
		x.Refuse(registry.ParameterSyntax, e, "an address of the type int is in ASCII")
	}
	for i := range e.Children {
		x.internationalized(&e.Children[i])
	}
}

// e164Pattern is contact:e164StringType.
var e164Pattern = regexp.MustCompile(`^\+[0-9]{1,3}\.[0-9]{1,14}$`)

// phone reads an e164Type. The schema allows empty ones; whether they mean anything is for the caller.
func (x *schema) phone(e *xmltree.Element) (p registry.Phone) {
	if e == nil {
		return p
	}
	p.Number = x.Token(e, 0, 17)
	if p.Number != "" && !e164Pattern.MatchString(p.Number) {
		x.Violate(e, "not of the form +CC.NUMBER")
	}
	if ext, ok := e.Attr("x"); ok {
		p.Extension = xmltree.Collapse(ext)
		if utf8.RuneCountInString(p.Extension) > MaxExtension {
			x.Refuse(registry.ParameterPolicy, e, "an extension of more than %d characters", MaxExtension)
		}
	}
	return p
}

// number reads an e164Type that has to hold something. An empty one, which the schema allows, ICANN's tests want refused (RST epp-07).
func (x *schema) number(e *xmltree.Element) registry.Phone {
	p := x.phone(e)
	if e != nil && p.Number == "" {
		x.Refuse(registry.ParameterSyntax, e, "an empty telephone number")
	}
	return p
}

// emailAtoms is the dot-atom of RFC 5322 §3.2.3.
var emailAtoms = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$")

// email reads an address of the form that mail is really sent to: an
// addr-spec (RFC 5322 §3.4.1) without quoting, comments and literals.
func (x *schema) email(e *xmltree.Element) string {
	s := x.Token(e, 1, len(e.Text))
	at := strings.LastIndexByte(s, '@')
	if at < 0 || len(s) > MaxEmail || at > MaxEmailLocal || !emailAtoms.MatchString(s[:at]) ||
		nameProblem(lower(s[at+1:])) != "" || !strings.Contains(s[at+1:], ".") {
		x.Refuse(registry.ParameterSyntax, e, "not an e-mail address")
	}
	return s
}

// disclose reads a discloseType.
func (x *schema) disclose(e *xmltree.Element) *registry.Disclose {
	if e == nil {
		return nil
	}
	d := &registry.Disclose{Flag: x.Boolean(e, "flag")}
	q := x.Sequence(e)
	for _, name := range []string{"name", "org", "addr"} {
		for _, typed := range q.Repeated(name, 0, 2, "type") {
			x.Empty(&typed)
			d.Elements = append(d.Elements, name+":"+x.Choice(&typed, "type", "", "loc", "int"))
		}
	}
	for _, name := range []string{"voice", "fax", "email"} {
		if plain := q.Optional(name); plain != nil {
			x.Empty(plain)
			d.Elements = append(d.Elements, name)
		}
	}
	q.End()
	return d
}
