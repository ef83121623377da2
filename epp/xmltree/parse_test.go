package xmltree

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"
)

// dump writes a tree in one fixed form: {namespace}name[attributes](children)'text'.
func dump(e *Element) string {
	var b strings.Builder
	fmt.Fprintf(&b, "{%s}%s", e.Space, e.Name)
	for _, a := range e.Attrs {
		fmt.Fprintf(&b, "[{%s}%s=%q]", a.Space, a.Name, a.Value)
	}
	for i := range e.Children {
		fmt.Fprintf(&b, "(%s)", dump(&e.Children[i]))
	}
	if e.Text != "" {
		fmt.Fprintf(&b, "%q", e.Text)
	}
	return b.String()
}

func TestTrees(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]string{
		`<a/>`:       `{}a`,
		`<a></a>`:    `{}a`,
		`<a b='c'/>`: `{}a[{}b="c"]`,
		`<?xml version="1.0" encoding="UTF-8" standalone="no"?>` + "\r\n" + `<a xmlns="u">x</a>` + "\r\n": `{u}a"x"`,
		`<?xml version='1.0'?><a/>`: `{}a`,
		"\ufeff<a/>":                `{}a`,
		`<p:a xmlns:p="u" p:x="1" x="2"><p:b/><b/></p:a>`:               `{u}a[{u}x="1"][{}x="2"]({u}b)({}b)`,
		`<a xmlns="u"><b xmlns="v"/><c xmlns=""/><d/></a>`:              `{u}a({v}b)({}c)({u}d)`,
		`<p:a xmlns:p="u"><p:b xmlns:p="v"/><p:c/></p:a>`:               `{u}a({v}b)({u}c)`,
		`<!-- x --><a>1<!-- y -->2<![CDATA[<3>]]>&lt;4&#53;</a><!---->`: `{}a"12<3><45"`,
		`<a xml:lang="en"/>`: `{}a[{http://www.w3.org/XML/1998/namespace}lang="en"]`,
		`<a xmlns:xml="http://www.w3.org/XML/1998/namespace"/>`: `{}a`,
		`<a> <b/> t </a>`:                     `{}a({}b)"  t "`,
		`<a>&#xFFFD;<![CDATA[&#xD800;]]></a>`: "{}a\"\uFFFD&#xD800;\"",
		`<a b = "x'y" c='"'/>`:                `{}a[{}b="x'y"][{}c="\""]`,
	} {
		e, err := Parse([]byte(doc))
		if err != nil {
			t.Errorf("%s: %v", doc, err)
		} else if got := dump(e); got != want {
			t.Errorf("%s:\n got %s\nwant %s", doc, got, want)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, doc := range map[string]string{
		"nothing":                     "",
		"white space":                 " \n",
		"no XML":                      "hello",
		"unclosed":                    "<a>",
		"cut in a tag":                "<a",
		"crossed":                     "<a><b></a></b>",
		"closed twice":                "<a/></a>",
		"other prefix closes":         `<p:a xmlns:p="u" xmlns:q="u"></q:a>`,
		"two roots":                   "<a/><b/>",
		"text before":                 "x<a/>",
		"text after":                  "<a/>x",
		"CDATA outside":               "<a/><![CDATA[ ]]>",
		"reference outside":           "<a/>&#32;",
		"doctype":                     "<!DOCTYPE a><a/>",
		"entity":                      `<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>`,
		"unknown entity":              "<a>&nbsp;</a>",
		"external entity":             `<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>`,
		"processing instruction":      "<?x y?><a/>",
		"instruction inside":          "<a><?x?></a>",
		"second declaration":          `<?xml version="1.0"?><?xml version="1.0"?><a/>`,
		"declaration inside":          `<a><?xml version="1.0"?></a>`,
		"late declaration":            ` <?xml version="1.0"?><a/>`,
		"version 1.1":                 `<?xml version="1.1"?><a/>`,
		"no version":                  `<?xml encoding="UTF-8"?><a/>`,
		"odd declaration":             `<?xml version="1.0" more="x"?><a/>`,
		"latin-1":                     `<?xml version="1.0" encoding="ISO-8859-1"?><a/>`,
		"not what is declared":        `<?xml version="1.0" encoding="UTF-16"?><a/>`,
		"not UTF-8":                   "<a>\xff</a>",
		"control character":           "<a>\x01</a>",
		"reference to a control":      "<a>&#1;</a>",
		"zero octet":                  "<a>\x00</a>",
		"same attribute twice":        `<a b="1" b="2"/>`,
		"same expanded name twice":    `<a xmlns:p="u" xmlns:q="u" p:b="1" q:b="2"/>`,
		"namespace declared twice":    `<a xmlns="u" xmlns="v"/>`,
		"prefix declared twice":       `<a xmlns:p="u" xmlns:p="v"/>`,
		"attribute without quotes":    `<a b=c/>`,
		"attribute without value":     `<a b/>`,
		"less-than in attribute":      `<a b="<"/>`,
		"unbound element prefix":      `<p:a/>`,
		"unbound attribute prefix":    `<a p:b="c"/>`,
		"prefix out of scope":         `<a><b xmlns:p="u"/><p:c/></a>`,
		"prefix bound to nothing":     `<a xmlns:p=""/>`,
		"xml bound anew":              `<a xmlns:xml="u"/>`,
		"xml's namespace elsewhere":   `<a xmlns:p="http://www.w3.org/XML/1998/namespace"/>`,
		"xml's namespace as default":  `<a xmlns="http://www.w3.org/XML/1998/namespace"/>`,
		"xmlns bound":                 `<a xmlns:xmlns="u"/>`,
		"xmlns' namespace bound":      `<a xmlns:p="http://www.w3.org/2000/xmlns/"/>`,
		"two colons":                  `<a:b:c xmlns:a="u"/>`,
		"colon at the end":            `<a: xmlns:a="u"/>`,
		"local name with a digit":     `<p:0 xmlns:p="u"/>`,
		"attribute with a digit":      `<a xmlns:p="u" p:0=""/>`,
		"prefix with a digit":         `<a xmlns:0="u"/>`,
		"CDATA end in text":           "<a>]]></a>",
		"comment with two hyphens":    "<a><!-- a -- b --></a>",
		"too deep":                    strings.Repeat("<a>", MaxDepth+1) + strings.Repeat("</a>", MaxDepth+1),
		"too many elements":           "<a>" + strings.Repeat("<b/>", MaxElements) + "</a>",
		"too many attributes":         "<a" + manyAttributes(MaxAttributes+1) + "/>",
		"UTF-16 without a mark":       "\x00<\x00a\x00/\x00>",
		"half a UTF-16 character":     "\xfe\xff\x00<\x00a\x00/\x00>x",
		"half a surrogate":            "\xfe\xff\x00<\x00a\x00>\xd8\x00",
		"wrong surrogate":             "\xfe\xff\x00<\x00a\x00>\xdc\x00\xd8\x00\x00<\x00/\x00a\x00>",
		"no space before attribute":   `<a b="1"c="2"/>`,
		"no space before namespace":   `<a b='1'xmlns='u'/>`,
		"half a pair by reference":    "<a>&#xD800;</a>",
		"half a pair in an attribute": `<a b="&#57343;"/>`,
		"a reference beyond":          "<a>&#99999999999999999999;</a>",
		"UTF-16 with neither":         string(utf16Doc("<?x y?><a/>", binary.BigEndian)[2:]),
		"UTF-16BE said to be LE":      string(utf16Doc(`<?xml version="1.0" encoding="UTF-16LE"?><a/>`, binary.BigEndian)),
		"no mark, said to be UTF-16":  string(utf16Doc(`<?xml version="1.0" encoding="UTF-16"?><a/>`, binary.LittleEndian)[2:]),
		"no mark, nothing said":       string(utf16Doc(`<?xml version="1.0"?><a/>`, binary.LittleEndian)[2:]),
		"two marks":                   "\ufeff\ufeff<a/>",
		"UTF-16 declared to be UTF-8": string(utf16Doc(`<?xml version="1.0" encoding="UTF-8"?><a/>`, binary.BigEndian)),
	} {
		if e, err := Parse([]byte(doc)); !errors.Is(err, ErrSyntax) {
			t.Errorf("%s: %v, %v", name, e, err)
		}
	}
}

func manyAttributes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ` a%d=""`, i)
	}
	return b.String()
}

