package node

import (
	"context"
	"errors"
	"strings"
	"testing"

	"quorate/fsm/registry"
	"quorate/node/publisher"
)

// wire calls the other node's handler, as the transport does.
type wire struct{ other *troubles }

func (w wire) Call(ctx context.Context, _, method string, request []byte) ([]byte, error) {
	if method != methodTroubles {
		return nil, errors.New("no such method")
	}
	return w.other.serve(ctx, "n2", request)
}

// Every node knows what the leader can't publish, and says so when nobody can know.
func TestTroublesAreTheLeaders(t *testing.T) {
	t.Parallel()
	r := newFeedReplica(t)
	r.do(registry.RoleOperator, registry.KindTLDCreate, registry.TLDCreate{TLD: registry.TLD{
		Name: "test", Currency: "EUR", MaxYears: 10, Nameservers: []registry.Nameserver{{Name: "ns.elsewhere.example"}}, SOA: registry.SOA{MName: "a.example", RName: "b.example"},
	}})
	p := publisher.New(r.machine.View, nil, quiet)
	refused := registry.Fail(registry.ParameterPolicy, "base", "", "for a test")
	for range 20 {
		_, _ = p.Once(t.Context(), func(context.Context, registry.Kind, any) error { return refused })
		r.do(registry.RoleNode, registry.KindTick, registry.Tick{})
	}
	leads := true
	leader := &troubles{leader: func() string { return "n1" }, reigns: func() bool { return leads }, publisher: p, self: "n1"}
	known := "n1"
	follower := &troubles{leader: func() string { return known }, reigns: func() bool { return false }, publisher: publisher.New(r.machine.View, nil, quiet), network: wire{leader}, self: "n2"}
	for name, at := range map[string]*troubles{"the leader": leader, "a follower": follower} {
		all, err := at.of(t.Context(), "test")
		if err != nil || len(all) != 1 || !strings.Contains(all[0].Why, "for a test") || all[0].Attempts < 3 || all[0].Next <= all[0].Since {
			t.Errorf("%s says %+v, %v", name, all, err)
		}
		if all, err := at.of(t.Context(), "example"); err != nil || len(all) != 0 {
			t.Errorf("%s says of another zone %+v, %v", name, all, err)
		}
	}
	if len(leader.here("test")) != 1 || len(follower.here("test")) != 0 {
		t.Error("the metric is not the leader's alone")
	}
	leads = false
	if _, err := follower.of(t.Context(), "test"); !errors.Is(err, errNoPublisher) || len(leader.here("test")) != 0 {
		t.Errorf("of a node that leads no more: %v", err)
	}
	known = ""
	if _, err := follower.of(t.Context(), "test"); !errors.Is(err, errNoPublisher) {
		t.Errorf("without a leader: %v", err)
	}
}
