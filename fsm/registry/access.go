package registry

import (
	"slices"

	"quorate/fsm/store"
)

// Who may come in as a registrar, and how much of the front door is his: policy,
// and so state. How much of it is in use at the moment is soft state, and never here.

// Bounds on one registrar's row, which is read at every command of its sessions.
const (
	// MaxBindings is how many certificates a registrar may have: two in use and two to come for each of a few systems.
	MaxBindings = 16
	// MaxNetworks is how many networks a registrar may name.
	MaxNetworks = 64
	// MaxDistinguishedName bounds an issuer's or subject's name, in octets.
	MaxDistinguishedName = 512
)

// Binding says which client certificate a registrar comes with: the one with
// this fingerprint, or any that this issuer has given to this subject. While certificates
// change there are two, and each has its time.
type Binding struct {
	Fingerprint string `cbor:"1,keyasint,omitempty"` // SHA-256, lower-case hex; "": by the names
	Issuer      string `cbor:"2,keyasint,omitempty"` // distinguished names as in RFC 4514
	Subject     string `cbor:"3,keyasint,omitempty"`
	From        Time   `cbor:"4,keyasint,omitempty"` // 0: always was
	Until       Time   `cbor:"5,keyasint,omitempty"` // 0: for ever; not good at this time any more
}

// Certificate is what bindings are held against, of a certificate that an authority of ours has issued.
type Certificate struct{ Fingerprint, Issuer, Subject string }

// Network is a range of Internet addresses.
type Network struct {
	Address []byte `cbor:"1,keyasint"` // 4 or 16 octets; those beyond Bits are nought
	Bits    uint8  `cbor:"2,keyasint"`
}

// Access is the policy of the registrars' front door. A field that is nought has its default (DefaultAccess).
type Access struct {
	Failures        uint32 `cbor:"1,keyasint,omitempty"` // wrong passwords, with a right certificate, that lock a registrar
	FailureWindow   Time   `cbor:"2,keyasint,omitempty"` // within which they count
	LockTime        Time   `cbor:"3,keyasint,omitempty"` // after which a lock opens by itself
	Sessions        uint32 `cbor:"4,keyasint,omitempty"` // of one registrar, on all nodes together
	Connections     uint32 `cbor:"5,keyasint,omitempty"` // from one address, or from one IPv6 network of 64 bits, on all nodes together
	Logins          uint32 `cbor:"6,keyasint,omitempty"` // attempts a second from one address, on all nodes together
	Commands        uint32 `cbor:"7,keyasint,omitempty"` // a second from one registrar, on all nodes together
	PasswordLength  uint8  `cbor:"8,keyasint,omitempty"` // least number of characters of a password that a registrar chooses
	PasswordClasses uint8  `cbor:"9,keyasint,omitempty"` // and of kinds of them: small letters, capitals, digits, others
}

// DefaultAccess is what holds until an operator says otherwise.
var DefaultAccess = Access{
	Failures: 10, FailureWindow: 10 * Minute, LockTime: 15 * Minute,
	Sessions: 600, Connections: 2000, Logins: 100, Commands: 10_000,
	PasswordLength: 8, PasswordClasses: 2,
}

// withDefaults fills in what is nought.
func (a Access) withDefaults() Access {
	d := DefaultAccess
	for _, f := range []struct{ field, value *uint32 }{
		{&a.Failures, &d.Failures}, {&a.Sessions, &d.Sessions}, {&a.Connections, &d.Connections}, {&a.Logins, &d.Logins}, {&a.Commands, &d.Commands},
	} {
		if *f.field == 0 {
			*f.field = *f.value
		}
	}
	if a.FailureWindow == 0 {
		a.FailureWindow = d.FailureWindow
	}
	if a.LockTime == 0 {
		a.LockTime = d.LockTime
	}
	if a.PasswordLength == 0 {
		a.PasswordLength = d.PasswordLength
	}
	if a.PasswordClasses == 0 {
		a.PasswordClasses = d.PasswordClasses
	}
	return a
}

var (
	access    = store.DeclareSince[Access](3, 8, "access", false).Kept()
	accessRow = store.Key{0}
)

// Access is the policy of the registrars' front door, with its defaults.
func (v *View) Access() Access {
	a, _ := access.Get(v.r, accessRow)
	return a.withDefaults()
}

// same says whether two bindings are of one certificate, whatever their times.
func (b Binding) same(o Binding) bool {
	return b.Fingerprint == o.Fingerprint && b.Issuer == o.Issuer && b.Subject == o.Subject
}

func (b Binding) matches(c Certificate, now Time) bool {
	if now < b.From || b.Until != 0 && now >= b.Until {
		return false
	}
	if b.Fingerprint != "" {
		return b.Fingerprint == c.Fingerprint
	}
	return b.Issuer == c.Issuer && b.Subject == c.Subject
}

