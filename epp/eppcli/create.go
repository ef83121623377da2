package eppcli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"quorate/epp/client"
)

func create(o *options) *cobra.Command {
	return group("create", "Create an object", createDomain(o), createHost(o), createContact(o))
}

func createDomain(o *options) *cobra.Command {
	var d client.DomainCreate
	var admin, tech, billing, servers []string
	var ds secDNSFlags
	cmd := &cobra.Command{
		Use: "domain NAME", Short: "Register a domain", Args: cobra.ExactArgs(1),
		Example: `  quorate epp create domain a.example --registrant jd1234 --admin jd1234 --tech jd1234 --ns ns1.elsewhere.test --years 2
  quorate epp create domain a.example --registrant jd1234 --ds 12345,13,2,3AA5AB37EFCE57F737FC1627013FEE07BDF241BD10F3B1964AB55C78E79A304B`,
		RunE: func(cmd *cobra.Command, args []string) error {
			d.Name = args[0]
			d.Contacts = contacts(admin, tech, billing)
			var err error
			if d.Attributes, err = parseAttributes("--ns-attr", servers); err != nil {
				return err
			}
			if err := ds.read(&d.SecDNS); err != nil {
				return err
			}
			return o.session(cmd, func(ctx context.Context, c *client.Client) (shown, error) {
				created, err := c.CreateDomain(ctx, d)
				return shown{v: created, text: func(w io.Writer) {
					fmt.Fprintf(w, "domain %s is registered until %s\n", created.Name, at(created.Expires))
				}}, err
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&d.Registrant, "registrant", "", "`id` of the registrant's contact; a thick TLD wants one")
	f.StringSliceVar(&admin, "admin", nil, "`id` of an administrative contact")
	f.StringSliceVar(&tech, "tech", nil, "`id` of a technical contact")
	f.StringSliceVar(&billing, "billing", nil, "`id` of a billing contact")
	f.StringSliceVar(&d.Hosts, "ns", nil, "`name` of a host to delegate to; repeat it, or separate with commas")
	f.StringArrayVar(&servers, "ns-attr", nil, "`name=address,address` of a name server, in TLDs that have no host objects; the name alone outside of the domain")
	f.IntVar(&d.Years, "years", 0, "for how long (default the registry's: one)")
	f.StringVar(&d.AuthInfo, "auth", "", "authInfo `password` (default none)")
	ds.add(cmd, "", "of the zone")
	f.IntVar(&d.SecDNS.MaxSigLife, "max-sig-life", 0, "for how many `seconds` signatures over the DS records should be valid")
	return cmd
}

// contacts puts contacts with their roles.
func contacts(admin, tech, billing []string) (all []client.DomainContact) {
	for _, role := range []struct {
		name string
		ids  []string
	}{{"admin", admin}, {"tech", tech}, {"billing", billing}} {
		for _, id := range role.ids {
			all = append(all, client.DomainContact{Type: role.name, ID: id})
		}
	}
	return all
}

func createHost(o *options) *cobra.Command {
	var addresses []string
	cmd := &cobra.Command{
		Use: "host NAME", Short: "Create a host", Args: cobra.ExactArgs(1),
		Example: `  quorate epp create host ns1.elsewhere.test
  quorate epp create host ns1.a.example --addr 192.0.2.1 --addr 2001:db8::1`,
		RunE: func(cmd *cobra.Command, args []string) error {
			ips, err := parseAddresses("--addr", addresses)
			if err != nil {
				return err
			}
			return o.session(cmd, func(ctx context.Context, c *client.Client) (shown, error) {
				created, err := c.CreateHost(ctx, args[0], ips...)
				return made("host", args[0], created), err
			})
		},
	}
	cmd.Flags().StringSliceVar(&addresses, "addr", nil, "IP `address`, needed below a TLD of the registry; repeat it, or separate with commas")
	return cmd
}

// made is what there is to say of an object that is new.
func made(kind, name string, created time.Time) shown {
	return shown{
		v:    map[string]any{"name": name, "created": created},
		text: func(w io.Writer) { fmt.Fprintf(w, "%s %s is created\n", kind, name) },
	}
}

func createContact(o *options) *cobra.Command {
	n := client.Contact{Postal: []client.PostalInfo{{}}}
	p := &n.Postal[0]
	cmd := &cobra.Command{
		Use: "contact ID", Short: "Create a contact", Args: cobra.ExactArgs(1),
		Example: `  quorate epp create contact jd1234
  quorate epp create contact jd1234 --name "Jo Doe" --email jo@mail.test --city Berlin --cc DE`,
		RunE: func(cmd *cobra.Command, args []string) error {
			n.ID = args[0]
			return o.session(cmd, func(ctx context.Context, c *client.Client) (shown, error) {
				created, err := c.CreateContact(ctx, n)
				return made("contact", args[0], created), err
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&p.Type, "type", "int", "form of the address: int (in ASCII) or loc")
	f.StringVar(&p.Name, "name", "Jo Doe", "name")
	f.StringVar(&p.Org, "org", "", "organisation")
	f.StringArrayVar(&p.Street, "street", []string{"1 Main Street"}, "a `line` of the address, up to three")
	f.StringVar(&p.City, "city", "Anytown", "city")
	f.StringVar(&p.Province, "sp", "", "state or province")
	f.StringVar(&p.PostalCode, "pc", "", "postal code")
	f.StringVar(&p.Country, "cc", "US", "country, as in ISO 3166-1")
	f.StringVar(&n.Voice.Number, "voice", "+1.5555550123", "telephone number")
	f.StringVar(&n.Fax.Number, "fax", "", "fax number")
	f.StringVar(&n.Email, "email", "jo@mail.test", "e-mail address")
	f.StringVar(&n.AuthInfo, "auth", "", "authInfo `password` (default none)")
	return cmd
}
