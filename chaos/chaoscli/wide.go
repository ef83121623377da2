package chaoscli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"quorate/chaos/bench"
	"quorate/chaos/cluster"
)

// wide is the command `quorate bench wan` and what its flags say.
type wide struct {
	bench.WideOptions
	parent string
}

func wideCommand() *cobra.Command {
	l := &wide{}
	c := &cobra.Command{
		Use:   "wan",
		Short: "Measure creates of sites that are far apart",
		Long: `Measure creates of sites that are far apart.

It starts a cluster of three sites with a wide area between them and creates domains: one after the other at the leader's site, where each
needs a round trip to another site, and elsewhere, where it needs one more to the leader; then over many connections at once.`,
		Example: `  quorate bench wan
  quorate bench wan --round-trip 150ms --n 50 --connections 1024`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return oneLine(l.run(cmd.Context(), cmd.OutOrStdout())) },
	}
	c.Flags().DurationVar(&l.RoundTrip, "round-trip", 80*time.Millisecond, "`TIME` there and back between every two sites")
	c.Flags().IntVar(&l.Lone, "n", 200, "creates on one connection, at each of two sites")
	c.Flags().IntVar(&l.Connections, "connections", 512, "EPP connections that create at once")
	c.Flags().DurationVar(&l.Phase, "phase", 10*time.Second, "for how long, at most "+bench.MaxPhase.String())
	c.Flags().StringVar(&l.parent, "dir", "var", "where the cluster's data goes for the time being; not in memory, or the disk isn't measured")
	return c
}

func (l *wide) run(ctx context.Context, out io.Writer) error {
	if l.Lone < 1 || l.Connections < 1 || l.Phase <= 0 || l.Phase > bench.MaxPhase {
		return fmt.Errorf("--n and --connections are at least 1, --phase at most %v", bench.MaxPhase)
	}
	w, err := wanOption(l.RoundTrip, false)
	if err != nil || w == nil {
		return errors.Join(errors.New("--round-trip is above nought"), err)
	}
	c, remove, err := temporaryCluster(ctx, out, l.parent, "wan", cluster.Options{WAN: w})
	if err != nil {
		return err
	}
	defer remove()
	t, err := bench.NewTarget(c.Endpoints())
	if err != nil {
		return err
	}
	return bench.Wide(ctx, t, l.WideOptions, out)
}
