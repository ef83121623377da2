package rst

import (
	"context"
	"slices"
)

// contactAccess is epp-08.
func contactAccess(ctx context.Context, t *trial) error {
	a, other, ok := t.maximal()
	if !ok {
		return skip("no contacts in the minimum data model")
	}
	s, err := t.login(ctx, a)
	if err != nil {
		return err
	}
	id, err := s.makeContact(ctx)
	if err != nil {
		return err
	}
	stranger, err := t.login(ctx, other)
	if err != nil {
		return err
	}
	r, err := stranger.do(ctx, "%s", infoOf("contact", id))
	if err != nil {
		return err
	}
	if !r.failed() {
		t.about(r, "EPP_CONTACT_INFO_RESPONSE_NOT_REJECTED", "info of another registrar's contact")
	}
	for _, parts := range []string{
		contactChange(values{"email": "stolen@example.com"}),
		wrap("contact:add", statusList("contact", "clientDeleteProhibited")),
	} {
		r, err := stranger.do(ctx, "%s", contactUpdate(id, parts))
		if err != nil {
			return err
		}
		if !r.failed() {
			t.about(r, "EPP_CONTACT_UPDATE_RESPONSE_NOT_REJECTED", "update of another registrar's contact")
		}
	}
	return nil
}

var (
	postalColumns = []string{"postalInfoType", "name", "org", "street1", "street2", "street3", "city", "sp", "pc", "cc"}
	otherColumns  = []string{"voice", "voiceExt", "fax", "faxExt", "email"}
	statusColumns = []string{"action", "status"}
)

// updateContacts is epp-09.
func updateContacts(ctx context.Context, t *trial) error {
	a, _, ok := t.maximal()
	if !ok {
		return skip("no contacts in the minimum data model")
	}
	s, err := t.login(ctx, a)
	if err != nil {
		return err
	}
	now := t.person()
	if _, err := s.must(ctx, "%s", contactCreate(now)); err != nil {
		return err
	}
	if err := s.changeContact(ctx, now, "epp-09-postalinfo-data", postalColumns); err != nil {
		return err
	}
	if err := s.changeContact(ctx, now, "epp-09-other-data", otherColumns); err != nil {
		return err
	}
	return s.changeStatuses(ctx, "contact", now["id"], "epp-09-status-data")
}

// changed is what {AUTO} stands for in an update: something else than people are made with.
var changed = values{
	"name": "Charlie Changed", "org": "Changed Ltd", "street1": "2 Changed Street", "city": "Changedville", "sp": "Changedshire", "pc": "CH2 2CH", "cc": "IE",
	"voice": "+353.15550123", "voiceExt": "321", "fax": "+353.15550124", "faxExt": "421", "email": "changed@example.net",
}

// changeContact updates a contact as a data provider's rows say, and holds it against what was accepted.
func (s *session) changeContact(ctx context.Context, now values, provider string, columns []string) error {
	t := s.t
	rows, err := t.rows(provider, columns...)
	if err != nil {
		return err
	}
	e := evaluator{t: t}
	for _, r := range rows {
		cells, err := e.next(r, columns...)
		if err != nil {
			return err
		}
		v, applies := t.changeFrom(cells, columns)
		if !applies {
			continue
		}
		got, err := s.do(ctx, "%s", contactUpdate(now["id"], contactChange(v)))
		if err != nil {
			return err
		}
		if !t.judge(r, got) || !r.passes() {
			continue
		}
		if slices.Contains(columns, "city") {
			for _, f := range addressFields {
				delete(now, f) // an address is replaced as a whole
			}
		}
		for _, f := range columns {
			if x, ok := v[f]; ok {
				now[f] = x
			} else if f == "voiceExt" || f == "faxExt" {
				delete(now, f)
			}
		}
		if err := s.compareContact(ctx, "EPP_CONTACT_UPDATE_INFO_RESPONSE_", now); err != nil {
			return err
		}
	}
	return nil
}

