package bench

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrNoPostgres says that PostgreSQL's programs aren't installed.
var ErrNoPostgres = errors.New("PostgreSQL is not installed: apt-get install postgresql-15")

// postgresPrograms are what a peer is made with.
var postgresPrograms = []string{"initdb", "postgres", "pg_basebackup", "psql", "pgbench"}

// postgresServers are the primary and the standby that it waits for. They share a folder of sockets, where a port is part of a name.
var postgresServers = []struct{ name, port string }{{"primary", "5432"}, {"standby", "5433"}}

// postgresSettings are those of both servers. What PostgreSQL does for durability is as it comes: fsync, full_page_writes,
// synchronous_commit = on, which waits until the standby has flushed. Memory and checkpoints are generous.
const postgresSettings = `
listen_addresses = ''
max_connections = 400
shared_buffers = 512MB
wal_buffers = 16MB
max_wal_size = 8GB
checkpoint_timeout = 30min
wal_level = replica
synchronous_commit = on
`

//go:embed postgres/schema.sql
var postgresSchema string

// Postgres is a peer to compare with: a PostgreSQL primary and one synchronous standby, over Unix sockets.
type Postgres struct {
	bin     string // folder of the programs
	data    string // folder with a folder for each server, and for pgbench
	sockets string
	as      *syscall.Credential // PostgreSQL refuses to run as root
	servers []*exec.Cmd
	ended   []chan struct{} // closed when the server of the same place has ended
	version string
}

// FindPostgres is the folder of PostgreSQL's programs: where the search path has initdb, or the newest of Debian's. It returns ErrNoPostgres.
func FindPostgres() (bin string, err error) {
	var folders []string
	if initdb, err := exec.LookPath("initdb"); err == nil {
		if initdb, err = filepath.EvalSymlinks(initdb); err == nil {
			folders = append(folders, filepath.Dir(initdb))
		}
	}
	debian, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", err
	}
	slices.SortFunc(debian, func(a, b string) int { return majorVersion(b) - majorVersion(a) })
	for _, folder := range append(folders, debian...) {
		missing := slices.ContainsFunc(postgresPrograms, func(p string) bool {
			_, err := exec.LookPath(filepath.Join(folder, p))
			return err != nil
		})
		if !missing {
			return folder, nil
		}
	}
	return "", ErrNoPostgres
}

// majorVersion is the 15 of /usr/lib/postgresql/15/bin.
func majorVersion(folder string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(folder))) // 0: no version
	return n
}

// StartPostgres makes a primary and a standby with data below parent, and the schema of a registry in them. Stop ends and removes them.
func StartPostgres(ctx context.Context, bin, parent string) (p *Postgres, err error) {
	p = &Postgres{bin: bin}
	defer func() {
		if err != nil {
			err = fmt.Errorf("starting PostgreSQL: %w", errors.Join(err, p.Stop()))
		}
	}()
	if err := p.folders(parent); err != nil {
		return p, err
	}
	out, err := p.command(ctx, "postgres", "--version").Output()
	if err != nil {
		return p, err
	}
	p.version = strings.TrimSpace(string(out))
	primary, standby := p.path("primary"), p.path("standby")
	if err := p.run(ctx, "initdb", "--pgdata", primary, "--username", "postgres", "--auth", "trust", "--encoding", "UTF8", "--locale", "C"); err != nil {
		return p, err
	}
	if err := p.configure("primary", postgresSettings); err != nil {
		return p, err
	}
	if err := p.start(ctx, 0); err != nil {
		return p, err
	}
	if _, err := p.query(ctx, postgresSchema); err != nil {
		return p, err
	}
	if err := p.run(ctx, "pg_basebackup", "--pgdata", standby, "--host", p.sockets, "--port", "5432", "--username", "postgres", "--checkpoint", "fast"); err != nil {
		return p, err
	}
	link := fmt.Sprintf("primary_conninfo = 'host=%s port=5432 user=postgres application_name=standby'\n", p.sockets)
	if err := errors.Join(p.configure("standby", link), p.own(filepath.Join(standby, "standby.signal"), nil)); err != nil {
		return p, err
	}
	if err := p.start(ctx, 1); err != nil {
		return p, err
	}
	return p, p.synchronize(ctx)
}

