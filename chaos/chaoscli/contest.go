package chaoscli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"quorate/chaos/bench"
	"quorate/chaos/cluster"
)

// contest is the command `quorate bench postgres` and what its flags say.
type contest struct {
	bench.ContestOptions
	parent   string
	optional bool
}

func contestCommand() *cobra.Command {
	p := &contest{}
	c := &cobra.Command{
		Use:   "postgres",
		Short: "Compare creates with PostgreSQL doing a transaction of the same shape",
		Long: `Compare creates with PostgreSQL doing a transaction of the same shape.

It starts a cluster of three sites, and a PostgreSQL primary with one synchronous standby beside it, on this machine and the same disk. In
turns, never at once, EPP clients create domains at the one, and pgbench does what a registry would do in the other: the same rows, the
same balance check, flushed at both servers. While the EPP clients create, others send domain:check at a steady rate. Both are removed
afterwards. It needs PostgreSQL's server programs: apt-get install postgresql-15.`,
		Example: `  quorate bench postgres
  quorate bench postgres --rounds 1 --phase 5s`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return oneLine(p.run(cmd.Context(), cmd.OutOrStdout())) },
	}
	c.Flags().IntVar(&p.Connections, "connections", 64, "EPP connections, or clients of pgbench, that create at once")
	c.Flags().IntVar(&p.Rounds, "rounds", 3, "how often each has its turn")
	c.Flags().DurationVar(&p.Phase, "phase", 8*time.Second, "length of a turn, in whole seconds, at most "+bench.MaxPhase.String())
	c.Flags().BoolVar(&p.optional, "if-installed", false, "without PostgreSQL, say so and do nothing, unless CI=true")
	c.Flags().StringVar(&p.parent, "dir", "var", "where the data goes for the time being; not in memory, or the disk isn't measured")
	return c
}

func (p *contest) run(ctx context.Context, out io.Writer) (err error) {
	if p.Connections < 1 || p.Rounds < 1 || p.Phase < time.Second || p.Phase > bench.MaxPhase {
		return fmt.Errorf("--connections and --rounds are at least 1, --phase from 1s to %v", bench.MaxPhase)
	}
	bin, err := bench.FindPostgres()
	if errors.Is(err, bench.ErrNoPostgres) && p.optional && os.Getenv("CI") != "true" {
		fmt.Fprintf(out, "No comparison: %v\n", err)
		return nil
	}
	if err != nil {
		return err
	}
	peer, err := bench.StartPostgres(ctx, bin, p.parent)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, peer.Stop()) }()
	c, remove, err := temporaryCluster(ctx, out, p.parent, "bench", cluster.Options{})
	if err != nil {
		return err
	}
	defer remove()
	t, err := bench.NewTarget(c.Endpoints())
	if err != nil {
		return err
	}
	return bench.Contest(ctx, t, peer, p.ContestOptions, out)
}
