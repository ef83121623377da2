package rst

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"

	"quorate/epp/client"
	"quorate/epp/xmltree"
)

// The namespaces that cases speak.
const (
	nsEPP      = "urn:ietf:params:xml:ns:epp-1.0"
	nsDomain   = "urn:ietf:params:xml:ns:domain-1.0"
	nsHost     = "urn:ietf:params:xml:ns:host-1.0"
	nsContact  = "urn:ietf:params:xml:ns:contact-1.0"
	nsSecDNS   = "urn:ietf:params:xml:ns:secDNS-1.1"
	nsRGP      = "urn:ietf:params:xml:ns:rgp-1.0"
	nsLaunch   = "urn:ietf:params:xml:ns:launch-1.0"
	nsLoginSec = "urn:ietf:params:xml:ns:epp:loginSec-1.0"
	nsSecure   = "urn:ietf:params:xml:ns:epp:secure-authinfo-transfer-1.0"
)

// session is a connection of a case, logged in or not.
type session struct {
	t       *trial
	c       *client.Client
	address string
	account account
	in      bool // logged in
	counter int
	last    string // what was sent last, as reports show it
}

// reply is a server's response.
type reply struct {
	code      int
	message   string
	data      *xmltree.Element // the element inside <resData>; nil if there is none
	extension *xmltree.Element // <extension>; nil if there is none
	sent, xml string
}

// text is what the server says of the code: its message and reasons.
func (r *reply) text() string { return r.message }

// failed says whether the command was refused.
func (r *reply) failed() bool { return r.code >= 2000 }

// connect opens a connection and reads the greeting. The error is a *Problem.
func (t *trial) connect(ctx context.Context, address string, a account) (*session, error) {
	c, err := t.dial(ctx, address, a.certificate)
	if err != nil {
		return nil, err
	}
	s := &session{t: t, c: c, address: address, account: a}
	t.sessions = append(t.sessions, s)
	if t.greeting == nil {
		t.Runner.greeting = &greeting{c.Greeting()}
	}
	return s, nil
}

// dial opens a connection with a client certificate, or with none.
func (t *trial) dial(ctx context.Context, address string, cert *tls.Certificate) (*client.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, problem(allUnreachable, "%v", err)
	}
	cfg := t.tlsConfig(address)
	if cert != nil {
		cfg.Certificates = []tls.Certificate{*cert}
	}
	conn := tls.Client(raw, cfg)
	if err := conn.HandshakeContext(ctx); err != nil {
		raw.Close()
		return nil, problem(tlsError, "%s: %v", address, err)
	}
	c, err := client.New(ctx, &tap{Conn: conn, frames: func(xml []byte) { t.collect("greeting", xml) }})
	if err != nil {
		conn.Close()
		code := "EPP_NO_GREETING_RECEIVED"
		if errors.Is(err, client.ErrProtocol) {
			code = xmlError
		}
		return nil, problem(code, "%s: %v", address, err)
	}
	c.Trace = func(out bool, xml []byte) {
		if !out {
			t.collect("answer", xml)
		}
	}
	return c, nil
}

// tlsConfig is how to connect to an address.
func (t *trial) tlsConfig(address string) *tls.Config {
	name := t.serverID
	if name == "" {
		name, _, _ = net.SplitHostPort(address)
	}
	return &tls.Config{RootCAs: t.roots, ServerName: name, MinVersion: tls.VersionTLS12}
}

// login connects to the first address that can be reached, and logs in. The error is a *Problem.
func (t *trial) login(ctx context.Context, a account) (*session, error) {
	var first error
	for _, address := range t.addresses {
		s, err := t.loginAt(ctx, address, a)
		if err == nil {
			return s, nil
		}
		var p *Problem
		if !errors.As(err, &p) || p.Code != allUnreachable {
			return nil, err
		}
		t.find(unreachable, "%s", p.Detail)
		first = err
	}
	return nil, first
}

// loginAt connects to an address and logs in. The error is a *Problem.
func (t *trial) loginAt(ctx context.Context, address string, a account) (*session, error) {
	s, err := t.connect(ctx, address, a)
	if err != nil {
		return nil, err
	}
	r, err := s.login(ctx, a.clID, a.password)
	if err != nil {
		return nil, err
	}
	if r.failed() {
		p := problem(loginError, "login of %s at %s: %d %s", a.clID, address, r.code, r.text())
		p.Received = report(r.xml)
		return nil, p
	}
	s.in = true
	return s, nil
}

// login sends a login with all services of the greeting, and loginSec where it is announced.
func (s *session) login(ctx context.Context, clID, password string) (*reply, error) {
	g := s.c.Greeting()
	var services, extension string
	for _, uri := range g.Objects {
		services += element("objURI", uri)
	}
	if len(g.Extensions) > 0 {
		inner := ""
		for _, uri := range g.Extensions {
			inner += element("extURI", uri)
		}
		services += `<svcExtension>` + inner + `</svcExtension>`
	}
	if s.t.in.LoginExtension != "" {
		inner, err := inside(s.t.in.LoginExtension)
		if err != nil {
			return nil, problem(badExtension, "epp.loginExtension: %v", err)
		}
		extension = inner
	}
	pw := password
	if s.t.offers(nsLoginSec) {
		pw = "[LOGIN-SECURITY]"
		extension += `<loginSec:loginSec xmlns:loginSec="` + nsLoginSec + `"><loginSec:userAgent><loginSec:app>quorate rst</loginSec:app></loginSec:userAgent>` +
			element("loginSec:pw", password) + `</loginSec:loginSec>`
	}
	if extension != "" {
		extension = `<extension>` + extension + `</extension>`
	}
	return s.send(ctx, `<login>`+element("clID", clID)+element("pw", pw)+
		`<options><version>1.0</version><lang>en</lang></options><svcs>`+services+`</svcs></login>`+extension)
}

