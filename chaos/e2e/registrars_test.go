package e2e

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"quorate/chaos/cluster"
	"quorate/chaos/load"
	"quorate/epp/client"
	"quorate/node/admin"
)

// connect opens a connection that isn't logged in, for the length of the test.
func connect(t *testing.T, c *cluster.Cluster, site, registrar string) *client.Client {
	t.Helper()
	s, err := c.Connect(t.Context(), site, registrar)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// What a registrar may do at one site it may do at every other, at once; what it may use is of all sites together, whoever leads.
func TestRegistrarsAtAllSites(t *testing.T) {
	t.Parallel()
	c := start(t, 0)
	sites := c.Sites()
	a, err := c.Admin(sites[0])
	do(t, err)
	ctx := t.Context()
	refused := func(what, site, registrar, password string, want int) {
		t.Helper()
		if _, err := connect(t, c, site, registrar).Login(ctx, registrar, password); load.Code(err) != want {
			t.Errorf("%s: login of %s at %s: %v, want %d", what, registrar, site, err, want)
		}
	}

	// A new password is good everywhere in the same moment, and the old one nowhere.
	old, next := c.Password("reg1"), "Quorate-2fooBAR"
	s := connect(t, c, sites[0], "reg1")
	_, err = s.ChangePassword(ctx, "reg1", old, next)
	do(t, err)
	_, err = s.Logout(ctx)
	do(t, err)
	for _, site := range sites {
		s := connect(t, c, site, "reg1")
		_, err := s.Login(ctx, "reg1", next)
		do(t, err)
		refused("the old password", site, "reg1", old, 2200)
		_, err = s.Logout(ctx)
		do(t, err)
	}

	// So many sessions at all sites together, also if all are at one, and while the leader changes.
	most := uint32(6)
	_, err = a.ChangeRegistrar(ctx, "reg1", admin.RegistrarChange{MaxSessions: &most})
	do(t, err)
	var held []*client.Client
	for range most {
		await(t, "as many sessions at one site as may be at all", func(ctx context.Context) error {
			s, err := c.Connect(ctx, sites[1], "reg1")
			if err == nil {
				_, err = s.Login(ctx, "reg1", next)
			}
			if err == nil {
				t.Cleanup(func() { s.Close() })
				held = append(held, s)
			}
			return err
		})
	}
	refused("one too many, elsewhere", sites[2], "reg1", next, 2502)
	do(t, a.TransferLeadership(ctx))
	_, err = c.AwaitLeader(ctx)
	do(t, err)
	refused("one too many, under another leader", sites[0], "reg1", next, 2502)
	_, err = held[0].Logout(ctx)
	do(t, err)
	await(t, "the session that was given up at one site to be free at another", func(ctx context.Context) error {
		s, err := c.Connect(ctx, sites[2], "reg1")
		if err == nil {
			held[0] = s
			t.Cleanup(func() { s.Close() })
			_, err = s.Login(ctx, "reg1", next)
		}
		return err
	})

	// Who is suspended has no session anywhere.
	yes, no := true, false
	_, err = a.ChangeRegistrar(ctx, "reg1", admin.RegistrarChange{Suspended: &yes})
	do(t, err)
	await(t, "sessions to end", func(ctx context.Context) error {
		var open error
		for i, s := range held {
			if _, err := s.CheckDomains(ctx, "a.example"); err == nil {
				open = errors.Join(open, fmt.Errorf("session %d goes on", i))
			}
		}
		return open
	})
	refused("suspended", sites[2], "reg1", next, 2200)
	_, err = a.ChangeRegistrar(ctx, "reg1", admin.RegistrarChange{Suspended: &no})
	do(t, err)

	// Wrong passwords add up over all sites, until the registrar is locked everywhere; an operator opens the lock.
	_, err = a.SetAccess(ctx, admin.Access{Failures: 6})
	do(t, err)
	session := login(t, c, sites[0], "reg2")
	await(t, "a lock", func(ctx context.Context) error {
		for _, site := range sites {
			s, err := c.Connect(ctx, site, "reg2")
			if err != nil {
				return err
			}
			_, _ = s.Login(ctx, "reg2", "Wrong-2fooBAR")
			s.Close()
		}
		r, err := a.Registrar(ctx, "reg2")
		if err == nil && r.LockedUntil == "" {
			err = errors.New("reg2 is not locked")
		}
		return err
	})
	for _, site := range sites {
		refused("locked", site, "reg2", c.Password("reg2"), 2200)
	}
	_, err = session.CheckDomains(ctx, "a.example")
	do(t, err)
	_, err = a.ChangeRegistrar(ctx, "reg2", admin.RegistrarChange{Unlock: true})
	do(t, err)
	for _, site := range sites {
		login(t, c, site, "reg2")
	}
}
