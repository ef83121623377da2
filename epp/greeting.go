package epp

import (
	"time"

	"quorate/epp/frame"
)

// The data collection policy (RFC 5730 §2.4): what a registry under ICANN's
// agreements does with the data, in the protocol's few words.
const dataPolicy = `<dcp><access><all/></access><statement><purpose><admin/><prov/></purpose>` +
	`<recipient><ours/><public/></recipient><retention><stated/></retention></statement></dcp>`

// greeting makes the frame that opens a connection and answers a <hello>.
func (s *Server) greeting(b []byte, now time.Time) []byte {
	w := writer{frame.Begin(b[:0])}
	w.raw(prolog, `<greeting>`)
	w.element("svID", s.config.ServerID)
	w.element("svDate", now.UTC().Format("2006-01-02T15:04:05.000Z"))
	w.raw(`<svcMenu><version>1.0</version><lang>en</lang>`)
	for _, uri := range services {
		w.element("objURI", uri)
	}
	if len(s.config.Extensions) > 0 {
		w.raw(`<svcExtension>`)
		for _, e := range s.config.Extensions {
			w.element("extURI", e.URI())
		}
		w.raw(`</svcExtension>`)
	}
	w.raw(`</svcMenu>`, dataPolicy, `</greeting>`, epilog)
	return frame.End(w.b)
}
