// Package publisher does the leader's duty towards the zones: it has what is marked in the registry published, signatures
// renewed before they end, and editions made in the background. It is a function of a view of the state and of
// the zones' private keys, which it opens: all that it comes to is commands, and it keeps nothing that the next
// leader would miss. What is in a zone is decided in fsm/registry.
package publisher

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// Publisher publishes zones while its node leads.
type Publisher struct {
	view func(func(fsm.View) error) error
	seal Sealer
	log  *slog.Logger

	staged int // names to a part of an edition

	mu       sync.Mutex
	open     map[string]openKey // keys that have been opened, by sealed form
	troubles map[place]*trouble
}

// New makes a publisher that reads the state with view.
func New(view func(func(fsm.View) error) error, seal Sealer, log *slog.Logger) *Publisher {
	return &Publisher{view: view, seal: seal, log: log, staged: maxStaged, open: map[string]openKey{}, troubles: map[place]*trouble{}}
}

// Execute has a command of this node executed; its error is a *registry.Failure when the registry refused.
type Execute func(ctx context.Context, kind registry.Kind, body any) error

// Once does what there is to do now, one command of each sort for each zone; more says that there may be more at once.
func (p *Publisher) Once(ctx context.Context, do Execute) (more bool, err error) {
	var zones []registry.Zone
	if err := p.view(func(v fsm.View) error { zones = v.Zones(); return nil }); err != nil {
		return false, err
	}
	for _, z := range zones {
		some, failed := p.zone(ctx, z, do)
		more = more || some && failed == nil
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("zone %s: %w", z.Name, failed))
		}
	}
	return more, err
}

// zone does what there is to do for a zone.
func (p *Publisher) zone(ctx context.Context, z registry.Zone, do Execute) (more bool, err error) {
	if z.Generation == 0 && z.Building == 0 {
		return p.duty(ctx, z.Name, dutyMarks, func(map[string]bool) (bool, error) { return p.plain(ctx, z.Name, do) })
	}
	ready := false
	if _, err = p.duty(ctx, z.Name, dutyKeys, func(map[string]bool) (_ bool, err error) {
		ready, err = p.prepareKeys(ctx, z.Name, do)
		return ready, err
	}); err != nil || !ready {
		return false, err
	}
	for _, d := range []struct {
		name string
		do   func(resting map[string]bool) (bool, error)
	}{
		{dutyMarks, func(map[string]bool) (bool, error) { return p.marks(ctx, z.Name, do) }},
		{dutyRollback, func(map[string]bool) (bool, error) { return p.rollback(ctx, z.Name, do) }},
		{dutyRefresh, func(resting map[string]bool) (bool, error) { return p.refresh(ctx, z.Name, resting, do) }},
		{dutyStage, func(map[string]bool) (bool, error) { return p.stage(ctx, z.Name, do) }},
	} {
		some, failed := p.duty(ctx, z.Name, d.name, d.do)
		more, err = more || some, errors.Join(err, failed)
	}
	return more, err
}

// duty does a duty unless it rests because it has failed.
func (p *Publisher) duty(ctx context.Context, zone, name string, do func(resting map[string]bool) (bool, error)) (some bool, err error) {
	due, resting, err := p.due(zone, name)
	if err != nil || !due {
		return false, err
	}
	some, err = do(resting)
	return some && err == nil, p.judge(ctx, place{zone: zone, duty: name}, err)
}

// plain publishes a zone that is as before level 3.
func (p *Publisher) plain(ctx context.Context, zone string, do Execute) (bool, error) {
	var pub registry.Publication
	var some bool
	if err := p.view(func(v fsm.View) error { pub, some = v.Publish(zone, v.Index(), maxUnsigned); return nil }); err != nil || !some {
		return false, err
	}
	return true, do(ctx, registry.KindPublishZone, pub)
}

