package rst

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

var domainColumns = []string{
	"name", "period", "periodUnit", "dataModel", "registrant", "hostModel", "ns1", "ns1ipv4", "ns1ipv6", "ns2", "ns2ipv4", "ns2ipv6",
	"secDNSInterface", "keyTag", "dsDataAlg", "digestType", "digest", "flags", "protocol", "keyDataAlg", "pubKey",
}

// cellNone stands for no element at all, in rows of our own; {EMPTY} is an empty one.
const cellNone = "{NONE}"

// createDomains is epp-14.
func createDomains(ctx context.Context, t *trial) error {
	rows, err := t.rows("epp-14-data", domainColumns...)
	if err != nil {
		return err
	}
	for _, a := range []account{t.one, t.two} {
		s, err := t.login(ctx, a)
		if err != nil {
			return err
		}
		f, err := s.furnish(ctx)
		if err != nil {
			return err
		}
		if err := t.eachTLD(func(tld string) error { return s.createRows(ctx, tld, f, rows) }); err != nil {
			return err
		}
		if err := s.createOtherwise(ctx, f); err != nil {
			return err
		}
	}
	if !t.offers(nsSecDNS) {
		t.find("EPP_DOMAIN_CREATE_INFO_RESPONSE_MISSING_OBJECT_PROPERTIES", "secDNS-1.1 is not announced, so DNSSEC data was neither sent nor checked")
	}
	return nil
}

func (s *session) createRows(ctx context.Context, tld string, f furnishing, rows []row) error {
	t := s.t
	e := evaluator{t: t, tld: tld}
	hosts := map[string]bool{}
	for _, r := range rows {
		if !s.applies(r) {
			continue
		}
		d, dns, err := s.domainFrom(ctx, &e, r, f, hosts)
		if err != nil {
			return err
		}
		got, err := s.do(ctx, "%s", d)
		if err != nil {
			return err
		}
		if t.judge(r, got) && r.passes() {
			if err := s.compareDomain(ctx, d, dns); err != nil {
				return err
			}
		}
	}
	return nil
}

// applies says whether a row is for such an account and registry.
func (s *session) applies(r row) bool {
	is := func(column, wide, own string) bool { return r.cells[column] == wide || r.cells[column] == own }
	// ICANN's rows about DNSSEC say nothing on hosts: what stands there is filled in from the rows above.
	aboutDNSSEC := strings.HasSuffix(r.code(), "INVALID_DNSSEC_DATA")
	if aboutDNSSEC && !s.t.offers(nsSecDNS) {
		return false
	}
	return is("dataModel", "any", s.account.model) && (aboutDNSSEC || is("hostModel", "either", s.t.in.HostModel)) &&
		is("secDNSInterface", "either", s.t.in.SecDNSInterfaces)
}

// domainFrom makes a domain of a row's cells. Host objects outside of the registry that rows name are made first, unless the row is about
// a host that doesn't exist.
func (s *session) domainFrom(ctx context.Context, e *evaluator, r row, f furnishing, made map[string]bool) (d domainCreate, dns string, err error) {
	t := s.t
	registrant := r.cells["registrant"]
	if registrant == cellNone {
		r.cells = values(r.cells).with("registrant", cellEmpty)
	}
	cells, err := e.next(r, domainColumns...)
	if err != nil {
		return d, "", err
	}
	unset := func(column string) string {
		if v := cells[column]; v != cellEmpty {
			return v
		}
		return ""
	}
	d = domainCreate{name: cells["name"], period: unset("period"), unit: unset("periodUnit"), contacts: f.contacts, authInfo: t.newAuthInfo()}
	switch {
	case registrant == cellAuto:
		d.registrant = f.registrant
	case registrant != cellNone:
		d.registrant = element("domain:registrant", unset("registrant"))
	}
	servers := serversFrom(cells)
	if len(servers) == 0 || strings.HasSuffix(r.code(), "INVALID_DNSSEC_DATA") {
		d.ns = f.ns
	} else {
		d.ns = nsElement(t.in.HostModel, servers)
		for _, server := range servers {
			if strings.HasSuffix(r.code(), "_HOST_OBJECT") || t.in.HostModel == attributes || made[server.name] || strings.Contains(server.name, cells["name"]) {
				continue
			}
			made[server.name] = true
			if err := s.ensureHost(ctx, server.name); err != nil {
				return d, "", err
			}
		}
	}
	v := values{}
	for _, c := range domainColumns {
		v[c] = unset(c)
	}
	if v["keyTag"] == cellAuto {
		v["keyTag"] = strconv.Itoa(t.random.IntN(65536))
	}
	if t.offers(nsSecDNS) {
		dns = secureDNS(t.in.SecDNSInterfaces, v)
		d.extension = secDNSCreate(dns)
	}
	return d, dns, nil
}

func serversFrom(cells map[string]string) (all []nameserver) {
	for _, n := range []string{"ns1", "ns2"} {
		if cells[n] == cellEmpty {
			continue
		}
		server := nameserver{name: cells[n]}
		if v := cells[n+"ipv4"]; v != cellEmpty {
			server.v4 = &v
		}
		if v := cells[n+"ipv6"]; v != cellEmpty {
			server.v6 = &v
		}
		all = append(all, server)
	}
	return all
}

