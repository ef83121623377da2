package whois_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"quorate/fsm"
	"quorate/fsm/registry"
	"quorate/rdds"
	"quorate/rdds/internal/fixture"
	"quorate/rdds/whois"
)

// patience is how long a test waits for what should come at once.
const patience = 30 * time.Second

func start(tb testing.TB, reg rdds.Registry, cfg whois.Config) *whois.Server {
	tb.Helper()
	cfg.Listen = "127.0.0.1:0"
	cfg.Log = slog.New(slog.DiscardHandler)
	s, err := whois.NewServer(cfg, reg)
	if err != nil {
		tb.Fatal(err)
	}
	if err := s.Listen(); err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	tb.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, rdds.ErrClosed) {
			tb.Errorf("Serve: %v", err)
		}
	})
	return s
}

func dial(tb testing.TB, s *whois.Server) net.Conn {
	tb.Helper()
	c, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(patience))
	return c
}

func ask(tb testing.TB, s *whois.Server, query string) string {
	tb.Helper()
	c := dial(tb, s)
	defer c.Close()
	if _, err := io.WriteString(c, query); err != nil {
		tb.Fatal(err)
	}
	text, err := io.ReadAll(c)
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	s := start(t, fixture.Filled(t), whois.Config{Legal: "Terms of the test.\nSecond line.\n"})
	for name, query := range map[string]string{
		"domain":              "foo.example",
		"domain-disclosed":    "domain OPEN.example.",
		"domain-bare":         "bare.example",
		"domain-thin":         "thin.thin",
		"domain-signed":       "signed.example",
		"domain-attributes":   "own.attr",
		"domain-renamed-host": "renamed.example",
		"nameserver-renamed":  "nameserver after.foo.example",
		"nameserver-former":   "nameserver before.foo.example",
		"domain-signed-keys":  "signed.keys",
		"domain-deleted":      "gone.example",
		"domain-new":          "new.example",
		"nameserver":          "nameserver ns1.foo.example",
		"nameserver-external": "host ns.elsewhere.icann",
		"registrar":           "registrar 1000001",
		"registrar-of-a-name": "registrar régistrar two",
		"no-domain":           "free.example",
		"usage":               "-T dn foo.example",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := ask(t, s, query+"\r\n")
			fixture.Golden(t, name, []byte(got))
			for line := range strings.SplitAfterSeq(strings.TrimSuffix(got, "\r\n"), "\n") {
				if strings.HasSuffix(line, "\n") && !strings.HasSuffix(line, "\r\n") {
					t.Errorf("%q does not end with CRLF", line)
				}
			}
		})
	}
}

// TestBareNames is about names without a keyword: names that can be no domains are looked for among the hosts.
func TestBareNames(t *testing.T) {
	t.Parallel()
	s := start(t, fixture.Filled(t), whois.Config{})
	for query, first := range map[string]string{
		"foo.example":                "Domain Name: foo.example",
		"ns1.foo.example":            "Server Name: ns1.foo.example",
		"domain ns1.foo.example":     `No match for "ns1.foo.example".`,
		"nameserver foo.example":     `No match for "foo.example".`,
		"ns3.foo.example":            `No match for "ns3.foo.example".`,
		"ns.elsewhere.icann":         `No match for "ns.elsewhere.icann".`,
		"example":                    `No match for "example".`,
		"registrar nobody \"at\" al": `No match for "nobody "at" al".`,
	} {
		if got, _, _ := strings.Cut(ask(t, s, query+"\r\n"), "\r\n"); got != first {
			t.Errorf("%s: %s", query, got)
		}
	}
}

