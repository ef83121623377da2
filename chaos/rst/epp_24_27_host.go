package rst

import "context"

// deleteHosts is epp-24.
func deleteHosts(ctx context.Context, t *trial) error {
	if t.in.HostModel == attributes {
		return skip("host attributes")
	}
	s, err := t.login(ctx, t.one)
	if err != nil {
		return err
	}
	outside, err := s.makeExternal(ctx)
	if err != nil {
		return err
	}
	inside, err := s.makeInternal(ctx, t.firstTLD())
	if err != nil {
		return err
	}
	for _, name := range []string{outside, inside} {
		if err := s.deleteAndLook(ctx, "host", name, "EPP_HOST_DELETE_RESPONSE_NOT_1000_OR_1001", "EPP_HOST_DELETE_INFO_RESPONSE_OBJECT_STILL_EXISTS"); err != nil {
			return err
		}
	}
	return nil
}

// ownersAndStrangers makes a domain as the first registrar, and connects as the second.
func (t *trial) ownersAndStrangers(ctx context.Context) (owner, stranger *session, d made, err error) {
	if owner, err = t.login(ctx, t.one); err != nil {
		return
	}
	if d, err = owner.makeDomain(ctx, t.firstTLD(), "1"); err != nil {
		return
	}
	stranger, err = t.login(ctx, t.two)
	return
}

// subordinateHosts is epp-25.
func subordinateHosts(ctx context.Context, t *trial) error {
	if t.in.HostModel == attributes {
		return skip("host attributes")
	}
	_, stranger, d, err := t.ownersAndStrangers(ctx)
	if err != nil {
		return err
	}
	for _, address := range []string{hostAddress("v4", "192.31.196.13"), hostAddress("v6", "2001:4:112:cd::57")} {
		r, err := stranger.do(ctx, "%s", hostCreate("ns1."+d.name, address))
		if err != nil {
			return err
		}
		if !r.failed() {
			t.about(r, "EPP_UNEXPECTED_HOST_CREATE_SUCCESS", "a host with an address below another registrar's domain")
		}
	}
	bare := "ns2." + d.name
	r, err := stranger.do(ctx, "%s", hostCreate(bare, ""))
	if err != nil || r.failed() {
		return err
	}
	if r, err = stranger.info(ctx, "host", bare); err != nil {
		return err
	}
	if got := text(r.data, "clID"); got != t.one.clID {
		t.about(r, "EPP_HOST_CREATE_INCORRECT_CLID", "%s has the sponsor %s, not its domain's", bare, got)
	}
	return nil
}

// wideGlue is epp-26.
func wideGlue(ctx context.Context, t *trial) error {
	if t.in.HostModel == attributes {
		return skip("host attributes")
	}
	if t.in.GluePolicy == "narrow" {
		return skip("narrow glue")
	}
	_, stranger, d, err := t.ownersAndStrangers(ctx)
	if err != nil {
		return err
	}
	r, err := stranger.do(ctx, "%s", hostCreate("ns1."+d.name, hostAddress("v4", "192.31.196.14")))
	if err != nil {
		return err
	}
	if !r.failed() {
		t.about(r, "EPP_SERVER_ACCEPTS_INTERNAL_HOST_WITH_GLUE", "below another registrar's domain")
	}
	return nil
}

// gluelessHosts is epp-27.
func gluelessHosts(ctx context.Context, t *trial) error {
	if t.in.HostModel == attributes {
		return skip("host attributes")
	}
	owner, stranger, d, err := t.ownersAndStrangers(ctx)
	if err != nil {
		return err
	}
	host := "ns1." + d.name
	r, err := stranger.do(ctx, "%s", hostCreate(host, ""))
	if err != nil || r.failed() {
		return err
	}
	r, err = owner.do(ctx, "%s", domainUpdate(d.name, nsElement(objects, []nameserver{{name: host}}), "", "", ""))
	if err != nil {
		return err
	}
	if !r.failed() {
		t.about(r, "EPP_SERVER_ALLOWS_DELEGATION_TO_GLUELESS_HOST", "%s", host)
	}
	return nil
}
