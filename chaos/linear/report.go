package linear

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Summary tells in a line what a history holds.
func (h *History) Summary() string {
	count := map[Outcome]int{}
	reads := 0
	for _, op := range h.Ops {
		switch op.Kind {
		case Check, WHOIS, RDAP, DNS, Serial, LocalBalance:
			reads++
		default:
			count[op.Outcome]++
		}
	}
	return fmt.Sprintf("%d commands done, %d refused, %d unanswered; %d reads of sessions and replicas; %d faults",
		count[OK], count[Refused], count[Unknown], reads, len(h.Faults))
}

// Report leaves a history in a folder, and a page for each violation; all their names begin with the title.
func (h *History) Report(dir, title string, found []*Violation) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	errs := []error{write(filepath.Join(dir, title+".history"), h.Save)}
	for i, v := range found {
		page := fmt.Sprintf("%s.%d.%s.html", title, i+1, strings.NewReplacer(" ", "-", "/", "-").Replace(v.Subject+" "+v.Level))
		errs = append(errs, write(filepath.Join(dir, page), v.Visualize))
	}
	return errors.Join(errs...)
}

func write(path string, content func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(content(f), f.Close())
}
