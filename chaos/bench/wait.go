package bench

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// errEnded says that a process is gone, for which it is no use to wait.
var errEnded = errors.New("the process has ended")

// eventually calls check until it returns nil, for settleTime at most. It gives up at errEnded.
func eventually(ctx context.Context, check func() error) error {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	every := time.NewTicker(lookInterval)
	defer every.Stop()
	for {
		err := check()
		if err == nil || errors.Is(err, errEnded) {
			return err
		}
		select {
		case <-every.C:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		}
	}
}
