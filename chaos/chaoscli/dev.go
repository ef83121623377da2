package chaoscli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"quorate/chaos/cluster"
)

const (
	defaultDir = "var/dev"

	// watchInterval is between two looks at the sites' processes.
	watchInterval = 250 * time.Millisecond

	// ownerTimeout is what the process that watches the sites has to stop them when asked.
	ownerTimeout = 40 * time.Second
)

// dev is the command `quorate dev` and what its flags say.
type dev struct {
	dir    string
	detach bool
	sites  int
	ports  int
	wan    time.Duration // round trip; 0: no wide area
}

func devCommand() *cobra.Command {
	d := &dev{}
	c := &cobra.Command{
		Use:   "dev",
		Short: "Run a development cluster: three sites on this machine",
		Long: `Run a development cluster: three sites as three processes on 127.0.0.1, with their data under one folder.

The first start makes a certificate authority, all certificates, the TLD "example" (thick) and three registrars: reg1 and reg2 with
1,000,000.00 USD each, poor with nothing. A later start resumes the same data at the same ports. Then it prints where everything is, and
writes the same for programs into endpoints.json in that folder, which is there while the cluster runs.

Ctrl-C stops the cluster. A site that dies stays dead until it is started again: killing sites is what this is for.

Site N has the ports 7N43 (WHOIS), 7N44 (RDAP), 7N53 (DNS), 7N70 (EPP), 7N85 (admin API), 7N90 (metrics) and 7N10 (between the nodes).

--wan 80ms puts an emulated wide area between the sites: a round trip of 80 ms, 40 ms each way, between every two of them. "quorate dev wan"
changes it while it runs: delay, jitter, loss, rate, cuts and more, for each direction. Raft's heartbeat, 250 ms, becomes three round trips
where that is more. Site N then has the ports 7N21 to 7N29, too, and clients on this machine still reach every site at once.`,
		Example: `  quorate dev                   run three sites in the foreground
  quorate dev --detach          return once all sites answer; said again, start those that are down
  quorate dev --wan 80ms        a round trip of 80 ms between every two sites
  quorate dev kill leader       kill -9 the leader's process
  quorate dev start site1       start a dead site again
  quorate dev stop              stop all sites`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return oneLine(d.run(cmd.Context(), cmd.OutOrStdout()))
		},
	}
	c.PersistentFlags().StringVar(&d.dir, "dir", defaultDir, "the cluster's `FOLDER`")
	c.Flags().BoolVar(&d.detach, "detach", false, "return once all sites answer, and leave them running")
	c.Flags().IntVar(&d.sites, "sites", 3, "how many sites a new cluster gets, 1 to 9")
	c.Flags().IntVar(&d.ports, "ports", cluster.DefaultPortBase, "where a new cluster's block of ports begins; site N has BASE+100N to BASE+100N+99")
	c.Flags().DurationVar(&d.wan, "wan", 0, "emulate a wide area with this round `TRIP` between every two sites")
	c.AddCommand(d.stopCommand(), d.wanCommand(), d.siteCommand("kill", "Kill a site's process with SIGKILL", d.kill), d.siteCommand("start", "Start a site that is down", d.start))
	return c
}

func (d *dev) stopCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "stop",
		Short: "Stop all sites",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return oneLine(d.stop(cmd.OutOrStdout())) },
	}
}

func (d *dev) siteCommand(verb, short string, run func(ctx context.Context, out io.Writer, c *cluster.Cluster, site string) error) *cobra.Command {
	return &cobra.Command{
		Use:   verb + " SITE",
		Short: short,
		Long:  short + ". SITE may be \"leader\" for the site that leads now.",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := d.open()
			if err != nil {
				return oneLine(err)
			}
			site, err := d.site(cmd.Context(), c, args[0])
			if err != nil {
				return oneLine(err)
			}
			return oneLine(run(cmd.Context(), cmd.OutOrStdout(), c, site))
		},
	}
}

// oneLine joins the lines of an error's text.
func oneLine(err error) error {
	if err == nil || !strings.Contains(err.Error(), "\n") {
		return err
	}
	return errors.New(strings.Join(strings.Split(err.Error(), "\n"), "; "))
}

// command is how this command is called for this cluster.
func (d *dev) command() string {
	if d.dir == defaultDir {
		return os.Args[0] + " dev"
	}
	return os.Args[0] + " dev --dir " + d.dir
}

func (d *dev) open() (*cluster.Cluster, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return cluster.Open(d.dir, binary)
}

