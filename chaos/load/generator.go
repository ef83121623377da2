package load

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"quorate/node/endpoints"
)

// Options say what load there is to be.
type Options struct {
	Mix         Mix
	Rate        float64       // arrivals per second, whatever the answers do; 0: each connection sends one command after the other
	Connections int           // spread over sites and registrars
	Site        string        // the only site to go to; "": all, and another when one is lost
	Duration    time.Duration // of arrivals, warm-up included; 0: until the context ends
	WarmUp      time.Duration // what arrives before it has passed isn't counted
	Seed        uint64        // of all choices and arrivals; not of what the machine does
}

// Check refuses what can't be run.
func (o *Options) Check() error {
	switch {
	case o.Connections < 1 || o.Connections > MaxConnections:
		return fmt.Errorf("connections are from 1 to %d", MaxConnections)
	case !(o.Rate >= 0 && o.Rate <= MaxRate):
		return fmt.Errorf("the rate is from 0 to %d commands a second", MaxRate)
	case o.Duration < 0 || o.Duration > MaxDuration:
		return fmt.Errorf("a run takes %v at most", MaxDuration)
	case o.WarmUp < 0 || o.Duration > 0 && o.WarmUp >= o.Duration:
		return errors.New("the warm-up is a part of the duration")
	}
	for _, weight := range o.Mix.Weights {
		if weight > 0 {
			return nil
		}
	}
	return errors.New("the mix has no commands")
}

// Generator sends commands to a cluster.
type Generator struct {
	Options
	target      *Target
	journal     *Journal
	run         string // begins all names of this run
	connections []*connection
	sites       []endpoints.Site
	queue       int // how many arrivals can wait

	// gate is held shared by each command under way, and alone by who wants none to be.
	gate sync.RWMutex

	tally   tally
	failure error // the first that ends the run
	failed  sync.Once
	stop    context.CancelFunc
}

// NewGenerator connects to the cluster and makes what the domains of a run refer to. What it will send, it notes in the journal. Close closes it.
func NewGenerator(ctx context.Context, t *Target, j *Journal, o Options) (g *Generator, err error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	registrars := j.registrars()
	if len(registrars) == 0 {
		return nil, errors.New("the journal knows no registrar with money")
	}
	g = &Generator{
		Options: o, target: t, journal: j, queue: max(minQueue, int(o.Rate*queueTime.Seconds())), run: "l" + strconv.FormatInt(time.Now().UnixMilli(), 36),
	}
	if g.sites, err = t.sites(o.Site); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			g.Close()
		}
	}()
	for i := range o.Connections {
		c := &connection{
			Generator: g, id: i, registrar: registrars[i%len(registrars)], site: g.sites[i/len(registrars)%len(g.sites)],
			random: rand.New(rand.NewPCG(o.Seed, uint64(i)+1)),
		}
		if c.session, err = t.Login(ctx, c.site, c.registrar); err != nil {
			return nil, fmt.Errorf("connection %d of %d: %w", i+1, o.Connections, err)
		}
		g.connections = append(g.connections, c)
	}
	if err := t.furnish(ctx, g.connections[0].session); err != nil {
		return nil, fmt.Errorf("making a contact and hosts: %w", err)
	}
	return g, nil
}

// Close closes the connections. No Run may be under way.
func (g *Generator) Close() {
	for _, c := range g.connections {
		c.hangUp()
	}
}

// Run sends commands for the length of the load, or until ctx ends, and waits for the answers to all that was sent. It is called once.
func (g *Generator) Run(ctx context.Context) (*Result, error) {
	ctx, g.stop = context.WithCancel(ctx)
	defer g.stop()
	if g.Mix.Prepared > 0 {
		g.everyConnection(func(c *connection) {
			for range g.Mix.Prepared {
				c.do(ctx, arrival{command: Create})
			}
		})
	}
	begin := time.Now()
	var end time.Time
	if g.Duration > 0 {
		end = begin.Add(g.Duration)
	}
	g.tally.from = begin.Add(g.WarmUp)
	switch {
	case g.Mix.Storm:
		g.storm(ctx, begin, end)
	case g.Rate > 0:
		g.open(ctx, begin, end)
	default:
		g.closed(ctx, end)
	}
	return g.result(begin), g.failure
}

