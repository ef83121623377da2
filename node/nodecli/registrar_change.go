package nodecli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"quorate/node/admin"
)

// change has a registrar changed and shows what it then is.
func change(c *cobra.Command, t *target, id string, w admin.RegistrarChange) error {
	changed, err := ask(c.Context(), t, func(ctx context.Context, client *admin.Client) (admin.Registrar, error) {
		return client.ChangeRegistrar(ctx, id, w)
	})
	if err != nil {
		return err
	}
	return showRegistrar(c, t, changed)
}

// settings are what "registrar set" sets, by their keys.
var settings = map[string]func(w *admin.RegistrarChange, value string) error{
	"name":         text(func(w *admin.RegistrarChange) **string { return &w.Name }),
	"url":          text(func(w *admin.RegistrarChange) **string { return &w.URL }),
	"whois":        text(func(w *admin.RegistrarChange) **string { return &w.Whois }),
	"rdap":         text(func(w *admin.RegistrarChange) **string { return &w.RDAP }),
	"abuse-email":  text(func(w *admin.RegistrarChange) **string { return &w.AbuseEmail }),
	"abuse-phone":  text(func(w *admin.RegistrarChange) **string { return &w.AbusePhone }),
	"email":        text(func(w *admin.RegistrarChange) **string { return &w.Email }),
	"voice":        text(func(w *admin.RegistrarChange) **string { return &w.Voice }),
	"city":         text(func(w *admin.RegistrarChange) **string { return &w.City }),
	"province":     text(func(w *admin.RegistrarChange) **string { return &w.Province }),
	"postal-code":  text(func(w *admin.RegistrarChange) **string { return &w.PostalCode }),
	"contacts":     text(func(w *admin.RegistrarChange) **string { return &w.Contacts }),
	"country":      text(func(w *admin.RegistrarChange) **string { return &w.Country }),
	"street":       lines(func(w *admin.RegistrarChange) **[]string { return &w.Street }, "|"),
	"networks":     lines(func(w *admin.RegistrarChange) **[]string { return &w.Networks }, ","),
	"iana":         count(func(w *admin.RegistrarChange) **uint32 { return &w.IANA }),
	"max-sessions": count(func(w *admin.RegistrarChange) **uint32 { return &w.MaxSessions }),
}

func text(field func(*admin.RegistrarChange) **string) func(*admin.RegistrarChange, string) error {
	return func(w *admin.RegistrarChange, value string) error { *field(w) = &value; return nil }
}

func lines(field func(*admin.RegistrarChange) **[]string, separator string) func(*admin.RegistrarChange, string) error {
	return func(w *admin.RegistrarChange, value string) error {
		all := []string{}
		for part := range strings.SplitSeq(value, separator) {
			if part = strings.TrimSpace(part); part != "" {
				all = append(all, part)
			}
		}
		*field(w) = &all
		return nil
	}
}

func count(field func(*admin.RegistrarChange) **uint32) func(*admin.RegistrarChange, string) error {
	return func(w *admin.RegistrarChange, value string) error {
		n, err := strconv.ParseUint(value, 10, 32)
		if err != nil {
			return fmt.Errorf("%q is no number", value)
		}
		small := uint32(n)
		*field(w) = &small
		return nil
	}
}

// pairs reads arguments of the form key=value.
func pairs[T any](into *T, known map[string]func(*T, string) error, args []string) error {
	for _, arg := range args {
		key, value, ok := strings.Cut(arg, "=")
		set := known[key]
		if !ok || set == nil {
			return fmt.Errorf("%q: what can be set is %s, each as KEY=VALUE", arg, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		}
		if err := set(into, value); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

func registrarSetCommand() *cobra.Command {
	c, t := leaf("set ID KEY=VALUE...", "Change a registrar's data, networks and limits",
		`Changes what is named and leaves the rest as it is; an empty value takes it away.

  name iana url whois rdap             as with "registrar create"
  abuse-email abuse-phone email voice
  street city province postal-code country
                                       lines of the street are separated by |
  networks                             where it may log in from, as 192.0.2.0/24,2001:db8::/32;
                                       none: from anywhere. Sessions from elsewhere end.
  contacts                             its domains are with or without them, in TLDs that
                                       leave it to registrars; none: as the TLD has it
  max-sessions                         on all nodes together; 0: as "quorate access show" says

Certificates, the password, suspension and locks have commands of their own.`,
		`  quorate registrar set reg1 url=https://reg1.example/ abuse-email=abuse@reg1.example
  quorate registrar set reg1 networks=127.0.0.0/8,2001:db8:1::/48 max-sessions=50
  quorate registrar set reg1 networks= max-sessions=0`, cobra.MinimumNArgs(2))
	t.writes(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		var w admin.RegistrarChange
		if err := pairs(&w, settings, args[1:]); err != nil {
			return err
		}
		return change(c, t, args[0], w)
	}
	return c
}

func registrarPasswordCommand() *cobra.Command {
	var secret password
	c, t := leaf("password ID (--password-file FILE | --password-stdin | --generate-password)", "Give a registrar a new password",
		`Gives a registrar a new password, for one that has lost its own: registrars change
theirs at login. Sessions that are open go on; a lock stays (see "registrar unlock").`,
		`  quorate registrar password reg1 --generate-password
  echo "secret-2" | quorate registrar password reg1 --password-stdin`, cobra.ExactArgs(1))
	t.writes(c)
	secret.flags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		made, err := secret.read(c.InOrStdin())
		if err != nil {
			return err
		}
		changed, err := ask(c.Context(), t, func(ctx context.Context, client *admin.Client) (admin.Registrar, error) {
			return client.ChangeRegistrar(ctx, args[0], admin.RegistrarChange{Password: &made})
		})
		if err != nil {
			if secret.generate && admin.OutcomeUnknown(err) {
				fmt.Fprintf(c.ErrOrStderr(), "If it was changed, %s's password is %s\n", args[0], made)
			}
			return err
		}
		if secret.generate {
			changed.Password = made
		}
		return showRegistrar(c, t, changed)
	}
	return c
}

// registrarStateCommand makes a command that only says whose state to change.
func registrarStateCommand(verb, short, long string, w admin.RegistrarChange) *cobra.Command {
	c, t := leaf(verb+" ID", short, long, "  quorate registrar "+verb+" reg1", cobra.ExactArgs(1))
	t.writes(c)
	c.RunE = func(c *cobra.Command, args []string) error { return change(c, t, args[0], w) }
	return c
}

func registrarStateCommands() []*cobra.Command {
	yes, no := true, false
	return []*cobra.Command{
		registrarStateCommand("suspend", "Suspend a registrar", `Suspends a registrar: it can't log in, and each session that it has ends at its next
command. Its domains stay as they are.`, admin.RegistrarChange{Suspended: &yes}),
		registrarStateCommand("resume", "End a registrar's suspension", "Ends a registrar's suspension: it may log in again.", admin.RegistrarChange{Suspended: &no}),
		registrarStateCommand("unlock", "Open a registrar's logins that wrong passwords have locked", `Opens logins that were locked because too many wrong passwords came with one of the
registrar's own certificates. A lock opens by itself after a while, too
(quorate access show).`, admin.RegistrarChange{Unlock: true}),
	}
}
