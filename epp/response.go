package epp

import (
	"strconv"
	"strings"

	"quorate/epp/frame"
	"quorate/epp/xmltree"
	"quorate/fsm/registry"
)

// response is the answer to a command (RFC 5730 §2.6).
type response struct {
	code      registry.Code
	fail      *registry.Failure // why, when the code is an error
	data      writer            // inside <resData>
	extension writer            // inside <extension>
	clTRID    string
	svTRID    string
}

// refusal makes the response to a command that failed.
func refusal(fail *registry.Failure) response { return response{code: fail.Code, fail: fail} }

// ends says whether the connection closes after the answer (RFC 5730 §3: 1500 and 25xx).
func ends(c registry.Code) bool { return c == registry.SuccessEndingSession || c >= 2500 }

const (
	prolog = `<?xml version="1.0" encoding="UTF-8" standalone="no"?>` + "\n" + `<epp xmlns="` + nsEPP + `">`
	epilog = `</epp>`
)

// frame writes the response as a data unit over b.
func (r *response) frame(b []byte) []byte {
	w := writer{frame.Begin(b[:0])}
	w.raw(prolog, `<response><result code="`)
	w.b = strconv.AppendUint(w.b, uint64(r.code), 10)
	w.raw(`"><msg lang="en">`)
	w.text(r.code.Text())
	w.raw(`</msg>`)
	if r.fail != nil {
		w.failure(r.fail)
	}
	w.raw(`</result>`)
	if len(r.data.b) > 0 {
		w.raw(`<resData>`)
		w.b = append(w.b, r.data.b...)
		w.raw(`</resData>`)
	}
	if len(r.extension.b) > 0 {
		w.raw(`<extension>`)
		w.b = append(w.b, r.extension.b...)
		w.raw(`</extension>`)
	}
	w.raw(`<trID>`)
	if r.clTRID != "" {
		w.element("clTRID", r.clTRID)
	}
	w.element("svTRID", r.svTRID)
	w.raw(`</trID></response>`, epilog)
	return frame.End(w.b)
}

// writer appends XML. Element names are literals of this package and need no escaping.
type writer struct{ b []byte }

// raw appends XML as it is.
func (w *writer) raw(parts ...string) {
	for _, p := range parts {
		w.b = append(w.b, p...)
	}
}

// text appends character data.
func (w *writer) text(s string) { w.b = xmltree.AppendText(w.b, s) }

// element appends an element that holds text; name may carry attributes.
func (w *writer) element(name, text string) {
	tag, _, _ := strings.Cut(name, " ")
	w.raw("<", name, ">")
	w.text(text)
	w.raw("</", tag, ">")
}

// optional appends an element unless its text is empty.
func (w *writer) optional(name, text string) {
	if text != "" {
		w.element(name, text)
	}
}

// time appends an element that holds a time, unless it is nought.
func (w *writer) time(name string, t registry.Time) {
	if t != 0 {
		w.element(name, t.String())
	}
}

// failure appends what a result says about an error: the offending element,
// and the reason beside it if there is one (RFC 5730 §2.6, value and extValue).
func (w *writer) failure(f *registry.Failure) {
	if f.Element == "" {
		return
	}
	if f.Reason == "" {
		w.offender(f)
		return
	}
	w.raw(`<extValue>`)
	w.offender(f)
	w.element(`reason lang="en"`, f.Reason)
	w.raw(`</extValue>`)
}

// offender appends the offending element with its namespace bound, for <value> is taken out of its context by clients.
func (w *writer) offender(f *registry.Failure) {
	space, name := nsEPP, f.Element
	if end := strings.LastIndexByte(name, '}'); end > 0 {
		space, name = name[1:end], name[end+1:]
	} else if prefix, _, ok := strings.Cut(name, ":"); ok {
		for s, p := range prefixes {
			if p == prefix {
				space = s
			}
		}
	}
	w.raw(`<value><`, name)
	switch prefix, _, prefixed := strings.Cut(name, ":"); {
	case prefixed:
		w.raw(` xmlns:`, prefix, `="`)
		w.text(space)
		w.raw(`"`)
	case space != nsEPP:
		w.raw(` xmlns="`)
		w.text(space)
		w.raw(`"`)
	}
	w.raw(`>`)
	w.text(f.Value)
	w.raw(`</`, name, `></value>`)
}
