package publisher

import (
	"testing"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// A new TLD is signed as it is, with keys that nobody had to make. (Larger zones are judged in chaos/e2e.)
func TestANewZoneIsSigned(t *testing.T) {
	t.Parallel()
	r := newRig(t, 3)
	r.open("example", false)
	r.fill("example", 300)
	r.publish()
	r.view(func(v fsm.View) {
		validate(t, v, "example", registry.Form{Signed: true})
		judge(t, v, "example")
		if z, _ := v.Zone("example"); z.Delegations != 300 {
			t.Errorf("%d delegations are counted, there are 300", z.Delegations)
		}
	})
}