func TestAtTheBounds(t *testing.T) {
	t.Parallel()
	for _, doc := range []string{
		strings.Repeat("<a>", MaxDepth) + strings.Repeat("</a>", MaxDepth),
		"<a>" + strings.Repeat("<b/>", MaxElements-1) + "</a>",
		"<a" + manyAttributes(MaxAttributes) + "/>",
	} {
		if _, err := Parse([]byte(doc)); err != nil {
			t.Errorf("%.40s…: %v", doc, err)
		}
	}
}

func utf16Doc(s string, order binary.AppendByteOrder) (doc []byte) {
	for _, c := range utf16.Encode([]rune("\ufeff" + s)) {
		doc = order.AppendUint16(doc, c)
	}
	return doc
}

func TestUTF16(t *testing.T) {
	t.Parallel()
	for _, order := range []binary.AppendByteOrder{binary.BigEndian, binary.LittleEndian} {
		label := map[binary.AppendByteOrder]string{binary.BigEndian: "UTF-16BE", binary.LittleEndian: "utf-16le"}[order]
		for what, doc := range map[string][]byte{
			"marked":              utf16Doc(`<a>ä😀</a>`, order),
			"marked and declared": utf16Doc(`<?xml version="1.0" encoding="UTF-16"?><a>ä😀</a>`, order),
			"marked, order said":  utf16Doc(`<?xml version="1.0" encoding="`+label+`"?><a>ä😀</a>`, order),
			"declared":            utf16Doc(`<?xml version="1.0" encoding="`+label+`"?><a>ä😀</a>`, order)[2:],
		} {
			if e, err := Parse(doc); err != nil || e.Text != "ä😀" {
				t.Errorf("%v, %s: %v, %v", order, what, e, err)
			}
		}
	}
}

