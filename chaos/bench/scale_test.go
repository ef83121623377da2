package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadMetric(t *testing.T) {
	t.Parallel()
	const text = "# HELP a_bytes Size.\n# TYPE a_bytes gauge\na_bytes_total 7\na_bytes 1.5e+06\n"
	if got, err := readMetric(strings.NewReader(text), "a_bytes"); err != nil || got != 1.5e6 {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := readMetric(strings.NewReader(text), "b_bytes"); err == nil {
		t.Error("no error for a metric that isn't there")
	}
}

func TestMemory(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/status"); err != nil && os.Getenv("CI") != "true" {
		t.Skip("this kernel has no /proc to tell")
	}
	m, err := memory(os.Getpid())
	if err != nil || m["VmRSS"] < 1<<20 || m["VmRSS"] < m["RssAnon"] {
		t.Errorf("%v, %v", m, err)
	}
	if _, err := memory(-1); err == nil {
		t.Error("a process that can't be has memory")
	}
}

func TestRegistrarsFor(t *testing.T) {
	t.Parallel()
	for domains, want := range map[int]int{1: 1, domainsByRegistrar - 1: 1, domainsByRegistrar: 2, 10 * domainsByRegistrar: 11} {
		if got := registrarsFor(domains); got != want {
			t.Errorf("%d domains: %d registrars", domains, got)
		}
	}
}

func TestFaultsFileIsReplacedWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := writeFaults(dir, stallLine); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, faultsFile)); err != nil || string(got) != stallLine {
		t.Errorf("%q, %v", got, err)
	}
	if all, _ := os.ReadDir(dir); len(all) != 1 {
		t.Errorf("left behind: %v", all)
	}
}
