package epp

import (
	"context"
	"time"

	"quorate/epp/frame"
	"quorate/epp/xmlwriter"
	"quorate/fsm"
)

// The data collection policy (RFC 5730 §2.4): what a registry under ICANN's
// agreements does with the data, in the protocol's few words.
const dataPolicy = `<dcp><access><all/></access><statement><purpose><admin/><prov/></purpose>` +
	`<recipient><ours/><public/></recipient><retention><stated/></retention></statement></dcp>`

// services are the object services that are offered: contacts and hosts if they are objects of any TLD. What a node
// doesn't know, because its state can't be read, it offers; whoever names it at login is told then.
func services(ctx context.Context, r Registry) []string {
	all := []string{nsDomain, nsContact, nsHost}
	_ = r.View(ctx, fsm.Local, 0, func(v fsm.View) error {
		offered := all[:1:1]
		if v.OffersContacts() {
			offered = append(offered, nsContact)
		}
		if v.OffersHosts() {
			offered = append(offered, nsHost)
		}
		all = offered
		return nil
	})
	return all
}

// greeting makes the frame that opens a connection and answers a <hello>.
func (s *Server) greeting(b []byte, now time.Time, services []string) []byte {
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
