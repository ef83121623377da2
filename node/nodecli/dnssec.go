package nodecli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"quorate/node/admin"
	"quorate/transport/pki"
)

func dnssecCommand() *cobra.Command {
	return group("dnssec", "Signed zones and their keys",
		"Commands about DNSSEC. Zones are signed by the cluster itself, with keys that are part of the replicated\nstate, sealed under the cluster's key-encryption key.",
		dnssecSignCommand(), dnssecStatusCommand(), dnssecDSCommand(), dnssecGenerateCommand(), dnssecImportCommand(), dnssecExportCommand(), dnssecKeyCommand(), dnssecUnsignCommand())
}

func dnssecSignCommand() *cobra.Command {
	var w admin.ZonePolicyChange
	var nsec3, nsec, optOut, split, noCDS bool
	var algorithm int
	var keyTTL uint32
	var validity, jitter, refresh string
	c, t := leaf("sign TLD", "Sign a zone, or change how it is signed",
		`Has a zone signed: by default with NSEC3, without salt, further iterations and opt-out, with one
combined key of algorithm 13. TLDs that are opened at cluster level 3 or above are signed from the
beginning; this is for older ones, and to change a zone's form, its algorithm or the lives of its
signatures. In a zone that is signed what isn't named stays as it is. A zone of another form is made in
the background and published as soon as it is whole; until then it goes on as it is. Keys are made when
there are none.

Afterwards the parent needs the zone's DS records: quorate dnssec ds.`,
		`  quorate dnssec sign example
  quorate dnssec sign example --opt-out
  quorate dnssec sign example --validity 720h --refresh 400h --jitter 72h
  quorate dnssec sign example --key-ttl 7200
  quorate dnssec sign example --anew`, cobra.ExactArgs(1))
	f := c.Flags()
	f.BoolVar(&nsec3, "nsec3", false, "denial by NSEC3 without opt-out")
	f.BoolVar(&nsec, "nsec", false, "denial by NSEC, which lets anybody list the zone's names")
	f.BoolVar(&optOut, "opt-out", false, "leave unsigned delegations out of the NSEC3 chain (RFC 5155 §6)")
	f.IntVar(&algorithm, "algorithm", 13, "`number` of the algorithm of keys that are made: 8, 13, 14 or 15")
	f.BoolVar(&split, "split", false, "make a KSK and a ZSK instead of one combined key")
	f.BoolVar(&noCDS, "no-cds", false, "publish no CDS and CDNSKEY records")
	f.StringVar(&validity, "validity", "", "for how `long` a signature is valid (default: the SOA's expiry and a week)")
	f.StringVar(&jitter, "jitter", "", "by how `much` less, at most")
	f.StringVar(&refresh, "refresh", "", "how `long` before its end a signature is renewed; more than the SOA's expiry")
	f.Uint32Var(&keyTTL, "key-ttl", 3600, "time to live of DNSKEY, CDS and CDNSKEY records in `seconds`: a minute to a week")
	f.BoolVar(&w.Anew, "anew", false, "sign everything anew, also if nothing else changes")
	onZone(c, t, func(ctx context.Context, client *admin.Client, zone string) (admin.ZoneStatus, error) {
		form := ""
		switch {
		case nsec && (optOut || nsec3):
			return admin.ZoneStatus{}, errors.New("--nsec is another form than --nsec3 and --opt-out")
		case nsec3 && optOut:
			return admin.ZoneStatus{}, errors.New("--nsec3 is without opt-out: --opt-out alone is NSEC3, too")
		case nsec:
			form = "nsec"
		case optOut:
			form = "nsec3-opt-out"
		case nsec3:
			form = "nsec3"
		default: // a step of a rollover is no change of the form
			z, err := client.Zone(ctx, zone)
			if err != nil {
				return z, err
			}
			if z.Policy == nil || z.Policy.Form == "unsigned" {
				form = "nsec3"
			}
		}
		if form != "" {
			w.Form = &form
		}
		w.Algorithm, w.Split, w.NoCDS = given(c, "algorithm", &algorithm), given(c, "split", &split), given(c, "no-cds", &noCDS)
		w.KeyTTL = given(c, "key-ttl", &keyTTL)
		w.Validity, w.Jitter, w.Refresh = given(c, "validity", &validity), given(c, "jitter", &jitter), given(c, "refresh", &refresh)
		return client.SetZonePolicy(ctx, zone, w)
	})
	return c
}

