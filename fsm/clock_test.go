package fsm_test

import (
	"testing"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// One wrong clock moves log time an hour at most, and never back; a quorum of
// clocks that agree moves it anywhere ahead.
func TestLogTimeNeedsAQuorumForALeap(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.policy("example", 10_000, "reg1")
	start := r.now
	const year = 365 * registry.Day
	for _, c := range []struct {
		what   string
		stamp  registry.Time
		clocks []registry.Clock
		want   registry.Time
	}{
		{"the leader's clock, a little on", start + registry.Minute, nil, start + registry.Minute},
		{"the leader's clock, back", start - year, nil, start + registry.Minute},
		{"the leader's clock, a year ahead", start + year, nil, start + registry.Minute},
		{"the leader alone", start + year, clocks(start+year, "n1"), start + registry.Minute},
		{"the leader twice", start + year, clocks(start+year, "n1", "n1"), start + registry.Minute},
		{"a node that is no member", start + year, clocks(start+year, "n1", "n9"), start + registry.Minute},
		{"others that disagree", start + year, append(clocks(start+year, "n1"), clocks(start, "n2", "n3")...), start + registry.Minute},
		{"a quorum, but for another time", start + year, clocks(start+year/2, members...), start + registry.Minute},
		{"an hour", start + registry.Minute + registry.Hour, nil, start + registry.Minute + registry.Hour},
		{"a quorum", start + year, clocks(start+year+registry.MaxSkew, "n1", "n3"), start + year},
	} {
		r.now = c.stamp
		r.must(r.do(node("n1"), registry.KindTick, registry.Tick{Clocks: c.clocks}))
		r.view(func(v fsm.View) {
			if v.Now() != c.want {
				t.Errorf("%s: log time is %s, want %s", c.what, v.Now(), c.want)
			}
		})
	}
	r.now = start + 3*year
	r.must(r.do(registrar("reg1"), registry.KindContactCreate, registry.ContactCreate{ID: "c1"}))
	r.view(func(v fsm.View) {
		if c, _ := v.Contact("c1"); c.Created != start+year {
			t.Errorf("a command of a leader whose clock is ahead is of %s", c.Created)
		}
	})
}
