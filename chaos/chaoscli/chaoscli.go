// Package chaoscli has the commands that run, break and measure clusters from
// outside: `quorate dev`, `quorate bench`, `quorate chaos` and `quorate rst`.
package chaoscli

import "github.com/spf13/cobra"

// Commands are this package's subcommands of quorate.
func Commands() []*cobra.Command {
	return []*cobra.Command{devCommand(), benchCommand(), chaosCommand(), rstCommand()}
}
