package admin_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"quorate/fsm"
	"quorate/fsm/registry"
	"quorate/node/admin"
	"quorate/node/admin/admintest"
)

func TestRequestsThatAreRefused(t *testing.T) {
	t.Parallel()
	c := admintest.New(t, 1)
	registrar := `{"id":"reg9","name":"Nine","password":"secret-9"`
	tld := `{"name":"test","nameservers":[{"name":"ns1.nic.test","addresses":["192.0.2.1"]}]`
	for _, q := range []struct {
		method, path, body string
		status             int
		message            string
	}{
		{"GET", "/", "", 404, "there is no / here"},
		{"GET", "/v2/status", "", 404, "there is no /v2/status here"},
		{"DELETE", "/v1/tlds", "", 405, "takes GET, POST"},
		{"POST", "/v1/status", "", 405, "takes GET"},
		{"GET", "/v1/leadership/transfer", "", 405, "takes POST"},
		{"GET", "/v1/status?verbose=1", "", 400, `no parameter "verbose"`},
		{"GET", "/v1/tlds?level=fresh", "", 400, "levels are"},
		{"GET", "/v1/tlds?levle=local", "", 400, `no parameter "levle" here; there are: level`},
		{"GET", "/v1/tlds?level=local&level=local", "", 400, "more than once"},
		{"GET", "/v1/tlds?level=%zz", "", 400, "query is malformed"},
		{"GET", "/v1/tlds/no_name", "", 400, "not a domain name"},
		{"GET", "/v1/tlds/none", "", 404, "no such TLD"},
		{"GET", "/v1/digest", "", 400, "not an index"},
		{"GET", "/v1/digest?index=-1", "", 400, "not an index"},
		{"GET", "/v1/digest?index=999999", "", 404, "too old, or yet to come"},
		{"GET", "/v1/incidents?limit=0", "", 400, "a limit is 1 to"},
		{"GET", "/v1/incidents?limit=10001", "", 400, "a limit is 1 to"},
		{"GET", "/v1/history?limit=x", "", 400, "a limit is 1 to"},
		{"GET", "/v1/history?actor=reg1", "", 400, "found by their cltrid"},
		{"GET", "/v1/history?cltrid=a%00b", "", 400, "printable"},
		{"GET", "/v1/history?cltrid=abc&from=1", "", 400, "not both"},
		{"GET", "/v1/history?from=x", "", 400, "not an index"},
		{"GET", "/v1/registrars/none", "", 404, "no such registrar"},
		{"GET", "/v1/registrars/%00", "", 400, "3 to 16"},
		{"GET", "/v1/registrars/none/ledger", "", 404, "no such registrar"},

		{"POST", "/v1/tlds", "", 400, "there is none"},
		{"POST", "/v1/tlds", "name=test", 400, "not JSON"},
		{"POST", "/v1/tlds", `{"name":"test","price":"1"}`, 400, `unknown field "price"`},
		{"POST", "/v1/tlds", tld + `} {}`, 400, "more after the value"},
		{"POST", "/v1/tlds", tld + `,"soa":{"serial":1}}`, 400, `unknown field "serial"`},
		{"POST", "/v1/tlds", `"` + strings.Repeat("x", 70000) + `"`, 413, "at most 65536 bytes"},
		{"POST", "/v1/tlds", `{"name":"te_st"}`, 400, `name "te_st": not a domain name`},
		{"POST", "/v1/tlds", `{"name":"test"}`, 400, "at least one name server"},
		{"POST", "/v1/tlds", `{"name":"test","nameservers":[{"name":"ns1.nic.test"}]}`, 400, "its addresses are needed"},
		{"POST", "/v1/tlds", `{"name":"test","nameservers":[{"name":"ns1.other","addresses":["192.0.2.1"]}]}`, 400, "outside of the zone"},
		{"POST", "/v1/tlds", `{"name":"test","nameservers":[{"name":"ns1.test","addresses":["192.0.2.256"]}]}`, 400, "not an IPv4 or IPv6 address"},
		{"POST", "/v1/tlds", `{"name":"test","nameservers":[{"name":"ns1.test","addresses":["fe80::1%eth0"]}]}`, 400, "not an IPv4 or IPv6 address"},
		{"POST", "/v1/tlds", `{"name":"test","nameservers":[{"name":"ns1.test","addresses":["192.0.2.1","192.0.2.1"]}]}`, 400, "named twice"},
		{"POST", "/v1/tlds", `{"name":"test","nameservers":[{"name":"ns1.other"},{"name":"NS1.other."}]}`, 400, "named twice"},
		{"POST", "/v1/tlds", tld + `,"model":"fat"}`, 400, "thick and thin"},
		{"POST", "/v1/tlds", tld + `,"currency":"UDS"}`, 400, "not a currency of ISO 4217"},
		{"POST", "/v1/tlds", tld + `,"create_price":"8.001"}`, 400, "more decimals"},
		{"POST", "/v1/tlds", tld + `,"renew_price":"-1"}`, 400, "not negative"},
		{"POST", "/v1/tlds", tld + `,"create_price":"1000000000.01"}`, 400, "at most 1000000000.00 a year"},
		{"POST", "/v1/tlds", tld + `,"max_years":11}`, 400, "1 to 10 years"},
		{"POST", "/v1/tlds", tld + `,"max_years":-1}`, 400, "1 to 10 years"},
		{"POST", "/v1/tlds", tld + `,"add_grace":"5 days"}`, 400, "not a duration such as 120h"},
		{"POST", "/v1/tlds", tld + `,"delete_delay":"-1h"}`, 400, "from nothing to"},
		{"POST", "/v1/tlds", tld + `,"reserved":["a.b"]}`, 400, "not a label"},
		{"POST", "/v1/tlds", tld + `,"soa":{"rname":"me@test"}}`, 400, "soa.rname"},
		{"POST", "/v1/tlds", tld + `,"ttl":{"glue":4000000000}}`, 400, "ttl.glue: at most"},
		{"POST", "/v1/tlds", tld + `,"secdns":{"interface":"both"}}`, 400, "the interfaces are dsData and keyData"},
		{"POST", "/v1/tlds", tld + `,"secdns":{"max_records":33}}`, 400, "1 to 32"},
		{"POST", "/v1/tlds", tld + `,"secdns":{"max_records":-1}}`, 400, "1 to 32"},
		{"POST", "/v1/tlds", tld + `,"secdns":{"max_sig_life":4000000000}}`, 400, "secdns.max_sig_life: at most"},

		{"POST", "/v1/registrars", `{"id":"r1","name":"x","password":"secret-1"}`, 400, "3 to 16"},
		{"POST", "/v1/registrars", `{"id":"reg9","password":"secret-1"}`, 400, "has a name"},
		{"POST", "/v1/registrars", `{"id":"reg9","name":"x"}`, 400, "has a password"},
		{"POST", "/v1/registrars", `{"id":"reg9","name":"x","password":"short"}`, 400, "6 to 16 printable"},
		{"POST", "/v1/registrars", `{"id":"reg9","name":"x","password":"seventeen-letters"}`, 400, "6 to 16 printable"},
		{"POST", "/v1/registrars", `{"id":"reg9","name":"x","password":"two  spaces"}`, 400, "two in a row"},
		{"POST", "/v1/registrars", `{"id":"reg9","name":"x\ny","password":"secret-1"}`, 400, "not one line"},
		{"POST", "/v1/registrars", registrar + `,"balances":[{"currency":"USD","balance":"5"}]}`, 400, "balances come of deposits"},
		{"POST", "/v1/registrars", registrar + `,"certificates":["abcd"]}`, 400, "SHA-256 fingerprint"},
		{"POST", "/v1/registrars", registrar + `,"url":"registrar.example"}`, 400, "url"},
		{"POST", "/v1/registrars", registrar + `,"rdap":"ftp://registrar.example/"}`, 400, "rdap"},
		{"POST", "/v1/registrars", registrar + `,"whois":"no name"}`, 400, "whois"},
		{"POST", "/v1/registrars", registrar + `,"abuse_email":"abuse"}`, 400, "abuse_email"},
		{"POST", "/v1/registrars", registrar + `,"email":"a@b@c.example"}`, 400, "email"},
		{"POST", "/v1/registrars", registrar + `,"abuse_phone":"555 01 00"}`, 400, "abuse_phone"},
		{"POST", "/v1/registrars", registrar + `,"voice":"+1555"}`, 400, "voice"},
		{"POST", "/v1/registrars", registrar + `,"city":"Lund"}`, 400, "a city and a country"},
		{"POST", "/v1/registrars", registrar + `,"city":"Lund","country":"se"}`, 400, "ISO 3166-1"},
		{"POST", "/v1/registrars", registrar + `,"city":"Lund","country":"SE","street":["1","2","3","4"]}`, 400, "3 lines"},
		{"POST", "/v1/registrars", registrar + `,"iana":-1}`, 400, "not JSON as wanted"},

		{"POST", "/v1/registrars/none/deposits", `{"currency":"USD","amount":"1"}`, 404, "no such registrar"},
		{"POST", "/v1/registrars/no/deposits", `{"currency":"USD","amount":"1"}`, 400, "3 to 16"},
		{"POST", "/v1/registrars/none/deposits", `{"amount":"1"}`, 400, "in a currency"},
		{"POST", "/v1/registrars/none/deposits", `{"currency":"USD"}`, 400, "neither an amount nor a credit limit"},
		{"POST", "/v1/registrars/none/deposits", `{"currency":"USD","amount":"-1"}`, 400, "not negative"},
		{"POST", "/v1/registrars/none/deposits", `{"currency":"USD","amount":1}`, 400, "not JSON as wanted"},
		{"POST", "/v1/registrars/none/deposits", `{"currency":"USD","credit_limit":"-1"}`, 400, "credit_limit"},
	} {
		status, p := send(t, c, q.method, q.path, q.body, nil)
		if status != q.status || !strings.Contains(p.Message, q.message) || strings.Contains(p.Message, "\n") {
			t.Errorf("%s %s %.80s:\ngot  %d %s\nwant %d %s", q.method, q.path, q.body, status, p.Message, q.status, q.message)
		}
	}
	// None of it has left a trace.
	records, err := c.Client(0).History(t.Context(), admin.HistoryQuery{})
	if err != nil || len(records) != 0 {
		t.Errorf("the history has %v, %v", records, err)
	}
}

