package nodecli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"quorate/node/admin"
)

func tldCommand() *cobra.Command {
	return group("tld", "Open TLDs, change them and look at them",
		"Commands about TLDs: the domains under which registrars register names. A TLD is part of the\nreplicated state: it is opened once, at any site, and every site serves it.",
		tldCreateCommand(), tldSetCommand(), tldShowCommand(), tldListCommand())
}

func tldCreateCommand() *cobra.Command {
	var wanted admin.TLD
	var thin bool
	var servers, reserved []string
	c, t := leaf("create NAME --ns SERVER[=ADDRESS,...]...", "Open a TLD and its zone",
		`Opens a TLD for registrations and its zone for queries. Only its name servers must be
given; those with names in the zone need their addresses.`,
		`  quorate tld create test --ns ns1.nic.test=127.0.0.1,::1 --ns ns2.nic.test=127.0.0.1
  quorate tld create shop --thin --create-price 12.50 --renew-price 9 --currency EUR \
    --ns ns1.dns.example --ns ns2.dns.example
  quorate tld create moved --serial 2026010100 --ns ns1.nic.moved=192.0.2.1`, cobra.ExactArgs(1))
	t.writes(c)
	f := c.Flags()
	f.StringArrayVar(&servers, "ns", nil, "name `server` of the zone, with its addresses when it is in the zone; once for each")
	f.BoolVar(&thin, "thin", false, "keep no contacts (default: a thick registry, which does)")
	f.StringVar(&wanted.Hosts, "hosts", "", "what name servers of domains are: objects or attributes (default: objects)")
	f.StringVar(&wanted.Zone, "zone", "", "`TLD` above this one in whose zone its names are published (default: a zone of its own)")
	f.StringVar(&wanted.Currency, "currency", admin.DefaultCurrency, "`code` of the prices' currency (ISO 4217)")
	f.StringVar(&wanted.CreatePrice, "create-price", admin.DefaultCreatePrice, "`price` of a registration, a year")
	f.StringVar(&wanted.RenewPrice, "renew-price", admin.DefaultRenewPrice, "`price` of a renewal, a year")
	f.IntVar(&wanted.MaxYears, "max-years", admin.DefaultMaxYears, "longest registration in `years`")
	f.StringVar(&wanted.AddGrace, "add-grace", admin.DefaultAddGrace, "for how `long` a new registration can be deleted for its price")
	f.StringVar(&wanted.RenewGrace, "renew-grace", admin.DefaultRenewGrace, "for how `long` a renewal's price is given back on deletion")
	f.StringVar(&wanted.AutoRenewGrace, "auto-renew-grace", admin.DefaultAutoRenewGrace, "for how `long` an automatic renewal's price is given back on deletion")
	f.StringVar(&wanted.DeleteDelay, "delete-delay", admin.DefaultDeleteDelay, "for how `long` a deleted name is kept until anyone may register it")
	f.StringSliceVar(&reserved, "reserved", admin.DefaultReserved, "`labels` that can't be registered; \"\" for none")
	f.StringVar(&wanted.SOA.MName, "mname", "", "primary `server` named by the SOA record (default: the first --ns)")
	f.StringVar(&wanted.SOA.RName, "rname", "", "mailbox named by the SOA record, as a domain `name` (default: hostmaster.nic.NAME)")
	f.Uint32Var(&wanted.SOA.Refresh, "refresh", admin.DefaultRefresh, "the SOA's refresh time in `seconds`")
	f.Uint32Var(&wanted.SOA.Retry, "retry", admin.DefaultRetry, "the SOA's retry time in `seconds`")
	f.Uint32Var(&wanted.SOA.Expire, "expire", admin.DefaultExpire, "the SOA's expiry time in `seconds`")
	f.Uint32Var(&wanted.SOA.Minimum, "minimum", admin.DefaultMinimum, "time to live of negative answers in `seconds`")
	f.Uint32Var(&wanted.TTL.Apex, "ttl-apex", admin.DefaultTTL, "time to live of the apex's records in `seconds`")
	f.Uint32Var(&wanted.TTL.Delegation, "ttl-delegation", admin.DefaultTTL, "time to live of delegations in `seconds`")
	f.Uint32Var(&wanted.TTL.Glue, "ttl-glue", admin.DefaultTTL, "time to live of glue in `seconds`")
	f.StringVar(&wanted.SecDNS.Interface, "secdns", "dsData", "`form` of what secures delegations: dsData (DS records), or keyData (keys, of which the registry makes them)")
	f.IntVar(&wanted.SecDNS.MaxRecords, "max-ds", admin.DefaultMaxDS, "most DS records or keys of a domain")
	f.Uint32Var(&wanted.SecDNS.MaxSigLife, "max-sig-life", admin.DefaultMaxSigLife, "longest lifetime of signatures over DS records that a domain may wish for, in `seconds`")
	f.Uint32Var(&wanted.Serial, "serial", 0, "`serial` of a zone that is moved here, to continue after")
	f.BoolVar(&wanted.Unsigned, "unsigned", false, "begin without DNSSEC, as for a zone whose keys are imported first")
	c.RunE = func(c *cobra.Command, args []string) error {
		wanted.Name = args[0]
		wanted.Model = "thick"
		if thin {
			wanted.Model = "thin"
		}
		wanted.Reserved = append([]string{}, reserved...)
		if wanted.Zone != "" {
			// Whose zone has them; what is a flag's default was not asked for.
			for name, unset := range map[string]func(){
				"refresh": func() { wanted.SOA.Refresh = 0 }, "retry": func() { wanted.SOA.Retry = 0 }, "expire": func() { wanted.SOA.Expire = 0 },
				"minimum": func() { wanted.SOA.Minimum = 0 }, "ttl-apex": func() { wanted.TTL.Apex = 0 },
				"ttl-delegation": func() { wanted.TTL.Delegation = 0 }, "ttl-glue": func() { wanted.TTL.Glue = 0 },
			} {
				if !c.Flags().Changed(name) {
					unset()
				}
			}
		}
		for _, s := range servers {
			wanted.Nameservers = append(wanted.Nameservers, parseServer(s))
		}
		created, err := ask(c.Context(), t, func(ctx context.Context, client *admin.Client) (admin.TLD, error) {
			return client.CreateTLD(ctx, wanted)
		})
		if err != nil {
			return err
		}
		return showTLD(c, t, created)
	}
	return c
}

