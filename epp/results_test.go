package epp

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"quorate/epp/client"
	"quorate/fsm"
	"quorate/fsm/registry"
)

// produced is what the servers of all tests have answered: command → codes.
var produced = struct {
	sync.Mutex
	codes map[string]map[registry.Code]bool
}{codes: map[string]map[registry.Code]bool{}}

// noteResults notes what a server has answered.
func noteResults(t testing.TB, s *Server) {
	all := make(chan prometheus.Metric)
	go func() {
		s.metrics.commands.Collect(all)
		close(all)
	}()
	produced.Lock()
	defer produced.Unlock()
	for m := range all {
		var one dto.Metric
		if err := m.Write(&one); err != nil {
			t.Error(err)
			continue
		}
		labels := map[string]string{}
		for _, l := range one.GetLabel() {
			labels[l.GetName()] = l.GetValue()
		}
		code, err := strconv.ParseUint(labels["code"], 10, 16)
		if err != nil {
			t.Error(err)
		}
		if produced.codes[labels["command"]] == nil {
			produced.codes[labels["command"]] = map[registry.Code]bool{}
		}
		produced.codes[labels["command"]][registry.Code(code)] = true
	}
}

// allowed are the codes that a command may be answered with; whole says that each must be produced by some test.
func allowed(command string) (codes []registry.Code, whole bool) {
	own, listed := results[command]
	switch {
	case !listed && command == "hello":
		return []registry.Code{registry.Success, registry.CommandSyntax}, false
	case !listed && command == "unknown":
		return []registry.Code{registry.UnknownCommand, registry.CommandSyntax, registry.UnimplementedExtension}, false
	case !listed && strings.HasPrefix(command, "other:"):
		return sharedResults, false
	case !listed: // no such command for these objects, or a transfer whose op isn't known
		return append(slices.Clone(sharedResults), registry.UnimplementedCommand), false
	case strings.Contains(command, ":"):
		return append(slices.Clone(own), sharedResults...), true
	}
	return own, true
}

