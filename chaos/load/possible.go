package load

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// configuration is how far the registry may have come with the commands on one name: the state, and which of the pending ones
// made it.
type configuration struct {
	State
	done [maxPending / 64]uint64
}

func (c *configuration) has(slot int) bool { return c.done[slot/64]&(1<<(slot%64)) != 0 }
func (c *configuration) set(slot int)      { c.done[slot/64] |= 1 << (slot % 64) }
func (c *configuration) clear(slot int)    { c.done[slot/64] &^= 1 << (slot % 64) }

// search follows the journal from entry to entry. A command is pending from its sending on, and must have been executed when its
// acknowledgement is met; one without answer is pending for ever. It never tries an order before an answer demands it.
type search struct {
	*Beginning
	pending [maxPending]*operation
	all     map[configuration]bool
	tooMany bool // there are more orders than are tried
}

// possible are the states that the name may be in after its operations, and what is wrong if no order explains the answers.
func (h *history) possible(b *Beginning) ([]State, *Problem) {
	if p := h.refusals(); p != nil {
		return nil, p
	}
	s := &search{Beginning: b, all: map[configuration]bool{}}
	for _, state := range h.base {
		s.all[configuration{State: state}] = true
	}
	type entry struct {
		*operation
		answer bool
		at     uint64
	}
	var entries []entry
	for _, o := range h.ops {
		if o.mayHappen() {
			entries = append(entries, entry{o, false, o.begin})
			if o.answer.Outcome == Acknowledged {
				entries = append(entries, entry{o, true, o.end})
			}
		}
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.at, b.at) })
	for _, e := range entries {
		slot := slices.Index(s.pending[:], nil)
		if e.answer {
			slot = slices.Index(s.pending[:], e.operation)
			s.advance(slot)
			s.pending[slot] = nil
		} else if slot >= 0 {
			s.pending[slot] = e.operation
		}
		if slot < 0 || s.tooMany {
			return nil, h.undecided()
		}
		if len(s.all) == 0 {
			return nil, h.contradiction(e.operation)
		}
	}
	if s.advance(-1); s.tooMany {
		return nil, h.undecided()
	}
	distinct := map[State]bool{}
	for c := range s.all {
		distinct[c.State] = true
	}
	states := slices.Collect(maps.Keys(distinct))
	slices.SortFunc(states, func(a, b State) int { return strings.Compare(a.String(), b.String()) })
	return states, nil
}

// advance leaves the configurations in which the command of the slot has been executed; slot -1 is none in particular: all that can be reached.
func (s *search) advance(slot int) {
	reached, seen := map[configuration]bool{}, map[configuration]bool{}
	var visit func(c configuration)
	visit = func(c configuration) {
		if s.tooMany = s.tooMany || len(seen) > maxConfigurations; seen[c] || s.tooMany {
			return
		}
		seen[c] = true
		if slot < 0 {
			reached[c] = true
		} else if c.has(slot) {
			c.clear(slot)
			reached[c] = true
			return
		}
		for i, o := range s.pending {
			if o == nil || c.has(i) || s.tooMany {
				continue
			}
			if state, ok := s.after(c.State, o); ok {
				next := configuration{state, c.done}
				next.set(i)
				visit(next)
			}
		}
	}
	for c := range s.all {
		visit(c)
	}
	s.all = reached
}

// undecided says that there is more about the name than can be told apart.
func (h *history) undecided() *Problem {
	return &Problem{Kind: Undecided, Name: h.ops[0].Name, Text: "it has too many commands without an answer to tell what it may be"}
}

// contradiction says what is wrong when no order explains the acknowledgement of o.
func (h *history) contradiction(o *operation) *Problem {
	var sold []string
	if h.base[0].Exists() {
		sold = append(sold, h.base[0].Sponsor)
	}
	deletes := 0
	for _, o := range h.ops {
		switch {
		case o.Command == Create && o.answer.Outcome == Acknowledged:
			sold = append(sold, o.Registrar)
		case o.Command == Delete && o.mayHappen():
			deletes++
		}
	}
	if o.Command == Create && len(sold) > deletes+1 {
		return &Problem{Kind: SoldTwice, Name: o.Name, Text: fmt.Sprintf("it was sold %d times, to %s, with %d deletes between", len(sold), strings.Join(sold, " and "), deletes)}
	}
	return &Problem{Kind: Contradiction, Name: o.Name, Site: o.Site,
		Text: fmt.Sprintf("no order of its commands explains why %s's %s (number %d) was acknowledged", o.Registrar, o.Command, o.Number)}
}

// refusals finds refusals that nothing explains: a name that is taken though nobody can have it, or gone though nobody deleted it.
func (h *history) refusals() *Problem {
	const taken, gone = 2302, 2303 // RFC 5730 §3
	for _, refused := range h.ops {
		if refused.answer.Outcome != Refused || refused.answer.Code != taken && refused.answer.Code != gone {
			continue
		}
		mayExist := slices.ContainsFunc(h.base, State.Exists)
		mayLack := slices.ContainsFunc(h.base, func(s State) bool { return !s.Exists() })
		for _, o := range h.ops {
			switch {
			case !o.mayHappen() || o.begin > refused.end:
			case o.Command == Create && o.answer.Outcome == Acknowledged && o.end < refused.begin:
				mayExist, mayLack = true, false
			case o.Command == Create:
				mayExist = true
			}
		}
		deleted := slices.ContainsFunc(h.ops, func(o *operation) bool {
			return o.Command == Delete && o.mayHappen() && o.begin < refused.end
		})
		switch {
		case refused.Command == Create && refused.answer.Code == taken && !mayExist:
			return &Problem{Kind: Contradiction, Name: refused.Name, Site: refused.Site, Text: "a create was refused as 2302 though nobody can have the name"}
		case refused.Command != Create && refused.answer.Code == gone && !mayLack && !deleted:
			return &Problem{Kind: Lost, Name: refused.Name, Site: refused.Site, Text: fmt.Sprintf("its create was acknowledged; then %s was refused as 2303", refused.Command)}
		}
	}
	return nil
}
