package rst

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Frame is a frame that a server sent; Kind is for reports.
type Frame struct{ Kind, XML string }

// collect keeps a frame for validation at the end of the case: a process for each would take longer than the case.
func (t *trial) collect(kind string, xml []byte) {
	t.frames = append(t.frames, Frame{kind, string(xml)})
}

// validate holds the case's frames against the schemas.
func (t *trial) validate(ctx context.Context) {
	if t.o.Schemas == "" || len(t.frames) == 0 || ctx.Err() != nil {
		return
	}
	wrong, err := Validate(ctx, t.o.Schemas, t.frames)
	if err != nil {
		t.remark("the frames of this case were not validated: %v", err)
		return
	}
	for _, w := range wrong {
		t.note(w)
	}
}

// Validate holds frames against an XML schema with xmllint, and returns a problem for each that is not valid.
func Validate(ctx context.Context, schema string, frames []Frame) ([]*Problem, error) {
	lint, err := exec.LookPath("xmllint")
	if err != nil {
		return nil, fmt.Errorf("install libxml2-utils: %w", err)
	}
	dir, err := os.MkdirTemp("", "rst-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	args := []string{"--noout", "--nonet", "--schema", schema}
	seen := map[string]bool{}
	byFile := map[string]Frame{}
	for i, f := range frames {
		if seen[f.XML] {
			continue
		}
		seen[f.XML] = true
		name := filepath.Join(dir, fmt.Sprintf("%d.xml", i))
		if err := os.WriteFile(name, []byte(f.XML), 0o600); err != nil {
			return nil, err
		}
		byFile[name] = f
		args = append(args, name)
	}
	out, err := exec.CommandContext(ctx, lint, args...).CombinedOutput()
	if err == nil {
		return nil, nil
	}
	var problems []*Problem
	told := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(line)
		name, _, _ := strings.Cut(line, ":")
		f, ok := byFile[name]
		if !ok || told[name] {
			continue
		}
		told[name] = true
		p := problem(schemaError, "a %s is not valid: %s", f.Kind, strings.TrimPrefix(line, name+":"))
		p.Received = report(f.XML)
		problems = append(problems, p)
	}
	if len(problems) == 0 {
		return nil, fmt.Errorf("xmllint: %w: %.500s", err, out)
	}
	return problems, nil
}
