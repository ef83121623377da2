package whois

import (
	"net/netip"
	"strconv"
	"strings"
	"unicode"

	"quorate/fsm"
	"quorate/fsm/registry"
	"quorate/rdds"
)

// redacted stands for what is withheld, also where there is nothing to withhold: the answer must not tell.
const redacted = "REDACTED FOR PRIVACY"

// emailHint stands for an e-mail address that is withheld. The sentence is ICANN's.
const emailHint = "Please query the RDDS service of the Registrar of Record identified in this output for information " +
	"on how to contact the Registrant, Admin, or Tech contact of the queried domain name."

// defaultLegal follows every answer if the operator has no text of their own.
const defaultLegal = `This data is published so that people can learn about or check the registration of a name.
It may be used for lawful purposes only; sending unsolicited messages and copying the
registry's data in bulk are not among them. Its accuracy is not warranted.`

// answer is an answer under construction.
type answer struct{ text strings.Builder }

// line writes a line. Control characters, which could pretend to be lines of ours, become spaces.
func (a *answer) line(s string) {
	if strings.ContainsFunc(s, unicode.IsControl) || strings.Contains(s, "\u2028") || strings.Contains(s, "\u2029") {
		s = strings.Map(func(r rune) rune {
			if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
				return ' '
			}
			return r
		}, s)
	}
	a.text.WriteString(strings.ToValidUTF8(s, "\ufffd"))
	a.text.WriteString("\r\n")
}

// field writes a key and its value; a key without a value is left out.
func (a *answer) field(key, value string) {
	if value != "" {
		a.line(key + ": " + value)
	}
}

// lookup answers q from v; found is false when there is no such object.
func (s *Server) lookup(v fsm.View, q Query) (a *answer, found bool) {
	a = new(answer)
	object := q.Object
	if object == AnyName {
		object = Domain
		if superordinate, ok := v.Superordinate(q.Text); ok && superordinate != q.Text {
			object = NameServer
		}
	}
	switch object {
	case Domain:
		if d, ok := v.Domain(q.Text); ok {
			a.domain(v, d)
			found = true
		}
	case NameServer:
		if h, ok := v.Host(q.Text); ok {
			a.nameServer(v, h)
			found = true
		}
	case Registrar:
		if r, ok := s.registrars.Find(v, q.Text); ok {
			a.registrar(r)
			found = true
		}
	}
	if !found {
		a.line(`No match for "` + q.Text + `".`)
	}
	// The footer's time is the replica's own: how old the answer is, whatever the wall clock says.
	a.line(">>> Last update of WHOIS database: " + timestamp(v.Now()) + " <<<")
	if found {
		a.line("")
		a.line("For more information on Whois status codes, please visit https://icann.org/epp")
		a.line("")
		a.text.WriteString(s.legal)
	}
	return a, found
}

// domain writes a domain in the order of the registry agreement's Specification 4 §1.5.
func (a *answer) domain(v fsm.View, d registry.Domain) {
	r := rdds.Sponsor(v, d.Sponsor)
	a.field("Domain Name", d.Name)
	a.field("Registry Domain ID", v.ROID(registry.DomainROID, d.Number))
	a.field("Registrar WHOIS Server", r.Whois)
	a.field("Registrar URL", r.URL)
	if d.Updated != 0 {
		a.field("Updated Date", timestamp(d.Updated))
	}
	a.field("Creation Date", timestamp(d.Created))
	a.field("Registry Expiry Date", timestamp(d.Expires))
	a.field("Registrar", r.Name)
	if r.IANA != 0 {
		a.field("Registrar IANA ID", strconv.FormatUint(uint64(r.IANA), 10))
	}
	a.field("Registrar Abuse Contact Email", r.AbuseEmail)
	a.field("Registrar Abuse Contact Phone", r.AbusePhone)
	for _, status := range rdds.DomainStatuses(v, d) {
		a.field("Domain Status", status+" https://icann.org/epp#"+status)
	}
	if d.Registrant != "" {
		a.contact(v, "Registrant", d.Registrant)
	}
	for _, role := range [...]struct{ title, kind string }{{"Admin", "admin"}, {"Tech", "tech"}, {"Billing", "billing"}} {
		if id := rdds.FirstContact(d, role.kind); id != "" {
			a.contact(v, role.title, id)
		}
	}
	for _, number := range d.Hosts {
		h := v.HostByNumber(number)
		a.field("Name Server", h.Name)
		a.addresses(h.Addresses)
	}
	for _, host := range d.Attributes {
		a.field("Name Server", host.Name)
		a.addresses(host.Addresses)
	}
	a.dnssec(d)
	a.field("URL of the ICANN Whois Inaccuracy Complaint Form", "https://www.icann.org/wicf/")
}