// folders makes the folders, and decides who the servers run as.
func (p *Postgres) folders(parent string) error {
	if os.Getuid() == 0 {
		if err := p.lowerTo("postgres", "nobody"); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	for _, f := range []struct {
		path   *string
		parent string
	}{{&p.data, parent}, {&p.sockets, ""}} { // a socket's path may have 107 octets: it is not below the data
		dir, err := os.MkdirTemp(f.parent, "quorate-postgres-")
		if err != nil {
			return err
		}
		if *f.path, err = filepath.Abs(dir); err != nil {
			return err
		}
		if err := p.chown(dir); err != nil {
			return err
		}
	}
	// A folder that others may not enter can be anywhere above: only the user can tell.
	if err := p.run(context.Background(), "initdb", "--version"); err != nil {
		return fmt.Errorf("an unprivileged user must be able to enter %s, or say --dir: %w", p.data, err)
	}
	return nil
}

// lowerTo takes the first of the users that there is.
func (p *Postgres) lowerTo(names ...string) error {
	for _, name := range names {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		p.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		return nil
	}
	return fmt.Errorf("PostgreSQL doesn't run as root, and there is no user %s", strings.Join(names, " or "))
}

func (p *Postgres) chown(path string) error {
	if p.as == nil {
		return nil
	}
	return os.Chown(path, int(p.as.Uid), int(p.as.Gid))
}

func (p *Postgres) path(elements ...string) string {
	return filepath.Join(append([]string{p.data}, elements...)...)
}

// own writes a file that belongs to the servers' user.
func (p *Postgres) own(path string, content []byte) error {
	return errors.Join(os.WriteFile(path, content, 0o600), p.chown(path))
}

// configure appends settings to a server's configuration.
func (p *Postgres) configure(server, settings string) error {
	f, err := os.OpenFile(p.path(server, "postgresql.conf"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(settings)
	return errors.Join(err, f.Close())
}

// command is one of PostgreSQL's programs, run as the servers' user in their folder, out of reach of the terminal's signals.
func (p *Postgres) command(ctx context.Context, program string, arguments ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, filepath.Join(p.bin, program), arguments...)
	c.Dir = p.data
	c.Env = append(os.Environ(), "LC_ALL=C", "PGHOST="+p.sockets, "PGPORT=5432", "PGUSER=postgres", "PGDATABASE=postgres")
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: p.as}
	return c
}

func (p *Postgres) run(ctx context.Context, program string, arguments ...string) error {
	if out, err := p.command(ctx, program, arguments...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, bytes.TrimSpace(out))
	}
	return nil
}

// start starts a server and waits until it takes connections.
func (p *Postgres) start(ctx context.Context, number int) error {
	server := postgresServers[number]
	log, err := os.Create(p.path(server.name + ".log"))
	if err != nil {
		return err
	}
	defer log.Close()
	// Not bound to ctx, which ends by a kill: the server is stopped in order.
	c := p.command(context.Background(), "postgres", "-D", p.path(server.name), "-k", p.sockets, "-p", server.port)
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = c.Wait() // why it ended is in its log
	}()
	p.servers, p.ended = append(p.servers, c), append(p.ended, ended)
	err = eventually(ctx, func() error {
		select {
		case <-ended:
			return errEnded
		default:
			return p.run(ctx, "psql", "--port", server.port, "--command", "SELECT 1")
		}
	})
	if err != nil {
		words, _ := os.ReadFile(log.Name())
		return fmt.Errorf("%s: %w: %s", server.name, err, bytes.TrimSpace(words))
	}
	return nil
}

// synchronize has the primary wait for the standby from now on.
func (p *Postgres) synchronize(ctx context.Context) error {
	for _, statement := range []string{"ALTER SYSTEM SET synchronous_standby_names = 'standby'", "SELECT pg_reload_conf()"} {
		if _, err := p.query(ctx, statement); err != nil {
			return err
		}
	}
	return eventually(ctx, func() error {
		state, err := p.query(ctx, "SELECT sync_state FROM pg_stat_replication")
		if err == nil && state != "sync" {
			err = fmt.Errorf("the standby is %q, not synchronous", state)
		}
		return err
	})
}

// query runs SQL at the primary and returns what it prints.
func (p *Postgres) query(ctx context.Context, sql string) (string, error) {
	c := p.command(ctx, "psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1")
	c.Stdin = strings.NewReader(sql)
	var out, complaint bytes.Buffer
	c.Stdout, c.Stderr = &out, &complaint
	if err := c.Run(); err != nil {
		return "", fmt.Errorf("psql: %w: %s", err, bytes.TrimSpace(complaint.Bytes()))
	}
	return strings.TrimSpace(out.String()), nil
}

// Version is what PostgreSQL calls itself.
func (p *Postgres) Version() string { return p.version }

// Stop ends the servers, the standby last, and removes all that they wrote.
func (p *Postgres) Stop() error {
	var errs []error
	for i, c := range p.servers {
		if err := stopServer(c, p.ended[i]); err != nil {
			errs = append(errs, fmt.Errorf("stopping PostgreSQL's %s: %w", postgresServers[i].name, err))
		}
	}
	p.servers, p.ended = nil, nil
	for _, folder := range []string{p.data, p.sockets} {
		if folder != "" {
			errs = append(errs, os.RemoveAll(folder))
		}
	}
	return errors.Join(errs...)
}

// stopServer asks a server to end ever less politely: SIGINT is its fast shutdown, SIGQUIT its immediate one.
func stopServer(c *exec.Cmd, ended <-chan struct{}) error {
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL} {
		select {
		case <-ended:
			return nil
		default:
		}
		if err := c.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
		select {
		case <-ended:
			return nil
		case <-time.After(postgresStop):
		}
	}
	return fmt.Errorf("pid %d doesn't end", c.Process.Pid)
}

// processorTime is what the servers and their processes have used so far.
func (p *Postgres) processorTime() (total time.Duration) {
	for _, c := range p.servers {
		total += familyTime(c.Process.Pid)
	}
	return total
}