func TestWhiteSpace(t *testing.T) {
	t.Parallel()
	if got := Collapse(" \t a \r\n b  c\n"); got != "a b c" {
		t.Errorf("Collapse: %q", got)
	}
	if got := Collapse("ä\u00a0ö"); got != "ä\u00a0ö" {
		t.Errorf("Collapse took a no-break space for white space: %q", got)
	}
	if got := Replace(" a\tb\r\n"); got != " a b  " {
		t.Errorf("Replace: %q", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`<?xml version="1.0" encoding="UTF-8" standalone="no"?><epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><hello/></epp>`))
	f.Add([]byte(`<a xmlns:p="u"><p:b c="d">&lt;<![CDATA[x]]><!-- y --></p:b></a>`))
	f.Add(utf16Doc("<a>ä</a>", binary.LittleEndian))
	f.Add(utf16Doc(`<?xml version="1.0" encoding="UTF-16BE"?><a b="&#xD7FF;"/>`, binary.BigEndian)[2:])
	f.Add([]byte(`<a b="1"c='2'>&#55296;</a>`))
	f.Add([]byte(`<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		e, err := Parse(doc)
		if err != nil {
			if !errors.Is(err, ErrSyntax) {
				t.Fatalf("an error that is no ErrSyntax: %v", err)
			}
			return
		}
		// What was read, written plainly, reads the same.
		again, err := Parse(write(nil, e))
		if err != nil {
			t.Fatalf("written anew: %v\n%s", err, write(nil, e))
		}
		if dump(again) != dump(e) {
			t.Fatalf("written anew it is\n%s\nnot\n%s", dump(again), dump(e))
		}
	})
}

func write(dst []byte, e *Element) []byte {
	dst = append(append(dst, '<'), e.Name...)
	dst = append(AppendText(append(dst, ` xmlns="`...), e.Space), '"')
	if e.Space == xmlSpace {
		dst = append(append(dst[:0], "<xml:"...), e.Name...)
	}
	for i, a := range e.Attrs {
		switch a.Space {
		case "":
			dst = append(append(dst, ' '), a.Name...)
		case xmlSpace:
			dst = append(append(dst, " xml:"...), a.Name...)
		default:
			dst = fmt.Appendf(dst, ` xmlns:p%d="`, i)
			dst = append(AppendText(dst, a.Space), '"')
			dst = fmt.Appendf(dst, ` p%d:%s`, i, a.Name)
		}
		dst = append(AppendText(append(dst, `="`...), a.Value), '"')
	}
	dst = AppendText(append(dst, '>'), e.Text)
	for i := range e.Children {
		dst = append(dst, write(nil, &e.Children[i])...)
	}
	dst = append(dst, "</"...)
	if e.Space == xmlSpace {
		dst = append(dst, "xml:"...)
	}
	return append(append(dst, e.Name...), '>')
}

func BenchmarkParse(b *testing.B) {
	doc := []byte(`<?xml version="1.0" encoding="UTF-8" standalone="no"?><epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><command><check>` +
		`<domain:check xmlns:domain="urn:ietf:params:xml:ns:domain-1.0"><domain:name>a.example</domain:name></domain:check></check>` +
		`<clTRID>ABC-12345</clTRID></command></epp>`)
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(doc); err != nil {
			b.Fatal(err)
		}
	}
}
