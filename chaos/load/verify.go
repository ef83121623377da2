package load

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"quorate/epp/client"
	"quorate/node/admin"
	"quorate/node/endpoints"
)

// Verify holds every node against the book: digests, each of names by EPP's info, the registrars' balances, and each name's delegation in
// DNS. It is for a time at which no command is under way and all nodes are up. All that nodes agree on is settled in the book, so
// that a later call, with the names that were touched since, says what is wrong since.
//
// Balances are right only if nobody else spends the registrars' money.
func (t *Target) Verify(ctx context.Context, b *Book, names []string) (found Problems) {
	if _, found = t.Agree(ctx); slices.ContainsFunc(found, func(p Problem) bool { return p.Kind == Unreadable }) {
		return found
	}
	if len(t.Registrars) == 0 {
		return append(found, Problem{Kind: Unreadable, Text: "there is no registrar to read names as"})
	}
	v := &verification{Target: t, book: b, may: map[string][]State{}}
	for _, name := range names {
		may, p := b.possible(name)
		if p != nil {
			found = append(found, *p)
			continue
		}
		v.may[name] = may
	}
	found = append(found, v.names(ctx)...)
	found = append(found, v.balances(ctx)...)
	return append(found, v.delegations(ctx)...)
}

// verification is one call of Verify.
type verification struct {
	*Target
	book    *Book
	may     map[string][]State // by name: what the journal allows
	settled map[string]State   // by name: what it is at all sites
}

// seen is what a site shows of a name.
type seen struct {
	State
	half string // what is missing of it
	err  error
}