func dnssecUnsignCommand() *cobra.Command {
	c, t := leaf("unsign TLD", "Publish a zone without signatures",
		`Makes a zone unsigned. Have the parent remove its DS records first, and wait until they are in
nobody's cache, or the zone is bogus for everybody who validates. If the parent is a zone of this cluster,
freeze the zone before ("quorate zone freeze"): the DS records go at once, the signatures when it is thawed.`,
		"  quorate dnssec unsign example", cobra.ExactArgs(1))
	onZone(c, t, func(ctx context.Context, client *admin.Client, zone string) (admin.ZoneStatus, error) {
		form := "unsigned"
		return client.SetZonePolicy(ctx, zone, admin.ZonePolicyChange{Form: &form})
	})
	return c
}

func dnssecStatusCommand() *cobra.Command {
	c, t := leaf("status TLD", "Show a zone's keys and signatures", "Shows a zone's keys with their timelines (RFC 7583), and when the first of its signatures ends.",
		"  quorate dnssec status example", cobra.ExactArgs(1))
	t.reads(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		z, err := ask(c.Context(), t, func(ctx context.Context, client *admin.Client) (admin.ZoneStatus, error) {
			return client.Zone(ctx, args[0])
		})
		if err != nil {
			return err
		}
		if t.json {
			return writeJSON(c, z)
		}
		fmt.Fprintf(c.OutOrStdout(), "%s is %s at serial %d.", z.Name, z.Form, z.Serial)
		if z.FirstExpiry != "" {
			fmt.Fprintf(c.OutOrStdout(), " The first signature ends at %s.", z.FirstExpiry)
		}
		fmt.Fprint(c.OutOrStdout(), "\n\n")
		var rows [][]string
		for _, k := range z.Keys {
			rows = append(rows, []string{fmt.Sprint(k.Number), k.Kind, fmt.Sprint(k.Tag), fmt.Sprint(k.Algorithm), k.State, k.Published, k.Active, k.Retired, k.Removed})
		}
		return table(c.OutOrStdout(), []string{"KEY", "KIND", "TAG", "ALGORITHM", "STATE", "PUBLISHED", "ACTIVE", "RETIRED", "REMOVED"}, rows)
	}
	return c
}

func dnssecDSCommand() *cobra.Command {
	var keys bool
	c, t := leaf("ds TLD", "Show what the parent of a zone needs",
		`Shows the DS records (SHA-256 and SHA-384) of the keys that a zone is to be trusted by, as its parent
needs them; or, with --dnskey, the keys themselves.`,
		"  quorate dnssec ds example\n  quorate dnssec ds example --dnskey", cobra.ExactArgs(1))
	t.reads(c)
	c.Flags().BoolVar(&keys, "dnskey", false, "show DNSKEY records")
	c.RunE = func(c *cobra.Command, args []string) error {
		d, err := ask(c.Context(), t, func(ctx context.Context, client *admin.Client) (admin.DelegationSigners, error) {
			return client.DelegationSigners(ctx, args[0])
		})
		if err != nil {
			return err
		}
		if t.json {
			return writeJSON(c, d)
		}
		lines := d.DS
		if keys {
			lines = d.DNSKEY
		}
		for _, line := range lines {
			fmt.Fprintln(c.OutOrStdout(), line)
		}
		return nil
	}
	return c
}

