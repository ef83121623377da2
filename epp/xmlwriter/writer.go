// Package xmlwriter writes the XML of answers. It escapes what it is given as
// text; well-formedness beyond that is its callers' business.
package xmlwriter

import (
	"strings"

	"quorate/epp/xmltree"
	"quorate/fsm/registry"
)

// Writer appends XML. Element names and attributes are literals of the caller and are not escaped.
type Writer struct {
	B []byte // the XML so far
}

// On makes a Writer that appends to b.
func On(b []byte) Writer { return Writer{b} }

// Raw appends XML as it is.
func (w *Writer) Raw(parts ...string) {
	for _, p := range parts {
		w.B = append(w.B, p...)
	}
}

// Text appends character data.
func (w *Writer) Text(s string) { w.B = xmltree.AppendText(w.B, s) }

// Element appends an element that holds text; name may carry attributes.
func (w *Writer) Element(name, text string) {
	tag, _, _ := strings.Cut(name, " ")
	w.Raw("<", name, ">")
	w.Text(text)
	w.Raw("</", tag, ">")
}

// Optional appends an element unless its text is empty.
func (w *Writer) Optional(name, text string) {
	if text != "" {
		w.Element(name, text)
	}
}

// Time appends an element that holds a time, unless it is nought.
func (w *Writer) Time(name string, t registry.Time) {
	if t != 0 {
		w.Element(name, t.String())
	}
}
