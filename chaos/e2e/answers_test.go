package e2e

import (
	"bytes"
	"context"
	"fmt"
	"hash/maphash"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"quorate/chaos/rst"
)

// What servers answered in all tests is validated against the schemas in one go, in the end: starting xmllint takes long.

// maxAnswers is how many answers are kept: more are much like those.
const maxAnswers = 3000

var answers struct {
	sync.Mutex
	seen   map[uint64]bool
	frames []rst.Frame
}

var shapes = maphash.MakeSeed()

// answered keeps an answer, unless one is kept that differs in digits only, so in times and numbers.
func answered(xml []byte) {
	shape := bytes.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return '0'
		}
		return r
	}, xml)
	key := maphash.Bytes(shapes, shape)
	answers.Lock()
	defer answers.Unlock()
	if answers.seen == nil {
		answers.seen = map[uint64]bool{}
	}
	if len(answers.frames) < maxAnswers && !answers.seen[key] {
		answers.seen[key] = true
		answers.frames = append(answers.frames, rst.Frame{Kind: "answer", XML: string(xml)})
	}
}

// shared is the path of a shared file; "" if it isn't there.
func shared(elements ...string) string {
	dir := os.Getenv("QUORATE_SHARED")
	if dir == "" {
		dir = filepath.Join(root, "..", "shared")
	}
	path := filepath.Join(append([]string{dir}, elements...)...)
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// validateAnswers holds what was answered against the schemas. Where everything is checked, they must be there.
func validateAnswers() error {
	schema := shared("schemas", "all.xsd")
	_, err := exec.LookPath("xmllint")
	switch {
	case len(answers.frames) == 0:
		return nil
	case schema == "" || err != nil:
		if os.Getenv("CI") == "true" {
			return fmt.Errorf("answers can't be validated: xmllint: %v, schemas at %q", err, schema)
		}
		fmt.Fprintf(os.Stderr, "%d answers were not validated (install libxml2-utils, set QUORATE_SHARED)\n", len(answers.frames))
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	wrong, err := rst.Validate(ctx, schema, answers.frames)
	if err != nil {
		return fmt.Errorf("validating answers: %w", err)
	}
	if len(wrong) == 0 {
		return nil
	}
	var b strings.Builder
	for _, p := range wrong {
		fmt.Fprintf(&b, "%v\n%s\n", p, p.Received)
	}
	return fmt.Errorf("%d of %d answers are not valid:\n%s", len(wrong), len(answers.frames), b.String())
}
