package load

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"quorate/epp/client"
	"quorate/node/endpoints"
)

// connection is one client: it has a session, which it opens anew when it is lost, and names of its own, on which nobody else works.
type connection struct {
	*Generator
	id        int
	registrar string
	site      endpoints.Site
	random    *rand.Rand
	session   *client.Client
	created   int // how many names it has thought of
	owned     []*ownedName
}

// ownedName is a name whose state its connection knows.
type ownedName struct {
	name string
	State
}

func (c *connection) hangUp() {
	if c.session != nil {
		c.session.Close()
		c.session = nil
	}
}

// connect opens a session unless there is one: when one was lost, at any site that takes it.
func (c *connection) connect(ctx context.Context) error {
	for c.session == nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		c.site = c.sites[c.random.IntN(len(c.sites))]
		var err error
		if c.session, err = c.target.Login(ctx, c.site, c.registrar); err == nil {
			return nil
		}
		c.session = nil // a site that is down is no news here; how long it takes is in the latency
		select {
		case <-time.After(reconnectEvery):
		case <-ctx.Done():
		}
	}
	return nil
}

// do carries out an arrival. What there is no name for becomes a create.
func (c *connection) do(ctx context.Context, a arrival) {
	switch a.command {
	case Check:
		c.check(ctx, a.at)
		return
	case Info:
		if len(c.owned) > 0 {
			name := c.owned[c.random.IntN(len(c.owned))].name
			c.send(ctx, Info, a.at, func(ctx context.Context) error { _, err := c.session.InfoDomain(ctx, name, "", ""); return err })
			return
		}
	}
	w, on := c.choose(a.command)
	c.transform(ctx, w, on, a.at)
}

// check asks for a name: half of the time one that is taken.
func (c *connection) check(ctx context.Context, at time.Time) {
	name := fmt.Sprintf("%s-free-%d.%s", c.run, c.random.Uint32(), c.target.TLD)
	if len(c.owned) > 0 && c.random.IntN(2) == 0 {
		name = c.owned[c.random.IntN(len(c.owned))].name
	}
	c.send(ctx, Check, at, func(ctx context.Context) error { _, err := c.session.CheckDomains(ctx, name); return err })
}

// choose makes up a transform, and says which of the owned names it is on: -1 for a new one.
func (c *connection) choose(command Command) (w Write, on int) {
	on = -1
	if command != Create && len(c.owned) > 0 {
		on = c.random.IntN(len(c.owned))
		old := time.Since(c.owned[on].Created) > c.journal.AddGrace/2 // by whatever clock, in time
		if command == Renew && c.owned[on].Years >= maxYears || command == Delete && old {
			on = -1
		}
	}
	w = Write{Registrar: c.registrar, Command: command}
	if on < 0 {
		c.created++
		w.Command, w.Name = Create, fmt.Sprintf("%s-c%d-%d.%s", c.run, c.id, c.created, c.target.TLD)
		w.Years = 1 + c.random.IntN(3)
		w.AddHosts = Nameservers
		if c.random.IntN(4) == 0 {
			w.AddHosts = Nameservers[:c.random.IntN(len(Nameservers))]
		}
		return w, on
	}
	is := c.owned[on]
	w.Name = is.name
	switch {
	case command == Renew:
		w.Years, w.Current = 1, is.Expires.Format(time.DateOnly)
	case command == Update && c.random.IntN(2) == 0:
		hold := !is.Hold
		w.Hold = &hold
	case command == Update && is.Hosts != "":
		w.RemoveHosts = strings.Fields(is.Hosts)
	case command == Update:
		w.AddHosts = Nameservers
	}
	return w, on
}

// contend creates a name that others want, too.
func (c *connection) contend(ctx context.Context, name string, at time.Time) {
	c.transform(ctx, Write{Registrar: c.registrar, Command: Create, Name: name, Years: 1, AddHosts: Nameservers}, -1, at)
}

