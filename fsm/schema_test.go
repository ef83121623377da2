package fsm_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"quorate/fsm/registry"
	"quorate/fsm/store"
)

// howToChange is what to do when the shape of what is stored differs from the golden one.
const howToChange = `
What is written at a level is read by every binary that reads that level, for ever.
- A new table, field or kind of command belongs to a level that no release has: declare it with
  store.DeclareSince, with the tag since:"N", or in kindsSince; raise store.HighestLevel to N and say in
  "brought" (registry/level.go) what it brings; write nothing of it while the cluster's level is lower.
- A line that is gone or different is a mistake: numbers and types stay. Add a new one beside the old.
Then write the listing anew with go test ./fsm -run TestSchema -golden schema, and read the difference.`

// The shape of everything that is stored or logged is held against a listing, so
// that nothing changes it by the way.
func TestSchema(t *testing.T) {
	t.Parallel()
	if registry.HighestLevel < 3 {
		t.Skip("the listing is of the newest level; this is an older binary")
	}
	got := schema()
	if *golden == "schema" {
		write(t, "schema.txt", []byte(got))
	}
	want := string(read(t, "schema.txt"))
	if got == want {
		return
	}
	for _, line := range difference(want, got) {
		t.Error(line)
	}
	t.Error(howToChange)
}

func schema() string {
	var s store.Shapes
	s.Add(reflect.TypeFor[store.Position]())
	return s.Tables() + registry.Schema(&s) + s.String()
}

// difference are the lines that only one of two texts has, each under its heading.
func difference(a, b string) (all []string) {
	mark := func(text string) map[string]bool {
		set := map[string]bool{}
		heading := ""
		for line := range strings.Lines(text) {
			if line = strings.TrimRight(line, "\n"); strings.HasPrefix(line, "type ") {
				heading = line + ": "
			}
			set[heading+strings.TrimSpace(line)] = true
		}
		return set
	}
	inA, inB := mark(a), mark(b)
	for line := range inA {
		if !inB[line] {
			all = append(all, "gone: "+line)
		}
	}
	for line := range inB {
		if !inA[line] {
			all = append(all, "new:  "+line)
		}
	}
	slices.Sort(all)
	return all
}

// What commands answer with is stored, too. The listing must have every type of it.
func TestRepliesAreInTheSchema(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("registry/*.go")
	if err != nil {
		t.Fatal(err)
	}
	listing, found := schema(), 0
	for _, file := range files {
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			verb, ok := d.(*ast.FuncDecl)
			if !ok || !answers(verb) {
				continue
			}
			ast.Inspect(verb.Body, func(n ast.Node) bool {
				ret, ok := n.(*ast.ReturnStmt)
				if !ok || len(ret.Results) != 3 {
					return true
				}
				switch reply := ret.Results[1].(type) {
				case *ast.CompositeLit:
					found++
					if name := "registry." + types.ExprString(reply.Type); !strings.Contains(listing, "reply "+name+"\n") {
						t.Errorf("%s: commands answer with %s: list it in replies (registry/level.go)", fset.Position(ret.Pos()), name)
					}
				default:
					if types.ExprString(reply) != "nil" {
						t.Errorf("%s: answer with a literal, so that its type can be seen here", fset.Position(ret.Pos()))
					}
				}
				return true
			})
		}
	}
	if found < 4 {
		t.Errorf("only %d replies were found: the test shows nothing", found)
	}
}

// answers says whether a function is a verb: one that returns a code, a reply and a failure.
func answers(f *ast.FuncDecl) bool {
	if f.Type.Results == nil || f.Body == nil {
		return false
	}
	var all []string
	for _, r := range f.Type.Results.List {
		all = append(all, types.ExprString(r.Type))
	}
	return strings.Join(all, ",") == "Code,any,*Failure"
}

// At FirstLevel the listing and the bytes are those of a binary that knows no other level.
func TestPositionsOfTheFirstLevelSayNothingOfLevels(t *testing.T) {
	t.Parallel()
	type before struct {
		Index  uint64       `cbor:"1,keyasint"`
		Term   uint64       `cbor:"2,keyasint"`
		Digest store.Digest `cbor:"3,keyasint"`
	}
	old := before{Index: 7, Term: 2}
	var now store.Position
	if err := store.Decode(store.Encode(old), &now); err != nil || now.Level() != registry.FirstLevel {
		t.Errorf("a position of before is at level %d: %v", now.Level(), err)
	}
	if err := store.Decode(store.Encode(now), &old); err != nil {
		t.Errorf("a binary of before can't read a position of the first level: %v", err)
	}
	now.Raised = 1
	if err := store.Decode(store.Encode(now), &old); err == nil {
		t.Error("a binary of before reads a position of the second level")
	}
}
