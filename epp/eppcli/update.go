package eppcli

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"quorate/epp/client"
)

func update(o *options) *cobra.Command {
	return group("update", "Change an object", updateDomain(o), updateHost(o), updateContact(o))
}

func updateDomain(o *options) *cobra.Command {
	var d client.DomainUpdate
	var add, rem struct{ admin, tech, billing, attributes []string }
	var registrant, auth string
	var addDS, remDS secDNSFlags
	domain := &cobra.Command{
		Use: "domain NAME", Short: "Change a domain", Args: cobra.ExactArgs(1),
		Example: `  quorate epp update domain a.example --add-ns ns2.elsewhere.test --rem-ns ns1.elsewhere.test
  quorate epp update domain a.example --add-status clientHold,clientTransferProhibited
  quorate epp update domain a.example --registrant jd5678 --auth ""
  quorate epp update domain a.example --rem-all-ds --add-ds 12345,13,2,3AA5AB37EFCE57F737FC1627013FEE07BDF241BD10F3B1964AB55C78E79A304B`,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			d.Name = args[0]
			if d.Add.Attributes, err = parseAttributes("--add-ns-attr", add.attributes); err != nil {
				return err
			}
			if d.Remove.Attributes, err = parseAttributes("--rem-ns-attr", rem.attributes); err != nil {
				return err
			}
			d.Add.Contacts = contacts(add.admin, add.tech, add.billing)
			d.Remove.Contacts = contacts(rem.admin, rem.tech, rem.billing)
			if err := errors.Join(addDS.read(&d.SecDNS.Add), remDS.read(&d.SecDNS.Remove)); err != nil {
				return err
			}
			if cmd.Flags().Changed("registrant") {
				d.Registrant = &registrant
			}
			if cmd.Flags().Changed("auth") {
				d.AuthInfo = &auth
			}
			return o.session(cmd, func(ctx context.Context, c *client.Client) (shown, error) {
				r, err := c.UpdateDomain(ctx, d)
				if err != nil {
					return shown{}, err
				}
				return done(r, "domain %s is changed", args[0]), nil
			})
		},
	}
	f := domain.Flags()
	f.StringSliceVar(&d.Add.Hosts, "add-ns", nil, "`name` of a host to delegate to as well")
	f.StringSliceVar(&d.Remove.Hosts, "rem-ns", nil, "`name` of a host to delegate to no longer")
	f.StringArrayVar(&add.attributes, "add-ns-attr", nil, "`name=address,address` of a name server to delegate to as well, in TLDs that have no host objects")
	f.StringArrayVar(&rem.attributes, "rem-ns-attr", nil, "`name` of such a name server to delegate to no longer")
	f.StringSliceVar(&d.Add.Statuses, "add-status", nil, "`status` to set: client{Hold,DeleteProhibited,RenewProhibited,TransferProhibited,UpdateProhibited}")
	f.StringSliceVar(&d.Remove.Statuses, "rem-status", nil, "`status` to remove")
	f.StringSliceVar(&add.admin, "add-admin", nil, "`id` of an administrative contact to add")
	f.StringSliceVar(&add.tech, "add-tech", nil, "`id` of a technical contact to add")
	f.StringSliceVar(&add.billing, "add-billing", nil, "`id` of a billing contact to add")
	f.StringSliceVar(&rem.admin, "rem-admin", nil, "`id` of an administrative contact to remove")
	f.StringSliceVar(&rem.tech, "rem-tech", nil, "`id` of a technical contact to remove")
	f.StringSliceVar(&rem.billing, "rem-billing", nil, "`id` of a billing contact to remove")
	addDS.add(domain, "add-", "to add")
	remDS.add(domain, "rem-", "to remove")
	f.BoolVar(&d.SecDNS.RemoveAll, "rem-all-ds", false, "remove all DS records and keys, before any is added")
	f.IntVar(&d.SecDNS.MaxSigLife, "max-sig-life", 0, "for how many `seconds` signatures over the DS records should be valid")
	domain.MarkFlagsMutuallyExclusive("rem-all-ds", "rem-ds")
	domain.MarkFlagsMutuallyExclusive("rem-all-ds", "rem-key")
	f.StringVar(&registrant, "registrant", "", "`id` of the new registrant's contact")
	f.StringVar(&auth, "auth", "", "new authInfo `password`; empty for none")
	return domain
}

func updateHost(o *options) *cobra.Command {
	var h client.HostUpdate
	var add, rem []string
	cmd := &cobra.Command{
		Use: "host NAME", Short: "Change a host, or rename it", Args: cobra.ExactArgs(1),
		Long: `Changes a host. What is delegated to the host follows its new name. Out of the
registry's TLDs it takes no addresses along; into one it needs some.`,
		Example: `  quorate epp update host ns1.a.example --add-addr 192.0.2.2 --rem-addr 192.0.2.1
  quorate epp update host ns1.a.example --name ns2.a.example
  quorate epp update host ns1.elsewhere.test --add-status clientDeleteProhibited`,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			h.Name = args[0]
			if h.Add.Addresses, err = parseAddresses("--add-addr", add); err != nil {
				return err
			}
			if h.Remove.Addresses, err = parseAddresses("--rem-addr", rem); err != nil {
				return err
			}
			return o.session(cmd, func(ctx context.Context, c *client.Client) (shown, error) {
				r, err := c.UpdateHost(ctx, h)
				if err != nil {
					return shown{}, err
				}
				if h.NewName != "" {
					return done(r, "host %s is called %s now", args[0], h.NewName), nil
				}
				return done(r, "host %s is changed", args[0]), nil
			})
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&add, "add-addr", nil, "IP `address` to add")
	f.StringSliceVar(&rem, "rem-addr", nil, "IP `address` to remove")
	f.StringSliceVar(&h.Add.Statuses, "add-status", nil, "`status` to set: client{Delete,Update}Prohibited")
	f.StringSliceVar(&h.Remove.Statuses, "rem-status", nil, "`status` to remove")
	f.StringVar(&h.NewName, "name", "", "new `name`")
	return cmd
}

