package epp

import (
	"crypto/tls"
	"testing"

	theirs "github.com/domainr/epp"

	"quorate/epp/client"
)

// A client library that isn't ours: github.com/domainr/epp.
func TestDomainrClient(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	must(s.login(t, "reg1").CreateDomain(soon(t), client.DomainCreate{Name: "taken.tld"}))

	conn := must(tls.Dial("tcp", s.addr, clientTLS(t, "reg2")))
	c, err := theirs.NewTimeoutConn(conn, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if !c.Greeting.SupportsObject(theirs.ObjDomain) || c.Greeting.ServerName != "epp.test.example" {
		t.Errorf("greeting: %+v", c.Greeting)
	}
	if r, err := c.Login("reg2", testPassword, ""); err != nil || r.Code != 1000 {
		t.Fatalf("login: %+v, %v", r, err)
	}
	if err := c.Hello(); err != nil {
		t.Errorf("hello: %v", err)
	}
	r, err := c.CheckDomain("taken.tld", "free.tld")
	if err != nil || len(r.Checks) != 2 || r.Checks[0].Available || !r.Checks[1].Available || r.Checks[0].Reason != "In use" {
		t.Errorf("check: %+v, %v", r, err)
	}
	if _, err := c.DomainInfo("taken.tld", nil); err != nil {
		t.Errorf("info: %v", err)
	}
	if err := c.Logout(); err != nil {
		t.Errorf("logout: %v", err)
	}
}
