package epp

import (
	"quorate/epp/xmltree"
	"quorate/fsm/registry"
)

// Extension is a command-response extension (RFC 5730 §2.7.3). The greeting
// announces it, a session may use it if it was named at login, and it takes
// part in every command on an object that such a session sends.
type Extension interface {
	// URI is the extension's namespace.
	URI() string
	// Extend takes the extension's element of a command, before the command is executed, and may change its
	// body, a value of the type that kind stands for; reads have no body. To refuse is to return a Failure.
	Extend(e *xmltree.Element, kind registry.Kind, body any) (extended any, fail *registry.Failure)
	// Respond returns the extension's element for the answer to a command that succeeded, if there is anything to say.
	Respond(operation string, r registry.Result) (xml []byte)
}

// extend hands a command's extension elements to their extensions.
func (s *session) extend(c *command, a *action) *registry.Failure {
	if a.needsExtension && len(c.extensions) == 0 {
		return failAt(registry.RequiredParameter, c.element, "there is nothing to add, remove or change")
	}
	for _, e := range c.extensions {
		ext, ok := s.extensions[e.Space]
		if !ok {
			return failAt(registry.UnimplementedExtension, e, "this extension is not offered, or was not named at login")
		}
		body, fail := ext.Extend(e, a.kind, a.body)
		if fail != nil {
			return fail
		}
		a.body = body
	}
	return nil
}
