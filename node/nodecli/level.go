package nodecli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"quorate/node/admin"
)

func levelCommand() *cobra.Command {
	c, t := leaf("level", "Show the cluster's level, and what each node's binary reads",
		`Shows the cluster's level, which is the newest form of commands and stored values
that may be written, and the highest level that each node's binary reads. Every
node is asked. After an upgrade of all nodes, "quorate level raise" goes up one
level.`,
		`  quorate level
  quorate level --json`, cobra.NoArgs)
	c.RunE = func(c *cobra.Command, _ []string) error {
		l, err := ask(c.Context(), t, func(ctx context.Context, client *admin.Client) (admin.ClusterLevel, error) { return client.Level(ctx) })
		if err != nil {
			return err
		}
		if t.json {
			return writeJSON(c, l)
		}
		return showLevel(c.OutOrStdout(), l)
	}
	c.AddCommand(raiseCommand())
	return c
}

func showLevel(w io.Writer, l admin.ClusterLevel) error {
	fmt.Fprintf(w, "The cluster is at level %d%s.\n", l.Level, colon(l.Brought))
	if l.Next != "" {
		fmt.Fprintf(w, "Level %d would bring: %s.\n", l.Level+1, l.Next)
	}
	fmt.Fprintln(w)
	var rows [][]string
	for _, m := range l.Members {
		reads := m.Error
		if reads == "" {
			reads = fmt.Sprintf("up to %d", m.Reads)
		}
		rows = append(rows, []string{m.Node, reads})
	}
	return table(w, []string{"NODE", "READS"}, rows)
}

// colon is text after a colon, if there is any.
func colon(text string) string {
	if text == "" {
		return ""
	}
	return ": " + text
}

func raiseCommand() *cobra.Command {
	c, t := leaf("raise", "Raise the cluster's level by one step",
		`Raises the cluster's level by one step, if every node's binary reads the next one.
Nodes that don't answer, or whose binary is too old, are named, and nothing is done.

There is no way back: from then on no older binary can be started on any node's
data. Raise the level when you are sure that you won't go back to the old release.`,
		`  quorate level raise
  quorate level`, cobra.NoArgs)
	t.writes(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		l, err := ask(c.Context(), t, func(ctx context.Context, client *admin.Client) (admin.ClusterLevel, error) {
			return client.RaiseLevel(ctx)
		})
		if err != nil {
			return err
		}
		if t.json {
			return writeJSON(c, l)
		}
		fmt.Fprintf(c.OutOrStdout(), "The cluster is at level %d now%s.\n", l.Level, colon(l.Brought))
		return nil
	}
	return c
}

func auditCommand() *cobra.Command {
	c, t := leaf("audit", "Begin the audit of the ledger anew",
		`From level 2 on, the ledger is audited all the time, a slice each second, and what
is found broken is told once, as an incident. This begins the audit anew: what is
still broken is told again. Use it when the cause of an incident has been mended.`,
		`  quorate audit
  quorate incidents`, cobra.NoArgs)
	t.writes(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		if _, err := ask(c.Context(), t, func(ctx context.Context, client *admin.Client) (struct{}, error) {
			return struct{}{}, client.AuditLedger(ctx)
		}); err != nil {
			return err
		}
		if t.json {
			return writeJSON(c, map[string]bool{"begun": true})
		}
		fmt.Fprintln(c.OutOrStdout(), "The audit begins anew.")
		return nil
	}
	return c
}
