package nodecli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"quorate/node/admin"
)

func zoneTSIGCommand() *cobra.Command {
	return group("tsig", "Keys for zone transfers",
		"Commands about TSIG keys (RFC 8945): secrets shared with secondaries. They are part of the\nreplicated state, sealed under the key-encryption key.",
		tsigAddCommand(), tsigListCommand(), tsigShowCommand(), tsigRemoveCommand())
}

func tsigAddCommand() *cobra.Command {
	var algorithm, file string
	var stdin bool
	c, t := leaf("add NAME", "Make a TSIG key, or replace its secret",
		`Makes a key and shows it with its secret. A key of that name is replaced: secondaries that
use it need the new secret at once.`,
		"  quorate zone tsig add key.ops.example\n  quorate zone tsig add key2.ops.example --algorithm hmac-sha512\n"+
			"  echo c2VjcmV0LW9mLTE2LW9jdGV0cw== | quorate zone tsig add key3.ops.example --secret-stdin", cobra.ExactArgs(1))
	t.writes(c)
	c.Flags().StringVar(&algorithm, "algorithm", "hmac-sha256", "hmac-sha256, hmac-sha384 or hmac-sha512")
	c.Flags().StringVar(&file, "secret-file", "", "`file` with the secret in base64, one line (default: a secret is made up)")
	c.Flags().BoolVar(&stdin, "secret-stdin", false, "read the secret in base64 from standard input, one line")
	c.MarkFlagsMutuallyExclusive("secret-file", "secret-stdin")
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		k := admin.TSIGKey{Algorithm: algorithm}
		if stdin || file != "" {
			if k.Secret, err = (&password{file: file, stdin: stdin}).read(c.InOrStdin()); err != nil {
				return err
			}
		}
		shown, err := ask(c.Context(), t, func(ctx context.Context, client *admin.Client) (admin.TSIGKey, error) {
			return client.PutTSIGKey(ctx, args[0], k)
		})
		if err != nil {
			return err
		}
		return showTSIG(c, t, shown)
	}
	return c
}

func tsigListCommand() *cobra.Command {
	c, t := leaf("list", "List all TSIG keys", "Lists all keys, without their secrets.", "  quorate zone tsig list", cobra.NoArgs)
	t.reads(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		all, err := ask(c.Context(), t, func(ctx context.Context, client *admin.Client) ([]admin.TSIGKey, error) { return client.TSIGKeys(ctx) })
		if err != nil {
			return err
		}
		if t.json {
			return writeJSON(c, all)
		}
		var rows [][]string
		for _, k := range all {
			rows = append(rows, []string{k.Name, k.Algorithm, k.Created, k.Updated})
		}
		return table(c.OutOrStdout(), []string{"NAME", "ALGORITHM", "CREATED", "REPLACED"}, rows)
	}
	return c
}

func tsigShowCommand() *cobra.Command {
	var form string
	c, t := leaf("show NAME [--for bind|nsd|knot]", "Show a TSIG key with its secret",
		"Shows a key with its secret, or as a name server's configuration wants it.",
		"  quorate zone tsig show key.ops.example\n  quorate zone tsig show key.ops.example --for knot", cobra.ExactArgs(1))
	t.reads(c)
	c.Flags().StringVar(&form, "for", "", "`software` whose configuration to show it in: bind, nsd or knot")
	c.RunE = func(c *cobra.Command, args []string) error {
		if _, ok := tsigForms[form]; form != "" && !ok {
			return fmt.Errorf("--for is bind, nsd or knot, not %q", form)
		}
		k, err := ask(c.Context(), t, func(ctx context.Context, client *admin.Client) (admin.TSIGKey, error) {
			return client.TSIGKey(ctx, args[0])
		})
		if err != nil {
			return err
		}
		if form != "" {
			_, err := io.WriteString(c.OutOrStdout(), strings.NewReplacer("NAME", k.Name, "ALGORITHM", k.Algorithm, "SECRET", k.Secret).Replace(tsigForms[form]))
			return err
		}
		return showTSIG(c, t, k)
	}
	return c
}

// tsigForms are a key in the configuration of name servers.
var tsigForms = map[string]string{
	"bind": "key \"NAME.\" {\n\talgorithm ALGORITHM;\n\tsecret \"SECRET\";\n};\n",
	"nsd":  "key:\n\tname: \"NAME.\"\n\talgorithm: ALGORITHM\n\tsecret: \"SECRET\"\n",
	"knot": "key:\n  - id: NAME.\n    algorithm: ALGORITHM\n    secret: SECRET\n",
}

func tsigRemoveCommand() *cobra.Command {
	c, t := leaf("remove NAME", "Remove a TSIG key", "Removes a key that no secondary needs any more.",
		"  quorate zone tsig remove key3.ops.example", cobra.ExactArgs(1))
	t.writes(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		_, err := ask(c.Context(), t, func(ctx context.Context, client *admin.Client) (struct{}, error) {
			return struct{}{}, client.DeleteTSIGKey(ctx, args[0])
		})
		return err
	}
	return c
}

func showTSIG(c *cobra.Command, t *target, k admin.TSIGKey) error {
	if t.json {
		return writeJSON(c, k)
	}
	return describe(c.OutOrStdout(), []field{{"Key", k.Name}, {"Algorithm", k.Algorithm}, {"Secret", k.Secret}, {"Created", k.Created}, {"Replaced", k.Updated}})
}
