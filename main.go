// Quorate is a domain-name registry whose nodes replicate it whole: any of them
// takes a registrar's EPP and answers WHOIS, RDAP and DNS, and any can be lost.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"quorate/chaos/chaoscli"
	"quorate/dnsserve/dnscli"
	"quorate/epp/eppcli"
	"quorate/node"
	"quorate/node/nodecli"
)

func main() {
	root := &cobra.Command{
		Use:   "quorate",
		Short: "A domain-name registry that survives the loss of a site",
		Long: `Quorate runs top-level domains. Its nodes stand in three or more sites and hold
the whole registry; every one takes EPP and answers WHOIS, RDAP and DNS.

Begin with "quorate dev": it starts three sites on this machine and prints what
to try. "quorate node" is what runs in earnest.`,
		Version:       node.Version(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(node.Command())
	root.AddCommand(nodecli.Commands()...)
	root.AddCommand(eppcli.Command(), dnscli.Command())
	root.AddCommand(chaoscli.Commands()...)
	if err := root.Execute(); err != nil {
		fmt.Fprintln(os.Stderr, "quorate:", err)
		os.Exit(1)
	}
}
