package chaoscli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"quorate/chaos/cluster"
	"quorate/chaos/linear"
)

func chaosCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "chaos",
		Short: "Break a cluster of its own, and judge what its clients were told",
	}
	c.AddCommand(linearCommand())
	return c
}

// linearRun is the command `quorate chaos linear` and what its flags say.
type linearRun struct {
	linear.Options
	total   time.Duration
	wan     time.Duration
	calm    bool
	history string
	out     string
	parent  string
}

func linearCommand() *cobra.Command {
	l := &linearRun{}
	c := &cobra.Command{
		Use:   "linear",
		Short: "Record what clients are told under faults, and check that one order explains it",
		Long: `Record what clients are told under faults, and check that one order explains it.

It starts a cluster of three sites on this machine. In rounds, EPP clients at all sites create, renew, update, delete and read the same few
names, others read balances and pay in, and each site's WHOIS, RDAP, DNS and admin API are watched, while sites are killed, paused, cut off
and made to hand over. After each round the history is checked, name by name and account by account. If something is wrong, the history, a
page with a picture of each violation, and the sites' logs are left in --out, and the command fails.

With --history it checks a history that was left before, and starts nothing.`,
		Example: `  quorate chaos linear --duration 60s
  quorate chaos linear --duration 10m --wan 80ms --seed 7
  quorate chaos linear --history var/linear/round-3.history`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return oneLine(l.run(cmd.Context(), cmd.OutOrStdout())) },
	}
	f := c.Flags()
	f.DurationVar(&l.total, "duration", time.Minute, "how long clients work, over all rounds")
	f.DurationVar(&l.Duration, "round", 15*time.Second, "how long they do in one round")
	f.Uint64Var(&l.Seed, "seed", 0, "of the clients' and faults' choices, not of what scheduler and network do; 0 for a new one")
	f.IntVar(&l.Clients, "clients", 7, "EPP clients")
	f.IntVar(&l.Names, "names", 5, "names that they all want")
	f.DurationVar(&l.wan, "wan", 0, "emulate a wide area with this round `TRIP` between the sites")
	f.BoolVar(&l.calm, "calm", false, "no faults")
	f.StringVar(&l.history, "history", "", "check this `FILE` instead")
	f.StringVar(&l.out, "out", filepath.Join("var", "linear"), "where to leave what is wrong")
	f.StringVar(&l.parent, "dir", "var", "where the cluster's data goes for the time being")
	return c
}

func (l *linearRun) run(ctx context.Context, out io.Writer) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	if l.history != "" {
		return l.recheck(out)
	}
	if l.Duration <= 0 || l.total <= 0 || l.Clients < 1 || l.Names < 1 {
		return errors.New("--duration, --round, --clients and --names are above nought")
	}
	for l.Seed == 0 {
		l.Seed = rand.Uint64()
	}
	if !l.calm {
		l.Weather = linear.AllWeather
	}
	fmt.Fprintf(out, "seed %d\n", l.Seed)
	c, remove, err := temporaryCluster(ctx, out, l.parent, "linear", cluster.Options{WAN: cluster.RoundTrip(l.wan)})
	if err != nil {
		return err
	}
	defer remove()
	for n, left := 1, l.total; left > 0; n++ {
		o := l.Options
		o.Seed += uint64(n - 1)
		o.Duration = min(left, l.Duration)
		left -= o.Duration
		h, err := linear.Round(ctx, c, o)
		if h != nil {
			err = errors.Join(l.judge(out, h, fmt.Sprintf("round-%d", n), c), err)
		}
		if err != nil {
			return fmt.Errorf("round %d: %w", n, err)
		}
	}
	return nil
}

// recheck judges a history from a file.
func (l *linearRun) recheck(out io.Writer) error {
	f, err := os.Open(l.history)
	if err != nil {
		return err
	}
	defer f.Close()
	h, err := linear.Load(f)
	if err != nil {
		return fmt.Errorf("%s: %w", l.history, err)
	}
	return l.judge(out, h, filepath.Base(l.history)+".again", nil)
}

// judge checks a history, tells what it finds, and leaves the evidence.
func (l *linearRun) judge(out io.Writer, h *linear.History, title string, c *cluster.Cluster) error {
	began := time.Now()
	found := h.Check()
	fmt.Fprintf(out, "%s: %s; checked in %v\n", title, h.Summary(), time.Since(began).Round(time.Millisecond))
	if len(found) == 0 {
		return nil
	}
	for _, v := range found {
		fmt.Fprintln(out, "  "+v.String())
	}
	err := h.Report(l.out, title, found)
	if c != nil {
		for _, s := range c.Sites() {
			err = errors.Join(err, keep(c.LogFile(s), filepath.Join(l.out, title+"."+s+".log")))
		}
	}
	return errors.Join(fmt.Errorf("%d violations; the evidence is %s*", len(found), filepath.Join(l.out, title)), err)
}

// keep copies a file that is about to be removed.
func keep(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
