package rst

import (
	"context"
	"slices"
	"time"
)

// transferDomains is epp-19.
func transferDomains(ctx context.Context, t *trial) error {
	p, err := t.beginTransfer(ctx)
	if err != nil {
		return err
	}
	if err := p.wrongRequests(ctx); err != nil {
		return err
	}
	code, err := p.request(ctx)
	if err != nil || code == 0 {
		return err
	}
	if code == 1001 {
		if err := p.awaitPending(ctx); err != nil {
			return err
		}
		r, err := p.loser.do(ctx, "%s", domainTransfer("approve", p.domain.name, "", "", nil, ""))
		if err != nil {
			return err
		}
		if r.failed() {
			t.about(r, wrongFailure, "the losing registrar's approval")
			return nil
		}
	}
	return p.transferred(ctx)
}

// transfer is a domain on its way from one registrar to the other.
type transfer struct {
	t             *trial
	loser, gainer *session
	domain        made
	secret        string
	expires       time.Time // before the transfer
}

// beginTransfer makes a domain, and gives it authorization information.
func (t *trial) beginTransfer(ctx context.Context) (p *transfer, err error) {
	p = &transfer{t: t}
	if p.loser, err = t.login(ctx, t.one); err != nil {
		return nil, err
	}
	if p.gainer, err = t.login(ctx, t.two); err != nil {
		return nil, err
	}
	if p.domain, err = p.loser.makeDomain(ctx, t.firstTLD(), "1"); err != nil {
		return nil, err
	}
	if p.expires, err = p.loser.expires(ctx, p.domain.name); err != nil {
		return nil, err
	}
	setting := func(secret string) string {
		return domainUpdate(p.domain.name, "", "", `<domain:authInfo>`+element("domain:pw", secret)+`</domain:authInfo>`, "")
	}
	if t.offers(nsSecure) {
		for _, weak := range []string{"abc", "password1", "12345678"} {
			r, err := p.loser.do(ctx, "%s", setting(weak))
			if err != nil {
				return nil, err
			}
			if !r.failed() {
				t.about(r, "EPP_TRANSFER_SERVER_ACCEPTS_INSECURE_AUTHINFO", "%q", weak)
			}
		}
	}
	p.secret = t.secret()
	r, err := p.loser.do(ctx, "%s", setting(p.secret))
	if err != nil {
		return nil, err
	}
	if r.failed() {
		t.about(r, "EPP_TRANSFER_SERVER_REJECTS_SECURE_AUTHINFO", "%d characters", len(p.secret))
	}
	return p, nil
}

// wrongRequests asks for the domain in ways that the server must refuse.
func (p *transfer) wrongRequests(ctx context.Context) error {
	wrong, none := p.t.secret(), ""
	for _, x := range []struct {
		code, period, unit string
		secret             *string
	}{
		{"EPP_TRANSFER_SERVER_ACCEPTS_INCORRECT_AUTHINFO", "1", "y", &wrong},
		{"EPP_TRANSFER_SERVER_ACCEPTS_INCORRECT_AUTHINFO", "1", "y", &none},
		{"EPP_TRANSFER_SERVER_ACCEPTS_INVALID_PERIOD", "10", "y", &p.secret}, // one year there is
		{"EPP_TRANSFER_SERVER_ACCEPTS_INVALID_PERIOD", "99", "y", &p.secret},
		{"EPP_TRANSFER_SERVER_ACCEPTS_INVALID_PERIOD", "-1", "y", &p.secret},
		{"EPP_TRANSFER_SERVER_ACCEPTS_INVALID_PERIOD", "1.5", "y", &p.secret},
		{"EPP_TRANSFER_SERVER_ACCEPTS_INVALID_PERIOD", "1", "x", &p.secret},
	} {
		r, err := p.gainer.do(ctx, "%s", domainTransfer("request", p.domain.name, x.period, x.unit, x.secret, ""))
		if err != nil {
			return err
		}
		if !r.failed() {
			p.t.about(r, x.code, "a transfer request with period %s%s", x.period, x.unit)
			return problem("EPP_DOMAIN_TRANSFER_REQUEST_FAILED", "the domain is transferred, or about to be, by a request that was wrong")
		}
	}
	return nil
}

// request asks for the domain as it should be; 0 if the server refuses.
func (p *transfer) request(ctx context.Context) (code int, err error) {
	r, err := p.gainer.do(ctx, "%s", domainTransfer("request", p.domain.name, "1", "y", &p.secret, ""))
	if err != nil {
		return 0, err
	}
	if r.failed() {
		p.t.about(r, "EPP_DOMAIN_TRANSFER_REQUEST_FAILED", "with the right authorization information")
		return 0, nil
	}
	return r.code, nil
}

