package chaoscli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"quorate/chaos/bench"
	"quorate/chaos/cluster"
)

// handOverName is the trouble that is none.
const handOverName = "handover"

// failover is the command `quorate bench failover` and what its flags say.
type failover struct {
	times  int
	faults []string
	binary string
	wan    time.Duration
	parent string
}

func failoverCommand() *cobra.Command {
	f := &failover{}
	c := &cobra.Command{
		Use:   "failover",
		Short: "Measure how long writes wait when the leader is lost",
		Long: `Measure how long writes wait when the leader is lost.

It starts a cluster of three sites with a wide area between them. While a registrar creates domains at a site that survives, the leader is
killed, paused, cut off, or its disk hangs; the time is taken from then to the first success of a command that was sent after it, and the
nodes' logs tell where it went. Then all is made well, and it begins anew. A handover is what quorate leadership transfer does: its figure
is the longest time without an acknowledgement.

A disk that hangs needs nodes built with -tags faults: --faulty-binary names that binary, and all nodes run it.`,
		Example: `  quorate bench failover
  quorate bench failover --n 5 --faults kill,isolate
  quorate bench failover --n 100 --faults kill,pause,isolate,stall,handover --faulty-binary bin/quorate-faults`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return oneLine(f.run(cmd.Context(), cmd.OutOrStdout())) },
	}
	c.Flags().IntVar(&f.times, "n", 30, "how often each")
	c.Flags().StringSliceVar(&f.faults, "faults", nil, "of kill, pause, isolate, stall, handover; without, all, but stall only with --faulty-binary")
	c.Flags().StringVar(&f.binary, "faulty-binary", "", "`PATH` of a binary built with -tags faults, for the nodes")
	c.Flags().DurationVar(&f.wan, "wan", 80*time.Millisecond, "round `TRIP` between the sites; 0 for none but the machine's own")
	c.Flags().StringVar(&f.parent, "dir", "var", "where the cluster's data goes for the time being; not in memory, or the disk isn't measured")
	return c
}

func (f *failover) run(ctx context.Context, out io.Writer) error {
	o, err := f.options()
	if err != nil {
		return err
	}
	if f.wan < 0 {
		return errors.New("--wan is a round trip, and not below nought")
	}
	// Isolation needs the wide area, if only one without delay.
	c, remove, err := temporaryCluster(ctx, out, f.parent, "failover", cluster.Options{Binary: f.binary, WAN: cluster.RoundTrip(f.wan), Env: bench.FailoverEnv})
	if err != nil {
		return err
	}
	defer remove()
	fmt.Fprintf(out, "Three sites with a round trip of %v between them\n", f.wan)
	return bench.Failovers(ctx, c, o, out)
}

// options are what the flags ask for.
func (f *failover) options() (bench.FailoverOptions, error) {
	o := bench.FailoverOptions{Times: f.times}
	if f.times < 1 {
		return o, errors.New("--n is at least 1")
	}
	names := f.faults
	if len(names) == 0 {
		for _, x := range bench.Troubles {
			if x != bench.Stall || f.binary != "" {
				names = append(names, string(x))
			}
		}
		names = append(names, handOverName)
	}
	for _, name := range names {
		x := bench.Trouble(name)
		switch {
		case name == handOverName:
			o.HandOvers = true
		case !slices.Contains(bench.Troubles, x):
			return o, fmt.Errorf("--faults: there is no %q; there are %s", name, strings.Join([]string{"kill", "pause", "isolate", "stall", handOverName}, ", "))
		case x == bench.Stall && f.binary == "":
			return o, errors.New("a disk that hangs needs --faulty-binary, built with go build -tags faults")
		default:
			o.Troubles = append(o.Troubles, x)
		}
	}
	return o, nil
}