// changeFrom makes a change of a row's cells.
func (t *trial) changeFrom(cells map[string]string, columns []string) (v values, applies bool) {
	v = values{}
	for _, c := range columns {
		x, optional := cells[c], supportedAs[c]
		switch {
		case x == cellAuto && c == "postalInfoType":
			v[c] = t.in.postalInfoType()
		case x == cellAuto:
			if optional == "" || t.in.supports(optional) {
				v[c] = changed[c]
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

// changeStatuses adds and removes statuses of an object as a data provider's rows say, and looks at what it has then.
func (s *session) changeStatuses(ctx context.Context, kind, name, provider string) error {
	t := s.t
	rows, err := t.rows(provider, statusColumns...)
	if err != nil {
		return err
	}
	e := evaluator{t: t}
	for _, r := range rows {
		cells, err := e.next(r, statusColumns...)
		if err != nil {
			return err
		}
		status := cells["status"]
		if status == cellEmpty {
			status = ""
		}
		change := wrap(kind+":"+cells["action"], statusList(kind, status))
		got, err := s.do(ctx, "%s", object("update", kind, spaceOf[kind], element(kind+":"+keyOf(kind), name)+change))
		if err != nil {
			return err
		}
		if !t.judge(r, got) || !r.passes() {
			continue
		}
		if err := s.compareStatus(ctx, kind, name, status, cells["action"] == "add"); err != nil {
			return err
		}
	}
	return nil
}

// compareStatus looks whether an object has a status, as it should or should not.
func (s *session) compareStatus(ctx context.Context, kind, name, status string, want bool) error {
	r, err := s.info(ctx, kind, name)
	if err != nil {
		return err
	}
	if has := slices.Contains(statusesOf(r.data), status); has != want {
		code := "EPP_HOST_UPDATE_INFO_RESPONSE_MISSING_OBJECT_PROPERTIES"
		switch {
		case kind == "contact":
			code = "EPP_CONTACT_UPDATE_INFO_RESPONSE_MISSING_OR_INCORRECT_STATUS"
		case kind == "domain" && want:
			code = "EPP_DOMAIN_UPDATE_INFO_RESPONSE_MISSING_STATUS_CODE"
		case kind == "domain":
			code = "EPP_DOMAIN_UPDATE_INFO_RESPONSE_UNEXPECTED_STATUS_CODE"
		}
		s.t.about(r, code, "%s after an update: %q", name, statusesOf(r.data))
	}
	return nil
}

// deleteContacts is epp-10.
func deleteContacts(ctx context.Context, t *trial) error {
	a, _, ok := t.maximal()
	if !ok {
		return skip("no contacts in the minimum data model")
	}
	s, err := t.login(ctx, a)
	if err != nil {
		return err
	}
	for range 2 {
		id, err := s.makeContact(ctx)
		if err != nil {
			return err
		}
		if err := s.deleteAndLook(ctx, "contact", id, "EPP_CONTACT_DELETE_RESPONSE_NOT_1000_OR_1001", "EPP_CONTACT_DELETE_OBJECT_STILL_EXISTS"); err != nil {
			return err
		}
	}
	return nil
}

// deleteAndLook deletes an object that nothing refers to, and looks whether it is gone if the server says so.
func (s *session) deleteAndLook(ctx context.Context, kind, name, refused, remains string) error {
	r, err := s.do(ctx, "%s", deleteOf(kind, name))
	if err != nil {
		return err
	}
	if r.failed() {
		s.t.about(r, refused, "delete of %s", name)
		return nil
	}
	if r.code != 1000 {
		return nil
	}
	if r, err = s.do(ctx, "%s", infoOf(kind, name)); err != nil {
		return err
	}
	if r.code != 2303 {
		s.t.about(r, remains, "info of %s after its deletion", name)
	}
	return nil
}
