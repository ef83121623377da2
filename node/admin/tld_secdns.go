package admin

import (
	"quorate/fsm/registry"
)

// The forms in which a TLD takes what secures its delegations (RFC 5910 §4).
const (
	interfaceDS  = "dsData"
	interfaceKey = "keyData"
)

// showSecDNS is what is in force, set or not.
func showSecDNS(t registry.TLD) SecDNS {
	shown := SecDNS{Interface: interfaceDS, MaxRecords: t.DomainDS(), MaxSigLife: t.SigLife()}
	if t.DNSSEC == registry.KeyInterface {
		shown.Interface = interfaceKey
	}
	return shown
}

// set puts the wanted settings into a TLD. What is as by default stays unset, for clusters below level 3 know of none.
func (s SecDNS) set(r *registry.TLD) error {
	switch s.Interface {
	case "", interfaceDS:
		r.DNSSEC = registry.DSInterface
	case interfaceKey:
		r.DNSSEC = registry.KeyInterface
	default:
		return invalid("secdns.interface", s.Interface, "the interfaces are %s and %s", interfaceDS, interfaceKey)
	}
	if s.MaxRecords < 0 || s.MaxRecords > registry.MaxDomainDS {
		return registry.Fail(registry.ParameterRange, "secdns.max_records", "", "a domain has 1 to %d DS records or keys", registry.MaxDomainDS)
	}
	if s.MaxSigLife > maxSeconds {
		return registry.Fail(registry.ParameterRange, "secdns.max_sig_life", "", "at most %d seconds", maxSeconds)
	}
	r.MaxDS, r.MaxSigLife = uint8(s.MaxRecords), s.MaxSigLife
	if s.MaxRecords == registry.DefaultDomainDS {
		r.MaxDS = 0
	}
	if s.MaxSigLife == registry.DefaultSigLife {
		r.MaxSigLife = 0
	}
	return nil
}
