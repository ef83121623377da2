package bench

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestMachineSaysWhatItIs(t *testing.T) {
	t.Parallel()
	for _, want := range []string{"cores", runtime.GOARCH, runtime.Version()} {
		if !strings.Contains(machine(), want) {
			t.Errorf("no %q in %q", want, machine())
		}
	}
}

func TestProcessorTimeAdvancesWithWork(t *testing.T) {
	t.Parallel()
	before, ok := cpuTime(os.Getpid())
	if !ok {
		if os.Getenv("CI") == "true" {
			t.Fatal("no processor time to be had")
		}
		t.Skip("this kernel has no /proc to tell processor time")
	}
	deadline := time.Now().Add(30 * time.Second)
	for now := before; now == before; now, _ = cpuTime(os.Getpid()) {
		if time.Now().After(deadline) {
			t.Fatal("no processor time in 30 s of work")
		}
	}
	if _, ok := cpuTime(-1); ok {
		t.Error("a process that can't be has processor time")
	}
}

func TestSyncTime(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := syncTime(dir)
	if err != nil || s.Len() != syncs {
		t.Fatalf("%v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, err := syncTime(dir + "/missing"); err == nil {
		t.Error("no error from a folder that isn't there")
	}
}
