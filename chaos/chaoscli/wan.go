package chaoscli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"quorate/chaos/cluster"
	"quorate/chaos/wan"
)

// wanCommand is `quorate dev wan`.
func (d *dev) wanCommand() *cobra.Command {
	var change wan.Change
	c := &cobra.Command{
		Use:   "wan",
		Short: "Show or change the wide area between the sites",
		Long: `Show or change the emulated wide area between the sites of a cluster that was started with --wan.

Each ordered pair of sites is a direction of its own. A change is of all of them, or of those --from or --to a site ("leader" for the one
that leads now), and holds for the packets sent from then on. --delay is one way; --round-trip sets the delay to half of it, which makes a
round trip if it is so in both directions.`,
		Example: `  quorate dev wan                                         show the directions and what became of their packets
  quorate dev wan --round-trip 150ms --jitter 5ms         all sites farther apart
  quorate dev wan --from site1 --loss 2% --rate 10M       site1 sends over a thin, bad line
  quorate dev wan cut site1 site2                         these two don't hear each other
  quorate dev wan cut site1 site2 --one-way               site2 doesn't hear site1
  quorate dev wan isolate leader                          the leader and the others don't hear each other
  quorate dev wan heal                                    no cuts any more; delays and the rest stay`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return d.changeWAN(cmd, func(site func(string) (string, error)) ([]wan.Change, error) {
				if change == (wan.Change{}) {
					return nil, nil
				}
				var err error
				if change.From, err = site(change.From); err != nil {
					return nil, err
				}
				change.To, err = site(change.To)
				return []wan.Change{change}, err
			})
		},
	}
	f := c.Flags()
	f.StringVar(&change.From, "from", "", "change what this `SITE` sends only")
	f.StringVar(&change.To, "to", "", "change what this `SITE` is sent only")
	duration := func(to **time.Duration, divisor time.Duration) func(string) error {
		return func(s string) error {
			v, err := time.ParseDuration(s)
			*to = new(v / divisor)
			return err
		}
	}
	f.Func("delay", "`TIME` from one site to the other", duration(&change.Delay, 1))
	f.Func("round-trip", "`TIME` there and back: twice the delay", duration(&change.Delay, 2))
	f.Func("jitter", "the most `TIME` that is added to the delay; packets keep their order", duration(&change.Jitter, 1))
	for _, share := range []struct {
		name, usage string
		to          **float64
	}{
		{"loss", "`SHARE` of packets that are lost, as 1% or 0.01", &change.Loss},
		{"duplicate", "`SHARE` of packets that arrive twice", &change.Duplicate},
		{"reorder", "`SHARE` of packets that are held back, so that others overtake them", &change.Reorder},
	} {
		f.Func(share.name, share.usage, func(s string) error {
			v, err := parseShare(s)
			*share.to = &v
			return err
		})
	}
	f.Func("rate", "`BITS` per second that pass, as 800k, 10M or 1G; 0 for any number", func(s string) error {
		v, err := parseRate(s)
		change.Rate = &v
		return err
	})
	f.Func("queue", "`OCTETS` that may wait for the rate; 0 for 100 ms of it", func(s string) error {
		v, err := strconv.Atoi(s)
		change.Queue = &v
		return err
	})
	c.MarkFlagsMutuallyExclusive("delay", "round-trip")
	c.AddCommand(d.cutCommand(), d.isolateCommand(), d.healCommand(), d.serveWANCommand())
	return c
}

func (d *dev) cutCommand() *cobra.Command {
	oneWay := false
	c := &cobra.Command{
		Use:   "cut SITE SITE",
		Short: "Cut two sites off from each other",
		Args:  cobra.ExactArgs(2),
		RunE: d.wanChange(func(sites ...string) []wan.Change {
			if oneWay {
				return wan.CutOneWay(sites[0], sites[1])
			}
			return wan.Cut(sites[0], sites[1])
		}),
	}
	c.Flags().BoolVar(&oneWay, "one-way", false, "cut only what the first sends to the second")
	return c
}

func (d *dev) isolateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "isolate SITE",
		Short: "Cut a site off from all others",
		Args:  cobra.ExactArgs(1),
		RunE:  d.wanChange(func(sites ...string) []wan.Change { return wan.Isolate(sites[0]) }),
	}
}

func (d *dev) healCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "heal [SITE [SITE]]",
		Short: "Undo all cuts, or those of a site, or those between two",
		Args:  cobra.MaximumNArgs(2),
		RunE: d.wanChange(func(sites ...string) []wan.Change {
			sites = append(sites, "", "") // any
			return wan.HealBetween(sites[0], sites[1])
		}),
	}
}

