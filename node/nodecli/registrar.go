package nodecli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"quorate/node/admin"
)

func registrarCommand() *cobra.Command {
	members := []*cobra.Command{
		registrarCreateCommand(), registrarFundCommand(), registrarShowCommand(), registrarListCommand(), registrarLedgerCommand(),
		registrarSetCommand(), registrarPasswordCommand(), registrarCertCommand(),
	}
	return group("registrar", "Open registrars' accounts, change them, fund them and look at them",
		"Commands about registrars: the clients that register names over EPP. A registrar is part of the\nreplicated state: it is created once, at any site, and may log in at every site.",
		append(members, registrarStateCommands()...)...)
}

func registrarCreateCommand() *cobra.Command {
	var wanted admin.Registrar
	var secret password
	var certificates []string
	var deposit admin.Deposit
	c, t := leaf("create ID --name NAME --client-cert FILE (--password-file FILE | --password-stdin | --generate-password)", "Open a registrar's account",
		`Opens a registrar's account. It logs in over EPP with its id, its password and a
client certificate from an EPP client CA of the cluster's: the certificate's fingerprint
is taken from --client-cert. With --deposit the account is funded, too.`,
		`  quorate registrar create reg4 --name "Registrar Four" --generate-password \
    --client-cert var/dev/certs/reg1.pem --deposit 1000.00
  echo "Five=5" | quorate registrar create reg5 --name "Five Names" --password-stdin \
    --client-cert var/dev/certs/reg2.pem --iana 9999 \
    --url https://five.example/ --abuse-email abuse@five.example --abuse-phone +46.855500100`, cobra.ExactArgs(1))
	t.writes(c)
	f := c.Flags()
	f.StringVar(&wanted.Name, "name", "", "`name` to show to the public")
	secret.flags(c)
	f.StringArrayVar(&certificates, "client-cert", nil, "`file` with a client certificate of the registrar's, PEM; may be given again")
	f.Uint32Var(&wanted.IANA, "iana", 0, "IANA Registrar ID, a `number`")
	f.StringVar(&deposit.Amount, "deposit", "", "`amount` to begin with, such as 1000.00")
	f.StringVar(&deposit.Currency, "currency", admin.DefaultCurrency, "`code` of the deposit's currency (ISO 4217)")
	f.StringVar(&wanted.URL, "url", "", "web `address`")
	f.StringVar(&wanted.Whois, "whois", "", "WHOIS server's host `name`")
	f.StringVar(&wanted.RDAP, "rdap", "", "RDAP base `address`")
	f.StringVar(&wanted.AbuseEmail, "abuse-email", "", "mail `address` for complaints about abuse")
	f.StringVar(&wanted.AbusePhone, "abuse-phone", "", "telephone `number` for complaints about abuse, as +1.5550100")
	f.StringVar(&wanted.Email, "email", "", "mail `address`")
	f.StringVar(&wanted.Voice, "voice", "", "telephone `number`, as +1.5550100")
	f.StringArrayVar(&wanted.Street, "street", nil, "`line` of the street; up to three times")
	f.StringVar(&wanted.City, "city", "", "`city`")
	f.StringVar(&wanted.Province, "province", "", "state or `province`")
	f.StringVar(&wanted.PostalCode, "postal-code", "", "postal `code`")
	f.StringVar(&wanted.Country, "country", "", "country's `code` (ISO 3166-1), as SE")
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		wanted.ID = args[0]
		if wanted.Password, err = secret.read(c.InOrStdin()); err != nil {
			return err
		}
		for _, file := range certificates {
			fingerprint, err := fingerprint(file)
			if err != nil {
				return err
			}
			wanted.Certificates = append(wanted.Certificates, fingerprint)
		}
		created, err := ask(c.Context(), t, func(ctx context.Context, client *admin.Client) (admin.Registrar, error) {
			return client.CreateRegistrar(ctx, wanted)
		})
		if err != nil {
			if secret.generate && admin.OutcomeUnknown(err) {
				fmt.Fprintf(c.ErrOrStderr(), "If %s was created, its password is %s\n", wanted.ID, wanted.Password)
			}
			return err
		}
		if len(created.Certificates) == 0 {
			fmt.Fprintf(c.ErrOrStderr(), "%s has no certificate, so it can't log in over EPP.\n", created.ID)
		}
		var unfunded error
		if deposit.Amount != "" {
			funded, err := fund(c.Context(), t, created.ID, deposit)
			if err == nil {
				created = funded
			} else {
				unfunded = fmt.Errorf("%s was created; its deposit failed (see quorate registrar fund): %w", created.ID, err)
			}
		}
		if secret.generate {
			created.Password = wanted.Password // shown once, and even if the deposit failed: nobody knows it otherwise
		}
		return errors.Join(showRegistrar(c, t, created), unfunded)
	}
	return c
}