// prepareKeys makes a zone's first keys if it is to be signed and has none; ready says that it can be published. It makes none
// beside keys of ours that are published: the parent knows those, and a key that it doesn't know in their place would have
// validating resolvers refuse the zone. What is served is good for weeks yet, in which an operator can have a key sign again.
func (p *Publisher) prepareKeys(ctx context.Context, zone string, do Execute) (ready bool, err error) {
	var policy registry.ZonePolicy
	var signers, all []registry.ZoneKey
	var now registry.Time
	needed, published := false, false
	if err := p.view(func(v fsm.View) error {
		policy, _ = v.ZonePolicy(zone)
		signers, all, now = v.Signers(zone), v.ZoneKeys(zone), v.Now()
		g, building := v.Staging(zone)
		published = v.PublishedForm(zone).Signed
		needed = published || building && g.Form.Signed
		return nil
	}); err != nil {
		return false, err
	}
	if !needed || registry.CanSignZone(signers, now) {
		return true, nil
	}
	for _, k := range all {
		if published && k.InZone(now) && len(k.Sealed) > 0 {
			return false, fmt.Errorf("no active key signs the keys, or the records, but key %d is published and the parent may know it: make one active that it knows", k.Number)
		}
	}
	keys, err := FirstKeys(p.seal, &policy)
	if err != nil {
		return false, err
	}
	if err := do(ctx, registry.KindZoneKeyAdd, registry.ZoneKeyAdd{Zone: zone, Keys: keys, First: true}); err != nil {
		return false, err
	}
	for _, k := range keys {
		p.log.Info("a key was made", "zone", zone, "tag", k.Tag, "algorithm", k.Algorithm, "flags", k.Flags)
	}
	return true, nil
}

