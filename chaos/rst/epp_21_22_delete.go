package rst

import (
	"context"
	"slices"
	"time"
)

// deleteDomains is epp-21.
func deleteDomains(ctx context.Context, t *trial) error {
	s, err := t.login(ctx, t.one)
	if err != nil {
		return err
	}
	return t.eachTLD(func(tld string) error {
		d, err := s.makeDomain(ctx, tld, "1")
		if err != nil {
			return err
		}
		r, err := s.must(ctx, "%s", deleteOf("domain", d.name))
		if err != nil {
			return err
		}
		code := r.code
		if r, err = s.do(ctx, "%s", infoOf("domain", d.name)); err != nil {
			return err
		}
		switch {
		case r.code == 2303:
		case code == 1000:
			t.about(r, "EPP_DOMAIN_DELETE_INFO_RESPONSE_OBJECT_STILL_EXISTS", "after a delete that was answered 1000")
		case !slices.Contains(statusesOf(r.data), "pendingDelete"):
			t.about(r, "EPP_DOMAIN_DELETE_INFO_RESPONSE_OBJECT_NOT_PENDING_DELETE", "its statuses are %q", statusesOf(r.data))
		}
		if code != 1000 {
			return nil
		}
		const remains = "EPP_DOMAIN_DELETE_INFO_RESPONSE_OBJECT_STILL_EXISTS"
		for _, id := range d.contacts {
			if err := s.deleteAndLook(ctx, "contact", id, remains, remains); err != nil {
				return err
			}
		}
		if t.in.HostModel == attributes {
			return nil
		}
		for _, host := range d.hosts {
			if err := s.deleteAndLook(ctx, "host", host, remains, remains); err != nil {
				return err
			}
		}
		return nil
	})
}

// restoreDomain is epp-22, which the specification has commented out.
func restoreDomain(ctx context.Context, t *trial) error {
	if _, err := t.connect(ctx, t.addresses[0], t.one); err != nil {
		return err
	}
	if !t.offers(nsRGP) {
		t.later("restoring a domain")
		return nil
	}
	s, err := t.login(ctx, t.one)
	if err != nil {
		return err
	}
	d, err := s.makeDomain(ctx, t.firstTLD(), "1")
	if err != nil {
		return err
	}
	expires, err := s.expires(ctx, d.name)
	if err != nil {
		return err
	}
	if _, err := s.renew(ctx, d.name, expires, 1); err != nil {
		return err
	}
	if r, err := s.do(ctx, "%s", deleteOf("domain", d.name)); err != nil {
		return err
	} else if r.failed() {
		t.about(r, "EPP_RESTORE_DELETE_FAILED", "delete of %s", d.name)
		return nil
	} else if r.code == 1000 {
		t.remark("the server deletes a renewed domain at once, so there is nothing to restore")
		return nil
	}
	ops := []string{`<rgp:restore op="request"/>`}
	if t.in.RestoreReportRequired {
		ops = append(ops, restoreReport(d.name))
	}
	for _, op := range ops {
		extension := `<rgp:update xmlns:rgp="` + nsRGP + `">` + op + `</rgp:update>`
		if _, err := s.must(ctx, "%s", domainObject("update", element("domain:name", d.name)+`<domain:chg/>`)+wrap("extension", extension)); err != nil {
			return err
		}
	}
	r, err := s.info(ctx, "domain", d.name)
	if err != nil {
		return err
	}
	if slices.Contains(statusesOf(r.data), "pendingDelete") || slices.Contains(r.rgpStatuses(), "pendingDelete") {
		t.about(r, "EPP_RESTORE_DOMAIN_STILL_PENDINGDELETE", "after its restoration")
	}
	return nil
}

// restoreReport is a report in the words of RFC 3915 §4.2.5.
func restoreReport(name string) string {
	now := time.Now().UTC().Format("2006-01-02T15:04:05.0Z")
	return `<rgp:restore op="report"><rgp:report>` + element("rgp:preData", name+" as it was") + element("rgp:postData", name+" as it is") +
		element("rgp:delTime", now) + element("rgp:resTime", now) + element("rgp:resReason", "Registrant error.") +
		element("rgp:statement", "This registrar has not restored the Registered Name in order to assume the rights to use or sell the Registered Name for itself or for any third party.") +
		element("rgp:statement", "The information in this report is true to best of this registrar's knowledge, and this registrar acknowledges that intentionally supplying false information in this report shall constitute an incurable material breach of the Registry-Registrar Agreement.") +
		`</rgp:report></rgp:restore>`
}
