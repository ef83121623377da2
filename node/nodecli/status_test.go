package nodecli

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"quorate/fsm/registry"
	"quorate/node/admin"
	"quorate/node/admin/admintest"
)

// hideDigest puts D in the place of every digest of a site, so that expected output doesn't depend on the state's encoding.
func hideDigest(t *testing.T, c *admintest.Cluster, out string) string {
	t.Helper()
	for i := range c.Nodes {
		s, err := c.Client(i).Status(t.Context())
		if err != nil {
			continue
		}
		out = strings.ReplaceAll(out, s.Digest[:8], "DDDDDDDD")
	}
	return out
}

func TestStatusOfAllSites(t *testing.T) {
	t.Parallel()
	c, at := start(t)
	must(t, at(createExample)...)
	same(t, hideDigest(t, c, must(t, at("status")...)), `
SITE   NODE   STATE     TERM  APPLIED  DIGEST    LEVEL        READY  ZONES      PEERS
site1  site1  leader    1     2        DDDDDDDD  1 (reads 3)  yes    example 1  site2 1.2ms, site3 1.2ms
site2  site2  follower  1     2        DDDDDDDD  1 (reads 3)  yes    example 1  site1 1.2ms, site3 1.2ms
site3  site3  follower  1     2        DDDDDDDD  1 (reads 3)  yes    example 1  site1 1.2ms, site2 1.2ms

Replicas agree at index 2.
`)
	same(t, hideDigest(t, c, must(t, at("status --site site2")...)), `
SITE   NODE   STATE     TERM  APPLIED  DIGEST    LEVEL        READY  ZONES      PEERS
site2  site2  follower  1     2        DDDDDDDD  1 (reads 3)  yes    example 1  site1 1.2ms, site3 1.2ms
`)
}

func TestStatusInTrouble(t *testing.T) {
	t.Parallel()
	c, at := start(t)
	must(t, at(createExample)...)
	c.Nodes[1].Break(admintest.Fault{Alter: func(s *admin.Status) {
		s.Ready, s.Incidents = "no leader for 7s", 2
		s.DNS = "example.: cut off for 400h0m0s"
		s.Zones = []admin.Zone{{Name: "example", Serial: 1, Served: 0, Dirty: 12, Withheld: true, Troubles: 1}}
		s.Peers[0].Connected = false
	}})
	c.Nodes[2].Stop()
	out := hideDigest(t, c, must(t, at("status")...))
	url := c.Nodes[2].URL
	address := strings.TrimPrefix(url, "https://")
	same(t, out, `
SITE   NODE   STATE      TERM  APPLIED  DIGEST    LEVEL        READY  ZONES                                  PEERS
site1  site1  leader     1     2        DDDDDDDD  1 (reads 3)  yes    example 1                              site2 1.2ms, site3 1.2ms
site2  site2  follower   1     2        DDDDDDDD  1 (reads 3)  no     example 1 (serves 0) (withheld) (+12)  site1 not connected, site3 1.2ms
site3  -      no answer  -     -        -         -            -      -                                      -

Replicas agree at index 2.
! site2 is not ready: no leader for 7s
! site2 should not be asked for DNS: example.: cut off for 400h0m0s
! site2 has incidents (2), commands that broke an invariant or found one broken: see quorate incidents
! site3 does not answer: `+url+`: dial tcp `+address+`: connect: connection refused
! zone example can't be kept up to date: see quorate zone status example
`)
}

func TestStatusComparesWhereAllHaveBeen(t *testing.T) {
	t.Parallel()
	c, at := start(t)
	must(t, at(createExample)...)
	node := registry.Actor{Role: registry.RoleNode, Name: "site1"}
	// The third site lags behind by an entry.
	if _, _, err := c.Apply(node, "", registry.KindTick, registry.Tick{}, c.Nodes[0], c.Nodes[1]); err != nil {
		t.Fatal(err)
	}
	if out := must(t, at("status")...); !strings.Contains(out, "Replicas agree at index 2.") {
		t.Errorf("got\n%s", out)
	}
	// The second has no digest there any more.
	c.Nodes[1].Break(admintest.Fault{Digest: func(uint64) (string, bool) { return "", false }})
	if out := must(t, at("status")...); !strings.Contains(out, "Replicas agree at index 2.") || !strings.Contains(out, "! site2 is too far ahead to be compared at index 2") {
		t.Errorf("got\n%s", out)
	}
	// It had another there.
	c.Nodes[1].Break(admintest.Fault{Digest: func(uint64) (string, bool) { return strings.Repeat("0badf00d", 8), true }})
	out, _, err := run(t, "", at("status")...)
	if err == nil || err.Error() != "replicas differ" || !strings.Contains(out, "! REPLICAS DIFFER at index 2: site1 ") || !strings.Contains(out, ", site2 0badf00d, site3 ") {
		t.Errorf("got %v\n%s", err, out)
	}
}