// ensureHost makes a host that runs before may have made.
func (s *session) ensureHost(ctx context.Context, name string) error {
	r, err := s.do(ctx, "%s", hostCreate(name, ""))
	if err == nil && r.failed() && r.code != 2302 {
		s.t.about(r, wrongFailure, "host:create of %s", name)
	}
	return err
}

// createOtherwise tries the other host model, and what depends on RFC 9154.
func (s *session) createOtherwise(ctx context.Context, f furnishing) error {
	t := s.t
	tld := t.firstTLD()
	d := s.domain(f, t.label()+"."+tld, "1")
	address := "192.31.196.40"
	code := "EPP_DOMAIN_CREATE_SERVER_INCORRECTLY_ACCEPTS_HOST_ATTRIBUTES"
	d.ns = nsElement(attributes, []nameserver{{name: "ns1." + d.name, v4: &address}, {name: "ns1." + t.label() + ".icann"}})
	if t.in.HostModel == attributes {
		code = "EPP_DOMAIN_CREATE_SERVER_INCORRECTLY_ACCEPTS_HOST_OBJECTS"
		d.ns = nsElement(objects, []nameserver{{name: f.made.hosts[0]}})
	}
	r, err := s.do(ctx, "%s", d)
	if err != nil {
		return err
	}
	if !r.failed() {
		t.about(r, code, "the registry has host %s", t.in.HostModel)
	}
	if !t.offers(nsSecure) {
		return nil
	}
	d = s.domain(f, t.label()+"."+tld, "1")
	d.authInfo = ""
	if r, err = s.do(ctx, "%s", d); err != nil {
		return err
	}
	if r.failed() {
		t.about(r, wrongFailure, "an empty <pw>, with RFC 9154")
	}
	return nil
}

// roidPattern is a repository object identifier (RFC 5730 §2.8); IANA's repository ids have no underscore and at most eight characters.
var roidPattern = regexp.MustCompile(`^[\pL\pN_]{1,80}-[\pL\pN]{1,8}$`)

// compareDomain asks for a domain, and holds what is stored against what was sent.
func (s *session) compareDomain(ctx context.Context, d domainCreate, dns string) error {
	const missing = "EPP_DOMAIN_CREATE_INFO_RESPONSE_MISSING_OBJECT_PROPERTIES"
	t := s.t
	r, err := s.do(ctx, "%s", infoOf("domain", d.name))
	if err != nil {
		return err
	}
	if r.failed() || r.data == nil {
		t.about(r, missing, "info of %s", d.name)
		return nil
	}
	if roid := text(r.data, "roid"); !roidPattern.MatchString(roid) {
		t.about(r, "EPP_DOMAIN_CREATE_INFO_RESPONSE_INVALID_ROID", "roid %q", roid)
	} else {
		t.waive("whether IANA has registered the repository id " + roid[strings.LastIndexByte(roid, '-')+1:])
	}
	created, createdErr := time.Parse(time.RFC3339, text(r.data, "crDate"))
	expires, expiresErr := time.Parse(time.RFC3339, text(r.data, "exDate"))
	years, _ := strconv.Atoi(d.period)
	if err := errors.Join(createdErr, expiresErr); err != nil {
		t.about(r, missing, "crDate and exDate: %v", err)
	} else if got := expires.Sub(created.AddDate(years, 0, 0)).Abs(); d.unit == "y" && got > 24*time.Hour {
		t.about(r, missing, "created %v for %d years, it expires %v", created, years, expires)
	}
	for _, id := range []string{"crID", "clID"} {
		if got := text(r.data, id); got != s.account.clID {
			t.about(r, missing, "%s is %q, not %q", id, got, s.account.clID)
		}
	}
	if d.registrant != "" && !strings.Contains(d.registrant, ">"+text(r.data, "registrant")+"<") {
		t.about(r, missing, "registrant %q", text(r.data, "registrant"))
	}
	if got := s.secureData(r); dns != "" && !slices.Contains(got, canonicalSecure(dns)) {
		t.about(r, missing, "the DNSSEC data sent is not in the answer")
	}
	return nil
}

// secureData is an answer's DNSSEC data, each dsData or keyData as canonicalSecure has it.
func (s *session) secureData(r *reply) (all []string) {
	e := r.extended(nsSecDNS, "infData")
	if e == nil {
		return nil
	}
	for i := range e.Children {
		if c := &e.Children[i]; c.Name == s.t.in.SecDNSInterfaces {
			var parts []string
			for j := range c.Children {
				if c.Children[j].Name != keyData { // a dsData may show the key that it was made of
					parts = append(parts, strings.ToUpper(strings.Join(strings.Fields(c.Children[j].Text), "")))
				}
			}
			all = append(all, strings.Join(parts, " "))
		}
	}
	return all
}

var markup = regexp.MustCompile(`<[^>]*>`)

// canonicalSecure is DNSSEC data that was sent as secureData has it.
func canonicalSecure(dns string) string {
	return strings.ToUpper(strings.Join(strings.Fields(markup.ReplaceAllString(dns, " ")), " "))
}
