package xmltree

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ErrSyntax is wrapped by every error of Parse: the document is not
// well-formed, or holds what is refused, or is beyond the bounds.
var ErrSyntax = errors.New("XML refused")

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrSyntax}, args...)...)
}

// The namespaces that are bound by definition (Namespaces in XML 1.0 §3).
const (
	xmlSpace   = "http://www.w3.org/XML/1998/namespace"
	xmlnsSpace = "http://www.w3.org/2000/xmlns/"
)

// declaration is what may stand between "<?xml" and "?>" (XML 1.0 §2.8).
var declaration = regexp.MustCompile(`^version\s*=\s*("1\.0"|'1\.0')` +
	`(\s+encoding\s*=\s*("[A-Za-z][A-Za-z0-9._-]*"|'[A-Za-z][A-Za-z0-9._-]*'))?` +
	`(\s+standalone\s*=\s*("yes"|"no"|'yes'|'no'))?\s*$`)

// Parse reads a document in UTF-8, or in UTF-16 with a byte order mark or a declaration that says which it is. The tree does not refer to doc.
func Parse(doc []byte) (*Element, error) {
	doc, encoding, unmarked, err := decode(doc)
	if err != nil {
		return nil, err
	}
	p := parser{doc: doc, encoding: encoding, unmarked: unmarked, open: make([]openElement, 0, 8), bindings: make([]binding, 0, 8)}
	// A reader of single octets keeps encoding/xml from buffering: offsets are then exact.
	p.tokens = xml.NewDecoder(bytes.NewReader(doc))
	p.tokens.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	if err := p.run(); err != nil {
		if !errors.Is(err, ErrSyntax) {
			err = refuse("%w", err)
		}
		return nil, err
	}
	return &p.root, nil
}

type parser struct {
	doc      []byte
	encoding string // that the document came in
	unmarked bool   // it is UTF-16 without a byte order mark, which must be declared
	tokens   *xml.Decoder
	root     Element
	open     []openElement
	bindings []binding // of prefixes, innermost last
	elements int
	declared bool // there was an XML declaration
	begun    bool // the root element has begun
}

// openElement is an element whose end tag has not come. Its address is stable:
// its parent gets no other child until it is closed.
type openElement struct {
	*Element
	tag      xml.Name // as written: prefix and local name
	bindings int      // how many there were before it
}

type binding struct{ prefix, space string }

func (p *parser) run() error {
	for {
		start := p.tokens.InputOffset()
		token, err := p.tokens.RawToken()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			if err = checkTag(p.doc[start:p.tokens.InputOffset()]); err == nil {
				err = p.start(t)
			}
		case xml.EndElement:
			err = p.end(t)
		case xml.CharData:
			err = p.text(t, p.doc[start:p.tokens.InputOffset()])
		case xml.ProcInst:
			err = p.declaration(t, start)
		case xml.Comment:
		default:
			err = refuse("a document type declaration")
		}
		if err != nil {
			return err
		}
	}
	if p.unmarked && !p.declared {
		return refuse("UTF-16 without a byte order mark or a declaration")
	}
	if len(p.open) > 0 {
		return refuse("<%s> is not closed", p.open[len(p.open)-1].Name)
	}
	if !p.begun {
		return refuse("no element")
	}
	return nil
}

func (p *parser) declaration(t xml.ProcInst, offset int64) error {
	if t.Target != "xml" || offset != 0 {
		return refuse("a processing instruction")
	}
	p.declared = true
	parts := declaration.FindSubmatch(t.Inst)
	if parts == nil {
		return refuse("a badly formed XML declaration")
	}
	label := string(bytes.Trim(parts[3], `"'`))
	switch {
	case p.unmarked && !strings.EqualFold(label, p.encoding):
		return refuse("without a byte order mark UTF-16 must be declared as %s", p.encoding)
	case label == "", strings.EqualFold(label, p.encoding), strings.EqualFold(label, "UTF-16") && p.encoding != "UTF-8":
		return nil
	}
	return refuse("the encoding is declared to be %s, but is %s", label, p.encoding)
}

// text takes character data; raw is how it was written.
func (p *parser) text(t xml.CharData, raw []byte) error {
	if len(p.open) == 0 {
		// Outside of the root there may be white space, but not as CDATA or references.
		if !blank(string(raw)) {
			return refuse("text outside of the root element")
		}
		return nil
	}
	if !bytes.HasPrefix(raw, []byte("<![")) {
		if err := checkReferences(raw); err != nil {
			return err
		}
	}
	e := p.open[len(p.open)-1].Element
	if e.Text == "" {
		e.Text = string(t)
	} else {
		e.Text += string(t)
	}
	return nil
}

