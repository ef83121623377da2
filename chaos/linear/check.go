package linear

import (
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
	"golang.org/x/sync/errgroup"
)

// Violation is a part of a history that no order of its operations explains.
type Violation struct {
	Subject   string // the name, account or zone
	Level     string // linearizable, or whose view of it
	Undecided bool   // the search took too long: neither right nor wrong is shown
	Why       string // what could not be placed

	check  *check
	faults []Fault
}

func (v *Violation) String() string {
	what := "is not in order"
	if v.Undecided {
		what = "is undecided"
	}
	return fmt.Sprintf("%s, %s: %s: %s", v.Subject, v.Level, what, v.Why)
}

// Linearizable is the level at which all clients together are judged.
const Linearizable = "linearizable"

// Check judges a history: each name's and account's linearizable operations by
// themselves, then with the reads of each session and each replica, and each
// replica's zone serials. It returns what is wrong.
func (h *History) Check() (found []*Violation) {
	var subjects []subject
	for _, n := range h.Names {
		subjects = append(subjects, h.name(n))
	}
	for _, a := range h.accounts() {
		subjects = append(subjects, h.account(a))
	}
	perSubject := make([][]*Violation, len(subjects))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, s := range subjects {
		group.Go(func() error {
			perSubject[i] = s.check()
			return nil
		})
	}
	group.Wait() // none fails
	for _, all := range perSubject {
		for _, v := range all {
			v.faults = h.Faults
			found = append(found, v)
		}
	}
	return append(found, h.serials()...)
}

// subject is what is judged by itself: linearizability is a property of each object.
type subject struct {
	title string
	model porcupine.Model
	base  []*Op // those that must be linearizable
	lanes []lane
}

// lane is a series of operations that must be found in its own order: those of a
// session, which must see its own writes, or the reads of one replica, which never goes back.
// What it reads may be late, but must have been true once.
type lane struct {
	title string
	ops   []*Op
}

func (h *History) name(n string) subject {
	s := subject{title: n, model: model(name{}, stepName, name.placed, name.place)}
	var sessions, rdds, dns series
	for _, op := range h.Ops {
		if op.Name != n || op.vain() {
			continue
		}
		switch op.Kind {
		case Create, Renew, Update, Delete, Info:
			s.base = append(s.base, op)
		}
		switch op.Kind {
		case WHOIS, RDAP:
			rdds.add("WHOIS and RDAP at "+op.Site, op)
		case DNS:
			dns.add("DNS at "+op.Site, op)
		default:
			sessions.add(fmt.Sprintf("session %d", op.Session), op)
		}
	}
	// A session that only did what all others must be in order with has nothing to add.
	sessions = slices.DeleteFunc(sessions, func(l lane) bool {
		return !slices.ContainsFunc(l.ops, func(op *Op) bool { return op.Kind == Check })
	})
	s.lanes = slices.Concat(sessions, rdds, dns)
	return s
}

// accounts are the registrars that the history knows.
func (h *History) accounts() (ids []string) {
	for _, op := range h.Ops {
		if op.Actor != "" && !slices.Contains(ids, op.Actor) {
			ids = append(ids, op.Actor)
		}
	}
	slices.Sort(ids)
	return ids
}

func (h *History) account(id string) subject {
	l := newLedger(h)
	s := subject{title: "account " + id, model: model(account{}, l.step, account.placed, account.place)}
	var local series
	for _, op := range h.Ops {
		switch {
		case op.Actor != id || !concerns(op) || op.vain():
		case op.Kind == LocalBalance:
			local.add("admin API at "+op.Site, op)
		default:
			s.base = append(s.base, op)
		}
	}
	s.lanes = local
	return s
}

// series are lanes by title.
type series []lane

func (s *series) add(title string, op *Op) {
	at := slices.IndexFunc(*s, func(l lane) bool { return l.title == title })
	if at < 0 {
		at = len(*s)
		*s = append(*s, lane{title: title})
	}
	(*s)[at].ops = append((*s)[at].ops, op)
}

// check judges the operations that must be linearizable, and if they are, each lane among them.
func (s subject) check() (found []*Violation) {
	if v := s.decide(Linearizable, nil); v != nil {
		return []*Violation{v}
	}
	for _, l := range s.lanes {
		if v := s.decide(l.title, l.ops); v != nil {
			found = append(found, v)
		}
	}
	return found
}

// check is one search for an order.
type check struct {
	model porcupine.Model
	ops   []porcupine.Operation
	info  porcupine.LinearizationInfo
}

// input is an operation as the model gets it. Place is its number in the lane at hand, from one; 0 if it isn't in it.
type input struct {
	*Op
	place int
}

