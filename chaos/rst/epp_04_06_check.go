package rst

import (
	"context"
	"slices"
	"strings"
)

// question is a name to check, and what must be said of it.
type question struct {
	name string
	want string // valid, invalid or registered
}

// checkDomains is epp-04.
func checkDomains(ctx context.Context, t *trial) error {
	s, err := t.login(ctx, t.one)
	if err != nil {
		return err
	}
	for _, name := range t.in.RegisteredNames {
		if err := t.ask(ctx, s, "domain", "DOMAIN_CHECK_%_DOMAIN", question{name, "registered"}); err != nil {
			return err
		}
	}
	return t.eachTLD(func(tld string) error {
		questions := []question{{t.label() + "." + tld, "valid"}, {t.prefix + t.letters(55) + "." + tld, "valid"}}
		for _, label := range t.badLabels() {
			questions = append(questions, question{label + "." + tld, "invalid"})
		}
		for _, q := range questions {
			if err := t.ask(ctx, s, "domain", "DOMAIN_CHECK_%_DOMAIN", q); err != nil {
				return err
			}
		}
		return nil
	})
}

// badLabels are labels against RFC 1123 §2.1 and RFC 1035 §2.3.1.
func (t *trial) badLabels() []string {
	l := t.letters(8)
	return []string{"-" + l, l + "-", "_" + l, l + "_" + l, "!" + l, l + " " + l, l + "@" + l, l + ".", "." + l, strings.Repeat("x", 64), "*", ""}
}

// checkHosts is epp-05.
func checkHosts(ctx context.Context, t *trial) error {
	if t.in.HostModel == attributes {
		return skip("host attributes")
	}
	s, err := t.login(ctx, t.one)
	if err != nil {
		return err
	}
	questions := []question{{"ns1." + t.label() + ".icann", "valid"}}
	for _, name := range t.in.RegisteredNameservers {
		questions = append(questions, question{name, "registered"})
	}
	for _, label := range t.badLabels() {
		questions = append(questions, question{label + "." + t.label() + ".icann", "invalid"})
	}
	for _, tld := range t.in.TLDs {
		questions = append(questions, question{"ns1." + t.label() + "." + tld.Name, "valid"}, question{"-ns1-." + t.label() + "." + tld.Name, "invalid"})
	}
	for _, q := range questions {
		if err := t.ask(ctx, s, "host", "HOST_CHECK_%_HOST", q); err != nil {
			return err
		}
	}
	return nil
}

// checkContacts is epp-06.
func checkContacts(ctx context.Context, t *trial) error {
	a, _, ok := t.maximal()
	if !ok {
		return skip("no contacts in the minimum data model")
	}
	s, err := t.login(ctx, a)
	if err != nil {
		return err
	}
	questions := []question{{t.prefix + t.letters(8), "valid"}, {t.letters(3), "valid"}}
	for _, id := range t.in.RegisteredContacts {
		questions = append(questions, question{id, "registered"})
	}
	for _, id := range []string{"", "a", "ab", t.letters(17), t.letters(64)} {
		questions = append(questions, question{id, "invalid"})
	}
	for _, q := range questions {
		if err := t.ask(ctx, s, "contact", "CONTACT_CHECK_%_CONTACT_ID", q); err != nil {
			return err
		}
	}
	return nil
}

// ask checks one name. An invalid one may also be refused as such.
func (t *trial) ask(ctx context.Context, s *session, kind, code string, q question) error {
	r, err := s.do(ctx, "%s", checkOf(kind, keyOf(kind), q.name))
	if err != nil {
		return err
	}
	code = "EPP_" + strings.Replace(code, "%", strings.ToUpper(q.want), 1) + "_INCORRECT_AVAIL"
	if r.failed() {
		if q.want != "invalid" {
			t.about(r, wrongFailure, "check of %q", q.name)
		} else if !slices.Contains([]int{2001, 2004, 2005}, r.code) {
			t.about(r, code, "check of %q, which is invalid", q.name)
		}
		return nil
	}
	avail := availability(r, keyOf(kind))
	if got := text(r.data, "cd", keyOf(kind)); q.want != "invalid" && !strings.EqualFold(got, q.name) {
		t.about(r, code, "check of %q is answered with %q", q.name, got)
	}
	want := []string{"0", "false"}
	if q.want == "valid" {
		want = []string{"1", "true"}
	}
	if !slices.Contains(want, avail) {
		t.about(r, code, "check of %q: avail is %q", q.name, avail)
	}
	return nil
}

// availability is the avail of the first name in the answer to a check; "" if there is none.
func availability(r *reply, key string) string {
	if r.data == nil {
		return ""
	}
	if cd := r.data.Child("cd"); cd != nil {
		if e := cd.Child(key); e != nil {
			avail, _ := e.Attr("avail")
			return avail
		}
	}
	return ""
}