func fund(ctx context.Context, t *target, id string, d admin.Deposit) (admin.Registrar, error) {
	return ask(ctx, t, func(ctx context.Context, client *admin.Client) (admin.Registrar, error) {
		return client.Deposit(ctx, id, d)
	})
}

func registrarFundCommand() *cobra.Command {
	var d admin.Deposit
	var limit string
	c, t := leaf("fund ID [AMOUNT]", "Book a registrar's deposit, or set its credit limit",
		`Books what a registrar has paid in, and with --credit-limit sets how far below nothing
its balance may go.

A deposit is booked each time that this is called. If its outcome is unknown, look for
its clTRID in the history before trying again.`,
		`  quorate registrar fund reg1 500.00
  quorate registrar fund reg1 500 --currency EUR --cltrid invoice-2026-17
  quorate registrar fund reg1 --credit-limit 100.00`, cobra.RangeArgs(1, 2))
	t.writes(c)
	c.Flags().StringVar(&d.Currency, "currency", admin.DefaultCurrency, "`code` of the currency (ISO 4217)")
	c.Flags().StringVar(&limit, "credit-limit", "", "`amount` that the registrar may owe (default: as it is)")
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 2 {
			d.Amount = args[1]
		}
		if c.Flags().Changed("credit-limit") {
			d.CreditLimit = &limit
		}
		funded, err := fund(c.Context(), t, args[0], d)
		if err != nil {
			return err
		}
		return showRegistrar(c, t, funded)
	}
	return c
}

func registrarShowCommand() *cobra.Command {
	c, t := leaf("show ID", "Show a registrar", "Shows a registrar: its data, its certificates' fingerprints and its balances.",
		"  quorate registrar show reg1\n  quorate registrar show reg1 --json", cobra.ExactArgs(1))
	t.reads(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		found, err := ask(c.Context(), t, func(ctx context.Context, client *admin.Client) (admin.Registrar, error) {
			return client.Registrar(ctx, args[0])
		})
		if err != nil {
			return err
		}
		return showRegistrar(c, t, found)
	}
	return c
}

func registrarListCommand() *cobra.Command {
	c, t := leaf("list", "List all registrars", "Lists all registrars with their balances.", "  quorate registrar list", cobra.NoArgs)
	t.reads(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		all, err := ask(c.Context(), t, func(ctx context.Context, client *admin.Client) ([]admin.Registrar, error) {
			return client.Registrars(ctx)
		})
		if err != nil {
			return err
		}
		if t.json {
			return writeJSON(c, all)
		}
		var rows [][]string
		for _, r := range all {
			var balances []string
			for _, b := range r.Balances {
				balances = append(balances, b.Balance+" "+b.Currency)
			}
			rows = append(rows, []string{r.ID, r.Name, number(r.IANA), strings.Join(balances, ", "), r.Created})
		}
		return table(c.OutOrStdout(), []string{"ID", "NAME", "IANA", "BALANCE", "CREATED"}, rows)
	}
	return c
}

