package load

import (
	"context"
	"io"
	"net"
	"slices"
	"testing"

	"github.com/miekg/dns"

	"quorate/epp/client"
	"quorate/node/endpoints"
)

// What sites show of a name is held against what it may be, and against each other.
func TestJudge(t *testing.T) {
	t.Parallel()
	is := State{Sponsor: "reg1", Created: noon, Expires: AddYears(noon, 2), Years: 2, Hosts: hostSet(Nameservers), Charged: 1600}
	change := func(f func(s *State)) State {
		s := is
		f(&s)
		return s
	}
	renewed := change(func(s *State) { s.Years, s.Expires = 3, AddYears(noon, 3) })
	unanswered := change(func(s *State) { s.Created, s.Expires = State{}.Created, State{}.Expires })
	here := func(s State) map[string]seen { return map[string]seen{"a.example": {State: s}} }
	for _, row := range []struct {
		what       string
		may        []State
		one, other map[string]seen
		want       []Kind
	}{
		{"all as it should be", []State{is}, here(is), here(is), nil},
		{"an unanswered create that was executed", []State{{}, unanswered}, here(is), here(is), nil},
		{"an unanswered create that wasn't", []State{{}, unanswered}, here(State{}), here(State{}), nil},
		{"an unanswered create that gave too much", []State{{}, unanswered}, here(renewed), here(is), []Kind{Doubled}},
		{"lost at one site", []State{is}, here(is), here(State{}), []Kind{Lost}},
		{"never asked for", []State{{}}, here(is), here(is), []Kind{Unexpected, Unexpected}},
		{"a year twice", []State{is}, here(renewed), here(is), []Kind{Doubled}},
		{"a year lost", []State{renewed}, here(is), here(renewed), []Kind{Lost}},
		{"somebody else's", []State{is}, here(change(func(s *State) { s.Sponsor = "reg2" })), here(is), []Kind{SoldTwice}},
		{"without its hosts", []State{is}, here(change(func(s *State) { s.Hosts = "" })), here(is), []Kind{Half}},
		{"with another beginning", []State{is}, here(change(func(s *State) { s.Created = noon.Add(1) })), here(is), []Kind{Half}},
		{"both may be, but not both", []State{is, renewed}, here(is), here(renewed), []Kind{Different}},
		{"without a contact", []State{is}, map[string]seen{"a.example": {State: is, half: "no registrant"}}, here(is), []Kind{Half}},
		{"not to be read", []State{is}, map[string]seen{"a.example": {err: io.EOF}}, here(is), []Kind{Unreadable}},
	} {
		v := &verification{
			Target: &Target{Endpoints: endpoints.Endpoints{Sites: []endpoints.Site{{Name: "site1"}, {Name: "site2"}}}},
			may:    map[string][]State{"a.example": row.may}, settled: map[string]State{},
		}
		var kinds []Kind
		for _, p := range v.judge("a.example", []map[string]seen{row.one, row.other}) {
			kinds = append(kinds, p.Kind)
		}
		if !slices.Equal(kinds, row.want) {
			t.Errorf("%s: %v, want %v", row.what, kinds, row.want)
		}
		if len(kinds) == 0 && v.settled["a.example"].Charged != row.may[len(row.may)-1].Charged && v.settled["a.example"].Exists() {
			t.Errorf("%s: settled as %+v", row.what, v.settled["a.example"])
		}
	}
}

func TestHalfDomains(t *testing.T) {
	t.Parallel()
	whole := client.Domain{
		Object: client.Object{Sponsor: "reg1", Created: noon}, Expires: AddYears(noon, 1), Registrant: contactID, AuthInfo: authInfo,
		Contacts: []client.DomainContact{{Type: "admin", ID: contactID}, {Type: "tech", ID: contactID}},
	}
	for what, change := range map[string]func(d *client.Domain){
		"registrant": func(d *client.Domain) { d.Registrant = "" },
		"contacts":   func(d *client.Domain) { d.Contacts = d.Contacts[:1] },
		"authInfo":   func(d *client.Domain) { d.AuthInfo = "" },
	} {
		d := whole
		change(&d)
		if halfOf(&d, "reg1") == "" {
			t.Errorf("without %s it is whole", what)
		}
	}
	if half := halfOf(&whole, "reg1"); half != "" {
		t.Errorf("the whole domain: %s", half)
	}
	whole.AuthInfo = "" // others don't see it
	if half := halfOf(&whole, "reg2"); half != "" {
		t.Errorf("somebody else's: %s", half)
	}
}

// A delegation that isn't what the registry says is found, at the site that has it.
func TestDelegationsAreRead(t *testing.T) {
	t.Parallel()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		a := new(dns.Msg)
		a.SetReply(q)
		switch q.Question[0].Name {
		case "delegated.example.", "held.example.":
			for _, ns := range Nameservers {
				a.Ns = append(a.Ns, &dns.NS{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeNS, Class: dns.ClassINET}, Ns: dns.Fqdn(ns)})
			}
		default:
			a.Authoritative, a.Rcode = true, dns.RcodeNameError
		}
		_ = w.WriteMsg(a) // who doesn't get it asks again
	})}
	ended := make(chan error, 1)
	go func() { ended <- server.ActivateAndServe() }()
	t.Cleanup(func() {
		conn.Close()
		<-ended
	})
	v := &verification{settled: map[string]State{
		"delegated.example": {Sponsor: "reg1", Hosts: hostSet(Nameservers)},
		"absent.example":    {},
		"missing.example":   {Sponsor: "reg1", Hosts: Nameservers[0]},
		"held.example":      {Sponsor: "reg1", Hosts: hostSet(Nameservers), Hold: true},
	}}
	r := &resolver{site: endpoints.Site{Name: "site1", DNS: conn.LocalAddr().String()}}
	defer r.hangUp()
	for name, wrong := range map[string]bool{"delegated.example": false, "absent.example": false, "missing.example": true, "held.example": true} {
		var p *Problem
		if err := await(t.Context(), func() error {
			if p = v.delegation(context.Background(), r, name); (p != nil) != wrong {
				return io.ErrNoProgress
			}
			return nil
		}); err != nil || wrong && (p.Kind != Delegation || p.Site != "site1") {
			t.Errorf("%s: %v", name, p)
		}
	}
}