// logout ends a session politely, and closes the connection.
func (s *session) logout(ctx context.Context) {
	if s.in && ctx.Err() == nil {
		if r, err := s.send(ctx, `<logout/>`); err == nil && r.code != 1500 {
			s.t.about(r, genericError, "logout is answered with another code than 1500")
		}
	}
	s.in = false
	s.c.Close()
}

// do sends a command's XML, without <command>, and returns the response. The error is a *Problem: no response, or 2400.
func (s *session) do(ctx context.Context, format string, args ...any) (*reply, error) {
	r, err := s.send(ctx, fmt.Sprintf(format, args...))
	if err != nil {
		return nil, err
	}
	if r.code == 2400 {
		p := problem(genericError, "2400 %s", r.text())
		p.Sent, p.Received = r.sent, report(r.xml)
		return nil, p
	}
	return r, nil
}

func (s *session) send(ctx context.Context, command string) (*reply, error) {
	s.counter++
	s.t.result.Commands++
	doc := `<?xml version="1.0" encoding="UTF-8" standalone="no"?><epp xmlns="` + nsEPP + `"><command>` + command +
		`<clTRID>` + s.t.prefix + `-` + strconv.Itoa(s.counter) + `</clTRID></command></epp>`
	s.last = report(doc)
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	answer, err := s.c.Raw(ctx, []byte(doc))
	if err != nil {
		s.in = false
		p := problem(genericError, "no answer from %s: %v", s.address, err)
		p.Sent = s.last
		return nil, p
	}
	r, err := parseReply(answer)
	if err != nil {
		p := problem(xmlError, "%v", err)
		p.Sent, p.Received = s.last, report(string(answer))
		return nil, p
	}
	r.sent = s.last
	return r, nil
}

func parseReply(xml []byte) (*reply, error) {
	root, err := xmltree.Parse(xml)
	if err != nil {
		return nil, err
	}
	response := root.Child("response")
	if !root.Is(nsEPP, "epp") || response == nil || response.Child("result") == nil {
		return nil, errors.New("no <response> with a <result>")
	}
	result := response.Child("result")
	code, _ := result.Attr("code")
	r := &reply{xml: string(xml), extension: response.Child("extension")}
	if r.code, err = strconv.Atoi(code); err != nil {
		return nil, fmt.Errorf("result code %q", code)
	}
	if msg := result.Child("msg"); msg != nil {
		r.message = msg.Token()
	}
	for i := range result.Children {
		if v := &result.Children[i]; v.Name == "extValue" {
			if reason := v.Child("reason"); reason != nil {
				r.message += "; " + reason.Token()
			}
		}
	}
	if data := response.Child("resData"); data != nil && len(data.Children) > 0 {
		r.data = &data.Children[0]
	}
	return r, nil
}

// offers says whether the server announces an extension.
func (t *trial) offers(uri string) bool { return t.greeting != nil && t.greeting.offers(uri) }

// greeting is what the server announced first.
type greeting struct{ *client.Greeting }

func (g *greeting) offers(uri string) bool {
	for _, e := range g.Extensions {
		if e == uri {
			return true
		}
	}
	return false
}

// tap shows the first frame of a connection, which a client reads before it can be traced.
type tap struct {
	net.Conn
	frames func(xml []byte)
	seen   []byte
	done   bool
}

func (c *tap) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.done {
		return n, err
	}
	c.seen = append(c.seen, b[:n]...)
	if len(c.seen) >= 4 {
		total := int(c.seen[0])<<24 | int(c.seen[1])<<16 | int(c.seen[2])<<8 | int(c.seen[3])
		if len(c.seen) >= total && total > 4 {
			c.frames(c.seen[4:total])
			c.done, c.seen = true, nil
		}
	}
	return n, err
}

// hidden is what reports don't show.
var hidden = regexp.MustCompile(`(<(?:loginSec:)?(?:pw|newPW)>)[^<]*(</)`)

// element is an element that holds text; name may carry attributes.
func element(name, text string) string {
	tag, _, _ := strings.Cut(name, " ")
	return `<` + name + `>` + string(xmltree.AppendText(nil, text)) + `</` + tag + `>`
}

// inside is what stands inside the outermost element of a document, which must be well-formed.
func inside(doc string) (string, error) {
	if _, err := xmltree.Parse([]byte(doc)); err != nil {
		return "", err
	}
	from, to := strings.IndexByte(doc, '>'), strings.LastIndex(doc, "</")
	if strings.HasPrefix(strings.TrimSpace(doc), "<?") {
		from += 1 + strings.IndexByte(doc[from+1:], '>')
	}
	if from < 0 || to < from {
		return "", errors.New("nothing inside")
	}
	return doc[from+1 : to], nil
}
