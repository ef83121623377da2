package epp

import (
	"time"

	"quorate/epp/frame"
	"quorate/epp/xmlwriter"
)

// The data collection policy (RFC 5730 §2.4): what a registry under ICANN's
// agreements does with the data, in the protocol's few words.
const dataPolicy = `<dcp><access><all/></access><statement><purpose><admin/><prov/></purpose>` +
	`<recipient><ours/><public/></recipient><retention><stated/></retention></statement></dcp>`

// greeting makes the frame that opens a connection and answers a <hello>.
func (s *Server) greeting(b []byte, now time.Time) []byte {
	w := xmlwriter.On(frame.Begin(b[:0]))
	w.Raw(prolog, `<greeting>`)
	w.Element("svID", s.config.ServerID)
	w.Element("svDate", now.UTC().Format("2006-01-02T15:04:05.000Z"))
	w.Raw(`<svcMenu><version>1.0</version><lang>en</lang>`)
	for _, uri := range services {
		w.Element("objURI", uri)
	}
	if len(s.config.Extensions) > 0 {
		w.Raw(`<svcExtension>`)
		for _, e := range s.config.Extensions {
			w.Element("extURI", e.URI)
		}
		w.Raw(`</svcExtension>`)
	}
	w.Raw(`</svcMenu>`, dataPolicy, `</greeting>`, epilog)
	return frame.End(w.B)
}
