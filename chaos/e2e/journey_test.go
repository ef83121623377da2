package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"quorate/chaos/cluster"
	"quorate/chaos/load"
	"quorate/epp/client"
)

// seenEverywhere waits until the domain's delegation is at all of the sites, in WHOIS, RDAP and DNS alike.
func seenEverywhere(t *testing.T, c *cluster.Cluster, name string, sites ...string) {
	t.Helper()
	for _, s := range sites {
		await(t, name+" in WHOIS at "+s, func(ctx context.Context) error { return inWhois(ctx, c, s, name) })
		await(t, name+" in RDAP at "+s, func(ctx context.Context) error { return inRDAP(ctx, c, s, name) })
		await(t, name+" in DNS at "+s, func(ctx context.Context) error { return inDNS(ctx, c, s, name) })
	}
}

func inWhois(ctx context.Context, c *cluster.Cluster, site, name string) error {
	answer, err := c.Whois(ctx, site, name)
	if err != nil {
		return err
	}
	for _, want := range []string{"Domain Name: " + name, "Registrar IANA ID: 9995", "Name Server: " + nameservers[0]} {
		if !strings.Contains(strings.ToLower(answer), strings.ToLower(want)) {
			return fmt.Errorf("no %q in %q", want, answer)
		}
	}
	return nil
}

func inRDAP(ctx context.Context, c *cluster.Cluster, site, name string) error {
	status, body, err := c.RDAP(ctx, site, "domain/"+name)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("HTTP status %d: %s", status, body)
	}
	var d struct {
		LDHName     string `json:"ldhName"`
		Nameservers []struct {
			LDHName string `json:"ldhName"`
		} `json:"nameservers"`
	}
	if err := json.Unmarshal(body, &d); err != nil {
		return err
	}
	if !strings.EqualFold(d.LDHName, name) || len(d.Nameservers) != len(nameservers) {
		return fmt.Errorf("it shows %+v", d)
	}
	return nil
}

func inDNS(ctx context.Context, c *cluster.Cluster, site, name string) error {
	servers, err := c.Delegation(ctx, site, name)
	slices.Sort(servers)
	if err == nil && !slices.Equal(servers, nameservers) {
		err = fmt.Errorf("delegated to %q", servers)
	}
	return err
}

// The main job: a registrar creates a domain over EPP at one site; WHOIS and RDAP show it at the second; DNS answers its delegation at
// the third; the leader's process is killed and the registrar's next command, on the connection that it has, succeeds.
func TestMainJob(t *testing.T) {
	t.Parallel()
	c := start(t, 0)
	leads, others := leader(t, c)
	here, there := others[0], others[1]
	s := login(t, c, here, "reg1")
	furnish(t, s)
	const name = "first.example"
	create(t, s, name)
	await(t, "WHOIS at the second site", func(ctx context.Context) error { return inWhois(ctx, c, there, name) })
	await(t, "RDAP at the second site", func(ctx context.Context) error { return inRDAP(ctx, c, there, name) })
	await(t, "DNS at the third site", func(ctx context.Context) error { return inDNS(ctx, c, leads, name) })

	do(t, c.Kill(leads))
	begin := time.Now()
	create(t, s, "second.example")
	t.Logf("leader killed: the next create on a follower's open connection took %v", time.Since(begin))
	seenEverywhere(t, c, "second.example", here, there)
}

// A leader's death costs no acknowledged write and doubles none; a site that was killed comes back, catches up and agrees.
func TestLeaderKilled(t *testing.T) {
	t.Parallel()
	c := start(t, 0)
	leads, others := leader(t, c)
	a, b := login(t, c, others[0], "reg1"), login(t, c, others[1], "reg2")
	furnish(t, a)
	createPrice, _ := price(t, c, others[0])
	create(t, a, "before-a.example")
	create(t, b, "before-b.example")

	do(t, c.Kill(leads))
	killed := time.Now()
	for i, s := range []*client.Client{a, b} {
		name := fmt.Sprintf("after-%d.example", i)
		create(t, s, name)
		t.Logf("%v after the leader's death, %s is acknowledged at %s", time.Since(killed), name, others[i])
		// Resending what was acknowledged tells the truth; it neither repeats nor charges.
		if _, err := s.CreateDomain(t.Context(), domain(name, 1)); load.Code(err) != 2302 {
			t.Errorf("creating %s again: %v, want 2302", name, err)
		}
	}

	do(t, c.Start(leads), c.AwaitReady(t.Context(), leads))
	back := login(t, c, leads, "reg1")
	for _, name := range []string{"before-a.example", "before-b.example", "after-0.example", "after-1.example"} {
		if _, err := back.InfoDomain(t.Context(), name, "", ""); err != nil {
			t.Errorf("%s at the site that was killed: %v", name, err)
		}
	}
	create(t, back, "back.example")
	agree(t, c)
	for registrar, domains := range map[string]int64{"reg1": 3, "reg2": 2} {
		want := cents(t, cluster.Deposit) - domains*createPrice
		for _, site := range c.Sites() {
			if got := cents(t, balance(t, c, site, registrar)); got != want {
				t.Errorf("%s has %d cents at %s after %d creates, want %d", registrar, got, site, domains, want)
			}
		}
	}
}

