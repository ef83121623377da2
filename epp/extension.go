package epp

import (
	"slices"

	"quorate/epp/extension"
	"quorate/epp/secdns"
	"quorate/epp/xmltree"
	"quorate/epp/xmlwriter"
	"quorate/fsm"
	"quorate/fsm/registry"
)

// extensions are all that the greeting offers, in this order. Each is a folder
// of its own; to add one is to write it and its line here (docs/EXTENSIONS.md).
var extensions = []*extension.Extension{
	&secdns.Extension,
	&secureAuthInfo,
	&unhandledNamespaces,
}

// unhandledNamespaces is RFC 9038: what the session's login didn't name is
// told in <extValue>: elements of extensions, which are otherwise left out
// (respond), and in messages of the poll queue what belongs to object services, too (showMessage).
var unhandledNamespaces = extension.Extension{URI: "urn:ietf:params:xml:ns:epp:unhandled-namespaces-1.0"}

// negotiated says whether the session's login named the extension.
func (s *session) negotiated(uri string) bool {
	_, ok := s.extensions[uri]
	return ok
}

func (s *session) forExtensions() extension.Session {
	return extension.NewSession(s.registrar, s.negotiated)
}

// extend hands a command's extension elements to their extensions (RFC 5730
// §2.7.3). What no extension of this session's knows with this command is 2103.
func (s *session) extend(c *command, a *action) *registry.Failure {
	if a.needsExtension && len(c.extensions) == 0 {
		return failAt(registry.RequiredParameter, c.element, "there is nothing to add, remove or change")
	}
	op := c.operation()
	ec := extension.Command{Session: s.forExtensions(), Kind: a.kind, Body: a.body}
	for i, e := range c.extensions {
		ext, fail := s.extension(e)
		if fail != nil {
			return fail
		}
		part, ok := ext.Commands[op]
		switch {
		case !ok:
			return failAt(registry.UnimplementedExtension, e, "the extension adds nothing to this command")
		case e.Name != part.Element:
			return failAt(registry.CommandSyntax, e, "<%s> should be here", part.Element)
		case slices.ContainsFunc(c.extensions[:i], func(o *xmltree.Element) bool { return o.Space == e.Space }):
			return failAt(registry.CommandSyntax, e, "the extension is there twice")
		}
		if fail := part.Parse(&ec, e); fail != nil {
			return fail
		}
	}
	a.body = ec.Body
	return nil
}

// extension is the one that an element of a command belongs to.
func (s *session) extension(e *xmltree.Element) (*extension.Extension, *registry.Failure) {
	ext, ok := s.extensions[e.Space]
	if !ok {
		return nil, failAt(registry.UnimplementedExtension, e, "this extension is not offered, or was not named at login")
	}
	return ext, nil
}

// extendLogin hands the extension elements of a login to their extensions.
func (s *session) extendLogin(c *command, l *login) *registry.Failure {
	el := extension.Login{Password: l.password}
	for i, e := range c.extensions {
		ext, fail := s.extension(e)
		switch {
		case fail != nil:
			return fail
		case ext.Login == nil:
			return failAt(registry.UnimplementedExtension, e, "the extension adds nothing to login")
		case slices.ContainsFunc(c.extensions[:i], func(o *xmltree.Element) bool { return o.Space == e.Space }):
			return failAt(registry.CommandSyntax, e, "the extension is there twice")
		}
		if fail := ext.Login(&el, e); fail != nil {
			return fail
		}
	}
	l.password = el.Password
	return nil
}

// respond lets extensions add to the answer to a success. view is nil for what went through the log.
func (s *session) respond(op operation, view *fsm.View, result registry.Result, r *response) *registry.Failure {
	a := extension.Answer{Session: s.forExtensions(), View: view, Subject: r.data.subject, Result: result}
	for _, ext := range s.server.config.Extensions {
		chosen := s.negotiated(ext.URI)
		write, ok := ext.Answers[op]
		if !ok || !chosen && !s.negotiated(unhandledNamespaces.URI) {
			continue
		}
		var w xmlwriter.Writer
		if fail := write(&a, &w); fail != nil {
			return fail
		}
		if chosen {
			r.extension.B = append(r.extension.B, w.B...)
		} else if len(w.B) > 0 {
			r.unhandled = append(r.unhandled, unhandled{ext.URI, w.B})
		}
	}
	return nil
}

// unhandled is an element of an answer whose namespace the session's login did not name (RFC 9038 §2).
type unhandled struct {
	uri string
	xml []byte
}

// unhandled appends what RFC 9038 §3 makes of such an element.
func (w *writer) unhandled(u unhandled) {
	w.Raw(`<extValue><value>`)
	w.B = append(w.B, u.xml...)
	w.Raw(`</value>`)
	w.Element("reason", u.uri+" not in login services")
	w.Raw(`</extValue>`)
}
