package rdap

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"quorate/fsm"
	"quorate/fsm/registry"
	"quorate/rdds"
)

// mediaType is the media type of all answers (RFC 7480 §4.2).
const mediaType = "application/rdap+json"

// The identifiers of what answers conform to (RFC 9083 §4.1, registered with IANA).
const (
	level0          = "rdap_level_0"
	responseProfile = "icann_rdap_response_profile_1"
	technicalGuide  = "icann_rdap_technical_implementation_guide_1"
	redactedLevel   = "redacted"
)

// statusNames maps EPP's status values to RDAP's where they differ by more than spelling (RFC 8056 §2).
var statusNames = map[string]string{"ok": "active", "linked": "associated"}

// status is an EPP status value in RDAP's spelling: words in lower case (RFC 8056 §2).
func status(epp string) string {
	if name, ok := statusNames[epp]; ok {
		return name
	}
	var b strings.Builder
	for _, r := range epp {
		if r >= 'A' && r <= 'Z' {
			b.WriteByte(' ')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

func statuses(epp []string) []string {
	names := make([]string, len(epp))
	for i, s := range epp {
		names[i] = status(s)
	}
	return names
}

// builder makes the answer to one request.
type builder struct {
	*settings
	view fsm.View
	self string // the request's URL
}

// domain is a domain with all that belongs to it.
func (b builder) domain(d registry.Domain) Domain {
	v := b.view
	sponsor := rdds.Sponsor(v, d.Sponsor)
	out := Domain{
		Answer:          Answer{[]string{level0, responseProfile, technicalGuide}, b.domainNotices(b.self)},
		ObjectClassName: "domain",
		Handle:          v.ROID(registry.DomainROID, d.Number),
		LDHName:         d.Name,
		Status:          statuses(rdds.DomainStatuses(v, d)),
		Events:          b.events(d.Object, d.Expires),
		Entities:        []Entity{b.sponsor(sponsor)},
		Links:           []Link{b.link("self", b.baseURL+"domain/"+d.Name)},
		SecureDNS:       secureDNS(&d),
		Port43:          b.whoisHost,
	}
	if sponsor.RDAP != "" {
		out.Links = append(out.Links, b.link("related", strings.TrimSuffix(sponsor.RDAP, "/")+"/domain/"+d.Name))
	}
	for _, number := range d.Hosts {
		out.Nameservers = append(out.Nameservers, b.nameserver(v.HostByNumber(number)))
	}
	for _, a := range d.Attributes {
		// No object, so neither handle nor status nor a link to more.
		out.Nameservers = append(out.Nameservers, Nameserver{ObjectClassName: "nameserver", LDHName: a.Name, IPAddresses: ipAddresses(a.Addresses)})
	}
	contactURI := sponsor.URL
	if !isWebURL(contactURI) {
		contactURI = b.termsURL
	}
	add := func(role contactRole, id string) {
		if id == "" {
			return
		}
		c, ok := v.Contact(id)
		if !ok {
			panic("invariant: contact " + id + " is linked but missing")
		}
		p := rdds.Publish(c)
		out.Entities = append(out.Entities, Entity{
			ObjectClassName: "entity", VCard: contactCard(role, p, contactURI), Roles: []string{role.role},
		})
		out.Redacted = append(out.Redacted, role.redactions(p.Withheld)...)
	}
	add(registrantRole, d.Registrant)
	add(technicalRole, rdds.FirstContact(d, "tech"))
	if rdds.FirstContact(d, "admin") != "" {
		out.Redacted = append(out.Redacted, removedRole("administrative", "Administrative Contact"))
	}
	if rdds.FirstContact(d, "billing") != "" {
		out.Redacted = append(out.Redacted, removedRole("billing", "Billing Contact"))
	}
	if len(out.Redacted) > 0 {
		out.Conformance = append(out.Conformance, redactedLevel)
	}
	return out
}

// secureDNS is what secures a domain's delegation: with keys, the DS records that are made of them as well.
func secureDNS(d *registry.Domain) (s SecureDNS) {
	for _, ds := range d.DSRecords() {
		s.DSData = append(s.DSData, DSData{ds.KeyTag, ds.Algorithm, fmt.Sprintf("%X", ds.Digest), ds.DigestType})
	}
	for _, k := range d.Keys {
		s.KeyData = append(s.KeyData, KeyData{k.Flags, k.Protocol, base64.StdEncoding.EncodeToString(k.PublicKey), k.Algorithm})
	}
	if s.DelegationSigned = len(s.DSData) > 0; s.DelegationSigned {
		s.MaxSigLife = d.MaxSigLife
	}
	return s
}

// nameserver is a host as it appears within a domain.
func (b builder) nameserver(h registry.Host) Nameserver {
	return Nameserver{
		ObjectClassName: "nameserver",
		Handle:          b.view.ROID(registry.HostROID, h.Number),
		LDHName:         h.Name,
		Status:          statuses(b.view.HostStatuses(h).Names()),
		Links:           []Link{b.link("self", b.baseURL+"nameserver/"+h.Name)},
		IPAddresses:     ipAddresses(h.Addresses),
	}
}

// ipAddresses are addresses by family; nil if there are none.
func ipAddresses(all [][]byte) (out *IPAddresses) {
	for _, octets := range all {
		ip, ok := netip.AddrFromSlice(octets)
		if !ok {
			continue
		}
		if out == nil {
			out = new(IPAddresses)
		}
		if ip.Is4() {
			out.V4 = append(out.V4, ip.String())
		} else {
			out.V6 = append(out.V6, ip.String())
		}
	}
	return out
}

// nameserverAnswer is a host as the object asked for.
func (b builder) nameserverAnswer(h registry.Host) Nameserver {
	out := b.nameserver(h)
	out.Answer = Answer{[]string{level0, responseProfile, technicalGuide}, []Notice{b.terms(b.self)}}
	out.Events = b.events(h.Object, 0)
	out.Entities = []Entity{b.sponsor(rdds.Sponsor(b.view, h.Sponsor))}
	out.Port43 = b.whoisHost
	return out
}

// sponsor is a registrar as it appears within an object that it sponsors.
func (b builder) sponsor(r registry.Registrar) Entity {
	out := Entity{
		ObjectClassName: "entity",
		Handle:          r.ID,
		VCard:           newJCard(r.Name),
		Roles:           []string{"registrar"},
	}
	if r.IANA != 0 {
		// A registrar without an IANA id, accredited by nobody but us, goes by its clID and has no public id.
		out.Handle = strconv.FormatUint(uint64(r.IANA), 10)
		out.PublicIDs = []PublicID{{"IANA Registrar ID", out.Handle}}
	}
	if r.RDAP != "" {
		// The profile wants the registered base URL as the link's context too.
		out.Links = append(out.Links, Link{r.RDAP, "about", r.RDAP, mediaType})
	}
	if r.AbuseEmail != "" || r.AbusePhone != "" {
		abuse := newJCard("Abuse Contact")
		abuse.phone("voice", registry.Phone{Number: r.AbusePhone})
		abuse.email(r.AbuseEmail)
		out.Entities = []Entity{{ObjectClassName: "entity", VCard: abuse, Roles: []string{"abuse"}}}
	}
	return out
}

// registrarAnswer is a registrar as the object asked for.
func (b builder) registrarAnswer(r registry.Registrar) Entity {
	out := b.sponsor(r)
	out.Answer = Answer{[]string{level0, responseProfile, technicalGuide}, []Notice{b.terms(b.self)}}
	if p := rdds.RegistrarPostal(r); p.Country != "" {
		out.VCard.address(p)
	}
	out.VCard.phone("voice", r.Voice)
	out.VCard.phone("fax", r.Fax)
	out.VCard.email(r.Email)
	if isWebURL(r.URL) {
		out.VCard.uri("url", r.URL)
	}
	out.Events = []Event{b.lastUpdate()}
	out.Links = append([]Link{b.link("self", b.baseURL+"entity/"+url.PathEscape(out.Handle))}, out.Links...)
	out.Port43 = b.whoisHost
	return out
}

// events are an object's events; expires is 0 for what does not expire.
func (b builder) events(o registry.Object, expires registry.Time) []Event {
	all := []Event{{"registration", o.Created.String()}}
	if expires != 0 {
		all = append(all, Event{"expiration", expires.String()})
	}
	if o.Updated != 0 {
		all = append(all, Event{"last changed", o.Updated.String()})
	}
	if o.Moved != 0 {
		all = append(all, Event{"transfer", o.Moved.String()})
	}
	return append(all, b.lastUpdate())
}

// lastUpdate says how old the answer is, in log time; no clock of this node's goes into an answer.
func (b builder) lastUpdate() Event {
	return Event{"last update of RDAP database", b.view.Now().String()}
}

func (b builder) link(rel, href string) Link { return Link{b.self, rel, href, mediaType} }