// parseServer takes "NAME=ADDRESS,ADDRESS" apart; the API says what is wrong with the parts.
func parseServer(s string) (ns admin.Nameserver) {
	name, addresses, given := strings.Cut(s, "=")
	ns.Name = name
	if given {
		ns.Addresses = strings.Split(addresses, ",")
	}
	return ns
}

func tldShowCommand() *cobra.Command {
	c, t := leaf("show NAME", "Show a TLD's policy and zone", "Shows a TLD's prices, periods, reserved labels and zone settings.",
		"  quorate tld show example\n  quorate tld show example --json", cobra.ExactArgs(1))
	t.reads(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		found, err := ask(c.Context(), t, func(ctx context.Context, client *admin.Client) (admin.TLD, error) { return client.TLD(ctx, args[0]) })
		if err != nil {
			return err
		}
		return showTLD(c, t, found)
	}
	return c
}

func tldListCommand() *cobra.Command {
	c, t := leaf("list", "List all TLDs", "Lists all TLDs with their prices and the serials of their zones.", "  quorate tld list", cobra.NoArgs)
	t.reads(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		all, err := ask(c.Context(), t, func(ctx context.Context, client *admin.Client) ([]admin.TLD, error) { return client.TLDs(ctx) })
		if err != nil {
			return err
		}
		if t.json {
			return writeJSON(c, all)
		}
		var rows [][]string
		for _, tld := range all {
			rows = append(rows, []string{tld.Name, tld.Model, tld.CreatePrice + " " + tld.Currency, tld.RenewPrice + " " + tld.Currency, fmt.Sprint(tld.Serial), tld.Created})
		}
		return table(c.OutOrStdout(), []string{"TLD", "MODEL", "CREATE", "RENEW", "SERIAL", "CREATED"}, rows)
	}
	return c
}

func showTLD(c *cobra.Command, t *target, tld admin.TLD) error {
	if t.json {
		return writeJSON(c, tld)
	}
	return describeTLD(c.OutOrStdout(), tld)
}

func describeTLD(w io.Writer, t admin.TLD) error {
	fields := []field{
		{"TLD", t.Name},
		{"Model", t.Model + map[bool]string{true: ", unless a registrar differs"}[t.PerRegistrar]},
		{"Needed contacts", strings.Join(t.RequiredContacts, ", ")},
		{"Refused contacts", strings.Join(t.RefusedContacts, ", ")},
		{"Name servers are", t.Hosts},
		{"Published in", t.Zone},
		{"Create price", t.CreatePrice + " " + t.Currency + " a year"},
		{"Renew price", t.RenewPrice + " " + t.Currency + " a year"},
		{"Transfer price", priced(t)},
		{"Transfer wait", t.TransferWait},
		{"Transfer grace", t.TransferGrace},
		{"Longest registration", fmt.Sprintf("%d years", t.MaxYears)},
		{"Add grace", t.AddGrace},
		{"Renew grace", t.RenewGrace},
		{"Auto-renew grace", t.AutoRenewGrace},
		{"Delete delay", t.DeleteDelay},
		{"Reserved", strings.Join(t.Reserved, ", ")},
	}
	for _, ns := range t.Nameservers {
		fields = append(fields, field{"Name server", strings.TrimSpace(ns.Name + " " + strings.Join(ns.Addresses, " "))})
	}
	if t.Zone == "" {
		fields = append(fields,
			field{"Primary server", t.SOA.MName},
			field{"Mailbox", t.SOA.RName},
			field{"SOA timers", fmt.Sprintf("refresh %d, retry %d, expire %d, minimum %d", t.SOA.Refresh, t.SOA.Retry, t.SOA.Expire, t.SOA.Minimum)},
			field{"Times to live", fmt.Sprintf("apex %d, delegations %d, glue %d", t.TTL.Apex, t.TTL.Delegation, t.TTL.Glue)},
		)
	}
	return describe(w, append(fields,
		field{"Delegations", fmt.Sprintf("secured by %s, at most %d; lifetime of signatures at most %d s", t.SecDNS.Interface, t.SecDNS.MaxRecords, t.SecDNS.MaxSigLife)},
		field{"Serial", fmt.Sprint(t.Serial)},
		field{"Created", t.Created},
	))
}

// priced is what a transfer costs; "" if as much as a renewal.
func priced(t admin.TLD) string {
	if t.TransferPrice == "" {
		return ""
	}
	return t.TransferPrice + " " + t.Currency + " a year"
}
