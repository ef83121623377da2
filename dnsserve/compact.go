package dnsserve

import (
	"errors"
	"fmt"
	"os"
)

// compaction is a copy of a zone's newest version that is being made into an image without garbage, while the
// old image is served and takes publications.
type compaction struct {
	missed []missed // what was published since the version that is copied
}

type missed struct {
	serial  uint32
	changes []Change
}

// wasteful reports whether an image is worth compacting.
func (v *version) wasteful() bool {
	used := uint64(v.next) << unitBits
	return used >= compactLeast && v.garbage > used/compactShare
}

// compact begins a compaction. The caller holds z.write.
func (z *Zones) compact(served *zone, v *version) {
	select {
	case <-z.closing:
		return
	default:
	}
	c := new(compaction)
	served.compaction = c
	z.working.Go(func() {
		fresh, file, err := z.copy(v)
		z.write.Lock()
		defer z.write.Unlock()
		if served.compaction != c { // the zone was loaded, or dropped
			discard(file)
			return
		}
		served.compaction = nil
		for _, m := range c.missed {
			if err == nil {
				fresh, err = fresh.publish(m.serial, m.changes)
			}
		}
		switch {
		case errors.Is(err, errClosing):
		case errors.Is(err, errDamaged):
			z.damage(v, err)
		case err != nil:
			served.patience = v.next + v.next/compactShare
			z.images.Log.Error("a zone image can't be compacted", "zone", served.label, "error", err)
		default:
			z.settle(fresh, file)
			served.version.Store(fresh)
			served.damaged.Store(false)
			return
		}
		discard(file)
	})
}

var errClosing = errors.New("closing")

// copy makes an image of a version alone.
func (z *Zones) copy(v *version) (fresh *version, file *os.File, err error) {
	return z.build(v.origin, v.serial, false, func(e *edit) error {
		return v.each(func(owner []byte, s rawSet) error {
			select {
			case <-z.closing:
				return errClosing
			default:
			}
			if err := e.addSet(owner, s); err != nil {
				return fmt.Errorf("copy: %w", err)
			}
			return nil
		})
	})
}

func discard(file *os.File) {
	if file != nil {
		os.Remove(file.Name())
	}
}
