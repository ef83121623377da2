package rst

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Case is one of the specification's test cases.
type Case struct {
	ID      string
	Summary string
	run     func(ctx context.Context, t *trial) error // an error is a *Problem, and ends the case
}

// Outcome is what came of a case.
type Outcome string

// The outcomes. Only Failed fails a run.
const (
	Passed  Outcome = "PASS"
	Warned  Outcome = "WARN"
	Failed  Outcome = "FAIL"
	Skipped Outcome = "SKIP"   // doesn't apply to such a registry
	Waived  Outcome = "WAIVED" // all of it needs the Internet
	Later   Outcome = "LATER"  // all of it needs an extension that isn't offered
	NotRun  Outcome = "NOT RUN"
)

// Result is what came of a case, and why.
type Result struct {
	ID       string        `json:"id"`
	Summary  string        `json:"summary"`
	Outcome  Outcome       `json:"outcome"`
	Reason   string        `json:"reason,omitempty"` // of SKIP and NOT RUN
	Problems []*Problem    `json:"problems,omitempty"`
	Waived   []string      `json:"waived,omitempty"` // what of it needs the Internet and was left out
	Later    []string      `json:"later,omitempty"`  // what of it needs an extension that the server doesn't announce
	Notes    []string      `json:"notes,omitempty"`
	Commands int           `json:"commands"` // sent
	Rows     int           `json:"rows"`     // of data that were tried
	Duration time.Duration `json:"duration_ns"`
}

// trial is a case while it runs.
type trial struct {
	*Runner
	result   *Result
	sessions []*session
	frames   []Frame
	checked  bool // something was found out
}

// errSkip ends a case that doesn't apply; its text says why.
type errSkip struct{ why string }

func (e errSkip) Error() string { return e.why }

// skip ends a case that doesn't apply.
func skip(format string, args ...any) error { return errSkip{fmt.Sprintf(format, args...)} }

// find notes a problem; the case goes on.
func (t *trial) find(code, format string, args ...any) { t.note(problem(code, format, args...)) }

func (t *trial) note(p *Problem) {
	t.checked = true
	t.result.Problems = append(t.result.Problems, p)
}

// findAt notes a problem of an address; what several have is one finding.
func (t *trial) findAt(address, code, format string, args ...any) {
	detail := fmt.Sprintf(format, args...)
	for _, p := range t.result.Problems {
		if p.Code == code && strings.HasSuffix(p.Detail, ": "+detail) {
			p.Detail = strings.TrimSuffix(p.Detail, ": "+detail) + ", " + address + ": " + detail
			return
		}
	}
	t.find(code, "%s: %s", address, detail)
}

// about notes a problem with a command and its answer.
func (t *trial) about(r *reply, code, format string, args ...any) {
	p := problem(code, format, args...)
	p.Detail += fmt.Sprintf(" (%d %s)", r.code, r.text())
	p.Sent, p.Received = r.sent, report(r.xml)
	t.note(p)
}

// waive notes that something needs the Internet and was left out.
func (t *trial) waive(what string) { t.result.Waived = addOnce(t.result.Waived, what) }

// later notes that something needs an extension that isn't there, and says whether it may wait.
func (t *trial) later(what string) { t.result.Later = addOnce(t.result.Later, what) }

// remark notes what is worth knowing and no problem.
func (t *trial) remark(format string, args ...any) {
	t.result.Notes = addOnce(t.result.Notes, fmt.Sprintf(format, args...))
}

func addOnce(all []string, s string) []string {
	if slices.Contains(all, s) {
		return all
	}
	return append(all, s)
}

// try runs a case.
func (r *Runner) try(ctx context.Context, c Case) (result Result) {
	begun := time.Now()
	t := &trial{Runner: r, result: &result}
	result.ID, result.Summary = c.ID, c.Summary
	err := c.run(ctx, t)
	for _, s := range t.sessions {
		s.logout(ctx)
	}
	var p *Problem
	var s errSkip
	switch {
	case errors.As(err, &s):
		result.Outcome, result.Reason, result.Duration = Skipped, s.why, time.Since(begun)
		return result
	case errors.As(err, &p):
		t.note(p)
	case ctx.Err() != nil:
		result.Outcome, result.Reason = NotRun, "interrupted"
		return result
	case err != nil:
		t.note(problem(genericError, "%v", err))
	default:
		t.checked = t.checked || result.Commands > 0
	}
	t.validate(ctx)
	result.Outcome = outcome(&result, t.checked)
	result.Duration = time.Since(begun)
	return result
}

// outcome weighs what was found.
func outcome(r *Result, checked bool) Outcome {
	o := Passed
	for _, p := range r.Problems {
		if p.Severity != Warning {
			return Failed
		}
		o = Warned
	}
	switch {
	case o == Warned || checked:
		return o
	case len(r.Waived) > 0:
		return Waived
	case len(r.Later) > 0:
		return Later
	}
	return o
}

// critical says whether a finding ends the run.
func (r *Result) critical() bool {
	return slices.ContainsFunc(r.Problems, func(p *Problem) bool { return p.Severity == Critical })
}

// report is a frame as a report shows it: without passwords, and not endless.
func report(xml string) string {
	xml = hidden.ReplaceAllString(xml, "${1}********${2}")
	if len(xml) > maxReported {
		return strings.ToValidUTF8(xml[:maxReported], "") + "…"
	}
	return xml
}
