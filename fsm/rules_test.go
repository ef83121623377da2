package fsm_test

import (
	"go/ast"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

// The state machine is a pure function of its log. What could make two replicas
// differ is forbidden here rather than looked for afterwards.
var (
	forbiddenImports = []string{"time", "math/rand", "math/rand/v2", "crypto/rand", "net", "net/", "os/exec", "os/signal", "os/user", "runtime/metrics", "unicode", "golang.org/x/text"}
	// What the import list can't tell.
	forbiddenUses = []string{"os.Getenv", "os.Environ", "os.Hostname", "os.Getpid", "runtime.NumCPU", "runtime.GOMAXPROCS"}
	// Page layout is not state.
	floatsAllowed = []string{"batch.go"}
)

func TestFSMIsDeterministicByConstruction(t *testing.T) {
	t.Parallel()
	pkgs, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo | packages.NeedImports,
	}, "quorate/fsm/...")
	if err != nil {
		t.Fatal(err)
	}
	if len(pkgs) < 3 {
		t.Fatalf("only %d packages found", len(pkgs))
	}
	for _, p := range pkgs {
		if len(p.Errors) > 0 {
			t.Fatalf("%s: %v", p.PkgPath, p.Errors)
		}
		for _, f := range p.Syntax {
			for _, found := range impurities(p, f) {
				t.Error(found)
			}
		}
	}
}

func impurities(p *packages.Package, f *ast.File) (found []string) {
	file := filepath.Base(p.Fset.Position(f.Pos()).Filename)
	report := func(pos token.Pos, what string) {
		found = append(found, p.Fset.Position(pos).String()+": "+what)
	}
	for _, imp := range f.Imports {
		path := strings.Trim(imp.Path.Value, `"`)
		for _, bad := range forbiddenImports {
			if path == bad || strings.HasSuffix(bad, "/") && strings.HasPrefix(path, bad) {
				report(imp.Pos(), "imports "+path)
			}
		}
	}
	var sorted []ast.Expr // arguments whose order the callee takes away
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			report(n.Pos(), "starts a goroutine")
		case *ast.SelectStmt:
			report(n.Pos(), "selects among channels")
		case *ast.RangeStmt:
			if _, isMap := p.TypesInfo.TypeOf(n.X).Underlying().(*types.Map); isMap {
				report(n.Pos(), "ranges over a map")
			}
		case *ast.CallExpr:
			if name := qualified(n.Fun); name == "slices.Sorted" || name == "slices.SortedFunc" {
				sorted = append(sorted, n.Args[0])
			}
			if name := qualified(n.Fun); strings.HasPrefix(name, "maps.") && !slices.Contains(sorted, ast.Expr(n)) {
				report(n.Pos(), name+" without sorting")
			}
		case *ast.SelectorExpr:
			if slices.Contains(forbiddenUses, qualified(n)) {
				report(n.Pos(), "uses "+qualified(n))
			}
		}
		if e, ok := n.(ast.Expr); ok && !slices.Contains(floatsAllowed, file) {
			if b, ok := p.TypesInfo.TypeOf(e).(*types.Basic); ok && b.Info()&types.IsFloat != 0 {
				report(e.Pos(), "computes with floating point")
			}
		}
		return true
	})
	return found
}

func qualified(e ast.Expr) string {
	s, ok := e.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	x, ok := s.X.(*ast.Ident)
	if !ok {
		return ""
	}
	return x.Name + "." + s.Sel.Name
}