func TestStatusWhenReplicasDiffer(t *testing.T) {
	t.Parallel()
	c, at := start(t)
	must(t, at(createExample)...)
	c.Nodes[1].Break(admintest.Fault{Alter: func(s *admin.Status) { s.Digest = strings.Repeat("0badf00d", 8) }})
	out, _, err := run(t, "", at("status")...)
	if err == nil || err.Error() != "replicas differ" {
		t.Errorf("got %v", err)
	}
	out = hideDigest(t, c, out)
	if !strings.Contains(out, "! REPLICAS DIFFER at index 2: site1 DDDDDDDD, site2 DDDDDDDD, site3 DDDDDDDD") || strings.Contains(out, "agree") {
		t.Errorf("got\n%s", out)
	}
}

func TestStatusWithoutLeader(t *testing.T) {
	t.Parallel()
	c, at := start(t)
	for _, n := range c.Nodes {
		n.Break(admintest.Fault{Alter: func(s *admin.Status) { s.Leader, s.State = "", "candidate" }})
	}
	out, _, err := run(t, "", at("status")...)
	if err == nil || err.Error() != "the cluster has no leader" || !strings.Contains(out, "candidate") {
		t.Errorf("got %v\n%s", err, out)
	}
	// One that is cut off and still follows a leader of an old term is not believed over those with a new one.
	c.Nodes[0].Break(admintest.Fault{Alter: func(s *admin.Status) { s.Leader, s.Term = "old", 1 }})
	c.Nodes[1].Break(admintest.Fault{Alter: func(s *admin.Status) { s.Leader, s.Term = "site2", 5 }})
	var o overview
	if err := json.Unmarshal([]byte(must(t, at("status --json")...)), &o); err != nil || o.Leader != "site2" {
		t.Errorf("the leader is %q, %v", o.Leader, err)
	}
}

func TestStatusWithoutAnswers(t *testing.T) {
	t.Parallel()
	c, at := start(t)
	for _, n := range c.Nodes {
		n.Stop()
	}
	out, _, err := run(t, "", at("status")...)
	if err == nil || err.Error() != "no site answers" || strings.Count(out, "! site") != 3 {
		t.Errorf("got %v\n%s", err, out)
	}
	out, _, err = run(t, "", at("status --json")...)
	var o overview
	if jsonErr := json.Unmarshal([]byte(out), &o); err == nil || jsonErr != nil || o.Leader != "" || o.Agree != nil || len(o.Sites) != 3 || o.Sites[0].Error == "" {
		t.Errorf("got %v\n%s", err, out)
	}
}

func TestStatusForPrograms(t *testing.T) {
	t.Parallel()
	c, at := start(t)
	must(t, at(createExample)...)
	var o overview
	if err := json.Unmarshal([]byte(must(t, at("status --json")...)), &o); err != nil {
		t.Fatal(err)
	}
	if o.Leader != "site1" || o.Index != 2 || o.Agree == nil || !*o.Agree || len(o.Problems) != 0 || len(o.Sites) != 3 {
		t.Errorf("got %+v", o)
	}
	for i, s := range o.Sites {
		if s.Site != c.Nodes[i].Name || s.URL != c.Nodes[i].URL || s.Status == nil || s.Status.Applied != 2 || s.Digest != s.Status.Digest {
			t.Errorf("got %+v", s)
		}
	}
}

// What the leader can't publish is shown at any site.
func TestZoneStatusShowsTroubles(t *testing.T) {
	t.Parallel()
	c, at := start(t)
	must(t, at(createExample)...)
	trouble := admin.Trouble{Duty: "changes", Why: "the breaker", Since: "2026-01-01T00:00:00Z", Next: "2026-01-01T00:01:00Z", Attempts: 7}
	for _, n := range c.Nodes {
		n.Break(admintest.Fault{Troubles: func() ([]admin.Trouble, error) { return []admin.Trouble{trouble}, nil }})
	}
	const want = "changes, 7 times since 2026-01-01T00:00:00Z, again at 2026-01-01T00:01:00Z: the breaker"
	if out := must(t, at("zone status example --site site2")...); !strings.Contains(out, want) {
		t.Errorf("without %q:\n%s", want, out)
	}
	for _, n := range c.Nodes {
		n.Break(admintest.Fault{Troubles: func() ([]admin.Trouble, error) { return nil, errors.New("nobody leads") }})
	}
	if out := must(t, at("zone status example --local")...); !strings.Contains(out, "publication: nobody leads") {
		t.Errorf("it isn't said that nobody publishes:\n%s", out)
	}
}
