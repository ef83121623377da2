package eppcli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"quorate/epp/client"
)

func info(o *options) *cobra.Command {
	var auth, hosts string
	domain := &cobra.Command{
		Use: "domain NAME", Short: "Show a domain", Args: cobra.ExactArgs(1),
		Example: "  quorate epp info domain a.example --hosts del",
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.session(cmd, func(ctx context.Context, c *client.Client) (shown, error) {
				d, err := c.InfoDomain(ctx, args[0], hosts, auth)
				return shown{v: d, text: func(w io.Writer) { printDomain(w, d) }}, err
			})
		},
	}
	domain.Flags().StringVar(&hosts, "hosts", "", "which hosts to show: all, del(egated), sub(ordinate) or none")
	contact := &cobra.Command{
		Use: "contact ID", Short: "Show a contact", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.session(cmd, func(ctx context.Context, c *client.Client) (shown, error) {
				n, err := c.InfoContact(ctx, args[0], auth)
				return shown{v: n, text: func(w io.Writer) { printContact(w, n) }}, err
			})
		},
	}
	for _, cmd := range []*cobra.Command{domain, contact} {
		cmd.Flags().StringVar(&auth, "auth", "", "authInfo `password` of an object that another registrar sponsors")
	}
	host := &cobra.Command{
		Use: "host NAME", Short: "Show a host", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.session(cmd, func(ctx context.Context, c *client.Client) (shown, error) {
				h, err := c.InfoHost(ctx, args[0])
				return shown{v: h, text: func(w io.Writer) { printHost(w, h) }}, err
			})
		},
	}
	return group("info", "Show an object", domain, host, contact)
}

// field prints a field unless it is empty.
func field(w io.Writer, name, value string) {
	if value != "" {
		fmt.Fprintf(w, "  %-12s %s\n", name, value)
	}
}

func at(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

func printObject(w io.Writer, o client.Object) {
	field(w, "roid", o.ROID)
	field(w, "status", strings.Join(o.Statuses, ", "))
	field(w, "sponsor", o.Sponsor)
	field(w, "created", at(o.Created)+" by "+o.Creator)
	if !o.Updated.IsZero() {
		by := ""
		if o.Updater != "" {
			by = " by " + o.Updater
		}
		field(w, "updated", at(o.Updated)+by)
	}
	field(w, "transferred", at(o.Moved))
}

func printDomain(w io.Writer, d *client.Domain) {
	fmt.Fprintf(w, "domain %s\n", d.Name)
	printObject(w, d.Object)
	field(w, "expires", at(d.Expires))
	field(w, "registrant", d.Registrant)
	for _, c := range d.Contacts {
		field(w, c.Type, c.ID)
	}
	field(w, "hosts", strings.Join(d.Hosts, ", "))
	for _, a := range d.Attributes {
		text := a.Name
		for _, ip := range a.Addresses {
			text += " " + ip.String()
		}
		field(w, "host", text)
	}
	field(w, "subordinate", strings.Join(d.Subordinates, ", "))
	printSecDNS(w, d.SecDNS)
	field(w, "authInfo", d.AuthInfo)
}

func printHost(w io.Writer, h *client.Host) {
	fmt.Fprintf(w, "host %s\n", h.Name)
	printObject(w, h.Object)
	field(w, "addresses", strings.Join(h.Addresses, ", "))
}

func printContact(w io.Writer, n *client.Contact) {
	fmt.Fprintf(w, "contact %s\n", n.ID)
	printObject(w, n.Object)
	for _, p := range n.Postal {
		parts := []string{p.Name, p.Org}
		parts = append(parts, p.Street...)
		parts = append(parts, strings.TrimSpace(p.PostalCode+" "+p.City), p.Province, p.Country)
		var given []string
		for _, s := range parts {
			if s != "" {
				given = append(given, s)
			}
		}
		field(w, "address ("+p.Type+")", strings.Join(given, ", "))
	}
	field(w, "voice", phone(n.Voice))
	field(w, "fax", phone(n.Fax))
	field(w, "e-mail", n.Email)
	if d := n.Disclose; d != nil {
		wish := "withhold "
		if d.Flag {
			wish = "publish "
		}
		field(w, "disclose", wish+strings.Join(d.Elements, ", "))
	}
	field(w, "authInfo", n.AuthInfo)
}

func phone(p client.Phone) string {
	if p.Extension != "" {
		return p.Number + " x" + p.Extension
	}
	return p.Number
}
