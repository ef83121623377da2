package chaoscli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"quorate/chaos/cluster"
	"quorate/chaos/load"
	"quorate/node/endpoints"
)

// maxMillions bounds the registry that a load is scaled to: several times the largest there is.
const maxMillions = 1000

// eppLoad is the command `quorate bench epp` and what its flags say.
type eppLoad struct {
	load.Options
	mix       string
	names     float64 // millions
	endpoints string
	journal   string
	json      string
	parent    string
	wan       time.Duration
	verify    bool
}

func benchEPPCommand() *cobra.Command {
	l := &eppLoad{}
	c := &cobra.Command{
		Use:   "epp",
		Short: "Put a cluster under a load of EPP commands, and check what came of it",
		Long: `Put a cluster under a load of EPP commands, and check what came of it.

Connections are spread over the sites and over the registrars that have money. With a rate, commands arrive at random instants whatever the
answers do, and wait for a free connection; latency counts from the arrival. With --rate 0 each connection sends one command after the
other. Every transform is in the journal before it is sent, and with its outcome afterwards. --verify reads every name, account and
delegation at every node in the end, and fails with a list of what isn't as the journal says.

Mixes:
` + mixTable() + `
Without --endpoints it starts a cluster of its own, of three sites on this machine, and removes it afterwards. With it, names are registered
and paid for there.`,
		Example: `  quorate bench epp --mix gtld --names 20 --duration 20s --verify
  quorate bench epp --endpoints var/dev/endpoints.json --mix create --rate 0 --connections 64 --json create.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return l.run(cmd) },
	}
	f := c.Flags()
	f.StringVar(&l.mix, "mix", "gtld", "which `MIX` of commands")
	f.Float64Var(&l.Rate, "rate", 0, "arrivals per second, 0 for none; default: what the mix says")
	f.Float64Var(&l.names, "names", 20, "size of the registry in `MILLIONS` of names, for the rate of steady and gtld")
	f.IntVar(&l.Connections, "connections", 64, "EPP connections")
	f.StringVar(&l.Site, "site", "", "send to this site only")
	f.DurationVar(&l.Duration, "duration", 20*time.Second, "how long commands arrive, at most "+load.MaxDuration.String())
	f.DurationVar(&l.WarmUp, "warm-up", 2*time.Second, "how much of that isn't counted")
	f.Uint64Var(&l.Seed, "seed", 0, "of arrivals and choices; 0 for a new one")
	f.StringVar(&l.endpoints, "endpoints", "", "the cluster of this `FILE`")
	f.StringVar(&l.journal, "journal", filepath.Join("var", "load.journal"), "journal `FILE`, begun anew")
	f.StringVar(&l.json, "json", "", "write the figures to this `FILE`, too")
	f.BoolVar(&l.verify, "verify", false, "hold every node against the journal in the end")
	f.DurationVar(&l.wan, "wan", 0, "emulate a wide area with this round `TRIP` between the own cluster's sites")
	f.StringVar(&l.parent, "dir", "var", "where the own cluster's data goes for the time being")
	return c
}

// mixTable lists the mixes, a line each.
func mixTable() string {
	var b strings.Builder
	for _, m := range load.Mixes {
		fmt.Fprintf(&b, "  %-8s%s", m.Name, m.Text)
		if m.PerMillion > 0 {
			fmt.Fprintf(&b, "; %.1f/s for a million names", m.PerMillion)
		} else if m.Rate > 0 {
			fmt.Fprintf(&b, "; %.0f/s", m.Rate)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func (l *eppLoad) run(cmd *cobra.Command) error {
	ctx := cmd.Context()
	var err error
	if l.Mix, err = load.MixByName(l.mix); err != nil {
		return err
	}
	if l.Mix.PerMillion == 0 && cmd.Flags().Changed("names") {
		return fmt.Errorf("the mix %s has no rate for a number of names: give --rate", l.mix)
	}
	if !(l.names > 0 && l.names <= maxMillions) {
		return fmt.Errorf("--names is in millions, above nought and at most %d", maxMillions)
	}
	if !cmd.Flags().Changed("rate") {
		l.Rate = l.Mix.RateFor(l.names)
	}
	for l.Seed == 0 {
		l.Seed = rand.Uint64()
	}
	if err := l.Check(); err != nil {
		return err
	}
	if l.Duration == 0 {
		return errors.New("--duration is above nought")
	}
	out := cmd.OutOrStdout()
	if l.endpoints != "" {
		e, err := endpoints.Load(l.endpoints)
		if err != nil {
			return err
		}
		return l.runAt(ctx, out, e)
	}
	w, err := wanOption(l.wan, false)
	if err != nil {
		return err
	}
	c, remove, err := temporaryCluster(ctx, out, l.parent, "load", cluster.Options{WAN: w})
	if err != nil {
		return err
	}
	defer remove()
	err = l.runAt(ctx, out, c.Endpoints())
	var problems load.Problems
	if errors.As(err, &problems) {
		for _, s := range c.Sites() {
			err = errors.Join(err, keep(c.LogFile(s), l.journal+"."+s+".log"))
		}
	}
	return err
}

// runAt runs the load against a cluster.
func (l *eppLoad) runAt(ctx context.Context, out io.Writer, e endpoints.Endpoints) (err error) {
	t, err := load.NewTarget(e)
	if err != nil {
		return err
	}
	defer t.Close()
	if err := os.MkdirAll(filepath.Dir(l.journal), 0o755); err != nil {
		return err
	}
	file, err := os.Create(l.journal)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	j, err := t.Journal(ctx, file)
	if err != nil {
		return err
	}
	g, err := load.NewGenerator(ctx, t, j, l.Options)
	if err != nil {
		return err
	}
	defer g.Close()
	result, err := g.Run(ctx)
	if err != nil {
		return err
	}
	if err := result.Print(out); err != nil {
		return err
	}
	fmt.Fprintf(out, "journal %s: %v\n", l.journal, j)
	if l.json != "" {
		if err := result.Save(l.json); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return fmt.Errorf("interrupted, and not verified; quorate bench verify --journal %s does it, while the cluster is there", l.journal)
	}
	if !l.verify {
		return load.Problems(j.Contradictions()).Err()
	}
	return verify(ctx, out, t, j.Book)
}

// verify holds a cluster against a book, and tells.
func verify(ctx context.Context, out io.Writer, t *load.Target, b *load.Book) error {
	began := time.Now()
	found := t.Verify(ctx, b, b.Names())
	fmt.Fprintf(out, "verified %d names at %d sites in %.1f s: %d problems\n", len(b.Names()), len(t.Sites), time.Since(began).Seconds(), len(found))
	return found.Err()
}

func benchVerifyCommand() *cobra.Command {
	var journal, file string
	c := &cobra.Command{
		Use:   "verify",
		Short: "Hold every node of a cluster against the journal of a load",
		Long: `Hold every node of a cluster against the journal of a load, as "quorate bench epp --verify" does, whatever became of the generator.
All nodes must be up. It names what is lost, doubled, sold twice, half there or different between nodes, and fails if there is anything.
Balances are right only if nobody else has spent the registrars' money since the journal began.`,
		Example: `  quorate bench verify --journal var/load.journal --endpoints var/dev/endpoints.json`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			e, err := endpoints.Load(endpoints.Path(file))
			if err != nil {
				return err
			}
			t, err := load.NewTarget(e)
			if err != nil {
				return err
			}
			defer t.Close()
			in, err := os.Open(journal)
			if err != nil {
				return err
			}
			defer in.Close()
			b, err := load.Load(in)
			if err != nil {
				return fmt.Errorf("%s: %w", journal, err)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "journal %s: %v\n", journal, b)
			return verify(ctx, cmd.OutOrStdout(), t, b)
		},
	}
	c.Flags().StringVar(&journal, "journal", filepath.Join("var", "load.journal"), "journal `FILE`")
	c.Flags().StringVar(&file, "endpoints", "", "the cluster of this `FILE`; default: the development cluster's")
	return c
}
