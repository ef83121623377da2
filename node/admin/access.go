package admin

import (
	"math"
	"net/http"

	"quorate/fsm"
	"quorate/fsm/registry"
)

// Access is the policy of the registrars' front door: GET and PUT /v1/access. Numbers are of
// all nodes together. What is nought or "" when it is set has its default from then on.
type Access struct {
	Failures        int    `json:"failures"`         // wrong passwords, with a right certificate, that lock a registrar
	FailureWindow   string `json:"failure_window"`   // within which they count
	LockTime        string `json:"lock_time"`        // after which a lock opens by itself
	Sessions        int    `json:"sessions"`         // of one registrar
	Connections     int    `json:"connections"`      // from one address
	Logins          int    `json:"logins"`           // attempts a second from one address
	Commands        int    `json:"commands"`         // a second from one registrar
	PasswordLength  int    `json:"password_length"`  // least number of characters of a password that a registrar chooses
	PasswordClasses int    `json:"password_classes"` // and of kinds of them: small letters, capitals, digits, others
}

func (h *handler) showAccess(c *call) (int, any, error) {
	p, err := c.parameters("level")
	if err != nil {
		return 0, nil, err
	}
	var shown Access
	err = h.read(c, p, func(v fsm.View) error { shown = formatAccess(v.Access()); return nil })
	return http.StatusOK, shown, err
}

func (h *handler) setAccess(c *call) (int, any, error) {
	if _, err := c.parameters(); err != nil {
		return 0, nil, err
	}
	var wanted Access
	if err := c.decode(&wanted); err != nil {
		return 0, nil, err
	}
	a, err := wanted.registry()
	if err != nil {
		return 0, nil, err
	}
	r, err := h.execute(c, registry.KindAccessSet, registry.AccessSet{Access: a})
	if err != nil {
		return 0, nil, err
	}
	var shown Access
	err = h.reread(c, r, func(v fsm.View) error { shown = formatAccess(v.Access()); return nil })
	return http.StatusOK, shown, err
}

func (a Access) registry() (r registry.Access, err error) {
	for _, f := range []struct {
		name  string
		value int
		into  *uint32
	}{
		{"failures", a.Failures, &r.Failures}, {"sessions", a.Sessions, &r.Sessions}, {"connections", a.Connections, &r.Connections},
		{"logins", a.Logins, &r.Logins}, {"commands", a.Commands, &r.Commands},
	} {
		if f.value < 0 || f.value > math.MaxInt32 {
			return r, registry.Fail(registry.ParameterRange, f.name, "", "a limit is 1 to %d; 0 is the default", math.MaxInt32)
		}
		*f.into = uint32(f.value)
	}
	if a.PasswordLength < 0 || a.PasswordLength > maxPassword || a.PasswordClasses < 0 || a.PasswordClasses > 4 {
		return r, registry.Fail(registry.ParameterRange, "password", "", "a password has up to %d characters (RFC 5730 pwType), of up to 4 kinds", maxPassword)
	}
	r.PasswordLength, r.PasswordClasses = uint8(a.PasswordLength), uint8(a.PasswordClasses)
	for _, f := range []struct {
		name, value string
		into        *registry.Time
	}{{"failure_window", a.FailureWindow, &r.FailureWindow}, {"lock_time", a.LockTime, &r.LockTime}} {
		if f.value == "" {
			continue
		}
		if *f.into, err = parsePeriod(f.name, f.value); err != nil {
			return r, err
		}
	}
	return r, nil
}

func formatAccess(a registry.Access) Access {
	return Access{
		Failures: int(a.Failures), FailureWindow: formatPeriod(a.FailureWindow), LockTime: formatPeriod(a.LockTime), Sessions: int(a.Sessions),
		Connections: int(a.Connections), Logins: int(a.Logins), Commands: int(a.Commands),
		PasswordLength: int(a.PasswordLength), PasswordClasses: int(a.PasswordClasses),
	}
}
