package rst

import (
	"context"
	"strconv"
	"time"
)

// consistency is epp-17. What is made at each address is asked for at every other one at once.
func consistency(ctx context.Context, t *trial) error {
	if len(t.addresses) < 2 {
		return skip("one address")
	}
	sessions := make([]*session, len(t.addresses))
	for i, address := range t.addresses {
		s, err := t.loginAt(ctx, address, t.one)
		if err != nil {
			return err
		}
		sessions[i] = s
	}
	for _, at := range sessions {
		d, err := at.makeDomain(ctx, t.firstTLD(), "1")
		if err != nil {
			return err
		}
		if t.offers(nsSecDNS) {
			v := values{"keyTag": "4711", "dsDataAlg": "13", "digestType": "2", "digest": "AB" + (scope{random: t.random}).hex(31), "flags": "257", "protocol": "3", "keyDataAlg": "13", "pubKey": aP256Key}
			if _, err := at.must(ctx, "%s", domainUpdate(d.name, "", "", "", secDNSUpdate("", secureDNS(t.in.SecDNSInterfaces, v)))); err != nil {
				return err
			}
		}
		questions := [][2]string{{"domain", d.name}}
		for _, id := range d.contacts {
			questions = append(questions, [2]string{"contact", id})
		}
		if t.in.HostModel == objects {
			for _, h := range d.hosts {
				questions = append(questions, [2]string{"host", h})
			}
		}
		for _, q := range questions {
			if err := at.sameEverywhere(ctx, sessions, q[0], q[1]); err != nil {
				return err
			}
		}
	}
	return nil
}

// sameEverywhere asks for an object at all sessions, the others first.
func (s *session) sameEverywhere(ctx context.Context, sessions []*session, kind, name string) error {
	answers := map[*session]*reply{}
	for _, other := range append(sessions, s) {
		if other == s && len(answers) < len(sessions)-1 {
			continue
		}
		r, err := other.do(ctx, "%s", infoOf(kind, name))
		if err != nil {
			return err
		}
		answers[other] = r
	}
	want := answers[s]
	for other, r := range answers {
		if r.code != 1000 || content(r) != content(want) {
			s.t.about(r, "EPP_SERVICE_PORT_NOT_CONSISTENT", "%s %s at %s is not as at %s, where it was made", kind, name, other.address, s.address)
		}
	}
	return nil
}

// content is what an info says of an object.
func content(r *reply) string { return canonical(r.data) + canonical(r.extension) }

// renewDomains is epp-18.
func renewDomains(ctx context.Context, t *trial) error {
	s, err := t.login(ctx, t.one)
	if err != nil {
		return err
	}
	return t.eachTLD(func(tld string) error {
		d, err := s.makeDomain(ctx, tld, "1")
		if err != nil {
			return err
		}
		expires, err := s.expires(ctx, d.name)
		if err != nil {
			return err
		}
		for _, years := range []int{1, 2} {
			if expires, err = s.renew(ctx, d.name, expires, years); err != nil {
				return err
			}
		}
		for _, wrong := range []struct {
			code, day, period, unit string
		}{
			{"EPP_RENEW_SERVER_ACCEPTS_INVALID_CURRENT_EXPIRY_DATE", day(expires.AddDate(0, 0, 1)), "1", "y"},
			{"EPP_RENEW_SERVER_ACCEPTS_INVALID_CURRENT_EXPIRY_DATE", day(expires.AddDate(-1, 0, 0)), "1", "y"},
			{"EPP_RENEW_SERVER_ACCEPTS_INVALID_CURRENT_EXPIRY_DATE", "", "1", "y"},
			{"EPP_RENEW_SERVER_ACCEPTS_INVALID_PERIOD", day(expires), "7", "y"}, // four years there are
			{"EPP_RENEW_SERVER_ACCEPTS_INVALID_PERIOD", day(expires), "10", "y"},
			{"EPP_RENEW_SERVER_ACCEPTS_INVALID_PERIOD", day(expires), "99", "y"},
			{"EPP_RENEW_SERVER_ACCEPTS_INVALID_PERIOD", day(expires), "84", "m"},
			{"EPP_RENEW_SERVER_ACCEPTS_INVALID_PERIOD", day(expires), "0", "y"},
			{"EPP_RENEW_SERVER_ACCEPTS_INVALID_PERIOD", day(expires), "-1", "y"},
			{"EPP_RENEW_SERVER_ACCEPTS_INVALID_PERIOD", day(expires), "1.5", "y"},
			{"EPP_RENEW_SERVER_ACCEPTS_INVALID_PERIOD", day(expires), "1", "x"},
		} {
			r, err := s.do(ctx, "%s", domainRenew(d.name, wrong.day, wrong.period, wrong.unit, ""))
			if err != nil {
				return err
			}
			if !r.failed() {
				t.about(r, wrong.code, "curExpDate %s, period %s%s", wrong.day, wrong.period, wrong.unit)
				return nil
			}
		}
		_, err = s.renew(ctx, d.name, expires, 6) // to ten years less a moment
		return err
	})
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// expires asks for a domain's expiry date.
func (s *session) expires(ctx context.Context, name string) (time.Time, error) {
	r, err := s.info(ctx, "domain", name)
	if err != nil {
		return time.Time{}, err
	}
	at, err := time.Parse(time.RFC3339, text(r.data, "exDate"))
	if err != nil {
		return at, problem("EPP_RENEW_INFO_RESPONSE_UNEXPECTED_EXPIRY_DATE", "exDate %q", text(r.data, "exDate"))
	}
	return at, nil
}

// renew renews a domain, looks at what became of it, and returns the new expiry date.
func (s *session) renew(ctx context.Context, name string, expires time.Time, years int) (time.Time, error) {
	t := s.t
	if _, err := s.must(ctx, "%s", domainRenew(name, day(expires), strconv.Itoa(years), "y", "")); err != nil {
		return expires, err
	}
	r, err := s.info(ctx, "domain", name)
	if err != nil {
		return expires, err
	}
	now, err := time.Parse(time.RFC3339, text(r.data, "exDate"))
	if err != nil || !sameDate(now, expires.AddDate(years, 0, 0)) {
		t.about(r, "EPP_RENEW_INFO_RESPONSE_UNEXPECTED_EXPIRY_DATE", "%v and %d years", expires, years)
	}
	t.gracePeriod(r, "renewPeriod", "EPP_RENEW_INFO_RESPONSE_MISSING_OR_INVALID_RGP_STATUS")
	return now, nil
}

// sameDate allows for the 29th of February, which registries make the 28th or the 1st.
func sameDate(a, b time.Time) bool { return a.Sub(b).Abs() <= 24*time.Hour }

// gracePeriod looks for an RGP status in a domain's data, as soon as the server announces RFC 3915.
func (t *trial) gracePeriod(r *reply, status, code string) {
	if !t.offers(nsRGP) {
		t.later("the RGP status " + status)
		return
	}
	for _, s := range r.rgpStatuses() {
		if s == status {
			return
		}
	}
	t.about(r, code, "no RGP status %s among %q", status, r.rgpStatuses())
}