// timeFlags are those of a key's timeline.
func timeFlags(c *cobra.Command, k *admin.KeyTimes) {
	f := c.Flags()
	f.StringVar(&k.Published, "published", "", "`instant` from which the key is in the zone: RFC 3339, now, or +720h")
	f.StringVar(&k.Active, "active", "", "`instant` from which it signs")
	f.StringVar(&k.Retired, "retired", "", "`instant` from which it signs no more")
	f.StringVar(&k.Removed, "removed", "", "`instant` from which it is not in the zone any more")
}

func dnssecGenerateCommand() *cobra.Command {
	var k admin.NewKey
	c, t := leaf("generate TLD", "Make a key",
		`Makes a key for a zone. Without times it is kept and does nothing. A zone that has none at all need not
be helped: it makes its first keys itself. A key of another algorithm than the zone's signs before it is
published: --active now, then quorate dnssec sign --anew, then quorate dnssec key --published now.`,
		"  quorate dnssec generate example --kind zsk --published now --active +48h", cobra.ExactArgs(1))
	c.Flags().StringVar(&k.Kind, "kind", "csk", "csk (combined), ksk or zsk")
	c.Flags().IntVar(&k.Algorithm, "algorithm", 0, "`number` of the algorithm (default: as the zone's policy says)")
	timeFlags(c, &k.KeyTimes)
	onZone(c, t, func(ctx context.Context, client *admin.Client, zone string) (admin.ZoneStatus, error) {
		return client.AddKey(ctx, zone, k)
	})
	return c
}

// maxKeyFile bounds what is read of a key's file, in bytes.
const maxKeyFile = 16 << 10

func dnssecImportCommand() *cobra.Command {
	var k admin.NewKey
	c, t := leaf("import TLD FILE", "Take a key of a zone that was signed elsewhere",
		`Takes a private key: BIND's K*.private, which ldns, Knot and OpenDNSSEC write as well, or PEM
(PKCS #8, SEC 1, PKCS #1) that isn't encrypted. "-" reads standard input. To move a signed zone here,
open its TLD without signatures, so that the cluster makes no keys of its own:

  quorate tld create example --unsigned --serial SERIAL --ns ...
  quorate dnssec import example Kexample.+008+12345.private --kind ksk --published now --active now
  quorate dnssec import example Kexample.+008+23456.private --kind zsk --published now --active now
  quorate dnssec sign example

If the zone has other keys that sign, it is said how they go.`,
		"  quorate dnssec import example Kexample.+013+12345.private --kind csk --published now --active now", cobra.ExactArgs(2))
	c.Flags().StringVar(&k.Kind, "kind", "csk", "csk (combined), ksk or zsk")
	timeFlags(c, &k.KeyTimes)
	t.writes(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		in := c.InOrStdin()
		if args[1] != "-" {
			f, err := os.Open(args[1])
			if err != nil {
				return fmt.Errorf("the key's file: %w", err)
			}
			defer f.Close()
			in = f
		}
		text, err := io.ReadAll(io.LimitReader(in, maxKeyFile+1))
		if err != nil {
			return fmt.Errorf("the key's file: %w", err)
		}
		if k.Private = strings.TrimSpace(string(text)); k.Private == "" {
			return fmt.Errorf("the key's file is empty")
		}
		z, err := ask(c.Context(), t, func(ctx context.Context, client *admin.Client) (admin.ZoneStatus, error) {
			return client.AddKey(ctx, args[0], k)
		})
		if err != nil {
			return err
		}
		if err := showZone(c, t, z); err != nil || t.json {
			return err
		}
		for _, line := range afterImport(z) {
			fmt.Fprintln(c.OutOrStdout(), line)
		}
		return nil
	}
	return c
}

