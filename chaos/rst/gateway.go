package rst

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

// gateway is the SRS gateway: another front end of the same registry. With several addresses and nothing said of a gateway, the second
// address is held to be one, and every other to be the primary system.
type gateway struct {
	address   string
	primaries []string
	one, two  account
	rdap      []RDAP
}

// findGateway finds the gateway, if there is one.
func (r *Runner) findGateway(ctx context.Context) error {
	g := &gateway{primaries: r.addresses, one: r.one, two: r.two, rdap: r.in.GatewayRDAPBaseURLs}
	switch {
	case r.in.GatewayHostName != "" || len(r.in.GatewayAddresses) > 0:
		all, err := r.resolve(ctx, r.in.GatewayHostName, r.in.GatewayAddresses)
		if err != nil {
			return err
		}
		g.address = all[0]
		for account, given := range map[*account][2]string{&g.one: {r.in.GatewayClID01, r.in.GatewayPwd01}, &g.two: {r.in.GatewayClID02, r.in.GatewayPwd02}} {
			if given[0] != "" {
				account.clID, account.password = given[0], given[1]
			}
		}
	case len(r.addresses) > 1:
		g.address = r.addresses[1]
		g.primaries = slices.Delete(slices.Clone(r.addresses), 1, 2)
	default:
		return nil
	}
	r.gateway = g
	return nil
}

// through opens sessions of the first registrar at the gateway and at each primary address.
func (t *trial) through(ctx context.Context) (at *session, primaries []*session, err error) {
	if t.gateway == nil {
		return nil, nil, skip("one address, and no gateway")
	}
	if at, err = t.loginAt(ctx, t.gateway.address, t.gateway.one); err != nil {
		return nil, nil, err
	}
	for _, address := range t.gateway.primaries {
		s, err := t.loginAt(ctx, address, t.one)
		if err != nil {
			return nil, nil, err
		}
		primaries = append(primaries, s)
	}
	return at, primaries, nil
}

// gatewayConnectivity is srsgw-01.
func gatewayConnectivity(ctx context.Context, t *trial) error {
	_, _, err := t.through(ctx)
	t.waive("whether the gateway's name has both A and AAAA records")
	return err
}

// arrives waits until a primary's info of an object is as wanted; the last answer is returned.
func (s *session) arrives(ctx context.Context, kind, name string, wanted func(*reply) bool) (r *reply, ok bool, err error) {
	begun := time.Now()
	for {
		if r, err = s.do(ctx, "%s", infoOf(kind, name)); err != nil {
			return nil, false, err
		}
		late := time.Since(begun)
		if wanted(r) {
			if late > lookAgain {
				s.t.remark("%s %s took %v to arrive at %s", kind, name, late.Round(time.Millisecond), s.address)
			}
			return r, true, nil
		}
		if late > gatewayDeadline {
			return r, false, nil
		}
		if err := pause(ctx); err != nil {
			return nil, false, err
		}
	}
}

// sameAt compares an object at the gateway with each primary.
func (s *session) sameAt(ctx context.Context, primaries []*session, kind, name, missing, differs string) error {
	want, err := s.info(ctx, kind, name)
	if err != nil {
		return err
	}
	for _, p := range primaries {
		r, ok, err := p.arrives(ctx, kind, name, func(r *reply) bool { return r.code == 1000 && content(r) == content(want) })
		switch {
		case err != nil:
			return err
		case !ok && r.code != 1000:
			s.t.about(r, missing, "%s %s at %s", kind, name, p.address)
		case !ok:
			s.t.about(r, differs, "%s %s at %s is not as at the gateway: %s", kind, name, p.address, firstDifference(content(r), content(want)))
		}
	}
	return nil
}

// firstDifference is the first line of a that b doesn't have at that place.
func firstDifference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range x {
		if i >= len(y) || x[i] != y[i] {
			return x[i]
		}
	}
	return "something is missing"
}

// failedWith gives what a step needed its own error code.
func failedWith(code string, err error) error {
	var p *Problem
	if errors.As(err, &p) && p.Code == wrongFailure {
		q := *p
		q.Code, q.Severity = code, severityOf(code)
		return &q
	}
	return err
}

// goneAt waits until an object is gone at each primary.
func (s *session) goneAt(ctx context.Context, primaries []*session, kind, name, remains string) error {
	for _, p := range primaries {
		r, ok, err := p.arrives(ctx, kind, name, func(r *reply) bool { return r.code == 2303 })
		if err != nil {
			return err
		}
		if !ok {
			s.t.about(r, remains, "%s %s at %s", kind, name, p.address)
		}
	}
	return nil
}
