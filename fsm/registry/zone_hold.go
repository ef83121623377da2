package registry

import (
	"quorate/fsm/store"
)

// Names are held back from publication when something is wrong with them: they are removals beyond the breaker's share, or
// the zone would not be sound with them. They are as they were published until an operator releases the
// zone, or the registry changes them once more.

// Held is a name that is held back.
type Held struct {
	Mark uint64 `cbor:"1,keyasint"`           // the index that marked it
	Why  string `cbor:"2,keyasint,omitempty"` // what is wrong with it; "": the breaker
}

var zoneHeld = store.DeclareSince[Held](3, 72, "zone_held", false) // zone, owner

// ZoneHold holds names back.
type ZoneHold struct {
	Zone   string   `cbor:"1,keyasint"`
	From   uint64   `cbor:"2,keyasint"` // as in a Publication: newer marks stay
	Owners []string `cbor:"3,keyasint"`
	Why    string   `cbor:"4,keyasint,omitempty"` // "": the breaker
}

// zoneHold fails with 2201, 2303.
func (x *Exec) zoneHold(h ZoneHold) (Code, any, *Failure) {
	z, ok := x.Zone(h.Zone)
	switch {
	case x.Actor.Role != RoleNode:
		return 0, nil, Fail(AuthorizationError, "", "", "names are held back by nodes only")
	case !ok || z.Generation == 0:
		return 0, nil, Fail(ObjectDoesNotExist, "zone", h.Zone, "there is no such zone, or it has no policy yet")
	}
	held := 0
	for _, owner := range h.Owners {
		key := ownerKey(h.Zone, owner)
		mark, marked := zoneDirty.Get(x.tx, key)
		if mark > h.From {
			continue
		}
		if !marked {
			mark = h.From // it was looked at because of another
		}
		zoneDirty.Delete(x.tx, key)
		if !zoneHeld.Has(x.tx, key) {
			z.Held++
		}
		zoneHeld.Put(x.tx, key, Held{mark, h.Why})
		if z.Building != 0 {
			zoneDirtyNext.Put(x.tx, key, x.Index)
		}
		held++
	}
	zones.Put(x.tx, nameKey(z.Name), z)
	if h.Why != "" && held > 0 {
		x.Broken = append(x.Broken, "zone "+h.Zone+": "+h.Owners[0]+" is held back: "+h.Why)
	}
	return Success, nil, nil
}

// removed is what of the removals still counts. It fades while a window passes since the last of them, so that no moment is better than another to
// remove twice as many. At a steady rate what counts comes to be what goes in a window; what is followed by more fades more slowly.
func (z *Zone) removed(b *Breaker, now Time) uint64 {
	left := b.Window - (now - z.Window.Begun)
	if z.Window.Begun == 0 || left <= 0 {
		return 0
	}
	n := min(z.Window.Removed, 1<<32) // times 30 days, no overflow
	return (n*uint64(left) + uint64(b.Window) - 1) / uint64(b.Window)
}

// allowed is how many delegations may go now.
func (z *Zone) allowed(b *Breaker, now Time) uint64 {
	if b.Share >= 1000 {
		return ^uint64(0)
	}
	removed := z.removed(b, now)
	base := z.Delegations + removed
	most := max(b.Least, base/1000*uint64(b.Share)+base%1000*uint64(b.Share)/1000)
	return most - min(most, removed)
}

// tooMany are those of the marked names that would be removed, if they are more than may go.
func (p *planner) tooMany(marks []string) []string {
	var gone []string
	for _, owner := range marks {
		if owner == p.z.Name || !p.ed.has(p.v.r, owner, TypeNS) || find(p.content(owner), TypeNS) != nil {
			continue
		}
		if mark, _ := zoneDirty.Get(p.v.r, ownerKey(p.z.Name, owner)); mark <= p.z.Released {
			continue
		}
		gone = append(gone, owner)
	}
	if uint64(len(gone)) <= p.z.allowed(&p.policy.Breaker, p.now) {
		return nil
	}
	// What such a delegation needs stays, too.
	hold := gone
	for _, owner := range gone {
		p.ed.below(p.v.r, owner, func(s RRset) bool {
			hold = append(hold, s.Owner)
			return true
		})
	}
	return hold
}

// breaker counts what a publication removes, and refuses more than may go.
func (x *Exec) breaker(z *Zone, p *Publication, c cuts) *Failure {
	if p.Rollback != 0 {
		return nil
	}
	policy, _ := x.ZonePolicy(z.Name)
	counted := uint64(0)
	for _, owner := range c.gone {
		if mark, _ := zoneDirty.Get(x.tx, ownerKey(z.Name, owner)); mark > z.Released {
			counted++
		}
	}
	if counted == 0 {
		return nil
	}
	if allowed := z.allowed(&policy.Breaker, x.Now); counted > allowed {
		return Fail(ParameterPolicy, "breaker", "", "%d delegations would go, and %d may", counted, allowed)
	}
	z.Window = Window{Begun: x.Now, Removed: z.removed(&policy.Breaker, x.Now) + counted}
	return nil
}

