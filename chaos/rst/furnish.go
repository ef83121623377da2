package rst

import (
	"context"
	"strings"
)

// person is a contact as it should be, with whatever the registry supports.
func (t *trial) person() values {
	v := values{
		"id": t.prefix + t.letters(8), "postalInfoType": t.in.postalInfoType(), "name": "Robin Example", "city": "Exampleton", "cc": "GB",
		"email": t.letters(8) + "@example.com", "authInfo": t.secret(),
	}
	for field, x := range map[string][2]string{
		"org": {"org", "Example Ltd"}, "street1": {"street", "1 Example Street"}, "sp": {"sp", "Exampleshire"}, "pc": {"pc", "EX1 1EX"},
		"voice": {"voice", "+44.2079460123"}, "voiceExt": {"voice:ext", "123"}, "fax": {"fax", "+44.2079460124"}, "faxExt": {"fax:ext", "124"},
	} {
		if t.in.supports(x[0]) {
			v[field] = x[1]
		}
	}
	return v
}

// must sends a command that the server has to accept, for a case to begin.
func (s *session) must(ctx context.Context, format string, args ...any) (*reply, error) {
	r, err := s.do(ctx, format, args...)
	if err != nil {
		return nil, err
	}
	if r.failed() {
		p := problem(wrongFailure, "%d %s", r.code, r.text())
		p.Sent, p.Received = r.sent, report(r.xml)
		return nil, p
	}
	return r, nil
}

// info asks for an object that has to be there.
func (s *session) info(ctx context.Context, kind, name string) (*reply, error) {
	return s.must(ctx, "%s", infoOf(kind, name))
}

// makeContact makes a contact, and returns its id.
func (s *session) makeContact(ctx context.Context) (string, error) {
	v := s.t.person()
	_, err := s.must(ctx, "%s", contactCreate(v))
	return v["id"], err
}

// makeExternal makes an external host, and returns its name. With host attributes there is nothing to make.
func (s *session) makeExternal(ctx context.Context) (string, error) {
	name := "ns" + s.t.letters(4) + "." + s.t.label() + ".icann"
	if s.t.in.HostModel == attributes {
		return name, nil
	}
	_, err := s.must(ctx, "%s", hostCreate(name, ""))
	return name, err
}

// made is a domain that a case made, with what it refers to.
type made struct {
	name     string
	authInfo string
	hosts    []string
	contacts []string
}

// furnishing is what domains of an account need.
type furnishing struct {
	ns, registrant, contacts string // ready elements
	made                     made
}

// furnish makes what a domain of the session's account needs: two external name servers, and contacts where the data model has them.
func (s *session) furnish(ctx context.Context) (f furnishing, err error) {
	var servers []nameserver
	for range 2 {
		name, err := s.makeExternal(ctx)
		if err != nil {
			return f, err
		}
		f.made.hosts = append(f.made.hosts, name)
		servers = append(servers, nameserver{name: name})
	}
	f.ns = nsElement(s.t.in.HostModel, servers)
	if s.account.model != maximum {
		return f, nil
	}
	id, err := s.makeContact(ctx)
	if err != nil {
		return f, err
	}
	f.made.contacts = append(f.made.contacts, id)
	f.registrant = element("domain:registrant", id)
	for _, role := range s.t.in.RequiredContactTypes {
		f.contacts += element(`domain:contact type="`+attribute(role)+`"`, id)
	}
	return f, nil
}

// domain is a domain that needs nothing but that, for so many years.
func (s *session) domain(f furnishing, name, years string) domainCreate {
	return domainCreate{
		name: name, period: years, unit: "y", ns: f.ns, registrant: f.registrant, contacts: f.contacts, authInfo: s.t.newAuthInfo(),
	}
}

// newAuthInfo is what a create carries: nothing where RFC 9154 holds, by which it is only set for a transfer.
func (t *trial) newAuthInfo() string {
	if t.offers(nsSecure) {
		return ""
	}
	return t.secret()
}

// makeDomain makes a domain with all that it needs.
func (s *session) makeDomain(ctx context.Context, tld, years string) (made, error) {
	return s.makeDomainExtended(ctx, tld, years, "")
}

// makeDomainExtended makes a domain with a command extension.
func (s *session) makeDomainExtended(ctx context.Context, tld, years, extension string) (made, error) {
	f, err := s.furnish(ctx)
	if err != nil {
		return made{}, err
	}
	f.made.name = s.t.label() + "." + tld
	d := s.domain(f, f.made.name, years)
	d.extension = extension
	f.made.authInfo = d.authInfo
	_, err = s.must(ctx, "%s", d)
	return f.made, err
}

// firstTLD is the TLD for cases that need one domain.
func (t *trial) firstTLD() string {
	for _, tld := range t.in.TLDs {
		if !tld.IDNOnly {
			return tld.Name
		}
	}
	return t.in.TLDs[0].Name
}

// parentOf is the registered name above a host's: the label below the TLD, and the TLD.
func parentOf(host, tld string) (string, bool) {
	rest, ok := strings.CutSuffix(host, "."+tld)
	if !ok {
		return "", false
	}
	return rest[strings.LastIndexByte(rest, '.')+1:] + "." + tld, true
}
