package epp

import (
	"crypto/tls"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"quorate/epp/client"
	"quorate/epp/secdns"
	"quorate/epp/xmltree"
	"quorate/fsm"
	"quorate/fsm/registry"
)

func TestGreeting(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c := s.dial(t, "reg1")
	for _, g := range []*client.Greeting{c.Greeting(), must(c.Hello(soon(t)))} {
		if g.ServerID != "epp.test.example" || !slices.Equal(g.Versions, []string{"1.0"}) || !slices.Equal(g.Languages, []string{"en"}) {
			t.Errorf("%+v", g)
		}
		if !slices.Equal(g.Objects, []string{nsDomain, nsContact, nsHost}) || !slices.Equal(g.Extensions, []string{secdns.URI, secureAuthInfo.URI, unhandledNamespaces.URI}) {
			t.Errorf("services %v, %v", g.Objects, g.Extensions)
		}
		at, err := time.Parse(time.RFC3339, g.Date)
		if err != nil || time.Since(at).Abs() > 30*time.Second {
			t.Errorf("svDate %s: %v", g.Date, err)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// The first frame of the answer is fixed to the octet: clients look for
// prefixes, a default namespace and dates in their customary form.
func TestGoldenAnswers(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c := s.login(t, "reg1")
	const head = `<?xml version="1.0" encoding="UTF-8" standalone="no"?>` + "\n" + `<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><response>`
	const ok = `<result code="1000"><msg lang="en">Command completed successfully</msg></result>`
	tail := func(clTRID string) string {
		return `<trID>` + clTRID + `<svTRID>n1-1-N</svTRID></trID></response></epp>`
	}
	const abc = `<clTRID>ABC-12345</clTRID>`
	for _, row := range []struct{ doc, want string }{
		{commandDoc(`<create><d:create xmlns:d="` + nsDomain + `"><d:name>Golden.TLD</d:name><d:authInfo><d:pw>a&lt;b</d:pw></d:authInfo></d:create></create>`),
			head + ok + `<resData><domain:creData xmlns:domain="urn:ietf:params:xml:ns:domain-1.0"><domain:name>golden.tld</domain:name>` +
				`<domain:crDate>2026-03-01T12:00:00.000Z</domain:crDate><domain:exDate>2027-03-01T12:00:00.000Z</domain:exDate></domain:creData></resData>` + tail(abc)},
		{commandDoc(`<check><check xmlns="` + nsDomain + `"><name>golden.tld</name><name>free.tld</name></check></check>`),
			head + ok + `<resData><domain:chkData xmlns:domain="urn:ietf:params:xml:ns:domain-1.0"><domain:cd><domain:name avail="0">golden.tld</domain:name>` +
				`<domain:reason>In use</domain:reason></domain:cd><domain:cd><domain:name avail="1">free.tld</domain:name></domain:cd></domain:chkData></resData>` + tail(abc)},
		{commandDoc(`<info><domain:info xmlns:domain="` + nsDomain + `"><domain:name>golden.tld</domain:name></domain:info></info>`),
			head + ok + `<resData><domain:infData xmlns:domain="urn:ietf:params:xml:ns:domain-1.0"><domain:name>golden.tld</domain:name><domain:roid>DN-QUORATE</domain:roid>` +
				`<domain:status s="inactive"/><domain:clID>reg1</domain:clID><domain:crID>reg1</domain:crID><domain:crDate>2026-03-01T12:00:00.000Z</domain:crDate>` +
				`<domain:exDate>2027-03-01T12:00:00.000Z</domain:exDate><domain:authInfo><domain:pw>a&lt;b</domain:pw></domain:authInfo></domain:infData></resData>` + tail(abc)},
		{strings.Replace(commandDoc(`<delete><domain:delete xmlns:domain="`+nsDomain+`"><domain:name>none.tld</domain:name></domain:delete></delete>`), abc, "<clTRID/>", 1),
			head + `<result code="2303"><msg lang="en">Object does not exist</msg><extValue><value><domain:name xmlns:domain="urn:ietf:params:xml:ns:domain-1.0">none.tld</domain:name></value>` +
				`<reason lang="en">there is no such domain</reason></extValue></result>` + tail("")},
	} {
		answer, err := c.Raw(soon(t), []byte(row.doc))
		if err != nil {
			t.Fatal(err)
		}
		got := regexp.MustCompile(`<svTRID>n1-1-[0-9]+<`).ReplaceAllString(string(answer), "<svTRID>n1-1-N<")
		got = regexp.MustCompile(`>D[0-9]+-QUORATE<`).ReplaceAllString(got, ">DN-QUORATE<")
		if got != row.want {
			t.Errorf("answer\n%s\nwant\n%s", got, row.want)
		}
	}
}

func TestLoginRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	for name, row := range map[string]struct {
		certificateOf, clID, password, why string
	}{
		"unknown registrar":         {"reg1", "nobody", testPassword, "unknown_registrar"},
		"wrong password":            {"reg1", "reg1", "foo-BAR3", "password"},
		"another's certificate":     {"reg2", "reg1", testPassword, "certificate"},
		"nobody's certificate":      {"", "reg1", testPassword, "certificate"},
		"suspended":                 {"gone", "gone", testPassword, "suspended"},
		"right but for one's case":  {"reg1", "REG1", testPassword, "unknown_registrar"},
		"password but for its case": {"reg1", "reg1", "foo-bar2", "password"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := clientTLS(t, "reg1")
			config.Certificates[0] = testCredentials(t).stranger
			if row.certificateOf != "" {
				config = clientTLS(t, row.certificateOf)
			}
			c := must(client.Dial(soon(t), s.addr, config))
			defer c.Close()
			_, err := c.Login(soon(t), row.clID, row.password)
			var e *client.Error
			// All look the same to the client; only the log tells.
			if !errors.As(err, &e) || e.Code != 2200 || len(e.Details) != 0 {
				t.Errorf("%v", err)
			}
			if !strings.Contains(s.log.String(), "why="+row.why) {
				t.Errorf("the log does not say %s", row.why)
			}
			// The session is none the better for it.
			if r := send(t, c, commandDoc(`<logout/>`)); r.Code != 2002 {
				t.Errorf("logout after that: %d", r.Code)
			}
		})
	}
}

func TestHandshakeRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	for name, change := range map[string]func(*tls.Config){
		"no certificate":         func(c *tls.Config) { c.Certificates = nil },
		"another CA":             func(c *tls.Config) { c.Certificates[0] = testCredentials(t).outsider },
		"a server's certificate": func(c *tls.Config) { c.Certificates[0] = testCredentials(t).server },
		"TLS 1.1":                func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 },
		"CBC only": func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
		},
	} {
		config := clientTLS(t, "reg1")
		change(config)
		if c, err := client.Dial(soon(t), s.addr, config); err == nil {
			c.Close()
			t.Errorf("%s: got a greeting", name)
		}
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		config := clientTLS(t, "reg1")
		config.MinVersion, config.MaxVersion = version, version
		c, err := client.Dial(soon(t), s.addr, config)
		if err != nil {
			t.Errorf("TLS %x: %v", version, err)
			continue
		}
		c.Close()
	}
}

