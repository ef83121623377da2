// Package client is an EPP client (RFC 5730 to 5734) for tools, tests and load:
// frames are written by hand into one buffer and leave in one Write, and
// answers are read no further than asked. A Client is one connection, for one
// goroutine at a time.
package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"quorate/epp/frame"
	"quorate/epp/xmltree"
)

// The namespaces that the client speaks.
const (
	nsEPP     = "urn:ietf:params:xml:ns:epp-1.0"
	nsDomain  = "urn:ietf:params:xml:ns:domain-1.0"
	nsHost    = "urn:ietf:params:xml:ns:host-1.0"
	nsContact = "urn:ietf:params:xml:ns:contact-1.0"

	nsSecureAuthInfo = "urn:ietf:params:xml:ns:epp:secure-authinfo-transfer-1.0"
)

// ErrProtocol is wrapped by errors about answers that are no EPP.
var ErrProtocol = errors.New("not an EPP answer")

// Client is a connection to an EPP server.
type Client struct {
	// Trace, if set, is shown every XML instance that is sent (out) or received.
	Trace func(out bool, xml []byte)

	// SecureAuthInfo makes Login name RFC 9154: authInfo must be strong then, and is shown to nobody.
	SecureAuthInfo bool

	conn     net.Conn
	frames   *frame.Reader
	out      []byte
	greeting *Greeting
	prefix   string // of clTRIDs
	sequence uint64
	broken   error // what ended the connection; nothing can be sent after it
}

// Greeting is what a server says of itself (RFC 5730 §2.4).
type Greeting struct {
	ServerID   string   `json:"svID"`
	Date       string   `json:"svDate"` // as sent
	Versions   []string `json:"versions"`
	Languages  []string `json:"languages"`
	Objects    []string `json:"objURIs"`
	Extensions []string `json:"extURIs,omitempty"`
}

// Dial connects and reads the greeting. The TLS configuration holds the client
// certificate; without a server name it is taken from addr, which is host:port.
func Dial(ctx context.Context, addr string, config *tls.Config) (*Client, error) {
	dialer := tls.Dialer{Config: config}
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("connecting to EPP at %s: %w", addr, err)
	}
	c, err := New(ctx, conn)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return c, nil
}

// New makes a Client of a connection that is up, and reads the greeting.
func New(ctx context.Context, conn net.Conn) (*Client, error) {
	c := &Client{conn: conn, frames: frame.NewReader(conn, MaxFrame), prefix: strconv.FormatInt(time.Now().UnixNano(), 36)}
	answer, err := c.exchange(ctx, nil)
	if err == nil {
		c.greeting, err = parseGreeting(answer)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the greeting: %w", err)
	}
	return c, nil
}

// Greeting is the newest greeting.
func (c *Client) Greeting() *Greeting { return c.greeting }

// Close closes the connection without a word.
func (c *Client) Close() error { return c.conn.Close() }

// Raw sends an XML instance and returns the answer's, which is valid until the next call.
func (c *Client) Raw(ctx context.Context, xml []byte) ([]byte, error) {
	return c.exchange(ctx, frame.End(append(frame.Begin(c.out[:0]), xml...)))
}

// exchange sends a data unit, unless there is none, and reads one. After an
// error the connection is of no use: nobody knows what was understood.
func (c *Client) exchange(ctx context.Context, unit []byte) (answer []byte, err error) {
	if c.broken != nil {
		return nil, fmt.Errorf("the connection is broken: %w", c.broken)
	}
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(DefaultTimeout)
	}
	if err := c.conn.SetDeadline(deadline); err != nil {
		return nil, c.fail(ctx, err)
	}
	if ctx.Done() != nil {
		// To be cancelled is to meet the deadline now.
		defer context.AfterFunc(ctx, func() { _ = c.conn.SetDeadline(time.Unix(1, 0)) })()
	}
	if unit != nil {
		c.out = unit
		if c.Trace != nil {
			c.Trace(true, unit[frame.HeaderSize:])
		}
		if _, err := c.conn.Write(unit); err != nil {
			return nil, c.fail(ctx, err)
		}
	}
	if answer, err = c.frames.Next(); err != nil {
		return nil, c.fail(ctx, err)
	}
	if c.Trace != nil {
		c.Trace(false, answer)
	}
	return answer, nil
}

func (c *Client) fail(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case errors.Is(err, os.ErrDeadlineExceeded):
		// The connection's clock may strike before the context's.
		err = context.DeadlineExceeded
	}
	c.broken = err
	c.conn.Close()
	return err
}