func (b Binding) check() *Failure {
	switch byNames := b.Issuer != "" && b.Subject != ""; {
	case byNames == (b.Fingerprint != "") || byNames != (b.Issuer != "" || b.Subject != ""):
		return Fail(ParameterPolicy, "certificates", b.Fingerprint+b.Issuer+b.Subject, "a certificate is known by its fingerprint, or by its issuer and subject")
	case b.Fingerprint != "" && !fingerprint(b.Fingerprint):
		return Fail(ParameterSyntax, "certificates", b.Fingerprint, "not a SHA-256 fingerprint of 64 hexadecimal digits in lower case")
	case len(b.Issuer) > MaxDistinguishedName || len(b.Subject) > MaxDistinguishedName:
		return Fail(ParameterRange, "certificates", "", "a name has at most %d octets", MaxDistinguishedName)
	case b.From < 0 || b.Until < 0 || b.Until != 0 && b.Until <= b.From:
		return Fail(ParameterRange, "certificates", b.Fingerprint+b.Subject, "a certificate is good from one time until a later one")
	}
	return nil
}

func fingerprint(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(s) == 64
}

func (n Network) check() *Failure {
	bad := len(n.Address) != 4 && len(n.Address) != 16 || int(n.Bits) > 8*len(n.Address)
	for i := int(n.Bits); !bad && i < 8*len(n.Address); i++ {
		bad = n.Address[i/8]>>(7-i%8)&1 != 0
	}
	if bad {
		return Fail(ParameterSyntax, "networks", "", "a network is an address of 4 or 16 octets, and nought beyond its prefix")
	}
	return nil
}

// holds says whether an address, of 4 or 16 octets, is in the network.
func (n Network) holds(address []byte) bool {
	if len(address) != len(n.Address) {
		return false
	}
	whole := int(n.Bits / 8)
	if !slices.Equal(address[:whole], n.Address[:whole]) {
		return false
	}
	rest := n.Bits % 8
	return rest == 0 || address[whole]>>(8-rest) == n.Address[whole]>>(8-rest)
}

// Bindings are all certificates of r.
func (r *Registrar) Bindings() (all []Binding) {
	for _, f := range r.Certificates {
		all = append(all, Binding{Fingerprint: f})
	}
	return append(all, r.Bound...)
}

// bind adds a certificate, or changes its times.
func (r *Registrar) bind(b Binding) {
	r.unbind(b)
	if b == (Binding{Fingerprint: b.Fingerprint}) {
		r.Certificates = append(slices.Clone(r.Certificates), b.Fingerprint)
	} else {
		r.Bound = append(slices.Clone(r.Bound), b)
	}
}

// unbind removes a certificate, and says whether it was there.
func (r *Registrar) unbind(b Binding) bool {
	before := len(r.Certificates) + len(r.Bound)
	r.Bound = slices.DeleteFunc(slices.Clone(r.Bound), b.same)
	r.Certificates = slices.DeleteFunc(slices.Clone(r.Certificates), func(f string) bool { return b.same(Binding{Fingerprint: f}) })
	return len(r.Certificates)+len(r.Bound) < before
}

// Refuses says in a word why r may not be logged in with a certificate, from an address (4 or 16 octets), at a time; "" if it may.
func (r *Registrar) Refuses(c Certificate, address []byte, now Time) string {
	switch {
	case !slices.ContainsFunc(r.Bindings(), func(b Binding) bool { return b.matches(c, now) }):
		return "certificate"
	case r.Suspended:
		return "suspended"
	case len(r.Networks) > 0 && !slices.ContainsFunc(r.Networks, func(n Network) bool { return n.holds(address) }):
		return "address"
	}
	return ""
}

// Locked says whether wrong passwords have closed r's logins for a while. Sessions go on.
func (r *Registrar) Locked(now Time) bool { return now < r.LockedUntil }

// checkAccess holds what r says of access against its bounds.
func (r *Registrar) checkAccess() *Failure {
	if len(r.Certificates)+len(r.Bound) > MaxBindings {
		return Fail(ParameterRange, "certificates", "", "a registrar has at most %d certificates", MaxBindings)
	}
	if len(r.Networks) > MaxNetworks {
		return Fail(ParameterRange, "networks", "", "a registrar has at most %d networks", MaxNetworks)
	}
	for _, b := range r.Bound {
		if fail := b.check(); fail != nil {
			return fail
		}
	}
	for _, n := range r.Networks {
		if fail := n.check(); fail != nil {
			return fail
		}
	}
	return nil
}

// AccessSet replaces the policy of the registrars' front door.
type AccessSet struct {
	Access Access `cbor:"1,keyasint"`
}

// accessSet fails with 2201, 2004.
func (x *Exec) accessSet(c AccessSet) (Code, any, *Failure) {
	if fail := x.mayOperate(); fail != nil {
		return 0, nil, fail
	}
	a := c.Access
	if a.FailureWindow < 0 || a.LockTime < 0 || a.FailureWindow > Day || a.LockTime > 30*Day {
		return 0, nil, Fail(ParameterRange, "lock_time", "", "failures count for up to a day, and lock for up to 30")
	}
	if a.PasswordLength > 16 || a.PasswordClasses > 4 {
		return 0, nil, Fail(ParameterRange, "password", "", "a password has up to 16 characters (RFC 5730 pwType), of up to 4 kinds")
	}
	last := uint64(0)
	x.recordEvent("access:set", "access", 0, &last, x.Access(), a.withDefaults())
	access.Put(x.tx, accessRow, a)
	return Success, nil, nil
}
