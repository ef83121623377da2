package rdap_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"quorate/fsm"
	"quorate/fsm/registry"
	"quorate/rdds"
	"quorate/rdds/internal/fixture"
	"quorate/rdds/rdap"
)

const (
	// patience is how long a test waits for what should come at once.
	patience = 30 * time.Second
	// baseURL is the public URL in answers, wherever the server really listens.
	baseURL = "https://rdap.registry.test/v1/"
)

// service is a running server, with a client that trusts it.
type service struct {
	*rdap.Server
	url    string // where baseURL is
	roots  *x509.CertPool
	pem    []byte // of the certificate
	client *http.Client
}

// certificate makes a self-signed certificate for 127.0.0.1.
func certificate(tb testing.TB) tls.Certificate {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "rdap.registry.test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		tb.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func config(cfg rdap.Config) rdap.Config {
	cfg.Listen = "127.0.0.1:0"
	cfg.BaseURL = baseURL
	cfg.TermsURL = "https://registry.test/terms"
	cfg.Legal = "Terms of the test.\n\nSecond paragraph."
	cfg.WHOISHost = "whois.registry.test"
	cfg.Log = slog.New(slog.DiscardHandler)
	return cfg
}

func start(tb testing.TB, reg rdds.Registry, cfg rdap.Config) *service {
	tb.Helper()
	cert := certificate(tb)
	cfg = config(cfg)
	cfg.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &cert, nil }
	s, err := rdap.NewServer(cfg, reg)
	if err != nil {
		tb.Fatal(err)
	}
	if err := s.Listen(); err != nil {
		tb.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		tb.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	client := &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       patience,
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	tb.Cleanup(func() {
		client.CloseIdleConnections()
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, rdds.ErrClosed) {
			tb.Errorf("Serve: %v", err)
		}
	})
	return &service{s, fmt.Sprintf("https://%v/v1/", s.Addr()), roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw}), client}
}

// request sends a request; the answer's body is read, and its header checked for what all must have.
func (s *service) request(tb testing.TB, method, path string) (*http.Response, []byte) {
	tb.Helper()
	r, err := http.NewRequestWithContext(tb.Context(), method, s.url+path, nil)
	if err != nil {
		tb.Fatal(err)
	}
	answer, err := s.client.Do(r)
	if err != nil {
		tb.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	if err != nil {
		tb.Fatal(err)
	}
	if got := answer.Header.Get("Access-Control-Allow-Origin"); got != "*" {
		tb.Errorf("-20500: %s %s: Access-Control-Allow-Origin is %q", method, path, got)
	}
	if got := answer.Header.Get("Content-Type"); got != "application/rdap+json" {
		tb.Errorf("-13000: %s %s: Content-Type is %q", method, path, got)
	}
	return answer, body
}

// get asks for what must be there.
func (s *service) get(tb testing.TB, path string) []byte {
	tb.Helper()
	answer, body := s.request(tb, http.MethodGet, path)
	if answer.StatusCode != http.StatusOK {
		tb.Fatalf("%s: %s: %s", path, answer.Status, body)
	}
	return body
}

// objects are queries that find something, by the names of their golden files.
var objects = map[string]string{
	"domain":              "domain/foo.example",
	"domain-disclosed":    "domain/OPEN.example.",
	"domain-bare":         "domain/bare.example",
	"domain-thin":         "domain/thin.thin",
	"domain-deleted":      "domain/gone.example",
	"domain-new":          "domain/new.example",
	"domain-signed":       "domain/signed.example",
	"domain-attributes":   "domain/own.attr",
	"domain-renamed-host": "domain/renamed.example",
	"nameserver-renamed":  "nameserver/after.foo.example",
	"domain-signed-keys":  "domain/signed.keys",
	"nameserver":          "nameserver/ns1.foo.example",
	"nameserver-external": "nameserver/ns.elsewhere.icann",
	"nameserver-unused":   "nameserver/ns2.foo.example",
	"registrar":           "entity/1000001",
	"registrar-bare":      "entity/R%C3%A9gistrar%20two",
	"help":                "help",
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	s := start(t, fixture.Filled(t), rdap.Config{})
	for name, path := range objects {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := s.get(t, path)
			profile(t, body, baseURL+strings.TrimSuffix(strings.Replace(path, "OPEN", "open", 1), "."))
			var indented bytes.Buffer
			if err := json.Indent(&indented, body, "", "  "); err != nil {
				t.Fatal(err)
			}
			fixture.Golden(t, name, append(indented.Bytes(), '\n'))
			for range 3 {
				if again := s.get(t, path); !bytes.Equal(again, body) {
					t.Fatalf("the same question is answered differently:\n%s\n%s", body, again)
				}
			}
			head, nothing := s.request(t, http.MethodHead, path)
			if head.StatusCode != http.StatusOK || len(nothing) != 0 || head.ContentLength != int64(len(body)) {
				t.Errorf("-20300: HEAD: %s, %d octets of %d", head.Status, len(nothing), head.ContentLength)
			}
		})
	}
}

