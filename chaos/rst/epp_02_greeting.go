package rst

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"
)

// recommendedExtensions are those whose lack is a warning (epp-02).
var recommendedExtensions = []string{
	nsSecure, "urn:ietf:params:xml:ns:epp:unhandled-namespaces-1.0", nsLoginSec, "urn:ietf:params:xml:ns:changePoll-1.0",
}

// registered are the namespaces of the EPP extension registry that IANA keeps (RFC 7451), as far as RFCs define them. ICANN's list, if it
// is at hand, is taken instead.
var registered = []string{
	nsDomain, nsHost, nsContact, nsSecDNS, nsRGP, nsLaunch, nsLoginSec, nsSecure,
	"urn:ietf:params:xml:ns:epp:unhandled-namespaces-1.0", "urn:ietf:params:xml:ns:changePoll-1.0", "urn:ietf:params:xml:ns:e164epp-1.0",
	"urn:ietf:params:xml:ns:epp:org-1.0", "urn:ietf:params:xml:ns:epp:orgext-1.0", "urn:ietf:params:xml:ns:epp:maintenance-1.0",
	"urn:ietf:params:xml:ns:keyrelay-1.0", "urn:ietf:params:xml:ns:allocationToken-1.0", "urn:ietf:params:xml:ns:epp:fee-1.0",
	"urn:ietf:params:xml:ns:epp:b-dn", "urn:ietf:params:xml:ns:epp:ttl-1.0", "urn:ietf:params:xml:ns:epp:addlEmail-1.0",
	"urn:ietf:params:xml:ns:idn-1.0", "urn:ietf:params:xml:ns:mark-1.0", "urn:ietf:params:xml:ns:signedMark-1.0",
}

var (
	languageTag   = regexp.MustCompile(`^[a-zA-Z]{2,8}(-[a-zA-Z0-9]{1,8})*$`)
	registeredURI = regexp.MustCompile(`(?m)^\s+uri:\s+(\S+)\s*$`)
)

// protocolConformance is epp-02.
func protocolConformance(ctx context.Context, t *trial) error {
	known := t.registeredNamespaces()
	reached := 0
	for _, address := range t.addresses {
		s, err := t.connect(ctx, address, t.one)
		var p *Problem
		if errors.As(err, &p) && p.Code == allUnreachable {
			t.find(unreachable, "%s", p.Detail)
			continue
		}
		if err != nil {
			return err
		}
		reached++
		t.greets(&greeting{s.c.Greeting()}, address, known)
	}
	if reached == 0 {
		return problem(allUnreachable, "none of %q", t.addresses)
	}
	if !t.o.Online {
		t.waive("svDate was held against this machine's clock, not NTP")
	}
	return nil
}

func (t *trial) greets(g *greeting, address string, known []string) {
	t.checked = true
	if g.ServerID == "" || len(g.ServerID) < 3 {
		t.findAt(address, "EPP_GREETING_SVID_INVALID", "svID %q", g.ServerID)
	}
	at, err := time.Parse(time.RFC3339, g.Date)
	if err != nil || time.Since(at).Abs() > clockTolerance {
		t.findAt(address, "EPP_GREETING_SVDATE_INVALID", "svDate %q", g.Date)
	}
	if !slices.Equal(g.Versions, []string{"1.0"}) {
		t.findAt(address, "EPP_GREETING_VERSION_INVALID", "versions %q", g.Versions)
	}
	for _, l := range g.Languages {
		if !languageTag.MatchString(l) {
			t.findAt(address, "EPP_GREETING_INVALID_LANG", "lang %q", l)
		}
	}
	if !slices.Contains(g.Languages, "en") {
		t.findAt(address, "EPP_GREETING_MISSING_EN_LANG", "languages %q", g.Languages)
	}
	wanted := []string{nsDomain}
	if t.in.HostModel == objects {
		wanted = append(wanted, nsHost)
	}
	if t.in.RegistryDataModel != minimum {
		wanted = append(wanted, nsContact)
	}
	for _, uri := range wanted {
		if !slices.Contains(g.Objects, uri) {
			t.findAt(address, "EPP_GREETING_MISSING_OBJURI", "no %s", uri)
		}
	}
	for _, uri := range g.Objects {
		if !slices.Contains(known, uri) {
			t.findAt(address, "EPP_GREETING_UNEXPECTED_OBJURI", "%s is not in the EPP extension registry", uri)
		}
	}
	for _, uri := range g.Extensions {
		if !slices.Contains(known, uri) {
			t.findAt(address, "EPP_GREETING_UNEXPECTED_EXTURI", "%s is not in the EPP extension registry", uri)
		}
	}
	if !g.offers(nsSecDNS) {
		t.findAt(address, "EPP_GREETING_MISSING_EXTURI", "no %s", nsSecDNS)
	}
	if !g.offers(nsRGP) {
		t.later("the announcement of rgp-1.0")
	}
	if t.o.Plan != RSPChangePlan && !g.offers(nsLaunch) {
		t.findAt(address, "EPP_GREETING_MISSING_EXTURI", "no %s", nsLaunch)
	}
	for _, uri := range recommendedExtensions {
		if !g.offers(uri) {
			t.findAt(address, "EPP_GREETING_RECOMMENDED_EXTENSION_MISSING", "no %s", uri)
		}
	}
}

// registeredNamespaces are those of ICANN's list, or ours.
func (t *trial) registeredNamespaces() []string {
	b, err := t.dataFile("rst-spec", "epp-extensions.yaml")
	if err != nil {
		return registered
	}
	var all []string
	for _, m := range registeredURI.FindAllSubmatch(b, -1) {
		all = append(all, strings.Trim(string(m[1]), `'"`))
	}
	return all
}