func TestClTRIDIsChecked(t *testing.T) {
	t.Parallel()
	c := admintest.New(t, 1)
	for id, want := range map[string]int{"ab": 400, strings.Repeat("x", 65): 400, "abc": 204, strings.Repeat("x", 64): 204} {
		if status, p := send(t, c, "POST", "/v1/leadership/transfer", "", http.Header{admin.HeaderClTRID: {id}}); status != want {
			t.Errorf("%q: %d %+v", id, status, p)
		}
	}
}

func TestResultCodesBecomeStatuses(t *testing.T) {
	t.Parallel()
	c := admintest.New(t, 1)
	client := c.Client(0)
	for code, want := range map[registry.Code]int{
		registry.ObjectExists: 409, registry.ObjectDoesNotExist: 404, registry.AuthorizationError: 403, registry.BillingFailure: 402,
		registry.RequiredParameter: 400, registry.ParameterRange: 400, registry.ParameterSyntax: 400, registry.ParameterPolicy: 400,
		registry.CommandFailed: 500, registry.ObjectStatusProhibits: 409, registry.AssociationProhibits: 409,
	} {
		for _, fail := range []*registry.Failure{registry.Fail(code, "name", "x", "because"), nil} {
			c.Nodes[0].Break(admintest.Fault{Result: &registry.Result{Index: 1, Code: code, Fail: fail}})
			_, err := client.CreateTLD(admin.WithClTRID(t.Context(), "abc-1"), exampleTLD())
			var refused *admin.Error
			if !errors.As(err, &refused) || refused.Status != want || refused.Code != int(code) || refused.ClTRID != "abc-1" || refused.ID != "site1-1-1" {
				t.Errorf("%d: got %+v, want status %d", code, err, want)
				continue
			}
			wantText := fmt.Sprintf("%s (%d)", code.Text(), code)
			if fail != nil {
				wantText = fmt.Sprintf(`name "x": because (%d)`, code)
			}
			if err.Error() != wantText || admin.TryElsewhere(err) || admin.OutcomeUnknown(err) {
				t.Errorf("%d: %q, elsewhere %v, unknown %v; want %q", code, err, admin.TryElsewhere(err), admin.OutcomeUnknown(err), wantText)
			}
		}
	}
}

