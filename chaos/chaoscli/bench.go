package chaoscli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"quorate/chaos/bench"
	"quorate/chaos/cluster"
	"quorate/node/endpoints"
)

// benchmark is the command `quorate bench` and what its flags say.
type benchmark struct {
	bench.Options
	endpoints string
	parent    string
	wan       time.Duration // round trip between the own cluster's sites; 0: no wide area
}

func benchCommand() *cobra.Command {
	b := &benchmark{}
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure a cluster through its front doors",
		Long: `Measure a cluster through its front doors: round trips of each EPP command on one connection, creates per second over many,
DNS and RDAP queries per second. Without --endpoints it starts a cluster of its own, of three sites on this machine, and removes it
afterwards. On a machine that does other work too, trust ratios within one run rather than rates.

With --endpoints it registers names as the first registrar of that file, and pays for them.`,
		Example: `  quorate bench
  quorate bench --endpoints var/dev/endpoints.json --connections 16 --phase 5s`,
		Args: cobra.NoArgs,
		// For the subcommands, too. What a benchmark has started is removed when it is interrupted.
		PersistentPreRun: func(cmd *cobra.Command, _ []string) {
			bench.TuneRuntime()
			ctx, _ := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM) // to the end of the process
			cmd.SetContext(ctx)
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return oneLine(b.run(cmd.Context(), cmd.OutOrStdout())) },
	}
	c.Flags().StringVar(&b.endpoints, "endpoints", "", "measure the cluster of this `FILE`")
	c.Flags().IntVar(&b.Connections, "connections", 64, "EPP connections that create domains at once")
	c.Flags().DurationVar(&b.Phase, "phase", 10*time.Second, "length of each phase, at most "+bench.MaxPhase.String())
	c.Flags().DurationVar(&b.wan, "wan", 0, "emulate a wide area with this round `TRIP` between the own cluster's sites")
	c.Flags().StringVar(&b.parent, "dir", "var", "where the own cluster's data goes for the time being; not in memory, or the disk isn't measured")
	c.AddCommand(benchEPPCommand(), benchVerifyCommand(), contestCommand(), failoverCommand(), wideCommand(), scaleCommand(), dnsPeersCommand())
	return c
}

func (b *benchmark) run(ctx context.Context, out io.Writer) (err error) {
	if b.Connections < 1 || b.Phase <= 0 || b.Phase > bench.MaxPhase {
		return fmt.Errorf("--connections is at least 1, --phase at most %v", bench.MaxPhase)
	}
	var e endpoints.Endpoints
	if b.endpoints != "" {
		if e, err = endpoints.Load(b.endpoints); err != nil {
			return err
		}
	} else {
		c, remove, err := b.cluster(ctx, out)
		if err != nil {
			return err
		}
		defer remove()
		e = c.Endpoints()
	}
	t, err := bench.NewTarget(e)
	if err != nil {
		return err
	}
	return bench.Run(ctx, t, b.Options, out)
}

// cluster starts a cluster for the benchmark, which remove stops and removes.
func (b *benchmark) cluster(ctx context.Context, out io.Writer) (c *cluster.Cluster, remove func(), err error) {
	w, err := wanOption(b.wan, false)
	if err != nil {
		return nil, nil, err
	}
	return temporaryCluster(ctx, out, b.parent, "bench", cluster.Options{WAN: w})
}