// afterImport says what is to be done so that a zone is signed by the key that came last, and by no others of its kind.
func afterImport(z admin.ZoneStatus) (lines []string) {
	if len(z.Keys) == 0 || z.Form == "unsigned" {
		return nil
	}
	fresh := z.Keys[len(z.Keys)-1]
	for _, k := range z.Keys[:len(z.Keys)-1] {
		if fresh.State != "active" || k.State != "active" || k.Kind != "csk" && fresh.Kind != "csk" && k.Kind != fresh.Kind {
			continue
		}
		if len(lines) == 0 {
			lines = append(lines, "", "Other keys sign the zone, too. When all that are to stay are here, and the parent's DS records are theirs:")
		}
		lines = append(lines, fmt.Sprintf("  quorate dnssec key %s %d --retired now", z.Name, k.Number))
	}
	if len(lines) == 0 {
		return nil
	}
	lines = append(lines, fmt.Sprintf("  quorate dnssec sign %s --anew", z.Name), "and when that is published (quorate zone status), and the longest TTL of the zone is over:")
	for _, k := range z.Keys[:len(z.Keys)-1] {
		if k.State == "active" && (k.Kind == "csk" || fresh.Kind == "csk" || k.Kind == fresh.Kind) {
			lines = append(lines, fmt.Sprintf("  quorate dnssec key %s %d --removed now", z.Name, k.Number))
		}
	}
	return lines
}

func dnssecExportCommand() *cobra.Command {
	var out string
	c, t := leaf("export TLD KEY", "Give a private key out",
		`Gives a key out in BIND's form. KEY is its number (quorate dnssec status). Whoever has the file can sign for
the zone. With --out NAME, NAME.private and NAME.key are written, readable by you alone.`,
		"  quorate dnssec export example 1 --out Kexample", cobra.ExactArgs(2))
	c.Flags().StringVar(&out, "out", "", "`name` of the files to write (default: standard output, the private part only)")
	c.RunE = func(c *cobra.Command, args []string) error {
		number, err := keyNumber(args[1])
		if err != nil {
			return err
		}
		k, err := ask(c.Context(), t, func(ctx context.Context, client *admin.Client) (admin.PrivateKey, error) {
			return client.ExportKey(ctx, args[0], number)
		})
		switch {
		case err != nil:
			return err
		case t.json:
			return writeJSON(c, k)
		case out == "":
			_, err = fmt.Fprint(c.OutOrStdout(), k.Private)
			return err
		}
		for file, text := range map[string]string{out + ".private": k.Private, out + ".key": k.DNSKEY + "\n"} {
			if err := pki.WriteFile(file, []byte(text), 0o600); err != nil {
				return fmt.Errorf("writing a key: %w", err)
			}
		}
		return nil
	}
	return c
}

func keyNumber(text string) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is no key's number: see quorate dnssec status", text)
	}
	return n, nil
}

func dnssecKeyCommand() *cobra.Command {
	var w admin.KeyChange
	c, t := leaf("key TLD KEY", "Change a key's timeline",
		`Sets instants of a key's timeline; those that are not given stay. KEY is its number (quorate dnssec
status). What would leave the zone without signatures, or its signatures without their key, or with a key
of an algorithm that not everything is signed with, is refused unless --force says so: the only key of a
zone can't be retired.`,
		"  quorate dnssec generate example --kind zsk --published now --active +48h\n  quorate dnssec key example 2 --active +72h", cobra.ExactArgs(2))
	timeFlags(c, &w.KeyTimes)
	c.Flags().BoolVar(&w.Force, "force", false, "even if the zone does not validate then")
	t.writes(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		number, err := keyNumber(args[1])
		if err != nil {
			return err
		}
		if w.KeyTimes == (admin.KeyTimes{}) {
			return unchanged("published", "active", "retired", "removed")
		}
		z, err := ask(c.Context(), t, func(ctx context.Context, client *admin.Client) (admin.ZoneStatus, error) {
			return client.SetKey(ctx, args[0], number, w)
		})
		if err != nil {
			return err
		}
		return showZone(c, t, z)
	}
	return c
}