// Held says whether a name of a zone is held back.
func (v *View) Held(zone, owner string) bool {
	return v.Level() >= 3 && zoneHeld.Has(v.r, ownerKey(zone, owner))
}

// HeldNames are at most max names of a zone that are held back.
func (v *View) HeldNames(zone string, max int) (names []string, why []Held) {
	if v.Level() < 3 {
		return nil, nil
	}
	zoneHeld.Scan(v.r, zoneKey(zone), nil, func(key []byte, h Held) bool {
		names, why = append(names, nameOf(key[len(zoneKey(zone)):])), append(why, h)
		return len(names) < max
	})
	return names, why
}

// ZoneControl is what an operator tells a zone.
type ZoneControl struct {
	Zone string     `cbor:"1,keyasint"`
	Do   ZoneAction `cbor:"2,keyasint"`
	To   uint32     `cbor:"3,keyasint,omitempty"` // for ZoneRollback: the serial; for ZoneSerial: the one to continue after
}

// ZoneAction is what is done to a zone.
type ZoneAction uint8

// The actions.
const (
	ZoneFreeze   ZoneAction = iota + 1 // content is published no more; signatures are still renewed
	ZoneThaw                           // undoes it, and what is waiting is published
	ZoneRelease                        // what is held back may go
	ZoneRollback                       // the content of an older serial is published again, and the zone frozen
	ZoneSerial                         // the serial is raised: for a zone that is served elsewhere at a higher one
	ZoneAbandon                        // the edition in the making is given up
)

// zoneControl fails with 2201, 2303, 2304, 2306.
func (x *Exec) zoneControl(c ZoneControl) (Code, any, *Failure) {
	if fail := x.mayOperate(); fail != nil {
		return 0, nil, fail
	}
	z, ok := x.Zone(c.Zone)
	if !ok || z.Generation == 0 {
		return 0, nil, Fail(ObjectDoesNotExist, "zone", c.Zone, "there is no such zone, or it has no policy yet (quorate dnssec sign)")
	}
	before := z
	var fail *Failure
	switch c.Do {
	case ZoneFreeze:
		if z.Frozen {
			fail = Fail(ObjectStatusProhibits, "zone", c.Zone, "the zone is frozen")
		}
		z.Frozen = true
	case ZoneThaw:
		if !z.Frozen {
			fail = Fail(ObjectStatusProhibits, "zone", c.Zone, "the zone is not frozen")
		}
		z.Frozen, z.Rollback, x.Dirtied = false, 0, true
	case ZoneRelease:
		z.Released, x.Dirtied = x.Index, true
	case ZoneRollback:
		fail = x.beginRollback(&z, c.To)
	case ZoneSerial:
		if int32(c.To-z.Serial) <= 0 {
			return 0, nil, Fail(ParameterPolicy, "serial", "", "%d does not follow %d (RFC 1982)", c.To, z.Serial)
		}
		// The journal doesn't lead over the gap.
		z.Serial, z.Journal, z.Octets, z.Stale = c.To, 0, 0, z.Stale || z.Journal > 0
	case ZoneAbandon:
		if z.Building == 0 {
			fail = Fail(ObjectStatusProhibits, "zone", c.Zone, "no edition is in the making")
		} else {
			x.abandon(&z)
		}
	default:
		fail = Fail(ParameterPolicy, "do", "", "no such action")
	}
	if fail != nil {
		return 0, nil, fail
	}
	last := uint64(0)
	x.recordEvent("zone:control", c.Zone, 0, &last, before, z)
	zones.Put(x.tx, nameKey(z.Name), z)
	if c.Do == ZoneSerial {
		x.dirty(z.Name, z.Name)
	}
	return Success, nil, nil
}

// unhold marks a slice of the names again that an operator has released.
func (x *Exec) unhold(z *Zone) {
	if z.Held == 0 || z.Released == 0 {
		return
	}
	var keys []store.Key
	var all []Held
	zoneHeld.Scan(x.tx, zoneKey(z.Name), nil, func(key []byte, h Held) bool {
		if h.Mark <= z.Released {
			keys, all = append(keys, append(store.Key(nil), key...)), append(all, h)
		}
		return len(keys) < maxUnheld
	})
	for i, key := range keys {
		zoneHeld.Delete(x.tx, key)
		zoneDirty.Put(x.tx, key, all[i].Mark)
		z.Held--
		x.Dirtied = true
	}
}
