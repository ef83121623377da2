package rst

import "context"

// gatewayHosts makes an external host and an internal one at the gateway.
func (s *session) gatewayHosts(ctx context.Context) ([]string, error) {
	outside, err := s.makeExternal(ctx)
	if err != nil {
		return nil, err
	}
	inside, err := s.makeInternal(ctx, s.t.firstTLD())
	return []string{outside, inside}, err
}

// gatewayHostCreate is srsgw-02.
func gatewayHostCreate(ctx context.Context, t *trial) error {
	if t.in.HostModel == attributes {
		return skip("host attributes")
	}
	at, primaries, err := t.through(ctx)
	if err != nil {
		return err
	}
	hosts, err := at.gatewayHosts(ctx)
	if err != nil {
		return failedWith("SRSGW_HOST_CREATE_FAILED", err)
	}
	for _, h := range hosts {
		if err := at.sameAt(ctx, primaries, "host", h, "SRSGW_HOST_CREATE_OBJECT_NOT_FOUND_WITHIN_DEADLINE", "SRSGW_HOST_CREATE_OBJECT_HAS_MISSING_OR_INVALID_PROPERTIES"); err != nil {
			return err
		}
	}
	return nil
}

// gatewayContactCreate is srsgw-03.
func gatewayContactCreate(ctx context.Context, t *trial) error {
	at, primaries, id, err := t.gatewayContact(ctx)
	if err != nil {
		return failedWith("SRSGW_CONTACT_CREATE_FAILED", err)
	}
	return at.sameAt(ctx, primaries, "contact", id, "SRSGW_CONTACT_CREATE_OBJECT_NOT_FOUND_WITHIN_DEADLINE", "SRSGW_CONTACT_CREATE_OBJECT_HAS_MISSING_OR_INVALID_PROPERTIES")
}

// gatewayContact makes a contact at the gateway.
func (t *trial) gatewayContact(ctx context.Context) (at *session, primaries []*session, id string, err error) {
	if _, _, ok := t.maximal(); !ok {
		return nil, nil, "", skip("no contacts in the minimum data model")
	}
	if at, primaries, err = t.through(ctx); err != nil {
		return
	}
	id, err = at.makeContact(ctx)
	return
}

// gatewayDomainCreate is srsgw-04.
func gatewayDomainCreate(ctx context.Context, t *trial) error {
	at, primaries, err := t.through(ctx)
	if err != nil {
		return err
	}
	return t.eachTLD(func(tld string) error {
		d, err := at.gatewayDomain(ctx, tld)
		if err != nil {
			return failedWith("SRSGW_DOMAIN_CREATE_FAILED", err)
		}
		return at.sameAt(ctx, primaries, "domain", d.name, "SRSGW_DOMAIN_CREATE_OBJECT_NOT_FOUND_WITHIN_DEADLINE", "SRSGW_DOMAIN_CREATE_OBJECT_HAS_MISSING_OR_INVALID_PROPERTIES")
	})
}

// gatewayDomain makes a domain at the gateway.
func (s *session) gatewayDomain(ctx context.Context, tld string) (made, error) {
	extension, err := gatewayExtension(s.t.in.DomainCreateExtension)
	if err != nil {
		return made{}, err
	}
	return s.makeDomainExtended(ctx, tld, "1", extension)
}

// gatewayExtension is what stands inside the <extension> of an input parameter.
func gatewayExtension(doc string) (string, error) {
	if doc == "" {
		return "", nil
	}
	inner, err := inside(doc)
	if err != nil {
		return "", problem("SRSGW_EPP_INVALID_EXTENSION", "%v", err)
	}
	return inner, nil
}

// gatewayHostUpdate is srsgw-09.
func gatewayHostUpdate(ctx context.Context, t *trial) error {
	if t.in.HostModel == attributes {
		return skip("host attributes")
	}
	at, primaries, err := t.through(ctx)
	if err != nil {
		return err
	}
	name, err := at.makeInternal(ctx, t.firstTLD())
	if err != nil {
		return err
	}
	add := hostAddress("v6", "2001:4:112:cd::80") + statusList("host", "clientDeleteProhibited")
	if _, err := at.must(ctx, "%s", hostUpdate(name, add, hostAddress("v4", "192.31.196.7"), "")); err != nil {
		return failedWith("SRSGW_EPP_HOST_UPDATE_FAILED", err)
	}
	const differs = "SRSGW_EPP_HOST_UPDATE_INFO_RESPONSES_DIFFER"
	return at.sameAt(ctx, primaries, "host", name, differs, differs)
}

// gatewayHostDelete is srsgw-10.
func gatewayHostDelete(ctx context.Context, t *trial) error {
	if t.in.HostModel == attributes {
		return skip("host attributes")
	}
	at, primaries, err := t.through(ctx)
	if err != nil {
		return err
	}
	hosts, err := at.gatewayHosts(ctx)
	if err != nil {
		return err
	}
	for _, h := range hosts {
		if err := at.sameAt(ctx, primaries, "host", h, genericError, genericError); err != nil {
			return err
		}
		if _, err := at.must(ctx, "%s", deleteOf("host", h)); err != nil {
			return failedWith("SRSGW_EPP_HOST_DELETE_FAILED", err)
		}
		if err := at.goneAt(ctx, primaries, "host", h, "SRSGW_EPP_HOST_DELETE_OBJECT_STILL_EXISTS"); err != nil {
			return err
		}
	}
	return nil
}

// gatewayContactUpdate is srsgw-11.
func gatewayContactUpdate(ctx context.Context, t *trial) error {
	at, primaries, id, err := t.gatewayContact(ctx)
	if err != nil {
		return err
	}
	v := values{"postalInfoType": t.in.postalInfoType(), "name": "Charlie Changed", "city": "Changedville", "cc": "IE", "email": "changed@example.net"}
	for _, f := range []string{"street1", "sp", "pc", "voice"} {
		if t.in.supports(supportedAs[f]) {
			v[f] = changed[f]
		}
	}
	parts := wrap("contact:add", statusList("contact", "clientDeleteProhibited")) + contactChange(v)
	if _, err := at.must(ctx, "%s", contactUpdate(id, parts)); err != nil {
		return failedWith("SRSGW_EPP_CONTACT_UPDATE_FAILED", err)
	}
	const differs = "SRSGW_EPP_CONTACT_UPDATE_INFO_RESPONSES_DIFFER"
	return at.sameAt(ctx, primaries, "contact", id, differs, differs)
}

// gatewayContactDelete is srsgw-12.
func gatewayContactDelete(ctx context.Context, t *trial) error {
	at, primaries, id, err := t.gatewayContact(ctx)
	if err != nil {
		return err
	}
	if err := at.sameAt(ctx, primaries, "contact", id, genericError, genericError); err != nil {
		return err
	}
	if _, err := at.must(ctx, "%s", deleteOf("contact", id)); err != nil {
		return failedWith("SRSGW_EPP_CONTACT_DELETE_FAILED", err)
	}
	return at.goneAt(ctx, primaries, "contact", id, "SRSGW_EPP_CONTACT_DELETE_OBJECT_STILL_EXISTS")
}
