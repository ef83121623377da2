package cluster

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"quorate/node/config"
	"quorate/transport/pki"
)

// TestMain lets the test binary stand in for a node: started as one, it says so and waits for SIGTERM.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "node" {
		standIn()
	}
	os.Exit(m.Run())
}

func standIn() {
	if os.Getenv("STAND_IN") == "fails" {
		os.Stderr.WriteString("starting\nno such luck\n")
		os.Exit(1)
	}
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	os.Stderr.WriteString("data is " + os.Getenv("QUORATE_DATA") + ".\nwaiting\n")
	<-term
	os.Exit(0)
}

func newCluster(t *testing.T, o Options) *Cluster {
	t.Helper()
	ports, err := ReservePorts(len(SiteNames(3)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ports.Release)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	o.Dir, o.Binary, o.PortBase = filepath.Join(t.TempDir(), "dev"), self, ports.Base
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.StopAll(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if poll(ctx, func() error {
		if condition() {
			return nil
		}
		return errors.New("not yet")
	}) != nil {
		t.Fatalf("never: %s", what)
	}
}

func TestConfigurationsAreValid(t *testing.T) {
	t.Parallel()
	c := newCluster(t, Options{Sites: SiteNames(9), Heartbeat: time.Second})
	seen := map[string]string{}
	for i, s := range c.Sites() {
		cfg, err := config.Load(c.configFile(s), nil)
		if err != nil {
			t.Fatal(err)
		}
		if cfg.Node != s || cfg.Bootstrap != (i == 0) || len(cfg.Peers) != 9 || time.Duration(cfg.Raft.Heartbeat) != time.Second {
			t.Errorf("%s: %+v", s, cfg)
		}
		if cfg.EPP.MaxSessionsByRegistrar < 100 {
			t.Errorf("%s allows %d sessions a registrar; a development cluster has at least 100", s, cfg.EPP.MaxSessionsByRegistrar)
		}
		for _, f := range []string{cfg.KEK, cfg.TLS.CA, cfg.TLS.Certificate, cfg.TLS.Key, cfg.EPP.Certificate, cfg.EPP.Key, cfg.EPP.ClientCA, cfg.RDAP.Certificate, cfg.RDAP.Key} {
			if _, err := os.Stat(f); err != nil {
				t.Error(err)
			}
		}
		for _, a := range []string{cfg.Transport.Listen, cfg.EPP.Listen, cfg.WHOIS.Listen, cfg.RDAP.Listen, cfg.DNS.Listen[0], cfg.Admin.Listen, cfg.Metrics.Listen} {
			if other, taken := seen[a]; taken {
				t.Errorf("%s and %s both have %s", s, other, a)
			}
			seen[a] = s
		}
	}
}

func TestCertificatesAreOfTheClusterAndSayWho(t *testing.T) {
	t.Parallel()
	c := newCluster(t, Options{})
	pool, err := pki.LoadPool(c.CACert())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct {
		role  pki.Role
		usage x509.ExtKeyUsage
		host  string
	}{
		"site1-node":   {pki.RoleNode, x509.ExtKeyUsageServerAuth, ""},
		"site3-server": {pki.RoleServer, x509.ExtKeyUsageServerAuth, "127.0.0.1"},
		"site2-server": {pki.RoleServer, x509.ExtKeyUsageServerAuth, "::1"},
		"reg1":         {pki.RoleRegistrar, x509.ExtKeyUsageClientAuth, ""},
		"poor":         {pki.RoleRegistrar, x509.ExtKeyUsageClientAuth, ""},
		"operator":     {pki.RoleOperator, x509.ExtKeyUsageClientAuth, ""},
	} {
		cert, err := pki.Load(c.certificateFiles(name))
		if err != nil {
			t.Error(err)
			continue
		}
		id, err := pki.ParseIdentity(cert.Leaf)
		if err != nil || id.Role != want.role || id.Cluster != "dev" {
			t.Errorf("%s: identity %v, %v", name, id, err)
		}
		if _, err := cert.Leaf.Verify(x509.VerifyOptions{Roots: pool, DNSName: want.host, KeyUsages: []x509.ExtKeyUsage{want.usage}}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSecondStartResumesWhatIsThere(t *testing.T) {
	t.Parallel()
	c := newCluster(t, Options{})
	kek, err := os.ReadFile(c.path(kekFile))
	if err != nil {
		t.Fatal(err)
	}
	again, err := New(Options{Dir: c.Dir(), Binary: c.options.Binary, PortBase: 1, Sites: SiteNames(5), TLD: "other"})
	if err != nil {
		t.Fatal(err)
	}
	if kek2, _ := os.ReadFile(c.path(kekFile)); string(kek2) != string(kek) || len(kek) != 65 {
		t.Errorf("the key-encryption key was %d octets and is another now", len(kek))
	}
	if len(again.Sites()) != 3 || again.TLD() != "example" || again.Addresses("site2") != c.Addresses("site2") || again.Password("reg1") != c.Password("reg1") {
		t.Errorf("resumed as %+v, was %+v", again.plan, c.plan)
	}
}

// TestLostCAIsNoFreshStart: a new CA would lock a provisioned cluster's nodes and registrars out.
func TestLostCAIsNoFreshStart(t *testing.T) {
	t.Parallel()
	c := newCluster(t, Options{})
	c.plan.Provisioned = true
	if err := errors.Join(c.plan.save(c.dir), os.Remove(c.CACert())); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Options{Dir: c.Dir()}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("New without the CA of a provisioned cluster: %v", err)
	}
}

func TestBootstrapEndsWithProvisioning(t *testing.T) {
	t.Parallel()
	c := newCluster(t, Options{})
	c.plan.Provisioned = true
	if c.siteConfig("site1").Bootstrap {
		t.Error("a provisioned cluster's first site would found another cluster if it lost its data")
	}
}

func TestSiteLife(t *testing.T) {
	t.Parallel()
	c := newCluster(t, Options{})
	if err := c.Kill("site1"); !errors.Is(err, ErrNotRunning) {
		t.Errorf("killing a site that isn't running: %v", err)
	}
	if err := c.Start("site1"); err != nil {
		t.Fatal(err)
	}
	pid := c.PID("site1")
	if pid == 0 || !c.Running("site1") || c.Running("site2") {
		t.Fatalf("site1 has pid %d, running %v; site2 running %v", pid, c.Running("site1"), c.Running("site2"))
	}
	if err := c.Start("site1"); !errors.Is(err, ErrRunning) {
		t.Errorf("starting a running site: %v", err)
	}
	if _, err := New(Options{Dir: c.Dir()}); !errors.Is(err, ErrRunning) {
		t.Errorf("New over a running site: %v", err)
	}
	elsewhere, err := Open(c.Dir(), c.options.Binary)
	if err != nil {
		t.Fatal(err)
	}
	if elsewhere.PID("site1") != pid {
		t.Errorf("another process sees pid %d, not %d", elsewhere.PID("site1"), pid)
	}
	if err := errors.Join(c.Pause("site1"), elsewhere.Resume("site1"), elsewhere.Kill("site1")); err != nil {
		t.Error(err)
	}
	if c.Running("site1") || c.PID("site1") != 0 {
		t.Error("site1 runs after kill")
	}
	if err := c.Start("site1"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the node waits", func() bool { return c.LastWords("site1") == "waiting" })
	if err := errors.Join(c.Pause("site1"), c.Stop("site1")); err != nil {
		t.Errorf("stopping a paused site: %v", err)
	}
}

// TestNodesAreShieldedFromSettings: QUORATE_DATA in the caller's environment would have all nodes share one folder.
func TestNodesAreShieldedFromSettings(t *testing.T) {
	t.Setenv("QUORATE_DATA", "/shared")
	t.Setenv("QUORATE_LOG_LEVEL", "debug")
	env := strings.Join(environment([]string{"QUORATE_EPP_LISTEN=x"}), "\n")
	if strings.Contains(env, "QUORATE_DATA") || !strings.Contains(env, "QUORATE_LOG_LEVEL=debug") || !strings.Contains(env, "QUORATE_EPP_LISTEN=x") {
		t.Error(env)
	}
}

func TestDeathIsReportedWithItsReason(t *testing.T) {
	t.Parallel()
	c := newCluster(t, Options{Env: []string{"STAND_IN=fails"}})
	if err := c.Up(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "ended: no such luck") {
		t.Errorf("Up: %v", err)
	}
	for _, s := range c.Sites() {
		if c.Running(s) {
			t.Errorf("%s is left running", s)
		}
	}
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	c := newCluster(t, Options{})
	taken, err := net.Listen("tcp", c.Addresses("site2").RDAP)
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if err := c.Up(t.Context(), nil); !errors.Is(err, ErrPortInUse) || !strings.Contains(err.Error(), "RDAP") {
		t.Errorf("Up: %v", err)
	}
	for _, s := range c.Sites() {
		if c.Running(s) {
			t.Errorf("%s is left running", s)
		}
	}
}

func TestOneOwner(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "dev")
	release, err := Own(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Own(dir); !errors.Is(err, ErrOwned) {
		t.Errorf("a second owner: %v", err)
	}
	if pid, owned := Owner(dir); !owned || pid != os.Getpid() {
		t.Errorf("owner is %d, %v", pid, owned)
	}
	release()
	// A process that another test is starting at this moment has the lock too, until it executes its program.
	deadline := time.After(10 * time.Second)
	for {
		if _, owned := Owner(dir); !owned {
			return
		}
		select {
		case <-time.After(time.Millisecond):
		case <-deadline:
			t.Fatal("owned after release")
		}
	}
}

func TestReservedPortsDiffer(t *testing.T) {
	t.Parallel()
	a, err := ReservePorts(3)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Release()
	b, err := ReservePorts(3)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Release()
	if a.Base == b.Base {
		t.Errorf("both got %d", a.Base)
	}
}

func TestNoCluster(t *testing.T) {
	t.Parallel()
	if _, err := Open(t.TempDir(), ""); !errors.Is(err, ErrNoCluster) {
		t.Errorf("Open of an empty folder: %v", err)
	}
}
