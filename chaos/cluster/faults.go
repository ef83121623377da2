package cluster

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"quorate/node/faults"
)

// FaultsTag is the build tag of a binary whose nodes heed Fault.
const FaultsTag = "faults"

// Build builds the quorate binary at path, with build tags. It needs Go, and to be called within the module.
func Build(path string, tags ...string) error {
	out, err := exec.Command("go", "build", "-tags", strings.Join(tags, ","), "-o", path, "quorate").CombinedOutput()
	if err != nil {
		return fmt.Errorf("building the binary: %w\n%s", err, out)
	}
	return nil
}

// Fault makes trouble for the site's node, in the place of what there was: lines as package node/faults has them, such as "disk stall";
// none is no trouble. The site need not run; its binary must have been built with FaultsTag. It holds within some hundredths of a second.
func (c *Cluster) Fault(site string, lines ...string) error {
	text := strings.Join(lines, "\n")
	if _, err := faults.Parse([]byte(text)); err != nil {
		return fmt.Errorf("trouble for %s: %w", site, err)
	}
	file := filepath.Join(c.Data(site), faults.FileName)
	if len(lines) == 0 {
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("trouble for %s: %w", site, err)
		}
		return nil
	}
	if err := os.MkdirAll(c.Data(site), 0o700); err != nil {
		return err
	}
	if err := writeFile(file, []byte(text+"\n"), 0o600); err != nil {
		return fmt.Errorf("trouble for %s: %w", site, err)
	}
	return nil
}

// Data is the data folder of the site's node.
func (c *Cluster) Data(site string) string { return c.path(site, "data") }
