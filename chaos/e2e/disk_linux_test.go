package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A full disk and a read-only one: one clear line each.
func TestUnusableDisk(t *testing.T) {
	t.Parallel()
	d := newDev(t)
	do(t, os.MkdirAll(d.dir, 0o700))
	mount := func(options string) {
		t.Helper()
		if err := syscall.Mount("tmpfs", d.dir, "tmpfs", 0, options); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skipf("this needs the right to mount: %v", err)
		}
	}
	unmount := func() {
		if err := syscall.Unmount(d.dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmounting %s: %v", d.dir, err)
		}
	}
	mount("size=1m")
	d.refusedWith(t, "MiB free", "--detach")
	fill := make([]byte, 1<<20)
	if err := os.WriteFile(filepath.Join(d.dir, "full"), fill, 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("filling the disk: %v", err)
	}
	d.refusedWith(t, "no space left on device", "--detach")
	d.nothingRuns(t)
	unmount()
	mount("size=200m,ro")
	d.refusedWith(t, "read-only file system", "--detach")
	unmount()
}