func TestAgeIsLogTime(t *testing.T) {
	t.Parallel()
	reg := fixture.Filled(t)
	s := start(t, reg, whois.Config{})
	footer := regexp.MustCompile(`(?m)^>>> Last update of WHOIS database: (\S+) <<<\r$`)
	age := func() string {
		found := footer.FindStringSubmatch(ask(t, s, "nothing.example\r\n"))
		if found == nil {
			t.Fatal("the answer does not say how old it is")
		}
		return found[1]
	}
	before := age()
	if again := age(); again != before {
		t.Errorf("the age went from %s to %s while log time stood still", before, again)
	}
	reg.Wait(registry.Day)
	day, err := time.Parse(time.RFC3339, before)
	if err != nil {
		t.Fatal(err)
	}
	if after, want := age(), day.Add(24*time.Hour+time.Second).Format(time.RFC3339); after != want {
		t.Errorf("a day later: %s, not %s", after, want)
	}
}

func TestQueryForms(t *testing.T) {
	t.Parallel()
	s := start(t, fixture.Filled(t), whois.Config{})
	want := ask(t, s, "foo.example\r\n")
	t.Run("bare line feed", func(t *testing.T) {
		if got := ask(t, s, "foo.example\n"); got != want {
			t.Error(got)
		}
	})
	t.Run("end of input for the end of the line", func(t *testing.T) {
		c := dial(t, s)
		defer c.Close()
		io.WriteString(c, "foo.example")
		c.(*net.TCPConn).CloseWrite()
		if got, err := io.ReadAll(c); string(got) != want {
			t.Errorf("%s, %v", got, err)
		}
	})
	t.Run("in pieces", func(t *testing.T) {
		c := dial(t, s)
		defer c.Close()
		for _, b := range []byte("foo.example\r\n") {
			c.Write([]byte{b})
		}
		if got, err := io.ReadAll(c); string(got) != want {
			t.Errorf("%s, %v", got, err)
		}
	})
	t.Run("one query a connection", func(t *testing.T) {
		if got := ask(t, s, "foo.example\r\nbare.example\r\n"); got != want {
			t.Error(got)
		}
	})
	t.Run("longest query", func(t *testing.T) {
		if got := ask(t, s, strings.Repeat("a", whois.MaxQuery)+"\r\n"); !strings.HasPrefix(got, "Error: not a domain name.\r\n") {
			t.Error(got)
		}
	})
	t.Run("too long", func(t *testing.T) {
		if got := ask(t, s, strings.Repeat("a", 8*whois.MaxQuery)); !strings.HasPrefix(got, "Error: the query is longer than 512 octets.\r\n") {
			t.Error(got)
		}
	})
}

