package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"quorate/node/config"
)

// What can stand in the way of starting or stopping a site.
var (
	ErrRunning    = errors.New("already running")
	ErrNotRunning = errors.New("not running")
)

// A site's process inherits the lock on its site's lock file and holds it, by the mere open descriptor, for as long as it lives. So any
// process can tell whether a site runs, and under which pid, without trusting a pid that may be somebody else's by now.

// PID is the process id of the site's node, or 0 when it isn't running.
func (c *Cluster) PID(site string) int {
	pid, _ := lockHolder(c.path(site, lockName))
	return pid
}

// Running says whether the site has a process.
func (c *Cluster) Running(site string) bool {
	_, held := lockHolder(c.path(site, lockName))
	return held
}

// Start starts the site's process and returns as soon as it exists; Await waits until it serves. It returns ErrRunning, or ErrPortInUse
// when another program has one of the site's ports.
func (c *Cluster) Start(site string) error {
	if err := c.start(site); err != nil {
		return fmt.Errorf("starting %s: %w", site, err)
	}
	return nil
}

func (c *Cluster) start(site string) error {
	return c.launch(site, c.addresses(site).checkFree, "node", "--config", c.configFile(site))
}

// launch starts the binary with these arguments, its lock and log in the folder, unless it runs there already or check fails.
func (c *Cluster) launch(folder string, check func() error, arguments ...string) error {
	lock, err := lockFile(c.path(folder, lockName))
	if errors.Is(err, errLocked) {
		return ErrRunning
	}
	if err != nil {
		return err
	}
	defer lock.Close() // the process has its own copy
	if err := check(); err != nil {
		return err
	}
	log, err := os.OpenFile(c.LogFile(folder), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(c.binary(folder), arguments...)
	cmd.Env = environment(c.options.Env)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{lock}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // a terminal's Ctrl-C is for whoever watches the sites
	if err := cmd.Start(); err != nil {
		return err
	}
	go cmd.Wait() // so that it leaves no zombie; that it ended is seen by its lock
	return writePID(lock, cmd.Process.Pid)
}

// Use has the site run another binary from its next start on: an older release, or a newer one.
func (c *Cluster) Use(site, binary string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.binaries == nil {
		c.binaries = map[string]string{}
	}
	c.binaries[site] = binary
}

// binary is what runs in a folder: the site's own, or the cluster's.
func (c *Cluster) binary(folder string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if own := c.binaries[folder]; own != "" {
		return own
	}
	return c.options.Binary
}

// environment is the caller's environment for a node: without the settings that would hit all sites alike (one data folder for three),
// but for the log's, and with the given ones.
func environment(extra []string) []string {
	var env []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, config.Prefix) || strings.HasPrefix(kv, config.Prefix+"LOG_") {
			env = append(env, kv)
		}
	}
	return append(env, extra...)
}

// Kill ends the site's process with SIGKILL and returns once it is gone.
func (c *Cluster) Kill(site string) error {
	return c.end(site, syscall.SIGKILL, killTimeout)
}

// Stop ends the site's process with SIGTERM, and with SIGKILL (and an error) if it doesn't follow in time.
func (c *Cluster) Stop(site string) error {
	c.Resume(site) // a paused process hears no SIGTERM
	err := c.end(site, syscall.SIGTERM, stopTimeout)
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.Join(fmt.Errorf("%s had to be killed: %w", site, err), c.Kill(site))
	}
	return err
}

// Pause stops the site's process with SIGSTOP: its sockets stay open and nothing answers.
func (c *Cluster) Pause(site string) error { return c.signal(site, syscall.SIGSTOP) }

// Resume lets a paused process go on.
func (c *Cluster) Resume(site string) error { return c.signal(site, syscall.SIGCONT) }

func (c *Cluster) signal(site string, s syscall.Signal) error {
	pid := c.PID(site)
	if pid == 0 {
		return fmt.Errorf("%s: %w", site, ErrNotRunning)
	}
	if err := syscall.Kill(pid, s); err != nil {
		return fmt.Errorf("%v to %s (pid %d): %w", s, site, pid, err)
	}
	return nil
}

func (c *Cluster) end(site string, s syscall.Signal, timeout time.Duration) error {
	if err := c.signal(site, s); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if err := poll(ctx, func() error {
		if c.Running(site) {
			return ErrRunning
		}
		return nil
	}); err != nil {
		return fmt.Errorf("%s %v after %v: %w", site, timeout, s, err)
	}
	return nil
}

// StopAll stops all running sites at once, and then the wide area between them.
func (c *Cluster) StopAll() error {
	results := make(chan error)
	for _, s := range c.plan.Sites {
		go func() {
			err := c.Stop(s)
			if errors.Is(err, ErrNotRunning) || errors.Is(err, syscall.ESRCH) {
				err = nil
			}
			results <- err
		}()
	}
	var errs []error
	for range c.plan.Sites {
		errs = append(errs, <-results)
	}
	errs = append(errs, c.stopWAN()) // after the sites, who say goodbye to each other
	os.Remove(c.EndpointsFile())
	return errors.Join(errs...)
}

// LogFile is the path of the site's log.
func (c *Cluster) LogFile(site string) string { return c.path(site, "log") }

// LastWords is the last line of the site's log: why it ended, if it did.
func (c *Cluster) LastWords(site string) string {
	f, err := os.Open(c.LogFile(site))
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	if st, err := f.Stat(); err == nil && st.Size() > logTail {
		f.Seek(-logTail, io.SeekEnd)
	}
	tail, _ := io.ReadAll(io.LimitReader(f, logTail))
	tail = bytes.TrimSpace(tail)
	return string(tail[bytes.LastIndexByte(tail, '\n')+1:])
}

// poll calls check until it returns nil. When ctx ends before that, it returns the last error along with the context's.
func poll(ctx context.Context, check func() error) error {
	t := time.NewTicker(pollInterval)
	defer t.Stop()
	for {
		err := check()
		if err == nil {
			return nil
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		}
	}
}