func registrarLedgerCommand() *cobra.Command {
	var currency string
	var limit int
	c, t := leaf("ledger ID", "Show the movements on a registrar's account",
		"Shows the newest movements on a registrar's account, oldest first, each with the balance after it.",
		"  quorate registrar ledger reg1\n  quorate registrar ledger reg1 --limit 5", cobra.ExactArgs(1))
	t.reads(c)
	c.Flags().StringVar(&currency, "currency", "", "`code` of the currency (default: all)")
	c.Flags().IntVar(&limit, "limit", admin.DefaultLimit, fmt.Sprintf("most `movements` to show, up to %d", admin.MaxLimit))
	c.RunE = func(c *cobra.Command, args []string) error {
		all, err := ask(c.Context(), t, func(ctx context.Context, client *admin.Client) ([]admin.Posting, error) {
			return client.Ledger(ctx, args[0], currency, limit)
		})
		if err != nil {
			return err
		}
		if t.json {
			return writeJSON(c, all)
		}
		var rows [][]string
		for _, p := range all {
			rows = append(rows, []string{fmt.Sprint(p.Number), p.Time, p.Amount + " " + p.Currency, p.Balance + " " + p.Currency, p.Why, p.Object})
		}
		return table(c.OutOrStdout(), []string{"NUMBER", "TIME", "AMOUNT", "BALANCE", "WHY", "OBJECT"}, rows)
	}
	return c
}

func showRegistrar(c *cobra.Command, t *target, r admin.Registrar) error {
	if t.json {
		return writeJSON(c, r)
	}
	return describeRegistrar(c.OutOrStdout(), r)
}

func describeRegistrar(w io.Writer, r admin.Registrar) error {
	fields := []field{
		{"Registrar", r.ID},
		{"Name", r.Name},
		{"Password", r.Password},
		{"IANA id", number(r.IANA)},
		{"URL", r.URL},
		{"WHOIS", r.Whois},
		{"RDAP", r.RDAP},
		{"Abuse", strings.TrimSpace(r.AbuseEmail + " " + r.AbusePhone)},
		{"Contact", strings.TrimSpace(r.Email + " " + r.Voice)},
		{"Address", address(r)},
	}
	if r.Suspended {
		fields = append(fields, field{"Suspended", "yes"})
	}
	for _, f := range r.Certificates {
		fields = append(fields, field{"Certificate", f})
	}
	for _, b := range r.Bound {
		fields = append(fields, field{"Certificate", known(b) + during(b)})
	}
	if len(r.Networks) > 0 {
		fields = append(fields, field{"Networks", strings.Join(r.Networks, ", ")})
	}
	if r.Contacts != "" {
		fields = append(fields, field{"Domains", r.Contacts + " contacts, where a TLD leaves it open"})
	}
	if r.MaxSessions > 0 {
		fields = append(fields, field{"Sessions", fmt.Sprintf("at most %d", r.MaxSessions)})
	}
	if r.LockedUntil != "" {
		fields = append(fields, field{"Locked", "until " + r.LockedUntil + ", for wrong passwords"})
	}
	for _, b := range r.Balances {
		fields = append(fields, field{"Balance", fmt.Sprintf("%s %s (credit limit %s)", b.Balance, b.Currency, b.CreditLimit)})
	}
	return describe(w, append(fields, field{"Created", r.Created}))
}

// during is when a certificate is good, if not always.
func during(c admin.Certificate) (text string) {
	if c.From != "" {
		text += ", from " + c.From
	}
	if c.Until != "" {
		text += ", until " + c.Until
	}
	return text
}

func address(r admin.Registrar) string {
	var parts []string
	for _, p := range append(append([]string{}, r.Street...), strings.TrimSpace(r.PostalCode+" "+r.City), r.Province, r.Country) {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, ", ")
}

// number is a number that may be missing.
func number(n uint32) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}
