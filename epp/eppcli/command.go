// Package eppcli is "quorate epp": an EPP client for people and scripts, which
// finds the development cluster by the file that it left behind.
package eppcli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"quorate/epp/client"
)

// options are the flags that all subcommands share.
type options struct {
	endpoints, site, registrar                   string
	addr, cert, key, ca, clid, password, pwdFile string
	timeout                                      time.Duration
	xml, json, secure                            bool
}

// Command is "quorate epp".
func Command() *cobra.Command {
	o := &options{}
	cmd := &cobra.Command{
		Use:   "epp",
		Short: "Speak EPP with a registry, as a registrar",
		Long: `Sends one EPP command in a session of its own: connect, login, command, logout.

Without flags it speaks as the first registrar with the first site of the
development cluster, which "make run" starts and describes in
var/dev/endpoints.json. --site and --registrar choose others; --addr, --cert,
--key, --ca, --clid and --password reach any other server.

A command that the registry refuses ends with status 1 and one line that says
why. --xml shows what goes over the wire.`,
		Example: `  quorate epp hello
  quorate epp check domain a.example b.example
  quorate epp create contact jd1234
  quorate epp create host ns1.elsewhere.test
  quorate epp create domain a.example --registrant jd1234 --ns ns1.elsewhere.test --years 2
  quorate epp info domain a.example --site s2 --registrar reg2
  quorate epp update domain a.example --add-status clientHold
  quorate epp renew domain a.example --years 1
  quorate epp transfer domain a.example --op request --auth 2fooBAR --registrar reg2
  quorate epp poll
  quorate epp delete domain a.example --xml`,
	}
	f := cmd.PersistentFlags()
	f.StringVar(&o.endpoints, "endpoints", "", "`file` that describes the cluster (default $"+endpointsVariable+", else "+defaultEndpoints+")")
	f.StringVar(&o.site, "site", "", "`name` of the site to speak with (default the first)")
	f.StringVar(&o.registrar, "registrar", "", "`id` of the registrar to speak as (default the first)")
	f.StringVar(&o.addr, "addr", "", "`host:port` of the server, in place of --site")
	f.StringVar(&o.ca, "ca", "", "PEM `file` of the authorities of the server's certificate")
	f.StringVar(&o.cert, "cert", "", "PEM `file` of the client certificate")
	f.StringVar(&o.key, "key", "", "PEM `file` of the client certificate's key")
	f.StringVar(&o.clid, "clid", "", "client `id` to log in with, in place of --registrar")
	f.StringVar(&o.password, "password", "", "password to log in with; others on this machine can see it: see --password-file")
	f.StringVar(&o.pwdFile, "password-file", "", "`file` whose first line is the password")
	f.DurationVar(&o.timeout, "timeout", client.DefaultTimeout, "how long the whole may take")
	f.BoolVar(&o.secure, "secure-authinfo", false, "login names RFC 9154: authInfo must be strong, and is shown to nobody")
	f.BoolVar(&o.xml, "xml", false, "show the frames, on standard error")
	f.BoolVar(&o.json, "json", false, "print JSON")
	cmd.MarkFlagsMutuallyExclusive("password", "password-file")
	cmd.AddCommand(hello(o), check(o), info(o), create(o), renew(o), update(o), remove(o), transfer(o), poll(o), raw(o))
	return cmd
}

// shown is a result: v for JSON, or what text prints for people.
type shown struct {
	v      any
	text   func(w io.Writer)
	failed error // what the program ends with all the same
}

// print writes a result as the flags want it.
func (o *options) print(w io.Writer, s shown) error {
	if !o.json {
		s.text(w)
		return nil
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(s.v)
}

// session runs f in a session, and prints what it comes to.
func (o *options) session(cmd *cobra.Command, f func(ctx context.Context, c *client.Client) (shown, error)) error {
	return o.connection(cmd, func(ctx context.Context, c *client.Client, t *target) (shown, error) {
		c.SecureAuthInfo = o.secure
		if _, err := c.Login(ctx, t.clid, t.password); err != nil {
			return shown{}, fmt.Errorf("login as %s: %w", t.clid, err)
		}
		s, err := f(ctx, c)
		var refused *client.Error
		if err == nil || errors.As(err, &refused) {
			// The command has its answer; a logout that fails takes nothing from it.
			_, _ = c.Logout(ctx)
		}
		return s, err
	})
}

// connection runs f on a connection, and prints what it comes to. With --json the registry's refusal is printed, too.
func (o *options) connection(cmd *cobra.Command, f func(ctx context.Context, c *client.Client, t *target) (shown, error)) error {
	t, err := o.target()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), o.timeout)
	defer cancel()
	c, err := t.dial(ctx, o.trace(cmd))
	if err != nil {
		return err
	}
	defer c.Close()
	s, err := f(ctx, c, t)
	var refused *client.Error
	if errors.As(err, &refused) && o.json {
		return errors.Join(o.print(cmd.OutOrStdout(), shown{v: refused}), err)
	}
	if err != nil {
		return err
	}
	return errors.Join(o.print(cmd.OutOrStdout(), s), s.failed)
}

// trace shows frames on standard error, so that standard output stays a result.
func (o *options) trace(cmd *cobra.Command) func(out bool, xml []byte) {
	if !o.xml {
		return nil
	}
	return func(out bool, xml []byte) {
		arrow := "S"
		if out {
			arrow = "C"
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: %s\n", arrow, hidePasswords(xml))
	}
}

// done is what there is to say of a command without data.
func done(r *client.Reply, what string, args ...any) shown {
	line := fmt.Sprintf(what, args...)
	return shown{v: r, text: func(w io.Writer) { fmt.Fprintf(w, "%s (%d %s)\n", line, r.Code, r.Msg) }}
}

// group makes a command that only holds others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short}
	cmd.AddCommand(commands...)
	return cmd
}
