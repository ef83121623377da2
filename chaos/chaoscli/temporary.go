package chaoscli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"quorate/chaos/cluster"
)

// temporaryCluster starts a cluster with data below parent, which remove stops and removes. Of o, the folder and ports are
// filled in, and the binary if it is open.
func temporaryCluster(ctx context.Context, out io.Writer, parent, purpose string, o cluster.Options) (c *cluster.Cluster, remove func(), err error) {
	if o.Binary == "" {
		if o.Binary, err = os.Executable(); err != nil {
			return nil, nil, err
		}
	}
	ports, err := cluster.ReservePorts(3)
	if err != nil {
		return nil, nil, err
	}
	o.PortBase = ports.Base
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp(parent, purpose+"-")
	if err != nil {
		return nil, nil, err
	}
	clean := func() {
		if err := os.RemoveAll(dir); err != nil {
			fmt.Fprintf(out, "removing %s: %v\n", dir, err)
		}
		ports.Release()
	}
	o.Dir = filepath.Join(dir, "cluster")
	c, err = cluster.New(o)
	if err == nil {
		err = c.Up(ctx, nil)
	}
	if err != nil {
		clean()
		return nil, nil, fmt.Errorf("starting a cluster for %s: %w", purpose, err)
	}
	return c, func() {
		if err := c.StopAll(); err != nil {
			fmt.Fprintln(out, err)
		}
		clean()
	}, nil
}
