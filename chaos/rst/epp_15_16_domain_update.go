package rst

import (
	"context"
	"slices"
	"strings"

	"quorate/epp/xmltree"
)

// integrity is epp-15.
func integrity(ctx context.Context, t *trial) error {
	a := t.one
	if giver, _, ok := t.maximal(); ok {
		a = giver
	} else if t.in.HostModel == attributes {
		return skip("neither hosts nor contacts are objects")
	}
	s, err := t.login(ctx, a)
	if err != nil {
		return err
	}
	d, err := s.makeDomain(ctx, t.firstTLD(), "1")
	if err != nil {
		return err
	}
	for _, id := range d.contacts {
		r, err := s.do(ctx, "%s", deleteOf("contact", id))
		if err != nil {
			return err
		}
		if !r.failed() {
			t.about(r, "EPP_INTEGRITY_SERVER_ACCEPTS_DELETE_FOR_LINKED_CONTACT_OBJECT", "%s", id)
		}
	}
	if t.in.HostModel == attributes {
		return nil
	}
	for _, host := range d.hosts {
		r, err := s.do(ctx, "%s", deleteOf("host", host))
		if err != nil {
			return err
		}
		if !r.failed() {
			t.about(r, "EPP_INTEGRITY_SERVER_ACCEPTS_DELETE_FOR_LINKED_HOST_OBJECT", "%s", host)
		}
	}
	return nil
}

// updateDomains is epp-16.
func updateDomains(ctx context.Context, t *trial) error {
	s, err := t.login(ctx, t.one)
	if err != nil {
		return err
	}
	stranger, err := t.login(ctx, t.two)
	if err != nil {
		return err
	}
	return t.eachTLD(func(tld string) error {
		d, err := s.makeDomain(ctx, tld, "1")
		if err != nil {
			return err
		}
		for _, step := range []func() error{
			func() error { return s.changeStatuses(ctx, "domain", d.name, "epp-16-status-data") },
			func() error { return s.changeHosts(ctx, d.name) },
			func() error { return s.changeDNSSEC(ctx, d.name) },
			func() error { return s.changeRegistrant(ctx, d.name) },
			func() error { return s.otherModel(ctx, d.name) },
			func() error { return stranger.foreignUpdates(ctx, d.name) },
		} {
			if err := step(); err != nil {
				return err
			}
		}
		return nil
	})
}

// changeHosts adds and removes name servers as the rows say.
func (s *session) changeHosts(ctx context.Context, domain string) error {
	t := s.t
	columns := []string{"hostModel", "action", "ns", "v4", "v6"}
	rows, err := t.rows("epp-16-ns-data", columns...)
	if err != nil {
		return err
	}
	if t.in.HostModel == objects {
		for _, name := range []string{"ns3.epp-16.rst.icann", "ns4.epp-16.rst.icann"} {
			if err := s.ensureHost(ctx, name); err != nil {
				return err
			}
		}
	}
	e := evaluator{t: t}
	for _, r := range rows {
		if m := r.cells["hostModel"]; m != "either" && m != t.in.HostModel {
			continue
		}
		r.cells = values(r.cells).with("ns", strings.ReplaceAll(r.cells["ns"], "$DOMAIN", `"`+domain+`"`))
		cells, err := e.next(r, columns...)
		if err != nil {
			return err
		}
		server := nameserver{name: cells["ns"]}
		if v := cells["v4"]; v != cellEmpty {
			server.v4 = &v
		}
		if v := cells["v6"]; v != cellEmpty {
			server.v6 = &v
		}
		ns := nsElement(t.in.HostModel, []nameserver{server})
		add, rem := ns, ""
		if cells["action"] == "rem" {
			add, rem = "", ns
		}
		got, err := s.do(ctx, "%s", domainUpdate(domain, add, rem, "", ""))
		if err != nil {
			return err
		}
		if !t.judge(r, got) || !r.passes() {
			continue
		}
		if err := s.compareHost(ctx, domain, server.name, cells["action"] == "add"); err != nil {
			return err
		}
	}
	return nil
}

