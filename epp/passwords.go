package epp

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"quorate/fsm/registry"
)

// mayBecome refuses a login's new password that policy doesn't take. No refusal repeats it.
func (a *admitted) mayBecome(l *login) *registry.Failure {
	refuse := func(reason string, args ...any) *registry.Failure {
		return failAt(registry.ParameterPolicy, l.newPW, reason, args...)
	}
	password, id := strings.ToLower(l.newPassword), strings.ToLower(a.ID)
	switch {
	case a.level < 3:
		return failAt(registry.UnimplementedOption, l.newPW, "passwords can't be changed at login until the cluster is at level 3")
	case l.newPassword == l.password:
		return refuse("the new password is the old one")
	case strings.Contains(password, id) || strings.Contains(id, password):
		return refuse("the new password must not be made of the clID")
	case utf8.RuneCountInString(l.newPassword) < int(a.policy.PasswordLength):
		return refuse("a new password has at least %d characters", a.policy.PasswordLength)
	case classes(l.newPassword) < int(a.policy.PasswordClasses):
		return refuse("a new password has at least %d of: small letters, capitals, digits, other characters", a.policy.PasswordClasses)
	}
	return nil
}

// classes counts the kinds of characters in a password.
func classes(password string) int {
	var small, capitals, digits, others int
	for _, r := range password {
		switch {
		case unicode.IsUpper(r):
			capitals = 1
		case unicode.IsLetter(r):
			small = 1
		case unicode.IsDigit(r):
			digits = 1
		default:
			others = 1
		}
	}
	return small + capitals + digits + others
}