// dnssec says what secures the delegation.
func (a *answer) dnssec(d registry.Domain) {
	records := d.DSRecords()
	if len(records) == 0 {
		a.field("DNSSEC", "unsigned")
		return
	}
	a.field("DNSSEC", "signedDelegation")
	for _, ds := range records {
		a.field("DNSSEC DS Data", ds.String())
	}
}

// contact writes the part of a domain's contact in one role.
func (a *answer) contact(v fsm.View, title, id string) {
	stored, ok := v.Contact(id)
	if !ok {
		panic("invariant: contact " + id + " is linked but missing")
	}
	c := rdds.Publish(stored)
	field := func(key string, of rdds.Fields, value string) {
		if c.Withheld.Has(of) {
			value = redacted
		}
		a.field(title+" "+key, value)
	}
	a.field("Registry "+title+" ID", redacted)
	field("Name", rdds.Name, c.Name)
	field("Organization", rdds.Organization, c.Organization)
	if c.Withheld.Has(rdds.Address) {
		field("Street", rdds.Address, "")
	}
	for _, street := range c.Street {
		field("Street", rdds.Address, street)
	}
	field("City", rdds.Address, c.City)
	a.field(title+" State/Province", c.Province)
	field("Postal Code", rdds.Address, c.PostalCode)
	a.field(title+" Country", c.Country)
	field("Phone", rdds.Voice, c.Voice.Number)
	field("Phone Ext", rdds.Voice, c.Voice.Extension)
	field("Fax", rdds.Fax, c.Fax.Number)
	field("Fax Ext", rdds.Fax, c.Fax.Extension)
	if c.Withheld.Has(rdds.Email) {
		c.Email = emailHint
	}
	a.field(title+" Email", c.Email)
}

// nameServer writes a host (Specification 4 §1.7).
func (a *answer) nameServer(v fsm.View, h registry.Host) {
	r := rdds.Sponsor(v, h.Sponsor)
	a.field("Server Name", h.Name)
	a.addresses(h.Addresses)
	a.field("Registrar", r.Name)
	a.field("Registrar WHOIS Server", r.Whois)
	a.field("Registrar URL", r.URL)
}

func (a *answer) addresses(all [][]byte) {
	for _, octets := range all {
		if ip, ok := netip.AddrFromSlice(octets); ok {
			a.field("IP Address", ip.String())
		}
	}
}

// registrar writes a registrar (Specification 4 §1.6).
func (a *answer) registrar(r registry.Registrar) {
	p := rdds.RegistrarPostal(r)
	a.field("Registrar", r.Name)
	for _, street := range p.Street {
		a.field("Street", street)
	}
	a.field("City", p.City)
	a.field("State/Province", p.Province)
	a.field("Postal Code", p.PostalCode)
	a.field("Country", p.Country)
	a.field("Phone Number", r.Voice.Number)
	a.field("Phone Ext", r.Voice.Extension)
	a.field("Fax Number", r.Fax.Number)
	a.field("Fax Ext", r.Fax.Extension)
	a.field("Email", r.Email)
	a.field("Registrar WHOIS Server", r.Whois)
	a.field("Registrar URL", r.URL)
}

// timestamp is t in RFC 3339 to the second.
func timestamp(t registry.Time) string { return t.String()[:len("2006-01-02T15:04:05")] + "Z" }

// usage tells a person what was wrong with a query, and what would be right.
func usage(err error) string {
	var a answer
	a.line("Error: " + err.Error() + ".")
	a.line("Usage: NAME | domain NAME | nameserver NAME | registrar NAME-OR-ID")
	return a.text.String()
}
