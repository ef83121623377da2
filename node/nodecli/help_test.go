package nodecli

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"quorate/fsm/registry"
	"quorate/node/admin"
	"quorate/node/admin/admintest"
)

// leaves are the commands that do something, in the order of the help.
func leaves(all []*cobra.Command) (found []*cobra.Command) {
	for _, c := range all {
		if !c.HasSubCommands() || c.Example != "" {
			found = append(found, c)
		}
		found = append(found, leaves(c.Commands())...)
	}
	return found
}

func TestHelpTeaches(t *testing.T) {
	t.Parallel()
	for _, c := range leaves(Commands()) {
		if c.Short == "" || c.Long == "" || c.Example == "" {
			t.Errorf("%s: a command has a summary, a description and examples", c.CommandPath())
		}
		for line := range strings.Lines(c.Long + "\n" + c.Example) {
			if len(strings.TrimRight(line, "\n")) > 110 {
				t.Errorf("%s: a line of help is too long: %s", c.CommandPath(), line)
			}
		}
	}
	for _, c := range Commands() {
		out, _, err := run(t, "", c.Name(), "--help")
		if err != nil || !strings.Contains(out, c.Long) {
			t.Errorf("%s --help: %v\n%s", c.Name(), err, out)
		}
	}
}

// Every example of every command works in the folder where the development cluster was started.
func TestExamplesWork(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("QUORATE_ENDPOINTS", "")
	c := admintest.New(t, 3)
	furnish(t, c, dir)
	ran := 0
	all := leaves(Commands())
	slices.SortStableFunc(all, func(a, b *cobra.Command) int { return turn(a) - turn(b) })
	for _, command := range all {
		for _, line := range examples(command.Example) {
			stdin := ""
			if before, after, piped := strings.Cut(line, " | "); piped {
				stdin, line = words(t, before)[1]+"\n", after
			}
			args := words(t, line)
			if args[0] != "quorate" {
				t.Errorf("an example that is none: %s", line)
				continue
			}
			if strings.Contains(line, "zone rollback") { // to a serial that there was
				z, err := c.Client(0).Zone(t.Context(), "example")
				if err != nil {
					t.Fatal(err)
				}
				args[len(args)-1] = fmt.Sprint(z.Serial - 1)
			}
			if strings.Contains(line, "zone abandon") { // of an edition that is still in the making
				c.Rest(true)
				must(t, "dnssec", "sign", "example", "--nsec")
			}
			if _, _, err := run(t, stdin, args[1:]...); err != nil {
				t.Errorf("%s\n%v", line, err)
			}
			ran++
		}
	}
	if ran < 20 {
		t.Errorf("only %d examples were found", ran)
	}
}

// turn is when a command's examples come: first those that raise the level, for what came with it has examples, too; then the one
// that signs the zone whose keys others show; in the end those that undo something.
func turn(c *cobra.Command) int {
	turns := []string{"quorate level raise", "level raise", "dnssec sign", "", "zone freeze", "zone thaw", "zone rollback", "zone abandon", "dnssec unsign"}
	for i, path := range turns {
		if path != "" && strings.HasSuffix(c.CommandPath(), path) {
			return i
		}
	}
	return slices.Index(turns, "")
}

// keyFile is a key as other programs write it; it is nobody's.
const keyFile = "Private-key-format: v1.3\nAlgorithm: 13 (ECDSAP256SHA256)\nPrivateKey: AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=\n"

// furnish makes what the development cluster has: a file of endpoints, certificates, a TLD and funded registrars.
func furnish(t *testing.T, c *admintest.Cluster, dir string) {
	t.Helper()
	certs := filepath.Join(dir, "var", "dev", "certs")
	if err := os.MkdirAll(certs, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(c.Endpoints(), filepath.Join(dir, "var", "dev", "endpoints.json")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "Kexample.+013+12345.private"), []byte(keyFile), 0o600); err != nil {
		t.Fatal(err)
	}
	found(t, c)
	for at := registry.FirstLevel; at < registry.HighestLevel-1; at++ {
		must(t, "level", "raise")
	}
	must(t, strings.Fields(createExample)...)
	for i, id := range []string{"reg1", "reg2"} {
		file, fingerprint := certificateFile(t, c, id)
		if err := os.Rename(file, filepath.Join(certs, id+".pem")); err != nil {
			t.Fatal(err)
		}
		r := admin.Registrar{ID: id, Name: id, Password: "secret-1", Certificates: []string{fingerprint}, IANA: uint32(9995 + i)}
		if _, err := c.Client(0).CreateRegistrar(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		must(t, "registrar", "fund", id, "1000000.00")
	}
	register(t, c, "reg1", "a.example", "c1")
}

// examples are the command lines of an Example, with continued lines joined.
func examples(text string) (lines []string) {
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\\\n", " "), "\n") {
		lines = append(lines, strings.TrimSpace(line))
	}
	return lines
}

// words splits a command line as a shell does, as far as the examples need it.
func words(t *testing.T, line string) (all []string) {
	t.Helper()
	quote := `"`
	if strings.Contains(line, "'") {
		quote = "'"
	}
	for i, part := range strings.Split(line, quote) {
		if i%2 == 1 {
			all = append(all, part)
		} else {
			all = append(all, strings.Fields(part)...)
		}
	}
	if strings.Count(line, quote)%2 != 0 {
		t.Fatalf("a quote is not closed: %s", line)
	}
	return all
}
