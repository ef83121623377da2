package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"quorate/chaos/cluster"
	"quorate/epp/client"
)

// state is what a name may look like in the registry.
type state struct {
	exists  bool
	years   int      // of registration, from its creation
	hosts   []string // sorted
	hold    bool     // has clientHold
	charged int64    // what its registrar has paid for it, in cents
}

func (s state) String() string {
	if !s.exists {
		return "not there"
	}
	return fmt.Sprintf("there for %d years, name servers %v, hold %v", s.years, s.hosts, s.hold)
}

// entry is what a client knows of one name: the states that it may be in. After an unanswered command there are two, and the name is
// left alone; otherwise one.
type entry struct {
	name, registrar string
	may             []state
}

// journal is what all clients together know: the account against which the registry's state is checked.
type journal struct {
	createPrice, renewPrice int64

	mu                             sync.Mutex
	entries                        []*entry
	acknowledged, refused, unknown int
	codes                          map[int]int // of refusals
	progress                       chan struct{}
}

func newJournal(createPrice, renewPrice int64) *journal {
	return &journal{createPrice: createPrice, renewPrice: renewPrice, codes: map[int]int{}, progress: make(chan struct{}, 1)}
}

// begin enters a name that nobody has used yet.
func (j *journal) begin(name, registrar string) *entry {
	e := &entry{name: name, registrar: registrar, may: []state{{}}}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, e)
	return e
}

// note enters what became of a command that would have brought e to the state after. It says whether e's state is known still.
func (j *journal) note(e *entry, after state, err error) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch outcomeOf(err) {
	case acknowledged:
		e.may = []state{after}
		j.acknowledged++
		select {
		case j.progress <- struct{}{}:
		default:
		}
	case refused:
		j.refused++
		j.codes[code(err)]++
	case unknown:
		e.may = append(e.may, after)
		j.unknown++
	}
	return len(e.may) == 1
}

func (j *journal) count() (acknowledged int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.acknowledged
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return fmt.Sprintf("%d names; commands: %d acknowledged, %d refused %v, %d of unknown outcome", len(j.entries), j.acknowledged, j.refused, j.codes, j.unknown)
}

// worker lives through registrations, one name after the other, at whatever site answers.
type worker struct {
	*journal
	c         *cluster.Cluster
	id        int
	registrar string
	random    *rand.Rand
	session   *client.Client
	reported  func(error) // of refusals that no fault explains
}

// run works until ctx ends.
func (w *worker) run(ctx context.Context) {
	for n := 0; ctx.Err() == nil; n++ {
		e := w.begin(fmt.Sprintf("w%d-n%d.%s", w.id, n, w.c.TLD()), w.registrar)
		w.live(ctx, e)
	}
	if w.session != nil {
		w.session.Close()
	}
}

// live takes a name through a part of a domain's life, as long as its state is known.
func (w *worker) live(ctx context.Context, e *entry) {
	years := 1 + w.random.IntN(3)
	hosts := nameservers[:w.random.IntN(len(nameservers)+1)]
	now := state{exists: true, years: years, hosts: hosts, charged: int64(years) * w.createPrice}
	var created *client.DomainCreated
	known := w.try(ctx, e, now, func(ctx context.Context, s *client.Client) (err error) {
		d := domain(e.name, years)
		d.Hosts = hosts
		created, err = s.CreateDomain(ctx, d)
		return err
	})
	if !known || !e.may[0].exists {
		return
	}
	for range w.random.IntN(4) {
		var command func(ctx context.Context, s *client.Client) error
		after := now
		switch w.random.IntN(6) {
		case 0, 1:
			after.years++
			after.charged += w.renewPrice
			command = func(ctx context.Context, s *client.Client) error {
				_, err := s.RenewDomain(ctx, e.name, expiry(created.Created, now.years), 1)
				return err
			}
		case 2, 3:
			after.hold = !now.hold
			u := client.DomainUpdate{Name: e.name}
			parts := &u.Add
			if now.hold {
				parts = &u.Remove
			}
			parts.Statuses = []string{"clientHold"}
			command = func(ctx context.Context, s *client.Client) error { _, err := s.UpdateDomain(ctx, u); return err }
		case 4:
			u := client.DomainUpdate{Name: e.name, Remove: client.DomainParts{Hosts: now.hosts}}
			if len(now.hosts) == 0 {
				u = client.DomainUpdate{Name: e.name, Add: client.DomainParts{Hosts: nameservers}}
				after.hosts = nameservers
			} else {
				after.hosts = nil
			}
			command = func(ctx context.Context, s *client.Client) error { _, err := s.UpdateDomain(ctx, u); return err }
		case 5:
			after = state{} // in the add grace period: at once, with all that was paid given back
			command = func(ctx context.Context, s *client.Client) error { _, err := s.DeleteDomain(ctx, e.name); return err }
		}
		if !w.try(ctx, e, after, command) || !e.may[0].exists {
			return
		}
		now = e.may[0]
	}
}

