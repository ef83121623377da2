package rst

import (
	"slices"
	"strings"

	"quorate/epp/xmltree"
)

// values are an object's fields by name. A field that is there with an empty text is sent as an empty element.
type values map[string]string

// with is a copy with some fields set otherwise, given as name, value, name, value.
func (v values) with(pairs ...string) values {
	c := values{}
	for k, x := range v {
		c[k] = x
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		c[pairs[i]] = pairs[i+1]
	}
	return c
}

// field is a field's element, or nothing.
func (v values) field(name, tag string) string {
	text, ok := v[name]
	if !ok {
		return ""
	}
	return element(tag, text)
}

// object is an object's element inside a verb's.
func object(verb, prefix, space, inner string) string {
	return `<` + verb + `><` + prefix + `:` + verb + ` xmlns:` + prefix + `="` + space + `">` + inner + `</` + prefix + `:` + verb + `></` + verb + `>`
}

func contactObject(verb, inner string) string { return object(verb, "contact", nsContact, inner) }
func hostObject(verb, inner string) string    { return object(verb, "host", nsHost, inner) }
func domainObject(verb, inner string) string  { return object(verb, "domain", nsDomain, inner) }

func checkOf(kind, key, name string) string {
	return object("check", kind, spaceOf[kind], element(kind+":"+key, name))
}

func infoOf(kind, name string) string {
	return object("info", kind, spaceOf[kind], element(kind+":"+keyOf(kind), name))
}

func deleteOf(kind, name string) string {
	return object("delete", kind, spaceOf[kind], element(kind+":"+keyOf(kind), name))
}

var spaceOf = map[string]string{"domain": nsDomain, "host": nsHost, "contact": nsContact}

func keyOf(kind string) string {
	if kind == "contact" {
		return "id"
	}
	return "name"
}

// attribute is text as an attribute's value.
func attribute(text string) string { return string(xmltree.AppendText(nil, text)) }

// wrap is an element that holds XML, or nothing if there is none.
func wrap(tag, inner string) string {
	if inner == "" {
		return ""
	}
	name, _, _ := strings.Cut(tag, " ")
	return `<` + tag + `>` + inner + `</` + name + `>`
}

// contactCreate is a contact:create (RFC 5733 §3.2.1).
func contactCreate(v values) string {
	return contactObject("create", v.field("id", "contact:id")+postalInfo(v)+contactLines(v)+
		`<contact:authInfo>`+element("contact:pw", v["authInfo"])+`</contact:authInfo>`)
}

// contactChange is the <chg> of a contact:update.
func contactChange(v values) string { return wrap("contact:chg", postalInfo(v)+contactLines(v)) }

// contactUpdate is a contact:update (RFC 5733 §3.2.5) of ready parts.
func contactUpdate(id, parts string) string {
	return contactObject("update", element("contact:id", id)+parts)
}

var addressFields = []string{"street1", "street2", "street3", "city", "sp", "pc", "cc"}

func postalInfo(v values) string {
	address := ""
	for _, f := range addressFields {
		address += v.field(f, "contact:"+strings.TrimRight(f, "123"))
	}
	inner := v.field("name", "contact:name") + v.field("org", "contact:org") + wrap("contact:addr", address)
	if inner == "" {
		return ""
	}
	return wrap(`contact:postalInfo type="`+attribute(v["postalInfoType"])+`"`, inner)
}

func contactLines(v values) string {
	return v.phone("voice") + v.phone("fax") + v.field("email", "contact:email")
}

func (v values) phone(name string) string {
	tag := "contact:" + name
	if x := v[name+"Ext"]; x != "" {
		tag += ` x="` + attribute(x) + `"`
	}
	return v.field(name, tag)
}

// statusList are status elements.
func statusList(kind string, statuses ...string) string {
	var b strings.Builder
	for _, s := range statuses {
		b.WriteString(`<` + kind + `:status s="` + attribute(s) + `"/>`)
	}
	return b.String()
}

// hostAddress is a host:addr; version is v4, v6, or "" for none at all.
func hostAddress(version, address string) string {
	if version == "" {
		return ""
	}
	return element(`host:addr ip="`+attribute(version)+`"`, address)
}

// hostCreate is a host:create (RFC 5732 §3.2.1) with ready addresses.
func hostCreate(name, addresses string) string {
	return hostObject("create", element("host:name", name)+addresses)
}

// hostUpdate is a host:update (RFC 5732 §3.2.5) of ready parts; newName is "" for none.
func hostUpdate(name, add, rem, newName string) string {
	chg := ""
	if newName != "" {
		chg = element("host:name", newName)
	}
	return hostObject("update", element("host:name", name)+wrap("host:add", add)+wrap("host:rem", rem)+wrap("host:chg", chg))
}

// nameserver is a name server of a domain: its name, and for host attributes its addresses.
type nameserver struct {
	name string
	v4   *string // nil: none
	v6   *string
}

// nsElement is a domain:ns in one of the host models.
func nsElement(model string, servers []nameserver) string {
	inner := ""
	for _, s := range servers {
		if model == objects {
			inner += element("domain:hostObj", s.name)
			continue
		}
		attr := element("domain:hostName", s.name)
		if s.v4 != nil {
			attr += element(`domain:hostAddr ip="v4"`, *s.v4)
		}
		if s.v6 != nil {
			attr += element(`domain:hostAddr ip="v6"`, *s.v6)
		}
		inner += wrap("domain:hostAttr", attr)
	}
	return wrap("domain:ns", inner)
}

