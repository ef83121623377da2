package load

import (
	"fmt"
	"strings"
)

// Kind is what is wrong with a name, an account or a replica.
type Kind string

// The kinds.
const (
	Lost          Kind = "lost"          // acknowledged, and not there
	Doubled       Kind = "doubled"       // years or money twice
	SoldTwice     Kind = "sold twice"    // two acknowledged creates without a delete between, or another's than was told
	Half          Kind = "half there"    // a part of what was acknowledged, or of what a domain has
	Different     Kind = "different"     // one node says this and another that
	Unexpected    Kind = "unexpected"    // there, and nobody's acknowledged or unanswered command explains it
	Contradiction Kind = "contradiction" // answers that exclude each other
	Money         Kind = "money"         // a balance that isn't what the names cost
	Delegation    Kind = "delegation"    // DNS doesn't say what the registry says
	Unreadable    Kind = "unreadable"    // it couldn't be read
	Undecided     Kind = "undecided"     // more may be true than the verifier can tell apart
)

// Problem is something that the verifier found.
type Problem struct {
	Kind      Kind   `json:"kind"`
	Name      string `json:"name,omitempty"`      // the domain
	Registrar string `json:"registrar,omitempty"` // whose account it is
	Site      string `json:"site,omitempty"`      // where it was seen
	Text      string `json:"text"`
}

// String is the problem in a line.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(string(p.Kind) + ": ")
	for _, word := range []string{p.Name, p.Registrar} {
		if word != "" {
			b.WriteString(word + " ")
		}
	}
	if p.Site != "" {
		fmt.Fprintf(&b, "at %s ", p.Site)
	}
	return strings.TrimSuffix(b.String(), " ") + ": " + p.Text
}

// Problems is the error that a verification ends with when it found something.
type Problems []Problem

// Error lists the problems, the first of them.
func (all Problems) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the registry is not what its clients were told, %d times:", len(all))
	for i, p := range all {
		if i == maxProblems {
			fmt.Fprintf(&b, "\n  and %d more", len(all)-i)
			break
		}
		b.WriteString("\n  " + p.String())
	}
	return b.String()
}

// Err is the problems as an error; nil when there are none.
func (all Problems) Err() error {
	if len(all) == 0 {
		return nil
	}
	return all
}
