package admin_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"quorate/fsm"
	"quorate/fsm/registry"
	"quorate/node/admin"
	"quorate/node/admin/admintest"
)

// patience is how long a test waits for what must come: a bound for failure, never a pause.
const patience = time.Minute

func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func exampleTLD() admin.TLD {
	return admin.TLD{Name: "example", Nameservers: []admin.Nameserver{
		{Name: "ns1.nic.example", Addresses: []string{"192.0.2.1", "2001:db8::1"}}, {Name: "ns2.elsewhere"},
	}}
}

func exampleRegistrar() admin.Registrar {
	return admin.Registrar{
		ID: "reg1", Name: "Första Registraren AB", Password: "secret-1", Certificates: []string{strings.Repeat("AB:", 31) + "AB"}, IANA: 9995,
		URL: "https://reg1.test/", Whois: "whois.reg1.test", RDAP: "https://rdap.reg1.test/", AbuseEmail: "abuse@reg1.test", AbusePhone: "+46.855500100",
		Email: "hi@reg1.test", Voice: "+46.855500101", Street: []string{"Storgatan 1"}, City: "Malmö", PostalCode: "211 11", Country: "SE",
	}
}

func TestTLDIsCreatedWithDefaults(t *testing.T) {
	t.Parallel()
	c := admintest.New(t, 2)
	wanted := exampleTLD()
	wanted.Name = "Example."
	created, err := c.Client(0).CreateTLD(t.Context(), wanted)
	if err != nil {
		t.Fatal(err)
	}
	want := admin.TLD{
		Name: "example", Model: "thick", Currency: "USD", CreatePrice: "8.00", RenewPrice: "8.00", MaxYears: 10,
		AddGrace: "120h", RenewGrace: "120h", AutoRenewGrace: "1080h", DeleteDelay: "840h", Reserved: []string{"nic", "rdds", "whois", "www"},
		Nameservers: exampleTLD().Nameservers,
		SOA:         admin.SOA{MName: "ns1.nic.example", RName: "hostmaster.nic.example", Refresh: 900, Retry: 300, Expire: 1209600, Minimum: 900},
		TTL:         admin.TTL{Apex: 3600, Delegation: 3600, Glue: 3600},
		SecDNS:      admin.SecDNS{Interface: "dsData", MaxRecords: 8, MaxSigLife: 7776000},
		Hosts:       "objects",
		Created:     "2026-01-01T00:00:01.000Z", Serial: 1,
	}
	if !reflect.DeepEqual(created, want) {
		t.Errorf("created\n%+v, want\n%+v", created, want)
	}
	shown, err := c.Client(1).TLD(t.Context(), "EXAMPLE")
	if err != nil || !reflect.DeepEqual(shown, want) {
		t.Errorf("the other node shows\n%+v, %v", shown, err)
	}
	all, err := c.Client(1).TLDs(t.Context())
	if err != nil || !reflect.DeepEqual(all, []admin.TLD{want}) {
		t.Errorf("the other node lists\n%+v, %v", all, err)
	}
	_, err = c.Client(1).CreateTLD(t.Context(), wanted)
	var refused *admin.Error
	if !errors.As(err, &refused) || refused.Status != http.StatusConflict || err.Error() != `name "example": the TLD exists (2302)` {
		t.Errorf("created again: %v", err)
	}
}

