package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"strings"
	"testing"
	"time"

	"quorate/transport/pki"
)

// issue makes certificates for tests: the error is a bug.
func issue(t *testing.T) func(tls.Certificate, error) *tls.Certificate {
	return func(cert tls.Certificate, err error) *tls.Certificate {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return &cert
	}
}

func otherCA(t *testing.T, cluster string) *pki.CA {
	t.Helper()
	ca, err := pki.NewCA(cluster, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

// expiredSoon is a certificate that was good once.
func expiredSoon(t *testing.T, ca *pki.CA, id string) *tls.Certificate {
	t.Helper()
	cert := issue(t)(ca.IssueNode(id, nil, time.Millisecond))
	eventually(t, "the certificate has expired", func() bool { return time.Now().After(cert.Leaf.NotAfter) })
	return cert
}

// A node "mallory" that trusts the right authority shows each wrong certificate. As the one who dials it must not reach a handler; as
// the one who is dialled it must not receive a request.
func TestWrongCertificatesGetNowhere(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		cert func(*testing.T, *cluster) *tls.Certificate
		// why each side refuses; empty if the certificate is right in that direction
		accepting, dialling Reason
		words               string // in the log of the refusing side
	}{
		{"another CA", func(t *testing.T, _ *cluster) *tls.Certificate {
			return issue(t)(otherCA(t, "test").IssueNode("mallory", nil, time.Hour))
		}, ReasonUntrusted, ReasonUntrusted, "unknown authority"},
		{"expired", func(t *testing.T, c *cluster) *tls.Certificate {
			return expiredSoon(t, c.ca, "mallory")
		}, ReasonExpired, ReasonExpired, "expired"},
		{"a registrar's", func(t *testing.T, c *cluster) *tls.Certificate {
			return issue(t)(c.ca.IssueRegistrar("mallory", time.Hour))
		}, ReasonIdentity, ReasonUntrusted, ""}, // not good for a server at all
		{"an operator's", func(t *testing.T, c *cluster) *tls.Certificate {
			return issue(t)(c.ca.IssueOperator("mallory", time.Hour))
		}, ReasonIdentity, ReasonUntrusted, ""},
		{"a server's", func(t *testing.T, c *cluster) *tls.Certificate {
			return issue(t)(c.ca.IssueServer("mallory", []string{"127.0.0.1"}, time.Hour))
		}, ReasonUntrusted, ReasonIdentity, ""}, // not good for a client at all
		{"another node's", func(t *testing.T, c *cluster) *tls.Certificate {
			return issue(t)(c.ca.IssueNode("stranger", nil, time.Hour))
		}, ReasonNotMember, ReasonIdentity, "stranger"},
		{"the peer's own id", func(t *testing.T, c *cluster) *tls.Certificate {
			return issue(t)(c.ca.IssueNode("alice", nil, time.Hour))
		}, ReasonNotMember, ReasonIdentity, "alice"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			alice := c.start("alice", func(config *Config) {
				config.Authorize = func(id string) error {
					if id != "mallory" {
						return errors.New("not a member")
					}
					return nil
				}
			})
			mallory := c.start("mallory", nil)
			for _, n := range []*node{alice, mallory} {
				n.Handle("secret", func(context.Context, string, []byte) ([]byte, error) {
					t.Errorf("the request reached a handler of %s", n.id)
					return nil, nil
				})
			}
			mallory.cert.Store(test.cert(t, c))

			_, err := mallory.Call(testContext(t), "alice", "secret", nil)
			checkRefused(t, "mallory dials", err, test.accepting, true)
			eventually(t, "alice has counted", func() bool { return alice.Stats().Refused[test.accepting] > 0 })
			if n := alice.log.count("refused a connection", "reason="+string(test.accepting), test.words); n != 1 {
				t.Errorf("alice logged the refusal %d times:\n%s", n, alice.log)
			}
			// Again and again: counted each time, logged no more.
			_, err = mallory.Call(testContext(t), "alice", "secret", nil)
			checkRefused(t, "mallory dials again", err, test.accepting, true)
			eventually(t, "alice has counted", func() bool { return alice.Stats().Refused[test.accepting] >= 2 })
			if n := alice.log.count("refused a connection"); n != 1 {
				t.Errorf("alice logged the refusal %d times:\n%s", n, alice.log)
			}

			before := alice.Stats().Refused[test.dialling]
			_, err = alice.Call(testContext(t), "mallory", "secret", nil)
			checkRefused(t, "alice dials", err, test.dialling, false)
			if alice.Stats().Refused[test.dialling] != before+1 {
				t.Errorf("alice counts %v", alice.Stats().Refused)
			}
			if n := alice.log.count("can't connect to a peer", "peer=mallory", string(test.dialling), test.words); n != 1 {
				t.Errorf("alice logged the failure %d times:\n%s", n, alice.log)
			}
		})
	}
}

func checkRefused(t *testing.T, what string, err error, want Reason, byPeer bool) {
	t.Helper()
	refused, ok := errors.AsType[*RefusedError](err)
	if !ok || refused.Reason != want || refused.ByPeer != byPeer || !errors.Is(err, ErrUnreachable) {
		t.Errorf("%s: %v, want the refusal %q (by the peer: %t)", what, err, want, byPeer)
	}
}

func TestNoCertificateGetsNowhere(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	alice, mallory := c.start("alice", nil).echo(), c.start("mallory", nil)
	mallory.cert.Store(&tls.Certificate{})
	_, err := mallory.Call(testContext(t), "alice", "echo", nil)
	checkRefused(t, "without a certificate", err, ReasonNoCertificate, true)
	if alice.log.count("refused a connection", "no-certificate") != 1 {
		t.Errorf("alice's log:\n%s", alice.log)
	}
}

