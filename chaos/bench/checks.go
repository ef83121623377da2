package bench

import (
	"context"
	"fmt"
	"time"
)

// checkSteadily sends domain:check at a site every checkInterval until ctx ends, whether or not the answer before was late, and adds to s how
// long each took from when it was due: one that had to wait for its turn took that long for whoever wanted to know.
func (t *Target) checkSteadily(ctx context.Context, site int, s *Samples) error {
	c, err := t.login(ctx, site)
	if err != nil {
		return err
	}
	defer c.Close()
	begin := time.Now()
	for n := 0; ; n++ {
		due := begin.Add(time.Duration(n) * checkInterval)
		select {
		case <-time.After(time.Until(due)):
		case <-ctx.Done():
			return nil
		}
		if _, err := c.CheckDomains(ctx, fmt.Sprintf("%s-check-%d.%s", t.run, n, t.TLD)); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("check at %s: %w", t.Sites[site].Name, err)
		}
		s.Add(time.Since(due))
	}
}
