package cluster

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// errLocked says that somebody else holds a lock.
var errLocked = errors.New("locked by another process")

// lockAttempts is how often a taken lock is tried: whoever only looks at a lock
// (lockHolder) has it for a moment.
const lockAttempts = 5

// lockFile opens the file at path, empties it, and takes the exclusive lock on it, or returns errLocked. The lock lasts until every
// copy of the descriptor is closed, at the latest when the processes that hold one are gone.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for range lockAttempts {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			break
		}
		time.Sleep(pollInterval)
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = errLocked
	}
	if err == nil {
		err = f.Truncate(0)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	return f, nil
}

// lockHolder says whether somebody holds the lock on the file at path, and the pid that the file names (0 while it names none yet).
func lockHolder(path string) (pid int, held bool) {
	f, err := os.Open(path)
	if err != nil {
		return 0, false
	}
	defer f.Close()
	if syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) == nil {
		return 0, false
	}
	text := make([]byte, 16)
	n, _ := f.Read(text)
	pid, _ = strconv.Atoi(strings.TrimSpace(string(text[:n])))
	return pid, true
}

// writePID notes in a lock file, whose lock the caller holds, who has it.
func writePID(f *os.File, pid int) error {
	_, err := f.WriteAt(fmt.Appendf(nil, "%d\n", pid), 0)
	return err
}

// Own takes the cluster's folder dir, which is made if need be, for the process that starts and watches its sites. Another owner is
// ErrOwned. Release gives it back.
func Own(dir string) (release func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("can't make %s: %w", dir, cause(err))
	}
	lock, err := lockFile(filepath.Join(dir, lockName))
	if errors.Is(err, errLocked) {
		pid, _ := Owner(dir)
		return nil, fmt.Errorf("%s: %w (pid %d)", dir, ErrOwned, pid)
	}
	if err != nil {
		return nil, fmt.Errorf("can't write to %s: %w", dir, cause(err))
	}
	if err := writePID(lock, os.Getpid()); err != nil {
		lock.Close()
		return nil, fmt.Errorf("can't write to %s: %w", dir, cause(err))
	}
	return func() { lock.Close() }, nil
}

// ErrOwned says that another process is starting, watching or stopping a cluster.
var ErrOwned = errors.New("another process runs this cluster")

// Owner is the process that owns the cluster's folder dir, if one does.
func Owner(dir string) (pid int, owned bool) { return lockHolder(filepath.Join(dir, lockName)) }