func (d *dev) run(ctx context.Context, out io.Writer) error {
	if d.sites < 1 || d.sites > cluster.MaxSites {
		return fmt.Errorf("--sites is 1 to %d", cluster.MaxSites)
	}
	if d.ports < 1024 || d.ports > 64_000 {
		return errors.New("--ports is 1024 to 64000")
	}
	binary, err := os.Executable()
	if err != nil {
		return err
	}
	w, err := wanOption(d.wan, d.detach)
	if err != nil {
		return err
	}
	release, err := cluster.Own(d.dir)
	if err != nil {
		return err
	}
	defer release()
	// SIGPIPE, too: dying of `make run | head` would leave the sites running.
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	defer stop()
	c, err := cluster.New(cluster.Options{Dir: d.dir, Binary: binary, Sites: cluster.SiteNames(d.sites), PortBase: d.ports, WAN: w})
	if err == nil {
		fmt.Fprintf(out, "Development cluster in %s\n", d.dir)
		err = c.Up(ctx, func(format string, args ...any) { fmt.Fprintf(out, "  "+format+"\n", args...) })
	}
	switch {
	case ctx.Err() != nil && err != nil:
		return errors.New("interrupted; nothing is left running")
	case errors.Is(err, cluster.ErrRunning):
		if d.detach {
			if revived := d.revive(ctx, out); !errors.Is(revived, errNoWAN) {
				return revived
			}
		}
		return fmt.Errorf("%w; `%s stop` stops the cluster", err, d.command())
	case errors.Is(err, cluster.ErrPortInUse):
		return fmt.Errorf("%w; a new cluster can begin at other ports: --ports 17000", err)
	case err != nil:
		return err
	}
	printCard(ctx, out, c, d)
	if w != nil {
		fmt.Fprintf(out, "\nBetween every two sites there is a round trip of %v, %v each way; `%s wan` shows and changes it.\n", d.wan, w.Link.Delay, d.command())
	}
	if d.detach {
		fmt.Fprintf(out, "\nThe sites go on in the background; `%s stop` stops them.\n", d.command())
		return nil
	}
	fmt.Fprintln(out, "\nCtrl-C stops the cluster.")
	watch(ctx, out, c)
	stop() // from here on, a second Ctrl-C is ours
	return d.shutDown(out, c)
}

// errNoWAN says that all sites run, and without the wide area that is asked for.
var errNoWAN = errors.New("all sites are running, without a wide area")

// revive starts the sites that are down in a cluster of which others run. That none is down is no error: whoever says the same twice
// has what was asked for.
func (d *dev) revive(ctx context.Context, out io.Writer) error {
	c, err := d.open()
	if err != nil {
		return err
	}
	started := false
	for _, s := range c.Sites() {
		if c.PID(s) != 0 {
			continue
		}
		if err := d.start(ctx, out, c, s); err != nil {
			return err
		}
		started = true
	}
	if !started {
		if d.wan != 0 {
			if _, err := c.WANControl().Directions(ctx); err != nil {
				return errNoWAN
			}
		}
		fmt.Fprintf(out, "All sites of the cluster in %s are running already.\n", d.dir)
	}
	printCard(ctx, out, c, d)
	fmt.Fprintf(out, "\nThe sites go on in the background; `%s stop` stops them.\n", d.command())
	return nil
}

// watch tells of sites that die and come back, until ctx ends.
func watch(ctx context.Context, out io.Writer, c *cluster.Cluster) {
	pids := map[string]int{}
	for _, s := range c.Sites() {
		pids[s] = c.PID(s)
	}
	t := time.NewTicker(watchInterval)
	defer t.Stop()
	for {
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
		for _, s := range c.Sites() {
			was, is := pids[s], c.PID(s)
			if was == is {
				continue
			}
			if pids[s] = is; is == 0 {
				fmt.Fprintf(out, "%s (pid %d) has ended; its log %s ends with: %s\n", s, was, c.LogFile(s), c.LastWords(s))
			} else {
				fmt.Fprintf(out, "%s runs again, pid %d\n", s, is)
			}
		}
	}
}

func (d *dev) shutDown(out io.Writer, c *cluster.Cluster) error {
	fmt.Fprintln(out, "\nStopping the sites ...")
	again := make(chan os.Signal, 1)
	signal.Notify(again, os.Interrupt)
	defer signal.Stop(again)
	done := make(chan error, 1)
	go func() { done <- c.StopAll() }()
	for {
		select {
		case err := <-done:
			if err == nil {
				fmt.Fprintln(out, "Stopped. The data stays; the next start resumes it.")
			}
			return err
		case <-again:
			fmt.Fprintln(out, "Killing the sites ...")
			for _, s := range c.Sites() {
				c.Kill(s) // those that have just ended are no error
			}
		}
	}
}

func (d *dev) stop(out io.Writer) error {
	c, err := d.open()
	if errors.Is(err, cluster.ErrNoCluster) {
		fmt.Fprintf(out, "There is no cluster in %s.\n", d.dir)
		return nil
	}
	if err != nil {
		return err
	}
	if pid, owned := cluster.Owner(d.dir); owned && pid != 0 {
		if err := syscall.Kill(pid, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("stopping pid %d: %w", pid, err)
		}
		deadline := time.Now().Add(ownerTimeout)
		for owned && time.Now().Before(deadline) {
			time.Sleep(watchInterval)
			_, owned = cluster.Owner(d.dir)
		}
	}
	// Whatever had no owner, or was left by it.
	if err := c.StopAll(); err != nil {
		return err
	}
	fmt.Fprintf(out, "The cluster in %s is stopped. The data stays; the next start resumes it.\n", d.dir)
	return nil
}

func (d *dev) kill(_ context.Context, out io.Writer, c *cluster.Cluster, site string) error {
	pid := c.PID(site)
	if err := c.Kill(site); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s (pid %d) is killed. Start it again: %s start %s\n", site, pid, d.command(), site)
	return nil
}

func (d *dev) start(ctx context.Context, out io.Writer, c *cluster.Cluster, site string) error {
	if err := c.Start(site); err != nil {
		return err
	}
	if err := c.AwaitServing(ctx, site); err != nil {
		return err
	}
	if err := c.WriteEndpoints(); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s runs, pid %d, and answers.\n", site, c.PID(site))
	return nil
}
