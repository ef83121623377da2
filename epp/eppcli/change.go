package eppcli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"quorate/epp/client"
)

func renew(o *options) *cobra.Command {
	var current string
	var years int
	domain := &cobra.Command{
		Use: "domain NAME", Short: "Renew a domain", Args: cobra.ExactArgs(1),
		Long: `Renews a domain. The registry wants to hear on which day it expires now, so that
a command that is sent twice renews once; without --current that is asked for first.`,
		Example: "  quorate epp renew domain a.example --years 1",
		RunE: func(cmd *cobra.Command, args []string) error {
			var day time.Time
			if current != "" {
				var err error
				if day, err = time.Parse(time.DateOnly, current); err != nil {
					return fmt.Errorf("--current: %q is not a date like 2026-03-01", current)
				}
			}
			return o.session(cmd, func(ctx context.Context, c *client.Client) (shown, error) {
				if current == "" {
					d, err := c.InfoDomain(ctx, args[0], "none", "")
					if err != nil {
						return shown{}, err
					}
					day = d.Expires
				}
				expires, err := c.RenewDomain(ctx, args[0], day, years)
				return shown{
					v:    map[string]any{"name": args[0], "expires": expires},
					text: func(w io.Writer) { fmt.Fprintf(w, "domain %s is registered until %s\n", args[0], at(expires)) },
				}, err
			})
		},
	}
	domain.Flags().StringVar(&current, "current", "", "`date` on which the domain expires now (default: ask)")
	domain.Flags().IntVar(&years, "years", 0, "for how long (default the registry's: one)")
	return group("renew", "Renew a registration", domain)
}

func remove(o *options) *cobra.Command {
	of := func(use, kind, short string, f func(*client.Client, context.Context, string) (*client.Reply, error)) *cobra.Command {
		return &cobra.Command{
			Use: use, Short: short, Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return o.session(cmd, func(ctx context.Context, c *client.Client) (shown, error) {
					r, err := f(c, ctx, args[0])
					if err != nil {
						return shown{}, err
					}
					if r.Code == 1001 {
						return done(r, "%s %s will be deleted", kind, args[0]), nil
					}
					return done(r, "%s %s is deleted", kind, args[0]), nil
				})
			},
		}
	}
	return group("delete", "Delete an object",
		of("domain NAME", "domain", "Delete a domain", (*client.Client).DeleteDomain),
		of("host NAME", "host", "Delete a host", (*client.Client).DeleteHost),
		of("contact ID", "contact", "Delete a contact", (*client.Client).DeleteContact))
}
