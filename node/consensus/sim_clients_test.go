package consensus

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"quorate/fsm"
	"quorate/fsm/registry"
	"quorate/fsm/store"
)

// outcome is what a client knows of its command.
type outcome string

const (
	acknowledged outcome = "acknowledged" // a result, whatever its code
	notLogged    outcome = "not logged"
	unknown      outcome = "unknown"
)

// claim is what a client was told of a command.
type claim struct {
	clTRID  string // the command's for ever, also if its node tries again under another id
	node    string
	id      registry.CommandID
	outcome outcome
	result  registry.Result
	err     error
	ended   uint64 // step
}

// look is a state that a client, or the simulation itself, was shown.
type look struct {
	node         string
	level        fsm.Level
	began, ended uint64 // steps
	after        uint64 // the index that a session read asked for
	pos          store.Position
	at           time.Time
	logTime      registry.Time
}

// execute has a command executed at a node, as a client that waits for patience at most (0: as long as it takes), and notes what it was told.
func (s *simulation) execute(p *process, patience time.Duration, actor registry.Actor, kind registry.Kind, body any) claim {
	ctx := context.Background()
	if patience > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	c := claim{clTRID: fmt.Sprint("client-", s.steps.Add(1)), node: p.id}
	began := time.Now()
	c.result, c.id, c.err = p.Execute(ctx, actor, c.clTRID, kind, body)
	c.ended = s.steps.Add(1)
	switch {
	case p.port.dead(): // nobody heard it
		c.outcome = unknown
	case c.err == nil:
		c.outcome = acknowledged
	case errors.Is(c.err, fsm.ErrNotLogged):
		c.outcome = notLogged
	case errors.Is(c.err, fsm.ErrOutcomeUnknown):
		c.outcome = unknown
	default:
		s.fail("%s at %s ends with an error that says nothing: %v", c.clTRID, p.id, c.err)
	}
	if d := time.Since(began); c.outcome != unknown && d > maxPatience+applyPatience+time.Second {
		s.fail("%s at %s took %v", c.clTRID, p.id, d)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.claims = append(s.claims, c)
	return c
}

// view reads at a node, and notes what it showed.
func (s *simulation) view(p *process, level fsm.Level, after uint64, fn func(fsm.View)) {
	l := look{node: p.id, level: level, after: after, began: s.steps.Add(1)}
	err := p.View(context.Background(), level, after, func(v fsm.View) error {
		l.pos, l.logTime = v.Position(), v.Now()
		if fn != nil {
			fn(v)
		}
		return nil
	})
	l.ended, l.at = s.steps.Add(1), time.Now()
	if p.port.dead() {
		return
	}
	if err != nil {
		if level == fsm.Local || !errors.Is(err, fsm.ErrUnavailable) {
			s.fail("a read at level %d at %s: %v", level, p.id, err)
		}
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks = append(s.looks, l)
}

// client is a registrar's program at one node, as long as stop is open.
func (s *simulation) client(n int, stop <-chan struct{}) {
	rng := rand.New(rand.NewPCG(s.seed, uint64(100+n)))
	at := s.ids[n%len(s.ids)]
	actor := registry.Actor{Role: registry.RoleRegistrar, Name: simRegistrars[n%len(simRegistrars)]}
	session := uint64(0) // the index of the client's last write
	pause := time.Duration(0)
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		case <-time.After(pause):
		}
		pause = time.Duration(20+rng.Int64N(700)) * time.Millisecond
		if rng.IntN(8) == 0 {
			pause = 0
		}
		p := s.process(at)
		if p == nil {
			pause += 100 * time.Millisecond
			continue
		}
		switch rng.IntN(8) {
		case 0:
			s.view(p, fsm.Linearizable, 0, nil)
			continue
		case 1:
			s.view(p, fsm.Session, session, nil)
			continue
		}
		as, kind, body := s.wish(p, rng, actor, fmt.Sprintf("c%d-%d", n, i))
		patience := time.Duration(0)
		if rng.IntN(6) == 0 {
			patience = time.Duration(1+rng.Int64N(800)) * time.Millisecond
		}
		if c := s.execute(p, patience, as, kind, body); c.outcome == acknowledged {
			session = c.result.Index
		}
	}
}

// wish is a command that a client may want: for names that many want, or one of its own.
func (s *simulation) wish(p *process, rng *rand.Rand, actor registry.Actor, own string) (registry.Actor, registry.Kind, any) {
	name := own + ".example"
	if rng.IntN(3) > 0 {
		name = fmt.Sprintf("wanted%d.example", rng.IntN(5))
	}
	host := simHosts[rng.IntN(len(simHosts))]
	switch rng.IntN(9) {
	case 0:
		return actor, registry.KindDomainDelete, registry.DomainDelete{Name: name}
	case 1, 2:
		var current registry.Time
		s.view(p, fsm.Local, 0, func(v fsm.View) {
			if d, ok := v.Domain(name); ok {
				current = d.Expires - d.Expires%registry.Day
			}
		})
		return actor, registry.KindDomainRenew, registry.DomainRenew{Name: name, Current: current, Months: 12}
	case 3:
		return actor, registry.KindDomainUpdate, registry.DomainUpdate{Name: name, AddHosts: []string{host}}
	case 4:
		return actor, registry.KindDomainUpdate, registry.DomainUpdate{Name: name, RemoveHosts: []string{host}}
	case 5:
		return operator, registry.KindRegistrarFund, registry.RegistrarFund{ID: actor.Name, Currency: "USD", Amount: rng.Int64N(9)}
	default:
		return actor, registry.KindDomainCreate, registry.DomainCreate{Name: name, Months: uint16(12 * (1 + rng.IntN(2))), Hosts: []string{host}[:rng.IntN(2)]}
	}
}
