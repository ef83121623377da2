package eppcli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"quorate/epp/client"
)

func raw(o *options) *cobra.Command {
	var noLogin bool
	cmd := &cobra.Command{
		Use: "raw FILE|-", Short: "Send frames from a file", Args: cobra.ExactArgs(1),
		Long: `Sends the EPP documents in a file as they stand, one after the other, and prints
the answers. "-" is standard input. A document ends where </epp> does. The
session is logged in before, unless --no-login is given or the first document
is a login. The status is 1 if any answer is an error.`,
		Example: `  quorate epp raw check.xml
  echo '<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><hello/></epp>' | quorate epp raw --no-login -`,
		RunE: func(cmd *cobra.Command, args []string) error {
			docs, err := readDocuments(cmd.InOrStdin(), args[0])
			if err != nil {
				return err
			}
			if noLogin || bytes.Contains(docs[0], []byte("<login>")) {
				return o.connection(cmd, func(ctx context.Context, c *client.Client, _ *target) (shown, error) { return sendAll(ctx, c, docs) })
			}
			return o.session(cmd, func(ctx context.Context, c *client.Client) (shown, error) { return sendAll(ctx, c, docs) })
		},
	}
	cmd.Flags().BoolVar(&noLogin, "no-login", false, "don't log in")
	return cmd
}

// sendAll sends documents and prints the answers, whatever they are; the error is that of the first that failed.
func sendAll(ctx context.Context, c *client.Client, docs [][]byte) (shown, error) {
	var answers []string
	var first error
	for i, doc := range docs {
		answer, err := c.Raw(ctx, doc)
		if err != nil {
			first = errors.Join(first, fmt.Errorf("document %d: %w", i+1, err))
			break
		}
		answers = append(answers, string(answer))
		if code := client.Code(answer); code >= 2000 && first == nil {
			first = fmt.Errorf("document %d was answered %d", i+1, code)
		}
	}
	s := shown{v: answers, text: func(w io.Writer) { fmt.Fprintln(w, strings.Join(answers, "\n")) }}
	s.failed = first
	return s, nil
}

func readDocuments(stdin io.Reader, path string) (docs [][]byte, err error) {
	in := stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxRaw+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxRaw {
		return nil, fmt.Errorf("%s is longer than %d octets", path, maxRaw)
	}
	const end = "</epp>"
	for rest := b; len(bytes.TrimSpace(rest)) > 0; {
		doc := rest
		if at := bytes.Index(rest, []byte(end)); at >= 0 {
			doc = rest[:at+len(end)]
		}
		rest = rest[len(doc):]
		docs = append(docs, bytes.TrimSpace(doc))
	}
	if len(docs) == 0 {
		return nil, fmt.Errorf("%s is empty", path)
	}
	return docs, nil
}
