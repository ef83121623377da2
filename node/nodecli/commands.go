// Package nodecli is the operators' part of the command line: what a person
// asks of a running cluster through the admin API of its nodes.
package nodecli

import (
	"github.com/spf13/cobra"
)

// Commands are the operators' commands, for the root command to hold.
func Commands() []*cobra.Command {
	return []*cobra.Command{
		statusCommand(), tldCommand(), dnssecCommand(), registrarCommand(), domainCommand(), accessCommand(), zoneCommand(), historyCommand(),
		incidentsCommand(), leadershipCommand(), levelCommand(), auditCommand(),
	}
}

// leaf makes a command that does something at a cluster: it has the flags that say where, and an error of it is one
// line without the usage.
func leaf(use, short, long, example string, args cobra.PositionalArgs) (*cobra.Command, *target) {
	t := &target{}
	c := &cobra.Command{Use: use, Short: short, Long: long, Example: example, Args: args, SilenceUsage: true}
	t.flags(c)
	return c, t
}

// group makes a command that only holds others.
func group(use, short, long string, members ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Long: long, Args: cobra.NoArgs, SilenceUsage: true, RunE: func(c *cobra.Command, _ []string) error {
		return c.Help()
	}}
	// A member that isn't there is the mistake to tell of, not the flags that it would have had.
	c.FParseErrWhitelist.UnknownFlags = true
	c.AddCommand(members...)
	return c
}
