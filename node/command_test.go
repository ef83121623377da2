package node

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/pelletier/go-toml/v2"

	"quorate/node/config"
)

// commandEnv makes the test binary be `quorate node` with this configuration.
const commandEnv = "QUORATE_TEST_COMMAND"

func TestMain(m *testing.M) {
	if path := os.Getenv(commandEnv); path != "" {
		c := Command()
		c.SetArgs([]string{"--config", path})
		c.SilenceUsage = true
		if c.Execute() != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// written is the file of a configuration.
func written(t *testing.T, c config.Config) string {
	t.Helper()
	text, err := toml.Marshal(c)
	path := filepath.Join(t.TempDir(), "node.toml")
	if err = errors.Join(err, os.WriteFile(path, text, 0o600)); err != nil {
		t.Fatal(err)
	}
	return path
}

// Files that a configuration names are read by --check, and an error names the setting.
func TestCheckReadsTheFiles(t *testing.T) {
	t.Parallel()
	good := testConfig(t)
	check := func(c config.Config) error {
		cmd := Command()
		cmd.SetArgs([]string{"--config", written(t, c), "--check"})
		cmd.SilenceUsage, cmd.SilenceErrors = true, true
		cmd.SetOut(io.Discard)
		return cmd.Execute()
	}
	if err := check(good); err != nil {
		t.Fatal(err)
	}
	absent := filepath.Join(t.TempDir(), "absent")
	for setting, spoil := range map[string]func(*config.Config){
		"kek: ":           func(c *config.Config) { c.KEK = absent },
		"tls.ca: ":        func(c *config.Config) { c.TLS.CA = absent },
		"epp.client_ca: ": func(c *config.Config) { c.EPP.ClientCA = c.KEK },
		"tls.certificate: this node's own certificate: it is of another cluster, test": func(c *config.Config) { c.Cluster = "other" },
		"tls.certificate: this node's own certificate: it is of node n1": func(c *config.Config) {
			c.Node, c.Peers = "n2", []config.Peer{{ID: "n2", Site: "s1", Address: c.Transport.Listen}}
		},
		"tls.certificate: this node's own certificate: it is of server n1": func(c *config.Config) { c.TLS.Certificate, c.TLS.Key = c.EPP.Certificate, c.EPP.Key },
		"tls.certificate, tls.key: ":                                       func(c *config.Config) { c.TLS.Key = c.EPP.Key },
		"epp's certificate: ":                                              func(c *config.Config) { c.EPP.Certificate = absent },
		"rdap's certificate: ":                                             func(c *config.Config) { c.RDAP.Key = absent },
	} {
		c := good
		spoil(&c)
		if err := check(c); err == nil || !strings.HasPrefix(err.Error(), setting) {
			t.Errorf("%s%v", setting, err)
		}
	}
}

// The images of zones are another cluster's to a node that believes to be of it, and would be made anew.
func TestAWrongClusterTouchesNothing(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.Cluster = "other"
	n, err := Start(c, quiet)
	if err == nil {
		t.Fatal(n.close())
	}
	if _, err := os.Stat(c.Data); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the data folder was begun: %v", err)
	}
}

// Who replaces certificates sends SIGHUP, whatever the node is at. It ended a node that was still starting.
func TestSIGHUPDoesNotEndAStart(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.KEK = filepath.Join(t.TempDir(), "kek")
	if err := syscall.Mkfifo(c.KEK, 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), commandEnv+"="+written(t, c))
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// The pipe opens when the start has come to the key, and goes on when something is in it: here, no key.
	kek, err := os.OpenFile(c.KEK, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	_, err = fmt.Fprintln(kek, "no key")
	err = errors.Join(err, kek.Close())
	ended := cmd.Wait()
	if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(said.String(), "not 32 octets in hex") {
		t.Errorf("the node ended with %v, %v: %s", ended, err, &said)
	}
}
