package chaoscli

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"quorate/chaos/bench"
	"quorate/chaos/cluster"
)

// scale is the command `quorate bench scale` and what its flags say.
type scale struct {
	bench.ScaleOptions
	parent string
}

func scaleCommand() *cobra.Command {
	s := &scale{}
	c := &cobra.Command{
		Use:   "scale",
		Short: "Fill a registry, and measure its memory, its files and its restarts",
		Long: `Fill a registry, and measure its memory, its files and its restarts.

It starts a cluster of three sites and creates domains through EPP at all of them until there are as many as asked for; the first and the
last rate tell whether it slows down as it grows. Then it tells what each node holds in memory and on disk, ends nodes with SIGTERM and with
SIGKILL, and takes the time from the start of the process until it answers DNS and EPP.`,
		Example: `  quorate bench scale
  quorate bench scale --domains 10000 --restarts 1`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return oneLine(s.run(cmd.Context(), cmd.OutOrStdout())) },
	}
	c.Flags().IntVar(&s.Domains, "domains", 100_000, "how many, at least")
	c.Flags().IntVar(&s.Connections, "connections", 64, "EPP connections that create them")
	c.Flags().IntVar(&s.Restarts, "restarts", 5, "of each kind")
	c.Flags().StringVar(&s.parent, "dir", "var", "where the cluster's data goes for the time being; not in memory, or the disk isn't measured")
	return c
}

func (s *scale) run(ctx context.Context, out io.Writer) error {
	if s.Domains < 1 || s.Connections < 1 || s.Restarts < 1 {
		return errors.New("--domains, --connections and --restarts are at least 1")
	}
	c, remove, err := temporaryCluster(ctx, out, s.parent, "scale", cluster.Options{})
	if err != nil {
		return err
	}
	defer remove()
	return bench.Scale(ctx, c, s.ScaleOptions, out)
}
