package epp

import (
	"context"
	"errors"
	"slices"

	"quorate/epp/extension"
	"quorate/epp/xmlschema"
	"quorate/epp/xmltree"
	"quorate/fsm"
	"quorate/fsm/registry"
)

// login carries out <login> (RFC 5730 §2.9.1.1). It fails with 2001, 2002,
// 2100, 2102, 2103, 2200, 2306, 2307, 2400, 2501, 2502.
func (s *session) login(ctx context.Context, c *command) (response, error) {
	l, fail := parseLogin(c.element)
	if fail == nil && s.registrar != "" {
		fail = failAt(registry.CommandUse, &xmltree.Element{Space: nsEPP, Name: "login"}, "the session is logged in as %s", s.registrar)
	}
	if fail == nil {
		fail = s.chooseServices(ctx, &l)
	}
	if fail != nil {
		return refusal(fail), nil
	}
	s.objects, s.extensions = l.chosen, l.chosenExtensions
	answer, err := s.enter(ctx, c, &l)
	if s.registrar == "" {
		s.objects, s.extensions = nil, nil
	}
	return answer, err
}

// enter verifies a login with its services chosen, and makes the session the registrar's if all is right.
func (s *session) enter(ctx context.Context, c *command, l *login) (response, error) {
	if fail := s.extendLogin(c, l); fail != nil {
		return refusal(fail), nil
	}
	if fail := s.turn(ctx, l); fail != nil {
		return refusal(fail), nil
	}
	r, fail := s.authenticate(ctx, l)
	if fail != nil {
		return refusal(fail), nil
	}
	dismiss, ok := s.server.admit(ctx, l.clID, r.maxSessions())
	if !ok {
		s.server.metrics.logins.WithLabelValues("limit").Inc()
		s.log.Warn("EPP login refused: session limit", "registrar", l.clID)
		return refusal(registry.Fail(registry.SessionLimitClosing, "clID", l.clID, "the registrar has as many sessions as it may")), nil
	}
	answer := response{code: registry.Success}
	if l.newPW != nil {
		var err error
		if answer, err = s.changePassword(ctx, c, l, r); err != nil || answer.code.Failed() {
			dismiss()
			return answer, err
		}
	}
	s.registrar, s.dismiss = l.clID, dismiss
	s.log = s.log.With("registrar", l.clID)
	s.server.metrics.logins.WithLabelValues("success").Inc()
	s.log.Info("EPP login", "new_password", l.newPW != nil)
	return answer, nil
}

// login is a loginType.
type login struct {
	clID, password string
	newPW          *xmltree.Element
	newPassword    string
	objects        []xmltree.Element // objURI
	extensions     []xmltree.Element // extURI

	chosen           map[string]bool
	chosenExtensions map[string]*extension.Extension
}

func parseLogin(e *xmltree.Element) (l login, fail *registry.Failure) {
	var x schema
	q := x.Sequence(e)
	l.clID = x.Identifier(q.Required("clID"))
	l.password = x.Token(q.Required("pw"), minPassword, maxPassword)
	if l.newPW = q.Optional("newPW"); l.newPW != nil {
		l.newPassword = x.Token(l.newPW, minPassword, maxPassword)
	}
	options, svcs := q.Required("options"), q.Required("svcs")
	q.End()

	q = x.Sequence(options)
	if version := q.Required("version"); x.Text(version) != "" && version.Token() != "1.0" {
		x.Refuse(registry.UnimplementedVersion, version, "only version 1.0 is spoken here, as the greeting says")
	} else if version.Token() == "" {
		x.Violate(version, "the version is missing: 1.0")
	}
	if lang := q.Required("lang"); !xmlschema.IsLanguage(xmltree.Collapse(x.Text(lang))) {
		x.Violate(lang, "not a language tag, such as en")
	} else if !isEnglish(lang.Token()) {
		x.Refuse(registry.UnimplementedOption, lang, "only the language en is spoken here, as the greeting says")
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

// isEnglish says whether a language tag asks for what is spoken here: en, in
// whatever case (RFC 5646 §2.1.1), or a kind of it, which answers in en satisfy (RFC 4647 §3.4).
func isEnglish(tag string) bool {
	return lower(tag) == "en" || len(tag) > 2 && lower(tag[:3]) == "en-"
}

// nsSecDNS10 is the extension of RFC 4310, which RFC 5910 replaced. Clients name
// it beside its successor; nobody uses it.
const nsSecDNS10, nsSecDNS11 = "urn:ietf:params:xml:ns:secDNS-1.0", "urn:ietf:params:xml:ns:secDNS-1.1"

// chooseServices takes the services that a login names. All must be offered;
// EPP's own namespace is none, but stock clients name it all the same.
func (s *session) chooseServices(ctx context.Context, l *login) *registry.Failure {
	var x schema
	l.chosen, l.chosenExtensions = map[string]bool{}, map[string]*extension.Extension{}
	offered := services(ctx, s.registry)
	for i := range l.objects {
		e := &l.objects[i]
		switch uri := xmltree.Collapse(x.Text(e)); {
		case slices.Contains(offered, uri):
			l.chosen[uri] = true
		case uri != nsEPP:
			x.Refuse(registry.UnimplementedObject, e, "this object service is not among the greeting's")
		}
	}
	names := func(uri string) bool {
		return slices.ContainsFunc(l.extensions, func(e xmltree.Element) bool { return e.Token() == uri })
	}
	for i := range l.extensions {
		e := &l.extensions[i]
		uri := xmltree.Collapse(x.Text(e))
		at := slices.IndexFunc(s.server.config.Extensions, func(ext *extension.Extension) bool { return ext.URI == uri })
		if at < 0 {
			if uri != nsSecDNS10 || !names(nsSecDNS11) {
				x.Refuse(registry.UnimplementedExtension, e, "this extension is not among the greeting's")
			}
			continue
		}
		l.chosenExtensions[uri] = s.server.config.Extensions[at]
	}
	return x.Failure()
}

// changePassword gives the registrar the login's new password. The hash is made here, before the log; whether the old
// password is still the one that was verified is decided there.
func (s *session) changePassword(ctx context.Context, c *command, l *login, r admitted) (response, error) {
	if fail := r.mayBecome(l); fail != nil {
		return refusal(fail), nil
	}
	hash, err := s.server.passwords.Hash(ctx, l.newPassword)
	if err != nil {
		return refusal(s.loginImpossible(l, err)), nil
	}
	result, id, err := s.registry.Execute(ctx, Request{
		Actor:  registry.Actor{Role: registry.RoleRegistrar, Name: l.clID},
		ClTRID: c.clTRID, Kind: registry.KindRegistrarPassword,
		Body: registry.RegistrarPassword{ID: l.clID, Was: r.Password, New: hash},
	})
	if errors.Is(err, fsm.ErrNotLogged) {
		return refusal(s.loginImpossible(l, err)), nil
	}
	if err != nil {
		return response{}, err
	}
	answer := response{code: result.Code, svTRID: id.String()}
	if result.Code == registry.AuthenticationError {
		answer.fail = s.loginWrong(l, "password")
		answer.code = answer.fail.Code
	} else if result.Code.Failed() {
		answer.fail = result.Fail
	} else {
		s.lastWrite = max(s.lastWrite, result.Index)
	}
	return answer, nil
}
