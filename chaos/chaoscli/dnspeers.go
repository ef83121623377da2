package chaoscli

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"quorate/chaos/dnspeers"
)

func dnsPeersCommand() *cobra.Command {
	var o dnspeers.Options
	c := &cobra.Command{
		Use:   "dns",
		Short: "Compare the name server with NSD and Knot DNS",
		Long: `Compare the name server with NSD and Knot DNS, as far as they are installed: apt-get install nsd knot.

A zone is generated, unsigned and signed (NSEC3, ECDSA P-256), and served by each, with one worker on one processor. They
answer in turns, in short bursts, over UDP and TCP, while a generator on another processor keeps 512 queries on their way: 90 of a hundred
for names below delegations, 5 for names that don't exist, 5 for the apex. The generator can be the limit of the rate; the processor time
of an answer is the server's own, and what the ratio is made of.`,
		Example: `  quorate bench dns
  quorate bench dns --names 1000000 --rounds 3`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if o.Names < 1 || o.Names > dnspeers.MaxNames || o.Rounds < 1 || o.Rounds > dnspeers.MaxRounds || o.Burst < 100*time.Millisecond || o.Burst > dnspeers.MaxBurst {
				return fmt.Errorf("--names is 1 to %d, --rounds 1 to %d, --burst 100ms to %v", dnspeers.MaxNames, dnspeers.MaxRounds, dnspeers.MaxBurst)
			}
			if o.Binary, err = os.Executable(); err != nil {
				return err
			}
			if err := os.MkdirAll(o.Dir, 0o755); err != nil {
				return err
			}
			return oneLine(dnspeers.Contest(cmd.Context(), o, cmd.OutOrStdout()))
		},
	}
	c.Flags().IntVar(&o.Names, "names", 100_000, "delegations in the zone")
	c.Flags().IntVar(&o.Rounds, "rounds", 5, "how often each has its turn")
	c.Flags().DurationVar(&o.Burst, "burst", 2*time.Second, "length of a turn, at most "+dnspeers.MaxBurst.String())
	c.Flags().DurationVar(&o.Start, "start", 2*time.Minute, "how long a server may take to its first answer")
	c.Flags().StringVar(&o.Dir, "dir", "var", "where the zone goes for the time being")
	return c
}
