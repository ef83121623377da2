package admin_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"quorate/fsm/registry"
	"quorate/node/admin"
	"quorate/node/admin/admintest"
)

// A change leaves alone what it doesn't name, also what the API can't set.
func TestTLDChangeIsPartial(t *testing.T) {
	t.Parallel()
	c := admintest.New(t, 2)
	node := registry.Actor{Role: registry.RoleNode, Name: "site1"}
	if r, _, err := c.Apply(node, "", registry.KindClusterInit, registry.Cluster{Name: admintest.Name, Repository: "TEST", Level: 1}); err != nil || r.Fail != nil {
		t.Fatal(err, r.Fail)
	}
	ops := registry.Actor{Role: registry.RoleOperator, Name: "ops"}
	for to := registry.FirstLevel + 1; to <= registry.HighestLevel; to++ {
		if r, _, err := c.Apply(ops, "", registry.KindRaiseLevel, registry.RaiseLevel{To: to}); err != nil || r.Fail != nil {
			t.Fatal(err, r.Fail)
		}
	}
	before, err := c.Client(0).CreateTLD(t.Context(), exampleTLD())
	if err != nil {
		t.Fatal(err)
	}
	// A list is replaced as a whole: nothing of the old name servers' addresses shines through.
	after, err := c.Client(1).ChangeTLD(t.Context(), "EXAMPLE", admin.TLDChange{
		"soa":         map[string]any{"refresh": 7},
		"nameservers": []admin.Nameserver{{Name: "ns9.elsewhere"}, {Name: "ns8.nic.example", Addresses: []string{"192.0.2.8"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if after.SOA.Refresh != 7 || after.SOA.Retry != before.SOA.Retry || after.CreatePrice != before.CreatePrice || len(after.Reserved) != len(before.Reserved) ||
		len(after.Nameservers) != 2 || len(after.Nameservers[0].Addresses) != 0 || after.Nameservers[1].Addresses[0] != "192.0.2.8" {
		t.Errorf("got %+v", after)
	}
	for what, change := range map[string]admin.TLDChange{
		"another name":       {"name": "other"},
		"another serial":     {"serial": 99},
		"another creation":   {"created": "2020-01-01T00:00:00.000Z"},
		"an unknown field":   {"colour": "red"},
		"a field's type":     {"max_years": "ten"},
		"a zone":             {"zone": "other"},
		"within a structure": {"soa": map[string]any{"serial": 7}},
		"a negative grace":   {"add_grace": "-1h"},
		"no name servers":    {"nameservers": []admin.Nameserver{}},
		"no time to live":    {"ttl": map[string]any{"apex": 0}},
		"no expire time":     {"soa": map[string]any{"expire": 0}},
		"no years":           {"max_years": 0},
		"an early expiry":    {"soa": map[string]any{"expire": 1}},
		"a late refresh":     {"soa": map[string]any{"refresh": 1209600}},
	} {
		_, err := c.Client(0).ChangeTLD(t.Context(), "example", change)
		var refused *admin.Error
		if !errors.As(err, &refused) || refused.Status != http.StatusBadRequest {
			t.Errorf("%s: %v", what, err)
		}
	}
	if again, err := c.Client(0).TLD(t.Context(), "example"); err != nil || again.SOA != after.SOA || again.TTL != after.TTL || again.MaxYears != 10 {
		t.Errorf("what was refused has changed it: %+v, %v", again, err)
	}
}

// A secondary has asked at least twice before it drops a zone (RFC 1912 §2.2). Where that was set otherwise before it was looked at,
// all else can still be changed.
func TestTheSOAExpiresAfterRefreshAndRetry(t *testing.T) {
	t.Parallel()
	c := highest(t)
	var refused *admin.Error
	for expire, ok := range map[uint32]bool{1199: false, 1200: false, 1201: true} {
		wanted := exampleTLD()
		wanted.Name, wanted.SOA.Refresh, wanted.SOA.Retry, wanted.SOA.Expire = fmt.Sprintf("tld%d", expire), 900, 300, expire
		wanted.Nameservers = []admin.Nameserver{{Name: "ns.elsewhere"}}
		if _, err := c.Client(0).CreateTLD(t.Context(), wanted); (err == nil) != ok || !ok && (!errors.As(err, &refused) || !strings.Contains(refused.Error(), "1200 s")) {
			t.Errorf("expire %d: %v", expire, err)
		}
	}
	old := registry.TLD{
		Name: "old", Currency: "USD", MaxYears: 10, Nameservers: []registry.Nameserver{{Name: "ns.elsewhere"}},
		SOA: registry.SOA{MName: "ns.elsewhere", RName: "h.elsewhere", Refresh: 900, Retry: 300, Expire: 1, Minimum: 1}, TTL: registry.TTLs{Apex: 1, Delegation: 1, Glue: 1},
	}
	if r, _, err := c.Apply(ops, "", registry.KindTLDCreate, registry.TLDCreate{TLD: old}); err != nil || r.Fail != nil {
		t.Fatal(err, r.Fail)
	}
	if _, err := c.Client(0).ChangeTLD(t.Context(), "old", admin.TLDChange{"max_years": 5}); err != nil {
		t.Error(err)
	}
	if _, err := c.Client(0).ChangeTLD(t.Context(), "old", admin.TLDChange{"soa": map[string]any{"minimum": 2}}); !errors.As(err, &refused) {
		t.Errorf("a new SOA with the old fault: %v", err)
	}
}

// Of two changes at once neither undoes the other: the later one is worked out anew.
func TestTLDChangesAtOnce(t *testing.T) {
	t.Parallel()
	c := withExample(t)
	settings := map[string]any{"create_price": "9.00", "renew_price": "10.00", "max_years": 3, "add_grace": "1h", "delete_delay": "2h"}
	fields := slices.Collect(maps.Keys(settings))
	atOnce(t, len(fields), func(i int) error {
		_, err := c.Client(0).ChangeTLD(t.Context(), "example", admin.TLDChange{fields[i]: settings[fields[i]]})
		return err
	})
	got, err := c.Client(0).TLD(t.Context(), "example")
	if err != nil || got.CreatePrice != "9.00" || got.RenewPrice != "10.00" || got.MaxYears != 3 || got.AddGrace != "1h" || got.DeleteDelay != "2h" {
		t.Errorf("got %+v, %v", got, err)
	}
}

// ops is an operator.
var ops = registry.Actor{Role: registry.RoleOperator, Name: "ops"}

// highest is a cluster of one node at the highest level.
func highest(t *testing.T) *admintest.Cluster {
	t.Helper()
	c := admintest.New(t, 1)
	node := registry.Actor{Role: registry.RoleNode, Name: "site1"}
	if r, _, err := c.Apply(node, "", registry.KindClusterInit, registry.Cluster{Name: admintest.Name, Repository: "TEST", Level: 1}); err != nil || r.Fail != nil {
		t.Fatal(err, r.Fail)
	}
	for to := registry.FirstLevel + 1; to <= registry.HighestLevel; to++ {
		if r, _, err := c.Apply(ops, "", registry.KindRaiseLevel, registry.RaiseLevel{To: to}); err != nil || r.Fail != nil {
			t.Fatal(err, r.Fail)
		}
	}
	return c
}

// withExample is one with the TLD example.
func withExample(t *testing.T) *admintest.Cluster {
	t.Helper()
	c := highest(t)
	if _, err := c.Client(0).CreateTLD(t.Context(), exampleTLD()); err != nil {
		t.Fatal(err)
	}
	return c
}

// atOnce makes n changes at the same time, all of which must succeed.
func atOnce(t *testing.T, n int, change func(i int) error) {
	t.Helper()
	results := make(chan error, n)
	for i := range n {
		go func() { results <- change(i) }()
	}
	for range n {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

// The same of a zone's policy.
func TestZonePolicyChangesAtOnce(t *testing.T) {
	t.Parallel()
	c := withExample(t)
	least, share, ttl, wild, validity := uint64(7), 8, uint32(900), true, "600h"
	changes := []admin.ZonePolicyChange{{BreakerLeast: &least}, {BreakerShare: &share}, {KeyTTL: &ttl}, {Wildcards: &wild}, {Validity: &validity}}
	atOnce(t, len(changes), func(i int) error {
		_, err := c.Client(0).SetZonePolicy(t.Context(), "example", changes[i])
		return err
	})
	z, err := c.Client(0).Zone(t.Context(), "example")
	if err != nil || z.Policy == nil {
		t.Fatal(err)
	}
	if p := z.Policy; p.BreakerLeast != least || p.BreakerShare != share || p.KeyTTL != ttl || !p.Wildcards || p.Validity != validity {
		t.Errorf("a change is lost: %+v", p)
	}
}

// And of a key's timeline.
func TestKeyChangesAtOnce(t *testing.T) {
	t.Parallel()
	c := withExample(t)
	z, err := c.Client(0).AddKey(t.Context(), "example", admin.NewKey{Kind: "zsk", KeyTimes: admin.KeyTimes{Published: "now"}})
	if err != nil {
		t.Fatal(err)
	}
	number := z.Keys[len(z.Keys)-1].Number
	times := []admin.KeyTimes{{Active: "+1h"}, {Retired: "+2h"}, {Removed: "+2000h"}}
	atOnce(t, len(times), func(i int) error {
		_, err := c.Client(0).SetKey(t.Context(), "example", number, admin.KeyChange{KeyTimes: times[i], Force: true})
		return err
	})
	if z, err = c.Client(0).Zone(t.Context(), "example"); err != nil {
		t.Fatal(err)
	}
	if k := z.Keys[len(z.Keys)-1]; k.Number != number || k.Active == "" || k.Retired == "" || k.Removed == "" {
		t.Errorf("a change is lost: %+v", k)
	}
}
