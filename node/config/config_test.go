package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/pelletier/go-toml/v2"
)

// required is the least that a node needs.
const required = `cluster = "test"
node = "n1"
data = "data"
kek = "kek"

[tls]
ca = "ca.pem"
certificate = "n1.pem"
key = "n1.key"

[transport]
listen = "127.0.0.1:7110"

[epp]
listen = "127.0.0.1:7170"
certificate = "server.pem"
key = "server.key"
client_ca = "ca.pem"

[whois]
listen = "127.0.0.1:7143"

[rdap]
listen = "127.0.0.1:7144"
certificate = "server.pem"
key = "server.key"
base_url = "https://rdap.test/"
terms_url = "https://rdap.test/terms"

[dns]
listen = ["127.0.0.1:7153"]

[admin]
listen = "127.0.0.1:7185"

[metrics]
listen = "127.0.0.1:7190"

[[peer]]
id = "n1"
site = "s1"
address = "127.0.0.1:7110"
`

// file writes a configuration and returns its path.
func file(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "node.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// load loads what must be a good configuration.
func load(t testing.TB, text string, environ ...string) Config {
	t.Helper()
	c, err := Load(file(t, text), environ)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// refused wants a configuration to be refused with each of these texts.
func refused(t testing.TB, text string, environ []string, wanted ...string) {
	t.Helper()
	_, err := Load(file(t, text), environ)
	if err == nil {
		t.Errorf("accepted; wanted %q", wanted)
		return
	}
	for _, want := range wanted {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %q; wanted %q", err, want)
		}
	}
}

// edit is the required configuration with a piece of text replaced, which must be there.
func edit(t testing.TB, old, by string) string {
	t.Helper()
	if !strings.Contains(required, old) {
		t.Fatalf("no %q to edit", old)
	}
	return strings.Replace(required, old, by, 1)
}

func TestWhatIsLeftOutHasItsDefault(t *testing.T) {
	t.Parallel()
	c := load(t, required)
	want := Default()
	for what, pair := range map[string][2]any{
		"repository": {c.Repository, want.Repository},
		"transport":  {c.Transport.Generation, want.Transport.Generation},
		"raft":       {c.Raft, want.Raft},
		"whois.rate": {c.WHOIS.Rate, want.WHOIS.Rate},
		"rdap.rate":  {c.RDAP.Rate, want.RDAP.Rate},
		"log":        {c.Log, want.Log},
		"epp":        {c.EPP.MaxSessions, want.EPP.MaxSessions},
		"site":       {c.Site, "n1"},
		"dns.nsid":   {c.DNS.NSID, "n1"},
		"bootstrap":  {c.Bootstrap, false},
	} {
		if !reflect.DeepEqual(pair[0], pair[1]) {
			t.Errorf("%s is %v, want %v", what, pair[0], pair[1])
		}
	}
}

func TestTheFileGoesBeforeTheDefault(t *testing.T) {
	t.Parallel()
	c := load(t, `site = "north"
bootstrap = true
`+edit(t, "[whois]\n", "[raft]\nheartbeat = \"1s\"\nin_flight = 7\n\n[whois]\nrate = -1\n"))
	if c.Site != "north" || !c.Bootstrap || c.Raft.Heartbeat != Duration(time.Second) || c.Raft.InFlight != 7 || c.WHOIS.Rate != -1 {
		t.Errorf("loaded as %+v", c)
	}
	if c.Raft.SnapshotLogs != Default().Raft.SnapshotLogs {
		t.Errorf("a table in the file took the defaults of its other settings: %+v", c.Raft)
	}
}

func TestRelativePathsAreFromTheFile(t *testing.T) {
	t.Parallel()
	path := file(t, edit(t, `kek = "kek"`, `kek = "/etc/quorate/kek"`))
	c, err := Load(path, []string{"QUORATE_TLS_KEY=../keys/n1.key"})
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Dir(path)
	for got, want := range map[string]string{
		c.Data:          filepath.Join(folder, "data"),
		c.KEK:           "/etc/quorate/kek",
		c.TLS.CA:        filepath.Join(folder, "ca.pem"),
		c.TLS.Key:       filepath.Join(filepath.Dir(folder), "keys", "n1.key"), // from the environment, too
		c.EPP.ClientCA:  filepath.Join(folder, "ca.pem"),
		c.RDAP.Key:      filepath.Join(folder, "server.key"),
		c.RDAP.BaseURL:  "https://rdap.test/",
		c.Admin.Listen:  "127.0.0.1:7185",
		c.EPP.Key:       filepath.Join(folder, "server.key"),
		c.DNS.Listen[0]: "127.0.0.1:7153",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestTheFileIsReadStrictly(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"unknown setting":       {edit(t, "[whois]\n", "[whois]\nrates = 5\n"), []string{"node.toml: line 21: unknown setting whois.rates"}},
		"unknown table":         {required + "\n[smtp]\nlisten = \":25\"\n", []string{"unknown setting smtp"}},
		"unknown part of peer":  {required + "weight = 3\n", []string{"unknown setting peer.weight"}},
		"setting named twice":   {edit(t, "[whois]\n", "[whois]\nrate = 5\nrate = 6\n"), []string{"line 22"}},
		"not TOML":              {"cluster = \n", []string{"line 1, column"}},
		"text for a number":     {edit(t, "[whois]\n", "[whois]\nrate = \"many\"\n"), []string{"line 21, column"}},
		"duration without unit": {edit(t, "[epp]\n", "[epp]\nidle_timeout = \"600\"\n"), []string{"missing unit"}},
		"negative duration":     {edit(t, "[epp]\n", "[epp]\nidle_timeout = \"-5m\"\n"), []string{`duration "-5m" is not positive`}},
		"no duration":           {edit(t, "[epp]\n", "[epp]\nlogin_timeout = \"0s\"\n"), []string{`duration "0s" is not positive`}},
		"table for a setting":   {required + "\n[node.x]\n", []string{"line 44"}},
		"negative size":         {edit(t, "[whois]\n", "[raft]\nsnapshot_logs = -1\n[whois]\n"), []string{"line 21, column"}},
	} {
		t.Run(name, func(t *testing.T) { refused(t, c.text, nil, c.want...) })
	}
}

func TestAMissingFile(t *testing.T) {
	t.Parallel()
	if _, err := Load(filepath.Join(t.TempDir(), "no.toml"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestTheEnvironmentGoesBeforeTheFile(t *testing.T) {
	t.Parallel()
	c := load(t, required,
		"QUORATE_NODE=n1", "QUORATE_SITE=east", // text
		"QUORATE_BOOTSTRAP=true",                           // truth
		"QUORATE_RAFT_IN_FLIGHT=99",                        // number
		"QUORATE_WHOIS_RATE=-1",                            // number below nought
		"QUORATE_TRANSPORT_GENERATION=18",                  // number without sign
		"QUORATE_RAFT_HEARTBEAT=400ms",                     // duration
		"QUORATE_DNS_LISTEN=192.0.2.1:53,[2001:db8::1]:53", // list
		"QUORATE_LOG_LEVEL=debug",
		"QUORATE_SHARED=/elsewhere", "QUORATE_ENDPOINTS=x.json", "quorate_log_format=json", "EPP_LISTEN=:1", "", // none of ours
	)
	for what, pair := range map[string][2]any{
		"site":                 {c.Site, "east"},
		"bootstrap":            {c.Bootstrap, true},
		"raft.in_flight":       {c.Raft.InFlight, 99},
		"whois.rate":           {c.WHOIS.Rate, -1},
		"transport.generation": {c.Transport.Generation, uint64(18)},
		"raft.heartbeat":       {c.Raft.Heartbeat, Duration(400 * time.Millisecond)},
		"dns.listen":           {c.DNS.Listen, []string{"192.0.2.1:53", "[2001:db8::1]:53"}},
		"log":                  {c.Log, Log{Level: "debug", Format: "text"}},
		"epp.listen":           {c.EPP.Listen, "127.0.0.1:7170"},
	} {
		if !reflect.DeepEqual(pair[0], pair[1]) {
			t.Errorf("%s is %v, want %v", what, pair[0], pair[1])
		}
	}
	// What the environment gives can also be all that there is.
	load(t, edit(t, "[metrics]\nlisten = \"127.0.0.1:7190\"\n", ""), "QUORATE_METRICS_LISTEN=127.0.0.1:7190")
}

func TestAWrongVariableIsNamed(t *testing.T) {
	t.Parallel()
	for _, variable := range []string{
		"QUORATE_BOOTSTRAP=perhaps", "QUORATE_RAFT_IN_FLIGHT=1.5", "QUORATE_TRANSPORT_GENERATION=-1",
		"QUORATE_RAFT_HEARTBEAT=250", "QUORATE_EPP_IDLE_TIMEOUT=-1s", "QUORATE_RDAP_RATE=",
	} {
		name, value, _ := strings.Cut(variable, "=")
		refused(t, required, []string{variable}, name+`="`+value+`"`)
	}
}

// Every setting that the file can have has a variable, and the variable reaches it.
func TestEverySettingHasAVariable(t *testing.T) {
	t.Parallel()
	for _, s := range Settings(&Config{}) {
		text := "7"
		switch s.value.Interface().(type) {
		case bool:
			text = "true"
		case Duration:
			text = "7s"
		}
		var c Config
		if err := override(&c, []string{s.Variable + "=" + text}); err != nil {
			t.Errorf("%s: %v", s.Variable, err)
		}
		for _, is := range Settings(&c) {
			if set := !is.value.IsZero(); set != (is.Key == s.Key) {
				t.Errorf("%s=%s: %s is set: %v", s.Variable, text, is.Key, set)
			}
		}
	}
}

func TestWhatIsChecked(t *testing.T) {
	t.Parallel()
	const peer = "[[peer]]\nid = \"n1\"\nsite = \"s1\"\naddress = \"127.0.0.1:7110\"\n"
	for name, c := range map[string]struct{ old, by, want string }{
		"cluster's name":      {`"test"`, `"Test"`, `cluster: "Test" is not 1 to 31 of a-z, 0-9 and hyphens`},
		"no cluster":          {`cluster = "test"`, ``, `cluster: "" is not`},
		"node's id":           {`node = "n1"`, `node = "n_1"`, `node: "n_1" is not`},
		"id with a hyphen":    {`node = "n1"`, `node = "-n1"`, `node: "-n1" is not`},
		"id too long":         {`node = "n1"`, `node = "` + strings.Repeat("n", 32) + `"`, `node: "nnn`},
		"site's name":         {`node = "n1"`, "node = \"n1\"\nsite = \"New York\"", `site: "New York" is not`},
		"no data":             {`data = "data"`, ``, "data is missing"},
		"no kek":              {`kek = "kek"`, ``, "kek is missing"},
		"no CA":               {`ca = "ca.pem"`, ``, "tls.ca is missing"},
		"no certificate":      {`certificate = "n1.pem"`, ``, "tls.certificate is missing"},
		"no key":              {`key = "n1.key"`, ``, "tls.key is missing"},
		"no EPP certificate":  {"certificate = \"server.pem\"\nkey = \"server.key\"\nclient_ca", "key = \"server.key\"\nclient_ca", "epp.certificate is missing"},
		"no EPP key":          {"key = \"server.key\"\nclient_ca", "client_ca", "epp.key is missing"},
		"no client CA":        {`client_ca = "ca.pem"`, ``, "epp.client_ca is missing"},
		"no RDAP certificate": {"certificate = \"server.pem\"\nkey = \"server.key\"\nbase_url", "key = \"server.key\"\nbase_url", "rdap.certificate is missing"},
		"no RDAP key":         {"key = \"server.key\"\nbase_url", "base_url", "rdap.key is missing"},
		"transport":           {`listen = "127.0.0.1:7110"`, ``, `transport.listen: "" is not host:port`},
		"EPP":                 {`"127.0.0.1:7170"`, `"700"`, `epp.listen: "700" is not host:port`},
		"WHOIS":               {`"127.0.0.1:7143"`, `"::1:43"`, `whois.listen: "::1:43" is not host:port`},
		"RDAP":                {`"127.0.0.1:7144"`, `"localhost"`, `rdap.listen: "localhost" is not host:port`},
		"admin":               {`"127.0.0.1:7185"`, `""`, `admin.listen: "" is not host:port`},
		"metrics":             {`"127.0.0.1:7190"`, `""`, `metrics.listen: "" is not host:port`},
		"DNS":                 {`listen = ["127.0.0.1:7153"]`, ``, "dns.listen is missing"},
		"WHOIS rate":          {"[whois]\n", "[whois]\nrate = 0\n", "whois.rate and rdap.rate are not nought"},
		"RDAP rate":           {"[rdap]\n", "[rdap]\nrate = 0\n", "whois.rate and rdap.rate are not nought"},
		"in flight":           {"[whois]\n", "[raft]\nin_flight = 0\n[whois]\n", "raft.in_flight, raft.snapshot_logs, epp.max_sessions, epp.max_sessions_by_registrar and epp.handshake_rate are at least 1"},
		"an address of DNS":   {`"127.0.0.1:7153"`, `"127.0.0.1"`, `dns.listen: "127.0.0.1" is not IP:port`},
		"DNS without an IP":   {`"127.0.0.1:7153"`, `":7153"`, `dns.listen: ":7153" is not IP:port`},
		"a port too large":    {`"127.0.0.1:7170"`, `"127.0.0.1:70000"`, `epp.listen: "127.0.0.1:70000" is not host:port`},
		"a port below nought": {`"127.0.0.1:7143"`, `"127.0.0.1:-1"`, `whois.listen: "127.0.0.1:-1" is not host:port`},
		"no port":             {`"127.0.0.1:7190"`, `"127.0.0.1:"`, `metrics.listen: "127.0.0.1:" is not host:port`},
		"a DNS port":          {`"127.0.0.1:7153"`, `"127.0.0.1:70000"`, `dns.listen: "127.0.0.1:70000" is not IP:port`},
		"a peer's port":       {`address = "127.0.0.1:7110"`, `address = "127.0.0.1:70000"`, `peer n1: address "127.0.0.1:70000" is not host:port`},
		"RDAP's query":        {`base_url = "https://rdap.test/"`, `base_url = "https://rdap.test/?q=/"`, `rdap.base_url: "https://rdap.test/?q=/" has a query or a fragment`},
		"RDAP's URL":          {`base_url = "https://rdap.test/"`, `base_url = "rdap.test"`, `rdap.base_url: "rdap.test" is not a web address`},
		"RDAP's final slash":  {`base_url = "https://rdap.test/"`, `base_url = "https://rdap.test"`, `rdap.base_url: "https://rdap.test" does not end in a slash`},
		"RDAP's terms":        {`terms_url = "https://rdap.test/terms"`, ``, `rdap.terms_url: "" is not a web address`},
		"heartbeat":           {"[whois]\n", "[raft]\nheartbeat = \"1ms\"\n[whois]\n", "raft.heartbeat: 1ms is less than 50ms"},
		"a number of seconds": {"[epp]\n", "[epp]\nidle_timeout = 600\n", "epp.idle_timeout: 600ns is less than 1s"},
		"login timeout":       {"[epp]\n", "[epp]\nlogin_timeout = \"1ms\"\n", "epp.login_timeout: 1ms is less than 1s"},
		"trailing logs":       {"[whois]\n", "[raft]\ntrailing_logs = 100\n[whois]\n", "raft.trailing_logs is at least 8192"},
		"snapshot logs":       {"[whois]\n", "[raft]\nsnapshot_logs = 0\n[whois]\n", "are at least 1"},
		"peer's dial":         {`address = "127.0.0.1:7110"`, "address = \"127.0.0.1:7110\"\ndial = \"n1\"", `peer n1: dial "n1" is not host:port`},
		"sessions":            {"[epp]\n", "[epp]\nmax_sessions = 0\n", "are at least 1"},
		"registrar's":         {"[epp]\n", "[epp]\nmax_sessions_by_registrar = -1\n", "are at least 1"},
		"no peers":            {peer, "", `node "n1" itself is not among the peers`},
		"not a peer itself":   {`id = "n1"`, `id = "n2"`, `node "n1" itself is not among the peers`},
		"peer's id":           {peer, peer + "[[peer]]\nid = \"\"\naddress = \"127.0.0.1:1\"\n", `peer "": ids are 1 to 31`},
		"the same peer twice": {peer, peer + peer, `peer "n1": ids are 1 to 31 of a-z, 0-9 and hyphens, each once`},
		"peer's address":      {`address = "127.0.0.1:7110"`, `address = "n1.test"`, `peer n1: address "n1.test" is not host:port`},
	} {
		t.Run(name, func(t *testing.T) { refused(t, edit(t, c.old, c.by), nil, "node.toml: ", c.want) })
	}
	// All that is wrong is told at once.
	refused(t, "", nil, "cluster: ", "data is missing", "tls.ca is missing", "epp.listen: ", "dns.listen is missing", "peer: ")
}

// Every identifier that the cluster ever gives out ends in it, and must keep to RFC 5730's schema.
func TestTheRepositoryOfANewCluster(t *testing.T) {
	t.Parallel()
	with := func(repository string, bootstrap bool) string {
		return fmt.Sprintf("repository = %q\nbootstrap = %v\n", repository, bootstrap) + required
	}
	for _, bad := range []string{"", "x y", "EXAMPLE-1", "EX_1", "NINECHARS", "a.b"} {
		refused(t, with(bad, true), nil, fmt.Sprintf("repository: %q is not 1 to 8 letters and digits", bad))
		load(t, with(bad, false)) // of a cluster that has begun long ago
	}
	for _, good := range []string{"A", "QUORATE", "EXAMPLE1", "пример"} {
		load(t, with(good, true))
	}
}

// FuzzLoad: no text makes Load panic, and what it accepts is accepted again, as the same, when it is written out.
func FuzzLoad(f *testing.F) {
	f.Add(required, "")
	f.Add(required+"site = \"s1\"\ndial = \"[::1]:7110\"\n", "QUORATE_DNS_LISTEN=127.0.0.1:53,:53")
	f.Add("cluster = 'test'\n[whois]\nrates = 1\n", "QUORATE_WHOIS_RATE=x")
	f.Add("[[peer]]\n[[peer]]\n", "QUORATE_RAFT_HEARTBEAT=1h")
	f.Add("[raft]\nheartbeat = 250\nsnapshot_logs = -1\n", "=")
	f.Add("\xff\x00[", "QUORATE_BOOTSTRAP")
	path := file(f, "") // one for each worker: what a test does besides only slows the search down
	loadText := func(t *testing.T, text string, environ ...string) (Config, error) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return Load(path, environ)
	}
	f.Fuzz(func(t *testing.T, text, variable string) {
		c, err := loadText(t, text, variable)
		if err != nil {
			return
		}
		if !filepath.IsAbs(c.Data) || !filepath.IsAbs(c.TLS.Key) {
			t.Errorf("relative paths: %q, %q", c.Data, c.TLS.Key)
		}
		written, err := toml.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		again, err := loadText(t, string(written))
		if err != nil {
			t.Fatalf("written out it is refused: %v\n%s", err, written)
		}
		if !reflect.DeepEqual(c, again) {
			t.Errorf("%+v\nis read again as\n%+v", c, again)
		}
	})
}
