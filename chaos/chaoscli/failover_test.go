package chaoscli

import (
	"slices"
	"testing"

	"quorate/chaos/bench"
)

func TestFailoverOptions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		failover
		troubles []bench.Trouble
		handOver bool
		bad      bool
	}{
		{failover{times: 1}, []bench.Trouble{bench.Kill, bench.Pause, bench.Isolate}, true, false},
		{failover{times: 1, binary: "x"}, bench.Troubles, true, false},
		{failover{times: 1, faults: []string{"isolate"}}, []bench.Trouble{bench.Isolate}, false, false},
		{failover{times: 1, faults: []string{"handover"}}, nil, true, false},
		{failover{times: 1, faults: []string{"stall"}}, nil, false, true},
		{failover{times: 1, faults: []string{"flood"}}, nil, false, true},
		{failover{times: 0}, nil, false, true},
	} {
		o, err := c.options()
		if (err != nil) != c.bad || !c.bad && (!slices.Equal(o.Troubles, c.troubles) || o.HandOvers != c.handOver) {
			t.Errorf("%+v: %+v, %v", c.failover, o, err)
		}
	}
}