// compareHost looks whether a domain is delegated to a host, as it should or should not be.
func (s *session) compareHost(ctx context.Context, domain, host string, want bool) error {
	r, err := s.info(ctx, "domain", domain)
	if err != nil {
		return err
	}
	if has := slices.Contains(delegatedTo(r.data), strings.ToLower(host)); has != want {
		code := "EPP_DOMAIN_UPDATE_INFO_RESPONSE_UNEXPECTED_HOST_"
		if want {
			code = "EPP_DOMAIN_UPDATE_INFO_RESPONSE_MISSING_HOST_"
		}
		kind := "OBJECT"
		if s.t.in.HostModel == attributes {
			kind = "ATTRIBUTE"
		}
		s.t.about(r, code+kind, "%s after an update: %q", domain, delegatedTo(r.data))
	}
	return nil
}

// delegatedTo are the name servers in a domain's data, in lower case.
func delegatedTo(data *xmltree.Element) (all []string) {
	if data == nil {
		return nil
	}
	ns := data.Child("ns")
	if ns == nil {
		return nil
	}
	for i := range ns.Children {
		e := &ns.Children[i]
		name := e.Token()
		if e.Name == "hostAttr" {
			name = text(e, "hostName")
		}
		all = append(all, strings.ToLower(name))
	}
	return all
}

// changeDNSSEC adds and removes DNSSEC data as the rows say, and in the end all that is left.
func (s *session) changeDNSSEC(ctx context.Context, domain string) error {
	t := s.t
	if !t.offers(nsSecDNS) {
		t.find("EPP_DOMAIN_UPDATE_INFO_RESPONSE_MISSING_DNSSEC_DATA", "secDNS-1.1 is not announced, so DNSSEC data can't be changed")
		return nil
	}
	columns := []string{"secDNSInterface", "action", "keyTag", "dsDataAlg", "digestType", "digest", "flags", "protocol", "keyDataAlg", "pubKey"}
	rows, err := t.rows("epp-16-dnssec-data", columns...)
	if err != nil {
		return err
	}
	e := evaluator{t: t}
	for _, r := range rows {
		if i := r.cells["secDNSInterface"]; i != "either" && i != t.in.SecDNSInterfaces {
			continue
		}
		cells, err := e.next(r, columns...)
		if err != nil {
			return err
		}
		v := values{}
		for _, c := range columns {
			if v[c] = cells[c]; v[c] == cellEmpty {
				v[c] = ""
			}
		}
		dns := secureDNS(t.in.SecDNSInterfaces, v)
		change := secDNSUpdate("", dns)
		if cells["action"] == "rem" {
			change = secDNSUpdate(dns, "")
		}
		got, err := s.do(ctx, "%s", domainUpdate(domain, "", "", "", change))
		if err != nil {
			return err
		}
		if t.judge(r, got) && r.passes() {
			if err := s.compareDNSSEC(ctx, domain, dns, cells["action"] == "add"); err != nil {
				return err
			}
		}
	}
	return s.clearDNSSEC(ctx, domain)
}

// clearDNSSEC adds data and removes all there is (RFC 5910 §5.2.5).
func (s *session) clearDNSSEC(ctx context.Context, domain string) error {
	v := values{"keyTag": "54321", "dsDataAlg": "13", "digestType": "2", "digest": strings.Repeat("AB", 32), "flags": "257", "protocol": "3", "keyDataAlg": "13", "pubKey": aP256Key}
	dns := secureDNS(s.t.in.SecDNSInterfaces, v)
	if _, err := s.must(ctx, "%s", domainUpdate(domain, "", "", "", secDNSUpdate("", dns))); err != nil {
		return err
	}
	if _, err := s.must(ctx, "%s", domainUpdate(domain, "", "", "", secDNSUpdate(`<secDNS:all>true</secDNS:all>`, ""))); err != nil {
		return err
	}
	return s.compareDNSSEC(ctx, domain, dns, false)
}