func TestThreeWrongLoginsCloseTheConnection(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c := s.dial(t, "reg1")
	for i, want := range []int{2200, 2200, 2501} {
		_, err := c.Login(soon(t), "reg1", fmt.Sprintf("wrong-%d", i))
		wantCode(t, "wrong login", err, want)
	}
	if _, err := c.Hello(soon(t)); err == nil {
		t.Error("the connection is still open")
	}
}

func TestSessionOrder(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c := s.dial(t, "reg1")
	check := commandDoc(`<check><domain:check xmlns:domain="` + nsDomain + `"><domain:name>a.tld</domain:name></domain:check></check>`)
	for _, doc := range []string{check, commandDoc(`<logout/>`), commandDoc(`<poll op="req"/>`)} {
		if r := send(t, c, doc); r.Code != 2002 || r.ClTRID != "ABC-12345" {
			t.Errorf("before login: %d, %q for\n%s", r.Code, r.ClTRID, doc)
		}
	}
	must(c.Login(soon(t), "reg1", testPassword))
	_, err := c.Login(soon(t), "reg1", testPassword)
	wantCode(t, "login twice", err, 2002)
	if r := send(t, c, check); r.Code != 1000 {
		t.Errorf("after a second login: %+v", r)
	}
	must(c.Hello(soon(t)))
	r, err := c.Logout(soon(t))
	if err != nil || r.Code != 1500 {
		t.Errorf("logout: %+v, %v", r, err)
	}

	c = s.login(t, "reg1")
	if r := send(t, c, commandDoc(`<logout/>`)); r.Code != 1500 {
		t.Errorf("logout: %d", r.Code)
	}
	if _, err := c.Hello(soon(t)); err == nil {
		t.Error("the connection is open after logout")
	}
}

func loginDoc(change ...string) string {
	return strings.NewReplacer(change...).Replace(commandDoc(`<login><clID>reg1</clID><pw>` + testPassword + `</pw>` +
		`<options><version>1.0</version><lang>en</lang></options><svcs><objURI>` + nsDomain + `</objURI></svcs></login>`))
}

