package rst

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Print writes what came of a case, for people: a line, and a line for each finding.
func (r *Result) Print(out io.Writer, frames bool) {
	line := fmt.Sprintf("%-9s %-7s  %s", r.ID, r.Outcome, r.Summary)
	switch {
	case r.Reason != "":
		line += "; " + r.Reason
	case r.Rows > 0:
		line += fmt.Sprintf(" (%d rows, %d commands, %v)", r.Rows, r.Commands, r.Duration.Round(time.Millisecond))
	case r.Commands > 0:
		line += fmt.Sprintf(" (%d commands, %v)", r.Commands, r.Duration.Round(time.Millisecond))
	}
	fmt.Fprintln(out, line)
	const indent = "          "
	for _, p := range r.Problems {
		fmt.Fprintf(out, indent+"%s %s: %s\n", p.Severity, p.Code, p.Detail)
		if frames {
			for what, frame := range map[string]string{"sent": p.Sent, "received": p.Received} {
				if frame != "" {
					fmt.Fprintf(out, indent+"  %s: %s\n", what, strings.ReplaceAll(frame, "\n", " "))
				}
			}
		}
	}
	for _, w := range r.Waived {
		fmt.Fprintf(out, indent+"waived: offline: %s\n", w)
	}
	for _, l := range r.Later {
		fmt.Fprintf(out, indent+"later: %s, once rgp-1.0 is announced\n", l)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(out, indent+"note: %s\n", n)
	}
}

// Summary is a line that counts the outcomes.
func (r *Report) Summary() string {
	counts := map[Outcome]int{}
	for _, c := range r.Cases {
		counts[c.Outcome]++
	}
	var parts []string
	for _, o := range []Outcome{Passed, Warned, Failed, NotRun, Skipped, Waived, Later} {
		if counts[o] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[o], o))
		}
	}
	verdict := "would pass"
	if !r.Passed {
		verdict = "would not pass"
	}
	return fmt.Sprintf("%d cases: %s. This deployment %s.", len(r.Cases), strings.Join(parts, ", "), verdict)
}
