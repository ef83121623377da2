package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"

	"quorate/chaos/wan"
	"quorate/node/config"
)

// WAN is the emulated wide area between the sites of a cluster.
type WAN struct {
	Link wan.Link // of every direction, to begin with
	Seed uint64   // of its random choices

	// Process has it run as a process of its own, which outlives the one that starts the cluster. Otherwise it lives in that one, and
	// Cluster.WAN is it.
	Process bool
}

// RoundTrip is a wide area with nothing but delay: half the round trip each way between every two sites.
func RoundTrip(d time.Duration) *WAN { return &WAN{Link: wan.Delayed(d / 2)} }

// wanName is the folder of the wide area's process, with its lock and log as a site's has them.
const wanName = "wan"

// heartbeatTrips is how many round trips raft's heartbeat is at least.
const heartbeatTrips = 3

// heartbeat is the heartbeat that suits the wide area: the usual one as long as it is three round trips.
func (w *WAN) heartbeat(usual time.Duration) time.Duration {
	return max(usual, heartbeatTrips*2*(w.Link.Delay+w.Link.Jitter))
}

// relayAddress is where a site finds another one when there is a wide area between them.
func (c *Cluster) relayAddress(from, to string) string {
	host, port, _ := net.SplitHostPort(c.addresses(from).Transport)
	base, _ := strconv.Atoi(port)
	return net.JoinHostPort(host, strconv.Itoa(base-transportPort+relayPort+c.number(to)))
}

// pairs calls yield for each site and another.
func (c *Cluster) pairs(yield func(from, to string) bool) {
	for _, from := range c.plan.Sites {
		for _, to := range c.plan.Sites {
			if from != to && !yield(from, to) {
				return
			}
		}
	}
}

// throughWAN has the site reach its peers through the wide area.
func (c *Cluster) throughWAN(site string, cfg *config.Config) {
	for i, p := range cfg.Peers {
		if p.ID != site {
			cfg.Peers[i].Dial = c.relayAddress(site, p.ID)
		}
	}
	if c.options.Heartbeat == 0 {
		cfg.Raft.Heartbeat = config.Duration(c.options.WAN.heartbeat(time.Duration(cfg.Raft.Heartbeat)))
	}
}

// checkRelaysFree returns ErrPortInUse when another program has a relay's port.
func (c *Cluster) checkRelaysFree() error {
	for from, to := range c.pairs {
		address := c.relayAddress(from, to)
		if err := tryListen("udp", address); err != nil {
			return fmt.Errorf("%w: %s/udp, for the wide area: %w", ErrPortInUse, address, errors.Unwrap(err))
		}
	}
	return nil
}

// openWAN opens the relays, and the socket to control them by.
func (c *Cluster) openWAN(w WAN, log *slog.Logger) (n *wan.Network, stop func(), err error) {
	if err := os.MkdirAll(c.path(wanName), 0o700); err != nil {
		return nil, nil, err
	}
	n, err = wan.New(w.Seed, w.Link, log)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			n.Close()
		}
	}()
	for from, to := range c.pairs {
		if _, err := n.Relay(from, to, c.relayAddress(from, to), c.addresses(to).Transport); err != nil {
			return nil, nil, err
		}
	}
	unserve, err := n.Serve(c.wanSocket())
	if err != nil {
		return nil, nil, err
	}
	return n, func() {
		unserve()
		n.Close()
	}, nil
}

func (c *Cluster) wanSocket() string { return c.path(wanName, "control") }

// startWAN starts the wide area, here or as a process.
func (c *Cluster) startWAN(ctx context.Context) error {
	w := *c.options.WAN
	if w.Process {
		return c.startWANProcess(ctx, w)
	}
	if err := c.checkRelaysFree(); err != nil {
		return err
	}
	n, stop, err := c.openWAN(w, nil)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.network, c.closeNetwork = n, stop
	return nil
}

func (c *Cluster) startWANProcess(ctx context.Context, w WAN) error {
	link, err := json.Marshal(w.Link)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.path(wanName), 0o700); err != nil {
		return err
	}
	err = c.launch(wanName, c.checkRelaysFree, "dev", "wan", "serve", "--dir", c.dir, "--seed", strconv.FormatUint(w.Seed, 10), "--link", string(link))
	if err != nil {
		return fmt.Errorf("starting the wide area: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	died := false
	err = poll(ctx, func() error {
		if died = !c.Running(wanName); died {
			return nil
		}
		_, err := c.WANControl().Directions(ctx)
		return err
	})
	if died {
		return fmt.Errorf("the wide area ended: %s", c.LastWords(wanName))
	}
	return err
}

// ServeWAN is the wide area's own process: it relays between the sites until ctx ends.
func (c *Cluster) ServeWAN(ctx context.Context, w WAN, log *slog.Logger) error {
	_, stop, err := c.openWAN(w, log)
	if err != nil {
		return err
	}
	defer stop()
	<-ctx.Done()
	return nil
}

// stopWAN ends the wide area that this process started, and the one that has a process of its own.
func (c *Cluster) stopWAN() error {
	c.mu.Lock()
	stop := c.closeNetwork
	c.network, c.closeNetwork = nil, nil
	c.mu.Unlock()
	if stop != nil {
		stop()
	}
	if err := c.Stop(wanName); !errors.Is(err, ErrNotRunning) && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

// WAN is the wide area between the sites, while it lives in this process; nil otherwise.
func (c *Cluster) WAN() *wan.Network {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.network
}

// WANControl controls the wide area between the sites in whatever process it lives; wan.ErrControl when there is none.
func (c *Cluster) WANControl() *wan.Control { return wan.NewControl(c.wanSocket()) }