// awaitPending waits until the domain shows that a transfer is pending.
func (p *transfer) awaitPending(ctx context.Context) error {
	r, ok, err := p.loser.await(ctx, transferDeadline, p.domain.name, func(r *reply) bool {
		return slices.Contains(statusesOf(r.data), "pendingTransfer")
	})
	if err == nil && !ok {
		p.t.about(r, "EPP_TRANSFER_INFO_RESPONSE_MISSING_OR_INVALID_STATUS_CODE", "no pendingTransfer among %q", statusesOf(r.data))
	}
	return err
}

// await asks for a domain until it is as wanted. The reply is the last one.
func (s *session) await(ctx context.Context, within time.Duration, domain string, wanted func(*reply) bool) (r *reply, ok bool, err error) {
	deadline := time.Now().Add(within)
	for {
		if r, err = s.do(ctx, "%s", infoOf("domain", domain)); err != nil {
			return nil, false, err
		}
		if r.code == 1000 && wanted(r) {
			return r, true, nil
		}
		if time.Now().After(deadline) {
			return r, false, nil
		}
		if err := pause(ctx); err != nil {
			return nil, false, err
		}
	}
}

// pause waits between two looks.
func pause(ctx context.Context) error {
	select {
	case <-time.After(lookAgain):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// transferred waits until the domain is the gaining registrar's, and looks at it.
func (p *transfer) transferred(ctx context.Context) error {
	t := p.t
	r, ok, err := p.gainer.await(ctx, transferDeadline, p.domain.name, func(r *reply) bool { return text(r.data, "clID") == t.two.clID })
	if err != nil {
		return err
	}
	if !ok {
		t.about(r, "EPP_TRANSFER_NOT_PROCESSED", "the sponsor is %s", text(r.data, "clID"))
		return nil
	}
	if slices.Contains(statusesOf(r.data), "pendingTransfer") {
		t.about(r, "EPP_TRANSFER_INFO_RESPONSE_MISSING_OR_INVALID_STATUS_CODE", "pendingTransfer after the transfer")
	}
	at, err := time.Parse(time.RFC3339, text(r.data, "exDate"))
	if err != nil || !sameDate(at, p.expires.AddDate(1, 0, 0)) {
		t.about(r, "EPP_TRANSFER_INFO_RESPONSE_UNEXPECTED_EXPIRY_DATE", "%v and a year", p.expires)
	}
	if t.offers(nsSecure) && text(r.data, "authInfo", "pw") != "" {
		t.about(r, "EPP_TRANSFER_INFO_RESPONSE_AUTHINFO_NOT_RESET", "authInfo is there")
	} else if text(r.data, "authInfo", "pw") == p.secret {
		t.remark("the authInfo is as before the transfer, which is only wrong with RFC 9154")
	}
	t.gracePeriod(r, "transferPeriod", "EPP_TRANSFER_INFO_RESPONSE_MISSING_OR_INVALID_RGP_STATUS")
	return nil
}

// rejectTransfer is epp-20.
func rejectTransfer(ctx context.Context, t *trial) error {
	p, err := t.beginTransfer(ctx)
	if err != nil {
		return err
	}
	if err := p.wrongRequests(ctx); err != nil {
		return err
	}
	code, err := p.request(ctx)
	if err != nil || code == 0 {
		return err
	}
	if code == 1000 {
		t.remark("transfers take effect at once, so there is nothing to reject")
		return nil
	}
	if err := p.awaitPending(ctx); err != nil {
		return err
	}
	r, err := p.loser.do(ctx, "%s", domainTransfer("reject", p.domain.name, "", "", nil, ""))
	if err != nil {
		return err
	}
	if r.failed() {
		t.about(r, wrongFailure, "the losing registrar's rejection")
		return nil
	}
	r, ok, err := p.loser.await(ctx, transferDeadline, p.domain.name, func(r *reply) bool {
		return !slices.Contains(statusesOf(r.data), "pendingTransfer")
	})
	if err != nil {
		return err
	}
	if !ok {
		t.about(r, "EPP_TRANSFER_INFO_RESPONSE_MISSING_OR_INVALID_STATUS_CODE", "pendingTransfer after the rejection")
	}
	if got := text(r.data, "clID"); got != t.one.clID {
		t.about(r, "EPP_TRANSFER_SERVER_PROCESSED_REJECTED_TRANSFER", "the sponsor is %s", got)
	}
	return nil
}
