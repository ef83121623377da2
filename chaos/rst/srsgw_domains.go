package rst

import (
	"context"
	"slices"
	"time"
)

// gatewayDomainRenew is srsgw-05.
func gatewayDomainRenew(ctx context.Context, t *trial) error {
	at, primaries, err := t.through(ctx)
	if err != nil {
		return err
	}
	extension, err := gatewayExtension(t.in.DomainRenewExtension)
	if err != nil {
		return err
	}
	d, err := at.gatewayDomain(ctx, t.firstTLD())
	if err != nil {
		return err
	}
	expires, err := at.expires(ctx, d.name)
	if err != nil {
		return err
	}
	if _, err := at.must(ctx, "%s", domainRenew(d.name, day(expires), "1", "y", extension)); err != nil {
		return failedWith("SRSGW_DOMAIN_RENEW_FAILED", err)
	}
	want, err := at.info(ctx, "domain", d.name)
	if err != nil {
		return err
	}
	if at, err := time.Parse(time.RFC3339, text(want.data, "exDate")); err != nil || !sameDate(at, expires.AddDate(1, 0, 0)) {
		t.about(want, "SRSGW_DOMAIN_RENEW_INCORRECT_EXPIRY_DATE", "%v and a year, at the gateway", expires)
	}
	for _, p := range primaries {
		r, ok, err := p.arrives(ctx, "domain", d.name, func(r *reply) bool { return text(r.data, "exDate") == text(want.data, "exDate") })
		if err != nil {
			return err
		}
		if !ok {
			t.about(r, "SRSGW_DOMAIN_RENEW_OBJECT_NOT_UPDATED_WITHIN_DEADLINE", "%s at %s", d.name, p.address)
		}
	}
	return nil
}

// gatewayDomainTransfer is srsgw-06.
func gatewayDomainTransfer(ctx context.Context, t *trial) error {
	at, primaries, err := t.through(ctx)
	if err != nil {
		return err
	}
	requestExtension, err := gatewayExtension(t.in.TransferRequestExtension)
	if err != nil {
		return err
	}
	approvalExtension, err := gatewayExtension(t.in.TransferApprovalExtension)
	if err != nil {
		return err
	}
	d, err := at.gatewayDomain(ctx, t.firstTLD())
	if err != nil {
		return err
	}
	secret := t.secret()
	if _, err := at.must(ctx, "%s", domainUpdate(d.name, "", "", `<domain:authInfo>`+element("domain:pw", secret)+`</domain:authInfo>`, "")); err != nil {
		return err
	}
	gainer, err := t.loginAt(ctx, t.gateway.address, t.gateway.two)
	if err != nil {
		return err
	}
	r, err := gainer.must(ctx, "%s", domainTransfer("request", d.name, "1", "y", &secret, requestExtension))
	if err != nil {
		return failedWith("SRSGW_DOMAIN_TRANSFER_REQUEST_FAILED", err)
	}
	if r.code == 1001 {
		for _, p := range primaries {
			r, ok, err := p.arrives(ctx, "domain", d.name, func(r *reply) bool { return slices.Contains(statusesOf(r.data), "pendingTransfer") })
			if err != nil {
				return err
			}
			if !ok {
				t.about(r, "SRSGW_DOMAIN_TRANSFER_REQUEST_OBJECT_NOT_PENDING_TRANSFER", "%s at %s", d.name, p.address)
			}
		}
		if _, err := at.must(ctx, "%s", domainTransfer("approve", d.name, "", "", nil, approvalExtension)); err != nil {
			return failedWith("SRSGW_DOMAIN_TRANSFER_APPROVAL_FAILED", err)
		}
	}
	return t.sponsorAt(ctx, primaries, d.name, r.code)
}

// sponsorAt waits until the second registrar has the domain at each primary.
func (t *trial) sponsorAt(ctx context.Context, primaries []*session, name string, requested int) error {
	code := "SRSGW_DOMAIN_TRANSFER_APPROVAL_OBJECT_HAS_INCORRECT_CLID"
	if requested == 1000 {
		code = "SRSGW_DOMAIN_TRANSFER_REQUEST_OBJECT_NOT_UPDATED_WITHIN_DEADLINE"
	}
	for _, p := range primaries {
		r, ok, err := p.arrives(ctx, "domain", name, func(r *reply) bool { return text(r.data, "clID") == t.two.clID })
		if err != nil {
			return err
		}
		if !ok {
			t.about(r, code, "%s at %s has the sponsor %s", name, p.address, text(r.data, "clID"))
		} else if slices.Contains(statusesOf(r.data), "pendingTransfer") {
			t.about(r, "SRSGW_DOMAIN_TRANSFER_APPROVAL_OBJECT_STILL_PENDING_TRANSFER", "%s at %s", name, p.address)
		}
	}
	return nil
}

// gatewayDomainDelete is srsgw-08.
func gatewayDomainDelete(ctx context.Context, t *trial) error {
	at, primaries, err := t.through(ctx)
	if err != nil {
		return err
	}
	extension, err := gatewayExtension(t.in.DomainDeleteExtension)
	if err != nil {
		return err
	}
	d, err := at.gatewayDomain(ctx, t.firstTLD())
	if err != nil {
		return err
	}
	if err := at.sameAt(ctx, primaries, "domain", d.name, genericError, genericError); err != nil {
		return err
	}
	r, err := at.must(ctx, "%s", deleteOf("domain", d.name)+wrap("extension", extension))
	if err != nil {
		return failedWith("SRSGW_DOMAIN_DELETE_FAILED", err)
	}
	if r.code == 1000 {
		return at.goneAt(ctx, primaries, "domain", d.name, "SRSGW_DOMAIN_DELETE_DOMAIN_NOT_PENDINGDELETE")
	}
	for _, p := range primaries {
		r, ok, err := p.arrives(ctx, "domain", d.name, func(r *reply) bool {
			return r.code == 2303 || slices.Contains(statusesOf(r.data), "pendingDelete")
		})
		if err != nil {
			return err
		}
		if !ok {
			t.about(r, "SRSGW_DOMAIN_DELETE_DOMAIN_NOT_PENDINGDELETE", "%s at %s", d.name, p.address)
		} else if r.code == 1000 {
			t.gracePeriod(r, "redemptionPeriod", "SRSGW_DOMAIN_DELETE_RGP_STATUS_NOT_REDEMPTIONPERIOD")
		}
	}
	return nil
}
