package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The rules of docs/DEVELOPMENT.md that can be tests. Those of the state
// machine alone (no clock, no randomness, ...) are in fsm/rules_test.go.

// maxLines bounds a Go file outside of tests: one that outgrows it has more than one noun.
const maxLines = 700

// imports is what each package may use of this module, and does: an edge that
// is gone from the code must go from here. Read downwards it is the order of the rooms. A
// line for "room/..." is for all packages of the room, which may also use each other.
var imports = map[string][]string{
	".": {"chaos/chaoscli", "dnsserve/dnscli", "epp/eppcli", "node", "node/nodecli"},

	// A stranger's view: command lines, protocols, the operators' API, files. No node's insides.
	"chaos/...": {"epp/client", "epp/xmltree", "node/admin", "node/config", "node/endpoints", "node/faults", "transport/loopback", "transport/pki"},

	"node": {
		"node/admin", "node/config", "node/consensus", "node/faults", "node/leases", "node/publisher", "epp", "epp/password", "rdds", "rdds/rdap", "rdds/whois", "dnsserve",
		"fsm", "fsm/registry", "transport", "transport/pki",
	},
	"node/nodecli":         {"node/admin", "node/endpoints", "transport/pki"},
	"node/admin":           {"fsm", "fsm/registry", "transport/pki"},
	"node/admin/admintest": {"node/admin", "node/endpoints", "node/publisher", "fsm", "fsm/registry", "fsm/store", "transport/pki"},
	"node/consensus":       {"fsm", "fsm/bugs", "fsm/registry", "fsm/store", "transport"},
	"node/publisher":       {"fsm", "fsm/registry"},
	"node/config":          {},
	"node/leases":          {"transport"},
	"node/faults":          {}, // heeded only by binaries with the build tag of the same name
	"node/endpoints":       {},

	"node/consensus/planted": {}, // runs the tests of node/consensus, from outside

	"epp":           {"epp/extension", "epp/frame", "epp/password", "epp/secdns", "epp/xmlschema", "epp/xmltree", "epp/xmlwriter", "fsm", "fsm/registry", "transport/pki"},
	"epp/extension": {"epp/xmltree", "epp/xmlwriter", "fsm", "fsm/registry"},
	"epp/xmlschema": {"epp/xmltree", "fsm/registry"},
	"epp/xmlwriter": {"epp/xmltree", "fsm/registry"},
	"epp/secdns":    {"epp/extension", "epp/xmlschema", "epp/xmltree", "epp/xmlwriter", "fsm/registry"},
	"epp/eppcli":    {"epp/client"},
	"epp/client":    {"epp/frame", "epp/xmltree"},
	"epp/frame":     {},
	"epp/password":  {},
	"epp/xmltree":   {},

	"rdds":                  {"fsm", "fsm/registry"},
	"rdds/rdap":             {"rdds", "fsm", "fsm/registry"},
	"rdds/whois":            {"rdds", "fsm", "fsm/registry"},
	"rdds/internal/fixture": {"fsm", "fsm/registry", "fsm/store"},

	"dnsserve":           {},
	"dnsserve/dnscli":    {"dnsserve"},
	"dnsserve/secondary": {"transport/loopback"}, // for tests
	"deploy":             {},

	"fsm":          {"fsm/bugs", "fsm/registry", "fsm/store"},
	"fsm/registry": {"fsm/bugs", "fsm/store"},
	"fsm/bugs":     {}, // planted for the chaos tests by build tags, otherwise a constant
	"fsm/store":    {},

	"transport":          {"transport/pki"},
	"transport/pki":      {},
	"transport/loopback": {}, // for tests
}

// layers are the rooms from the top down: a room may use those of layers below it.
var layers = [][]string{{"."}, {"chaos"}, {"node"}, {"epp", "rdds", "dnsserve"}, {"fsm", "transport"}}

// inTests is what the tests of any package may use besides what its room uses
// anyway: certificates to knock at front doors, connections to tear, ports, the codec, and name servers that aren't ours.
var inTests = []string{"transport", "transport/pki", "transport/loopback", "fsm/store", "dnsserve/secondary"}

