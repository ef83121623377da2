package nodecli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"quorate/fsm"
	"quorate/node/admin"
	"quorate/node/admin/admintest"
	"quorate/transport/pki"
)

func TestTLDCommands(t *testing.T) {
	t.Parallel()
	_, at := start(t)
	described := `
TLD                   example
Model                 thick
Name servers are      objects
Create price          8.00 USD a year
Renew price           8.00 USD a year
Longest registration  10 years
Add grace             120h
Renew grace           120h
Auto-renew grace      1080h
Delete delay          840h
Reserved              nic, rdds, whois, www
Name server           ns1.nic.example 192.0.2.1 2001:db8::1
Name server           ns2.elsewhere
Primary server        ns1.nic.example
Mailbox               hostmaster.nic.example
SOA timers            refresh 900, retry 300, expire 1209600, minimum 900
Times to live         apex 3600, delegations 3600, glue 3600
Delegations           secured by dsData, at most 8; lifetime of signatures at most 7776000 s
Serial                1
Created               2026-01-01T00:00:01.000Z
`
	same(t, must(t, at(createExample)...), described)
	same(t, must(t, at("tld show EXAMPLE --site site3")...), described)
	must(t, at("tld create shop --thin --currency JPY --create-price 900 --renew-price 800 --max-years 2 --add-grace 1h --reserved a,b --ns ns.elsewhere --mname m.elsewhere --rname r.elsewhere --refresh 1 --retry 2 --expire 9 --minimum 4 --ttl-apex 5 --ttl-delegation 6 --ttl-glue 7 --serial 41")...)
	var shop admin.TLD
	if err := json.Unmarshal([]byte(must(t, at("tld show shop --json --local")...)), &shop); err != nil {
		t.Fatal(err)
	}
	if shop.Model != "thin" || shop.CreatePrice != "900" || shop.MaxYears != 2 || shop.AddGrace != "1h" || strings.Join(shop.Reserved, " ") != "a b" || shop.Serial != 42 ||
		shop.SOA != (admin.SOA{MName: "m.elsewhere", RName: "r.elsewhere", Refresh: 1, Retry: 2, Expire: 9, Minimum: 4}) || shop.TTL != (admin.TTL{Apex: 5, Delegation: 6, Glue: 7}) {
		t.Errorf("got %+v", shop)
	}
	same(t, must(t, at("tld list")...), `
TLD      MODEL  CREATE    RENEW     SERIAL  CREATED
example  thick  8.00 USD  8.00 USD  1       2026-01-01T00:00:01.000Z
shop     thin   900 JPY   800 JPY   42      2026-01-01T00:00:03.000Z
`)
	must(t, append(at("tld create bare --ns ns.elsewhere"), "--reserved", "")...)
	if out := must(t, at("tld show bare")...); strings.Contains(out, "Reserved") {
		t.Errorf("nothing was to be reserved:\n%s", out)
	}
}

// certificateFile makes a registrar's certificate and returns its file and fingerprint.
func certificateFile(t *testing.T, c *admintest.Cluster, id string) (file, fingerprint string) {
	t.Helper()
	certificate, err := c.CA.IssueRegistrar(id, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), id+".pem")
	if err := pki.Save(certificate, file, file+".key"); err != nil {
		t.Fatal(err)
	}
	return file, pki.Fingerprint(certificate.Leaf)
}

