package publisher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// What a duty towards a zone comes to is proposed again when it was refused: another leader may have been faster, or
// marks may have come meanwhile. What is refused once more would be at every wake-up, many times a second under
// load, each time an entry of the log and a batch of signatures for nothing. So it rests for longer and longer, in log
// time, until an operator changes what it may depend on; and whoever looks at the zone is told.

// Trouble is a duty towards a zone that has failed again and again.
type Trouble struct {
	Zone     string        `json:"zone"`
	Duty     string        `json:"duty"`
	Why      string        `json:"why"`
	Since    registry.Time `json:"since"`    // when it failed first
	Next     registry.Time `json:"next"`     // when it is tried again, if no operator changes anything before
	Attempts int           `json:"attempts"` // that have failed
}

// Duties, as operators are told of them.
const (
	dutyKeys     = "the zone's first keys"
	dutyMarks    = "changes"
	dutyRollback = "rollback"
	dutyRefresh  = "renewal of signatures"
	dutyStage    = "edition in the making"
)

// place is what a trouble is about: a duty, or the signatures of one name alone.
type place struct{ zone, duty, owner string }

type trouble struct {
	Trouble
	stamp string // of what operators decide, as it was at the last attempt
	told  bool
}

// due says whether a duty is to be tried now, and which names of it are not.
func (p *Publisher) due(zone, duty string) (due bool, resting map[string]bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	due = true
	var now registry.Time
	marks := "" // of a state that has not been looked at
	for at, t := range p.troubles {
		if at.zone != zone || at.duty != duty {
			continue
		}
		if marks == "" {
			if err := p.view(func(v fsm.View) error { now, marks = v.Now(), stamp(v, zone); return nil }); err != nil {
				return false, nil, err
			}
		}
		switch rests := now < t.Next && marks == t.stamp; {
		case rests && at.owner == "":
			due = false
		case rests:
			if resting == nil {
				resting = map[string]bool{}
			}
			resting[at.owner] = true
		}
	}
	return due, resting, nil
}

// stamp stands for what operators have decided about a zone.
func stamp(v fsm.View, zone string) string {
	z, _ := v.Zone(zone)
	policy, _ := v.ZonePolicy(zone)
	t, _ := v.TLD(zone)
	var b strings.Builder
	fmt.Fprint(&b, policy.LastEvent, t.LastEvent, z.Frozen, z.Released, z.Rollback, z.Building, len(v.OperatorRecords(zone)))
	for _, k := range v.ZoneKeys(zone) {
		fmt.Fprint(&b, k.LastEvent, k.State(v.Now()))
	}
	return b.String()
}

// passing are errors that say nothing of the duty: it may have been done, or this node leads no more.
func passing(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, fsm.ErrNotLogged) || errors.Is(err, fsm.ErrOutcomeUnknown) || errors.Is(err, fsm.ErrUnavailable)
}

// judge notes what came of a duty, and returns the error if it is to be told of now. The first refusals may be somebody
// else's having been faster; of a trouble the log has one line when it begins and one when it ends.
func (p *Publisher) judge(ctx context.Context, at place, failed error) error {
	if failed != nil && passing(ctx, failed) {
		return failed
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.troubles[at]
	if failed == nil {
		if t != nil {
			delete(p.troubles, at)
			if t.told {
				p.log.Info("a zone's trouble is over", "zone", at.zone, "duty", at.duty, "name", at.owner)
			}
		}
		return nil
	}
	var now registry.Time
	var marks string
	if err := p.view(func(v fsm.View) error { now, marks = v.Now(), stamp(v, at.zone); return nil }); err != nil {
		return errors.Join(failed, err)
	}
	if t == nil {
		t = &trouble{Trouble: Trouble{Zone: at.zone, Duty: at.duty, Since: now}}
		if at.owner != "" {
			t.Duty += " of " + at.owner
		}
		p.troubles[at] = t
	}
	t.Attempts++
	t.Next = now + min(maxRest, firstRest<<min(t.Attempts-1, 20))
	t.Why, t.stamp = failed.Error(), marks
	if t.Attempts < attemptsTold {
		return failed
	}
	if !t.told {
		t.told = true
		p.log.Error("a zone can't be kept up to date; it is tried again now and then: quorate zone status", "page", true,
			"zone", at.zone, "duty", t.Duty, "attempts", t.Attempts, "error", failed)
	}
	return nil
}

// Troubles are the duties towards a zone (""; all zones) that keep failing, the oldest first.
func (p *Publisher) Troubles(zone string) (all []Trouble) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for at, t := range p.troubles {
		if t.Attempts >= attemptsTold && (zone == "" || at.zone == zone) {
			all = append(all, t.Trouble)
		}
	}
	slices.SortFunc(all, func(a, b Trouble) int {
		if a.Since != b.Since {
			return int(min(max(a.Since-b.Since, -1), 1))
		}
		return strings.Compare(a.Zone+a.Duty, b.Zone+b.Duty)
	})
	return all
}

// restOne lets the signatures of one name rest, so that those of others are renewed; false if there are too many such names.
func (p *Publisher) restOne(ctx context.Context, zone, owner string, why error) bool {
	p.mu.Lock()
	n := 0
	for at := range p.troubles {
		if at.owner != "" {
			n++
		}
	}
	p.mu.Unlock()
	if n >= maxResting {
		return false
	}
	at := place{zone, dutyRefresh, owner}
	if err := p.judge(ctx, at, why); err != nil {
		p.log.Warn("the signatures of a name can't be renewed, and will be tried again", "zone", zone, "name", owner, "error", err)
	}
	return true
}

// settle ends the troubles of single names that were tried again: nothing of theirs is left to be done.
func (p *Publisher) settle(ctx context.Context, zone string, resting map[string]bool) {
	p.mu.Lock()
	var over []place
	for at := range p.troubles {
		if at.zone == zone && at.owner != "" && !resting[at.owner] {
			over = append(over, at)
		}
	}
	p.mu.Unlock()
	for _, at := range over {
		_ = p.judge(ctx, at, nil) // which returns what it is given
	}
}
