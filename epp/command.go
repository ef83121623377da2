package epp

import (
	"slices"
	"unicode/utf8"

	"quorate/epp/extension"
	"quorate/epp/xmltree"
	"quorate/fsm"
	"quorate/fsm/registry"
)

// command is a client's frame, read as far as RFC 5730 itself goes.
type command struct {
	verb       string // hello, or the name of the command; "" when it isn't known
	op         string // of a transfer; "" when it isn't known
	clTRID     string
	element    *xmltree.Element   // named verb
	extensions []*xmltree.Element // inside <extension>
}

// The verbs of RFC 5730 §2.9. Those that are true work on an object.
var verbs = map[string]bool{
	"login": false, "logout": false, "poll": false,
	"check": true, "create": true, "delete": true, "info": true, "renew": true, "transfer": true, "update": true,
}

// parseCommand reads a frame. When it fails, the command holds what was
// recognised before, so that the answer can carry the clTRID.
func parseCommand(doc []byte) (c command, fail *registry.Failure) {
	root, err := xmltree.Parse(doc)
	if err != nil {
		return c, registry.Fail(registry.CommandSyntax, "epp", "", "%v", err)
	}
	var x schema
	if !root.Is(nsEPP, "epp") {
		x.Violate(root, "not <epp> of %s", nsEPP)
		return c, x.Failure()
	}
	x.Attributes(root, nil)
	q := x.Sequence(root)
	switch {
	case q.Peek("hello"):
		c.verb = "hello"
		c.element = q.Required("hello")
		x.Empty(c.element)
	case q.Peek("extension"):
		e := q.Required("extension")
		x.Refuse(registry.UnimplementedExtension, e, "no protocol extension is spoken here")
	default:
		c.command(&x, q.Required("command"))
	}
	q.End()
	return c, x.Failure()
}

// command reads a commandType.
func (c *command) command(x *schema, e *xmltree.Element) {
	c.transaction(x, e)
	q := x.Sequence(e)
	if len(e.Children) == 0 {
		q.Unexpected("a command")
		return
	}
	verb := &e.Children[0]
	_, known := verbs[verb.Name]
	if verb.Space != nsEPP || !known {
		// Not a matter of schema: RFC 5730 §3 has a code for it.
		x.Refuse(registry.UnknownCommand, verb, "EPP has no such command")
		q.Skip()
	} else {
		c.verb = verb.Name
		c.element = q.Required(c.verb, verbAttributes[c.verb]...)
		if op, _ := c.element.Attr("op"); c.verb == "transfer" && slices.Contains(transferOps, xmltree.Collapse(op)) {
			c.op = xmltree.Collapse(op)
		}
	}
	if ext := q.Optional("extension"); ext != nil {
		inner := x.Sequence(ext)
		for range max(1, len(ext.Children)) {
			c.extensions = append(c.extensions, inner.Foreign())
		}
	}
	q.Optional("clTRID")
	q.End()
}

// transferOps are the values of a transfer's op (RFC 5730 §2.9.3.4).
var transferOps = []string{"approve", "cancel", "query", "reject", "request"}

var verbAttributes = map[string][]string{"poll": {"op", "msgID"}, "transfer": {"op"}}

// transaction finds the clTRID before anything else can fail. Clients that have
// none leave it out or empty.
func (c *command) transaction(x *schema, e *xmltree.Element) {
	id := e.Child("clTRID")
	if id == nil {
		return
	}
	s := xmltree.Collapse(x.Text(id))
	if n := utf8.RuneCountInString(s); n != 0 && (n < 3 || n > 64) {
		x.Violate(id, "%d characters, not 3 to 64", n)
		return
	}
	c.clTRID = s
}

// action is what a command on an object comes to: a command for the log, or a read.
type action struct {
	kind  registry.Kind
	body  any
	reply func(w *writer, r registry.Result) error // writes what a success answers with; nil: nothing

	// needsExtension says that the command asks for nothing unless an extension adds to it.
	needsExtension bool

	// prepare, if set, completes the body before it goes to the log by what a read shows of everything acknowledged anywhere.
	prepare func(v fsm.View, body any) (prepared any, fail *registry.Failure)

	query func(v fsm.View, w *writer) *registry.Failure // set for reads
	level fsm.Level
}

// parser reads an object's element into an action for a session.
type parser func(s *session, e *xmltree.Element) (action, *registry.Failure)

