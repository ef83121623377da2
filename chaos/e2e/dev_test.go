package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"quorate/chaos/cluster"
	"quorate/node/endpoints"
)

// devCluster is what the tests of `quorate dev` share: a folder and ports.
type devCluster struct {
	dir   string
	ports int
}

func newDev(t *testing.T) devCluster {
	t.Helper()
	ports, err := cluster.ReservePorts(3)
	do(t, err)
	d := devCluster{filepath.Join(t.TempDir(), "dev"), ports.Base}
	t.Cleanup(func() {
		if out, err := d.command(t, "stop").CombinedOutput(); err != nil {
			t.Errorf("dev stop: %v: %s", err, out)
		}
		ports.Release()
	})
	return d
}

// command is `quorate dev` with the arguments.
func (d devCluster) command(t *testing.T, args ...string) *exec.Cmd {
	args = append([]string{"dev", "--dir", d.dir}, args...)
	if len(args) == 3 || strings.HasPrefix(args[3], "-") {
		args = append(args, "--ports", strconv.Itoa(d.ports))
	}
	// Not the test's context: it ends before the cleanups that stop the cluster.
	return exec.CommandContext(context.WithoutCancel(t.Context()), binary, args...)
}

// refusedWith runs the command, which must fail with one line that has the text, and leave nothing running.
func (d devCluster) refusedWith(t *testing.T, text string, args ...string) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := d.command(t, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("dev %v: %v, want exit status 1", args, err)
	}
	if line := strings.TrimSuffix(errs.String(), "\n"); strings.Contains(line, "\n") || !strings.Contains(line, text) {
		t.Errorf("dev %v says %q, want one line with %q", args, line, text)
	}
}

func (d devCluster) nothingRuns(t *testing.T) {
	t.Helper()
	c, err := cluster.Open(d.dir, binary)
	if errors.Is(err, cluster.ErrNoCluster) {
		return
	}
	do(t, err)
	for _, s := range c.Sites() {
		if c.Running(s) {
			t.Errorf("%s is left running", s)
		}
	}
}

// `make run DETACH=1`, a second start meanwhile, a site killed and started again, `make stop`, and all that once more.
func TestDetached(t *testing.T) {
	t.Parallel()
	d := newDev(t)
	out, err := d.command(t, "--detach").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	file := filepath.Join(d.dir, "endpoints.json")
	e, err := endpoints.Load(file)
	do(t, err)
	for _, want := range []string{e.Sites[0].EPP, e.Sites[1].WHOIS, e.Sites[2].DNS, e.Sites[0].RDAP, e.Registrars[1].Password, "dig @", "whois -h", "curl --cacert", "kill -9", "epp --site"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in what it prints:\n%s", want, out)
		}
	}
	if out, err := d.command(t, "--detach").CombinedOutput(); err != nil || !strings.Contains(string(out), "are running already") || !strings.Contains(string(out), e.Sites[0].EPP) {
		t.Errorf("dev --detach with all sites up: %v: %s", err, out)
	}
	d.refusedWith(t, "already running", "--detach", "--wan", "10ms")

	if out, err := d.command(t, "kill", "leader").CombinedOutput(); err != nil {
		t.Fatalf("dev kill leader: %v: %s", err, out)
	}
	c, err := cluster.Open(d.dir, binary)
	do(t, err)
	dead := ""
	for _, s := range c.Sites() {
		if !c.Running(s) {
			dead = s
		}
	}
	if out, err := d.command(t, "start", dead).CombinedOutput(); err != nil {
		t.Fatalf("dev start %s: %v: %s", dead, err, out)
	}
	before, _ := e.Site(dead)
	// A second start with a site down brings that site back.
	do(t, c.Kill(dead))
	if out, err := d.command(t, "--detach").CombinedOutput(); err != nil || !strings.Contains(string(out), dead+" runs") {
		t.Errorf("dev --detach with %s down: %v: %s", dead, err, out)
	}
	again, err := endpoints.Load(file)
	do(t, err)
	if now, err := again.Site(dead); err != nil || now.PID != c.PID(dead) || now.PID == before.PID {
		t.Errorf("%s had pid %d, has %d, and the file says %d (%v)", dead, before.PID, c.PID(dead), now.PID, err)
	}
	d.refusedWith(t, `there is no site "site9"`, "kill", "site9")

	if out, err := d.command(t, "stop").CombinedOutput(); err != nil {
		t.Fatalf("dev stop: %v: %s", err, out)
	}
	d.nothingRuns(t)
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the endpoints file is there after the stop: %v", err)
	}
	if out, err := d.command(t, "--detach").CombinedOutput(); err != nil {
		t.Fatalf("the second start: %v: %s", err, out)
	}
	resumed, err := endpoints.Load(file)
	do(t, err)
	if resumed.Registrars[0] != e.Registrars[0] || resumed.Sites[0].EPP != e.Sites[0].EPP {
		t.Errorf("resumed as %+v, was %+v", resumed, e)
	}
}