func TestRegistrarCommands(t *testing.T) {
	t.Parallel()
	c, at := start(t)
	file, fingerprint := certificateFile(t, c, "reg1")
	secret := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(secret, []byte("secret-1\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	described := `
Registrar    reg1
Name         First AB
IANA id      9995
URL          https://reg1.test/
WHOIS        whois.reg1.test
RDAP         https://rdap.reg1.test/
Abuse        abuse@reg1.test +46.855500100
Contact      hi@reg1.test +46.855500101
Address      Storgatan 1, 211 11 Lund, Skåne, SE
Certificate  ` + fingerprint + `
Balance      1000.00 USD (credit limit 0.00)
Created      2026-01-01T00:00:01.000Z
`
	args := at("registrar create reg1 --iana 9995 --url https://reg1.test/ --whois whois.reg1.test --rdap https://rdap.reg1.test/ " +
		"--abuse-email abuse@reg1.test --abuse-phone +46.855500100 --email hi@reg1.test --voice +46.855500101 --city Lund --province Skåne --country SE --deposit 1000")
	same(t, must(t, append(args, "--name", "First AB", "--street", "Storgatan 1", "--postal-code", "211 11", "--client-cert", file, "--password-file", secret)...), described)
	same(t, must(t, at("registrar show reg1")...), described)
	must(t, at("registrar fund reg1 500.50 --cltrid invoice-17")...)
	if out := must(t, at("registrar fund reg1 --credit-limit 20")...); !strings.Contains(out, "1500.50 USD (credit limit 20.00)") {
		t.Errorf("got\n%s", out)
	}
	same(t, must(t, at("registrar list")...), `
ID    NAME      IANA  BALANCE      CREATED
reg1  First AB  9995  1500.50 USD  2026-01-01T00:00:01.000Z
`)
	same(t, must(t, at("registrar ledger reg1 --limit 1")...), `
NUMBER  TIME                      AMOUNT      BALANCE      WHY      OBJECT
2       2026-01-01T00:00:03.000Z  500.50 USD  1500.50 USD  deposit  -
`)
	same(t, must(t, at("history --cltrid invoice-17")...), `
INDEX  TIME                      ACTOR  EVENT           OBJECT  CLTRID      SVTRID
3      2026-01-01T00:00:03.000Z  ops    registrar:fund  reg1    invoice-17  site1-1-3
`)
	if out := must(t, at("history --from 2 --limit 1 --json")...); !strings.Contains(out, `"index": 2`) || strings.Contains(out, `"index": 3`) {
		t.Errorf("got\n%s", out)
	}
	if out := must(t, at("history")...); strings.Count(out, "\n") != 5 {
		t.Errorf("got\n%s", out)
	}
}

func TestPasswords(t *testing.T) {
	t.Parallel()
	c, at := start(t)
	file, _ := certificateFile(t, c, "reg1")
	passwordOf := func(id string) (hash string) {
		err := c.Nodes[0].View(t.Context(), fsm.Local, 0, func(v fsm.View) error {
			r, _ := v.Registrar(id)
			hash = r.Password
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return hash
	}
	out, _, err := run(t, "from stdin\n", at("registrar create reg1 --name x --password-stdin --client-cert "+file)...)
	if err != nil || passwordOf("reg1") != "hash of from stdin" || strings.Contains(out, "from stdin") {
		t.Errorf("got %v, %q\n%s", err, passwordOf("reg1"), out)
	}
	out, note, err := run(t, "", at("registrar create reg2 --name x --generate-password")...)
	made := regexp.MustCompile(`Password +([A-Z2-7]{16})\n`).FindStringSubmatch(out)
	if err != nil || made == nil || passwordOf("reg2") != "hash of "+made[1] || note != "reg2 has no certificate, so it can't log in over EPP.\n" {
		t.Errorf("got %v, %q, %q\n%s", err, passwordOf("reg2"), note, out)
	}
	// The password that was made up is shown even when the deposit then fails: it can't be asked for again.
	out, _, err = run(t, "", at("registrar create reg3 --name x --generate-password --deposit 1 --currency UDS")...)
	made = regexp.MustCompile(`Password +([A-Z2-7]{16})\n`).FindStringSubmatch(out)
	if err == nil || !strings.Contains(err.Error(), "reg3 was created; its deposit failed") || made == nil || passwordOf("reg3") != "hash of "+made[1] {
		t.Errorf("got %v, %q\n%s", err, passwordOf("reg3"), out)
	}
	c.Nodes[0].Break(admintest.Fault{Execute: fsm.ErrOutcomeUnknown})
	_, note, err = run(t, "", at("registrar create reg4 --name x --generate-password")...)
	if err == nil || !regexp.MustCompile(`^If reg4 was created, its password is [A-Z2-7]{16}\n$`).MatchString(note) {
		t.Errorf("got %v, %q", err, note)
	}
}

func TestMistakesAreOneClearLine(t *testing.T) {
	t.Parallel()
	c, at := start(t)
	must(t, at(createExample)...)
	file, _ := certificateFile(t, c, "reg1")
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, q := range []struct {
		args []string
		want string
	}{
		{at(createExample), `name "example": the TLD exists (2302)`},
		{at("tld create test"), "nameservers: a zone has at least one name server (2003)"},
		{at("tld create test --ns ns1.nic.test"), `nameservers "ns1.nic.test": the name server is in the zone, so its addresses are needed (2003)`},
		{at("tld create test --ns ns1.nic.test=x"), `nameservers "x": not an IPv4 or IPv6 address (2005)`},
		{at("tld create test --ns ns1.other --create-price 1,50"), `create_price: "1,50" is not an amount such as 8.00 (2005)`},
		{at("tld show none"), `name "none": there is no such TLD (2303)`},
		{at("tld show"), "accepts 1 arg(s), received 0"},
		{at("tld open test"), `unknown command "open" for "quorate tld"`},
		{at("registrar show none"), `id "none": there is no such registrar (2303)`},
		{at("registrar fund none 5"), `id "none": there is no such registrar (2303)`},
		{at("registrar fund none"), "amount: there is neither an amount nor a credit limit (2003)"},
		{at("registrar create reg1 --name x"), "at least one of the flags in the group [password-file password-stdin generate-password] is required"},
		{at("registrar create reg1 --name x --password-stdin"), "the password is empty"},
		{at("registrar create reg1 --name x --password-file " + empty), "the password is empty"},
		{at("registrar create reg1 --name x --password-file /none/file"), "the password: open /none/file: no such file or directory"},
		{at("registrar create reg1 --name x --generate-password --client-cert " + empty), empty + ": no certificate in PEM form in it"},
		{at("registrar create reg1 --name x --generate-password --client-cert " + file + ".key"), file + ".key: no certificate in PEM form in it"},
		{at("history --limit 0x10001"), `limit "65537": a limit is 1 to 10000 (2004)`},
		{at("status --site site9"), `there is no site "site9"; there are: site1, site2, site3`},
		{[]string{"status", "--endpoints", "/none/e.json"}, "there is no /none/e.json: start the development cluster with make run, or name another file or a node: file does not exist"},
		{[]string{"status", "--admin", "https://127.0.0.1:1"}, "--admin needs --ca, --cert and --key"},
		{at("status --admin https://127.0.0.1:1 --ca a --cert b --key c"), "--admin names the node; --site and --endpoints are of no use with it"},
		{at("status --ca " + empty), "the cluster's CA: " + empty + ": no certificate in PEM form in it"},
		{at("status --cert " + file + " --key /none.key"), "the operator's certificate: open /none.key: no such file or directory"},
		{at("tld list --cert " + file + " --key " + file + ".key"), "an operator's certificate is needed: this is quorate://test/registrar/reg1's"},
	} {
		out, _, err := run(t, "", q.args...)
		if err == nil || !strings.HasPrefix(err.Error(), q.want) || out != "" {
			t.Errorf("quorate %s:\ngot  %v\nwant %s\nand no output: %s", strings.Join(q.args, " "), err, q.want, out)
		}
	}
}

func TestAnotherSiteIsAsked(t *testing.T) {
	t.Parallel()
	c, at := start(t)
	// The first is gone, and the second certainly didn't do it.
	c.Nodes[0].Stop()
	c.Nodes[1].Break(admintest.Fault{Execute: fsm.ErrNotLogged})
	must(t, at(createExample)...)
	// None can: each says why.
	c.Nodes[2].Break(admintest.Fault{Execute: fsm.ErrNotLogged, View: fsm.ErrUnavailable})
	_, _, err := run(t, "", at("registrar fund reg1 1")...)
	if err == nil || !strings.HasPrefix(err.Error(), "site1: https://") || !strings.Contains(err.Error(), "; site2: the cluster can't take commands now") || !strings.Contains(err.Error(), "; site3: the cluster") {
		t.Errorf("got %v", err)
	}
	// What may have been done is never done again.
	c.Nodes[1].Break(admintest.Fault{Execute: fsm.ErrOutcomeUnknown})
	c.Nodes[2].Break(admintest.Fault{})
	if _, _, err := run(t, "", at("tld create test --ns ns.elsewhere")...); err == nil || !strings.Contains(err.Error(), "the outcome is unknown") {
		t.Errorf("got %v", err)
	}
	if _, _, err := run(t, "", at("tld show test --site site3")...); err == nil {
		t.Error("the command went on to the third site")
	}
}

func TestNodeByURL(t *testing.T) {
	t.Parallel()
	c, at := start(t)
	must(t, at(createExample)...)
	dir := filepath.Dir(at("")[len(at(""))-1])
	args := []string{"tld", "list", "--admin", c.Nodes[1].URL, "--ca", filepath.Join(dir, "ca.pem"), "--cert", filepath.Join(dir, "ops.pem"), "--key", filepath.Join(dir, "ops.key")}
	if out := must(t, args...); !strings.Contains(out, "example") {
		t.Errorf("got\n%s", out)
	}
	c.Nodes[1].Stop()
	_, _, err := run(t, "", args...)
	if err == nil || !strings.HasPrefix(err.Error(), c.Nodes[1].URL+": dial tcp") {
		t.Errorf("got %v", err)
	}
}

func TestLeadershipTransfer(t *testing.T) {
	t.Parallel()
	c, at := start(t)
	same(t, must(t, at("leadership transfer")...), "site2 leads now.\n")
	same(t, must(t, at("leadership transfer --json")...), "{\n  \"leader\": \"site3\"\n}\n")
	c.Nodes[0].Break(admintest.Fault{Alter: func(s *admin.Status) { s.Leader = "" }})
	same(t, must(t, at("leadership transfer")...), "The leader has handed over; who leads now is not known here yet.\n")
	for _, n := range c.Nodes {
		n.Break(admintest.Fault{Transfer: fsm.ErrUnavailable})
	}
	if _, _, err := run(t, "", at("leadership transfer")...); err == nil || !strings.HasPrefix(err.Error(), "site1: leadership can't move now") {
		t.Errorf("got %v", err)
	}
}

func TestIncidents(t *testing.T) {
	t.Parallel()
	_, at := start(t)
	same(t, must(t, at("incidents")...), "No incidents.\n")
	same(t, must(t, at("incidents --json")...), "[]\n")
}

// Programs rely on it: the JSON of every command is one value of the API's type.
func TestJSONEverywhere(t *testing.T) {
	t.Parallel()
	c, at := start(t)
	found(t, c)
	file, _ := certificateFile(t, c, "reg1")
	for _, line := range []string{
		createExample, "tld show example", "tld list", "registrar create reg1 --name x --generate-password --client-cert " + file, "registrar fund reg1 5",
		"registrar show reg1", "registrar list", "registrar ledger reg1", "history", "incidents", "status", "leadership transfer", "level", "level raise", "audit",
	} {
		if out := must(t, at(line+" --json")...); !json.Valid([]byte(out)) {
			t.Errorf("%s: not JSON: %s", line, out)
		}
	}
}
