// Package loopback gives out ports of 127.0.0.1 to tests that must name a port before somebody listens at it: another program, or a
// node whose peers are told its address.
//
// To find a port free by listening at port 0, and to close it again, is a race: until the port is listened at anew, the system may give
// it to any connection or to another test. These ports lie below those that Linux and the BSDs give to connections, and a process that
// uses some has locked its part of them, so that only a program that doesn't ask here can come between.
package loopback

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/gofrs/flock"
)

// The ports are First to Last; other reserved ranges lie below (chaos/cluster).
const (
	First = 24_000
	Last  = 31_999
)

// share is how many of them a process gets. It uses them in turn, so that one comes again only long after it was given out.
const share = 250

// ErrNone says that every port, or every process's share of them, is taken.
var ErrNone = errors.New("no free port of the loopback")

// mine is this process's share.
var mine struct {
	sync.Mutex
	lock  *flock.Flock // until the process ends
	first int
	next  int // counts what was given out
}

// Port returns a port that is free on UDP and TCP of 127.0.0.1, and that no other process is given. Errors: ErrNone, and those of the
// temporary folder, where the locks are.
func Port() (uint16, error) {
	mine.Lock()
	defer mine.Unlock()
	if mine.lock == nil {
		if err := takeShare(); err != nil {
			return 0, err
		}
	}
	for range share {
		port := mine.first + mine.next%share
		mine.next++
		if free(port) {
			return uint16(port), nil
		}
	}
	return 0, ErrNone
}

func takeShare() error {
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("quorate-loopback-%d", os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("reserving ports: %w", err)
	}
	for _, i := range rand.Perm((Last + 1 - First) / share) {
		first := First + i*share
		lock := flock.New(filepath.Join(dir, strconv.Itoa(first)))
		switch locked, err := lock.TryLock(); {
		case err != nil:
			return fmt.Errorf("reserving ports: %w", err)
		case locked:
			mine.lock, mine.first = lock, first
			return nil
		}
	}
	return ErrNone
}

func free(port int) bool {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	u, err := net.ListenPacket("udp", address)
	if err != nil {
		return false
	}
	defer u.Close()
	l, err := net.Listen("tcp", address)
	if err != nil {
		return false
	}
	l.Close()
	return true
}
