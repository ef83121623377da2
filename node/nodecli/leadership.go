package nodecli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"quorate/node/admin"
)

func leadershipCommand() *cobra.Command {
	c, t := leaf("transfer", "Have the leader hand over to another voter",
		`Has the leader hand over to another voter that is up to date. Commands wait for a
moment and then go on; nothing is lost. Do this before work on the leader's site.`,
		`  quorate leadership transfer
  quorate status`, cobra.NoArgs)
	c.RunE = func(c *cobra.Command, _ []string) error {
		leader, err := ask(c.Context(), t, transfer)
		if err != nil {
			return err
		}
		if t.json {
			return writeJSON(c, map[string]string{"leader": leader})
		}
		if leader == "" {
			fmt.Fprintln(c.OutOrStdout(), "The leader has handed over; who leads now is not known here yet.")
			return nil
		}
		fmt.Fprintf(c.OutOrStdout(), "%s leads now.\n", leader)
		return nil
	}
	return group("leadership", "Move the cluster's leadership", "Commands about which node leads the cluster.", c)
}

// A node that asked for a new leader hears of it with that leader's first message, within a heartbeat as a rule.
const (
	newLeaderTime  = 3 * time.Second
	newLeaderEvery = 50 * time.Millisecond
)

// transfer moves leadership and returns who has it then; "" when the node doesn't hear of anyone in time.
func transfer(ctx context.Context, client *admin.Client) (leader string, err error) {
	before, err := client.Status(ctx)
	if err != nil {
		return "", err
	}
	if err := client.TransferLeadership(ctx); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, newLeaderTime)
	defer cancel()
	for {
		// From here on nothing is an error: leadership has moved.
		if now, err := client.Status(ctx); err == nil && now.Leader != "" && now.Leader != before.Leader {
			return now.Leader, nil
		}
		select {
		case <-time.After(newLeaderEvery):
		case <-ctx.Done():
			return "", nil
		}
	}
}
