package client

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"quorate/epp/frame"
)

const greeting = prolog + `<greeting><svID>test</svID><svDate>2026-03-01T12:00:00.0Z</svDate><svcMenu><version>1.0</version><lang>en</lang>` +
	`<objURI>urn:ietf:params:xml:ns:domain-1.0</objURI><svcExtension><extURI>urn:x</extURI></svcExtension></svcMenu></greeting></epp>`

// fakeServer answers each frame with the next of answers, after a greeting, and then closes. It tells what it got.
func fakeServer(t *testing.T, answers ...string) (conn net.Conn, got chan string) {
	t.Helper()
	near, far := net.Pipe()
	got = make(chan string, len(answers))
	t.Cleanup(func() { near.Close() })
	go func() {
		defer far.Close()
		frames := frame.NewReader(far, MaxFrame)
		for i, answer := range append([]string{greeting}, answers...) {
			if i > 0 {
				doc, err := frames.Next()
				if err != nil {
					return
				}
				got <- string(doc)
			}
			if _, err := far.Write(frame.End(append(frame.Begin(nil), answer...))); err != nil {
				return
			}
		}
		_, _ = io.Copy(io.Discard, far)
	}()
	return near, got
}

func response(code, rest string) string {
	return prolog + `<response><result code="` + code + `"><msg>text</msg></result>` + rest + `<trID><svTRID>S-1</svTRID></trID></response></epp>`
}

func TestLoginNamesWhatTheGreetingOffers(t *testing.T) {
	t.Parallel()
	conn, got := fakeServer(t, response("1000", ""))
	c, err := New(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := c.Login(t.Context(), "a&b", "p<w"); err != nil || r.Code != 1000 || r.SvTRID != "S-1" {
		t.Errorf("%+v, %v", r, err)
	}
	doc := <-got
	for _, part := range []string{`<clID>a&amp;b</clID>`, `<pw>p&lt;w</pw>`, `<objURI>urn:ietf:params:xml:ns:domain-1.0</objURI>`, `<svcExtension><extURI>urn:x</extURI></svcExtension>`} {
		if !strings.Contains(doc, part) {
			t.Errorf("no %s in %s", part, doc)
		}
	}
}

func TestRefusalsAreErrors(t *testing.T) {
	t.Parallel()
	conn, _ := fakeServer(t, prolog+`<response><result code="2303"><msg>Object does not exist</msg>`+
		`<extValue><value><d:name xmlns:d="urn:ietf:params:xml:ns:domain-1.0">x.test</d:name></value><reason>none</reason></extValue><value>bare</value></result><trID><svTRID>S-9</svTRID></trID></response></epp>`)
	c, err := New(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.DeleteDomain(t.Context(), "x.test")
	var e *Error
	if !errors.As(err, &e) || e.Code != 2303 || e.SvTRID != "S-9" || len(e.Details) != 2 || e.Details[0] != (Detail{"name", "x.test", "none"}) || e.Details[1].Value != "bare" {
		t.Fatalf("%+v", err)
	}
	if want := `EPP 2303: Object does not exist; name "x.test": none;  "bare"`; e.Error() != want {
		t.Errorf("%s", e)
	}
}

func TestOddAnswers(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{
		"no XML", greeting, `<epp xmlns="urn:x"/>`, response("1000", ""), response("abcd", ""),
		response("1000", `<resData><x:chkData xmlns:x="urn:x"/></resData>`),
		response("1000", `<resData><d:creData xmlns:d="urn:ietf:params:xml:ns:domain-1.0"><d:name>a</d:name><d:crDate>yesterday</d:crDate></d:creData></resData>`),
	} {
		conn, _ := fakeServer(t, answer)
		c, err := New(t.Context(), conn)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.CreateDomain(t.Context(), DomainCreate{Name: "a.test"}); !errors.Is(err, ErrProtocol) {
			t.Errorf("%s: %v", answer, err)
		}
	}
	near, far := net.Pipe()
	go func() {
		_, _ = far.Write(frame.End(append(frame.Begin(nil), response("1000", "")...)))
	}()
	if _, err := New(t.Context(), near); !errors.Is(err, ErrProtocol) {
		t.Errorf("no greeting: %v", err)
	}
}

func TestDeadlines(t *testing.T) {
	t.Parallel()
	conn, _ := fakeServer(t) // never answers
	c, err := New(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	// net.Pipe has no buffer: once the frame is written the client waits for the answer.
	c.Trace = func(bool, []byte) { cancel() }
	if _, err := c.Hello(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := c.Hello(t.Context()); err == nil || !strings.Contains(err.Error(), "broken") {
		t.Errorf("afterwards: %v", err)
	}

	conn, _ = fakeServer(t)
	if c, err = New(t.Context(), conn); err != nil {
		t.Fatal(err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := c.Hello(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("past the deadline: %v", err)
	}
}

func TestCode(t *testing.T) {
	t.Parallel()
	for xml, want := range map[string]int{
		response("1000", ""): 1000, response("2502", ""): 2502, greeting: 0, "": 0, `<result code="`: 0, `<result code="12`: 0, `<result code="x123"`: 0, `<result code="-123"`: 0,
		`<result xml:lang="en" code='1301'>`: 1301,
	} {
		if got := Code([]byte(xml)); got != want {
			t.Errorf("%s: %d; want %d", xml, got, want)
		}
	}
}

func FuzzParseReply(f *testing.F) {
	f.Add([]byte(response("1000", `<resData><d:chkData xmlns:d="urn:ietf:params:xml:ns:domain-1.0"><d:cd><d:name avail="1">a</d:name></d:cd></d:chkData></resData>`)))
	f.Add([]byte(greeting))
	f.Fuzz(func(t *testing.T, xml []byte) {
		if r, err := ParseReply(xml); err == nil {
			_, _ = r.data(nsDomain, "chkData")
		} else if !errors.Is(err, ErrProtocol) {
			t.Fatal(err)
		}
		if _, err := parseGreeting(xml); err != nil && !errors.Is(err, ErrProtocol) {
			t.Fatal(err)
		}
		if code := Code(xml); code < 0 || code > 9999 {
			t.Fatal(code)
		}
	})
}