func TestFaultsBecomeStatuses(t *testing.T) {
	t.Parallel()
	c := admintest.New(t, 1)
	client := c.Client(0)
	broken := errors.New("disk on fire")
	create := func() error { _, err := client.CreateTLD(t.Context(), exampleTLD()); return err }
	list := func() error { _, err := client.TLDs(t.Context()); return err }
	status := func() error { _, err := client.Status(t.Context()); return err }
	transfer := func() error { return client.TransferLeadership(t.Context()) }
	for _, q := range []struct {
		name               string
		fault              admintest.Fault
		ask                func() error
		status             int
		message            string
		elsewhere, unknown bool
	}{
		{"not logged", admintest.Fault{Execute: fmt.Errorf("no leader: %w", fsm.ErrNotLogged)}, create, 503, "nothing was done", true, false},
		{"outcome unknown", admintest.Fault{Execute: fmt.Errorf("gone: %w", fsm.ErrOutcomeUnknown)}, create, 504, "outcome is unknown", false, true},
		{"unexplained", admintest.Fault{Execute: broken}, create, 504, "outcome is unknown", false, true},
		{"no quorum", admintest.Fault{View: fsm.ErrUnavailable}, list, 503, "level=local", true, false},
		{"no state", admintest.Fault{View: broken}, list, 500, "disk on fire", false, true},
		{"done, but not shown", admintest.Fault{View: fsm.ErrUnavailable, Result: &registry.Result{Index: 9, Code: registry.Success}}, create, 500, "was executed as site1-1-1", false, true},
		{"no status", admintest.Fault{Status: broken}, status, 500, "disk on fire", false, true},
		{"no leader", admintest.Fault{Transfer: fsm.ErrUnavailable}, transfer, 503, "can't move now", true, false},
	} {
		c.Nodes[0].Break(q.fault)
		err := q.ask()
		var refused *admin.Error
		if !errors.As(err, &refused) || refused.Status != q.status || !strings.Contains(err.Error(), q.message) {
			t.Errorf("%s: got %v, want %d %s", q.name, err, q.status, q.message)
			continue
		}
		if admin.TryElsewhere(err) != q.elsewhere || admin.OutcomeUnknown(err) != q.unknown {
			t.Errorf("%s: elsewhere %v, unknown %v", q.name, admin.TryElsewhere(err), admin.OutcomeUnknown(err))
		}
	}
}