// wanChange runs a command whose arguments are sites.
func (d *dev) wanChange(changes func(sites ...string) []wan.Change) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		return d.changeWAN(cmd, func(site func(string) (string, error)) ([]wan.Change, error) {
			sites := make([]string, len(args))
			for i, a := range args {
				var err error
				if sites[i], err = site(a); err != nil {
					return nil, err
				}
			}
			return changes(sites...), nil
		})
	}
}

// changeWAN makes the changes that choose returns, and prints the directions. choose gets a function that checks a site's name.
func (d *dev) changeWAN(cmd *cobra.Command, choose func(site func(string) (string, error)) ([]wan.Change, error)) error {
	c, err := d.open()
	if err != nil {
		return oneLine(err)
	}
	changes, err := choose(func(name string) (string, error) {
		if name == "" {
			return "", nil
		}
		return d.site(cmd.Context(), c, name)
	})
	if err != nil {
		return oneLine(err)
	}
	all, err := c.WANControl().Apply(cmd.Context(), changes...)
	if errors.Is(err, wan.ErrControl) {
		return fmt.Errorf("no wide area runs between the sites; `%s --wan 80ms` starts the cluster with one", d.command())
	}
	if err != nil {
		return oneLine(err)
	}
	return printWAN(cmd.OutOrStdout(), all)
}

func printWAN(out io.Writer, all []wan.Direction) error {
	percent := func(share float64) string { return strconv.FormatFloat(100*share, 'g', 4, 64) + "%" }
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "FROM\tTO\tDELAY, ONE WAY\tJITTER\tLOSS\tDUPLICATE\tREORDER\tRATE, BIT/S\tSTATE\tPACKETS SENT\tDELIVERED\tLOST\tQUEUE FULL\tCUT")
	for _, d := range all {
		rate, state := "any", "open"
		if d.Link.Rate > 0 {
			rate = strconv.FormatInt(d.Link.Rate, 10)
		}
		if d.Link.Cut {
			state = "cut"
		}
		l, n := d.Link, d.Counts
		fmt.Fprintf(w, "%s\t%s\t%v\t%v\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\n", d.From, d.To, l.Delay, l.Jitter,
			percent(l.Loss), percent(l.Duplicate), percent(l.Reorder), rate, state, n.Sent, n.Delivered, n.Lost, n.Overflowed, n.Cut)
	}
	return w.Flush()
}

// parseShare reads a share as 0.01 or 1%.
func parseShare(s string) (float64, error) {
	number, percent := strings.CutSuffix(s, "%")
	v, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is no share: write 1%% or 0.01", s)
	}
	if percent {
		v /= 100
	}
	return v, nil
}

// parseRate reads bits per second as 800k, 10M or 1G, in powers of a thousand.
func parseRate(s string) (int64, error) {
	factor := int64(1)
	if i := strings.IndexAny(s, "kMG"); i >= 0 && i == len(s)-1 {
		factor = map[byte]int64{'k': 1e3, 'M': 1e6, 'G': 1e9}[s[i]]
		s = s[:i]
	}
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil || v < 0 || v > math.MaxInt64/factor {
		return 0, fmt.Errorf("%q is no rate: write 800k, 10M or 1G", s)
	}
	return v * factor, nil
}

// serveWANCommand is the wide area's own process, which `quorate dev --wan … --detach` starts.
func (d *dev) serveWANCommand() *cobra.Command {
	var w cluster.WAN
	link := ""
	c := &cobra.Command{
		Use:    "serve",
		Short:  "Be the wide area between the sites of a cluster in the background",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := json.Unmarshal([]byte(link), &w.Link); err != nil {
				return fmt.Errorf("--link: %w", err)
			}
			c, err := d.open()
			if err != nil {
				return oneLine(err)
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return oneLine(c.ServeWAN(ctx, w, slog.New(slog.NewTextHandler(os.Stderr, nil))))
		},
	}
	c.Flags().Uint64Var(&w.Seed, "seed", 0, "of the random choices")
	c.Flags().StringVar(&link, "link", "{}", "what each direction begins with, in JSON")
	return c
}

// wanOption is the wide area that --wan asks for, or nil.
func wanOption(roundTrip time.Duration, process bool) (*cluster.WAN, error) {
	if roundTrip == 0 {
		return nil, nil
	}
	if roundTrip < 0 || roundTrip > 2*wan.MaxDelay {
		return nil, fmt.Errorf("--wan is the round trip between two sites, at most %v", 2*wan.MaxDelay)
	}
	w := cluster.RoundTrip(roundTrip)
	w.Process = process
	return w, nil
}

// site is the site of this name; "leader" is the one that leads now.
func (d *dev) site(ctx context.Context, c *cluster.Cluster, name string) (string, error) {
	if name == "leader" {
		return c.Leader(ctx)
	}
	if !c.HasSite(name) {
		return "", fmt.Errorf("there is no site %q; there are %s", name, strings.Join(c.Sites(), ", "))
	}
	return name, nil
}
