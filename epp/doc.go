// Package epp is the registry's front door for registrars: the Extensible
// Provisioning Protocol over TLS (RFC 5730 to 5734). It frames, authenticates,
// reads XML strictly, decides all that is syntax, turns commands into the
// registry's own, and puts the results into XML. It holds no business rules:
// those are in fsm/registry, and DESIGN.md says where the line runs.
package epp

import "quorate/epp/xmlschema"

// The namespaces that are spoken here.
const (
	nsEPP     = xmlschema.EPP
	nsDomain  = "urn:ietf:params:xml:ns:domain-1.0"
	nsHost    = "urn:ietf:params:xml:ns:host-1.0"
	nsContact = "urn:ietf:params:xml:ns:contact-1.0"
	nsXSI     = "http://www.w3.org/2001/XMLSchema-instance"
)

// prefixes are the customary prefixes of namespaces. Some clients look for
// them literally, so they are the ones written.
var prefixes = xmlschema.Prefixes
