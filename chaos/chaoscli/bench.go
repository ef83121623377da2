package chaoscli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
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
		RunE: func(cmd *cobra.Command, _ []string) error { return oneLine(b.run(cmd.Context(), cmd.OutOrStdout())) },
	}
	c.Flags().StringVar(&b.endpoints, "endpoints", "", "measure the cluster of this `FILE`")
	c.Flags().IntVar(&b.Connections, "connections", 64, "EPP connections that create domains at once")
	c.Flags().DurationVar(&b.Phase, "phase", 10*time.Second, "length of each phase, at most "+bench.MaxPhase.String())
	c.Flags().StringVar(&b.parent, "dir", "var", "where the own cluster's data goes for the time being; not in memory, or the disk isn't measured")
	return c
}

func (b *benchmark) run(ctx context.Context, out io.Writer) (err error) {
	if b.Connections < 1 || b.Phase <= 0 || b.Phase > bench.MaxPhase {
		return fmt.Errorf("--connections is at least 1, --phase at most %v", bench.MaxPhase)
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
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
	binary, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	ports, err := cluster.ReservePorts(3)
	if err != nil {
		return nil, nil, err
	}
	if err := os.MkdirAll(b.parent, 0o755); err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp(b.parent, "bench-")
	if err != nil {
		return nil, nil, err
	}
	clean := func() {
		if err := os.RemoveAll(dir); err != nil {
			fmt.Fprintf(out, "removing %s: %v\n", dir, err)
		}
		ports.Release()
	}
	c, err = cluster.New(cluster.Options{Dir: filepath.Join(dir, "cluster"), Binary: binary, PortBase: ports.Base})
	if err == nil {
		err = c.Up(ctx, nil)
	}
	if err != nil {
		clean()
		return nil, nil, errors.Join(errors.New("starting a cluster to measure"), err)
	}
	return c, func() {
		if err := c.StopAll(); err != nil {
			fmt.Fprintln(out, err)
		}
		clean()
	}, nil
}
