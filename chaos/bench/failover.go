package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"quorate/chaos/cluster"
)

// FailoverOptions say what to measure of a cluster that loses its leader.
type FailoverOptions struct {
	Times     int // each
	Troubles  []Trouble
	HandOvers bool // also leaders that give up leading because they were asked to
}

// FailoverEnv is the environment that nodes need for the timeline to be told.
var FailoverEnv = []string{"QUORATE_LOG_LEVEL=debug", "QUORATE_LOG_FORMAT=text"}

// Failovers brings trouble upon leaders and prints how long it took until a write was acknowledged again.
func Failovers(ctx context.Context, c *cluster.Cluster, o FailoverOptions, out io.Writer) error {
	t, err := NewTarget(c.Endpoints())
	if err != nil {
		return err
	}
	if err := t.furnish(ctx); err != nil {
		return fmt.Errorf("preparing: %w", err)
	}
	fmt.Fprintf(out, "Machine: %s\n", machine())
	fmt.Fprintf(out, "A domain:create every %v at a site that isn't the leader's. From the trouble to the first 1000 of a command that was sent after it.\n", streamInterval)
	for _, x := range o.Troubles {
		f := failovers{took: &Samples{}, failures: map[string]int{}}
		for i := range o.Times {
			if err := f.once(ctx, c, t, x); err != nil {
				return fmt.Errorf("%s, number %d: %w", x, i+1, err)
			}
		}
		if err := f.report(x, out); err != nil {
			return err
		}
	}
	if !o.HandOvers {
		return nil
	}
	gaps, refused := &Samples{}, map[string]int{}
	for i := range o.Times {
		gap, refusal, err := handOver(ctx, c, t)
		if err != nil {
			return fmt.Errorf("handover, number %d: %w", i+1, err)
		}
		if refusal != nil {
			refused[refusal.Error()]++
		}
		gaps.Add(gap)
	}
	fmt.Fprintf(out, "\nhandover on request (quorate leadership transfer), the longest time without an acknowledgement around it: n %d, %s\n", gaps.Len(), quantiles(gaps))
	fmt.Fprintf(out, "  all, shortest first: %s\n  requests that failed: %s\n", gaps.list(), tally(refused))
	return nil
}

// failovers are those of one kind.
type failovers struct {
	took     *Samples
	phases   [][]time.Duration // of those whose logs tell them all
	failures map[string]int    // commands that were refused or not answered
}

// once brings the trouble upon the leader, waits for a write, and makes things well again.
func (f *failovers) once(ctx context.Context, c *cluster.Cluster, t *Target, x Trouble) error {
	leader, err := settle(ctx, c)
	if err != nil {
		return err
	}
	var survivors []string
	for _, s := range c.Sites() {
		if s != leader {
			survivors = append(survivors, s)
		}
	}
	at := survivors[rand.IntN(len(survivors))]
	s, err := t.startStream(ctx, slices.Index(c.Sites(), at))
	if err != nil {
		return err
	}
	defer s.close()
	// At a random moment of raft's and the stream's rhythms.
	select {
	case <-time.After(streamCalm + rand.N(streamCalm)):
	case <-ctx.Done():
		return ctx.Err()
	}
	began := time.Now()
	if err := x.strike(c, leader); err != nil {
		return err
	}
	first, line, err := recovery(ctx, c, s, x, survivors, began)
	if err := errors.Join(err, x.heal(ctx, c, leader)); err != nil {
		return err
	}
	f.took.Add(first.Sub(began))
	for kind, n := range s.answers() {
		f.failures[kind] += n
	}
	if phases, ok := line.durations(began, first); ok {
		f.phases = append(f.phases, phases)
	}
	return nil
}

// recovery waits until one of the survivors leads and a command that was sent after the trouble has succeeded since. What succeeds before
// an election was the old leader's doing: a disk that is about to hang lets some pass.
func recovery(ctx context.Context, c *cluster.Cluster, s *stream, x Trouble, survivors []string, began time.Time) (first time.Time, line timeline, err error) {
	err = eventually(ctx, func() error {
		for _, site := range survivors {
			if st, err := c.Status(ctx, site); err == nil && st.State == "leader" {
				return nil
			}
		}
		return errors.New("none of the other sites leads")
	})
	if err != nil {
		return first, nil, err
	}
	err = eventually(ctx, func() error {
		line = timelineOf(c, x, began)
		won := line[len(line)-1]
		if won.IsZero() {
			return errors.New("no log tells of an election")
		}
		for _, at := range s.acknowledged(began) {
			if at.After(won) {
				first = at
				return nil
			}
		}
		return errors.New("no write is acknowledged")
	})
	return first, line, err
}

