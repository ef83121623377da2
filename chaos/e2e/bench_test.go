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