// Hello asks for a greeting.
func (c *Client) Hello(ctx context.Context) (*Greeting, error) {
	answer, err := c.Raw(ctx, []byte(prolog+`<hello/></epp>`))
	if err != nil {
		return nil, fmt.Errorf("hello: %w", err)
	}
	g, err := parseGreeting(answer)
	if err != nil {
		return nil, fmt.Errorf("hello: %w", err)
	}
	c.greeting = g
	return g, nil
}

// Login begins a session with all services of the greeting (RFC 5730 §2.9.1.1), but RFC 9154 only if SecureAuthInfo is set.
func (c *Client) Login(ctx context.Context, clID, password string) (*Reply, error) {
	return c.login(ctx, clID, password, "")
}

// ChangePassword logs in, and gives the registrar a new password.
func (c *Client) ChangePassword(ctx context.Context, clID, password, newPassword string) (*Reply, error) {
	return c.login(ctx, clID, password, newPassword)
}

func (c *Client) login(ctx context.Context, clID, password, newPassword string) (*Reply, error) {
	c.begin()
	c.raw(`<login>`)
	c.element("clID", clID)
	c.element("pw", password)
	if newPassword != "" {
		c.element("newPW", newPassword)
	}
	c.raw(`<options><version>1.0</version><lang>en</lang></options><svcs>`)
	for _, uri := range c.greeting.Objects {
		c.element("objURI", uri)
	}
	extensions := slices.DeleteFunc(slices.Clone(c.greeting.Extensions), func(uri string) bool { return uri == nsSecureAuthInfo && !c.SecureAuthInfo })
	if len(extensions) > 0 {
		c.raw(`<svcExtension>`)
		for _, uri := range extensions {
			c.element("extURI", uri)
		}
		c.raw(`</svcExtension>`)
	}
	c.raw(`</svcs></login>`)
	return c.end(ctx, "login")
}

// Logout ends the session and closes the connection.
func (c *Client) Logout(ctx context.Context) (*Reply, error) {
	c.begin()
	c.raw(`<logout/>`)
	r, err := c.end(ctx, "logout")
	c.conn.Close()
	return r, err
}

const prolog = `<?xml version="1.0" encoding="UTF-8" standalone="no"?><epp xmlns="` + nsEPP + `">`

// begin begins a command in the client's buffer.
func (c *Client) begin() { c.out = append(frame.Begin(c.out[:0]), prolog+`<command>`...) }

// end ends the command with a fresh clTRID, sends it, and reads the reply. An EPP error is an *Error.
func (c *Client) end(ctx context.Context, what string) (*Reply, error) {
	c.sequence++
	c.raw(`<clTRID>`, c.prefix, `-`)
	c.out = strconv.AppendUint(c.out, c.sequence, 10)
	c.raw(`</clTRID></command></epp>`)
	answer, err := c.exchange(ctx, frame.End(c.out))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	r, err := ParseReply(answer)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return r, r.Err()
}

func (c *Client) raw(parts ...string) {
	for _, p := range parts {
		c.out = append(c.out, p...)
	}
}

// element appends an element that holds text; name may carry attributes.
func (c *Client) element(name, text string) {
	tag, _, _ := strings.Cut(name, " ")
	c.raw(`<`, name, `>`)
	c.out = xmltree.AppendText(c.out, text)
	c.raw(`</`, tag, `>`)
}

// optional appends an element unless its text is empty.
func (c *Client) optional(name, text string) {
	if text != "" {
		c.element(name, text)
	}
}

func parseGreeting(xml []byte) (*Greeting, error) {
	root, err := xmltree.Parse(xml)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	e := root.Child("greeting")
	if !root.Is(nsEPP, "epp") || e == nil {
		return nil, fmt.Errorf("%w: no greeting", ErrProtocol)
	}
	g := &Greeting{ServerID: childText(e, "svID"), Date: childText(e, "svDate")}
	if menu := e.Child("svcMenu"); menu != nil {
		g.Versions, g.Languages, g.Objects = childTexts(menu, "version"), childTexts(menu, "lang"), childTexts(menu, "objURI")
		if ext := menu.Child("svcExtension"); ext != nil {
			g.Extensions = childTexts(ext, "extURI")
		}
	}
	return g, nil
}

// childText is the text of e's first child called name; "" if there is none.
func childText(e *xmltree.Element, name string) string {
	if c := e.Child(name); c != nil {
		return c.Token()
	}
	return ""
}

// childTexts are the texts of all of e's children called name.
func childTexts(e *xmltree.Element, name string) (all []string) {
	for i := range e.Children {
		if c := &e.Children[i]; c.Is(e.Space, name) {
			all = append(all, c.Token())
		}
	}
	return all
}