// parseAddresses reads the addresses that a flag has.
func parseAddresses(flag string, all []string) (ips []netip.Addr, err error) {
	for _, a := range all {
		ip, err := netip.ParseAddr(a)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", flag, err)
		}
		ips = append(ips, ip)
	}
	return ips, nil
}

// parseAttributes reads name servers that are no objects: NAME or NAME=ADDRESS,ADDRESS.
func parseAttributes(flag string, all []string) (attributes []client.HostAttribute, err error) {
	for _, s := range all {
		name, addresses, given := strings.Cut(s, "=")
		a := client.HostAttribute{Name: name}
		if given {
			if a.Addresses, err = parseAddresses(flag, strings.Split(addresses, ",")); err != nil {
				return nil, err
			}
		}
		attributes = append(attributes, a)
	}
	return attributes, nil
}

func updateContact(o *options) *cobra.Command {
	var n client.ContactUpdate
	var p client.PostalInfo
	var form, voice, fax, email, auth string
	var publish, withhold []string
	var forget bool
	cmd := &cobra.Command{
		Use: "contact ID", Short: "Change a contact", Args: cobra.ExactArgs(1),
		Long: `Changes a contact. What isn't named stays as it is; an address is replaced as a
whole, so it needs at least --city and --cc.`,
		Example: `  quorate epp update contact jd1234 --email jo@elsewhere.test --fax ""
  quorate epp update contact jd1234 --city Berlin --cc DE --street "1 Hauptstrasse"
  quorate epp update contact jd1234 --publish name:int,email
  quorate epp update contact jd1234 --add-status clientUpdateProhibited`,
		RunE: func(cmd *cobra.Command, args []string) error {
			n.ID = args[0]
			changed := cmd.Flags().Changed
			text := func(flag string, value *string) *string {
				if !changed(flag) {
					return nil
				}
				return value
			}
			change := client.PostalChange{Type: form, Name: text("name", &p.Name), Org: text("org", &p.Org)}
			if changed("street") || changed("city") || changed("sp") || changed("pc") || changed("cc") {
				change.Address = &p
			}
			if change.Name != nil || change.Org != nil || change.Address != nil {
				n.Postal = []client.PostalChange{change}
			}
			if changed("voice") {
				n.Voice = &client.Phone{Number: voice}
			}
			if changed("fax") {
				n.Fax = &client.Phone{Number: fax}
			}
			n.Email, n.AuthInfo = text("email", &email), text("auth", &auth)
			switch {
			case forget:
				n.Disclose = &client.Disclose{}
			case len(publish) > 0:
				n.Disclose = &client.Disclose{Flag: true, Elements: publish}
			case len(withhold) > 0:
				n.Disclose = &client.Disclose{Elements: withhold}
			}
			return o.session(cmd, func(ctx context.Context, c *client.Client) (shown, error) {
				r, err := c.UpdateContact(ctx, n)
				if err != nil {
					return shown{}, err
				}
				return done(r, "contact %s is changed", args[0]), nil
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&form, "type", "int", "form of the name and address that change: int (in ASCII) or loc")
	f.StringVar(&p.Name, "name", "", "name")
	f.StringVar(&p.Org, "org", "", "organisation; empty for none")
	f.StringArrayVar(&p.Street, "street", nil, "a `line` of the address, up to three")
	f.StringVar(&p.City, "city", "", "city")
	f.StringVar(&p.Province, "sp", "", "state or province")
	f.StringVar(&p.PostalCode, "pc", "", "postal code")
	f.StringVar(&p.Country, "cc", "", "country, as in ISO 3166-1")
	f.StringVar(&voice, "voice", "", "telephone number")
	f.StringVar(&fax, "fax", "", "fax number; empty for none")
	f.StringVar(&email, "email", "", "e-mail address")
	f.StringVar(&auth, "auth", "", "authInfo `password`; empty for none")
	f.StringSliceVar(&publish, "publish", nil, "`elements` to publish: {name,org,addr}:{int,loc}, voice, fax, email")
	f.StringSliceVar(&withhold, "withhold", nil, "`elements` not to publish")
	f.BoolVar(&forget, "no-disclose", false, "leave publication to the registry's policy")
	cmd.MarkFlagsMutuallyExclusive("publish", "withhold", "no-disclose")
	f.StringSliceVar(&n.Add, "add-status", nil, "`status` to set: client{Delete,Transfer,Update}Prohibited")
	f.StringSliceVar(&n.Remove, "rem-status", nil, "`status` to remove")
	return cmd
}