// Pause waits until no command is under way, and lets none begin until Resume is called.
func (g *Generator) Pause() { g.gate.Lock() }

// Resume ends what Pause began.
func (g *Generator) Resume() { g.gate.Unlock() }

// fail ends the run.
func (g *Generator) fail(err error) {
	g.failed.Do(func() {
		g.failure = err
		g.stop()
	})
}

// everyConnection runs f for all connections at once, and waits for all.
func (g *Generator) everyConnection(f func(c *connection)) {
	var group sync.WaitGroup
	for _, c := range g.connections {
		group.Go(func() { f(c) })
	}
	group.Wait()
}

// closed has each connection send one command after the other. Then a slow server has fewer commands sent to it, and hides how slow it is.
func (g *Generator) closed(ctx context.Context, end time.Time) {
	g.everyConnection(func(c *connection) {
		for ctx.Err() == nil && (end.IsZero() || time.Now().Before(end)) {
			c.do(ctx, arrival{g.Mix.choose(c.random), time.Now()})
		}
	})
}

// open has commands arrive on their own, and wait in a queue for a connection that is free.
func (g *Generator) open(ctx context.Context, begin, end time.Time) {
	queue := make(chan arrival, g.queue)
	var group sync.WaitGroup
	group.Go(func() {
		defer close(queue)
		random := rand.New(rand.NewPCG(g.Seed, 0))
		arrivals(ctx, random, g.Rate, begin, end, func(at time.Time) {
			a := arrival{g.Mix.choose(random), at}
			select {
			case queue <- a:
			default:
				g.tally.drop(a, 1)
			}
		})
	})
	g.everyConnection(func(c *connection) {
		for a := range queue {
			c.do(ctx, a)
		}
	})
	group.Wait()
}

// round is an instant of a drop storm.
type round struct {
	number int
	at     time.Time
	over   *sync.WaitGroup // closed loop: the next begins when all have seen the end of this one
}

// storm has rounds: in each, all connections want the same names at the same instant, from which all of their latencies count.
func (g *Generator) storm(ctx context.Context, begin, end time.Time) {
	rounds := make([]chan round, len(g.connections))
	perSecond := g.Rate / float64(len(g.connections)*stormNames)
	for i := range rounds {
		rounds[i] = make(chan round, 1+g.queue/(len(g.connections)*stormNames))
	}
	var group sync.WaitGroup
	group.Go(func() {
		number := 0
		next := func(at time.Time, over *sync.WaitGroup) {
			number++
			for _, queue := range rounds {
				select {
				case queue <- round{number, at, over}:
				default:
					g.tally.drop(arrival{Create, at}, stormNames)
				}
			}
		}
		if g.Rate > 0 {
			arrivals(ctx, rand.New(rand.NewPCG(g.Seed, 0)), perSecond, begin, end, func(at time.Time) { next(at, nil) })
		} else {
			for ctx.Err() == nil && (end.IsZero() || time.Now().Before(end)) {
				over := &sync.WaitGroup{}
				over.Add(len(rounds))
				next(time.Now(), over)
				over.Wait()
			}
		}
		for _, queue := range rounds {
			close(queue)
		}
	})
	g.everyConnection(func(c *connection) {
		for r := range rounds[c.id] {
			for _, n := range c.random.Perm(stormNames) {
				c.contend(ctx, fmt.Sprintf("%s-r%d-%d.%s", g.run, r.number, n, g.target.TLD), r.at)
			}
			if r.over != nil {
				r.over.Done()
			}
		}
	})
	group.Wait()
}