// decide searches for an order of the base and a lane; nil says that there is one.
func (s subject) decide(level string, lane []*Op) *Violation {
	c := &check{model: s.model}
	// A lane's read can't have happened before what is ahead of it in the lane was called; its own call bounds nothing, as it may be late.
	places, since, calls := map[*Op]int{}, map[*Op]int64{}, int64(0)
	for i, op := range lane {
		places[op] = i + 1
		if slices.Contains([]Kind{Create, Renew, Update, Delete, Info}, op.Kind) {
			calls = op.Call
		}
		since[op] = calls
	}
	ops := s.base
	for _, op := range lane {
		if !slices.Contains(s.base, op) {
			ops = append(slices.Clip(ops), op)
		}
	}
	for _, op := range ops {
		o := porcupine.Operation{ClientId: op.Client, Input: input{op, places[op]}, Call: op.Call, Return: op.Return}
		if call, late := since[op]; late {
			o.Call = call
		}
		if op.Outcome == Unknown {
			o.Return = math.MaxInt64
		}
		c.ops = append(c.ops, o)
	}
	switch porcupine.CheckOperationsTimeout(c.model, c.ops, checkTimeout) {
	case porcupine.Ok:
		return nil
	case porcupine.Unknown:
		return &Violation{Subject: s.title, Level: level, Undecided: true, Why: fmt.Sprintf("%d operations, not after %v", len(c.ops), checkTimeout), check: c}
	}
	_, c.info = porcupine.CheckOperationsVerbose(c.model, c.ops, checkTimeout)
	return &Violation{Subject: s.title, Level: level, Why: c.why(), check: c}
}

// model makes porcupine's model of one of ours, which counts on what number of the lane it is.
func model[S fmt.Stringer](none S, step func(S, *Op) (S, bool), placed func(S) int, place func(S) S) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return none },
		Step: func(state, in, _ any) (bool, any) {
			s, op := state.(S), in.(input)
			if op.place > 0 {
				if op.place != placed(s)+1 {
					return false, state
				}
				s = place(s)
			}
			after, ok := step(s, op.Op)
			return ok, after
		},
		DescribeOperation: func(in, _ any) string { return in.(input).String() },
		DescribeState:     func(state any) string { return state.(S).String() },
	}
}

func (s name) placed() int       { return s.lane }
func (s name) place() name       { s.lane++; return s }
func (s account) placed() int    { return s.lane }
func (s account) place() account { s.lane++; return s }

// why tells how far the longest order goes, and which answer doesn't fit at its end.
func (c *check) why() string {
	var longest []porcupine.Operation
	for _, orders := range c.info.PartialLinearizationsOperations() {
		for _, o := range orders {
			if len(o) > len(longest) {
				longest = o
			}
		}
	}
	state := c.model.Init()
	placed := map[*Op]bool{}
	for _, o := range longest {
		_, state = c.model.Step(state, o.Input, nil)
		placed[o.Input.(input).Op] = true
	}
	// The first answer that nothing explains.
	var first *porcupine.Operation
	for i := range c.ops {
		o := &c.ops[i]
		if !placed[o.Input.(input).Op] && (first == nil || o.Return < first.Return) {
			first = o
		}
	}
	if first == nil {
		return "no order explains it"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "after %d of %d operations it is %s; by %s nothing explains %s",
		len(longest), len(c.ops), c.model.DescribeState(state), time.Duration(first.Return), first.Input.(input).String())
	return b.String()
}

// Visualize writes porcupine's picture of the violation, an HTML page, with the faults beside the clients.
func (v *Violation) Visualize(w io.Writer) error {
	if v.check == nil {
		return nil
	}
	var notes []porcupine.Annotation
	for _, f := range v.faults {
		notes = append(notes, porcupine.Annotation{Tag: f.Site, Start: f.From, End: f.To, Description: f.What, BackgroundColor: "#fdd"})
	}
	info := v.check.info
	info.AddAnnotations(notes)
	return porcupine.Visualize(v.check.model, info, w)
}

// serials holds each site's zone serials against each other: they only rise.
func (h *History) serials() (found []*Violation) {
	highest := map[string]*Op{}
	for _, op := range h.Ops {
		if op.Kind != Serial || op.Outcome != OK {
			continue
		}
		if before := highest[op.Site]; before != nil && op.Serial < before.Serial {
			found = append(found, &Violation{Subject: "zone", Level: "DNS at " + op.Site, Why: fmt.Sprintf("serial %d after %d, at %v", op.Serial, before.Serial, time.Duration(op.Call))})
			continue
		}
		highest[op.Site] = op
	}
	return found
}
