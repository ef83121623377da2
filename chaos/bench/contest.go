package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"
)

// ContestOptions say how Quorate and PostgreSQL are compared.
type ContestOptions struct {
	Connections int
	Rounds      int
	Phase       time.Duration // of each contender in each round
}

// contender is one side of the comparison, in one of its forms.
type contender struct {
	name   string
	create func(ctx context.Context, round int) (*createLoad, error)
	spent  func() time.Duration // processor time of the servers so far
	rates  []float64            // creates per second, by round
	p50    []float64            // milliseconds, by round
	p99    []float64
	cpu    []float64 // milliseconds per create, by round
	done   int
	failed map[string]int
}

// Contest has the target and the peer create domains in turns, never at once, and prints what each did.
func Contest(ctx context.Context, t *Target, p *Postgres, o ContestOptions, out io.Writer) error {
	if err := t.furnish(ctx); err != nil {
		return fmt.Errorf("preparing: %w", err)
	}
	if err := t.enlist(ctx, o.Connections); err != nil {
		return fmt.Errorf("preparing: %w", err)
	}
	checks := &Samples{}
	all := []*contender{
		t.contender(o, o.Connections, checks), t.contender(o, 2, checks),
		p.contender(o, byStatements, 1000), p.contender(o, byStatements, 10), p.contender(o, byFunction, 1000), p.contender(o, byFunction, 10),
	}
	fmt.Fprintf(out, "Machine: %s\n", machine())
	fmt.Fprintf(out, "Quorate: %d nodes, a majority's flush, EPP over TLS. %s: a primary and one synchronous standby, fsync, pgbench over Unix sockets.\n", len(t.Sites), p.Version())
	fmt.Fprintf(out, "%d connections, %d rounds of %v each, in turns and every other round in reverse. Before each phase: a fixed piece of work for the processor, and 4 KiB made durable.\n\n", o.Connections, o.Rounds, o.Phase)
	var work, flush []float64
	for round := range o.Rounds {
		order := slices.Clone(all)
		if round%2 == 1 {
			slices.Reverse(order)
		}
		for _, c := range order {
			work = append(work, millis(workTime()))
			s, err := syncTime(filepath.Dir(t.CA))
			if err != nil {
				return err
			}
			flush = append(flush, millis(s.Quantile(0.5)))
			if err := c.round(ctx, round); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			// The peer writes its pages back in its own turn, not in the next one's.
			if _, err := p.query(ctx, "CHECKPOINT"); err != nil {
				return err
			}
		}
	}
	if err := reportContest(all, o, out); err != nil {
		return err
	}
	fmt.Fprintf(out, "\ndomain:check meanwhile, one at each site every %v, from when it was due: p50 %s, p99 %s, n %d\n",
		checkInterval, ms(checks.Quantile(0.5)), ms(checks.Quantile(0.99)), checks.Len())
	fmt.Fprintf(out, "Interference: the processor's work took %.0f ms (%.0f to %.0f), a flush %.2f ms (%.2f to %.2f), medians and ranges of %d\n",
		median(work), slices.Min(work), slices.Max(work), median(flush), slices.Min(flush), slices.Max(flush), len(work))
	fmt.Fprintln(out, `"statements" sends the transaction's statements one by one, as an application does; "one function" is the whole of it within the server.
Each creates the same rows: domain, two host links, three contact links, due time, history with body, result, zone mark, debit with two
postings. Spared the peer: publication of the zone, keeping the revenue account's balance (one row that all would queue for), forgetting old
results, a third copy, TLS, and all of EPP.`)
	return nil
}

// round is one phase of a contender.
func (c *contender) round(ctx context.Context, round int) error {
	before := c.spent()
	l, err := c.create(ctx, round)
	if err != nil {
		return err
	}
	n := l.took.Len()
	if n == 0 {
		return fmt.Errorf("not one create succeeded: %s", tally(l.failures))
	}
	c.rates = append(c.rates, float64(n)/l.elapsed.Seconds())
	c.p50 = append(c.p50, millis(l.took.Quantile(0.5)))
	c.p99 = append(c.p99, millis(l.took.Quantile(0.99)))
	c.cpu = append(c.cpu, millis(c.spent()-before)/float64(n))
	c.done += n
	for kind, count := range l.failures {
		c.failed[kind] += count
	}
	return nil
}

func (t *Target) contender(o ContestOptions, registrars int, checks *Samples) *contender {
	return &contender{
		name: fmt.Sprintf("Quorate, %d registrars", registrars), failed: map[string]int{},
		spent: func() time.Duration { return usageOf(t.pids()).nodes },
		create: func(ctx context.Context, _ int) (*createLoad, error) {
			during, end := context.WithCancel(ctx)
			defer end()
			checked := make(chan error, len(t.Sites))
			for site := range t.Sites {
				go func() { checked <- t.checkSteadily(during, site, checks) }()
			}
			l, err := t.createMany(ctx, o.Connections, registrars, o.Phase)
			end()
			for range t.Sites {
				err = errors.Join(err, <-checked)
			}
			return l, err
		},
	}
}

func (p *Postgres) contender(o ContestOptions, x transaction, registrars int) *contender {
	c := &contender{name: fmt.Sprintf("PostgreSQL, %s, %d registrars", x.name, registrars), failed: map[string]int{}, spent: p.processorTime}
	offset := registrars * 100 // the names of contenders differ
	if x == byFunction {
		offset += 50
	}
	c.create = func(ctx context.Context, round int) (*createLoad, error) {
		return p.create(ctx, x, o.Connections, registrars, offset+round, o.Phase)
	}
	return c
}

func reportContest(all []*contender, o ContestOptions, out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "domain:create\tper s\tfrom\tto\tp50, ms\tp99, ms\tservers' CPU, ms each\tn\tfailures\tQuorate is\t")
	first := median(all[0].rates)
	for i, c := range all {
		ratio := ""
		if i > 0 {
			ratio = fmt.Sprintf("%.2f ×", first/median(c.rates))
		}
		fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%.0f\t%.1f\t%.1f\t%.2f\t%d\t%s\t%s\t\n", c.name, median(c.rates), slices.Min(c.rates), slices.Max(c.rates),
			median(c.p50), median(c.p99), median(c.cpu), c.done, tally(c.failed), ratio)
	}
	fmt.Fprintf(w, "medians of %d rounds\t\t\t\t\t\t\t\t\t\t\n", o.Rounds)
	return w.Flush()
}

// median is the middle of some figures, or the mean of the two in the middle.
func median(figures []float64) float64 {
	if len(figures) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(figures))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
