package nodecli

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"quorate/transport/pki"
)

// maxSecret bounds a file with a password, in bytes; maxCertificate one with a certificate and its chain. A wrong path must not fill memory.
const (
	maxSecret      = 1 << 10
	maxCertificate = 1 << 20
)

// generatedLength is how many characters a generated password has: the most that EPP's login carries (RFC 5730
// §4.1, pwType), of 32 kinds: 80 bits.
const generatedLength = 16

// password is where a password comes from. It is never an argument: those are for all to see.
type password struct {
	file            string
	stdin, generate bool
}

func (p *password) flags(c *cobra.Command) {
	c.Flags().StringVar(&p.file, "password-file", "", "`file` with the password, one line")
	c.Flags().BoolVar(&p.stdin, "password-stdin", false, "read the password from standard input, one line")
	c.Flags().BoolVar(&p.generate, "generate-password", false, "make a password up and show it")
	c.MarkFlagsMutuallyExclusive("password-file", "password-stdin", "generate-password")
	c.MarkFlagsOneRequired("password-file", "password-stdin", "generate-password")
}

func (p *password) read(stdin io.Reader) (string, error) {
	switch {
	case p.generate:
		return rand.Text()[:generatedLength], nil
	case p.stdin:
		return readLine(stdin)
	}
	f, err := os.Open(p.file)
	if err != nil {
		return "", fmt.Errorf("the password: %w", err)
	}
	defer f.Close()
	return readLine(f)
}

func readLine(r io.Reader) (string, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxSecret))
	if err != nil {
		return "", fmt.Errorf("the password: %w", err)
	}
	line := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	if line == "" {
		return "", errors.New("the password is empty")
	}
	return line, nil
}

// fingerprint is that of the first certificate in a PEM file.
func fingerprint(file string) (string, error) {
	found, err := readCertificate(file)
	if err != nil {
		return "", err
	}
	return pki.Fingerprint(found), nil
}

// readCertificate is the first certificate in a PEM file: a registrar's own, before those that signed it.
func readCertificate(file string) (*x509.Certificate, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("the registrar's certificate: %w", err)
	}
	defer f.Close()
	rest, err := io.ReadAll(io.LimitReader(f, maxCertificate))
	if err != nil {
		return nil, fmt.Errorf("the registrar's certificate: %w", err)
	}
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil, fmt.Errorf("%s: no certificate in PEM form in it", file)
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		found, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		return found, nil
	}
}
