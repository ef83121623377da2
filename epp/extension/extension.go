// Package extension is what an extension of EPP consists of, for those who
// write one and for the server that drives it: docs/EXTENSIONS.md shows how. It
// holds no extension itself.
package extension

import (
	"quorate/epp/xmltree"
	"quorate/epp/xmlwriter"
	"quorate/fsm"
	"quorate/fsm/registry"
)

// The object services that extensions extend, and EPP itself, whose commands poll and login have no object.
const (
	EPP     = "urn:ietf:params:xml:ns:epp-1.0"
	Domain  = "urn:ietf:params:xml:ns:domain-1.0"
	Host    = "urn:ietf:params:xml:ns:host-1.0"
	Contact = "urn:ietf:params:xml:ns:contact-1.0"
)

// Operation names a command: the object's namespace, or EPP's own, and the verb.
type Operation struct{ Space, Verb string }

// Extension is a command-response extension (RFC 5730 §2.7.3). The greeting
// announces it; it is in force in the sessions that named it at login, and
// there only. What is nil or empty it doesn't do: one that has but a URI changes how
// others behave, by asking Session.Negotiated (RFC 9154, RFC 9038).
type Extension struct {
	URI    string // its namespace
	Prefix string // the customary prefix of its elements, for answers and for the Failures of the registry; "" if it has none

	// Commands are the commands that an element of the extension may go with. With any other it is 2103.
	Commands map[Operation]Part
	// Answers write what the extension adds to a successful answer, if there is anything to say. They are also
	// called for sessions that understand unhandled namespaces (RFC 9038) but don't have the extension.
	Answers map[Operation]func(a *Answer, w *xmlwriter.Writer) *registry.Failure
	// Login reads the extension's element of <login>, before anything is verified; nil: it has none.
	Login func(l *Login, e *xmltree.Element) *registry.Failure
}

// Part is an extension's element of a command.
type Part struct {
	Element string // its local name; any other is 2001
	// Parse reads the element and puts into the command's body what it asks for. It decides syntax only, and
	// reads with xmlschema, so that 2001 comes before all else.
	Parse func(c *Command, e *xmltree.Element) *registry.Failure
}

// Session is what an extension may know of the session.
type Session struct {
	Registrar  string // clID
	negotiated func(uri string) bool
}

// NewSession makes a Session; negotiated says which extensions were named at login.
func NewSession(registrar string, negotiated func(uri string) bool) Session {
	return Session{registrar, negotiated}
}

// Negotiated says whether the session's login named an extension.
func (s Session) Negotiated(uri string) bool { return s.negotiated(uri) }

// Command is a command that has been read and not yet executed.
type Command struct {
	Session
	Kind registry.Kind // 0 for reads
	Body any           // of the type that Kind stands for, by value; nil for reads. Parse may replace it by another value of this type
}

// BodyAs is the command's body as the type that the operation has.
func BodyAs[T any](c *Command) T { return c.Body.(T) }

// Answer is the answer to a command that succeeded, being written.
type Answer struct {
	Session
	View    *fsm.View       // the state from which a read is answered; nil for what went through the log
	Subject any             // what the answer is about: the registry.Domain of an info, the message of a poll
	Result  registry.Result // of a command that went through the log
}

// Login is what a login asks for. An extension may replace what its element says otherwise.
type Login struct {
	Password string
}
