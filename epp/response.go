package epp

import (
	"strconv"
	"strings"

	"quorate/epp/frame"
	"quorate/epp/xmlwriter"
	"quorate/fsm/registry"
)

// response is the answer to a command (RFC 5730 §2.6).
type response struct {
	code      registry.Code
	fail      *registry.Failure // why, when the code is an error
	data      writer            // inside <resData>
	extension writer            // inside <extension>
	unhandled []unhandled       // told in the result
	clTRID    string
	svTRID    string
	queue     *registry.Queue   // of the session's registrar; nil: not looked at
	message   *registry.Message // the first in the queue, for a poll
	acked     string            // the message that was acknowledged
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
	w := writer{Writer: xmlwriter.On(frame.Begin(b[:0]))}
	w.Raw(prolog, `<response><result code="`)
	w.B = strconv.AppendUint(w.B, uint64(r.code), 10)
	w.Raw(`"><msg lang="en">`)
	w.Text(r.code.Text())
	w.Raw(`</msg>`)
	if r.fail != nil {
		w.failure(r.fail)
	}
	for _, u := range r.unhandled {
		w.unhandled(u)
	}
	w.Raw(`</result>`)
	r.messageQueue(&w)
	if len(r.data.B) > 0 {
		w.Raw(`<resData>`)
		w.B = append(w.B, r.data.B...)
		w.Raw(`</resData>`)
	}
	if len(r.extension.B) > 0 {
		w.Raw(`<extension>`)
		w.B = append(w.B, r.extension.B...)
		w.Raw(`</extension>`)
	}
	w.Raw(`<trID>`)
	if r.clTRID != "" {
		w.Element("clTRID", r.clTRID)
	}
	w.Element("svTRID", r.svTRID)
	w.Raw(`</trID></response>`, epilog)
	return frame.End(w.B)
}

// writer appends XML, and knows what answers share.
type writer struct {
	xmlwriter.Writer
	subject any // what the answer is about, for extensions: a registry.Domain, a message of the poll queue
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
	w.Raw(`<extValue>`)
	w.offender(f)
	w.Element(`reason lang="en"`, f.Reason)
	w.Raw(`</extValue>`)
}

// offender appends the offending element with its namespace bound, for <value> is taken out of its context by clients.
func (w *writer) offender(f *registry.Failure) {
	space, name := nsEPP, f.Element
	if end := strings.LastIndexByte(name, '}'); end > 0 {
		space, name = name[1:end], name[end+1:]
		for prefix, uri := range extensionPrefixes {
			if uri == space {
				name = prefix + ":" + name
			}
		}
	} else if prefix, _, ok := strings.Cut(name, ":"); ok {
		space = namespaceOf(prefix)
	}
	w.Raw(`<value><`, name)
	switch prefix, _, prefixed := strings.Cut(name, ":"); {
	case prefixed:
		w.Raw(` xmlns:`, prefix, `="`)
		w.Text(space)
		w.Raw(`"`)
	case space != nsEPP:
		w.Raw(` xmlns="`)
		w.Text(space)
		w.Raw(`"`)
	}
	w.Raw(`>`)
	w.Text(f.Value)
	w.Raw(`</`, name, `></value>`)
}

// extensionPrefixes are the customary prefixes of extensions' elements, with their namespaces.
var extensionPrefixes = func() map[string]string {
	all := map[string]string{}
	for _, e := range extensions {
		if e.Prefix != "" {
			all[e.Prefix] = e.URI
		}
	}
	return all
}()

// namespaceOf is the namespace that a customary prefix stands for.
func namespaceOf(prefix string) string {
	for uri, p := range prefixes {
		if p == prefix {
			return uri
		}
	}
	return extensionPrefixes[prefix]
}
