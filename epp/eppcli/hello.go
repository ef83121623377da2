package eppcli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"quorate/epp/client"
)

func hello(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "hello", Short: "Show the server's greeting", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.connection(cmd, func(ctx context.Context, c *client.Client, t *target) (shown, error) {
				g, err := c.Hello(ctx)
				if err != nil {
					return shown{}, err
				}
				return shown{v: g, text: func(w io.Writer) {
					fmt.Fprintf(w, "%s at %s\n", g.ServerID, t.addr)
					fmt.Fprintf(w, "  time        %s\n", g.Date)
					fmt.Fprintf(w, "  versions    %s\n", strings.Join(g.Versions, ", "))
					fmt.Fprintf(w, "  languages   %s\n", strings.Join(g.Languages, ", "))
					lines(w, "objects", g.Objects)
					lines(w, "extensions", g.Extensions)
				}}, nil
			})
		},
	}
}

// lines prints a field of several values, one to a line.
func lines(w io.Writer, name string, values []string) {
	for _, v := range values {
		fmt.Fprintf(w, "  %-11s %s\n", name, v)
		name = ""
	}
}
