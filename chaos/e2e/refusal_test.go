package e2e

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"quorate/chaos/cluster"
	"quorate/chaos/load"
	"quorate/epp/client"
	"quorate/node/admin"
	"quorate/transport/pki"
)

// otherCA is an authority of the same name that isn't the cluster's.
func otherCA(t *testing.T) *pki.CA {
	t.Helper()
	ca, err := pki.NewCA("dev", time.Hour)
	do(t, err)
	return ca
}

// Who has no certificate of the cluster's CA, or another's, gets nowhere at EPP and the admin API.
func TestWrongCertificates(t *testing.T) {
	t.Parallel()
	c := start(t, relaxed)
	site := c.Sites()[0]
	good, err := c.RegistrarTLS("reg1")
	do(t, err)
	foreign, err := otherCA(t).IssueRegistrar("reg1", time.Hour)
	do(t, err)
	without, other, mistaken := good.Clone(), good.Clone(), good.Clone()
	without.Certificates, other.Certificates = nil, []tls.Certificate{foreign}
	mistaken.RootCAs = otherCA(t).Pool()
	for what, cfg := range map[string]*tls.Config{"no certificate": without, "another CA's certificate": other, "a client that trusts another CA": mistaken} {
		if s, err := client.Dial(t.Context(), c.Addresses(site).EPP, cfg); err == nil {
			s.Close()
			t.Errorf("EPP with %s: it greets", what)
		}
	}

	// reg2's certificate and reg1's password.
	s, err := c.Connect(t.Context(), site, "reg2")
	do(t, err)
	defer s.Close()
	if _, err := s.Login(t.Context(), "reg1", c.Password("reg1")); load.Code(err) != 2200 {
		t.Errorf("login as reg1 with reg2's certificate: %v, want 2200", err)
	}
	// reg1's certificate and reg2's password.
	s, err = c.Connect(t.Context(), site, "reg1")
	do(t, err)
	defer s.Close()
	if _, err := s.Login(t.Context(), "reg1", c.Password("reg2")); load.Code(err) != 2200 {
		t.Errorf("login with a wrong password: %v, want 2200", err)
	}

	var answer *admin.Error
	if _, err := admin.NewClient(c.AdminURL(site), good).Status(t.Context()); !errors.As(err, &answer) || answer.Status != http.StatusForbidden {
		t.Errorf("admin API with a registrar's certificate: %v, want HTTP 403", err)
	}
	if _, err := admin.NewClient(c.AdminURL(site), without).Status(t.Context()); err == nil || errors.As(err, &answer) && answer.Status != http.StatusForbidden {
		t.Errorf("admin API without a certificate: %v", err)
	}
}

// A node with a certificate of another CA gets nowhere; the others go on. With its own certificate it is back.
func TestNodeOfAnotherCA(t *testing.T) {
	t.Parallel()
	c := start(t, relaxed)
	_, others := leader(t, c)
	victim := others[0]
	do(t, c.Stop(victim))
	file := filepath.Join(c.Dir(), "certs", victim+"-node")
	own, err := pki.Load(file+".pem", file+".key")
	do(t, err)
	foreign, err := otherCA(t).IssueNode(victim, []string{"127.0.0.1"}, time.Hour)
	do(t, err, pki.Save(foreign, file+".pem", file+".key"))

	// Whether it refuses to run with a certificate that isn't its CA's, or runs and finds no peer, it takes no part.
	do(t, c.Start(victim))
	s := login(t, c, others[1], "reg1")
	furnish(t, s)
	for i := range 5 {
		create(t, s, fmt.Sprintf("without-%d.example", i))
	}
	if st, err := c.Status(t.Context(), victim); err == nil {
		t.Errorf("%s with another CA's certificate is trusted: it says %+v", victim, st)
	}
	if c.Running(victim) {
		do(t, c.Kill(victim))
	}
	do(t, pki.Save(own, file+".pem", file+".key"), c.Start(victim), c.AwaitReady(t.Context(), victim))
	agree(t, c)
}

// A registrar without funds is told so, and gets nothing.
func TestPoorRegistrar(t *testing.T) {
	t.Parallel()
	c := start(t, relaxed)
	s := login(t, c, c.Sites()[1], "poor")
	furnish(t, s)
	if _, err := s.CreateDomain(t.Context(), domain("dream.example", 1)); load.Code(err) != 2104 {
		t.Errorf("create without funds: %v, want 2104", err)
	}
	for _, site := range c.Sites() {
		await(t, "nothing at "+site, func(ctx context.Context) error {
			status, body, err := c.RDAP(ctx, site, "domain/dream.example")
			if err == nil && status != http.StatusNotFound {
				err = fmt.Errorf("HTTP status %d: %s", status, body)
			}
			return err
		})
	}
}

// A second start resumes the same data at the same ports, after a graceful stop of all sites and after the death of all.
func TestSecondStart(t *testing.T) {
	t.Parallel()
	c := start(t, relaxed)
	s := login(t, c, c.Sites()[0], "reg1")
	furnish(t, s)
	create(t, s, "kept-1.example")
	do(t, c.StopAll())
	again := resume(t, c)
	s = login(t, again, again.Sites()[2], "reg1")
	create(t, s, "kept-2.example")
	for _, site := range again.Sites() {
		do(t, again.Kill(site))
	}
	third := resume(t, again)
	for _, name := range []string{"kept-1.example", "kept-2.example"} {
		seenEverywhere(t, third, name, third.Sites()...)
	}
	createPrice, _ := price(t, third, third.Sites()[0])
	if got, want := cents(t, balance(t, third, third.Sites()[1], "reg1")), cents(t, cluster.Deposit)-2*createPrice; got != want {
		t.Errorf("reg1 has %d cents, want %d: a start must not pay the deposit again", got, want)
	}
	agree(t, third)
}

func resume(t *testing.T, c *cluster.Cluster) *cluster.Cluster {
	t.Helper()
	again, err := cluster.New(cluster.Options{Dir: c.Dir(), Binary: binary, Heartbeat: relaxed})
	do(t, err)
	if again.Addresses("site1") != c.Addresses("site1") {
		t.Errorf("site1 was at %v and is at %v", c.Addresses("site1"), again.Addresses("site1"))
	}
	up(t, again)
	return again
}
