package nodecli

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"quorate/node/admin"
)

func accessCommand() *cobra.Command {
	return group("access", "Limits, locks and passwords of the registrars' front door",
		"Commands about the policy of the registrars' front door (EPP): part of the replicated state,\nand the same at all nodes. Its limits are of all nodes together.",
		accessShowCommand(), accessSetCommand())
}

func accessShowCommand() *cobra.Command {
	c, t := leaf("show", "Show the policy of the registrars' front door", "Shows the policy of the registrars' front door.",
		"  quorate access show\n  quorate access show --json", cobra.NoArgs)
	t.reads(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		a, err := ask(c.Context(), t, func(ctx context.Context, client *admin.Client) (admin.Access, error) { return client.Access(ctx) })
		if err != nil {
			return err
		}
		return showAccess(c, t, a)
	}
	return c
}

// accessSettings are what "access set" sets, by their keys.
var accessSettings = map[string]func(*admin.Access, string) error{
	"failures":         whole(func(a *admin.Access) *int { return &a.Failures }),
	"sessions":         whole(func(a *admin.Access) *int { return &a.Sessions }),
	"connections":      whole(func(a *admin.Access) *int { return &a.Connections }),
	"logins":           whole(func(a *admin.Access) *int { return &a.Logins }),
	"commands":         whole(func(a *admin.Access) *int { return &a.Commands }),
	"password-length":  whole(func(a *admin.Access) *int { return &a.PasswordLength }),
	"password-classes": whole(func(a *admin.Access) *int { return &a.PasswordClasses }),
	"failure-window":   func(a *admin.Access, v string) error { a.FailureWindow = v; return nil },
	"lock-time":        func(a *admin.Access, v string) error { a.LockTime = v; return nil },
}

func whole(field func(*admin.Access) *int) func(*admin.Access, string) error {
	return func(a *admin.Access, value string) (err error) {
		if value == "" {
			value = "0"
		}
		if *field(a), err = strconv.Atoi(value); err != nil {
			return fmt.Errorf("%q is no number", value)
		}
		return nil
	}
}

func accessSetCommand() *cobra.Command {
	c, t := leaf("set KEY=VALUE...", "Change the policy of the registrars' front door",
		`Changes what is named and leaves the rest as it is; an empty value is the default.

  failures failure-window   so many wrong passwords within that time, with a right
  lock-time                 certificate, lock a registrar's logins for this long
  sessions                  of one registrar
  connections logins        from one address; logins are attempts a second
  commands                  of one registrar, a second; more are answered later
  password-length           least number of characters, and of kinds of characters, of a
  password-classes          password that a registrar chooses`,
		`  quorate access set sessions=100 lock-time=30m
  quorate access set failures= lock-time=`, cobra.MinimumNArgs(1))
	t.writes(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := pairs(&admin.Access{}, accessSettings, args); err != nil {
			return err
		}
		a, err := ask(c.Context(), t, func(ctx context.Context, client *admin.Client) (admin.Access, error) {
			a, err := client.Access(ctx)
			if err != nil {
				return a, err
			}
			if err := pairs(&a, accessSettings, args); err != nil {
				return a, err
			}
			return client.SetAccess(ctx, a)
		})
		if err != nil {
			return err
		}
		return showAccess(c, t, a)
	}
	return c
}

func showAccess(c *cobra.Command, t *target, a admin.Access) error {
	if t.json {
		return writeJSON(c, a)
	}
	return describe(c.OutOrStdout(), []field{
		{"Lock", fmt.Sprintf("after %d wrong passwords in %s, for %s", a.Failures, a.FailureWindow, a.LockTime)},
		{"Sessions", fmt.Sprintf("%d of one registrar", a.Sessions)},
		{"Connections", fmt.Sprintf("%d from one address", a.Connections)},
		{"Logins", fmt.Sprintf("%d a second from one address", a.Logins)},
		{"Commands", fmt.Sprintf("%d a second of one registrar", a.Commands)},
		{"Passwords", fmt.Sprintf("at least %d characters of %d kinds", a.PasswordLength, a.PasswordClasses)},
	})
}