// names reads all names at all sites and settles those that are as they may be.
func (v *verification) names(ctx context.Context) (found []Problem) {
	v.settled = map[string]State{}
	sites := make([]map[string]seen, len(v.Sites))
	read := func(names []string) {
		var group sync.WaitGroup
		for i, s := range v.Sites {
			group.Go(func() { sites[i] = v.read(ctx, s, names) })
		}
		group.Wait()
	}
	names := make([]string, 0, len(v.may))
	for name := range v.may {
		names = append(names, name)
	}
	read(names)
	// Where sites show different states that may both be, a command may have been executed between the two looks. Then look again.
	var moving []string
	for _, name := range names {
		for i := range sites {
			if !sites[i][name].shows(sites[0][name].State) {
				moving = append(moving, name)
				break
			}
		}
	}
	moving = slices.DeleteFunc(moving, func(name string) bool { return len(v.may[name]) == 1 })
	if len(moving) > 0 {
		first := sites
		sites = make([]map[string]seen, len(v.Sites))
		select {
		case <-time.After(unansweredTime):
		case <-ctx.Done():
		}
		read(moving)
		for i := range sites {
			for name, s := range first[i] {
				if _, again := sites[i][name]; !again {
					sites[i][name] = s
				}
			}
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if p := v.judge(name, sites); len(p) > 0 {
			found = append(found, p...)
			continue
		}
		v.book.settle(name, v.settled[name])
	}
	return found
}

// judge holds what the sites show of a name against what it may be.
func (v *verification) judge(name string, sites []map[string]seen) (found []Problem) {
	may := v.may[name]
	for i, s := range v.Sites {
		is := sites[i][name]
		at := slices.IndexFunc(may, func(m State) bool { return m.shows(is.State) })
		switch {
		case is.err != nil:
			found = append(found, Problem{Kind: Unreadable, Name: name, Site: s.Name, Text: is.err.Error()})
		case is.half != "":
			found = append(found, Problem{Kind: Half, Name: name, Site: s.Name, Text: is.half})
		case at < 0:
			found = append(found, Problem{Kind: kindOf(is.State, may), Name: name, Site: s.Name, Text: fmt.Sprintf("it is %v; by the answers it is %v", is.State, may)})
		default:
			settled := is.State
			settled.Charged = may[at].Charged
			if before, ok := v.settled[name]; ok && before != settled {
				found = append(found, Problem{Kind: Different, Name: name, Site: s.Name, Text: fmt.Sprintf("it is %v; elsewhere it is %v", settled, before)})
			}
			v.settled[name] = settled
		}
	}
	return found
}

// kindOf says what is wrong when a name is what it can't be.
func kindOf(is State, may []State) Kind {
	all := func(f func(State) bool) bool { return !slices.ContainsFunc(may, func(m State) bool { return !f(m) }) }
	exists := func(m State) bool { return m.Exists() }
	switch {
	case !is.Exists():
		return Lost
	case all(func(m State) bool { return !exists(m) }):
		return Unexpected
	case all(func(m State) bool { return m.Sponsor != is.Sponsor }):
		return SoldTwice
	case all(func(m State) bool { return is.Years > m.Years }):
		return Doubled
	case all(func(m State) bool { return is.Years < m.Years }):
		return Lost
	}
	return Half
}

// read asks a site for names, over several sessions of each registrar.
func (v *verification) read(ctx context.Context, site endpoints.Site, names []string) map[string]seen {
	byRegistrar := map[string][]string{}
	for _, name := range names {
		r := v.book.sponsor(name)
		if r == "" {
			r = v.Registrars[0].ID // anybody sees that a name isn't there
		}
		byRegistrar[r] = append(byRegistrar[r], name)
	}
	var mu sync.Mutex
	all := map[string]seen{}
	var group sync.WaitGroup
	for registrar, names := range byRegistrar {
		work := make(chan string)
		group.Go(func() {
			defer close(work)
			for _, name := range names {
				work <- name
			}
		})
		for range min(readers, len(names)) {
			group.Go(func() {
				r := &reader{Target: v.Target, site: site, registrar: registrar}
				defer r.hangUp()
				for name := range work {
					s := r.read(ctx, name)
					mu.Lock()
					all[name] = s
					mu.Unlock()
				}
			})
		}
	}
	group.Wait()
	return all
}

// reader reads names over one session, which it renews when it ends.
type reader struct {
	*Target
	site      endpoints.Site
	registrar string
	session   *client.Client
	gaveUp    error // what the site said to the end of all patience: it isn't asked again
}

func (r *reader) hangUp() {
	if r.session != nil {
		r.session.Close()
		r.session = nil
	}
}

// read asks for a name. A site that can't answer for a while, electing a leader perhaps, is asked again: what it can't do is show something wrong.
func (r *reader) read(ctx context.Context, name string) (s seen) {
	if r.gaveUp != nil {
		return seen{err: r.gaveUp}
	}
	s.err = await(ctx, func() (err error) {
		if r.session == nil {
			if r.session, err = r.Login(ctx, r.site, r.registrar); err != nil {
				r.session = nil
				return err
			}
		}
		ask, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		d, err := r.session.InfoDomain(ask, name, "", "")
		switch c := Code(err); {
		case c == 2303:
			s.State, s.half = State{}, ""
			return nil
		case err != nil:
			if c == 0 || c >= 2500 {
				r.hangUp()
			}
			return err
		}
		s.State, s.half = stateOf(d), halfOf(d, r.registrar)
		return nil
	})
	r.gaveUp = s.err
	return s
}

// stateOf is the state that an info shows.
func stateOf(d *client.Domain) State {
	return State{
		Sponsor: d.Sponsor, Created: d.Created.UTC(), Expires: d.Expires.UTC(), Years: d.Expires.UTC().Year() - d.Created.UTC().Year(),
		Hosts: hostSet(d.Hosts), Hold: slices.Contains(d.Statuses, "clientHold"),
	}
}

// halfOf says what is missing of a domain that the registrar is shown; "" when it is whole.
func halfOf(d *client.Domain, registrar string) string {
	if d.Registrant != contactID || len(d.Contacts) != 2 || d.Sponsor == registrar && d.AuthInfo != authInfo {
		return fmt.Sprintf("registrant %q, contacts %v, authInfo shown: %v", d.Registrant, d.Contacts, d.AuthInfo != "")
	}
	return ""
}

// balances holds each node's accounts against what names cost.
func (v *verification) balances(ctx context.Context) (found []Problem) {
	paid, sure := v.book.charges()
	for _, registrar := range v.book.registrars() {
		want := v.book.Balances[registrar] - paid[registrar]
		for _, s := range v.Sites {
			got, err := v.balance(ctx, v.admins[s.Name].Local(), registrar, v.book.Currency)
			switch {
			case err != nil:
				found = append(found, Problem{Kind: Unreadable, Registrar: registrar, Site: s.Name, Text: err.Error()})
			case got != want:
				text := fmt.Sprintf("it has %d; its names cost %d since it had %d, so it should have %d", got, paid[registrar], v.book.Balances[registrar], want)
				if !sure {
					text += "; but some names are in doubt"
				}
				found = append(found, Problem{Kind: Money, Registrar: registrar, Site: s.Name, Text: text + v.wherefore(ctx, s, registrar)})
			}
		}
	}
	return found
}

// wherefore names the settled names whose postings aren't what they cost, among an account's newest.
func (v *verification) wherefore(ctx context.Context, s endpoints.Site, registrar string) string {
	postings, err := v.admins[s.Name].Local().Ledger(ctx, registrar, v.book.Currency, admin.MaxLimit)
	if err != nil || len(postings) == admin.MaxLimit {
		return "" // a part of the postings tells nothing
	}
	paid := map[string]int64{}
	for _, p := range postings {
		amount, err := admin.ParseMoney(p.Amount, p.Currency)
		if err != nil {
			return ""
		}
		paid[p.Object] -= amount
	}
	var wrong []string
	for name, is := range v.settled {
		want := int64(0)
		if is.Sponsor == registrar {
			want = is.Charged
		}
		if paid[name] != want {
			wrong = append(wrong, fmt.Sprintf("%s (paid %d, costs %d)", name, paid[name], want))
		}
	}
	if len(wrong) == 0 {
		return ""
	}
	slices.Sort(wrong)
	return "; by its ledger: " + strings.Join(wrong[:min(len(wrong), maxProblems)], ", ")
}
