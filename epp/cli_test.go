package epp

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quorate/epp/eppcli"
	"quorate/transport/pki"
)

// endpointsFile describes a server as the development cluster does.
func endpointsFile(t *testing.T, s *testServer) string {
	t.Helper()
	p, dir := testCredentials(t), t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	if err := p.ca.Save(file("ca.pem"), file("ca.key")); err != nil {
		t.Fatal(err)
	}
	type object map[string]any
	var registrars []object
	for _, id := range []string{"reg1", "reg2"} {
		if err := pki.Save(p.clients[id], file(id+".pem"), file(id+".key")); err != nil {
			t.Fatal(err)
		}
		registrars = append(registrars, object{"id": id, "password": testPassword, "cert": file(id + ".pem"), "key": file(id + ".key")})
	}
	b := must(json.Marshal(object{
		"tld": "example", "ca": file("ca.pem"), "registrars": registrars, "operator": object{"name": "ops"},
		"sites": []object{{"name": "a", "pid": 1, "epp": s.addr, "whois": "127.0.0.1:1"}, {"name": "b", "epp": "127.0.0.1:1"}},
	}))
	if err := os.WriteFile(file("endpoints.json"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	return file("endpoints.json")
}

// epp runs "quorate epp" with these words.
func runCLI(stdin string, words ...string) (stdout, stderr string, err error) {
	var out, errs bytes.Buffer
	cmd := eppcli.Command()
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.SetArgs(words)
	cmd.SetIn(strings.NewReader(stdin))
	cmd.SetOut(&out)
	cmd.SetErr(&errs)
	err = cmd.Execute()
	return out.String(), errs.String(), err
}

func TestCLI(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	endpoints := endpointsFile(t, s)
	for _, row := range []struct {
		line string
		want string // the output, or with "error: " the error
	}{
		{"hello", "epp.test.example at " + s.addr},
		{"check domain cli.example nic.example", "cli.example is available\nnic.example is not available: the name is reserved\n"},
		{"create contact jd1234 --auth 2fooBAR", "contact jd1234 is created\n"},
		{"create contact jd1234", `error: EPP 2302: Object exists; id "jd1234": the contact exists`},
		{"create contact xx", "error: EPP 2001: Command syntax error"},
		{"create host ns1.elsewhere.test", "host ns1.elsewhere.test is created\n"},
		{"create domain cli.example --registrant jd1234 --admin jd1234 --tech jd1234 --ns ns1.elsewhere.test --years 2 --auth s3cret", "domain cli.example is registered until 2028-03-01 12:00:00 UTC\n"},
		{"create host ns1.cli.example --addr 192.0.2.1,2001:db8::1", "host ns1.cli.example is created\n"},
		{"create host ns2.cli.example --addr nonsense", "error: --addr: ParseAddr"},
		{"info domain cli.example", "domain cli.example\n"},
		{"info domain cli.example", "  admin        jd1234\n  tech         jd1234\n  hosts        ns1.elsewhere.test\n  subordinate  ns1.cli.example\n  authInfo     s3cret\n"},
		{"info domain cli.example --registrar reg2 --hosts none", "  expires      2028-03-01 12:00:00 UTC\n  registrant   jd1234\n  admin        jd1234\n  tech         jd1234\n"},
		{"info domain cli.example --registrar reg2 --auth wrong", "error: EPP 2202"},
		{"info contact jd1234", "  address (int) Jo Doe, 1 Main Street, Anytown, US\n"},
		{"info contact jd1234 --registrar reg2", "error: EPP 2201"},
		{"info host ns1.cli.example --registrar reg2", "  addresses    2001:db8::1, 192.0.2.1\n"},
		{"info domain none.example --json", "error: EPP 2303"},
		{"check host ns1.cli.example", "ns1.cli.example is not available: In use\n"},
		{"check contact jd1234 jd9999", "jd9999 is available\n"},
		{"update domain cli.example --add-status clientHold --rem-ns ns1.elsewhere.test", "domain cli.example is changed (1000 Command completed successfully)\n"},
		{"update domain cli.example --add-status clientHold", "error: EPP 2306"},
		{"update domain cli.example --rem-status clientHold --rem-tech jd1234 --add-billing jd1234 --auth=", "domain cli.example is changed"},
		{"info domain cli.example", "  admin        jd1234\n  billing      jd1234\n  subordinate  ns1.cli.example\n"},
		{"renew domain cli.example --years 3", "domain cli.example is registered until 2031-03-01 12:00:00 UTC\n"},
		{"renew domain cli.example --current 2028-03-01", "error: EPP 2306"},
		{"renew domain cli.example --current soon", `error: --current: "soon" is not a date like 2026-03-01`},
		{"delete host ns1.cli.example", "host ns1.cli.example is deleted (1000 Command completed successfully)\n"},
		{"delete domain cli.example", "domain cli.example is deleted (1000"},
		{"delete contact jd1234", "contact jd1234 is deleted (1000"},
		{"create domain moves.tld --auth s3cret", "domain moves.tld is registered"},
		{"transfer domain moves.tld --op request", "error: EPP 2003"},
		{"transfer domain moves.tld", "error: EPP 2301"},
		{"transfer domain moves.tld --op request --auth s3cret --years 2 --registrar reg2", "transfer of domain moves.tld: pending\n  requested    2026-03-01 12:00:00 UTC by reg2\n  waits for    reg1 until 2026-03-06 12:00:00 UTC\n  expires      2029-03-01 12:00:00 UTC\n"},
		{"transfer domain moves.tld --op approve", "transfer of domain moves.tld: clientApproved\n  requested    2026-03-01 12:00:00 UTC by reg2\n  ended        2026-03-01 12:00:00 UTC by reg1\n"},
		{"poll --registrar reg2", "(1 in the queue): Transfer approved.\n  object       moves.tld\n  transfer     clientApproved\n"},
		{"poll --registrar reg2 --ack 1", "error: EPP 2303"},
		{"poll --all", "(1 in the queue): Transfer approved.\n"},
		{"poll", "no messages\n"},
		{"check domain a.example --site nowhere", "error: " + endpoints + " has no site nowhere; it has: a, b"},
		{"check domain a.example --registrar nobody", "error: " + endpoints + " has no registrar nobody; it has: reg1, reg2"},
		{"check domain a.example --site b", "error: connecting to EPP at 127.0.0.1:1"},
		{"check domain a.example --password wrong-1", "error: login as reg1: EPP 2200: Authentication error"},
		{"check domain a.example --clid reg2", "a.example is available\n"},
	} {
		out, _, err := runCLI("", append(strings.Fields(row.line), "--endpoints", endpoints)...)
		if want, fails := strings.CutPrefix(row.want, "error: "); fails {
			if err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%s: %v; want %s", row.line, err, want)
			}
		} else if err != nil || !strings.Contains(out, row.want) {
			t.Errorf("%s: %v\n%s\nwant\n%s", row.line, err, out, row.want)
		}
	}
}

func TestCLIFlags(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	endpoints := endpointsFile(t, s)
	dir := filepath.Dir(endpoints)
	file := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(file("password"), []byte(testPassword+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	// A server that no file describes.
	out, _, err := runCLI("", "check", "domain", "a.tld", "--endpoints", "/none", "--addr", s.addr, "--ca", file("ca.pem"),
		"--cert", file("reg2.pem"), "--key", file("reg2.key"), "--clid", "reg2", "--password-file", file("password"))
	if err != nil || out != "a.tld is available\n" {
		t.Errorf("%q, %v", out, err)
	}
	_, _, err = runCLI("", "hello", "--endpoints", "/none")
	if err == nil || !strings.Contains(err.Error(), "make run") {
		t.Errorf("without a file: %v", err)
	}

	out, _, err = runCLI("", "check", "domain", "a.tld", "--json", "--endpoints", endpoints)
	var all []struct {
		Name      string
		Available bool
	}
	if err := json.Unmarshal([]byte(out), &all); err != nil || len(all) != 1 || all[0].Name != "a.tld" || !all[0].Available {
		t.Errorf("%s: %v", out, err)
	}
	if err != nil {
		t.Error(err)
	}
	out, _, err = runCLI("", "info", "domain", "a.tld", "--json", "--endpoints", endpoints)
	if err == nil || !strings.Contains(out, `"code": 2303`) {
		t.Errorf("a refusal as JSON: %s, %v", out, err)
	}

	out, traced, err := runCLI("", "check", "domain", "a.tld", "--xml", "--endpoints", endpoints)
	if err != nil || out != "a.tld is available\n" || !strings.Contains(traced, "C: <?xml") || !strings.Contains(traced, `S: <?xml`) || !strings.Contains(traced, `avail="1"`) {
		t.Errorf("%s\n%s\n%v", out, traced, err)
	}
	if strings.Contains(traced, testPassword) {
		t.Error("the trace shows the password")
	}
}

func TestCLIRaw(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	endpoints := endpointsFile(t, s)
	check := commandDoc(`<check><domain:check xmlns:domain="` + nsDomain + `"><domain:name>a.tld</domain:name></domain:check></check>`)
	hello := `<epp xmlns="` + nsEPP + `"><hello/></epp>`
	for _, row := range []struct {
		what, stdin string
		flags       string
		answers     int
		failed      string
	}{
		{"one", check, "", 1, ""},
		{"several", check + "\n" + hello + "\n\n" + check + "\n", "", 3, ""},
		{"own login", loginDoc() + check, "", 2, ""},
		{"no login", hello + check, "--no-login", 2, "document 2 was answered 2002"},
		{"refused", check + commandDoc("<frob/>") + check, "", 3, "document 2 was answered 2000"},
		{"no XML", "hello", "", 1, "document 1 was answered 2001"},
		{"after the end", commandDoc("<logout/>") + check, "", 1, "document 2: "},
		{"nothing", " \n", "", 0, "- is empty"},
	} {
		out, _, err := runCLI(row.stdin, append(strings.Fields("raw - --endpoints "+endpoints), strings.Fields(row.flags)...)...)
		if got := strings.Count(out, "<?xml"); got != row.answers {
			t.Errorf("%s: %d answers; want %d\n%s", row.what, got, row.answers, out)
		}
		if row.failed == "" && err != nil || row.failed != "" && (err == nil || !strings.HasPrefix(err.Error(), row.failed)) {
			t.Errorf("%s: %v; want %s", row.what, err, row.failed)
		}
	}
	_, _, err := runCLI("", "raw", "/none.xml", "--endpoints", endpoints)
	if !os.IsNotExist(err) {
		t.Errorf("a file that isn't there: %v", err)
	}
}

// Every subcommand that does something says so, and the examples are commands that there are.
func TestCLIHelp(t *testing.T) {
	t.Parallel()
	root := eppcli.Command()
	for line := range strings.Lines(root.Example) {
		words := strings.Fields(line)
		cmd, _, err := root.Find(words[2:])
		if err != nil || cmd == root {
			t.Errorf("%s: %v", line, err)
			continue
		}
		for _, w := range words {
			if name, ok := strings.CutPrefix(w, "--"); ok && cmd.Flags().Lookup(name) == nil && cmd.InheritedFlags().Lookup(name) == nil {
				t.Errorf("%s: no flag %s", line, w)
			}
		}
	}
	for _, cmd := range root.Commands() {
		if cmd.Short == "" || len(cmd.Commands()) == 0 && !cmd.Runnable() {
			t.Errorf("%s: %q", cmd.Use, cmd.Short)
		}
	}
}
