package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A file system that is really full, under the leader and under a follower: the node ends with the reason, doesn't start while there is
// no space, and with space again comes back with all that it had.
func TestFaultFullFileSystem(t *testing.T) {
	longTrial(t)
	t.Parallel()
	r := newTrial(t, nil)
	for follows := range 2 {
		site, third := r.c.Sites()[follows], r.c.Sites()[2]
		s := r.session(third)
		do(t, r.c.Stop(site))
		data := r.c.Data(site)
		kept := filepath.Join(t.TempDir(), "data")
		do(t, os.Rename(data, kept), os.Mkdir(data, 0o700))
		if err := syscall.Mount("tmpfs", data, "tmpfs", 0, "size=64m"); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skipf("this needs the right to mount: %v", err)
		}
		t.Cleanup(func() { syscall.Unmount(data, syscall.MNT_DETACH) })
		do(t, os.CopyFS(data, os.DirFS(kept)), r.c.Start(site))
		r.agreed()
		a, err := r.c.Admin(site)
		do(t, err)
		await(t, "the right one leads", func(ctx context.Context) error {
			leads, err := r.c.Leader(ctx)
			if err == nil && (leads == site) != (follows == 0) {
				err = errors.Join(errors.New(leads+" does"), a.TransferLeadership(ctx))
			}
			return err
		})

		fill(t, filepath.Join(data, "ballast"))
		r.acknowledges(fmt.Sprintf("the file system of %s is full, follower %v", site, follows == 1), third, s)
		r.ends(site, "no space left on device")
		advance(t, r.Journal, 20)
		do(t, r.c.Start(site))
		r.ends(site, "no space left on device")
		do(t, os.Remove(filepath.Join(data, "ballast")), r.c.Start(site), r.c.AwaitReady(t.Context(), site))
		r.acknowledges("there is space again", site, r.session(site))
		r.agreed()
	}
	r.finish()
}

// fill writes a file until there is no space left.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	do(t, err)
	defer f.Close()
	for _, size := range []int{1 << 20, 1 << 12, 1} {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
}
