package transport

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"quorate/transport/pki"
)

// The environment that makes the test binary be the node that gets killed: the folder of its certificate, its address, its idle timeout.
const (
	victimEnv     = "QUORATE_TEST_VICTIM"
	victimAddrEnv = "QUORATE_TEST_VICTIM_ADDR"
	victimIdleEnv = "QUORATE_TEST_VICTIM_IDLE"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(victimEnv); dir != "" {
		if err := victim(dir, os.Getenv(victimAddrEnv), os.Getenv(victimIdleEnv)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// victim is a node that prints its address, answers echo, prints a line when hang is called, and lives until it is killed or its
// standard input ends.
func victim(dir, addr, idleTimeout string) error {
	idle, err := time.ParseDuration(idleTimeout)
	if err != nil {
		return err
	}
	cert, err := pki.Load(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	if err != nil {
		return err
	}
	pool, err := pki.LoadPool(filepath.Join(dir, "ca.pem"))
	if err != nil {
		return err
	}
	t, err := New(Config{
		NodeID: "victim", Cluster: "test", Generation: 3, Listen: addr, Certificate: cert, CA: pool, IdleTimeout: idle,
		Logger:    slog.New(slog.DiscardHandler),
		Resolver:  ResolverFunc(func(string) (string, error) { return "", errors.New("dials nobody") }),
		Authorize: func(string) error { return nil },
	})
	if err != nil {
		return err
	}
	defer t.Close()
	t.Handle("echo", func(_ context.Context, peer string, request []byte) ([]byte, error) {
		return append([]byte(peer+":"), request...), nil
	})
	t.Handle("hang", func(ctx context.Context, _ string, _ []byte) ([]byte, error) {
		fmt.Println("hanging")
		<-ctx.Done()
		return nil, ctx.Err()
	})
	fmt.Println(t.Addr())
	_, _ = os.Stdin.Read(make([]byte, 1)) // ends with the test process, whatever becomes of that
	return nil
}

// process is a running victim.
type process struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
	addr  string
}

func startVictim(t *testing.T, dir, addr string, idle time.Duration) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victimEnv+"="+dir, victimAddrEnv+"="+addr, victimIdleEnv+"="+idle.String())
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: cmd, lines: bufio.NewScanner(stdout)}
	t.Cleanup(func() { stdin.Close(); p.kill() })
	p.addr = p.line(t)
	return p
}

func (p *process) line(t *testing.T) string {
	t.Helper()
	if !p.lines.Scan() {
		t.Fatalf("the victim says nothing: %v", p.lines.Err())
	}
	return p.lines.Text()
}

// kill is kill -9; it returns when the process is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

func TestKilledPeer(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	dir := t.TempDir()
	cert, err := c.ca.IssueNode("victim", nil, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(
		c.ca.Save(filepath.Join(dir, "ca.pem"), filepath.Join(dir, "ca.key")),
		pki.Save(cert, filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")),
	); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name    string
		idle    time.Duration
		restart bool
	}{
		{"idle timeout ends the call", DefaultIdleTimeout, false},
		// With an idle timeout longer than the test, only the stateless reset of the restarted process can.
		{"restart ends the call", time.Hour, true},
	} {
		a := c.start("a", func(config *Config) { config.DialTimeout, config.IdleTimeout = 0, test.idle })
		p := startVictim(t, dir, "127.0.0.1:0", test.idle)
		c.place("", "victim", p.addr)
		a.mustEcho(t, "victim")
		inFlight := make(chan error, 1)
		go func() {
			_, err := a.Call(context.Background(), "victim", "hang", nil)
			inFlight <- err
		}()
		if got := p.line(t); got != "hanging" {
			t.Fatalf("%s: the victim says %q", test.name, got)
		}
		p.kill()
		if test.restart {
			p = startVictim(t, dir, p.addr, test.idle)
			// A keep-alive is too small to be answered with a reset (RFC 9000 §10.3); the next call is not.
			next, cancel := context.WithCancel(context.Background())
			defer cancel()
			go func() { _, _ = a.Call(next, "victim", "echo", make([]byte, 256)) }()
		}
		select {
		case err := <-inFlight:
			if !errors.Is(err, ErrInterrupted) {
				t.Errorf("%s: the call in flight: %v", test.name, err)
			}
		case <-time.After(patience):
			t.Fatalf("%s: the call in flight hangs", test.name)
		}
		if !test.restart {
			p = startVictim(t, dir, p.addr, test.idle)
		}
		eventually(t, test.name+": the restarted node answers", func() bool { return a.tryEcho("victim") == nil })
		a.Close()
		p.kill()
	}
}
