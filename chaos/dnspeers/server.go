package dnspeers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"quorate/transport/loopback"
)

// Kind is a name server that can serve a zone file.
type Kind struct {
	Name    string
	Package string // Debian's, for who lacks it
	path    string
	version []string // arguments that print it
	// start is the command that serves the zone file in the foreground, from files that it writes into dir.
	start func(path, dir, zone string, port int) (*exec.Cmd, error)
}

// Quorate is this binary's own name server.
func Quorate(binary string) Kind {
	return Kind{Name: "quorate", path: binary, version: []string{"--version"}, start: func(path, dir, zone string, port int) (*exec.Cmd, error) {
		return exec.Command(path, "dns", zone, "--origin", Origin, "--listen", fmt.Sprintf("127.0.0.1:%d", port)), nil
	}}
}

// Peers are the servers to compare with that are installed, and the packages of those that aren't.
func Peers() (installed []Kind, missing []string) {
	for _, k := range []Kind{nsd, knot} {
		path := k.path
		if found, err := exec.LookPath(path); err == nil {
			path = found
		}
		if _, err := os.Stat(path); err != nil {
			missing = append(missing, k.Package)
			continue
		}
		k.path = path
		installed = append(installed, k)
	}
	return installed, missing
}

// Both peers run one worker, for every server has one core; whatever limits the rate of answers is off.
var (
	nsd = Kind{Name: "nsd", Package: "nsd", path: "/usr/sbin/nsd", version: []string{"-v"}, start: func(path, dir, zone string, port int) (*exec.Cmd, error) {
		conf := filepath.Join(dir, "nsd.conf")
		err := os.WriteFile(conf, fmt.Appendf(nil, `server:
  ip-address: 127.0.0.1@%d
  server-count: 1
  username: ""
  zonesdir: "%[2]s"
  database: ""
  pidfile: "%[2]s/nsd.pid"
  xfrdfile: "%[2]s/xfrd.state"
  zonelistfile: "%[2]s/zone.list"
  rrl-ratelimit: 0
  minimal-responses: yes
  tcp-count: 256
remote-control:
  control-enable: no
zone:
  name: "%[3]s"
  zonefile: "%[4]s"
`, port, dir, Origin, zone), 0o600)
		return exec.Command(path, "-d", "-c", conf), err
	}}
	knot = Kind{Name: "knot", Package: "knot", path: "/usr/sbin/knotd", version: []string{"--version"}, start: func(path, dir, zone string, port int) (*exec.Cmd, error) {
		conf := filepath.Join(dir, "knot.conf")
		err := os.WriteFile(conf, fmt.Appendf(nil, `server:
  listen: 127.0.0.1@%d
  rundir: "%[2]s"
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
  tcp-max-clients: 256
database:
  storage: "%[2]s"
log:
  - target: stderr
    any: error
zone:
  - domain: "%[3]s"
    file: "%[4]s"
    semantic-checks: off
    journal-content: none
    zonefile-load: whole
`, port, dir, Origin, zone), 0o600)
		return exec.Command(path, "-c", conf), err
	}}
)

// Version is what the server says of itself, in a line.
func (k Kind) Version() string {
	out, _ := exec.Command(k.path, k.version...).CombinedOutput()
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return line
}

// Server is a running name server.
type Server struct {
	Kind    Kind
	Address string
	Started time.Duration // from its start to its first answer
	cmd     *exec.Cmd
	said    bytes.Buffer
	ended   chan struct{}
}

// Start starts a server that serves the zone file and waits, at most for patience, until it answers. cpu is the processor that it gets
// for itself; below 0: any.
func Start(ctx context.Context, k Kind, zone string, cpu int, patience time.Duration) (s *Server, err error) {
	dir, err := os.MkdirTemp(filepath.Dir(zone), k.Name+"-")
	if err != nil {
		return nil, err
	}
	port, err := loopback.Port()
	if err != nil {
		return nil, err
	}
	if zone, err = filepath.Abs(zone); err != nil {
		return nil, err
	}
	s = &Server{Kind: k, Address: fmt.Sprintf("127.0.0.1:%d", port), ended: make(chan struct{})}
	if s.cmd, err = k.start(k.path, dir, zone, int(port)); err != nil {
		return nil, err
	}
	if cpu >= 0 {
		taskset, err := exec.LookPath("taskset")
		if err != nil {
			return nil, err
		}
		s.cmd.Args = append([]string{taskset, "-c", strconv.Itoa(cpu), s.cmd.Path}, s.cmd.Args[1:]...)
		s.cmd.Path = taskset
		s.cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	}
	s.cmd.Stderr, s.cmd.Stdout = &s.said, &s.said
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	begin := time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", k.Name, err)
	}
	go func() {
		_ = s.cmd.Wait()
		close(s.ended)
	}()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := s.await(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w: %s", k.Name, err, strings.TrimSpace(s.said.String())), s.Stop())
	}
	s.Started = time.Since(begin)
	return s, nil
}

// await waits for the first answer about the last name of the zone's apex.
func (s *Server) await(ctx context.Context) error {
	q := new(dns.Msg)
	q.SetQuestion(Origin, dns.TypeSOA)
	client := dns.Client{Timeout: probeTime}
	for {
		r, _, err := client.ExchangeContext(ctx, q, s.Address)
		if err == nil && r.Rcode == dns.RcodeSuccess && len(r.Answer) == 1 {
			return nil
		}
		select {
		case <-s.ended:
			return errors.New("it ended")
		case <-ctx.Done():
			return errors.New("it doesn't answer")
		case <-time.After(probeEvery):
		}
	}
}

// Stop ends the server.
func (s *Server) Stop() error {
	if s.cmd.Process == nil {
		return nil
	}
	if err := syscall.Kill(-s.cmd.Process.Pid, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	select {
	case <-s.ended:
	case <-time.After(stopTime):
		_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
		<-s.ended
	}
	return nil
}

// processes are the server's processes: NSD has several.
func (s *Server) processes() (pids []string) {
	all, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range all {
		if f := statFields(path); len(f) > 2 && f[2] == strconv.Itoa(s.cmd.Process.Pid) { // its process group
			pids = append(pids, filepath.Base(filepath.Dir(path)))
		}
	}
	return pids
}

// statFields are the fields of /proc/PID/stat from the third on: the second may hold anything.
func statFields(path string) []string {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return strings.Fields(rest)
}

// CPU is the processor time that the server has used, all its processes together.
func (s *Server) CPU() (total time.Duration) {
	for _, pid := range s.processes() {
		if f := statFields("/proc/" + pid + "/stat"); len(f) > 12 {
			user, _ := strconv.ParseInt(f[11], 10, 64)
			system, _ := strconv.ParseInt(f[12], 10, 64)
			total += time.Duration(user+system) * clockTick
		}
	}
	return total
}

// Memory is what the server holds in memory of its own and of files, in octets, all its processes together. Pages that processes share
// are counted once (proportional set size).
func (s *Server) Memory() (own, files int64) {
	for _, pid := range s.processes() {
		b, err := os.ReadFile("/proc/" + pid + "/smaps_rollup")
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(b)) {
			f := strings.Fields(line)
			if len(f) < 2 {
				continue
			}
			n, _ := strconv.ParseInt(f[1], 10, 64)
			switch f[0] {
			case "Pss_Anon:":
				own += n << 10
			case "Pss_File:", "Pss_Shmem:":
				files += n << 10
			}
		}
	}
	return own, files
}
