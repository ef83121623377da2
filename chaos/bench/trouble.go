package bench

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"quorate/chaos/cluster"
	"quorate/chaos/wan"
)

// Trouble is what can befall a leader.
type Trouble string

// The troubles.
const (
	Kill    Trouble = "kill"    // SIGKILL
	Pause   Trouble = "pause"   // SIGSTOP; its sockets stay open
	Isolate Trouble = "isolate" // it and the others don't hear each other
	Stall   Trouble = "stall"   // its disk hangs; needs a binary built with -tags faults
)

// Troubles are all of them.
var Troubles = []Trouble{Kill, Pause, Isolate, Stall}

// The file in a node's data folder that a binary built with -tags faults obeys, and the line that stalls its disk.
const (
	faultsFile = "faults"
	stallLine  = "disk stall\n"
)

// strike brings the trouble upon a site.
func (x Trouble) strike(c *cluster.Cluster, site string) error {
	switch x {
	case Kill:
		return c.Kill(site)
	case Pause:
		return c.Pause(site)
	case Isolate:
		return c.WAN().Apply(wan.Isolate(site)...)
	case Stall:
		return writeFaults(c.DataFolder(site), stallLine)
	}
	return fmt.Errorf("there is no trouble %q", x)
}

// heal ends the trouble at a site. It doesn't wait until the site has recovered.
func (x Trouble) heal(ctx context.Context, c *cluster.Cluster, site string) error {
	switch x {
	case Kill:
		return errors.Join(c.Start(site), c.AwaitServing(ctx, site))
	case Pause:
		return c.Resume(site)
	case Isolate:
		return c.WAN().Apply(wan.Heal()...)
	}
	err := os.Remove(filepath.Join(c.DataFolder(site), faultsFile))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return err
}

// writeFaults replaces the file of faults as a whole: the node must not read half a line.
func writeFaults(folder, content string) error {
	f, err := os.CreateTemp(folder, "."+faultsFile+"-")
	if err != nil {
		return err
	}
	_, err = f.WriteString(content)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(folder, faultsFile))
}