// sleepers are the test files that may call time.Sleep, with the reason.
var sleepers = map[string]string{
	"node/consensus/cluster_test.go":   "in the fake time of testing/synctest",
	"node/consensus/consensus_test.go": "in the fake time of testing/synctest",
	"node/consensus/leader_test.go":    "in the fake time of testing/synctest",
	"node/consensus/disk_test.go":      "in the fake time of testing/synctest",
	"node/consensus/newcomer_test.go":  "in the fake time of testing/synctest",
	"node/leases/leases_test.go":       "in the fake time of testing/synctest",
	"transport/status_test.go":         "in the fake time of testing/synctest",
	"transport/cluster_test.go":        "between two looks at a condition that has a deadline",
	"chaos/wan/network_test.go":        "between two looks at a condition that has a deadline",
	"chaos/wan/transport_test.go":      "between two looks at a condition that has a deadline",

	"node/consensus/sim_test.go":         "in the fake time of testing/synctest",
	"node/consensus/sim_check_test.go":   "in the fake time of testing/synctest",
	"node/consensus/sim_network_test.go": "in the fake time of testing/synctest",
	"node/consensus/sim_process_test.go": "in the fake time of testing/synctest",
	"node/consensus/sim_trouble_test.go": "in the fake time of testing/synctest",
}

// source is a Go file.
type source struct {
	path   string // relative to the module's root
	folder string
	test   bool
	lines  int
	fset   *token.FileSet
	*ast.File
}

func (s *source) at(n ast.Node) string {
	return s.path + ":" + strconv.Itoa(s.fset.Position(n.Pos()).Line)
}

// tree walks the repository's files, without what builds and runs leave in it.
func tree(t *testing.T, extension string) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && p != "." && (strings.HasPrefix(d.Name(), ".") || p == "bin" || p == "var"):
			return fs.SkipDir
		case !d.IsDir() && strings.HasSuffix(p, extension):
			paths = append(paths, filepath.ToSlash(p))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		t.Fatalf("no %s files", extension)
	}
	return paths
}