// TestNodesAgree is rdap-92: only the event that says how old the answer is may differ between nodes.
func TestNodesAgree(t *testing.T) {
	t.Parallel()
	one, other := fixture.Filled(t), fixture.Filled(t)
	other.Wait(registry.Hour)
	a, b := start(t, one, rdap.Config{}), start(t, other, rdap.Config{})
	for _, path := range objects {
		x, y := a.get(t, path), b.get(t, path)
		if path != "help" && bytes.Equal(x, y) {
			t.Errorf("%s: the answers don't say how old they are", path)
		}
		if x, y := withoutAge(t, x), withoutAge(t, y); !bytes.Equal(x, y) {
			t.Errorf("%s:\n%s\n%s", path, x, y)
		}
	}
}

// withoutAge is an answer without its last update event, byte for byte.
func withoutAge(t *testing.T, body []byte) []byte {
	t.Helper()
	before, rest, found := bytes.Cut(body, []byte(`{"eventAction":"last update of RDAP database"`))
	if !found {
		return body
	}
	_, after, ended := bytes.Cut(rest, []byte("}"))
	if !ended || bytes.Contains(after, []byte("last update")) {
		t.Errorf("the answer says twice how old it is: %s", body)
	}
	return append(bytes.Clone(before), after...)
}

// TestCaseDoesNotMatter is -10403.
func TestCaseDoesNotMatter(t *testing.T) {
	t.Parallel()
	s := start(t, fixture.Filled(t), rdap.Config{})
	for _, pair := range [][2]string{
		{"domain/foo.example", "domain/FoO.eXaMpLe"}, {"domain/foo.example", "domain/foo%2eexample."}, {"nameserver/ns1.foo.example", "nameserver/NS1.Foo.Example"},
	} {
		if a, b := s.get(t, pair[0]), s.get(t, pair[1]); !bytes.Equal(a, b) {
			t.Errorf("%s:\n%s\n%s:\n%s", pair[0], a, pair[1], b)
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	s := start(t, fixture.Filled(t), rdap.Config{})
	for _, tt := range []struct {
		method, path string
		status       int
	}{
		{"GET", "domain/free.example", 404},
		{"GET", "domain/not-a-domain.invalid", 404}, // -65300
		{"GET", "domain/test.invalid", 404},         // -13005
		{"GET", "domain/example", 404},
		{"GET", "domain/ns1.foo.example", 404},
		{"GET", "nameserver/ns9.foo.example", 404},
		{"GET", "nameserver/ns9.elsewhere.icann", 404},
		{"GET", "entity/999999", 404},
		{"GET", "entity/nobody", 404},
		{"GET", "entity/c-open", 404},
		{"HEAD", "domain/free.example", 404},
		{"GET", "domain/foo_bar.example", 400},
		{"GET", "domain/f%C3%B6%C3%B6.example", 400},
		{"GET", "domain/a..example", 400},
		{"GET", "domain/", 400},
		{"GET", "", 400},
		{"GET", "favicon.ico", 400},
		{"GET", "../domain/foo.example", 400},
		{"GET", "domain//foo.example", 400},
		{"GET", "domains?name=foo*", 501},
		{"GET", "nameservers?ip=192.0.2.1", 501},
		{"GET", "entities?fn=x*", 501},
		{"GET", "ip/192.0.2.1", 501},
		{"GET", "autnum/64500", 501},
		{"POST", "domain/foo.example", 405},
		{"DELETE", "domain/foo.example", 405},
		{"OPTIONS", "domain/foo.example", 405},
	} {
		answer, body := s.request(t, tt.method, tt.path)
		if answer.StatusCode != tt.status {
			t.Errorf("%s %s: %s", tt.method, tt.path, answer.Status)
		}
		if answer.Header.Get("Location") != "" {
			t.Errorf("%s %s is redirected to %s", tt.method, tt.path, answer.Header.Get("Location"))
		}
		if tt.method == "HEAD" {
			if len(body) != 0 {
				t.Errorf("%s has a body", tt.path)
			}
			continue
		}
		var e struct {
			Conformance []string `json:"rdapConformance"`
			Code        int      `json:"errorCode"`
			Title       string   `json:"title"`
		}
		if err := json.Unmarshal(body, &e); err != nil || e.Code != tt.status || e.Title == "" || len(e.Conformance) == 0 {
			t.Errorf("-12100 to -12108: %s %s: %s, %v", tt.method, tt.path, body, err)
		}
		if allow := answer.Header.Get("Allow"); (allow != "") != (tt.status == 405) {
			t.Errorf("%s %s: Allow is %q", tt.method, tt.path, allow)
		}
	}
}

// TestOtherPaths asks beside the base URL.
func TestOtherPaths(t *testing.T) {
	t.Parallel()
	s := start(t, fixture.Filled(t), rdap.Config{})
	s.url = strings.TrimSuffix(s.url, "v1/")
	for _, path := range []string{"", "domain/foo.example", "v1", "v2/domain/foo.example"} {
		if answer, body := s.request(t, http.MethodGet, path); answer.StatusCode != 404 {
			t.Errorf("%q: %s: %s", path, answer.Status, body)
		}
	}
}

func TestUnknownParametersAreIgnored(t *testing.T) {
	t.Parallel()
	s := start(t, fixture.Filled(t), rdap.Config{})
	if got, want := s.get(t, "domain/foo.example?cache=buster&<script>"), s.get(t, "domain/foo.example"); !bytes.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestUnreadableReplica(t *testing.T) {
	t.Parallel()
	reg := fixture.Filled(t)
	s := start(t, reg, rdap.Config{})
	for _, tt := range []struct {
		err    error
		status int
	}{{fsm.ErrUnavailable, 503}, {errors.New("the disk is gone"), 500}} {
		reg.Fail(tt.err)
		if answer, body := s.request(t, http.MethodGet, "domain/foo.example"); answer.StatusCode != tt.status || bytes.Contains(body, []byte("disk")) {
			t.Errorf("%v: %s: %s", tt.err, answer.Status, body)
		}
	}
	reg.Fail(nil)
	s.get(t, "domain/foo.example")
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	s := start(t, fixture.Filled(t), rdap.Config{Limits: rdds.Limits{Rate: 0.01, Burst: 2}})
	s.get(t, "help")
	s.get(t, "help")
	answer, body := s.request(t, http.MethodGet, "help")
	if answer.StatusCode != 429 || !bytes.Contains(body, []byte(`"errorCode":429`)) {
		t.Errorf("%s: %s", answer.Status, body)
	}
	if wait, err := strconv.Atoi(answer.Header.Get("Retry-After")); err != nil || wait < 1 || wait > 100 {
		t.Errorf("Retry-After is %s, for a query in 100 s", answer.Header.Get("Retry-After"))
	}
}

func TestConnectionLimit(t *testing.T) {
	t.Parallel()
	s := start(t, fixture.Filled(t), rdap.Config{Limits: rdds.Limits{ConnectionsPerClient: 1}})
	s.get(t, "help") // its connection is kept
	c, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("a second connection reads %v", err)
	}
	if n := fixture.Counters(t, s)["quorate_rdap_connections_refused_total"]; n != 1 {
		t.Errorf("%v connections are counted as refused", n)
	}
	s.get(t, "help")
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	s := start(t, fixture.Filled(t), rdap.Config{})
	for _, path := range []string{"domain/foo.example", "domain/foo.example", "domain/x.example", "nameserver/ns1.foo.example", "entity/reg1", "help", "nonsense", "domains"} {
		s.request(t, http.MethodGet, path)
	}
	want := map[string]float64{}
	for labels, n := range map[string]float64{
		"domain 200": 2, "domain 404": 1, "nameserver 200": 1, "entity 200": 1, "help 200": 1, "none 400": 1, "none 501": 1,
	} {
		want["quorate_rdap_queries_total "+labels] = n
	}
	// The last answer may arrive before it is counted.
	fixture.Eventually(t, fmt.Sprint(want), func() bool { return maps.Equal(fixture.Counters(t, s), want) })
}

func TestTLS(t *testing.T) {
	t.Parallel()
	s := start(t, fixture.Filled(t), rdap.Config{})
	dial := func(cfg *tls.Config) error {
		cfg.RootCAs = s.roots
		c, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", s.Addr().String(), cfg)
		if err == nil {
			c.Close()
		}
		return err
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		if err := dial(&tls.Config{MinVersion: version, MaxVersion: version}); err != nil {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
	}
	for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11} {
		if dial(&tls.Config{MinVersion: version, MaxVersion: version}) == nil {
			t.Errorf("-61100: %s is offered", tls.VersionName(version))
		}
	}
	allowed := map[uint16]bool{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: true, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: true,
	}
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		if suite.SupportedVersions[0] > tls.VersionTLS12 || strings.Contains(suite.Name, "_RSA_") {
			continue // for TLS 1.3, or for another key than the test's
		}
		err := dial(&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite.ID}})
		if (err == nil) != allowed[suite.ID] {
			t.Errorf("-61101: %s: %v", suite.Name, err)
		}
	}
}