func (s *session) compareDNSSEC(ctx context.Context, domain, dns string, want bool) error {
	r, err := s.info(ctx, "domain", domain)
	if err != nil {
		return err
	}
	if has := slices.Contains(s.secureData(r), canonicalSecure(dns)); has != want {
		code := "EPP_DOMAIN_UPDATE_INFO_RESPONSE_UNEXPECTED_DNSSEC_DATA"
		if want {
			code = "EPP_DOMAIN_UPDATE_INFO_RESPONSE_MISSING_DNSSEC_DATA"
		}
		s.t.about(r, code, "%s after an update", domain)
	}
	return nil
}

// changeRegistrant changes a domain's registrant, where there is one.
func (s *session) changeRegistrant(ctx context.Context, domain string) error {
	if s.account.model != maximum {
		return nil
	}
	t := s.t
	for _, part := range []string{"add", "chg"} {
		stranger := t.prefix + t.letters(8)
		add, chg := element(`domain:contact type="tech"`, stranger), ""
		if part == "chg" {
			add, chg = "", element("domain:registrant", stranger)
		}
		r, err := s.do(ctx, "%s", domainUpdate(domain, add, "", chg, ""))
		if err != nil {
			return err
		}
		if !r.failed() {
			t.about(r, domainTakes+"NON_EXISTENT_CONTACT_OBJECT", "%s", stranger)
		}
	}
	id, err := s.makeContact(ctx)
	if err != nil {
		return err
	}
	if _, err := s.must(ctx, "%s", domainUpdate(domain, "", "", element("domain:registrant", id), "")); err != nil {
		return err
	}
	r, err := s.info(ctx, "domain", domain)
	if err != nil {
		return err
	}
	switch got := text(r.data, "registrant"); got {
	case id:
	case "":
		t.about(r, "EPP_DOMAIN_UPDATE_INFO_RESPONSE_MISSING_REGISTRANT", "it should be %s", id)
	default:
		t.about(r, "EPP_DOMAIN_UPDATE_INFO_RESPONSE_UNEXPECTED_REGISTRANT", "it is %s, not %s", got, id)
	}
	return nil
}

// otherModel tries to delegate in the other host model.
func (s *session) otherModel(ctx context.Context, domain string) error {
	t := s.t
	code, model, server := "EPP_DOMAIN_UPDATE_SERVER_INCORRECTLY_ACCEPTS_HOST_ATTRIBUTES", attributes, nameserver{name: "ns1." + t.label() + ".icann"}
	if t.in.HostModel == attributes {
		code, model = "EPP_DOMAIN_UPDATE_SERVER_INCORRECTLY_ACCEPTS_HOST_OBJECTS", objects
	}
	r, err := s.do(ctx, "%s", domainUpdate(domain, nsElement(model, []nameserver{server}), "", "", ""))
	if err != nil {
		return err
	}
	if !r.failed() {
		t.about(r, code, "the registry has host %s", t.in.HostModel)
	}
	return nil
}

// foreignUpdates tries to change another registrar's domain.
func (s *session) foreignUpdates(ctx context.Context, domain string) error {
	for _, update := range []string{
		domainUpdate(domain, statusList("domain", "clientHold"), "", "", ""),
		domainUpdate(domain, "", "", `<domain:authInfo>`+element("domain:pw", s.t.secret())+`</domain:authInfo>`, ""),
	} {
		r, err := s.do(ctx, "%s", update)
		if err != nil {
			return err
		}
		if r.code != 2201 {
			code := wrongSuccess
			if r.failed() {
				code = wrongFailure
			}
			s.t.about(r, code, "an update of another registrar's domain must be refused with 2201")
		}
	}
	return nil
}