func sources(t *testing.T) (all []*source) {
	t.Helper()
	for _, p := range tree(t, ".go") {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		s := &source{path: p, folder: path.Dir(p), test: strings.HasSuffix(p, "_test.go"), lines: strings.Count(string(text), "\n"), fset: token.NewFileSet()}
		if s.File, err = parser.ParseFile(s.fset, p, text, parser.ParseComments|parser.SkipObjectResolution); err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	return all
}

// own is a package of this module by its folder; ok is false for others.
func own(spec *ast.ImportSpec) (folder string, ok bool) {
	p, _ := strconv.Unquote(spec.Path.Value)
	return strings.CutPrefix(p, "quorate/")
}

func TestImportsRunDownward(t *testing.T) {
	t.Parallel()
	used := map[string]map[string]bool{}
	all := sources(t)
	for _, s := range all {
		line := s.folder
		if _, whole := imports[room(s.folder)+"/..."]; whole {
			line = room(s.folder) + "/..."
		}
		if used[line] == nil {
			used[line] = map[string]bool{}
		}
		may, listed := imports[line]
		if !listed {
			t.Errorf("%s: the package is in no room: give it a line in imports", s.path)
		}
		if s.test {
			may = append(slices.Clone(inTests), allOf(room(s.folder))...)
		}
		for _, spec := range s.Imports {
			if folder, ok := own(spec); ok {
				within := line != s.folder && room(folder) == room(s.folder)
				if !within && !slices.Contains(may, folder) {
					t.Errorf("%s: %s must not import %s", s.at(spec), s.folder, folder)
				}
				if !s.test {
					used[line][folder] = true
				}
			}
		}
	}
	for folder, edges := range imports {
		if used[folder] == nil {
			t.Errorf("imports has %s, which is no package", folder)
			continue
		}
		for _, edge := range edges {
			if room(edge) != room(folder) && layer(t, edge) <= layer(t, folder) {
				t.Errorf("imports lets %s use %s, which is not below it", folder, edge)
			}
			if !used[folder][edge] {
				t.Errorf("imports lets %s use %s, which it doesn't", folder, edge)
			}
		}
	}
}

// room is the top folder of a package.
func room(folder string) string {
	top, _, _ := strings.Cut(folder, "/")
	return top
}

// layer is how far down a package's room is.
func layer(t *testing.T, folder string) int {
	t.Helper()
	at := slices.IndexFunc(layers, func(l []string) bool { return slices.Contains(l, room(folder)) })
	if at < 0 {
		t.Fatalf("%s is in no room", folder)
	}
	return at
}

// allOf are all packages that a room has or uses: its tests may.
func allOf(top string) (may []string) {
	for p, edges := range imports {
		if room(p) == top {
			may = append(append(may, p), edges...)
		}
	}
	return may
}

func TestPackagesAreDocumented(t *testing.T) {
	t.Parallel()
	comments := map[string]string{}
	names := map[string]string{}
	for _, s := range sources(t) {
		if strings.HasSuffix(s.Name.Name, "_test") {
			continue
		}
		names[s.folder] = s.Name.Name
		if !s.test && s.Doc != nil {
			comments[s.folder] += s.Doc.Text()
		}
	}
	for folder, name := range names {
		begins := "Package " + name + " "
		if name == "main" {
			begins = "Quorate "
		}
		if !strings.HasPrefix(comments[folder], begins) {
			t.Errorf("%s: the package's comment begins %q, want %q", folder, firstLine(comments[folder]), begins)
		}
	}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

func TestFilesAreShort(t *testing.T) {
	t.Parallel()
	for _, s := range sources(t) {
		if !s.test && s.lines > maxLines {
			t.Errorf("%s has %d lines, more than %d", s.path, s.lines, maxLines)
		}
	}
}

func TestTestsDoNotSleep(t *testing.T) {
	t.Parallel()
	slept := map[string]bool{}
	for _, s := range sources(t) {
		if !s.test {
			continue
		}
		ast.Inspect(s.File, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == "Sleep" {
				if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" {
					slept[s.path] = true
					if sleepers[s.path] == "" {
						t.Errorf("%s: time.Sleep: wait for a condition, with a deadline", s.at(n))
					}
				}
			}
			return true
		})
	}
	for p := range sleepers {
		if !slept[p] {
			t.Errorf("%s is allowed to sleep and doesn't", p)
		}
	}
}

// A fuzz target without seeds starts from nothing, and as a plain test it tests nothing.
func TestFuzzTargetsHaveSeeds(t *testing.T) {
	t.Parallel()
	targets := 0
	for _, s := range sources(t) {
		for _, d := range s.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || !s.test || f.Recv != nil || !strings.HasPrefix(f.Name.Name, "Fuzz") {
				continue
			}
			targets++
			seeds, err := filepath.Glob(filepath.Join(s.folder, "testdata", "fuzz", f.Name.Name, "*"))
			if err != nil {
				t.Fatal(err)
			}
			if len(seeds) == 0 && !adds(f) {
				t.Errorf("%s: %s has no seeds: neither f.Add nor testdata/fuzz/%s", s.at(f), f.Name.Name, f.Name.Name)
			}
		}
	}
	if targets == 0 {
		t.Error("no fuzz targets at all")
	}
}

// adds says whether a fuzz target calls Add of its argument.
func adds(f *ast.FuncDecl) (found bool) {
	params := f.Type.Params.List
	if len(params) != 1 || len(params[0].Names) != 1 {
		return false
	}
	ast.Inspect(f.Body, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == "Add" {
			x, ok := sel.X.(*ast.Ident)
			found = found || ok && x.Name == params[0].Names[0].Name
		}
		return !found
	})
	return found
}

// What documents name must be there: files, headings, tests, make's targets.