func TestTLDIsCreatedAsWanted(t *testing.T) {
	t.Parallel()
	c := admintest.New(t, 1)
	wanted := admin.TLD{
		Name: "co.shop", Model: "thin", Currency: "kwd", CreatePrice: "2.345", RenewPrice: "0", MaxYears: 3,
		AddGrace: "0s", RenewGrace: "1h30m", AutoRenewGrace: "24h", DeleteDelay: "1m", Reserved: []string{},
		Nameservers: []admin.Nameserver{{Name: "NS1.Elsewhere."}},
		SOA:         admin.SOA{MName: "hidden.elsewhere", RName: "dns.elsewhere", Refresh: 1, Retry: 2, Expire: 9, Minimum: 4},
		TTL:         admin.TTL{Apex: 5, Delegation: 6, Glue: 7}, Serial: 4294967290,
	}
	want := wanted
	want.Currency, want.RenewPrice, want.Created, want.Serial = "KWD", "0.000", "2026-01-01T00:00:01.000Z", 4294967291
	want.Nameservers = []admin.Nameserver{{Name: "ns1.elsewhere"}}
	want.SecDNS = admin.SecDNS{Interface: "dsData", MaxRecords: 8, MaxSigLife: 7776000}
	want.Hosts = "objects"
	created, err := c.Client(0).CreateTLD(t.Context(), wanted)
	if err != nil || !reflect.DeepEqual(created, want) {
		t.Errorf("created\n%+v, %v, want\n%+v", created, err, want)
	}
	// What is shown can be created again, elsewhere: policy can be copied.
	other := admintest.New(t, 1)
	created.Created = ""
	if again, err := other.Client(0).CreateTLD(t.Context(), created); err != nil || again.Currency != "KWD" || again.Serial != created.Serial+1 {
		t.Errorf("copied as %+v, %v", again, err)
	}
}

// What secures delegations is set with a TLD, where the cluster's level knows of it.
func TestTLDWithSecDNS(t *testing.T) {
	t.Parallel()
	c := admintest.New(t, 1)
	wanted := exampleTLD()
	wanted.SecDNS = admin.SecDNS{Interface: "keyData", MaxRecords: 2, MaxSigLife: 3600}
	var refused *admin.Error
	if _, err := c.Client(0).CreateTLD(t.Context(), wanted); !errors.As(err, &refused) || !strings.Contains(err.Error(), "this needs cluster level 3") {
		t.Errorf("at level 1: %v", err)
	}
	if created, err := atLevel(t, 1).Client(0).CreateTLD(t.Context(), wanted); err != nil || created.SecDNS != wanted.SecDNS {
		t.Errorf("%+v, %v", created.SecDNS, err)
	}
}

