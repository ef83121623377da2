package consensus

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// Replicas that applied the same log have the same digest. The leader collects
// digests at one index and writes them into the log; each replica that finds
// itself outside of the majority leaves service, and stays out until its state
// has been copied anew.

// ErrDiverged says that this replica's state is known to differ from its peers'.
var ErrDiverged = errors.New("this replica's state differs from its peers': run the node with --resync to copy it anew")

// divergedName is the file that keeps a replica known to differ from starting again.
const divergedName = "diverged"

// methodDigest asks a node for its digest after an entry.
const methodDigest = "digest"

func (c *Consensus) serveDigest(ctx context.Context, _ string, request []byte) ([]byte, error) {
	if len(request) != 8 {
		return nil, fmt.Errorf("a request of %d octets", len(request))
	}
	index := binary.BigEndian.Uint64(request)
	if err := c.replica.wait(ctx, index); err != nil {
		return nil, err
	}
	sum, ok := c.cfg.Machine.DigestAt(index)
	if !ok {
		return nil, fmt.Errorf("the digest after entry %d is not kept", index)
	}
	return []byte(sum.String()), nil
}

// compareReplicas has the replicas compared, every compareInterval.
func (c *Consensus) compareReplicas(ctx context.Context) {
	every := time.NewTicker(compareInterval)
	defer every.Stop()
	for {
		select {
		case <-every.C:
			cmp := c.digests(ctx)
			if len(cmp.Digests) < 2 {
				continue
			}
			if err := c.command(ctx, registry.KindCompareDigests, cmp); err != nil && ctx.Err() == nil {
				c.log.Warn("replicas were not compared", "error", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// digests collects the voters' digests after the newest entry that this node has applied.
func (c *Consensus) digests(ctx context.Context) (cmp registry.Comparison) {
	ctx, cancel := context.WithTimeout(ctx, readPatience)
	defer cancel()
	cmp.Index = c.replica.applied()
	voters := c.voters()
	answers := make(chan registry.NodeDigest, len(voters))
	request := binary.BigEndian.AppendUint64(nil, cmp.Index)
	for _, id := range voters {
		go func() {
			var sum []byte
			var err error
			if id == c.cfg.Node {
				sum, err = c.serveDigest(ctx, id, request)
			} else {
				sum, err = c.cfg.Network.Call(ctx, id, methodDigest, request)
			}
			if err != nil {
				sum = nil
			}
			answers <- registry.NodeDigest{Node: id, Digest: string(sum)}
		}()
	}
	for range voters {
		if a := <-answers; a.Digest != "" {
			cmp.Digests = append(cmp.Digests, a)
		}
	}
	return cmp
}

// compare holds this replica's digest against the majority's.
func (r *replica) compare(cmp registry.Comparison) error {
	mine, ok := r.machine.DigestAt(cmp.Index)
	if !ok {
		return nil // a copy came since, or this is a replay of long ago
	}
	members := 0
	if err := r.machine.View(func(v fsm.View) error { members = len(v.Peers()); return nil }); err != nil {
		return err
	}
	theirs, ok := cmp.Majority(members)
	switch {
	case !ok:
		for _, one := range cmp.Digests {
			if one.Digest != mine.String() {
				r.log.Error("replicas differ, and none has a majority", "page", true, "index", cmp.Index, "peer", one.Node, "theirs", one.Digest, "ours", mine)
			}
		}
		return nil
	case theirs == mine.String():
		return nil
	}
	reason := fmt.Sprintf("after entry %d the digest is %s here and %s at the majority", cmp.Index, mine, theirs)
	return errors.Join(fmt.Errorf("%w: %s", ErrDiverged, reason), writeDurably(filepath.Join(r.snapshots.folder, divergedName), []byte(reason+"\n")))
}

// Scrub reads this replica's whole state and holds it against its own digest:
// what the disk or memory has altered behind our back shows before anybody is told
// of it. If it differs the replica leaves service as if its peers had found out.
func (c *Consensus) Scrub() error {
	err := c.cfg.Machine.Verify()
	if err == nil {
		return nil
	}
	err = errors.Join(fmt.Errorf("%w: %w", ErrDiverged, err), writeDurably(filepath.Join(c.cfg.Folder, divergedName), []byte(err.Error()+"\n")))
	c.replica.fail(err)
	return err
}

// Copy is a state file that is being put in the place of a node's own, while
// the node is down. The node's log and votes stay: it has promised its peers to keep them.
type Copy struct {
	folder string
	logs   *logStore
	Least  uint64 // the copy must hold the log up to here: what came before is no longer in this node's log
}

// BeginCopy makes sure that the node with this folder isn't running, and stays so until Close.
func BeginCopy(folder string) (*Copy, error) {
	logs, err := openLog(folder, &diskWatch{}, func(error) {})
	if err != nil {
		return nil, fmt.Errorf("is the node still running? %w", err)
	}
	c := &Copy{folder: folder, logs: logs}
	s, err := readMarker(folder)
	if err != nil {
		return nil, errors.Join(err, logs.Close())
	}
	if s != nil {
		c.Least = s.least()
	}
	return c, nil
}

// Done lets the node start again: its state is a peer's.
func (c *Copy) Done() error {
	err := os.Remove(filepath.Join(c.folder, divergedName))
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return err
}

// Close lets go of the node's folder.
func (c *Copy) Close() error { return c.logs.Close() }