// FirstKeys makes the keys that a zone's policy wants to begin with.
func FirstKeys(s Sealer, policy *registry.ZonePolicy) (keys []registry.ZoneKey, err error) {
	type kind struct {
		flags uint16
		roles registry.Roles
	}
	kinds := []kind{{registry.FlagsKSK, registry.SignsKeys}, {registry.FlagsZSK, registry.SignsZone}}
	if policy.Combined {
		kinds = []kind{{registry.FlagsKSK, registry.SignsKeys | registry.SignsZone}}
	}
	for _, kind := range kinds {
		private, err := Generate(policy.Algorithm)
		if err != nil {
			return nil, err
		}
		k, err := Seal(s, policy.Zone, policy.Algorithm, kind.flags, kind.roles, private)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// plan makes a plan and opens what it takes to sign it.
func (p *Publisher) plan(zone string, make func(v fsm.View) bool) (s *signer, some bool, err error) {
	s = &signer{zone: wireName(zone)}
	var keys []registry.ZoneKey
	if err := p.view(func(v fsm.View) error {
		if some = make(v); some {
			s.policy, _ = v.ZonePolicy(zone)
			s.now, keys = v.Now(), v.Signers(zone)
		}
		return nil
	}); err != nil || !some {
		return s, false, err
	}
	for i := range keys {
		k, err := p.opened(&keys[i])
		if err != nil {
			return s, false, err
		}
		s.keys = append(s.keys, k)
	}
	return s, true, nil
}

// opened is a key with its private part, opened once.
func (p *Publisher) opened(k *registry.ZoneKey) (openKey, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	known, ok := p.open[string(k.Sealed)]
	if !ok {
		private, err := Open(p.seal, k)
		if err != nil {
			return known, err
		}
		known.private = private
		p.open[string(k.Sealed)] = known
	}
	known.ZoneKey = *k
	return known, nil
}

// marks publishes what is marked.
func (p *Publisher) marks(ctx context.Context, zone string, do Execute) (bool, error) {
	return p.publish(ctx, zone, do, func(v fsm.View) (registry.Plan, bool) {
		most := maxUnsigned
		if v.PublishedForm(zone).Signed {
			most = maxNames
		}
		return v.PlanMarks(zone, v.Index(), most)
	})
}

func (p *Publisher) rollback(ctx context.Context, zone string, do Execute) (bool, error) {
	return p.publish(ctx, zone, do, func(v fsm.View) (registry.Plan, bool) { return v.PlanRollback(zone, v.Index(), maxNames) })
}

// refresh renews signatures. A name without whose records the others' would be sound rests alone.
func (p *Publisher) refresh(ctx context.Context, zone string, resting map[string]bool, do Execute) (bool, error) {
	some, err := p.publish(ctx, zone, do, func(v fsm.View) (registry.Plan, bool) {
		return v.PlanRefresh(zone, v.Index(), maxRefreshed, resting)
	})
	var at *unsoundError
	if errors.As(err, &at) && at.owner != zone && !resting[at.owner] && p.restOne(ctx, zone, at.owner, err) {
		return true, nil
	}
	if !some && err == nil {
		p.settle(ctx, zone, resting)
	}
	return some, err
}

// unsoundError says that a publication was refused because of an owner.
type unsoundError struct {
	owner string
	why   error
}

func (e *unsoundError) Error() string { return e.owner + ": " + e.why.Error() }
func (e *unsoundError) Unwrap() error { return e.why }

// publish makes a publication and proposes it. Names that the zone would not be sound with, and removals that are too many, are held back.
func (p *Publisher) publish(ctx context.Context, zone string, do Execute, make func(v fsm.View) (registry.Plan, bool)) (bool, error) {
	var plan registry.Plan
	s, some, err := p.plan(zone, func(v fsm.View) (ok bool) { plan, ok = make(v); return ok })
	if err != nil || !some {
		return false, err
	}
	if len(plan.Hold) > 0 {
		p.log.Error("removals are held back: more delegations would go than the zone's breaker lets pass", "page", true, "zone", zone, "names", len(plan.Hold), "first", plan.Hold[0])
		if err := do(ctx, registry.KindZoneHold, registry.ZoneHold{Zone: zone, From: plan.From, Owners: plan.Hold}); err != nil {
			return false, err
		}
	}
	if len(plan.Owners)+len(plan.Added)+len(plan.Removed) == 0 && plan.Rollback == 0 {
		return true, nil
	}
	if err := s.all(plan.Added, plan.Sign); err != nil {
		return false, err
	}
	err = do(ctx, registry.KindPublishZone, plan.Publication)
	var refused *registry.Failure
	if errors.As(err, &refused) {
		if owner, unsound := registry.Unsound(refused); unsound {
			return p.unsound(ctx, &plan, owner, refused, do)
		}
	}
	return true, err
}

// unsound holds the name back because of which a publication was refused, if that is what it takes.
func (p *Publisher) unsound(ctx context.Context, plan *registry.Plan, owner string, refused *registry.Failure, do Execute) (bool, error) {
	held := false
	if err := p.view(func(v fsm.View) error { held = v.Held(plan.Zone, owner); return nil }); err != nil {
		return false, err
	}
	if _, looked := slices.BinarySearch(plan.Owners, owner); !looked || held || plan.Rollback != 0 {
		return false, &unsoundError{owner, refused} // to hold it back wouldn't change the publication
	}
	p.log.Error("a name is held back: the zone would not be sound with it", "page", true, "zone", plan.Zone, "name", owner, "error", refused)
	if err := do(ctx, registry.KindZoneHold, registry.ZoneHold{Zone: plan.Zone, From: plan.From, Owners: []string{owner}, Why: refused.Reason}); err != nil {
		return false, errors.Join(&unsoundError{owner, refused}, err)
	}
	return true, nil
}

// stage makes the next part of an edition.
func (p *Publisher) stage(ctx context.Context, zone string, do Execute) (bool, error) {
	var plan registry.StagePlan
	s, some, err := p.plan(zone, func(v fsm.View) (ok bool) { plan, ok = v.PlanStage(zone, v.Index(), p.staged); return ok })
	if err != nil || !some {
		return false, err
	}
	if err := s.all(plan.Added, plan.Sign); err != nil {
		return false, err
	}
	if err := do(ctx, registry.KindZoneStage, plan.StagePart); err != nil {
		return false, err
	}
	if plan.Last {
		p.log.Info("a zone's new edition is published", "zone", zone, "serial", plan.Serial)
	}
	return true, nil
}
