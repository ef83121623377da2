//go:build !linux

package wan

import (
	"os"
	"sync"
	"time"
)

// alarm wakes one goroutine at a set time.
type alarm struct {
	timer  *time.Timer
	closed chan struct{}
	once   sync.Once
}

func newAlarm() (*alarm, error) {
	return &alarm{timer: time.NewTimer(MaxDelay), closed: make(chan struct{})}, nil
}

// set has the alarm ring after d instead of when it was to.
func (a *alarm) set(d time.Duration) { a.timer.Reset(d) }

// wait waits until the alarm rings, or now and then for nothing. It returns an error once the alarm is closed.
func (a *alarm) wait() error {
	select {
	case <-a.timer.C:
		return nil
	case <-a.closed:
		return os.ErrClosed
	}
}

func (a *alarm) close() { a.once.Do(func() { close(a.closed) }) }