func TestPlainHTTPWithoutACertificate(t *testing.T) {
	t.Parallel()
	s, err := rdap.NewServer(config(rdap.Config{}), fixture.Filled(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(context.Background()) }()
	answer, err := http.Get(fmt.Sprintf("http://%v/v1/help", s.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != 200 {
		t.Error(answer.Status)
	}
	http.DefaultClient.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, rdds.ErrClosed) {
		t.Errorf("Serve: %v", err)
	}
	if c, err := net.Dial("tcp", s.Addr().String()); err == nil {
		c.Close()
		t.Error("the port is still open")
	}
}

func TestConfiguration(t *testing.T) {
	t.Parallel()
	for title, change := range map[string]func(*rdap.Config){
		"no base URL":                func(c *rdap.Config) { c.BaseURL = "" },
		"a base URL without a slash": func(c *rdap.Config) { c.BaseURL = "https://rdap.test/v1" },
		"a base URL of no host":      func(c *rdap.Config) { c.BaseURL = "https:///" },
		"a base URL with a query":    func(c *rdap.Config) { c.BaseURL = "https://rdap.test/?x/" },
		"another scheme":             func(c *rdap.Config) { c.BaseURL = "ftp://rdap.test/" },
		"no terms":                   func(c *rdap.Config) { c.TermsURL = "" },
		"too much of terms":          func(c *rdap.Config) { c.Legal = strings.Repeat("x", 1<<20) },
		"a negative limit":           func(c *rdap.Config) { c.Limits.Connections = -1 },
	} {
		cfg := config(rdap.Config{})
		change(&cfg)
		if _, err := rdap.NewServer(cfg, nil); err == nil {
			t.Errorf("%s is accepted", title)
		}
	}
	s, err := rdap.NewServer(config(rdap.Config{}), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(t.Context()); err == nil {
		t.Error("Serve without Listen does not fail")
	}
}

func TestManyClientsAtOnce(t *testing.T) {
	t.Parallel()
	s := start(t, fixture.Filled(t), rdap.Config{})
	want := s.get(t, "domain/foo.example")
	var clients sync.WaitGroup
	for range 16 {
		clients.Go(func() {
			for range 8 {
				if _, got := s.request(t, http.MethodGet, "domain/foo.example"); !bytes.Equal(got, want) {
					t.Errorf("got %s", got)
				}
			}
		})
	}
	clients.Wait()
}

// TestCurl asks with a client that is not ours.
func TestCurl(t *testing.T) {
	t.Parallel()
	tool := fixture.Tool(t, "curl")
	s := start(t, fixture.Filled(t), rdap.Config{})
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, s.pem, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	curl := func(args ...string) []byte {
		args = append([]string{"--silent", "--show-error", "--noproxy", "*", "--cacert", ca}, args...)
		out, err := exec.CommandContext(ctx, tool, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("curl %v: %v: %s", args, err, out)
		}
		return out
	}
	if got, want := curl("--fail", s.url+"domain/foo.example"), s.get(t, "domain/foo.example"); !bytes.Equal(got, want) {
		t.Errorf("got %s", got)
	}
	head := string(curl("--http1.1", "--head", s.url+"domain/foo.example"))
	if !strings.HasPrefix(head, "HTTP/1.1 200 ") || !strings.Contains(strings.ToLower(head), "access-control-allow-origin: *\r\n") {
		t.Error(head)
	}
	if got := curl("--output", os.DevNull, "--write-out", "%{http_code} %{num_redirects}", s.url+"domain/test.invalid"); string(got) != "404 0" {
		t.Errorf("got %s", got)
	}
}

func BenchmarkDomain(b *testing.B) {
	s, err := rdap.NewServer(config(rdap.Config{Limits: rdds.Limits{Rate: -1}}), fixture.Filled(b))
	if err != nil {
		b.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodGet, baseURL+"domain/foo.example", nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		w := discard{header: make(http.Header)}
		s.ServeHTTP(&w, r)
		if w.status != http.StatusOK {
			b.Fatal(w.status)
		}
	}
}

// discard is a ResponseWriter that keeps nothing but the status.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }

func BenchmarkDomainLoopback(b *testing.B) {
	s := start(b, fixture.Filled(b), rdap.Config{Limits: rdds.Limits{Rate: -1}})
	for b.Loop() {
		s.get(b, "domain/foo.example")
	}
}
