package nodecli

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"quorate/node/admin"
)

func domainCommand() *cobra.Command {
	return group("domain", "Look at domains, and hold or lock them",
		"Commands about domains, as the registry's operator sees them. Registrars register and change\nthem over EPP (quorate epp).",
		domainShowCommand(), domainStatusCommand())
}

func domainShowCommand() *cobra.Command {
	c, t := leaf("show NAME", "Show a domain", "Shows a domain, its statuses and its name servers.",
		"  quorate domain show a.example\n  quorate domain show a.example --json", cobra.ExactArgs(1))
	c.RunE = func(c *cobra.Command, args []string) error {
		found, err := ask(c.Context(), t, func(ctx context.Context, client *admin.Client) (admin.Domain, error) {
			return client.Domain(ctx, args[0])
		})
		if err != nil {
			return err
		}
		return showDomain(c, t, found)
	}
	return c
}

// statusChange is an argument that sets or removes a status.
var statusChange = regexp.MustCompile(`^[+-](client|server)[A-Z]`)

func domainStatusCommand() *cobra.Command {
	c, t := leaf("status NAME (+STATUS | -STATUS)...", "Set and remove statuses of a domain",
		`Sets (+) and removes (-) statuses of a domain. The server's are the operator's alone:

  serverHold                  takes the domain out of the zone
  serverUpdateProhibited      no change but by an operator
  serverDeleteProhibited serverRenewProhibited serverTransferProhibited

A registrar's own, as clientHold, can be set and removed, too. What is set must not be
there, what is removed must be.`,
		`  quorate domain status a.example +serverHold +serverUpdateProhibited
  quorate domain status a.example -serverHold -serverUpdateProhibited`, nil)
	t.writes(c)
	// What is removed looks like a flag, so the flags are read here.
	c.DisableFlagParsing = true
	c.RunE = func(c *cobra.Command, all []string) error {
		var change admin.StatusChange
		var rest []string
		for _, arg := range all {
			switch {
			case !statusChange.MatchString(arg):
				rest = append(rest, arg)
			case arg[0] == '+':
				change.Add = append(change.Add, arg[1:])
			default:
				change.Remove = append(change.Remove, arg[1:])
			}
		}
		if err := c.Flags().Parse(rest); err != nil {
			return err
		}
		if help, _ := c.Flags().GetBool("help"); help {
			return c.Help()
		}
		args := c.Flags().Args()
		if err := cobra.ExactArgs(1)(c, args); err != nil {
			return err
		}
		changed, err := ask(c.Context(), t, func(ctx context.Context, client *admin.Client) (admin.Domain, error) {
			return client.ChangeStatus(ctx, args[0], change)
		})
		if err != nil {
			return err
		}
		return showDomain(c, t, changed)
	}
	return c
}

func showDomain(c *cobra.Command, t *target, d admin.Domain) error {
	if t.json {
		return writeJSON(c, d)
	}
	fields := []field{
		{"Domain", d.Name},
		{"ROID", d.ROID},
		{"Sponsor", d.Sponsor},
		{"Status", strings.Join(d.Statuses, ", ")},
		{"Created", d.Created + " by " + d.Creator},
		{"Updated", d.Updated},
		{"Expires", d.Expires},
		{"Registrant", d.Registrant},
	}
	for _, contact := range d.Contacts {
		fields = append(fields, field{"Contact", fmt.Sprintf("%s (%s)", contact.ID, contact.Type)})
	}
	for _, ns := range d.Nameservers {
		fields = append(fields, field{"Name server", strings.TrimSpace(ns.Name + " " + strings.Join(ns.Addresses, " "))})
	}
	return describe(c.OutOrStdout(), fields)
}
