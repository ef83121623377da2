package admin_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"quorate/node/admin"
	"quorate/node/admin/admintest"
	"quorate/transport/pki"
)

func issue(t *testing.T, certificate tls.Certificate, err error) tls.Certificate {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

func newCA(t *testing.T, cluster string) *pki.CA {
	t.Helper()
	ca, err := pki.NewCA(cluster, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func TestOtherRolesAreForbidden(t *testing.T) {
	t.Parallel()
	c := admintest.New(t, 1)
	node, err := c.CA.IssueNode("site1", nil, time.Hour)
	node = issue(t, node, err)
	registrar, err := c.CA.IssueRegistrar("reg1", time.Hour)
	registrar = issue(t, registrar, err)
	for name, certificate := range map[string]tls.Certificate{"node": node, "registrar": registrar} {
		client := admin.NewClient(c.Nodes[0].URL, admintest.With(c.CA.Pool(), certificate))
		defer client.Close()
		_, err := client.Status(t.Context())
		var refused *admin.Error
		if !errors.As(err, &refused) || refused.Status != http.StatusForbidden || !strings.Contains(refused.Message, "/"+name+"/") {
			t.Errorf("a %s's certificate: %v", name, err)
		}
		if _, err := client.CreateTLD(t.Context(), exampleTLD()); !errors.As(err, &refused) || refused.Status != http.StatusForbidden {
			t.Errorf("a %s's certificate: %v", name, err)
		}
	}
}

// An operator of another cluster whose CA this one were made to trust is still none of this cluster.
func TestOperatorOfAnotherClusterIsForbidden(t *testing.T) {
	t.Parallel()
	c := admintest.New(t, 1)
	other := newCA(t, "other")
	operator, err := other.IssueOperator("ops", time.Hour)
	operator = issue(t, operator, err)
	trusted := c.CA.Pool()
	trusted.AddCert(other.Certificate())
	url := serve(t, c, trusted)
	client := admin.NewClient(url, admintest.With(c.CA.Pool(), operator))
	defer client.Close()
	_, err = client.Status(t.Context())
	var refused *admin.Error
	if !errors.As(err, &refused) || refused.Status != http.StatusForbidden || !strings.Contains(refused.Message, "no operator of cluster test") {
		t.Errorf("got %v", err)
	}
}

// serve starts another server of the cluster's first node, which trusts other CAs.
func serve(t *testing.T, c *admintest.Cluster, trusted *x509.CertPool) (url string) {
	t.Helper()
	certificate, err := c.CA.IssueNode("site1", []string{"127.0.0.1"}, time.Hour)
	certificate = issue(t, certificate, err)
	s := admin.NewServer(c.Nodes[0].Config(), func() (*tls.Certificate, error) { return &certificate, nil }, trusted)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := errors.Join(s.Shutdown(ctx), <-done); err != nil {
			t.Error(err)
		}
	})
	return "https://" + l.Addr().String()
}

func TestCertificatesThatGetNowhere(t *testing.T) {
	t.Parallel()
	c := admintest.New(t, 1)
	stranger, err := newCA(t, admintest.Name).IssueOperator("ops", time.Hour)
	stranger = issue(t, stranger, err)
	expired, err := c.CA.IssueOperator("ops", time.Nanosecond)
	expired = issue(t, expired, err)
	server, err := c.CA.IssueServer("epp", []string{"127.0.0.1"}, time.Hour)
	server = issue(t, server, err)
	for name, config := range map[string]*tls.Config{
		"none":                        admintest.With(c.CA.Pool()),
		"another CA of the same name": admintest.With(c.CA.Pool(), stranger),
		"expired":                     admintest.With(c.CA.Pool(), expired),
		"a server's":                  admintest.With(c.CA.Pool(), server),
	} {
		client := admin.NewClient(c.Nodes[0].URL, config)
		defer client.Close()
		_, err := client.Status(t.Context())
		var lost *admin.Unanswered
		if !errors.As(err, &lost) || lost.Sent {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestClientRefusesOtherServers(t *testing.T) {
	t.Parallel()
	c := admintest.New(t, 1)
	operator, err := c.CA.IssueOperator("ops", time.Hour)
	operator = issue(t, operator, err)
	_, err = admin.NewClient(c.Nodes[0].URL, admintest.With(newCA(t, admintest.Name).Pool(), operator)).CreateTLD(t.Context(), exampleTLD())
	var lost *admin.Unanswered
	if !errors.As(err, &lost) || lost.Sent || !admin.TryElsewhere(err) || !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("got %v", err)
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	t.Parallel()
	c := admintest.New(t, 1)
	config := c.Operator()
	config.MinVersion, config.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	if _, err := admin.NewClient(c.Nodes[0].URL, config).Status(t.Context()); err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("got %v", err)
	}
}

// A page in a browser that holds an operator's certificate must not be able to act with it.
func TestCrossOriginRequestIsForbidden(t *testing.T) {
	t.Parallel()
	c := admintest.New(t, 1)
	for origin, want := range map[string]int{"https://evil.example": http.StatusForbidden, c.Nodes[0].URL: http.StatusNoContent} {
		status, p := send(t, c, "POST", "/v1/leadership/transfer", "", http.Header{"Origin": {origin}})
		if status != want {
			t.Errorf("from %s: %d %+v", origin, status, p)
		}
	}
}

// send makes a request by hand, as an operator of the first node.
func send(t *testing.T, c *admintest.Cluster, method, path, body string, header http.Header) (status int, p admin.Problem) {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: c.Operator()}
	defer transport.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), method, c.Nodes[0].URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	w, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	text, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	if w.StatusCode >= 300 {
		if err := json.Unmarshal(text, &p); err != nil || p.Message == "" || w.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: %d with a body that explains nothing: %q", method, path, w.StatusCode, text)
		}
	}
	return w.StatusCode, p
}
