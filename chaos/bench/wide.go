package bench

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// WideOptions say what to measure of sites that are far apart.
type WideOptions struct {
	RoundTrip   time.Duration // between every two sites
	Lone        int           // creates on one connection, at each of two sites
	Connections int           // that create at once
	Phase       time.Duration
}

// Wide measures creates of a cluster with a wide area between its sites: alone, at the leader's site and at another, how long their delegations
// take to all name servers, and many at once.
func Wide(ctx context.Context, t *Target, o WideOptions, out io.Writer) error {
	if err := t.furnish(ctx); err != nil {
		return fmt.Errorf("preparing: %w", err)
	}
	leads, err := t.leader(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "Machine: %s\n", machine())
	fmt.Fprintf(out, "Cluster: %d sites, a round trip of %v between every two\n\n", len(t.Sites), o.RoundTrip)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "a lone domain:create\tp50\tp99\tlongest\tround trips at least\tp50 above them\tn\t")
	for i, where := range []string{"at the leader's site", "at another site"} {
		took, err := t.loneCreates(ctx, (leads+i)%len(t.Sites), o.Lone)
		if err != nil {
			return fmt.Errorf("%s: %w", where, err)
		}
		least := time.Duration(i+1) * o.RoundTrip // one to a majority, and one to the leader
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\t%d\t\n", where, ms(took.Quantile(0.5)), ms(took.Quantile(0.99)), ms(took.Quantile(1)), i+1, ms(took.Quantile(0.5)-least), took.Len())
	}
	if err := w.Flush(); err != nil {
		return err
	}
	now, err := t.leader(ctx)
	if err != nil {
		return err
	}
	if now != leads {
		fmt.Fprintln(out, "The leader changed meanwhile: the figures are of both places.")
	}
	if err := t.reportVisible(ctx, o.Lone, out); err != nil {
		return err
	}
	fmt.Fprintln(out)
	_, err = t.reportCreates(ctx, Options{Connections: o.Connections, Phase: o.Phase}, out)
	return err
}

// loneCreates times creates at a site, each after the one before and on the same connection.
func (t *Target) loneCreates(ctx context.Context, site, n int) (*Samples, error) {
	c, err := t.login(ctx, site)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	took, phase := &Samples{}, t.phases.Add(1)
	for i := range n {
		name := fmt.Sprintf("%s-l%d-%d.%s", t.run, phase, i, t.TLD)
		if err := timed(took, func() error { _, err := c.CreateDomain(ctx, t.domain(name)); return err }); err != nil {
			return nil, fmt.Errorf("create of %s: %w", name, err)
		}
	}
	return took, nil
}