// With two of three sites dead, DNS, WHOIS and RDAP go on, and EPP transforms fail fast and clearly; when one comes back, all goes on.
func TestTwoSitesKilled(t *testing.T) {
	t.Parallel()
	c := start(t, 0)
	leads, others := leader(t, c)
	left, gone := others[0], others[1]
	s := login(t, c, left, "reg1")
	furnish(t, s)
	const name = "lasting.example"
	create(t, s, name)
	seenEverywhere(t, c, name, left)

	do(t, c.Kill(gone), c.Kill(leads))
	// What was sent to the leader while it died has an outcome that nobody knows: then the connection ends without an answer.
	begin := time.Now()
	_, err := s.CreateDomain(t.Context(), domain("limbo.example", 1))
	t.Logf("a create sent as the quorum died ended after %v: %v", time.Since(begin), err)
	if o := load.OutcomeOf(err); o == load.Acknowledged {
		t.Fatal("it was acknowledged by one site of three")
	} else if o == load.Unknown {
		s = login(t, c, left, "reg1")
	}
	await(t, left+" knows that there is no leader", func(ctx context.Context) error {
		st, err := c.Status(ctx, left)
		if err == nil && st.Leader != "" {
			err = fmt.Errorf("it thinks that %s leads", st.Leader)
		}
		return err
	})
	for range 2 {
		begin = time.Now()
		_, err = s.CreateDomain(t.Context(), domain("refused.example", 1))
		t.Logf("without a quorum, a create is refused after %v: %v", time.Since(begin), err)
		var answer *client.Error
		if !errors.As(err, &answer) || answer.Code != 2400 || answer.Msg == "" {
			t.Fatalf("create without a quorum: %v, want 2400 and a text", err)
		}
	}
	if got, err := s.CheckDomains(t.Context(), name, "refused.example"); err != nil || got[0].Available || !got[1].Available {
		t.Errorf("check without a quorum: %v, %v", got, err)
	}
	seenEverywhere(t, c, name, left)
	await(t, "/readyz says that EPP isn't whole", func(ctx context.Context) error {
		st, err := c.Status(ctx, left)
		if err == nil && st.Ready == "ok" {
			err = errors.New("it says ok")
		}
		return err
	})

	do(t, c.Start(gone), c.AwaitReady(t.Context(), left, gone))
	await(t, "creates succeed again on the same connection", func(ctx context.Context) error {
		_, err := s.CreateDomain(ctx, domain("again.example", 1))
		if load.Code(err) == 2302 {
			t.Fatalf("again.example was created though a command for it was refused: %v", err)
		}
		return err
	})
	seenEverywhere(t, c, "again.example", left, gone)
	if _, err := s.InfoDomain(t.Context(), "refused.example", "", ""); load.Code(err) != 2303 {
		t.Errorf("what was refused: %v, want 2303", err)
	}
	do(t, c.Start(leads), c.AwaitReady(t.Context(), leads))
	agree(t, c)
}

// A graceful stop hands leadership over: the next write doesn't wait for anybody to notice.
func TestGracefulStop(t *testing.T) {
	t.Parallel()
	c := start(t, 0)
	leads, others := leader(t, c)
	s := login(t, c, others[0], "reg1")
	furnish(t, s)
	stopped := make(chan error, 1)
	begin := time.Now()
	go func() { stopped <- c.Stop(leads) }()
	for i := range 20 {
		create(t, s, fmt.Sprintf("meanwhile-%d.example", i))
	}
	t.Logf("20 creates while the leader stopped took %v", time.Since(begin))
	do(t, <-stopped)
	if now, _ := leader(t, c); now == leads {
		t.Errorf("%s leads still", now)
	}
	do(t, c.Start(leads), c.AwaitReady(t.Context(), leads))
	agree(t, c)
}
