package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// `make bench` prints a figure for everything that it promises, and leaves nothing behind.
func TestBench(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "var")
	out, err := exec.CommandContext(t.Context(), binary, "bench", "--phase", "500ms", "--connections", "8", "--dir", dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{
		"Machine: ", "Disk: ", "hello", "check", "info", "create", "renew", "update", "delete", "login, first", "logout",
		"8 connections over 3 sites", "answers/s", "bare echo", "RDAP over HTTPS", "failures: none",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// Each benchmark with a cluster of its own prints what it promises, and leaves nothing behind.
func TestBenchmarks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		arguments []string
		want      []string
	}{
		"wan": {[]string{"--n", "3", "--connections", "6", "--phase", "500ms", "--round-trip", "20ms"},
			[]string{"Machine: ", "at the leader's site", "at another site", "6 connections over 3 sites", "failures: none"}},
		"failover": {[]string{"--n", "1", "--faults", "kill,handover"},
			[]string{"Machine: ", "round trip of 80ms", "kill: n 1, p50", "votes", "handover on request", "n 1, p50"}},
		"scale": {[]string{"--domains", "100", "--connections", "4", "--restarts", "1"},
			[]string{"Machine: ", "Filled through EPP: ", "resident, MiB", "state.db", "SIGTERM", "SIGKILL"}},
		"postgres": {[]string{"--rounds", "1", "--phase", "1s", "--connections", "4", "--if-installed"},
			[]string{"Machine: ", "Quorate, 4 registrars", "Quorate, 2 registrars", "PostgreSQL, statements, 1000 registrars", "PostgreSQL, one function, 10 registrars", "×", "domain:check meanwhile", "Interference"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// PostgreSQL's user must be able to enter it.
			dir, err := os.MkdirTemp("", "quorate-bench-")
			do(t, err)
			t.Cleanup(func() { os.RemoveAll(dir) })
			do(t, os.Chmod(dir, 0o755))
			out, err := exec.CommandContext(t.Context(), binary, append([]string{"bench", name, "--dir", dir}, c.arguments...)...).CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if strings.Contains(string(out), "No comparison") {
				t.Skip(string(out))
			}
			for _, want := range c.want {
				if !strings.Contains(string(out), want) {
					t.Errorf("no %q in:\n%s", want, out)
				}
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}
