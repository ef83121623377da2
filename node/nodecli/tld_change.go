package nodecli

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"quorate/node/admin"
)

// tldSettings are what "tld set" sets, by their keys.
var tldSettings = map[string]func(*admin.TLDChange, string) error{
	"model":             tldText("model"),
	"currency":          tldText("currency"),
	"create-price":      tldText("create_price"),
	"renew-price":       tldText("renew_price"),
	"add-grace":         tldText("add_grace"),
	"renew-grace":       tldText("renew_grace"),
	"auto-renew-grace":  tldText("auto_renew_grace"),
	"delete-delay":      tldText("delete_delay"),
	"hosts":             tldText("hosts"),
	"transfer-price":    tldText("transfer_price"),
	"transfer-wait":     tldText("transfer_wait"),
	"transfer-grace":    tldText("transfer_grace"),
	"secdns":            tldText("secdns.interface"),
	"mname":             tldText("soa.mname"),
	"rname":             tldText("soa.rname"),
	"max-years":         tldNumber("max_years"),
	"max-ds":            tldNumber("secdns.max_records"),
	"max-sig-life":      tldNumber("secdns.max_sig_life"),
	"refresh":           tldNumber("soa.refresh"),
	"retry":             tldNumber("soa.retry"),
	"expire":            tldNumber("soa.expire"),
	"minimum":           tldNumber("soa.minimum"),
	"ttl-apex":          tldNumber("ttl.apex"),
	"ttl-delegation":    tldNumber("ttl.delegation"),
	"ttl-glue":          tldNumber("ttl.glue"),
	"reserved":          tldList("reserved"),
	"required-contacts": tldList("required_contacts"),
	"refused-contacts":  tldList("refused_contacts"),
	"per-registrar":     tldSwitch("per_registrar"),
	"ns":                tldServers,
}

// put sets a field by its path in JSON.
func put(change *admin.TLDChange, path string, value any) {
	if *change == nil {
		*change = admin.TLDChange{}
	}
	group, field, nested := strings.Cut(path, ".")
	if !nested {
		(*change)[path] = value
		return
	}
	inner, _ := (*change)[group].(map[string]any)
	if inner == nil {
		inner = map[string]any{}
		(*change)[group] = inner
	}
	inner[field] = value
}

func tldText(path string) func(*admin.TLDChange, string) error {
	return func(change *admin.TLDChange, value string) error { put(change, path, value); return nil }
}

func tldNumber(path string) func(*admin.TLDChange, string) error {
	return func(change *admin.TLDChange, value string) error {
		n, err := strconv.ParseUint(value, 10, 32)
		if err != nil {
			return fmt.Errorf("%q is no number", value)
		}
		put(change, path, n)
		return nil
	}
}

func tldSwitch(path string) func(*admin.TLDChange, string) error {
	return func(change *admin.TLDChange, value string) error {
		if value != "yes" && value != "no" {
			return fmt.Errorf("%q is neither yes nor no", value)
		}
		put(change, path, value == "yes")
		return nil
	}
}

func tldList(path string) func(*admin.TLDChange, string) error {
	return func(change *admin.TLDChange, value string) error {
		all := []string{}
		for part := range strings.SplitSeq(value, ",") {
			if part = strings.TrimSpace(part); part != "" {
				all = append(all, part)
			}
		}
		put(change, path, all)
		return nil
	}
}

// tldServers reads all name servers: NAME or NAME/ADDRESS/ADDRESS, for = and commas have other uses here.
func tldServers(change *admin.TLDChange, value string) error {
	all := []admin.Nameserver{}
	for one := range strings.SplitSeq(value, ",") {
		name, addresses, given := strings.Cut(one, "/")
		ns := admin.Nameserver{Name: name}
		if given {
			ns.Addresses = strings.Split(addresses, "/")
		}
		all = append(all, ns)
	}
	put(change, "nameservers", all)
	return nil
}

func tldSetCommand() *cobra.Command {
	c, t := leaf("set NAME KEY=VALUE...", "Change a TLD's policy, prices or zone",
		`Changes what is named and leaves the rest as it is. What is in the zone follows by itself.

  create-price renew-price currency       a year; what was charged stays charged
  max-years add-grace renew-grace         as with "tld create"; periods that run
  auto-renew-grace delete-delay           keep their ends
  transfer-price transfer-grace           empty: the price of a renewal, the usual times;
  transfer-wait                           how long a losing registrar has to answer
  reserved                                labels, separated by commas; names that are
                                          registered already stay
  model                                   thick: domains have contacts, thin: they have none
  per-registrar                           yes: registrars that say so differ
                                          (registrar set ID contacts=with|without)
  required-contacts refused-contacts      of admin, billing, tech
  hosts                                   objects or attributes; while there are no domains
  secdns max-ds max-sig-life              what secures delegations: dsData or keyData
  ns                                      all name servers of the zone, with the addresses
                                          of those in it: NAME/ADDRESS/ADDRESS,NAME
  mname rname refresh retry expire        of the SOA record
  minimum
  ttl-apex ttl-delegation ttl-glue        in seconds`,
		`  quorate tld set example create-price=9.50 renew-price=9.50
  quorate tld set example ns=ns1.nic.example/192.0.2.1/2001:db8::1,ns2.elsewhere.test
  quorate tld set example reserved=nic,www,gold required-contacts=admin,tech
  quorate tld set example ttl-delegation=86400 minimum=300`, cobra.MinimumNArgs(2))
	t.writes(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		var change admin.TLDChange
		if err := pairs(&change, tldSettings, args[1:]); err != nil {
			return err
		}
		changed, err := ask(c.Context(), t, func(ctx context.Context, client *admin.Client) (admin.TLD, error) {
			return client.ChangeTLD(ctx, args[0], change)
		})
		if err != nil {
			return err
		}
		return showTLD(c, t, changed)
	}
	return c
}