var (
	markdownLink = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	inCode       = regexp.MustCompile("`[^`\n]+`")
	sourcePath   = regexp.MustCompile(`^(?:\.ci|bin|chaos|deploy|dnsserve|docs|epp|fsm|node|rdds|transport)/[\w./-]*$`)
	testName     = regexp.MustCompile(`\b(?:Test|Fuzz|Benchmark)[A-Z]\w+`)
	makeTarget   = regexp.MustCompile("(?m)(?:^|`)make ([a-z0-9-]+)")
	fence        = regexp.MustCompile("(?s)```.*?```")
	heading      = regexp.MustCompile(`(?m)^#+ (.*)$`)
	notInAnchor  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

func document(t *testing.T, p string) string {
	t.Helper()
	text, err := os.ReadFile(p)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestDocumentsLinkToWhatIsThere(t *testing.T) {
	t.Parallel()
	for _, p := range tree(t, ".md") {
		for _, link := range markdownLink.FindAllStringSubmatch(fence.ReplaceAllString(document(t, p), ""), -1) {
			target, anchor, _ := strings.Cut(link[1], "#")
			if strings.Contains(target, ":") {
				continue // elsewhere
			}
			file := p
			if target != "" {
				file = path.Join(path.Dir(p), target)
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s links to %s: %v", p, link[1], err)
			} else if anchor != "" && !slices.Contains(anchors(document(t, file)), anchor) {
				t.Errorf("%s links to %s: %s has no such heading", p, link[1], file)
			}
		}
	}
}

// anchors are what a document's headings are linked to by.
func anchors(text string) (all []string) {
	for _, h := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		a := notInAnchor.ReplaceAllString(strings.ToLower(h[1]), "")
		all = append(all, strings.ReplaceAll(a, " ", "-"))
	}
	return all
}

func TestDocumentsNameWhatIsThere(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{}
	for _, s := range sources(t) {
		for _, d := range s.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && s.test {
				tests[f.Name.Name] = true
			}
		}
	}
	targets := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^([a-z0-9-]+):`).FindAllStringSubmatch(document(t, "Makefile"), -1) {
		targets[m[1]] = true
	}
	for _, p := range tree(t, ".md") {
		text := document(t, p)
		for _, code := range inCode.FindAllString(fence.ReplaceAllString(text, ""), -1) {
			code = strings.Trim(code, "`")
			if sourcePath.MatchString(code) && !strings.HasPrefix(code, "bin/") {
				if _, err := os.Stat(code); err != nil {
					t.Errorf("%s names %s, which isn't there", p, code)
				}
			}
			for _, name := range testName.FindAllString(code, -1) {
				if !tests[name] && !strings.HasSuffix(name, "Xxx") {
					t.Errorf("%s names the test %s, which isn't there", p, name)
				}
			}
		}
		for _, m := range makeTarget.FindAllStringSubmatch(text, -1) {
			if !targets[m[1]] {
				t.Errorf("%s names `make %s`, which the Makefile doesn't have", p, m[1])
			}
		}
	}
}

// metricName is what a name in a metrics table or in the code looks like.
var metricName = regexp.MustCompile(`^quorate_[a-z0-9_]+$`)

// The metrics that the code exports and those that docs/OPERATIONS.md explains are the same.
func TestMetricsAreDocumented(t *testing.T) {
	t.Parallel()
	exported := map[string]string{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		ast.Inspect(s.File, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if name, err := strconv.Unquote(lit.Value); err == nil && metricName.MatchString(name) {
					exported[name] = s.at(lit)
				}
			}
			return true
		})
	}
	explained := map[string]bool{}
	for line := range strings.Lines(document(t, "docs/OPERATIONS.md")) {
		cell := strings.Trim(strings.Split(line+"||", "|")[1], " `")
		if strings.HasPrefix(line, "|") && metricName.MatchString(cell) {
			explained[cell] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(exported)) {
		if !explained[name] {
			t.Errorf("%s: docs/OPERATIONS.md doesn't explain %s", exported[name], name)
		}
	}
	for name := range explained {
		if exported[name] == "" {
			t.Errorf("docs/OPERATIONS.md explains %s, which nothing exports", name)
		}
	}
}
