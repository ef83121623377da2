package epp

import "quorate/fsm/registry"

// logout carries out <logout> (RFC 5730 §2.9.1.2): the connection closes after the answer.
func (s *session) logout(c *command) response {
	var x schema
	x.Empty(c.element)
	if len(c.extensions) > 0 {
		x.Refuse(registry.UnimplementedExtension, c.extensions[0], "no extension of logout is offered")
	}
	if fail := x.Failure(); fail != nil {
		return refusal(fail)
	}
	s.log.Info("EPP logout")
	return response{code: registry.SuccessEndingSession}
}