// domainCreate is a domain:create (RFC 5731 §3.2.1) from ready parts, with what follows in <extension>.
type domainCreate struct {
	name, period, unit string // period "": none
	ns                 string // domain:ns
	registrant         string // domain:registrant
	contacts           string // domain:contact
	authInfo           string
	extension          string // inside <extension>
}

func (d domainCreate) String() string {
	period := ""
	if d.period != "" || d.unit != "" {
		period = element(`domain:period unit="`+attribute(d.unit)+`"`, d.period)
	}
	return domainObject("create", element("domain:name", d.name)+period+d.ns+d.registrant+d.contacts+
		`<domain:authInfo>`+element("domain:pw", d.authInfo)+`</domain:authInfo>`) + wrap("extension", d.extension)
}

// domainUpdate is a domain:update (RFC 5731 §3.2.5) from ready parts.
func domainUpdate(name, add, rem, chg, extension string) string {
	parts := wrap("domain:add", add) + wrap("domain:rem", rem) + wrap("domain:chg", chg)
	return domainObject("update", element("domain:name", name)+parts) + wrap("extension", extension)
}

// domainTransfer is a domain:transfer (RFC 5731 §3.2.4); period "" and authInfo nil for none.
func domainTransfer(op, name, period, unit string, authInfo *string, extension string) string {
	inner := element("domain:name", name)
	if period != "" {
		inner += element(`domain:period unit="`+attribute(unit)+`"`, period)
	}
	if authInfo != nil {
		inner += `<domain:authInfo>` + element("domain:pw", *authInfo) + `</domain:authInfo>`
	}
	return `<transfer op="` + op + `"><domain:transfer xmlns:domain="` + nsDomain + `">` + inner + `</domain:transfer></transfer>` + wrap("extension", extension)
}

// domainRenew is a domain:renew (RFC 5731 §3.2.3).
func domainRenew(name, day, period, unit, extension string) string {
	return domainObject("renew", element("domain:name", name)+element("domain:curExpDate", day)+
		element(`domain:period unit="`+attribute(unit)+`"`, period)) + wrap("extension", extension)
}

// secureDNS is a delegation signer's data, or a key's, as the registry takes it.
func secureDNS(kind string, v values) string {
	if kind == dsData {
		return wrap("secDNS:dsData", element("secDNS:keyTag", v["keyTag"])+element("secDNS:alg", v["dsDataAlg"])+
			element("secDNS:digestType", v["digestType"])+element("secDNS:digest", v["digest"]))
	}
	return wrap("secDNS:keyData", element("secDNS:flags", v["flags"])+element("secDNS:protocol", v["protocol"])+
		element("secDNS:alg", v["keyDataAlg"])+element("secDNS:pubKey", v["pubKey"]))
}

func secDNSCreate(inner string) string {
	return `<secDNS:create xmlns:secDNS="` + nsSecDNS + `">` + inner + `</secDNS:create>`
}

func secDNSUpdate(rem, add string) string {
	return `<secDNS:update xmlns:secDNS="` + nsSecDNS + `">` + wrap("secDNS:rem", rem) + wrap("secDNS:add", add) + `</secDNS:update>`
}

// What answers hold.

// texts are the texts of all of e's children called name, in e's namespace.
func texts(e *xmltree.Element, name string) (all []string) {
	if e == nil {
		return nil
	}
	for i := range e.Children {
		if c := &e.Children[i]; c.Is(e.Space, name) {
			all = append(all, c.Token())
		}
	}
	return all
}

// text is the text of the element at a path of children; "" if there is none.
func text(e *xmltree.Element, path ...string) string {
	for _, name := range path {
		if e == nil {
			return ""
		}
		e = e.Child(name)
	}
	if e == nil {
		return ""
	}
	return e.Token()
}

// statusesOf are an object's statuses.
func statusesOf(e *xmltree.Element) (all []string) {
	if e == nil {
		return nil
	}
	for i := range e.Children {
		if c := &e.Children[i]; c.Is(e.Space, "status") {
			s, _ := c.Attr("s")
			all = append(all, s)
		}
	}
	return all
}

// extended is the element of a namespace and name in a reply's extension, or nil.
func (r *reply) extended(space, name string) *xmltree.Element {
	if r.extension == nil {
		return nil
	}
	for i := range r.extension.Children {
		if e := &r.extension.Children[i]; e.Is(space, name) {
			return e
		}
	}
	return nil
}

// rgpStatuses are a domain's grace periods (RFC 3915 §4.1).
func (r *reply) rgpStatuses() (all []string) {
	e := r.extended(nsRGP, "infData")
	if e == nil {
		return nil
	}
	for i := range e.Children {
		s, _ := e.Children[i].Attr("s")
		all = append(all, s)
	}
	return all
}

// canonical is an element's content independent of prefixes, white space around tokens and the order of attributes.
func canonical(e *xmltree.Element) string {
	if e == nil {
		return ""
	}
	var b strings.Builder
	writeCanonical(&b, e)
	return b.String()
}

func writeCanonical(b *strings.Builder, e *xmltree.Element) {
	b.WriteString("<{" + e.Space + "}" + e.Name)
	attrs := slices.Clone(e.Attrs)
	slices.SortFunc(attrs, func(x, y xmltree.Attr) int { return strings.Compare(x.Space+" "+x.Name, y.Space+" "+y.Name) })
	for _, a := range attrs {
		b.WriteString(" " + a.Space + "|" + a.Name + "=" + a.Value)
	}
	b.WriteString(">" + e.Token())
	for i := range e.Children {
		writeCanonical(b, &e.Children[i])
	}
	b.WriteString("</>\n")
}
