package rst

import (
	"context"
	"slices"
	"strings"
)

var contactColumns = []string{
	"id", "postalInfoType", "name", "org", "street1", "street2", "street3", "city", "sp", "pc", "cc", "voice", "voiceExt", "fax", "faxExt", "email", "authInfo",
}

// createContacts is epp-07.
func createContacts(ctx context.Context, t *trial) error {
	a, _, ok := t.maximal()
	if !ok {
		return skip("no contacts in the minimum data model")
	}
	rows, err := t.rows("epp-07-data", contactColumns...)
	if err != nil {
		return err
	}
	s, err := t.login(ctx, a)
	if err != nil {
		return err
	}
	e := evaluator{t: t}
	for _, r := range rows {
		cells, err := e.next(r, contactColumns...)
		if err != nil {
			return err
		}
		v, applies := t.contactFrom(cells)
		if !applies {
			continue
		}
		got, err := s.do(ctx, "%s", contactCreate(v))
		if err != nil {
			return err
		}
		if t.judge(r, got) && r.passes() {
			if err := s.compareContact(ctx, "EPP_CONTACT_CREATE_INFO_RESPONSE_", v); err != nil {
				return err
			}
		}
	}
	return nil
}

// supportedAs is the optional element that a field belongs to (epp.supportedContactElements).
var supportedAs = map[string]string{
	"org": "org", "street1": "street", "street2": "street", "street3": "street", "sp": "sp", "pc": "pc",
	"voice": "voice", "voiceExt": "voice:ext", "fax": "fax", "faxExt": "fax:ext",
}

// contactFrom makes a contact of a row's cells. It doesn't apply if the row is about an element that isn't supported.
func (t *trial) contactFrom(cells map[string]string) (v values, applies bool) {
	auto := t.person()
	v = values{}
	for _, c := range contactColumns {
		x := cells[c]
		optional := supportedAs[c]
		switch {
		case x == cellAuto:
			if a, ok := auto[c]; ok {
				v[c] = a
			} else if optional != "" && t.in.supports(optional) {
				v[c] = "Example"
			}
		case x == cellEmpty && slices.Contains([]string{"street2", "street3", "voiceExt", "faxExt"}, c):
		case optional != "" && !t.in.supports(optional):
			return nil, false
		case x == cellEmpty:
			v[c] = ""
		default:
			v[c] = x
		}
	}
	return v, true
}

// compareContact asks for a contact, and holds what is stored against what was sent. code is what the error codes begin with.
func (s *session) compareContact(ctx context.Context, code string, v values) error {
	t := s.t
	r, err := s.do(ctx, "%s", infoOf("contact", v["id"]))
	if err != nil {
		return err
	}
	if r.code != 1000 || r.data == nil {
		t.about(r, code+"NOT_1000", "info of %s", v["id"])
		return nil
	}
	wrong := func(field, got, want string) {
		if got != want {
			t.about(r, code+"MISSING_OR_INCORRECT_"+field, "info of %s shows %q, not %q", v["id"], got, want)
		}
	}
	wrong("ID", text(r.data, "id"), v["id"])
	wrong("EMAIL", text(r.data, "email"), v["email"])
	for _, phone := range []string{"voice", "fax"} {
		want, sent := v[phone]
		if !sent {
			continue
		}
		wrong(strings.ToUpper(phone), text(r.data, phone), want)
		if e := r.data.Child(phone); e != nil {
			x, _ := e.Attr("x")
			wrong(strings.ToUpper(phone)+"_EXT", x, v[phone+"Ext"])
		}
	}
	for i := range r.data.Children {
		p := &r.data.Children[i]
		if kind, _ := p.Attr("type"); p.Name != "postalInfo" || kind != v["postalInfoType"] {
			continue
		}
		wrong("NAME", text(p, "name"), v["name"])
		if want, sent := v["org"]; sent {
			wrong("ORG", text(p, "org"), want)
		}
		var streets []string
		for _, f := range []string{"street1", "street2", "street3"} {
			if want, sent := v[f]; sent {
				streets = append(streets, want)
			}
		}
		wrong("STREET", strings.Join(texts(p.Child("addr"), "street"), "\n"), strings.Join(streets, "\n"))
		for _, f := range []string{"city", "sp", "pc", "cc"} {
			if want, sent := v[f]; sent {
				wrong(strings.ToUpper(f), text(p, "addr", f), want)
			}
		}
		return nil
	}
	t.about(r, code+"MISSING_OR_INCORRECT_POSTALINFO_TYPE", "info of %s has no postalInfo of type %s", v["id"], v["postalInfoType"])
	return nil
}
