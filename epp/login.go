package epp

import (
	"context"
	"errors"
	"slices"

	"quorate/epp/extension"
	"quorate/epp/password"
	"quorate/epp/xmlschema"
	"quorate/epp/xmltree"
	"quorate/fsm"
	"quorate/fsm/registry"
)

// login carries out <login> (RFC 5730 §2.9.1.1). It fails with 2001, 2002,
// 2100, 2102, 2103, 2200, 2307, 2400, 2501, 2502.
func (s *session) login(ctx context.Context, c *command) *registry.Failure {
	l, fail := parseLogin(c.element)
	if fail == nil && s.registrar != "" {
		fail = failAt(registry.CommandUse, &xmltree.Element{Space: nsEPP, Name: "login"}, "the session is logged in as %s", s.registrar)
	}
	if fail == nil {
		fail = s.chooseServices(l)
	}
	if fail == nil {
		fail = s.extendLogin(c, &l)
	}
	if fail != nil {
		return fail
	}
	if fail := s.authenticate(ctx, l); fail != nil {
		s.objects, s.extensions = nil, nil
		return fail
	}
	if !s.server.admit(l.clID) {
		s.server.metrics.logins.WithLabelValues("limit").Inc()
		s.log.Warn("EPP login refused: session limit", "registrar", l.clID)
		return registry.Fail(registry.SessionLimitClosing, "clID", l.clID, "too many sessions")
	}
	s.registrar = l.clID
	s.log = s.log.With("registrar", l.clID)
	s.server.metrics.logins.WithLabelValues("success").Inc()
	s.log.Info("EPP login")
	return nil
}

// login is a loginType.
type login struct {
	clID, password string
	objects        []xmltree.Element // objURI
	extensions     []xmltree.Element // extURI
}

func parseLogin(e *xmltree.Element) (l login, fail *registry.Failure) {
	var x schema
	q := x.Sequence(e)
	l.clID = x.Identifier(q.Required("clID"))
	l.password = x.Token(q.Required("pw"), 6, 16)
	if pw := q.Optional("newPW"); pw != nil {
		x.Token(pw, 6, 16)
		x.Refuse(registry.UnimplementedOption, pw, "passwords are changed with the registry's operator")
	}
	options, svcs := q.Required("options"), q.Required("svcs")
	q.End()

	q = x.Sequence(options)
	if version := q.Required("version"); x.Text(version) != "" && version.Token() != "1.0" {
		x.Refuse(registry.UnimplementedVersion, version, "only 1.0 is spoken here")
	} else if version.Token() == "" {
		x.Violate(version, "empty")
	}
	if lang := q.Required("lang"); !xmlschema.IsLanguage(xmltree.Collapse(x.Text(lang))) {
		x.Violate(lang, "no language")
	} else if lang.Token() != "en" {
		x.Refuse(registry.UnimplementedOption, lang, "only en is spoken here")
	}
	q.End()

	q = x.Sequence(svcs)
	l.objects = q.Repeated("objURI", 1, maxServices)
	if ext := q.Optional("svcExtension"); ext != nil {
		inner := x.Sequence(ext)
		l.extensions = inner.Repeated("extURI", 1, maxServices)
		inner.End()
	}
	q.End()
	return l, x.Failure()
}

// chooseServices takes the services that a login names. All must be offered;
// EPP's own namespace is none, but stock clients name it all the same.
func (s *session) chooseServices(l login) *registry.Failure {
	var x schema
	s.objects, s.extensions = map[string]bool{}, map[string]*extension.Extension{}
	for i := range l.objects {
		e := &l.objects[i]
		switch uri := xmltree.Collapse(x.Text(e)); {
		case slices.Contains(services, uri):
			s.objects[uri] = true
		case uri != nsEPP:
			x.Refuse(registry.UnimplementedObject, e, "this object service is not offered")
		}
	}
	for i := range l.extensions {
		e := &l.extensions[i]
		uri := xmltree.Collapse(x.Text(e))
		at := slices.IndexFunc(s.server.config.Extensions, func(ext *extension.Extension) bool { return ext.URI == uri })
		if at < 0 {
			x.Refuse(registry.UnimplementedExtension, e, "this extension is not offered")
			continue
		}
		s.extensions[uri] = s.server.config.Extensions[at]
	}
	return x.Failure()
}

// authenticate binds the session to a registrar: the client certificate must
// be one of the registrar's, and the password right. Whatever is wrong, the
// client hears the same; only the log tells. The costly hash comes last.
func (s *session) authenticate(ctx context.Context, l login) *registry.Failure {
	var r registry.Registrar
	var known bool
	err := s.registry.View(ctx, fsm.Local, 0, func(v fsm.View) error {
		r, known = v.Registrar(l.clID)
		return nil
	})
	if err != nil {
		return s.loginImpossible(l, err)
	}
	switch {
	case !known:
		return s.loginWrong(l, "unknown_registrar")
	case !slices.Contains(r.Certificates, s.fingerprint):
		return s.loginWrong(l, "certificate")
	case r.Suspended:
		return s.loginWrong(l, "suspended")
	}
	right, err := s.server.passwords.Verify(ctx, password.Subject{Registrar: r.ID, Certificate: s.fingerprint, Hash: r.Password}, l.password)
	if err != nil {
		return s.loginImpossible(l, err)
	}
	if !right {
		return s.loginWrong(l, "password")
	}
	return nil
}

// loginWrong answers 2200, or 2501 once a connection has failed too often.
func (s *session) loginWrong(l login, why string) *registry.Failure {
	s.failures++
	s.server.metrics.logins.WithLabelValues(why).Inc()
	s.log.Info("EPP login refused", "clID", l.clID, "why", why, "failures", s.failures)
	code := registry.AuthenticationError
	if s.failures >= maxFailedLogins {
		code = registry.AuthenticationClosing
	}
	return registry.Fail(code, "", "", "")
}

// loginImpossible answers 2400: nothing was found out about the client.
func (s *session) loginImpossible(l login, err error) *registry.Failure {
	outcome := "error"
	if errors.Is(err, password.ErrBusy) {
		outcome = "busy"
	}
	s.server.metrics.logins.WithLabelValues(outcome).Inc()
	s.log.Warn("EPP login impossible", "clID", l.clID, "error", err)
	return registry.Fail(registry.CommandFailed, "", "", "")
}