func TestLoginForms(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	for name, row := range map[string]struct {
		doc  string
		want int
	}{
		"plain":              {loginDoc(), 1000},
		"CDATA password":     {loginDoc(testPassword, "<![CDATA["+testPassword+"]]>"), 1000},
		"space around":       {loginDoc(testPassword, "\n\t"+testPassword+" ", ">reg1<", "> reg1\n<"), 1000},
		"EPP as a service":   {loginDoc("</svcs>", "<objURI>"+nsEPP+"</objURI></svcs>"), 1000},
		"no clTRID":          {loginDoc("<clTRID>ABC-12345</clTRID>", ""), 1000},
		"version 2.0":        {loginDoc("1.0</version>", "2.0</version>"), 2100},
		"empty version":      {loginDoc("1.0</version>", "</version>"), 2001},
		"lang fr":            {loginDoc(">en<", ">fr<"), 2102},
		"no language":        {loginDoc(">en<", ">!<"), 2001},
		"lang EN":            {loginDoc(">en<", ">EN<"), 1000},
		"lang en-GB":         {loginDoc(">en<", ">en-GB<"), 1000},
		"lang eng":           {loginDoc(">en<", ">eng<"), 2102},
		"newPW too long":     {loginDoc("</pw>", "</pw><newPW>seventeen-letters</newPW>"), 2001},
		"newPW before pw":    {loginDoc("<pw>", "<newPW>bar-FOO2</newPW><pw>"), 2001},
		"all services":       {loginDoc("</svcs>", "<objURI>"+nsContact+"</objURI><objURI>"+nsHost+"</objURI></svcs>"), 1000},
		"services twice":     {loginDoc("</svcs>", "<objURI>"+nsDomain+"</objURI></svcs>"), 1000},
		"old secDNS alone":   {loginDoc("</svcs>", "<svcExtension><extURI>"+nsSecDNS10+"</extURI></svcExtension></svcs>"), 2103},
		"extensions first":   {loginDoc("<svcs>", "<svcs><svcExtension><extURI>urn:x</extURI></svcExtension>"), 2001},
		"version with more":  {loginDoc("1.0</version>", "1.0<b/></version>"), 2001},
		"an attribute":       {loginDoc("<pw>", `<pw x="y">`), 2001},
		"newPW too short":    {loginDoc("</pw>", "</pw><newPW>bar</newPW>"), 2001},
		"unknown service":    {loginDoc(nsDomain, "urn:example:zone-1.0"), 2307},
		"unknown extension":  {loginDoc("</svcs>", "<svcExtension><extURI>urn:example:x-1.0</extURI></svcExtension></svcs>"), 2103},
		"empty svcExtension": {loginDoc("</svcs>", "<svcExtension/></svcs>"), 2001},
		"no service":         {loginDoc("<objURI>"+nsDomain+"</objURI>", ""), 2001},
		"short password":     {loginDoc(testPassword, "short"), 2001},
		"long password":      {loginDoc(testPassword, "seventeen-letters"), 2001},
		"short clID":         {loginDoc(">reg1<", ">r1<"), 2001},
		"long clID":          {loginDoc(">reg1<", ">seventeen-letters<"), 2001},
		"no options":         {loginDoc("<options><version>1.0</version><lang>en</lang></options>", ""), 2001},
		"out of order":       {loginDoc("<version>1.0</version><lang>en</lang>", "<lang>en</lang><version>1.0</version>"), 2001},
		"an extension":       {loginDoc("</login>", `</login><extension><x:y xmlns:x="urn:example:x"/></extension>`), 2103},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := s.dial(t, "reg1")
			if r := send(t, c, row.doc); r.Code != row.want {
				t.Errorf("%d, %v; want %d", r.Code, r.Err(), row.want)
			}
		})
	}
}

func TestOnlyServicesNamedAtLogin(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c := s.dial(t, "reg1")
	if r := send(t, c, loginDoc()); r.Code != 1000 {
		t.Fatal(r.Err())
	}
	_, err := c.CheckHosts(soon(t), "ns1.a.tld")
	wantCode(t, "a service not named at login", err, 2307)
	_, err = c.CheckDomains(soon(t), "a.tld")
	wantCode(t, "a service named at login", err, 1000)
}

func TestUTF16(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c := s.login(t, "reg1")
	doc := []byte{0xfe, 0xff}
	for _, r := range commandDoc(`<check><domain:check xmlns:domain="` + nsDomain + `"><domain:name>a.tld</domain:name></domain:check></check>`) {
		doc = append(doc, 0, byte(r))
	}
	answer := must(c.Raw(soon(t), doc))
	if got := client.Code(answer); got != 1000 {
		t.Errorf("%s", answer)
	}
}