// checkResults holds what was answered in all tests against the table of results, both ways: what the
// table has that no test produces, and what a test produced that the table doesn't have. It is for whole runs.
func checkResults() error {
	for _, f := range []string{"test.run", "test.skip", "test.fuzz", "test.bench", "test.list"} {
		if flag.Lookup(f).Value.String() != "" {
			return nil
		}
	}
	produced.Lock()
	defer produced.Unlock()
	var wrong []string
	for command, codes := range produced.codes {
		may, _ := allowed(command)
		for code := range codes {
			if code != 0 && !slices.Contains(may, code) && !slices.Contains(endingResults, code) { // 0: no answer
				wrong = append(wrong, fmt.Sprintf("%s was answered %d, which results does not have", command, code))
			}
		}
	}
	for command := range results {
		must, _ := allowed(command)
		for _, code := range must {
			if !produced.codes[command][code] {
				wrong = append(wrong, fmt.Sprintf("%s can be answered %d, and no test shows it", command, code))
			}
		}
	}
	for _, code := range endingResults {
		if !slices.ContainsFunc(slices.Collect(maps.Values(produced.codes)), func(codes map[registry.Code]bool) bool { return codes[code] }) {
			wrong = append(wrong, fmt.Sprintf("any command can be answered %d, and no test shows it", code))
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	slices.Sort(wrong)
	return fmt.Errorf("results (epp/results.go) and tests differ:\n%s", strings.Join(wrong, "\n"))
}

// Every command on an object is in the table.
func TestEveryCommandHasResults(t *testing.T) {
	t.Parallel()
	for op := range operations {
		if label := prefixes[op.Space] + ":" + op.Verb; len(results[label]) == 0 {
			t.Errorf("%s is not in the table", label)
		}
	}
	for command, codes := range results {
		prefix, verb, object := strings.Cut(command, ":")
		known := !object
		for op := range operations {
			known = known || prefixes[op.Space] == prefix && op.Verb == verb
		}
		if !known || !slices.IsSorted(codes) || len(slices.Compact(slices.Clone(codes))) != len(codes) {
			t.Errorf("%s: no such command, or codes not in order", command)
		}
	}
}

var writeResults = flag.Bool("results", false, "write docs/EPP_RESULTS.md anew")

// docs/EPP_RESULTS.md is the table of results.
func TestResultsAreDocumented(t *testing.T) {
	t.Parallel()
	file := filepath.Join("..", "docs", "EPP_RESULTS.md")
	want := resultsDocument()
	if *writeResults {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got := string(must(os.ReadFile(file))); got != want {
		t.Errorf("%s is stale: go test ./epp -run TestResultsAreDocumented -results", file)
	}
}

func resultsDocument() string {
	var b strings.Builder
	b.WriteString(`# EPP results

Which result codes each command can be answered with. This page is made of the table in ` + "`epp/results.go`" + `; each
pair in it is produced by a test, and no test produces another one.

`)
	list := func(codes []registry.Code) string {
		var all []string
		for _, c := range codes {
			all = append(all, strconv.Itoa(int(c)))
		}
		return strings.Join(all, ", ")
	}
	fmt.Fprintf(&b, "Every command on an object can also be answered %s. Any command but logout can meet %s, which end the session. "+
		"What isn't XML or no EPP is 2001, a command that EPP doesn't have 2000, one that EPP doesn't have for the object 2101; so is, while a "+
		"cluster is being upgraded, one that came with a [level](OPERATIONS.md#upgrading) to which the cluster has yet to rise.\n\n", list(sharedResults), list(endingResults))
	b.WriteString("| command | codes |\n|---|---|\n")
	for _, command := range slices.Sorted(maps.Keys(results)) {
		fmt.Fprintf(&b, "| `%s` | %s |\n", command, list(results[command]))
	}
	b.WriteString("\n| code | text |\n|---|---|\n")
	seen := append(append([]registry.Code{registry.UnknownCommand, registry.UnimplementedCommand}, sharedResults...), endingResults...)
	for _, codes := range results {
		seen = append(seen, codes...)
	}
	slices.Sort(seen)
	for _, c := range slices.Compact(seen) {
		fmt.Fprintf(&b, "| %d | %s |\n", c, c.Text())
	}
	return b.String()
}

// minimal is a valid element of each command on an object.
var minimal = map[string]string{
	"domain:check": `<domain:name>a.tld</domain:name>`, "domain:delete": `<domain:name>a.tld</domain:name>`, "domain:info": `<domain:name>a.tld</domain:name>`,
	"domain:create":          `<domain:name>a.tld</domain:name><domain:authInfo><domain:pw/></domain:authInfo>`,
	"domain:renew":           `<domain:name>a.tld</domain:name><domain:curExpDate>2027-03-01</domain:curExpDate>`,
	"domain:update":          `<domain:name>a.tld</domain:name><domain:add/>`,
	"domain:transfer-cancel": `<domain:name>a.tld</domain:name>`, "domain:transfer-query": `<domain:name>a.tld</domain:name>`,
	"domain:transfer-approve": `<domain:name>a.tld</domain:name>`, "domain:transfer-reject": `<domain:name>a.tld</domain:name>`,
	"domain:transfer-request": `<domain:name>a.tld</domain:name><domain:authInfo><domain:pw>x</domain:pw></domain:authInfo>`,
	"contact:check":           `<contact:id>jd1234</contact:id>`, "contact:delete": `<contact:id>jd1234</contact:id>`, "contact:info": `<contact:id>jd1234</contact:id>`,
	"contact:create": `<contact:id>jd1234</contact:id><contact:postalInfo type="int"><contact:name>Jo</contact:name><contact:addr><contact:city>X</contact:city><contact:cc>DE</contact:cc></contact:addr></contact:postalInfo>` +
		`<contact:email>jo@mail.test</contact:email><contact:authInfo><contact:pw/></contact:authInfo>`,
	"contact:update":          `<contact:id>jd1234</contact:id><contact:add/>`,
	"contact:transfer-cancel": `<contact:id>jd1234</contact:id>`, "contact:transfer-query": `<contact:id>jd1234</contact:id>`,
	"contact:transfer-approve": `<contact:id>jd1234</contact:id>`, "contact:transfer-reject": `<contact:id>jd1234</contact:id>`,
	"contact:transfer-request": `<contact:id>jd1234</contact:id><contact:authInfo><contact:pw>x</contact:pw></contact:authInfo>`,
	"host:check":               `<host:name>ns1.a.tld</host:name>`, "host:delete": `<host:name>ns1.a.tld</host:name>`, "host:info": `<host:name>ns1.a.tld</host:name>`,
	"host:create": `<host:name>ns1.elsewhere.test</host:name>`, "host:update": `<host:name>ns1.a.tld</host:name><host:add/>`,
}

// objectDoc is a command on an object, by its label, with this content and what follows the verb.
func objectDoc(label, inner, after string) string {
	prefix, verb, _ := strings.Cut(label, ":")
	open := verb
	if base, op, ok := strings.Cut(verb, "-"); ok {
		verb, open = base, base+` op="`+op+`"`
	}
	space := map[string]string{"domain": nsDomain, "contact": nsContact, "host": nsHost}[prefix]
	return commandDoc(`<` + open + `><` + prefix + `:` + verb + ` xmlns:` + prefix + `="` + space + `">` + inner + `</` + prefix + `:` + verb + `></` + verb + `>` + after)
}

// What every command on an object can meet, with each of them.
func TestSharedResults(t *testing.T) {
	t.Parallel()
	s, down := newServer(t, nil), newServer(t, nil)
	c, early, out := s.login(t, "reg1"), s.dial(t, "reg1"), down.login(t, "reg1")
	strange := map[string]*client.Client{}
	for prefix, uri := range map[string]string{"domain": nsHost, "host": nsContact, "contact": nsDomain} {
		strange[prefix] = s.dial(t, "reg1")
		if r := send(t, strange[prefix], loginDoc(nsDomain, uri)); r.Code != 1000 {
			t.Fatal(r.Err())
		}
	}
	down.registry.mu.Lock()
	down.registry.unreadable = fsm.ErrUnavailable
	down.registry.mu.Unlock()
	if len(minimal) != len(operations) {
		t.Errorf("%d commands, and elements for %d", len(operations), len(minimal))
	}
	for label, inner := range minimal {
		prefix, _, _ := strings.Cut(label, ":")
		for _, row := range []struct {
			c    *client.Client
			doc  string
			want registry.Code
		}{
			{c, objectDoc(label, inner+`<`+prefix+`:bogus/>`, ""), registry.CommandSyntax},
			{early, objectDoc(label, inner, ""), registry.CommandUse},
			{c, objectDoc(label, inner, `<extension><x:y xmlns:x="urn:x"/></extension>`), registry.UnimplementedExtension},
			{strange[prefix], objectDoc(label, inner, ""), registry.UnimplementedObject},
			{out, objectDoc(label, inner, ""), registry.CommandFailed},
		} {
			if r := send(t, row.c, row.doc); registry.Code(r.Code) != row.want {
				t.Errorf("%s: %v; want %d", label, r, row.want)
			}
		}
	}
}

// Results that no other test is about.
func TestOtherResults(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	wait := registry.Time(0)
	s.registry.operate(t, registry.KindTLDCreate, registry.TLDCreate{TLD: registry.TLD{
		Name: "fast", Currency: "EUR", MaxYears: 10, TransferWait: &wait, Nameservers: []registry.Nameserver{{Name: "ns1.operator.test"}},
		SOA: registry.SOA{MName: "ns1.operator.test", RName: "hostmaster.operator.test"},
	}})
	c, other, strict := s.login(t, "reg1"), s.login(t, "reg2"), s.secure(t, "reg1")
	furnish(t, c)
	for _, name := range []string{"a.tld", "dead.tld", "a.fast"} {
		must(c.CreateDomain(soon(t), client.DomainCreate{Name: name, AuthInfo: "s3cret"}))
	}
	must(c.CreateContact(soon(t), person("jd5678")))
	lock := []string{"clientDeleteProhibited"}
	name := func(label, n string) string { return objectDoc(label, `<domain:name>`+n+`</domain:name>`, "") }
	contact := func(label, id, more string) string {
		return objectDoc(label, `<contact:id>`+id+`</contact:id>`+more, "")
	}
	host := func(label, n string) string { return objectDoc(label, `<host:name>`+n+`</host:name>`, "") }
	auth := func(prefix, inner string) string {
		return `<` + prefix + `:authInfo>` + inner + `</` + prefix + `:authInfo>`
	}
	dAuth, cAuth := func(inner string) string { return auth("domain", inner) }, func(inner string) string { return auth("contact", inner) }
	const dExt, cExt = `<domain:ext><x xmlns="urn:x"/></domain:ext>`, `<contact:ext><x xmlns="urn:x"/></contact:ext>`
	long := strings.Repeat("x", MaxAuthInfo+1)
	dLong, cLong := `<domain:pw>`+long+`</domain:pw>`, `<contact:pw>`+long+`</contact:pw>`
	type row struct {
		c    *client.Client
		doc  string
		want int
	}
	rows := []row{
		{other, contact("contact:delete", "nobody", ""), 2303},
		{other, name("domain:delete", "-.tld"), 2005},
		{other, name("domain:info", "-.tld"), 2005},
		{other, name("domain:renew", "-.tld"), 2001},
		{c, objectDoc("domain:renew", `<domain:name>-.tld</domain:name><domain:curExpDate>2027-03-01</domain:curExpDate>`, ""), 2005},
		{c, objectDoc("domain:renew", `<domain:name>none.tld</domain:name><domain:curExpDate>2027-03-01</domain:curExpDate>`, ""), 2303},
		{c, objectDoc("domain:renew", `<domain:name>a.tld</domain:name><domain:curExpDate>2027-03-01</domain:curExpDate><domain:period unit="y">11</domain:period>`, ""), 2004},
		{c, objectDoc("domain:create", `<domain:name>b.tld</domain:name>`+dAuth(dExt), ""), 2102},
		{c, objectDoc("domain:info", `<domain:name>a.tld</domain:name>`+dAuth(dExt), ""), 2102},
		{c, objectDoc("domain:info", `<domain:name>a.tld</domain:name>`+dAuth(dLong), ""), 2306},
		{c, objectDoc("domain:update", `<domain:name>a.tld</domain:name><domain:chg>`+dAuth(dExt)+`</domain:chg>`, ""), 2102},
		{c, contact("contact:info", "jd1234", cAuth(cExt)), 2102},
		{c, contact("contact:info", "jd1234", cAuth(cLong)), 2306},
		{strict, contact("contact:update", "jd5678", `<contact:chg>`+cAuth(`<contact:pw>2fooBAR</contact:pw>`)+`</contact:chg>`), 2202},
		{c, objectDoc("contact:check", strings.Repeat(`<contact:id>jd1234</contact:id>`, MaxCheck+1), ""), 2306},
		{c, objectDoc("host:check", strings.Repeat(`<host:name>ns1.a.tld</host:name>`, MaxCheck+1), ""), 2306},
		{c, host("host:delete", "-.tld"), 2005},
		{c, host("host:info", "-.tld"), 2005},
		{c, objectDoc("domain:transfer-request", `<domain:name>a.fast</domain:name>`+dAuth(`<domain:pw>s3cret</domain:pw>`), ""), 2106},
		{other, objectDoc("domain:transfer-request", `<domain:name>a.fast</domain:name>`+dAuth(`<domain:pw>s3cret</domain:pw>`), ""), 1000},
		{c, commandDoc(`<logout/><extension><x:y xmlns:x="urn:x"/></extension>`), 2103},
		{c, commandDoc(`<logout>x</logout>`), 2001},
	}
	for _, op := range transferOps {
		d, n := "domain:transfer-"+op, "contact:transfer-"+op
		rows = append(rows,
			row{c, objectDoc(d, `<domain:name>-.tld</domain:name>`+dAuth(`<domain:pw>x</domain:pw>`), ""), 2005},
			row{c, objectDoc(d, `<domain:name>a.tld</domain:name>`+dAuth(dExt), ""), 2102},
			row{c, objectDoc(d, `<domain:name>a.tld</domain:name>`+dAuth(dLong), ""), 2306},
			row{c, objectDoc(d, `<domain:name>none.tld</domain:name>`+dAuth(`<domain:pw>x</domain:pw>`), ""), 2303},
			row{c, objectDoc(d, `<domain:name>a.tld</domain:name>`+dAuth(`<domain:pw>x</domain:pw>`), ""), 2202},
			row{c, contact(n, "jd1234", cAuth(cExt)), 2102},
			row{c, contact(n, "jd1234", cAuth(cLong)), 2306},
			row{c, contact(n, "nobody", cAuth(`<contact:pw>x</contact:pw>`)), 2303},
			row{c, contact(n, "jd1234", cAuth(`<contact:pw>x</contact:pw>`)), 2202},
		)
	}
	for _, r := range rows {
		if got := send(t, r.c, r.doc); got.Code != r.want {
			t.Errorf("%d, %v; want %d for %s", got.Code, got.Err(), r.want, r.doc)
		}
	}

	must(c.UpdateDomain(soon(t), client.DomainUpdate{Name: "a.tld", Add: client.DomainParts{Statuses: lock}}))
	_, err := c.DeleteDomain(soon(t), "a.tld")
	wantCode(t, "delete of a locked domain", err, 2304)
	s.registry.operate(t, registry.KindContactUpdate, registry.ContactUpdate{ID: "jd5678", AddStatuses: registry.ServerDeleteProhibited})
	_, err = c.DeleteContact(soon(t), "jd5678")
	wantCode(t, "delete of a locked contact", err, 2304)
	s.registry.operate(t, registry.KindHostUpdate, registry.HostUpdate{Name: "ns1.elsewhere.test", AddStatuses: registry.ServerDeleteProhibited})
	_, err = c.DeleteHost(soon(t), "ns1.elsewhere.test")
	wantCode(t, "delete of a locked host", err, 2304)

	// A registrar whose money was just enough.
	s.registry.operate(t, registry.KindRegistrarFund, registry.RegistrarFund{ID: "poor", Currency: "EUR", Amount: 1000})
	poor := s.login(t, "poor")
	d := must(poor.CreateDomain(soon(t), client.DomainCreate{Name: "all.tld"}))
	_, err = poor.RenewDomain(soon(t), "all.tld", d.Expires, 1)
	wantCode(t, "renew without funds", err, 2104)

	// Hosts below a domain that is being deleted.
	s.registry.wait(t, 6*registry.Day)
	must(c.DeleteDomain(soon(t), "dead.tld"))
	if r := send(t, c, objectDoc("host:create", `<host:name>ns1.dead.tld</host:name><host:addr>192.0.2.1</host:addr>`, "")); r.Code != 2304 {
		t.Errorf("a host below a deleted domain: %d", r.Code)
	}
}
