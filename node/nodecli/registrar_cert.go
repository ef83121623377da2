package nodecli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"quorate/node/admin"
	"quorate/transport/pki"
)

func registrarCertCommand() *cobra.Command {
	return group("cert", "Say which client certificates a registrar comes with",
		`Commands about the client certificates that a registrar may log in with. Any one of
them will do. To change a certificate without a gap, add the next one, with --from
if its time is known; when it is in use, remove the old one.`,
		registrarCertAddCommand(), registrarCertRemoveCommand(), registrarCertListCommand())
}

// certificate is which certificate a command is about.
type certificate struct {
	file, fingerprint, issuer, subject string
	byName                             bool
}

func (f *certificate) flags(c *cobra.Command) {
	c.Flags().StringVar(&f.file, "file", "", "`file` with the certificate, PEM")
	c.Flags().BoolVar(&f.byName, "by-name", false, "with --file: all certificates that its issuer gives to its subject, not that one alone")
	c.Flags().StringVar(&f.fingerprint, "fingerprint", "", "the certificate's SHA-256 `fingerprint`, in hexadecimal")
	c.Flags().StringVar(&f.issuer, "issuer", "", "distinguished `name` of the issuer, as \"cert list\" shows it; with --subject")
	c.Flags().StringVar(&f.subject, "subject", "", "distinguished `name` of the subject; with --issuer")
	c.MarkFlagsMutuallyExclusive("file", "fingerprint", "issuer")
	c.MarkFlagsOneRequired("file", "fingerprint", "issuer")
	c.MarkFlagsRequiredTogether("issuer", "subject")
}

func (f *certificate) read() (w admin.Certificate, err error) {
	if f.file == "" {
		if f.byName {
			return w, errors.New("--by-name takes the names from a --file")
		}
		return admin.Certificate{Fingerprint: f.fingerprint, Issuer: f.issuer, Subject: f.subject}, nil
	}
	found, err := readCertificate(f.file)
	if err != nil {
		return w, err
	}
	if !f.byName {
		return admin.Certificate{Fingerprint: pki.Fingerprint(found)}, nil
	}
	if w.Issuer, err = pki.DistinguishedName(found.RawIssuer); err != nil {
		return w, err
	}
	w.Subject, err = pki.DistinguishedName(found.RawSubject)
	return w, err
}

func registrarCertAddCommand() *cobra.Command {
	var of certificate
	var from, until string
	c, t := leaf("add ID (--file FILE [--by-name] | --fingerprint F | --issuer NAME --subject NAME)", "Let a registrar log in with another certificate",
		`Lets a registrar log in with another certificate, of an EPP client CA of the
cluster's: one by its fingerprint, or all that an issuer gives to a subject. One that is
there already gets other times.`,
		`  quorate registrar cert add reg1 --file var/dev/certs/reg2.pem --until 2036-01-01T00:00:00Z
  quorate registrar cert add reg1 --file var/dev/certs/reg1.pem --by-name`, cobra.ExactArgs(1))
	t.writes(c)
	of.flags(c)
	c.Flags().StringVar(&from, "from", "", "`time` from which it is good (RFC 3339; default: at once)")
	c.Flags().StringVar(&until, "until", "", "`time` until which it is good (RFC 3339; default: for ever)")
	c.RunE = func(c *cobra.Command, args []string) error {
		w, err := of.read()
		if err != nil {
			return err
		}
		w.From, w.Until = from, until
		return change(c, t, args[0], admin.RegistrarChange{AddCertificates: []admin.Certificate{w}})
	}
	return c
}

func registrarCertRemoveCommand() *cobra.Command {
	var of certificate
	c, t := leaf("remove ID (--file FILE [--by-name] | --fingerprint F | --issuer NAME --subject NAME)", "Take a certificate from a registrar",
		"Takes a certificate from a registrar. A session that came with it, and with no other that is\ngood, ends at its next command.",
		`  quorate registrar cert remove reg1 --file var/dev/certs/reg2.pem`, cobra.ExactArgs(1))
	t.writes(c)
	of.flags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		w, err := of.read()
		if err != nil {
			return err
		}
		return change(c, t, args[0], admin.RegistrarChange{RemoveCertificates: []admin.Certificate{w}})
	}
	return c
}

func registrarCertListCommand() *cobra.Command {
	c, t := leaf("list ID", "List a registrar's certificates", "Lists the client certificates that a registrar may log in with.",
		"  quorate registrar cert list reg1", cobra.ExactArgs(1))
	t.reads(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		r, err := ask(c.Context(), t, func(ctx context.Context, client *admin.Client) (admin.Registrar, error) {
			return client.Registrar(ctx, args[0])
		})
		if err != nil {
			return err
		}
		all := []admin.Certificate{}
		for _, f := range r.Certificates {
			all = append(all, admin.Certificate{Fingerprint: f})
		}
		all = append(all, r.Bound...)
		if t.json {
			return writeJSON(c, all)
		}
		var rows [][]string
		for _, one := range all {
			rows = append(rows, []string{known(one), one.From, one.Until})
		}
		return table(c.OutOrStdout(), []string{"CERTIFICATE", "FROM", "UNTIL"}, rows)
	}
	return c
}

// known is what a certificate is known by.
func known(c admin.Certificate) string {
	if c.Fingerprint != "" {
		return c.Fingerprint
	}
	return "subject " + c.Subject + ", issuer " + c.Issuer
}
