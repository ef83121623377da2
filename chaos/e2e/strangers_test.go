package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/domainr/epp"

	"quorate/chaos/cluster"
)

// tool is the path of a program that isn't ours. Without it the test is skipped, but not where everything is checked.
func tool(t *testing.T, name, debianPackage string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing: apt-get install %s", name, debianPackage)
	}
	t.Skipf("%s is missing: apt-get install %s", name, debianPackage)
	return ""
}

// output runs a tool until what it prints has all of the wanted texts.
func output(t *testing.T, wanted []string, path string, args ...string) {
	t.Helper()
	await(t, path+" "+strings.Join(args, " "), func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		cmd := exec.CommandContext(ctx, path, args...)
		out, err := cmd.CombinedOutput()
		for _, want := range wanted {
			if !bytes.Contains(bytes.ToLower(out), []byte(strings.ToLower(want))) {
				return &unwanted{want, string(out), err}
			}
		}
		return err
	})
}

// unwanted is a tool's output that lacks something.
type unwanted struct {
	want, out string
	err       error
}

func (u *unwanted) Error() string {
	s := "no " + u.want + " in:\n" + u.out
	if u.err != nil {
		s += "\n" + u.err.Error()
	}
	return s
}

// The tools that people have at hand get what they expect: dig, whois, curl, openssl s_client.
func TestTools(t *testing.T) {
	t.Parallel()
	dig, whois := tool(t, "dig", "bind9-dnsutils"), tool(t, "whois", "whois")
	curl, openssl := tool(t, "curl", "curl"), tool(t, "openssl", "openssl")
	c := start(t, relaxed)
	s := login(t, c, c.Sites()[0], "reg1")
	furnish(t, s)
	const name = "tools.example"
	create(t, s, name)
	e := c.Endpoints()
	for _, site := range e.Sites {
		host, port := split(t, site.DNS)
		output(t, []string{"NOERROR", nameservers[0] + "."}, dig, "@"+host, "-p", port, "+norecurse", name, "NS")
		output(t, []string{"NXDOMAIN", "SOA"}, dig, "@"+host, "-p", port, "+norecurse", "+tcp", "nothing.example", "A")
		host, port = split(t, site.WHOIS)
		output(t, []string{"Domain Name: " + name, "Registrar: First Registrar Ltd"}, whois, "-h", host, "-p", port, name)
		output(t, []string{`"ldhName":"` + name + `"`, "200"}, curl, "-sS", "--cacert", e.CA, "-w", "%{http_code}", site.RDAP+"domain/"+name)
		output(t, []string{"quorate_"}, curl, "-sS", site.Metrics)
		output(t, []string{`"state":`}, curl, "-sS", "--cacert", e.CA, "--cert", e.Operator.Cert, "--key", e.Operator.Key, site.Admin+"/v1/status")
		reg1 := e.Registrars[0]
		converse(t, []string{"Verify return code: 0 (ok)", "<greeting>", "urn:ietf:params:xml:ns:domain-1.0"}, openssl,
			"s_client", "-connect", site.EPP, "-CAfile", e.CA, "-cert", reg1.Cert, "-key", reg1.Key)
	}
}

// converse runs a tool that goes on as long as its input does, until what it prints has all of the wanted texts.
func converse(t *testing.T, wanted []string, path string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), path, args...)
	out := &lines{}
	cmd.Stdout, cmd.Stderr = out, out
	input, err := cmd.StdinPipe()
	do(t, err, cmd.Start())
	for _, want := range wanted {
		await(t, path+" "+strings.Join(args, " "), func(context.Context) error { return out.has(want) })
	}
	do(t, input.Close())
	if err := cmd.Wait(); err != nil {
		t.Errorf("%s: %v\n%s", path, err, out.text())
	}
}

func split(t *testing.T, address string) (host, port string) {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	do(t, err)
	return host, port
}

// An EPP client that isn't ours logs in, checks, asks and logs out.
func TestForeignEPPClient(t *testing.T) {
	t.Parallel()
	c := start(t, relaxed)
	s := login(t, c, c.Sites()[0], "reg1")
	furnish(t, s)
	create(t, s, "taken.example")
	for _, site := range c.Sites() {
		cfg, err := c.RegistrarTLS("reg2")
		do(t, err)
		conn, err := tls.Dial("tcp", c.Addresses(site).EPP, cfg)
		do(t, err)
		defer conn.Close()
		foreign, err := epp.NewTimeoutConn(conn, patience)
		do(t, err)
		if _, err := foreign.Login("reg2", c.Password("reg2"), ""); err != nil {
			t.Fatalf("login at %s: %v", site, err)
		}
		do(t, foreign.Hello())
		checked, err := foreign.CheckDomain("taken.example", "free.example")
		do(t, err)
		if got := checked.Checks; len(got) != 2 || got[0].Available || !got[1].Available || got[0].Domain != "taken.example" {
			t.Errorf("check at %s: %+v", site, got)
		}
		info, err := foreign.DomainInfo("taken.example", nil)
		do(t, err)
		if info.Domain != "taken.example" || info.ClID != "reg1" || !info.ExDate.After(time.Now()) {
			t.Errorf("info at %s: %+v", site, info)
		}
		do(t, foreign.Logout())
	}
}

// The file that programs read has what it promises.
func TestEndpointsFile(t *testing.T) {
	t.Parallel()
	c := start(t, relaxed)
	b, err := os.ReadFile(c.EndpointsFile())
	do(t, err)
	var e struct {
		TLD, CA string
		Sites   []struct {
			Name                                  string
			PID                                   int
			EPP, WHOIS, RDAP, DNS, Admin, Metrics string
		}
		Registrars []struct{ ID, Password, Cert, Key string }
		Operator   struct{ Name, Cert, Key string }
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	do(t, d.Decode(&e))
	if e.TLD != "example" || len(e.Sites) != 3 || len(e.Registrars) != 3 {
		t.Fatalf("%+v", e)
	}
	for i, site := range c.Sites() {
		s := e.Sites[i]
		if s.Name != site || s.PID != c.PID(site) || s.PID == 0 {
			t.Errorf("%+v, while %s has pid %d", s, site, c.PID(site))
		}
		for _, address := range []string{s.EPP, s.WHOIS, s.DNS} {
			split(t, address)
		}
		if !strings.HasPrefix(s.RDAP, "https://") || !strings.HasPrefix(s.Admin, "https://") || !strings.HasPrefix(s.Metrics, "http://") {
			t.Errorf("%+v: no URLs", s)
		}
	}
	files := []string{e.CA, e.Operator.Cert, e.Operator.Key}
	for i, r := range e.Registrars {
		if r.ID != []string{"reg1", "reg2", "poor"}[i] || r.Password == "" {
			t.Errorf("registrar %+v", r)
		}
		files = append(files, r.Cert, r.Key)
	}
	for _, f := range files {
		if _, err := os.Stat(f); err != nil || !strings.HasPrefix(f, "/") {
			t.Errorf("%s: %v", f, err)
		}
	}
	if st, err := os.Stat(c.EndpointsFile()); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("it holds passwords and has mode %v (%v)", st.Mode(), err)
	}

	// A development cluster lets one registrar have a hundred sessions from one address.
	const sessions = 100
	for i := range sessions {
		s, err := c.Login(t.Context(), c.Sites()[0], "reg2")
		if err != nil {
			t.Fatalf("session %d of %d: %v", i+1, sessions, err)
		}
		defer s.Close()
	}
	if got := balance(t, c, c.Sites()[1], "reg2"); cents(t, got) != cents(t, cluster.Deposit) {
		t.Errorf("reg2 begins with %s", got)
	}
}