func TestListsAreEmptyAtFirst(t *testing.T) {
	t.Parallel()
	c := admintest.New(t, 1)
	for _, path := range []string{"/v1/tlds", "/v1/registrars", "/v1/history", "/v1/incidents"} {
		transport := &http.Transport{TLSClientConfig: c.Operator()}
		defer transport.CloseIdleConnections()
		w, err := (&http.Client{Transport: transport}).Get(c.Nodes[0].URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Body.Close()
		var body [16]byte
		n, _ := w.Body.Read(body[:])
		if got := string(body[:n]); w.StatusCode != 200 || got != "[]\n" {
			t.Errorf("%s: %s %q", path, w.Status, got)
		}
	}
}

func TestRegistrarIsCreatedAndFunded(t *testing.T) {
	t.Parallel()
	c := admintest.New(t, 1)
	client := c.Client(0)
	want := exampleRegistrar()
	want.Password, want.Certificates, want.Created = "", []string{strings.Repeat("ab", 32)}, "2026-01-01T00:00:01.000Z"
	created, err := client.CreateRegistrar(t.Context(), exampleRegistrar())
	if err != nil || !reflect.DeepEqual(created, want) {
		t.Fatalf("created\n%+v, %v, want\n%+v", created, err, want)
	}
	if hash, kind := registrarRow(t, c, "reg1"); hash != "hash of secret-1" || kind != "loc" {
		t.Errorf("the state has password %q and a postal address of type %q", hash, kind)
	}
	limit := "50"
	for _, d := range []admin.Deposit{{Currency: "USD", Amount: "1000.5"}, {Currency: "JPY", Amount: "700", CreditLimit: &limit}, {Currency: "usd", CreditLimit: &limit}} {
		if _, err := client.Deposit(t.Context(), "reg1", d); err != nil {
			t.Fatal(err)
		}
	}
	want.Balances = []admin.Balance{{Currency: "JPY", Balance: "700", CreditLimit: "50"}, {Currency: "USD", Balance: "1000.50", CreditLimit: "50.00"}}
	shown, err := client.Registrar(t.Context(), "reg1")
	if err != nil || !reflect.DeepEqual(shown, want) {
		t.Errorf("shown\n%+v, %v, want\n%+v", shown, err, want)
	}
	all, err := client.Registrars(t.Context())
	if err != nil || !reflect.DeepEqual(all, []admin.Registrar{want}) {
		t.Errorf("listed\n%+v, %v", all, err)
	}
	_, err = client.CreateRegistrar(t.Context(), exampleRegistrar())
	var refused *admin.Error
	if !errors.As(err, &refused) || refused.Status != http.StatusConflict {
		t.Errorf("created again: %v", err)
	}
}

func registrarRow(t *testing.T, c *admintest.Cluster, id string) (password, postalType string) {
	t.Helper()
	err := c.Nodes[0].View(t.Context(), fsm.Local, 0, func(v fsm.View) error {
		r, ok := v.Registrar(id)
		if !ok || len(r.Postal) != 1 {
			return fmt.Errorf("the state has %+v", r)
		}
		password, postalType = r.Password, r.Postal[0].Type
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return password, postalType
}

func TestLedger(t *testing.T) {
	t.Parallel()
	c := admintest.New(t, 1)
	client := c.Client(0)
	thin := exampleTLD()
	thin.Model = "thin"
	if _, err := client.CreateTLD(t.Context(), thin); err != nil {
		t.Fatal(err)
	}
	if _, err := client.CreateRegistrar(t.Context(), exampleRegistrar()); err != nil {
		t.Fatal(err)
	}
	if none, err := client.Ledger(t.Context(), "reg1", "", 0); err != nil || len(none) != 0 {
		t.Errorf("before the first deposit: %v, %v", none, err)
	}
	if _, err := client.Deposit(t.Context(), "reg1", admin.Deposit{Currency: "USD", Amount: "100"}); err != nil {
		t.Fatal(err)
	}
	reg1 := registry.Actor{Role: registry.RoleRegistrar, Name: "reg1"}
	for _, name := range []string{"a.example", "b.example", "c.example"} {
		if r, _, err := c.Apply(reg1, "", registry.KindDomainCreate, registry.DomainCreate{Name: name}); err != nil || r.Code != registry.Success {
			t.Fatalf("%s: %+v, %v", name, r, err)
		}
	}
	if r, _, err := c.Apply(reg1, "", registry.KindDomainDelete, registry.DomainDelete{Name: "c.example"}); err != nil || r.Code.Failed() {
		t.Fatalf("%+v, %v", r, err)
	}
	all, err := client.Ledger(t.Context(), "reg1", "", 0)
	if err != nil || len(all) != 5 {
		t.Fatalf("got %+v, %v", all, err)
	}
	var lines []string
	for _, p := range all {
		lines = append(lines, fmt.Sprint(p.Why, " ", p.Object, " ", p.Amount, " ", p.Currency, " ", p.Balance))
	}
	want := []string{"deposit  100.00 USD 100.00", "create a.example -8.00 USD 92.00", "create b.example -8.00 USD 84.00", "create c.example -8.00 USD 76.00", "refund c.example 8.00 USD 84.00"}
	if !reflect.DeepEqual(lines, want) {
		t.Errorf("got  %q\nwant %q", lines, want)
	}
	if all[4].Undoes != all[3].Number || all[0].Time == "" {
		t.Errorf("the refund is %+v of %+v", all[4], all[3])
	}
	newest, err := client.Ledger(t.Context(), "reg1", "USD", 2)
	if err != nil || !reflect.DeepEqual(newest, all[3:]) {
		t.Errorf("the newest two are %+v, %v", newest, err)
	}
	if _, err := client.Deposit(t.Context(), "reg1", admin.Deposit{Currency: "EUR", Amount: "1"}); err != nil {
		t.Fatal(err)
	}
	both, err := client.Ledger(t.Context(), "reg1", "", 2)
	if err != nil || len(both) != 2 || both[0] != all[4] || both[1].Currency != "EUR" || both[1].Balance != "1.00" {
		t.Errorf("in two currencies: %+v, %v", both, err)
	}
	euros, err := client.Ledger(t.Context(), "reg1", "eur", 0)
	if err != nil || !reflect.DeepEqual(euros, both[1:]) {
		t.Errorf("in one of them: %+v, %v", euros, err)
	}
	if _, err := client.Ledger(t.Context(), "reg1", "UDS", 0); err == nil || !strings.Contains(err.Error(), "ISO 4217") {
		t.Errorf("a currency that is none: %v", err)
	}
}

func TestHistory(t *testing.T) {
	t.Parallel()
	c := admintest.New(t, 1)
	client := c.Client(0)
	if _, err := client.CreateTLD(admin.WithClTRID(t.Context(), "first-1"), exampleTLD()); err != nil {
		t.Fatal(err)
	}
	// Ticks leave no records: the newest records lie far before the end of the log.
	for range 50 {
		if _, _, err := c.Apply(registry.Actor{Role: registry.RoleNode, Name: "site1"}, "", registry.KindTick, registry.Tick{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := client.CreateRegistrar(admin.WithClTRID(t.Context(), "second-2"), exampleRegistrar()); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Deposit(t.Context(), "reg1", admin.Deposit{Currency: "USD", Amount: "1"}); err != nil {
		t.Fatal(err)
	}
	events := func(q admin.HistoryQuery) (s []string) {
		all, err := client.History(t.Context(), q)
		if err != nil {
			t.Errorf("%+v: %v", q, err)
		}
		for _, r := range all {
			s = append(s, r.Event+" "+r.Object+" "+r.Actor)
		}
		return s
	}
	tld, created, funded := "tld:create example ops", "registrar:create reg1 ops", "registrar:fund reg1 ops"
	first, late := uint64(1), uint64(10)
	for _, q := range []struct {
		query admin.HistoryQuery
		want  []string
	}{
		{admin.HistoryQuery{}, []string{tld, created, funded}},
		{admin.HistoryQuery{Limit: 1}, []string{funded}},
		{admin.HistoryQuery{Limit: 2}, []string{created, funded}},
		{admin.HistoryQuery{From: &first}, []string{tld, created, funded}},
		{admin.HistoryQuery{From: &first, Limit: 1}, []string{tld}},
		{admin.HistoryQuery{From: &late}, []string{created, funded}},
		{admin.HistoryQuery{ClTRID: "first-1"}, []string{tld}},
		{admin.HistoryQuery{Actor: "ops", ClTRID: "second-2"}, []string{created}},
		{admin.HistoryQuery{Actor: "reg1", ClTRID: "second-2"}, nil},
		{admin.HistoryQuery{ClTRID: "third-3"}, nil},
	} {
		if got := events(q.query); !reflect.DeepEqual(got, q.want) {
			t.Errorf("%+v: got %q, want %q", q.query, got, q.want)
		}
	}
	all, err := client.History(t.Context(), admin.HistoryQuery{ClTRID: "first-1"})
	want := []admin.Record{{Index: 1, Time: "2026-01-01T00:00:01.000Z", Actor: "ops", ID: "site1-1-1", ClTRID: "first-1", Event: "tld:create", Object: "example"}}
	if err != nil || !reflect.DeepEqual(all, want) {
		t.Errorf("got %+v, %v; want %+v", all, err, want)
	}
}

// A deposit whose outcome is unknown can be looked for by the clTRID that the error names.
func TestLostAnswerIsFoundInHistory(t *testing.T) {
	t.Parallel()
	c := admintest.New(t, 1)
	client := c.Client(0)
	c.Nodes[0].Break(admintest.Fault{Execute: fsm.ErrOutcomeUnknown})
	_, err := client.CreateTLD(t.Context(), exampleTLD())
	var refused *admin.Error
	if !errors.As(err, &refused) || refused.ClTRID == "" || !strings.Contains(err.Error(), refused.ClTRID) {
		t.Fatalf("got %v", err)
	}
	c.Nodes[0].Break(admintest.Fault{})
	if _, err := client.CreateTLD(admin.WithClTRID(t.Context(), refused.ClTRID), exampleTLD()); err != nil {
		t.Fatal(err)
	}
	if found, err := client.History(t.Context(), admin.HistoryQuery{ClTRID: refused.ClTRID}); err != nil || len(found) != 1 {
		t.Errorf("found %+v, %v", found, err)
	}
}

func TestStatusAndDigestNeedNoQuorum(t *testing.T) {
	t.Parallel()
	c := admintest.New(t, 2)
	if _, err := c.Client(0).CreateTLD(t.Context(), exampleTLD()); err != nil {
		t.Fatal(err)
	}
	var digests []string
	for i, n := range c.Nodes {
		n.Break(admintest.Fault{View: fsm.ErrUnavailable, Execute: fsm.ErrNotLogged})
		s, err := c.Client(i).Status(t.Context())
		if err != nil || s.Node != n.Name || s.Leader != "site1" || len(s.Zones) != 1 || s.Zones[0].Serial != 1 || len(s.Peers) != 1 {
			t.Fatalf("%s: %+v, %v", n.Name, s, err)
		}
		d, err := c.Client(i).Digest(t.Context(), s.Applied)
		if err != nil || d.Index != s.Applied || d.Digest != s.Digest || len(d.Digest) != 64 {
			t.Errorf("%s: %+v, %v; the status has %s at %d", n.Name, d, err, s.Digest, s.Applied)
		}
		digests = append(digests, d.Digest)
		if _, err := c.Client(i).TLDs(t.Context()); err == nil {
			t.Error("a linearizable read succeeds without a quorum")
		}
		if all, err := c.Client(i).Local().TLDs(t.Context()); err != nil || len(all) != 1 {
			t.Errorf("a local read: %+v, %v", all, err)
		}
		if all, err := c.Client(i).Incidents(t.Context(), 0); err != nil || len(all) != 0 {
			t.Errorf("incidents: %+v, %v", all, err)
		}
	}
	if digests[0] != digests[1] {
		t.Errorf("digests differ: %v", digests)
	}
}

func TestLeadershipMoves(t *testing.T) {
	t.Parallel()
	c := admintest.New(t, 1)
	if err := c.Client(0).TransferLeadership(t.Context()); err != nil {
		t.Error(err)
	}
	c.Nodes[0].Break(admintest.Fault{Transfer: context.DeadlineExceeded})
	err := c.Client(0).TransferLeadership(t.Context())
	var refused *admin.Error
	if !errors.As(err, &refused) || refused.Status != http.StatusGatewayTimeout || !admin.OutcomeUnknown(err) {
		t.Errorf("got %v", err)
	}
}

func TestClientTellsWhatWasNeverSent(t *testing.T) {
	t.Parallel()
	c := admintest.New(t, 1)
	client := c.Client(0)
	c.Nodes[0].Stop()
	_, err := client.CreateTLD(t.Context(), exampleTLD())
	var lost *admin.Unanswered
	if !errors.As(err, &lost) || lost.Sent || !admin.TryElsewhere(err) || admin.OutcomeUnknown(err) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("a node that is gone: %v", err)
	}
}

// A node that dies after it has read a command leaves its outcome open; after a read nothing is.
func TestClientTellsWhatMayHaveBeenDone(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			var b [1]byte
			conn.Read(b[:])
			conn.Close()
		}
	}()
	client := admin.NewClient("http://"+l.Addr().String(), nil)
	_, err = client.Deposit(admin.WithClTRID(t.Context(), "invoice-17"), "reg1", admin.Deposit{Currency: "USD", Amount: "1"})
	if admin.TryElsewhere(err) || !admin.OutcomeUnknown(err) || !strings.Contains(err.Error(), "look for cltrid invoice-17 in the history") {
		t.Errorf("a deposit: %v", err)
	}
	if _, err := client.TLDs(t.Context()); !admin.TryElsewhere(err) || admin.OutcomeUnknown(err) {
		t.Errorf("a list: %v", err)
	}
}
