// Package secondary runs name servers that aren't ours as secondaries of a zone, for tests: Knot DNS, NSD and BIND, as they are
// installed. They serve on a port of the loopback, keep their files in a folder, ask their primaries with a TSIG key (RFC 8945), heed
// NOTIFY that is signed by it, and transfer to anybody on this machine.
package secondary

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"text/template"
	"time"

	"quorate/transport/loopback"
)

// Program is a name server.
type Program struct {
	Name       string
	Executable string // its file, which may be where only root looks
	Package    string // Debian's, for who lacks it
	config     *template.Template
	args       []string // %s is the configuration's file
}

// Programs are all that are known.
var Programs = []Program{
	{"knot", "knotd", "knot", parse(knot), []string{"-c", "%s"}},
	{"nsd", "nsd", "nsd", parse(nsd), []string{"-d", "-c", "%s"}},
	{"bind", "named", "bind9", parse(bind), []string{"-g", "-n", "1", "-c", "%s"}},
}

func parse(text string) *template.Template { return template.Must(template.New("").Parse(text)) }

const (
	knot = `
server:
  rundir: "{{.Dir}}"
  listen: 127.0.0.1@{{.Port}}
database:
  storage: "{{.Dir}}"
control:
  listen: "{{.Dir}}/knot.sock"
log:
  - target: stderr
    any: info
key:
  - id: "{{.Key}}"
    algorithm: hmac-sha256
    secret: {{.Secret}}
remote:
{{range $i, $p := .Primaries}}  - id: primary{{$i}}
    address: {{$p.Addr}}@{{$p.Port}}
    key: "{{$.Key}}"
{{end}}acl:
  - id: notify
    address: 127.0.0.1
    key: "{{.Key}}"
    action: notify
  - id: transfer
    address: 127.0.0.1
    action: transfer
zone:
  - domain: "{{.Name}}"
    storage: "{{.Dir}}"
    master: [{{range $i, $_ := .Primaries}}{{if $i}}, {{end}}primary{{$i}}{{end}}]
    acl: [notify, transfer]
`
	nsd = `
server:
  ip-address: 127.0.0.1@{{.Port}}
  zonesdir: "{{.Dir}}"
  username: ""
  chroot: ""
  pidfile: "{{.Dir}}/nsd.pid"
  xfrdfile: "{{.Dir}}/xfrd.state"
  zonelistfile: "{{.Dir}}/zone.list"
  xfrdir: "{{.Dir}}"
  database: ""
  server-count: 1
  xfrd-reload-timeout: 0
remote-control:
  control-enable: no
key:
  name: "{{.Key}}"
  algorithm: hmac-sha256
  secret: "{{.Secret}}"
zone:
  name: "{{.Name}}"
  zonefile: "followed.zone"
{{range .Primaries}}  request-xfr: {{.Addr}}@{{.Port}} {{$.Key}}
{{end}}  allow-notify: 127.0.0.1 {{.Key}}
  provide-xfr: 127.0.0.1 NOKEY
`
	bind = `
options {
  directory "{{.Dir}}"; pid-file "{{.Dir}}/named.pid"; session-keyfile "{{.Dir}}/session.key"; managed-keys-directory "{{.Dir}}";
  listen-on port {{.Port}} { 127.0.0.1; }; listen-on-v6 { none; };
  recursion no; dnssec-validation no; notify no; allow-transfer { 127.0.0.1; };
  transfer-source 127.0.0.1; serial-query-rate 1000; min-refresh-time 1;
};
controls { };
key "{{.Key}}" { algorithm hmac-sha256; secret "{{.Secret}}"; };
zone "{{.Name}}" {
  type secondary; file "followed.zone";
  primaries { {{range .Primaries}}{{.Addr}} port {{.Port}} key "{{$.Key}}"; {{end}}};
  allow-notify { key "{{.Key}}"; };
};
`
)

// Path is where the program is; an error when it isn't installed.
func (p Program) Path() (string, error) {
	if path, err := exec.LookPath(p.Executable); err == nil {
		return path, nil
	}
	return exec.LookPath("/usr/sbin/" + p.Executable)
}

// Zone is what a secondary follows.
type Zone struct {
	Name      string // with or without the final dot
	Primaries []netip.AddrPort
	Key       string // the name of the TSIG key, of HMAC-SHA256
	Secret    string // of the key, in base 64
}

// Server is a running secondary.
type Server struct {
	Address netip.AddrPort
	cmd     *exec.Cmd
	log     string
	ended   chan struct{}
}

// Start runs the program with its files in a folder, which is there and empty, until Stop.
func (p Program) Start(dir string, zone Zone) (*Server, error) {
	path, err := p.Path()
	if err != nil {
		return nil, err
	}
	port, err := loopback.Port()
	if err != nil {
		return nil, err
	}
	var config strings.Builder
	if err := p.config.Execute(&config, struct {
		Zone
		Dir  string
		Port uint16
	}{zone, dir, port}); err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "config")
	if err := os.WriteFile(file, []byte(config.String()), 0o600); err != nil {
		return nil, err
	}
	s := &Server{Address: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port), log: filepath.Join(dir, "log"), ended: make(chan struct{})}
	log, err := os.Create(s.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s.cmd = exec.Command(path, strings.Fields(fmt.Sprintf(strings.Join(p.args, " "), file))...)
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // NSD has children
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = s.cmd.Wait()
		close(s.ended)
	}()
	return s, nil
}

// stopTime is how long a secondary may take to end before it is killed: one with a large zone writes it to a file.
const stopTime = 10 * time.Second

// Stop ends the secondary, and returns the end of what it has logged.
func (s *Server) Stop() (said string) {
	_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(stopTime):
		_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
		<-s.ended
	}
	log, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	return string(log[max(0, len(log)-8000):])
}