// try sends one command, on a new session if need be, and notes what became of it.
func (w *worker) try(ctx context.Context, e *entry, after state, command func(context.Context, *client.Client) error) (known bool) {
	for w.session == nil {
		if ctx.Err() != nil {
			return false
		}
		sites := w.c.Sites()
		w.session, _ = w.c.Login(ctx, sites[w.random.IntN(len(sites))], w.registrar) // a dead site is no news here
	}
	// The end of the test's load is no fault: what has been sent is waited for.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	err := command(ctx, w.session)
	if o := outcomeOf(err); o == unknown || code(err) >= 2500 {
		w.session.Close()
		w.session = nil
	} else if o == refused && code(err) != 2400 {
		w.reported(fmt.Errorf("%s: %w", e.name, err))
	}
	return w.note(e, after, err)
}

// verify holds the registry against the journal, as each site tells it: every acknowledged change is there, whole; of every unanswered
// command all or nothing is; and the registrars have paid for just that.
func (j *journal) verify(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	for _, p := range j.problems(t, c) {
		t.Error(p)
	}
}

// problems is what verify finds.
func (j *journal) problems(t *testing.T, c *cluster.Cluster) (found []string) {
	t.Helper()
	report := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	charged := map[string]int64{}
	byRegistrar := map[string][]*entry{}
	for _, e := range j.entries {
		byRegistrar[e.registrar] = append(byRegistrar[e.registrar], e)
	}
	for i, site := range c.Sites() {
		for registrar, entries := range byRegistrar {
			s := login(t, c, site, registrar)
			for _, e := range entries {
				is, err := stateOf(t.Context(), s, e)
				if err != nil {
					report("%s at %s: %v", e.name, site, err)
					continue
				}
				at := slices.IndexFunc(e.may, func(may state) bool { return may.String() == is.String() })
				if at < 0 {
					report("%s at %s is %v; by the answers it is %v", e.name, site, is, e.may)
					continue
				}
				if i == 0 {
					charged[registrar] += e.may[at].charged
				}
				// From here on, all sites must tell the same.
				e.may = []state{e.may[at]}
			}
			s.Close()
		}
	}
	deposit := cents(t, cluster.Deposit)
	for registrar := range byRegistrar {
		for _, site := range c.Sites() {
			if got, want := cents(t, balance(t, c, site, registrar)), deposit-charged[registrar]; got != want {
				report("%s has %d cents at %s; its domains cost %d, so it should have %d", registrar, got, site, charged[registrar], want)
			}
		}
	}
	return found
}

// stateOf asks the registry for a name's state, and checks what it shows of it against itself.
func stateOf(ctx context.Context, s *client.Client, e *entry) (is state, err error) {
	d, err := s.InfoDomain(ctx, e.name, "", "")
	if code(err) == 2303 {
		return state{}, nil
	}
	if err != nil {
		return state{}, err
	}
	is = state{exists: true, hosts: d.Hosts, hold: slices.Contains(d.Statuses, "clientHold")}
	slices.Sort(is.hosts)
	is.years = d.Expires.Year() - d.Created.Year()
	switch {
	case !d.Expires.Equal(expiry(d.Created, is.years)):
		err = fmt.Errorf("created %v, expires %v", d.Created, d.Expires)
	case d.Registrant != registrant || len(d.Contacts) != 2 || d.Sponsor != e.registrar || d.AuthInfo != "secret-1":
		err = fmt.Errorf("not whole: %+v", d)
	}
	return is, err
}

// verifyDelegations holds each site's DNS against the journal, which has been verified.
func (j *journal) verifyDelegations(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	for _, site := range c.Sites() {
		for _, e := range j.entries {
			want := ""
			if is := e.may[0]; is.exists && !is.hold {
				want = strings.Join(is.hosts, " ")
			}
			await(t, "delegation of "+e.name+" at "+site, func(ctx context.Context) error {
				got, err := c.Delegation(ctx, site, e.name)
				slices.Sort(got)
				if text := strings.Join(got, " "); err == nil && text != want {
					err = fmt.Errorf("it is delegated to %q, not %q", text, want)
				}
				return err
			})
		}
	}
}
