package chaoscli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"quorate/chaos/rst"
	"quorate/node/endpoints"
)

// sharedVariable names the folder in which ICANN's data and the XML schemas lie, and defaultShared is where it is looked for.
const (
	sharedVariable = "QUORATE_SHARED"
	defaultShared  = "../shared"
)

// errNotPassed says that a deployment would not pass; the report has said why.
var errNotPassed = errors.New("the deployment would not pass")

// rstRun is the command `quorate rst` and what its flags say.
type rstRun struct {
	suite     string
	cases     []string
	list      bool
	dev       string
	endpoints string
	tlds      []string
	data      string
	schemas   string
	plan      string
	json      string
	online    bool
	strict    bool
	frames    bool
	seed      uint64
}

func rstCommand() *cobra.Command {
	r := &rstRun{}
	c := &cobra.Command{
		Use:   "rst [INPUT]",
		Short: "Tell whether a deployment would pass ICANN's registry system tests",
		Long: `Tell whether a deployment would pass the EPP part of ICANN's Registry System Testing (RST v2): the cases epp-01 to epp-27, and, with
several addresses, those of the SRS gateway: what is done at one address must show at every other.

INPUT is a JSON object of the specification's input parameters ("epp.hostName", "epp.clid01", "epp.pwd01", "epp.registeredNames" and so
on), and "epp.addresses", "epp.caFile", "epp.clientKey01" and others that docs/OPERATIONS.md explains. --dev takes all of that from a
development cluster.

It registers names that begin with "rst", and pays for them. The rows of ICANN's data providers are tried if they lie in the --data
folder, and rows of our own besides; whatever the server sends is validated if the schemas and xmllint are there.

What needs the Internet is waived without --online. What needs rgp-1.0 comes later, as long as the server doesn't announce it; with
--strict it fails. The exit status is 1 if a case fails.`,
		Example: `  quorate rst --dev var/dev
  quorate rst --list
  quorate rst input.json --case epp-14 --case epp-16 --frames
  quorate rst input.json --online --plan StandardPreDelegationTest --json report.json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return oneLine(r.run(cmd.Context(), cmd.OutOrStdout(), args))
		},
	}
	f := c.Flags()
	f.StringVar(&r.suite, "suite", "epp", "which `SUITE`: epp has the SRS gateway's cases, too; srsgw has only those")
	f.StringArrayVar(&r.cases, "case", nil, "only cases whose `ID` begins so; may be repeated")
	f.BoolVar(&r.list, "list", false, "list the cases")
	f.StringVar(&r.dev, "dev", "", "the development cluster in this `FOLDER`")
	f.StringVar(&r.endpoints, "endpoints", "", "the development cluster of this `FILE`")
	f.StringArrayVar(&r.tlds, "tld", nil, "the development cluster's `TLD` to test, instead of its first; may be repeated for TLDs of one policy")
	f.StringVar(&r.data, "data", "", "`FOLDER` with rst-data-providers and rst-spec, none for none; default: "+defaultShared+"/data, or as "+sharedVariable+" says")
	f.StringVar(&r.schemas, "schemas", "", "path of all.xsd, none for none; default: "+defaultShared+"/schemas/all.xsd, or as "+sharedVariable+" says")
	f.StringVar(&r.plan, "plan", rst.RSPChangePlan, "the test `PLAN`: all but the default ask for launch-1.0")
	f.StringVar(&r.json, "json", "", "write the report to this `FILE`, too; - for the output, and nothing else there")
	f.BoolVar(&r.online, "online", false, "look names up, and ask for certificates of public authorities")
	f.BoolVar(&r.strict, "strict", false, "what has to come later fails")
	f.BoolVar(&r.frames, "frames", false, "show the frames that findings are about")
	f.Uint64Var(&r.seed, "seed", 0, "of names and values; 0 for a new one")
	return c
}

func (r *rstRun) run(ctx context.Context, out io.Writer, args []string) error {
	if r.suite != "epp" && r.suite != "srsgw" {
		return fmt.Errorf("--suite is epp or srsgw, not %s", r.suite)
	}
	if r.suite == "srsgw" && len(r.cases) == 0 {
		r.cases = []string{"srsgw"}
	}
	if r.list {
		return r.print(out)
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	in, err := r.input(ctx, args)
	if err != nil {
		return err
	}
	o := rst.Options{
		Input: in, Cases: r.cases, Plan: r.plan, Online: r.online, Strict: r.strict, Seed: r.seed,
		Data: sharedPath(r.data, "data"), Schemas: sharedPath(r.schemas, "schemas", "all.xsd"),
	}
	text := out
	if r.json == "-" {
		text = io.Discard
	}
	o.Tell = func(result rst.Result) { result.Print(text, r.frames) }
	runner, err := rst.NewRunner(ctx, o)
	if err != nil {
		return err
	}
	if o.Schemas == "" {
		fmt.Fprintln(text, "No schemas are at hand, so nothing is validated: --schemas names them.")
	}
	report, err := runner.Run(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(text, "\n%s The seed was %d.\n", report.Summary(), report.Seed)
	if err := r.write(out, report); err != nil {
		return err
	}
	if !report.Passed {
		return errNotPassed
	}
	return nil
}

// print lists the chosen cases.
func (r *rstRun) print(out io.Writer) error {
	cases, err := rst.Select(r.cases)
	for _, c := range cases {
		fmt.Fprintf(out, "%-9s %s\n", c.ID, c.Summary)
	}
	return err
}

func (r *rstRun) input(ctx context.Context, args []string) (rst.Input, error) {
	given := 0
	for _, s := range append([]string{r.dev, r.endpoints}, args...) {
		if s != "" {
			given++
		}
	}
	if given != 1 {
		return rst.Input{}, errors.New("name an input file, or a development cluster with --dev or --endpoints")
	}
	if len(args) == 1 {
		return rst.LoadInput(args[0])
	}
	path := r.endpoints
	if r.dev != "" {
		path = filepath.Join(r.dev, "endpoints.json")
	}
	e, err := endpoints.Load(path)
	if err != nil {
		return rst.Input{}, err
	}
	return rst.FromEndpoints(ctx, e, r.tlds...)
}

// sharedPath is a path that was given, "" for none, or where shared data lies if it is there.
func sharedPath(given string, elements ...string) string {
	switch given {
	case "none":
		return ""
	case "":
		root := os.Getenv(sharedVariable)
		if root == "" {
			root = defaultShared
		}
		path := filepath.Join(append([]string{root}, elements...)...)
		if _, err := os.Stat(path); err != nil {
			return ""
		}
		return path
	}
	return given
}

func (r *rstRun) write(out io.Writer, report *rst.Report) error {
	if r.json == "" {
		return nil
	}
	b, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	b = append(b, '\n')
	if r.json == "-" {
		_, err = out.Write(b)
		return err
	}
	return os.WriteFile(r.json, b, 0o600)
}