func TestUnreadableReplica(t *testing.T) {
	t.Parallel()
	reg := fixture.Filled(t)
	s := start(t, reg, whois.Config{})
	reg.Fail(fsm.ErrUnavailable)
	if got := ask(t, s, "foo.example\r\n"); !strings.HasPrefix(got, "Error: ") {
		t.Error(got)
	}
	reg.Fail(nil)
	if got := ask(t, s, "foo.example\r\n"); !strings.HasPrefix(got, "Domain Name: ") {
		t.Errorf("afterwards: %s", got)
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	s := start(t, fixture.Filled(t), whois.Config{Limits: rdds.Limits{Rate: 1e-6, Burst: 2}})
	ask(t, s, "foo.example\r\n")
	ask(t, s, "foo.example\r\n")
	if got := ask(t, s, "foo.example\r\n"); !strings.HasPrefix(got, "Error: there are too many queries") {
		t.Error(got)
	}
	compareMetrics(t, s, map[string]int{"found": 2, "limited": 1})
}

func TestConnectionLimit(t *testing.T) {
	t.Parallel()
	s := start(t, fixture.Filled(t), whois.Config{Limits: rdds.Limits{ConnectionsPerClient: 1}})
	first := dial(t, s)
	defer first.Close()
	second := dial(t, s)
	defer second.Close()
	// The second is turned away because the first was accepted before it.
	if got, err := io.ReadAll(second); err != nil || !strings.HasPrefix(string(got), "Error: there are too many connections") {
		t.Errorf("%s, %v", got, err)
	}
	io.WriteString(first, "foo.example\r\n")
	if got, err := io.ReadAll(first); err != nil || !strings.HasPrefix(string(got), "Domain Name: ") {
		t.Errorf("%s, %v", got, err)
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	s := start(t, fixture.Filled(t), whois.Config{})
	for _, query := range []string{"foo.example", "bare.example", "free.example", "?", "registrar nobody"} {
		ask(t, s, query+"\r\n")
	}
	compareMetrics(t, s, map[string]int{"found": 2, "not_found": 2, "usage": 1})
}

func compareMetrics(t *testing.T, s *whois.Server, want map[string]int) {
	t.Helper()
	counters := make(map[string]float64)
	for outcome, n := range want {
		counters["quorate_whois_queries_total "+outcome] = float64(n)
	}
	// The last answer may arrive before it is counted.
	fixture.Eventually(t, fmt.Sprint(counters), func() bool { return maps.Equal(fixture.Counters(t, s), counters) })
}

func TestShutdown(t *testing.T) {
	t.Parallel()
	s := start(t, fixture.Filled(t), whois.Config{})
	silent := dial(t, s)
	defer silent.Close()
	ask(t, s, "foo.example\r\n") // the silent one was accepted before
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(silent); len(got) > 0 || err != nil {
		t.Errorf("the silent connection reads %q, %v", got, err)
	}
	if c, err := net.Dial("tcp", s.Addr().String()); err == nil {
		c.Close()
		t.Error("the port is still open")
	}
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("a second Shutdown: %v", err)
	}
	if err := s.Serve(ctx); !errors.Is(err, rdds.ErrClosed) {
		t.Errorf("Serve after Shutdown: %v", err)
	}
}

func TestConfiguration(t *testing.T) {
	t.Parallel()
	if _, err := whois.NewServer(whois.Config{Legal: strings.Repeat("x", 1<<20)}, nil); err == nil {
		t.Error("a legal text of a megabyte is accepted")
	}
	if _, err := whois.NewServer(whois.Config{Limits: rdds.Limits{Burst: -1}}, nil); err == nil {
		t.Error("a negative limit is accepted")
	}
	s, err := whois.NewServer(whois.Config{Listen: "127.0.0.1:0"}, fixture.Empty(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(t.Context()); err == nil {
		t.Error("Serve without Listen does not fail")
	}
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	defer s.Shutdown(t.Context())
	if err := s.Listen(); err == nil {
		t.Error("a second Listen does not fail")
	}
	taken, err := whois.NewServer(whois.Config{Listen: s.Addr().String()}, fixture.Empty(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := taken.ListenAndServe(t.Context()); err == nil {
		t.Error("a port in use does not fail")
	}
}

func TestManyClientsAtOnce(t *testing.T) {
	t.Parallel()
	s := start(t, fixture.Filled(t), whois.Config{})
	want := ask(t, s, "foo.example\r\n")
	var clients sync.WaitGroup
	for range 16 {
		clients.Go(func() {
			for range 8 {
				if got := ask(t, s, "foo.example\r\n"); got != want {
					t.Errorf("got %s", got)
				}
			}
		})
	}
	clients.Wait()
}

// TestDebianClient asks with the client that people have.
func TestDebianClient(t *testing.T) {
	t.Parallel()
	tool := fixture.Tool(t, "whois")
	s := start(t, fixture.Filled(t), whois.Config{})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, tool, "-h", "127.0.0.1", "-p", fmt.Sprint(s.Addr().Port()), "foo.example").Output()
	if err != nil {
		t.Fatal(err)
	}
	want := strings.ReplaceAll(ask(t, s, "foo.example\r\n"), "\r", "")
	if !bytes.Equal(bytes.TrimSpace(out), []byte(strings.TrimSpace(want))) {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
}

func BenchmarkDomainLoopback(b *testing.B) {
	s := start(b, fixture.Filled(b), whois.Config{Limits: rdds.Limits{Rate: -1}})
	for b.Loop() {
		ask(b, s, "foo.example\r\n")
	}
}
