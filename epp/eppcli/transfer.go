package eppcli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"quorate/epp/client"
)

func transfer(o *options) *cobra.Command {
	of := func(kind, use, short, example string, send func(*client.Client, context.Context, client.TransferCommand) (*client.Transfer, *client.Reply, error)) *cobra.Command {
		var t client.TransferCommand
		cmd := &cobra.Command{
			Use: use, Short: short, Args: cobra.ExactArgs(1), Example: example,
			RunE: func(cmd *cobra.Command, args []string) error {
				t.Object = args[0]
				return o.session(cmd, func(ctx context.Context, c *client.Client) (shown, error) {
					got, _, err := send(c, ctx, t)
					return shown{v: got, text: func(w io.Writer) { printTransfer(w, kind, got) }}, err
				})
			},
		}
		f := cmd.Flags()
		f.StringVar(&t.Op, "op", "query", "what to do: request, query, approve, reject or cancel")
		f.StringVar(&t.AuthInfo, "auth", "", "authInfo `password`, needed for a request")
		if kind == "domain" {
			f.IntVar(&t.Years, "years", 0, "by how much a request extends the registration (default the registry's: one)")
			f.StringVar(&t.ROID, "roid", "", "`roid` of the contact that --auth belongs to (default it is the domain's own)")
		}
		return cmd
	}
	return group("transfer", "Transfer an object between registrars",
		of("domain", "domain NAME", "Request, end or follow the transfer of a domain", `  quorate epp transfer domain a.example --op request --auth 2fooBAR --registrar reg2
  quorate epp transfer domain a.example --op approve
  quorate epp transfer domain a.example`, (*client.Client).TransferDomain),
		of("contact", "contact ID", "Request, end or follow the transfer of a contact", `  quorate epp transfer contact jd1234 --op request --auth 2fooBAR --registrar reg2`, (*client.Client).TransferContact),
	)
}

func printTransfer(w io.Writer, kind string, t *client.Transfer) {
	fmt.Fprintf(w, "transfer of %s %s: %s\n", kind, t.Object, t.Status)
	field(w, "requested", at(t.Requested)+" by "+t.Requester)
	if t.Status == "pending" {
		field(w, "waits for", t.Actor+" until "+at(t.Acts))
	} else {
		field(w, "ended", at(t.Acts)+" by "+t.Actor)
	}
	field(w, "expires", at(t.Expires))
}

func poll(o *options) *cobra.Command {
	var ack string
	var all bool
	cmd := &cobra.Command{
		Use: "poll", Short: "Show and acknowledge service messages", Args: cobra.NoArgs,
		Long: `Shows the first message that waits for the registrar. It stays in the queue until
it is acknowledged with --ack and its number; --all shows and acknowledges all.`,
		Example: `  quorate epp poll
  quorate epp poll --ack 1234
  quorate epp poll --all`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.session(cmd, func(ctx context.Context, c *client.Client) (shown, error) {
				if ack != "" {
					r, err := c.Ack(ctx, ack)
					if err != nil {
						return shown{}, err
					}
					return done(r, "message %s is acknowledged", ack), nil
				}
				got := []*client.Message{}
				for {
					m, err := c.Poll(ctx)
					if err != nil {
						return shown{}, err
					}
					if m == nil {
						break
					}
					got = append(got, m)
					if !all {
						break
					}
					if _, err := c.Ack(ctx, m.ID); err != nil {
						return shown{}, err
					}
				}
				return shown{v: got, text: func(w io.Writer) { printMessages(w, got) }}, nil
			})
		},
	}
	cmd.Flags().StringVar(&ack, "ack", "", "`number` of a message to acknowledge")
	cmd.Flags().BoolVar(&all, "all", false, "show and acknowledge all")
	cmd.MarkFlagsMutuallyExclusive("ack", "all")
	return cmd
}

func printMessages(w io.Writer, all []*client.Message) {
	if len(all) == 0 {
		fmt.Fprintln(w, "no messages")
	}
	for _, m := range all {
		fmt.Fprintf(w, "message %s of %s (%d in the queue): %s\n", m.ID, at(m.Queued), m.Count, m.Text)
		if m.Transfer != nil {
			field(w, "object", m.Transfer.Object)
			field(w, "transfer", m.Transfer.Status)
			field(w, "requested", at(m.Transfer.Requested)+" by "+m.Transfer.Requester)
			field(w, "acts", m.Transfer.Actor+", "+at(m.Transfer.Acts))
		}
		field(w, "renewed", m.Object)
		field(w, "expires", at(m.Expires))
		if a := m.Action; a != nil {
			outcome := "denied"
			if a.Done {
				outcome = "done"
			}
			field(w, "action", a.SvTRID+" on "+a.Object+" is "+outcome)
		}
	}
}
