package nodecli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"quorate/fsm/registry"
	"quorate/node/admin/admintest"
)

// run runs a command line as main would and returns what it prints.
func run(t *testing.T, stdin string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, log bytes.Buffer
	root := &cobra.Command{Use: "quorate", SilenceErrors: true}
	root.AddCommand(Commands()...)
	root.SetIn(strings.NewReader(stdin))
	root.SetOut(&out)
	root.SetErr(&log)
	root.SetArgs(args)
	err = root.ExecuteContext(t.Context())
	if err != nil && strings.Contains(err.Error(), "\n") {
		t.Errorf("quorate %s: an error of more than one line: %v", strings.Join(args, " "), err)
	}
	return out.String(), log.String(), err
}

// must is run for what has to succeed.
func must(t *testing.T, args ...string) string {
	t.Helper()
	out, _, err := run(t, "", args...)
	if err != nil {
		t.Fatalf("quorate %s: %v", strings.Join(args, " "), err)
	}
	return out
}

// same compares output line by line.
func same(t *testing.T, got, want string) {
	t.Helper()
	if got != strings.TrimPrefix(want, "\n") {
		t.Errorf("got\n%s\nwant%s", got, want)
	}
}

const createExample = "tld create example --ns ns1.nic.example=192.0.2.1,2001:db8::1 --ns ns2.elsewhere"

// start starts a cluster of three sites and returns what every command line begins with after its name.
func start(t *testing.T) (c *admintest.Cluster, at func(line string) []string) {
	t.Helper()
	c = admintest.New(t, 3)
	file := c.Endpoints()
	return c, func(line string) []string { return append(strings.Fields(line), "--endpoints", file) }
}

// found gives the cluster its settings, without which its level can't rise.
func found(t *testing.T, c *admintest.Cluster) {
	t.Helper()
	node := registry.Actor{Role: registry.RoleNode, Name: "site1"}
	if r, _, err := c.Apply(node, "", registry.KindClusterInit, registry.Cluster{Name: admintest.Name, Repository: "TEST", Level: 1}); err != nil || r.Fail != nil {
		t.Fatal(err, r.Fail)
	}
}

// highest starts a cluster as start does, and takes it to the highest level.
func highest(t *testing.T) (c *admintest.Cluster, at func(line string) []string) {
	t.Helper()
	c, at = start(t)
	found(t, c)
	for level := registry.FirstLevel; level < registry.HighestLevel; level++ {
		must(t, at("level raise")...)
	}
	return c, at
}

// register has a registrar register a domain, with a contact that it makes for it unless that is "".
func register(t *testing.T, c *admintest.Cluster, clID, name, registrant string) {
	t.Helper()
	actor := registry.Actor{Role: registry.RoleRegistrar, Name: clID}
	if registrant != "" {
		if r, _, err := c.Apply(actor, "", registry.KindContactCreate, registry.ContactCreate{ID: registrant}); err != nil || r.Fail != nil {
			t.Fatal(err, r.Fail)
		}
	}
	if r, _, err := c.Apply(actor, "", registry.KindDomainCreate, registry.DomainCreate{Name: name, Registrant: registrant}); err != nil || r.Fail != nil {
		t.Fatal(err, r.Fail)
	}
}
