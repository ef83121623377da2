package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"quorate/epp/client"
)

// The contacts that all domains of a run have.
const (
	registrant = "bench-owner"
	adminID    = "bench-admin"
	techID     = "bench-tech"
)

// nameservers are the hosts that all domains of a run are delegated to.
var nameservers = []string{"ns1.bench.test", "ns2.bench.test"}

// commands are the EPP commands that one connection times, in the order of a domain's life.
var commands = []string{"connect and TLS", "login, first", "login, again", "hello", "check", "info", "create", "renew", "update", "delete", "logout"}

// connect opens a connection to a site; Login is still to come.
func (t *Target) connect(ctx context.Context, site int) (*client.Client, error) {
	return t.connectAs(ctx, site, t.accounts[0])
}

func (t *Target) connectAs(ctx context.Context, site int, a account) (*client.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	return client.Dial(ctx, t.Sites[site].EPP, a.tls)
}

// login opens a session at a site, as the first registrar.
func (t *Target) login(ctx context.Context, site int) (*client.Client, error) {
	return t.loginAs(ctx, site, t.accounts[0])
}

// loginAs opens a session at a site.
func (t *Target) loginAs(ctx context.Context, site int, a account) (*client.Client, error) {
	c, err := t.connectAs(ctx, site, a)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	begin := time.Now()
	if _, err := c.Login(ctx, a.id, a.password); err != nil {
		c.Close()
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, again := t.firstLogins[firstLogin{site, a.id}]; !again {
		t.firstLogins[firstLogin{site, a.id}] = time.Since(begin)
	}
	return c, nil
}

// furnish makes the contact and hosts that the run's domains refer to; an earlier run may have.
func (t *Target) furnish(ctx context.Context) error {
	c, err := t.login(ctx, 0)
	if err != nil {
		return err
	}
	defer c.Close()
	for _, id := range []string{registrant, adminID, techID} {
		_, err = c.CreateContact(ctx, client.Contact{
			ID: id, Email: "bench@bench.test", AuthInfo: "bench-1", Voice: client.Phone{Number: "+1.5555550123"},
			Postal: []client.PostalInfo{{Type: "int", Name: "Benny Bench", Street: []string{"1 Test Street"}, City: "Testville", PostalCode: "90001", Country: "US"}},
		})
		if err != nil && codeOf(err) != 2302 {
			return err
		}
	}
	for _, ns := range nameservers {
		if _, err := c.CreateHost(ctx, ns); err != nil && codeOf(err) != 2302 {
			return err
		}
	}
	return nil
}

func (t *Target) domain(name string) client.DomainCreate {
	return client.DomainCreate{
		Name: name, Years: 1, Registrant: registrant, Hosts: nameservers, AuthInfo: "bench-1",
		Contacts: []client.DomainContact{{Type: "admin", ID: adminID}, {Type: "tech", ID: techID}},
	}
}

// codeOf is the EPP result code of an error, or 0 when it isn't an answer.
func codeOf(err error) int {
	var e *client.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

// timed adds to s how long f takes, unless it fails.
func timed(s *Samples, f func() error) error {
	begin := time.Now()
	err := f()
	if err == nil {
		s.Add(time.Since(begin))
	}
	return err
}

// roundTripsAt times each command on one connection to a site, one after the other, for the time d at most.
func (t *Target) roundTripsAt(ctx context.Context, site int, d time.Duration) (map[string]*Samples, error) {
	took := map[string]*Samples{}
	for _, c := range commands {
		took[c] = &Samples{}
	}
	deadline := time.Now().Add(d)
	c, err := t.login(ctx, site)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	took["login, first"].Add(t.firstLogins[firstLogin{site, t.accounts[0].id}])
	for range logins {
		if err := t.session(ctx, site, took); err != nil {
			return nil, err
		}
	}
	for i := 0; i < roundTrips && time.Now().Before(deadline); i++ {
		if err := t.life(ctx, c, took, fmt.Sprintf("%s-s%d-%d.%s", t.run, site, i, t.TLD)); err != nil {
			return nil, err
		}
	}
	return took, nil
}

// session times the beginning and end of a session, at a site that knows the password already.
func (t *Target) session(ctx context.Context, site int, took map[string]*Samples) error {
	var c *client.Client
	if err := timed(took["connect and TLS"], func() (err error) { c, err = t.connect(ctx, site); return err }); err != nil {
		return err
	}
	defer c.Close()
	if err := timed(took["login, again"], func() error { _, err := c.Login(ctx, t.accounts[0].id, t.accounts[0].password); return err }); err != nil {
		return err
	}
	return timed(took["logout"], func() error { _, err := c.Logout(ctx); return err })
}

// life times each command on a domain, from its check to its delete.
func (t *Target) life(ctx context.Context, c *client.Client, took map[string]*Samples, name string) error {
	var created *client.DomainCreated
	for _, step := range []struct {
		command string
		send    func() error
	}{
		{"hello", func() error { _, err := c.Hello(ctx); return err }},
		{"check", func() error { _, err := c.CheckDomains(ctx, name); return err }},
		{"create", func() (err error) { created, err = c.CreateDomain(ctx, t.domain(name)); return err }},
		{"info", func() error { _, err := c.InfoDomain(ctx, name, "", ""); return err }},
		{"renew", func() error { _, err := c.RenewDomain(ctx, name, created.Expires, 1); return err }},
		{"update", func() error {
			_, err := c.UpdateDomain(ctx, client.DomainUpdate{Name: name, Add: client.DomainParts{Statuses: []string{"clientHold"}}})
			return err
		}},
		{"delete", func() error { _, err := c.DeleteDomain(ctx, name); return err }},
	} {
		if err := timed(took[step.command], step.send); err != nil {
			return fmt.Errorf("%s of %s: %w", step.command, name, err)
		}
	}
	return nil
}

// createLoad is what came of a phase of creates.
type createLoad struct {
	took     Samples // of the successful ones
	elapsed  time.Duration
	mu       sync.Mutex
	names    []string       // of the successful ones
	failures map[string]int // by what was answered
}

func (l *createLoad) fail(err error) {
	what := "no answer"
	if c := codeOf(err); c != 0 {
		what = fmt.Sprint(c)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failures[what]++
}

// createMany creates domains over so many connections, spread over the sites and the first so many of the accounts, each one command after
// the other, for the time d.
func (t *Target) createMany(ctx context.Context, connections, registrars int, d time.Duration) (*createLoad, error) {
	sessions := make([]*client.Client, connections)
	for i := range sessions {
		c, err := t.loginAs(ctx, i%len(t.Sites), t.accounts[i%registrars])
		if err != nil {
			return nil, fmt.Errorf("connection %d of %d: %w", i+1, connections, err)
		}
		defer c.Close()
		sessions[i] = c
	}
	l := &createLoad{failures: map[string]int{}}
	phase := t.phases.Add(1)
	begin := time.Now()
	var group sync.WaitGroup
	for i, c := range sessions {
		group.Go(func() {
			for n := 0; time.Since(begin) < d && ctx.Err() == nil; n++ {
				name := fmt.Sprintf("%s-p%d-c%d-%d.%s", t.run, phase, i, n, t.TLD)
				err := timed(&l.took, func() error { _, err := c.CreateDomain(ctx, t.domain(name)); return err })
				if err != nil {
					l.fail(err)
					if codeOf(err) == 0 {
						return // the connection is gone
					}
					continue
				}
				l.mu.Lock()
				l.names = append(l.names, name)
				l.mu.Unlock()
			}
		})
	}
	group.Wait()
	l.elapsed = time.Since(begin)
	return l, ctx.Err()
}