func TestLevelsOfReads(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c := s.login(t, "reg1")
	must(c.CreateDomain(soon(t), client.DomainCreate{Name: "levels.tld"}))
	s.registry.mu.Lock()
	wrote := s.registry.index
	s.registry.levels, s.registry.afters = nil, nil
	s.registry.mu.Unlock()
	must(c.CheckDomains(soon(t), "levels.tld"))
	must(c.InfoDomain(soon(t), "levels.tld", "", ""))
	s.registry.mu.Lock()
	defer s.registry.mu.Unlock()
	// Before each command the node's own copy says whether the registrar may still have a session.
	if !slices.Equal(s.registry.levels, []fsm.Level{fsm.Local, fsm.Session, fsm.Local, fsm.Linearizable}) || s.registry.afters[1] != wrote {
		t.Errorf("levels %v after %v; the session wrote at %d", s.registry.levels, s.registry.afters, wrote)
	}
}

func TestWithoutALeader(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c := s.login(t, "reg1")
	set := func(before, unreadable error) {
		s.registry.mu.Lock()
		defer s.registry.mu.Unlock()
		s.registry.before, s.registry.unreadable = func(Request) error { return before }, unreadable
	}
	set(fsm.ErrNotLogged, fsm.ErrUnavailable)
	_, err := c.CreateDomain(soon(t), client.DomainCreate{Name: "lost.tld"})
	wantCode(t, "a transform that is not logged", err, 2400)
	_, err = c.InfoDomain(soon(t), "lost.tld", "", "")
	wantCode(t, "a read that is impossible", err, 2400)
	other := s.dial(t, "reg2")
	_, err = other.Login(soon(t), "reg2", testPassword)
	wantCode(t, "a login that can't be decided", err, 2400)

	// The session lives on.
	set(nil, nil)
	_, err = c.CreateDomain(soon(t), client.DomainCreate{Name: "lost.tld"})
	wantCode(t, "afterwards", err, 1000)

	set(fsm.ErrOutcomeUnknown, nil)
	_, err = c.DeleteDomain(soon(t), "lost.tld")
	var e *client.Error
	if err == nil || errors.As(err, &e) {
		t.Errorf("a guess was answered: %v", err)
	}
}

func TestSvTRIDIsTheCommandID(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c := s.login(t, "reg1")
	r := send(t, c, commandDoc(`<create><domain:create xmlns:domain="`+nsDomain+`"><domain:name>id.tld</domain:name><domain:authInfo><domain:pw/></domain:authInfo></domain:create></create>`))
	var found registry.CommandID
	err := s.registry.machine.View(func(v fsm.View) error {
		for _, rec := range v.HistoryByClTRID("reg1", "ABC-12345", 10) {
			found = rec.ID
		}
		return nil
	})
	if err != nil || found.String() != r.SvTRID {
		t.Errorf("svTRID %s, but in the history it is %s; %v", r.SvTRID, found, err)
	}
}

// An answer is one record for one read, header and body together.
func TestAnswersComeInOnePiece(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	conn := must(tls.Dial("tcp", s.addr, clientTLS(t, "reg1")))
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 16<<10)
	n := must(conn.Read(b))
	if int(b[2])<<8|int(b[3]) != n {
		t.Errorf("one read gave %d octets of a unit of %d", n, int(b[2])<<8|int(b[3]))
	}
	if _, err := xmltree.Parse(b[4:n]); err != nil {
		t.Error(err)
	}
}

// Frames that come together, or in pieces, are answered one by one and in order.
func TestPipelining(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	conn := must(tls.Dial("tcp", s.addr, clientTLS(t, "reg1")))
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	docs := []string{loginDoc("ABC-12345", "ID-0")}
	for i := 1; i < 20; i++ {
		docs = append(docs, strings.Replace(commandDoc(`<check><domain:check xmlns:domain="`+nsDomain+`"><domain:name>a.tld</domain:name></domain:check></check>`),
			"ABC-12345", fmt.Sprintf("ID-%d", i), 1)+"\r\n")
	}
	var stream []byte
	for _, d := range docs {
		stream = append(stream, unit(d)...)
	}
	// An odd cut, in the middle of a header.
	for _, part := range [][]byte{stream[:2], stream[2:1000], stream[1000:]} {
		if _, err := conn.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	frames := newFrames(conn)
	must(frames.Next()) // greeting
	for i := range docs {
		r := must(client.ParseReply(must(frames.Next())))
		if r.Code != 1000 || r.ClTRID != fmt.Sprintf("ID-%d", i) {
			t.Fatalf("answer %d: %+v", i, r)
		}
	}
}
