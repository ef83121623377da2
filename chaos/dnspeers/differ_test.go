package dnspeers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// tool skips a test that needs a program which isn't there, but not where everything is checked.
func tool(t *testing.T, name, debianPackage string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, debianPackage)
	}
	return path
}

func missing(t *testing.T, packages ...string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("missing: apt-get install %s", strings.Join(packages, " "))
	}
	t.Skipf("missing: apt-get install %s", strings.Join(packages, " "))
}

// signings are the ways in which the zone of tests is signed, by a signer that isn't ours.
var signings = []struct {
	name  string
	flags []string // of dnssec-signzone; nil: unsigned
}{
	{"unsigned", nil},
	{"nsec", []string{"-z"}},
	{"nsec3", []string{"-z", "-3", "-", "-H", "0"}},
	{"optout", []string{"-z", "-3", "-", "-H", "0", "-A"}},
}

// signZone makes a zone file as the signing says, one record in a line.
func signZone(t *testing.T, dir string, flags []string) (path string) {
	t.Helper()
	run := func(name string, args ...string) string {
		t.Helper()
		cmd := exec.Command(tool(t, name, "bind9-utils"), args...)
		cmd.Dir = dir
		var said strings.Builder
		cmd.Stderr = &said
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v\n%s%s", name, err, out, said.String())
		}
		return strings.TrimSpace(string(out))
	}
	plain, err := os.ReadFile(filepath.Join("testdata", "odd.zone"))
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "zone")
	if flags == nil {
		if err := os.WriteFile(path, plain, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	key := run("dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", "example")
	public, err := os.ReadFile(filepath.Join(dir, key+".key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "plain"), append(plain, public...), 0o600); err != nil {
		t.Fatal(err)
	}
	run("dnssec-signzone", append(slices.Clone(flags), "-q", "-o", "example", "-O", "full", "-f", path, "plain", key)...)
	return path
}

func readZone(t *testing.T, path string) (records []dns.RR) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := dns.NewZoneParser(f, Origin, path)
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		records = append(records, rr)
	}
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
	return records
}

// quorate is this repository's binary, built once for all tests.
func quorate(t *testing.T) string {
	t.Helper()
	built, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return built
}

var build = sync.OnceValues(func() (string, error) {
	path := filepath.Join(builds, "quorate")
	if out, err := exec.Command("go", "build", "-o", path, "quorate").CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the binary: %w\n%s", err, out)
	}
	return path, nil
})

var builds string // a folder that is removed in the end

func TestMain(m *testing.M) {
	var err error
	if builds, err = os.MkdirTemp("", "quorate-dnspeers-"); err != nil {
		panic(err)
	}
	code := m.Run()
	os.RemoveAll(builds)
	os.Exit(code)
}

// Whatever a zone is asked, the answer is the one that NSD and Knot DNS give, or it is known why not.
func TestAnswersAreThoseOfOthers(t *testing.T) {
	t.Parallel()
	peers, lacking := Peers()
	if len(lacking) > 0 {
		missing(t, lacking...)
	}
	tool(t, "dnssec-signzone", "bind9-utils")
	for _, s := range signings {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			zone := signZone(t, t.TempDir(), s.flags)
			corpus := Corpus(readZone(t, zone))
			ours := answers(t, begin(t, Quorate(quorate(t)), zone), corpus)
			for _, k := range peers {
				against(t, corpus, ours, begin(t, k, zone))
			}
		})
	}
}

func answers(t *testing.T, s *Server, corpus []Question) []*dns.Msg {
	t.Helper()
	all, err := Ask(t.Context(), s.Address, corpus)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func against(t *testing.T, corpus []Question, ours []*dns.Msg, peer *Server) {
	t.Helper()
	theirs := answers(t, peer, corpus)
	known, unexplained := map[string]int{}, 0
	for i, q := range corpus {
		a, b := ours[i], theirs[i]
		for _, d := range Compare(q, a, b) {
			if why := explain(peer.Kind.Name, d, a, b); why != "" {
				known[why]++
			} else if unexplained++; unexplained <= 15 {
				t.Errorf("%s: %s", peer.Kind.Name, d)
			}
		}
	}
	if unexplained > 15 {
		t.Errorf("%s: %d differences in all", peer.Kind.Name, unexplained)
	}
	for why, n := range known {
		t.Logf("%s: %d times: %s", peer.Kind.Name, n, why)
	}
	t.Logf("%s: %d questions", peer.Kind.Name, len(corpus))
}

// explain says why a difference is none to mend; "" if it isn't known.
func explain(peer string, d Difference, ours, peers *dns.Msg) string {
	for _, e := range explanations {
		if (e.peer == "" || e.peer == peer) && (e.aspect == "" || e.aspect == d.Aspect) && e.when(d, ours, peers) {
			return e.why
		}
	}
	return ""
}

// explanations is the table of differences that stay.
var explanations = []struct {
	peer, aspect, why string
	when              func(d Difference, ours, peers *dns.Msg) bool
}{
	{"", "additional", "addresses of the hosts in an answer are optional (RFC 2181 §9): a resolver that wants them asks", func(d Difference, ours, peers *dns.Msg) bool {
		return d.Question.Type == dns.TypeMX && ours.Authoritative && d.Ours == ""
	}},
	{"", "", "NSEC and NSEC3 are types as others here: an alias for all types is one for them, and the wildcard's own is proof", func(d Difference, ours, peers *dns.Msg) bool {
		return d.Question.Type == dns.TypeNSEC || d.Question.Type == dns.TypeNSEC3
	}},
	{"", "", "a referral whose glue doesn't fit is truncated (RFC 9471 §3.1); NSD 4.6 and Knot 3.2 leave glue out without TC", func(d Difference, ours, peers *dns.Msg) bool {
		return d.Question.Size == 512 && ours.Truncated && !peers.Truncated && !peers.Authoritative
	}},
	{"nsd", "", "asked for a wildcard by its own name, NSD proves in addition that there is no closer name, as if it had been expanded", func(d Difference, ours, peers *dns.Msg) bool {
		return strings.HasPrefix(d.Question.Name, "*.") && d.Question.DO && (peers.Truncated || d.Aspect == "authority" && len(peers.Ns) > len(ours.Ns))
	}},
}