func (p *parser) start(t xml.StartElement) error {
	p.elements++
	switch {
	case p.begun && len(p.open) == 0:
		return refuse("a second root element")
	case len(p.open) == MaxDepth:
		return refuse("more than %d elements inside each other", MaxDepth)
	case p.elements > MaxElements:
		return refuse("more than %d elements", MaxElements)
	case len(t.Attr) > MaxAttributes:
		return refuse("more than %d attributes", MaxAttributes)
	}
	e := &p.root
	if p.begun {
		parent := p.open[len(p.open)-1].Element
		parent.Children = append(parent.Children, Element{})
		e = &parent.Children[len(parent.Children)-1]
	}
	p.begun = true
	p.open = append(p.open, openElement{e, t.Name, len(p.bindings)})
	for _, a := range t.Attr {
		if err := p.bind(a); err != nil {
			return err
		}
	}
	var err error
	if e.Space, e.Name, err = p.resolve(t.Name, true); err != nil {
		return err
	}
	for _, a := range t.Attr {
		if declares(a) {
			continue
		}
		space, name, err := p.resolve(a.Name, false)
		if err != nil {
			return err
		}
		for _, other := range e.Attrs {
			if other.Name == name && other.Space == space {
				return refuse("attribute %s twice", name)
			}
		}
		e.Attrs = append(e.Attrs, Attr{space, name, a.Value})
	}
	return nil
}

// checkTag refuses what encoding/xml lets through in a start tag: attributes
// without white space between them (XML 1.0 §3.1), and references to no character.
func checkTag(raw []byte) error {
	quote := byte(0)
	for i, c := range raw {
		switch {
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote == c:
			quote = 0
			if i+1 < len(raw) && !strings.ContainsRune(" \t\r\n/>", rune(raw[i+1])) {
				return refuse("attributes without white space between them")
			}
		}
	}
	return checkReferences(raw)
}

// reference is a character reference (XML 1.0 §4.1).
var reference = regexp.MustCompile(`&#(x[0-9A-Fa-f]+|[0-9]+);`)

// checkReferences refuses references to halves of surrogate pairs, which are no characters: encoding/xml makes U+FFFD of them.
func checkReferences(raw []byte) error {
	if !bytes.Contains(raw, []byte("&#")) {
		return nil
	}
	for _, found := range reference.FindAllSubmatch(raw, -1) {
		digits, base := string(found[1]), 10
		if digits[0] == 'x' {
			digits, base = digits[1:], 16
		}
		if n, err := strconv.ParseUint(digits, base, 32); err != nil || 0xd800 <= n && n <= 0xdfff {
			return refuse("%s refers to no character", found[0])
		}
	}
	return nil
}

func (p *parser) end(t xml.EndElement) error {
	if len(p.open) == 0 {
		return refuse("</%s> closes nothing", t.Name.Local)
	}
	top := p.open[len(p.open)-1]
	if top.tag != t.Name {
		return refuse("</%s> closes <%s>", t.Name.Local, top.tag.Local)
	}
	p.bindings = p.bindings[:top.bindings]
	p.open = p.open[:len(p.open)-1]
	return nil
}

// declares says whether an attribute is a namespace declaration.
func declares(a xml.Attr) bool {
	return a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns"
}

// bind takes a namespace declaration under the constraints of Namespaces in XML 1.0 §3.
func (p *parser) bind(a xml.Attr) error {
	if !declares(a) {
		return nil
	}
	prefix := ""
	if a.Name.Space == "xmlns" {
		prefix = a.Name.Local
	}
	switch {
	case prefix == "xmlns", a.Value == xmlnsSpace:
		return refuse("the prefix xmlns or its namespace is bound anew")
	case (prefix == "xml") != (a.Value == xmlSpace):
		return refuse("the prefix xml or its namespace is bound anew")
	case prefix != "" && a.Value == "":
		return refuse("the prefix %s is bound to nothing", prefix)
	case prefix != "" && !isLocalName(prefix):
		return refuse("%q is no prefix", prefix)
	}
	for _, b := range p.bindings[p.open[len(p.open)-1].bindings:] {
		if b.prefix == prefix {
			return refuse("the prefix %q is bound twice by one element", prefix)
		}
	}
	p.bindings = append(p.bindings, binding{prefix, a.Value})
	return nil
}

// resolve finds the namespace of a name. The default namespace is for elements only.
func (p *parser) resolve(name xml.Name, element bool) (space, local string, err error) {
	prefix := name.Space
	if !isLocalName(name.Local) {
		return "", "", refuse("%q is no qualified name", name.Local)
	}
	if prefix == "" && !element {
		return "", name.Local, nil
	}
	for i := len(p.bindings) - 1; i >= 0; i-- {
		if p.bindings[i].prefix == prefix {
			return p.bindings[i].space, name.Local, nil
		}
	}
	switch prefix {
	case "":
		return "", name.Local, nil
	case "xml":
		return xmlSpace, name.Local, nil
	}
	return "", "", refuse("the prefix %s is not bound", prefix)
}

// isLocalName says whether s, a name or what follows a colon in one, can stand
// by itself (NCName): encoding/xml has looked at its characters, but not at how
// a part begins. Modifier letters, which older editions of XML don't let names
// begin with, are refused.
func isLocalName(s string) bool {
	first, _ := utf8.DecodeRuneInString(s)
	return (first == '_' || unicode.IsLetter(first) && !unicode.Is(unicode.Lm, first)) && !strings.Contains(s, ":")
}