// operation names a command: the object's namespace and the verb, which for a transfer has its op behind it; EPP's own namespace where there is no object.
type operation = extension.Operation

// operation is the command's name.
func (c *command) operation() operation {
	if verbs[c.verb] && len(c.element.Children) > 0 {
		return operation{Space: c.element.Children[0].Space, Verb: c.verbAndOp()}
	}
	return operation{Space: nsEPP, Verb: c.verb}
}

// operations is every command on an object that there is, each in the file
// that is named for it. To add one is to write that file and its line here.
var operations = map[operation]parser{
	{Space: nsDomain, Verb: "check"}:             parseDomainCheck,
	{Space: nsDomain, Verb: "create"}:            parseDomainCreate,
	{Space: nsDomain, Verb: "delete"}:            parseDomainDelete,
	{Space: nsDomain, Verb: "info"}:              parseDomainInfo,
	{Space: nsDomain, Verb: "renew"}:             parseDomainRenew,
	{Space: nsDomain, Verb: "update"}:            parseDomainUpdate,
	{Space: nsContact, Verb: "transfer-query"}:   parseContactTransferQuery,
	{Space: nsContact, Verb: "transfer-request"}: parseContactTransferRequest,
	{Space: nsContact, Verb: "transfer-approve"}: parseContactTransferEnd(registry.ApproveTransfer),
	{Space: nsContact, Verb: "transfer-reject"}:  parseContactTransferEnd(registry.RejectTransfer),
	{Space: nsContact, Verb: "transfer-cancel"}:  parseContactTransferEnd(registry.CancelTransfer),
	{Space: nsContact, Verb: "check"}:            parseContactCheck,
	{Space: nsContact, Verb: "create"}:           parseContactCreate,
	{Space: nsContact, Verb: "delete"}:           parseContactDelete,
	{Space: nsContact, Verb: "info"}:             parseContactInfo,
	{Space: nsContact, Verb: "update"}:           parseContactUpdate,
	{Space: nsHost, Verb: "check"}:               parseHostCheck,
	{Space: nsHost, Verb: "create"}:              parseHostCreate,
	{Space: nsHost, Verb: "delete"}:              parseHostDelete,
	{Space: nsHost, Verb: "info"}:                parseHostInfo,
	{Space: nsHost, Verb: "update"}:              parseHostUpdate,
	{Space: nsDomain, Verb: "transfer-query"}:    parseDomainTransferQuery,
	{Space: nsDomain, Verb: "transfer-request"}:  parseDomainTransferRequest,
	{Space: nsDomain, Verb: "transfer-approve"}:  parseDomainTransferEnd(registry.ApproveTransfer),
	{Space: nsDomain, Verb: "transfer-reject"}:   parseDomainTransferEnd(registry.RejectTransfer),
	{Space: nsDomain, Verb: "transfer-cancel"}:   parseDomainTransferEnd(registry.CancelTransfer),
}

// object finds the element inside the verb's, which must be of the verb's own
// name, and checks that the session may use its object service.
func (c *command) object(s *session) (*xmltree.Element, *registry.Failure) {
	var x schema
	if c.verb == "transfer" {
		x.Choice(c.element, "op", "", transferOps...)
	}
	q := x.Sequence(c.element)
	e := q.Foreign()
	q.End()
	if fail := x.Failure(); fail != nil {
		return nil, fail
	}
	// The schemas of other services are not known here.
	if prefixes[e.Space] != "" {
		x.Attributes(e, nil)
	}
	switch {
	case prefixes[e.Space] == "":
		x.Refuse(registry.UnimplementedObject, e, "this object service is not offered")
	case !s.objects[e.Space]:
		x.Refuse(registry.UnimplementedObject, e, "this object service was not named at login")
	case e.Name != c.verb:
		x.Violate(e, "<%s> should be here", c.verb)
	}
	return e, x.Failure()
}

// verbAndOp is the verb as operations has it.
func (c *command) verbAndOp() string {
	if c.op != "" {
		return c.verb + "-" + c.op
	}
	return c.verb
}

// label names the command in metrics and logs: from a fixed set, whatever clients send.
func (c *command) label() string {
	if c.verb == "" {
		return "unknown"
	}
	if !verbs[c.verb] {
		return c.verb
	}
	if len(c.element.Children) > 0 {
		if prefix := prefixes[c.element.Children[0].Space]; prefix != "" {
			return prefix + ":" + c.verbAndOp()
		}
	}
	return "other:" + c.verb
}