// The commands that the start prints work when pasted, in their order.
func TestPastedCommands(t *testing.T) {
	t.Parallel()
	tool(t, "dig", "bind9-dnsutils")
	tool(t, "whois", "whois")
	tool(t, "curl", "curl")
	d := newDev(t)
	out, err := d.command(t, "--detach").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	_, rest, _ := strings.Cut(string(out), "To try")
	var commands []string
	for line := range strings.Lines(rest) {
		if strings.HasPrefix(line, "  ") {
			commands = append(commands, strings.TrimSpace(line))
		}
	}
	if len(commands) != 5 {
		t.Fatalf("%d commands, want 5, in:\n%s", len(commands), out)
	}
	for i, wanted := range [][]string{
		{"hello-", ".example"},
		{"Domain Name: hello-", "Name Server: ns1.hello-"},
		{`"objectClassName":"domain"`, `"ldhName":"hello-`},
		{"NOERROR", "AUTHORITY SECTION", "ns1.hello-"},
		{"hello-"},
	} {
		// Reading at another site may come a moment too early; writing is done once.
		if i == 0 || i == 4 {
			once(t, wanted, "sh", "-c", commands[i])
		} else {
			output(t, wanted, "sh", "-c", commands[i])
		}
	}
}

// once runs a program, which must succeed and print all of the wanted texts.
func once(t *testing.T, wanted []string, path string, args ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", path, args, err, out)
	}
	for _, want := range wanted {
		if !strings.Contains(string(out), want) {
			t.Errorf("%s %q: no %q in:\n%s", path, args, want, out)
		}
	}
}

// In the foreground, a site's death is told, and an interrupt stops everything.
func TestForeground(t *testing.T) {
	t.Parallel()
	d := newDev(t)
	cmd := d.command(t)
	out := &lines{}
	cmd.Stdout, cmd.Stderr = out, out
	do(t, cmd.Start())
	await(t, "the cluster is up", func(context.Context) error { return out.has("Ctrl-C stops") })
	d.refusedWith(t, "another process runs this cluster")
	c, err := cluster.Open(d.dir, binary)
	do(t, err)
	do(t, c.Kill("site2"))
	await(t, "the death is told", func(context.Context) error { return out.has("has ended") })
	if out, err := d.command(t, "start", "site2").CombinedOutput(); err != nil {
		t.Fatalf("dev start: %v: %s", err, out)
	}
	await(t, "the return is told", func(context.Context) error { return out.has("site2 runs again") })
	do(t, cmd.Process.Signal(os.Interrupt))
	if err := cmd.Wait(); err != nil {
		t.Errorf("after the interrupt: %v\n%s", err, out.text())
	}
	d.nothingRuns(t)
}

// An interrupt while a new cluster starts leaves nothing running either, and nothing that the next start would stumble over.
func TestInterruptedStart(t *testing.T) {
	t.Parallel()
	d := newDev(t)
	cmd := d.command(t)
	out := &lines{}
	cmd.Stdout, cmd.Stderr = out, out
	do(t, cmd.Start())
	await(t, "a site starts", func(context.Context) error { return out.has("site1 started") })
	do(t, cmd.Process.Signal(os.Interrupt))
	if err := cmd.Wait(); err == nil || out.has("interrupted") != nil {
		t.Errorf("%v: %s", err, out.text())
	}
	d.nothingRuns(t)
	if out, err := d.command(t, "--detach").CombinedOutput(); err != nil {
		t.Errorf("the next start: %v: %s", err, out)
	}
}

func TestDevPortInUse(t *testing.T) {
	t.Parallel()
	d := newDev(t)
	taken, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(d.ports+270)))
	do(t, err)
	defer taken.Close()
	d.refusedWith(t, "port in use", "--detach")
	d.nothingRuns(t)
}

// lines collects what a process prints.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *lines) has(text string) error {
	if s := l.text(); !strings.Contains(s, text) {
		return fmt.Errorf("no %q in %q", text, s)
	}
	return nil
}