// transform sends a transform, notes it in the journal before and after, and remembers what the name is then. A name whose state isn't
// known any more is left alone.
func (c *connection) transform(ctx context.Context, w Write, on int, at time.Time) {
	known := true
	c.send(ctx, w.Command, at, func(ctx context.Context) error {
		w.Site = c.site.Name
		a, err := c.journal.Do(ctx, c.session, w)
		if c.journal.Err() != nil {
			c.fail(c.journal.Err())
		}
		known = a.Outcome != Unknown
		if a.Outcome == Acknowledged {
			c.learn(&w, &a, on)
		}
		return err
	})
	if !known && on >= 0 {
		c.forget(on)
	}
}

// learn remembers what an acknowledged transform has made of a name.
func (c *connection) learn(w *Write, a *Answer, on int) {
	if on < 0 {
		if len(c.owned) == maxOwned || c.Mix.Storm {
			return
		}
		c.owned = append(c.owned, &ownedName{name: w.Name})
		on = len(c.owned) - 1
	}
	is := c.owned[on]
	o := &operation{Write: *w, answer: *a}
	is.State, _ = c.journal.after(is.State, o) // where the answer doesn't fit, the verifier will say so
	if !is.Exists() {
		c.forget(on)
	}
}

func (c *connection) forget(on int) {
	last := len(c.owned) - 1
	c.owned[on] = c.owned[last]
	c.owned = c.owned[:last]
}

// send carries out one command on a session, and counts it.
func (c *connection) send(ctx context.Context, command Command, at time.Time, do func(context.Context) error) {
	if c.connect(ctx) != nil {
		c.tally.drop(arrival{command, at}, 1)
		return
	}
	c.gate.RLock()
	defer c.gate.RUnlock()
	if ctx.Err() != nil {
		c.tally.drop(arrival{command, at}, 1)
		return
	}
	if at.IsZero() {
		at = time.Now()
	}
	// The end of the load is no fault: what has been sent is waited for.
	sent, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	err := do(sent)
	c.tally.add(command, at, time.Since(at), err)
	if code := Code(err); err != nil && (code == 0 || code >= 2500) {
		c.hangUp()
	}
}

// Do sends a transform on a session, noted before and after, and says what became of it. What can't be noted isn't sent.
func (j *Journal) Do(ctx context.Context, s *client.Client, w Write) (a Answer, err error) {
	number, err := j.Sent(w)
	if err != nil {
		return Answer{Outcome: Refused}, err
	}
	a, err = carryOut(ctx, s, &w)
	a.Number = number
	return a, errors.Join(err, j.Answered(a))
}

// carryOut sends a transform and says what became of it.
func carryOut(ctx context.Context, s *client.Client, w *Write) (a Answer, err error) {
	a.Code = 1000
	switch w.Command {
	case Create:
		var made *client.DomainCreated
		made, err = s.CreateDomain(ctx, client.DomainCreate{
			Name: w.Name, Years: w.Years, Hosts: w.AddHosts, AuthInfo: authInfo, Registrant: contactID,
			Contacts: []client.DomainContact{{Type: "admin", ID: contactID}, {Type: "tech", ID: contactID}},
		})
		if err == nil {
			a.Created, a.Expires = made.Created.UTC(), made.Expires.UTC()
		}
	case Renew:
		var current time.Time
		if current, err = time.Parse(time.DateOnly, w.Current); err == nil {
			a.Expires, err = s.RenewDomain(ctx, w.Name, current, w.Years)
			a.Expires = a.Expires.UTC()
		}
	case Update:
		u := client.DomainUpdate{Name: w.Name, Add: client.DomainParts{Hosts: w.AddHosts}, Remove: client.DomainParts{Hosts: w.RemoveHosts}}
		if w.Hold != nil {
			parts := &u.Remove
			if *w.Hold {
				parts = &u.Add
			}
			parts.Statuses = []string{"clientHold"}
		}
		_, err = s.UpdateDomain(ctx, u)
	case Delete:
		var r *client.Reply
		if r, err = s.DeleteDomain(ctx, w.Name); err == nil {
			a.Code = r.Code
		}
	}
	if a.Outcome = OutcomeOf(err); a.Outcome != Acknowledged {
		a.Code = Code(err)
	}
	return a, err
}