// timelineOf reads the timeline of a failover from the sites' logs.
func timelineOf(c *cluster.Cluster, x Trouble, began time.Time) timeline {
	var logs []io.Reader
	for _, s := range c.Sites() {
		f, err := os.Open(c.LogFile(s))
		if err != nil {
			continue // the timeline will lack something, and not be counted
		}
		defer f.Close()
		logs = append(logs, f)
	}
	return readTimeline(x.phases(), logs, began, time.Now())
}

// report prints what has been found.
func (f *failovers) report(x Trouble, out io.Writer) error {
	fmt.Fprintf(out, "\n%s: n %d, %s\n  all, shortest first: %s\n  answers other than 1000: %s\n", x, f.took.Len(), quantiles(f.took), f.took.list(), tally(f.failures))
	phases := x.phases()
	if len(f.phases) == 0 {
		fmt.Fprintln(out, "  the logs tell the whole timeline of none")
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "  where the time went, of the %d that the logs tell wholly\tp50\tlongest\n", len(f.phases))
	for i := range len(phases) + 1 {
		name := lastPhase
		if i < len(phases) {
			name = phases[i].name
		}
		var s Samples
		for _, p := range f.phases {
			s.Add(p[i])
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\n", name, ms(s.Quantile(0.5)), ms(s.Quantile(1)))
	}
	return w.Flush()
}

// handOver asks the leader to hand over, and returns the longest time between two acknowledgements from then until some time after. A
// refusal is what the leader answered, if it didn't.
func handOver(ctx context.Context, c *cluster.Cluster, t *Target) (gap time.Duration, refusal, err error) {
	leader, err := settle(ctx, c)
	if err != nil {
		return 0, nil, err
	}
	at := rand.IntN(len(c.Sites()))
	s, err := t.startStream(ctx, at)
	if err != nil {
		return 0, nil, err
	}
	defer s.close()
	calm := time.Now()
	if err := eventually(ctx, func() error {
		if len(s.acknowledged(calm)) == 0 {
			return errors.New("no write is acknowledged")
		}
		return nil
	}); err != nil {
		return 0, nil, err
	}
	began := time.Now()
	client, err := c.Admin(leader)
	if err != nil {
		return 0, nil, err
	}
	refusal = client.TransferLeadership(ctx)
	select {
	case <-time.After(streamAftermath):
	case <-ctx.Done():
		return 0, nil, ctx.Err()
	}
	last := began
	for _, at := range append(s.acknowledged(calm), time.Now()) {
		if at.After(began) {
			gap, last = max(gap, at.Sub(last)), at
		}
	}
	return gap, refusal, nil
}

// settle waits until all sites run, follow the same leader, and have applied what it has, and returns the leader.
func settle(ctx context.Context, c *cluster.Cluster) (leader string, err error) {
	if err := c.AwaitReady(ctx, c.Sites()...); err != nil {
		return "", err
	}
	err = eventually(ctx, func() error {
		if leader, err = c.Leader(ctx); err != nil {
			return err
		}
		led, err := c.Status(ctx, leader)
		if err != nil {
			return err
		}
		for _, s := range c.Sites() {
			st, err := c.Status(ctx, s)
			if err != nil {
				return err
			}
			if st.Leader != leader || st.Term != led.Term || st.Applied < led.Applied {
				return fmt.Errorf("%s is at index %d of term %d and follows %q; the leader %s is at %d of %d", s, st.Applied, st.Term, st.Leader, leader, led.Applied, led.Term)
			}
		}
		return nil
	})
	return leader, err
}

// quantiles are the usual ones, written in milliseconds.
func quantiles(s *Samples) string {
	return fmt.Sprintf("p50 %.0f, p90 %.0f, p99 %.0f, max %.0f ms", millis(s.Quantile(0.5)), millis(s.Quantile(0.9)), millis(s.Quantile(0.99)), millis(s.Quantile(1)))
}