// The names decide even where the key would do: the same authority, but a certificate for another cluster.
func TestAnotherClusterGetsNowhere(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	other := newCluster(t)
	other.ca = otherCA(t, "other")
	trustBoth := func(config *Config) {
		config.CA = c.ca.Pool()
		config.CA.AddCert(other.ca.Certificate())
	}
	alice := c.start("alice", trustBoth).echo()
	mallory := other.start("mallory", trustBoth).echo()
	c.place("", "mallory", mallory.Addr().String())
	other.place("", "alice", alice.Addr().String())

	_, err := alice.Call(testContext(t), "mallory", "echo", nil)
	checkRefused(t, "alice dials", err, ReasonIdentity, false)
	_, err = mallory.Call(testContext(t), "alice", "echo", nil)
	checkRefused(t, "mallory dials", err, ReasonIdentity, false) // she looks at the names, too

	mallory.config.Cluster = "test" // now she claims to be of this cluster, with a certificate that says otherwise
	_, err = mallory.Call(testContext(t), "alice", "echo", nil)
	checkRefused(t, "mallory dials in disguise", err, ReasonIdentity, true)
	if alice.log.count("refused a connection", "quorate://other/node/mallory is of another cluster") != 1 {
		t.Errorf("alice's log:\n%s", alice.log)
	}
}

func TestGenerationsDoNotMix(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	old := c.start("old", func(config *Config) { config.Generation = 3 }).echo()
	recovered := c.start("recovered", func(config *Config) { config.Generation = 4 }).echo()
	for _, pair := range [][2]*node{{old, recovered}, {recovered, old}} {
		err := pair[0].tryEcho(pair[1].id)
		checkRefused(t, pair[0].id+" dials", err, ReasonProtocol, true)
		if pair[1].log.count("refused a connection", "the peer is of cluster generation") != 1 {
			t.Errorf("%s's log:\n%s", pair[1].id, pair[1].log)
		}
		if _, err := pair[0].Raft().Dial("old", patience); err == nil {
			t.Error("raft got through")
		}
	}
	c.start("new", func(config *Config) { config.Generation = 4 }).mustEcho(t, "recovered")
}

func TestNewRefusesItsOwnWrongCertificate(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	good := Config{
		NodeID: "a", Cluster: "test", Listen: "127.0.0.1:0", CA: c.ca.Pool(), Resolver: c.resolver("a"),
		Authorize:   func(string) error { return nil },
		Certificate: *issue(t)(c.ca.IssueNode("a", nil, time.Hour)),
	}
	for _, test := range []struct {
		name, want string
		change     func(*Config)
	}{
		{"of another node", "it is of node b", func(config *Config) { config.Certificate = *issue(t)(c.ca.IssueNode("b", nil, time.Hour)) }},
		{"a registrar's", "certificate", func(config *Config) { config.Certificate = *issue(t)(c.ca.IssueRegistrar("a", time.Hour)) }},
		{"expired", "expired", func(config *Config) { config.Certificate = *expiredSoon(t, c.ca, "a") }},
		{"of another CA", "unknown authority", func(config *Config) {
			config.Certificate = *issue(t)(otherCA(t, "test").IssueNode("a", nil, time.Hour))
		}},
		{"of another cluster", "another cluster", func(config *Config) { config.Cluster = "other" }},
		{"none", "no certificate", func(config *Config) { config.Certificate = tls.Certificate{} }},
		{"no CA", "no CA", func(config *Config) { config.CA = nil }},
		{"no Resolver", "no Resolver", func(config *Config) { config.Resolver = nil }},
		{"no Authorize", "no Authorize", func(config *Config) { config.Authorize = nil }},
		{"negative timeout", "negative", func(config *Config) { config.DialTimeout = -1 }},
		{"bad address", "address", func(config *Config) { config.Listen = "nonsense" }},
	} {
		config := good
		test.change(&config)
		n, err := New(config)
		if err == nil {
			n.Close()
		}
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "node a") {
			t.Errorf("%s: %v, want an error with %q", test.name, err, test.want)
		}
	}
	n, err := New(good)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	taken := good
	taken.Listen = n.Addr().String()
	if _, err := New(taken); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a port that is taken: %v", err)
	}
}

func TestCertificateIsReplacedWithoutRestart(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	a, b := c.start("a", nil).echo(), c.start("b", nil).echo()
	a.mustEcho(t, "b")
	fresh := issue(t)(c.ca.IssueNode("b", nil, 2*time.Hour))
	b.cert.Store(fresh)
	a.Disconnect("b")
	a.mustEcho(t, "b")
	conn, err := a.connect(testContext(t), "b", ProtocolRPC)
	if err != nil {
		t.Fatal(err)
	}
	if got := conn.ConnectionState().TLS.PeerCertificates[0]; !got.Equal(fresh.Leaf) {
		t.Error("the old certificate is still shown")
	}
}

func TestConnectionEndsWithTheCertificate(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	a, b := c.start("a", nil).echo(), c.start("b", nil).echo()
	a.mustEcho(t, "b")
	b.cert.Store(issue(t)(c.ca.IssueNode("b", nil, 2*time.Second)))
	a.Disconnect("b")
	a.mustEcho(t, "b")
	eventually(t, "a has left b", func() bool { return a.log.count("lost the connection", "certificate has expired") == 1 })
	if err := a.tryEcho("b"); err == nil {
		t.Error("b is still reached")
	}
}
