package cluster

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"time"

	"quorate/node/admin"
	"quorate/transport/pki"
)

// Currency is what the TLD's prices and the registrars' accounts are in.
const Currency = "USD"

// retryEvery is between two attempts to provision while the cluster has no leader yet.
const retryEvery = 200 * time.Millisecond

// levelTimeout is how long the members of a new cluster have to say what their binaries read.
const levelTimeout = 20 * time.Second

// provision opens the TLD and the registrars' accounts through the admin API of a site. What is there already stays as it is, so it may be
// repeated after having been cut short anywhere.
func (c *Cluster) provision(ctx context.Context, site string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	client, err := c.Admin(site)
	if err != nil {
		return err
	}
	c.raiseLevel(ctx, client)
	steps := []func() error{func() error { return c.provisionTLD(ctx, client) }}
	for _, r := range c.plan.Registrars {
		steps = append(steps, func() error { return c.provisionRegistrar(ctx, client, r) })
	}
	for _, step := range steps {
		if err := insist(ctx, step); err != nil {
			return err
		}
	}
	return nil
}

// raiseLevel raises the level to what all members read. A new cluster begins there, unless a member didn't say in time what it reads, as
// happens on a machine that is busy with something else. A member that still doesn't say keeps the level where it is.
func (c *Cluster) raiseLevel(ctx context.Context, client *admin.Client) {
	ctx, cancel := context.WithTimeout(ctx, levelTimeout)
	defer cancel()
	for {
		l, err := client.Level(ctx)
		if err == nil && len(l.Members) > 0 {
			least := slices.MinFunc(l.Members, func(a, b admin.MemberLevel) int { return a.Reads - b.Reads })
			if least.Reads > 0 && least.Reads <= l.Level {
				return
			}
			if least.Reads > 0 {
				if _, err := client.RaiseLevel(ctx); err == nil {
					continue
				}
			}
		}
		select {
		case <-time.After(retryEvery):
		case <-ctx.Done():
			return
		}
	}
}

// insist repeats a step as long as the cluster only can't take it now.
func insist(ctx context.Context, step func() error) error {
	for {
		err := step()
		var refused *admin.Error
		if err == nil || errors.As(err, &refused) && refused.Status != http.StatusServiceUnavailable && refused.Status != http.StatusGatewayTimeout {
			return err
		}
		select {
		case <-time.After(retryEvery):
		case <-ctx.Done():
			return err
		}
	}
}

func isStatus(err error, status int) bool {
	var e *admin.Error
	return errors.As(err, &e) && e.Status == status
}

func (c *Cluster) provisionTLD(ctx context.Context, client *admin.Client) error {
	tld := c.plan.TLD
	_, err := client.TLD(ctx, tld)
	if !isStatus(err, http.StatusNotFound) {
		return err
	}
	t := admin.TLD{Name: tld, Model: "thick", Currency: Currency}
	for i := range c.plan.Sites {
		// All sites are at this address; they differ by port, which DNS can't say.
		t.Nameservers = append(t.Nameservers, admin.Nameserver{Name: fmt.Sprintf("ns%d.nic.%s", i+1, tld), Addresses: []string{"127.0.0.1"}})
	}
	if _, err := client.CreateTLD(ctx, t); err != nil {
		return fmt.Errorf("creating TLD %s: %w", tld, err)
	}
	// Loads remove in a minute what no registry removes in a year: the breaker would hold it back.
	any := uint64(math.MaxInt64)
	_, err = client.SetZonePolicy(ctx, tld, admin.ZonePolicyChange{BreakerLeast: &any})
	if isStatus(err, http.StatusConflict) {
		return nil // a cluster with an older release in it has no breaker
	}
	return err
}

func (c *Cluster) provisionRegistrar(ctx context.Context, client *admin.Client, r registrar) error {
	shown, err := client.Registrar(ctx, r.ID)
	if isStatus(err, http.StatusNotFound) {
		shown, err = c.createRegistrar(ctx, client, r)
	}
	if err != nil {
		return fmt.Errorf("creating registrar %s: %w", r.ID, err)
	}
	// An account comes to be with its first deposit: there being none tells that this one hasn't been made.
	if r.Deposit != "" && len(shown.Balances) == 0 {
		if _, err := client.Deposit(ctx, r.ID, admin.Deposit{Currency: Currency, Amount: r.Deposit}); err != nil {
			return fmt.Errorf("deposit for registrar %s: %w", r.ID, err)
		}
	}
	return nil
}

func (c *Cluster) createRegistrar(ctx context.Context, client *admin.Client, r registrar) (admin.Registrar, error) {
	cert, err := pki.Load(c.certificateFiles(r.ID))
	if err != nil {
		return admin.Registrar{}, err
	}
	host := r.ID + ".test" // RFC 6761 §6.2: never a real name
	return client.CreateRegistrar(ctx, admin.Registrar{
		ID: r.ID, Name: r.Name, Password: r.Password, Certificates: []string{pki.Fingerprint(cert.Leaf)}, IANA: r.IANA,
		URL: "https://" + host + "/", Whois: "whois." + host, RDAP: "https://rdap." + host + "/",
		AbuseEmail: "abuse@" + host, AbusePhone: "+1.5555550100", Email: "contact@" + host, Voice: "+1.5555550101",
		Street: []string{"1 Test Street"}, City: "Testville", Province: "CA", PostalCode: "90001", Country: "US",
	})
}
