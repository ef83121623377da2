package load

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"quorate/epp/client"
	"quorate/node/admin"
	"quorate/node/endpoints"
	"quorate/transport/pki"
)

// contactID is the contact that all domains of a run have.
const contactID = "load-contact"

// authInfo is the domains' password for transfers.
const authInfo = "load-secret-1"

// Nameservers are the hosts that the domains of a run are delegated to, or some of them.
var Nameservers = []string{"ns1.load.test", "ns2.load.test"}

// Target is a cluster, as its clients find it. Any number of goroutines may use it.
type Target struct {
	endpoints.Endpoints
	// Answered, if set, is shown every XML instance that EPP sessions receive, but the greeting. It is called concurrently, and mustn't
	// keep what it is shown.
	Answered func(xml []byte)

	registrarTLS map[string]*tls.Config
	admins       map[string]*admin.Client // by site
}

// NewTarget prepares for talking to the cluster at e.
func NewTarget(e endpoints.Endpoints) (*Target, error) {
	pool, err := pki.LoadPool(e.CA)
	if err != nil {
		return nil, err
	}
	with := func(cert, key string) (*tls.Config, error) {
		pair, err := pki.Load(cert, key)
		return &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, err
	}
	t := &Target{Endpoints: e, registrarTLS: map[string]*tls.Config{}, admins: map[string]*admin.Client{}}
	for _, r := range e.Registrars {
		if t.registrarTLS[r.ID], err = with(r.Cert, r.Key); err != nil {
			return nil, err
		}
	}
	operator, err := with(e.Operator.Cert, e.Operator.Key)
	if err != nil {
		return nil, err
	}
	for _, s := range e.Sites {
		t.admins[s.Name] = admin.NewClient(s.Admin, operator)
	}
	return t, nil
}

// Close closes idle connections.
func (t *Target) Close() {
	for _, a := range t.admins {
		a.Close()
	}
}

// Login opens an EPP session at a site.
func (t *Target) Login(ctx context.Context, site endpoints.Site, registrar string) (*client.Client, error) {
	r, err := t.Registrar(registrar)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	s, err := client.Dial(ctx, site.EPP, t.registrarTLS[registrar])
	if err != nil {
		return nil, err
	}
	if t.Answered != nil {
		s.Trace = func(out bool, xml []byte) {
			if !out {
				t.Answered(xml)
			}
		}
	}
	if _, err := s.Login(ctx, registrar, r.Password); err != nil {
		s.Close()
		return nil, fmt.Errorf("login of %s at %s: %w", registrar, site.Name, err)
	}
	return s, nil
}

// Journal begins a journal on out with what is true now: prices, and the balances of the registrars that have money.
func (t *Target) Journal(ctx context.Context, out io.Writer) (*Journal, error) {
	b := Beginning{Time: time.Now().UTC().Round(0), Balances: map[string]int64{}}
	err := t.somewhere(ctx, func(a *admin.Client) error {
		tld, err := a.TLD(ctx, t.TLD)
		if err != nil {
			return err
		}
		b.TLD, b.Currency = tld.Name, tld.Currency
		if b.CreatePrice, err = admin.ParseMoney(tld.CreatePrice, b.Currency); err != nil {
			return err
		}
		if b.RenewPrice, err = admin.ParseMoney(tld.RenewPrice, b.Currency); err != nil {
			return err
		}
		if b.AddGrace, err = time.ParseDuration(tld.AddGrace); err != nil {
			return err
		}
		for _, r := range t.Registrars {
			balance, err := t.balance(ctx, a, r.ID, b.Currency)
			if err != nil {
				return err
			}
			if balance > 0 {
				b.Balances[r.ID] = balance
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading prices and balances: %w", err)
	}
	if len(b.Balances) == 0 {
		return nil, fmt.Errorf("no registrar of the endpoints file has money in %s", b.Currency)
	}
	return NewJournal(out, b)
}

// somewhere asks the sites in turn until one answers.
func (t *Target) somewhere(ctx context.Context, ask func(*admin.Client) error) (err error) {
	for _, s := range t.Sites {
		if err = ask(t.admins[s.Name]); err == nil || ctx.Err() != nil {
			return err
		}
	}
	return err
}

// balance is what a registrar has, in minor units; 0 without an account.
func (t *Target) balance(ctx context.Context, a *admin.Client, registrar, currency string) (int64, error) {
	r, err := a.Registrar(ctx, registrar)
	if err != nil {
		return 0, err
	}
	for _, b := range r.Balances {
		if b.Currency == currency {
			return admin.ParseMoney(b.Balance, currency)
		}
	}
	return 0, nil
}

// furnish makes the contact and hosts that domains refer to; an earlier run may have.
func (t *Target) furnish(ctx context.Context, s *client.Client) error {
	_, err := s.CreateContact(ctx, client.Contact{
		ID: contactID, Email: "load@load.test", AuthInfo: authInfo, Voice: client.Phone{Number: "+1.5555550123"},
		Postal: []client.PostalInfo{{Type: "int", Name: "Lola Load", Street: []string{"1 Test Street"}, City: "Testville", PostalCode: "90001", Country: "US"}},
	})
	if err != nil && Code(err) != 2302 {
		return err
	}
	for _, ns := range Nameservers {
		if _, err := s.CreateHost(ctx, ns); err != nil && Code(err) != 2302 {
			return err
		}
	}
	return nil
}

// await calls check until it returns nil, for settleTimeout at most; then it returns the last error.
func await(ctx context.Context, check func() error) error {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}

// Agree waits until all nodes have applied what the furthest of them has now, and finds those whose digest right after that entry
// differs, and commands that broke an invariant. It returns the entry's index.
func (t *Target) Agree(ctx context.Context) (index uint64, found Problems) {
	for _, s := range t.Sites {
		if err := await(ctx, func() error {
			st, err := t.admins[s.Name].Status(ctx)
			index = max(index, st.Applied)
			return err
		}); err != nil {
			found = append(found, Problem{Kind: Unreadable, Site: s.Name, Text: err.Error()})
		}
	}
	digests := map[string][]string{} // the sites, by digest
	for _, s := range t.Sites {
		if err := await(ctx, func() error {
			d, err := t.admins[s.Name].Digest(ctx, index)
			if err == nil {
				digests[d.Digest] = append(digests[d.Digest], s.Name)
			}
			return err
		}); err != nil {
			found = append(found, Problem{Kind: Unreadable, Site: s.Name, Text: fmt.Sprintf("its digest after entry %d: %v", index, err)})
			continue
		}
		// A node may have restarted since: what it counts now is not less true.
		if st, err := t.admins[s.Name].Status(ctx); err == nil && st.Incidents != 0 {
			found = append(found, Problem{Kind: Unexpected, Site: s.Name, Text: fmt.Sprintf("%d commands broke an invariant", st.Incidents)})
		}
	}
	if len(digests) > 1 {
		found = append(found, Problem{Kind: Different, Text: fmt.Sprintf("digests after entry %d: %v", index, digests)})
	}
	return index, found
}

// site is where a run goes: the named site, or all.
func (t *Target) sites(named string) ([]endpoints.Site, error) {
	if named == "" {
		return slices.Clone(t.Sites), nil
	}
	s, err := t.Site(named)
	return []endpoints.Site{s}, err
}