func TestUnavailableSaysWhenToTryAgain(t *testing.T) {
	t.Parallel()
	c := admintest.New(t, 1)
	c.Nodes[0].Break(admintest.Fault{View: fsm.ErrUnavailable})
	transport := &http.Transport{TLSClientConfig: c.Operator()}
	defer transport.CloseIdleConnections()
	w, err := (&http.Client{Transport: transport}).Get(c.Nodes[0].URL + "/v1/tlds")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	if w.StatusCode != 503 || w.Header.Get("Retry-After") == "" {
		t.Errorf("got %s, Retry-After %q", w.Status, w.Header.Get("Retry-After"))
	}
}

func TestTooManyRequestsAreRefusedAtOnce(t *testing.T) {
	t.Parallel()
	const limit = 64
	c := admintest.New(t, 1)
	// Connected before, one after the other: so many handshakes at once take a busy machine longer than a client waits.
	clients := make([]*admin.Client, limit+1)
	for i := range clients {
		clients[i] = c.Client(0)
		if _, err := clients[i].Status(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	hold := make(chan struct{})
	c.Nodes[0].Break(admintest.Fault{Hold: hold})
	answers := make(chan error)
	// Only when all places are taken can one more be refused while the others wait.
	for _, client := range clients {
		go func() { _, err := client.Status(t.Context()); answers <- err }()
	}
	err := <-answers
	var refused *admin.Error
	if !errors.As(err, &refused) || refused.Status != 503 || !strings.Contains(err.Error(), fmt.Sprint(limit)) {
		t.Errorf("got %v", err)
	}
	close(hold)
	for range limit {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
}

func TestTooManyConnectionsAreClosedAtOnce(t *testing.T) {
	t.Parallel()
	const limit = 256
	c := admintest.New(t, 1)
	address := strings.TrimPrefix(c.Nodes[0].URL, "https://")
	var open []net.Conn
	for range limit + 1 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		open = append(open, conn)
	}
	// They are accepted in order, so the last is the one too many. A server that waits would let this read wait for
	// the handshake's time limit.
	if _, err := open[limit].Read(make([]byte, 1)); err == nil {
		t.Error("a server that has not been spoken to spoke")
	}
	if _, err := c.Client(0).Status(t.Context()); err == nil || !admin.TryElsewhere(err) {
		t.Errorf("beyond the limit: %v", err)
	}
	for _, conn := range open {
		conn.Close()
	}
	await(t, "a place to become free", func() bool { _, err := c.Client(0).Status(t.Context()); return err == nil })
}
