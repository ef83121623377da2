package publisher

import (
	"testing"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// A new TLD is signed as it is, with keys that nobody had to make.
func TestANewZoneIsSigned(t *testing.T) {
	t.Parallel()
	r := newRig(t, 3)
	r.open("example", false)
	r.fill("example", 3000)
	r.publish()
	r.view(func(v fsm.View) {
		validate(t, v, "example", registry.Form{Signed: true})
		judge(t, v, "example")
		if z, _ := v.Zone("example"); z.Delegations != 3000 {
			t.Errorf("%d delegations are counted, there are 3000", z.Delegations)
		}
	})
}
