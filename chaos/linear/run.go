package linear

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"quorate/chaos/cluster"
	"quorate/epp/client"
	"quorate/node/admin"
)

// Options say how a round goes.
type Options struct {
	Seed     uint64        // of the clients' and faults' choices; what scheduler and network do, it doesn't repeat
	Duration time.Duration // of the load
	Clients  int           // EPP clients; default: 7
	Names    int           // default: 5; at most 16
	Weather  []Weather     // the faults; none: fair weather
}

// short is the registrar whose account is kept short of money, so that funds decide.
const short = "poor"

// registrars are those that the clients work for, in turn.
var registrars = []string{"reg1", "reg2", "reg1", "reg2", short, "reg1", "reg2"}

// Round has clients work on a cluster for a while, under faults, and returns
// what they asked and were told. All sites are up before and after it. The error says that the round could not be held to its end; what
// there is of a history comes with it.
func Round(ctx context.Context, c *cluster.Cluster, o Options) (*History, error) {
	if o.Clients == 0 {
		o.Clients = len(registrars)
	}
	if o.Names == 0 {
		o.Names = 5
	}
	if o.Names > maxNames {
		return nil, fmt.Errorf("a round has at most %d names", maxNames)
	}
	for _, w := range o.Weather {
		if network[w] != nil && c.WAN() == nil {
			return nil, fmt.Errorf("%q needs a wide area between the sites", w)
		}
	}
	r := &round{cluster: c, options: o, record: newRecorder(), history: &History{Seed: o.Seed}}
	prefix := fmt.Sprintf("l%d", time.Now().UnixMilli()) // names of former rounds are not those of this one
	for i := range o.Names {
		r.history.Names = append(r.history.Names, fmt.Sprintf("%s-n%d.%s", prefix, i, c.TLD()))
	}
	if err := r.prepare(ctx); err != nil {
		return nil, fmt.Errorf("preparing a round: %w", err)
	}
	if err := r.balances(ctx, c.Sites()[0]); err != nil {
		return nil, fmt.Errorf("before the load: %w", err)
	}
	err := r.load(ctx)
	if err == nil {
		err = r.settle(ctx)
	}
	if err != nil {
		err = fmt.Errorf("under load, or after it: %w", err)
	}
	r.history.Ops, r.history.Faults = r.record.all()
	return r.history, err
}

// round is a Round being held.
type round struct {
	cluster *cluster.Cluster
	options Options
	record  *recorder
	history *History

	clients  int // numbers given out
	sessions atomic.Int64
}

// random is a source of choices for a part of the round.
func (r *round) random(part int) *rand.Rand {
	return rand.New(rand.NewPCG(r.options.Seed, uint64(part)))
}

func (r *round) client() int { r.clients++; return r.clients - 1 }

func (r *round) session() int { return int(r.sessions.Add(1)) }

// prepare makes what the domains refer to, and learns the prices. Its writes
// also flush out what the clients of a former round may have left on its way: nothing of that is in this history.
func (r *round) prepare(ctx context.Context) error {
	return insist(ctx, func(ctx context.Context) error {
		if err := r.cluster.AwaitReady(ctx, r.cluster.Sites()...); err != nil {
			return err
		}
		if err := r.prices(ctx); err != nil {
			return err
		}
		conn, err := r.cluster.Login(ctx, r.cluster.Sites()[0], "reg1")
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = conn.CreateContact(ctx, client.Contact{
			ID: contactID, Email: "linear@linear.test", AuthInfo: "linear-1", Voice: client.Phone{Number: "+1.5555550123"},
			Postal: []client.PostalInfo{{Type: "int", Name: "Lin Ear", Street: []string{"1 Test Street"}, City: "Testville", PostalCode: "90001", Country: "US"}},
		})
		for _, ns := range nameservers {
			if err == nil || isCode(err, objectExists) {
				_, err = conn.CreateHost(ctx, ns)
			}
		}
		if isCode(err, objectExists) {
			return nil
		}
		return err
	})
}

