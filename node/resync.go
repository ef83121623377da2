package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"quorate/fsm"
	"quorate/node/config"
	"quorate/node/consensus"
	"quorate/transport"
)

// stateName is the state's file in the data folder.
const stateName = "state.db"

// bulkState is the transfer of a whole state file.
const bulkState = "state"

// serveState sends this node's state to a peer that needs it.
func (n *Node) serveState(_ context.Context, peer string, _ []byte, w io.Writer) error {
	export, err := n.machine.Export()
	if err != nil {
		return err
	}
	n.log.Info("sends its state to a peer", "peer", peer, "index", export.Position.Index, "bytes", export.Size())
	_, err = export.WriteTo(w)
	return errors.Join(err, export.Close())
}

// Resync replaces the state of a node that is down by a copy of a peer's: of
// the first that answers and has all that this node's log no longer holds. The
// old state file is kept beside it, under another name. The log stays.
func Resync(ctx context.Context, cfg config.Config, log *slog.Logger) error {
	id, err := loadIdentity(cfg)
	if err != nil {
		return err
	}
	job, err := consensus.BeginCopy(cfg.Data)
	if err != nil {
		return err
	}
	defer job.Close()
	members := &directory{seed: cfg.Peers}
	t, err := transport.New(transport.Config{
		NodeID: cfg.Node, Cluster: cfg.Cluster, Generation: cfg.Transport.Generation, Listen: cfg.Transport.Listen,
		Certificate: id.node, CA: id.cluster, Resolver: members, Authorize: members.Authorize, Logger: log,
	})
	if err != nil {
		return err
	}
	defer t.Close()
	var failures []error
	for _, p := range cfg.Peers {
		if p.ID == cfg.Node {
			continue
		}
		err := copyState(ctx, t, p.ID, cfg.Data, job)
		if err == nil {
			log.Info("the state is a peer's now", "peer", p.ID)
			return job.Done()
		}
		failures = append(failures, fmt.Errorf("from %s: %w", p.ID, err))
	}
	return fmt.Errorf("no peer's state could be copied: %w", errors.Join(failures...))
}

// copyState fetches a peer's state and puts it in the place of ours.
func copyState(ctx context.Context, t *transport.Transport, peer, folder string, job *consensus.Copy) (err error) {
	body, err := t.OpenBulk(ctx, peer, bulkState, nil)
	if err != nil {
		return err
	}
	defer body.Close()
	fresh := filepath.Join(folder, "copy.db")
	defer os.Remove(fresh) // renamed, if all went well
	m, err := fsm.Open(fresh, slog.Default())
	if err != nil {
		return err
	}
	err = m.Restore(body)
	if err != nil {
		return errors.Join(err, m.Close())
	}
	pos, err := m.Position()
	if err = errors.Join(err, m.Close()); err != nil {
		return err
	}
	if pos.Index < job.Least {
		return fmt.Errorf("it ends at entry %d, this node needs one up to %d", pos.Index, job.Least)
	}
	state := filepath.Join(folder, stateName)
	if err := os.Rename(state, state+".before-resync"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("putting the old state aside: %w", err)
	}
	if err := os.Rename(fresh, state); err != nil {
		return fmt.Errorf("putting the copy in place: %w", err)
	}
	// The node may start again only when the copy is what a power cut would leave.
	dir, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
