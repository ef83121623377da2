package nodecli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"quorate/node/admin"
)

func historyCommand() *cobra.Command {
	var q admin.HistoryQuery
	var from uint64
	c, t := leaf("history", "Show what was done, by whom and when",
		`Shows records of the registry's history, oldest first: the newest ones, those from
an index of the log on, or those of one command by the clTRID that its sender gave it.

When a command's outcome is unknown, its clTRID tells: a record means that it was
executed.`,
		`  quorate history
  quorate history --from 1 --limit 20
  quorate history --actor reg1 --cltrid ABC-12345`, cobra.NoArgs)
	t.reads(c)
	f := c.Flags()
	f.StringVar(&q.Actor, "actor", "", "registrar or operator `name` whose --cltrid it is (default: your own)")
	f.StringVar(&q.ClTRID, "cltrid", "", "`id` that the command was sent with")
	f.Uint64Var(&from, "from", 0, "first `index` of the log")
	f.IntVar(&q.Limit, "limit", admin.DefaultLimit, fmt.Sprintf("most `records` to show, up to %d", admin.MaxLimit))
	c.RunE = func(c *cobra.Command, _ []string) error {
		if c.Flags().Changed("from") {
			q.From = &from
		}
		all, err := ask(c.Context(), t, func(ctx context.Context, client *admin.Client) ([]admin.Record, error) { return client.History(ctx, q) })
		if err != nil {
			return err
		}
		if t.json {
			return writeJSON(c, all)
		}
		var rows [][]string
		for _, r := range all {
			rows = append(rows, []string{fmt.Sprint(r.Index), r.Time, r.Actor, r.Event, r.Object, r.ClTRID, r.ID})
		}
		return table(c.OutOrStdout(), []string{"INDEX", "TIME", "ACTOR", "EVENT", "OBJECT", "CLTRID", "SVTRID"}, rows)
	}
	return c
}

func incidentsCommand() *cobra.Command {
	var limit int
	c, t := leaf("incidents", "Show the commands that broke an invariant, or found one broken",
		`Shows the commands that were dropped because executing them broke an invariant.
Each is a bug, the same on every node: nothing of such a command was kept, and its
sender was answered 2400. The node's log has the place in the code, under the index.

Those with something under FOUND are Ticks that found the ledger broken when they
audited it. They changed nothing of it.`,
		`  quorate incidents
  quorate incidents --site site1 --json`, cobra.NoArgs)
	c.Flags().IntVar(&limit, "limit", admin.DefaultLimit, fmt.Sprintf("most `incidents` to show, up to %d", admin.MaxLimit))
	c.RunE = func(c *cobra.Command, _ []string) error {
		all, err := ask(c.Context(), t, func(ctx context.Context, client *admin.Client) ([]admin.Incident, error) {
			return client.Incidents(ctx, limit)
		})
		if err != nil {
			return err
		}
		if t.json {
			return writeJSON(c, all)
		}
		if len(all) == 0 {
			fmt.Fprintln(c.OutOrStdout(), "No incidents.")
			return nil
		}
		var rows [][]string
		for _, i := range all {
			rows = append(rows, []string{fmt.Sprint(i.Index), i.Time, i.ID, fmt.Sprint(i.Kind), i.Found})
		}
		return table(c.OutOrStdout(), []string{"INDEX", "TIME", "SVTRID", "KIND", "FOUND"}, rows)
	}
	return c
}