func (r *round) prices(ctx context.Context) error {
	a, err := r.cluster.Admin(r.cluster.Sites()[0])
	if err != nil {
		return err
	}
	tld, err := a.TLD(ctx, r.cluster.TLD())
	if err != nil {
		return err
	}
	var errs [2]error
	r.history.CreatePrice, errs[0] = admin.ParseMoney(tld.CreatePrice, tld.Currency)
	r.history.RenewPrice, errs[1] = admin.ParseMoney(tld.RenewPrice, tld.Currency)
	if tld.Currency != cluster.Currency || r.history.CreatePrice <= 0 || r.history.RenewPrice <= 0 {
		return fmt.Errorf("prices of %s and %s %s: accounts can't be judged by them", tld.CreatePrice, tld.RenewPrice, tld.Currency)
	}
	return errors.Join(errs[:]...)
}

// accounts are the registrars that clients work for.
func (r *round) accounts() []string { return []string{"reg1", "reg2", short} }

// load has clients, observers and tellers work under faults for the round's length.
func (r *round) load(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.options.Duration)
	defer cancel()
	var group sync.WaitGroup
	for range r.options.Clients {
		n := r.client()
		w := &registrant{
			cluster: r.cluster, record: r.record, names: r.history.Names, client: n,
			registrar: registrars[n%len(registrars)], random: r.random(n), sessions: r.session,
		}
		group.Go(func() { w.work(ctx) })
	}
	for _, site := range r.cluster.Sites() {
		n := r.client()
		o := &observer{cluster: r.cluster, record: r.record, names: r.history.Names, accounts: r.accounts(), client: n, site: site, random: r.random(n)}
		group.Go(func() { o.watch(ctx) })
	}
	for _, account := range r.accounts() {
		n := r.client()
		t := &teller{cluster: r.cluster, record: r.record, client: n, account: account, random: r.random(n)}
		if account == short {
			t.deposit = 4 * r.history.CreatePrice
		}
		group.Go(func() { t.count(ctx) })
	}
	s := &storm{cluster: r.cluster, record: r.record, kinds: r.options.Weather, random: r.random(-1)}
	err := s.rage(ctx)
	if err != nil {
		cancel() // nobody has to go on
	}
	group.Wait()
	return err
}

// settle waits until all sites serve, and reads everything at each.
func (r *round) settle(ctx context.Context) error {
	ready, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	if err := r.cluster.AwaitReady(ready, r.cluster.Sites()...); err != nil {
		return err
	}
	for _, site := range r.cluster.Sites() {
		if err := r.infos(ctx, site); err != nil {
			return err
		}
		if err := r.balances(ctx, site); err != nil {
			return err
		}
	}
	return nil
}

// infos reads all names at a site.
func (r *round) infos(ctx context.Context, site string) error {
	w := &registrant{cluster: r.cluster, record: r.record, client: r.client(), registrar: "reg1", site: site, seen: map[string]*Domain{}}
	defer w.hangUp()
	for _, n := range r.history.Names {
		if err := insist(ctx, func(ctx context.Context) (err error) {
			if w.conn == nil {
				if w.conn, err = r.cluster.Login(ctx, site, w.registrar); err != nil {
					return err
				}
				w.session = r.session()
			}
			return answered(w.send(&Op{Kind: Info, Actor: w.registrar, Name: n}))
		}); err != nil {
			return err
		}
	}
	return nil
}

// balances reads all accounts at a site.
func (r *round) balances(ctx context.Context, site string) error {
	t := &teller{cluster: r.cluster, record: r.record, client: r.client()}
	for _, a := range r.accounts() {
		if err := insist(ctx, func(context.Context) error {
			return answered(t.ask(&Op{Client: t.client, Site: site, Kind: Balance, Actor: a}))
		}); err != nil {
			return err
		}
	}
	return nil
}

// answered is an error if an operation told nothing.
func answered(op *Op) error {
	if op.Outcome == Unknown || op.Outcome == Refused && op.Code != noObject {
		return fmt.Errorf("no answer to %s", op)
	}
	return nil
}

// insist repeats a step until it succeeds.
func insist(ctx context.Context, step func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	for {
		err := step(ctx)
		if err == nil || !pause(ctx, retryEvery) {
			return err
		}
	}
}

func isCode(err error, code int) bool {
	var refused *client.Error
	return errors.As(err, &refused) && refused.Code == code
}
