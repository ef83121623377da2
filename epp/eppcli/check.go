package eppcli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"quorate/epp/client"
)

func check(o *options) *cobra.Command {
	type checker func(*client.Client, context.Context, ...string) ([]client.Availability, error)
	of := func(use, short, example string, f checker) *cobra.Command {
		return &cobra.Command{
			Use: use, Short: short, Example: "  quorate epp check " + example, Args: cobra.MinimumNArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return o.session(cmd, func(ctx context.Context, c *client.Client) (shown, error) {
					all, err := f(c, ctx, args...)
					return shown{v: all, text: func(w io.Writer) { printAvailability(w, all) }}, err
				})
			},
		}
	}
	return group("check", "Ask what could be created",
		of("domain NAME...", "Ask which domains can be registered", "domain a.example b.example", (*client.Client).CheckDomains),
		of("host NAME...", "Ask which hosts don't exist yet", "host ns1.a.example", (*client.Client).CheckHosts),
		of("contact ID...", "Ask which contacts don't exist yet", "contact jd1234", (*client.Client).CheckContacts))
}

func printAvailability(w io.Writer, all []client.Availability) {
	for _, a := range all {
		if a.Available {
			fmt.Fprintf(w, "%s is available\n", a.Name)
		} else {
			fmt.Fprintf(w, "%s is not available: %s\n", a.Name, a.Reason)
		}
	}
}
