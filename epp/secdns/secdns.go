// Package secdns is the extension of domains by what secures their delegations:
// DS records and keys (RFC 5910). It reads and writes the elements and knows
// which algorithms and digests are good enough; the rest is in fsm/registry.
package secdns

import (
	"quorate/epp/extension"
	"quorate/epp/xmlwriter"
	"quorate/fsm/registry"
)

// URI is the extension's namespace.
const URI = "urn:ietf:params:xml:ns:secDNS-1.1"

// Extension is secDNS-1.1.
var Extension = extension.Extension{
	URI: URI, Prefix: "secDNS",
	Commands: map[extension.Operation]extension.Part{
		{Space: extension.Domain, Verb: "create"}: {Element: "create", Parse: parseCreate},
		{Space: extension.Domain, Verb: "update"}: {Element: "update", Parse: parseUpdate},
	},
	Answers: map[extension.Operation]func(*extension.Answer, *xmlwriter.Writer) *registry.Failure{
		{Space: extension.Domain, Verb: "info"}: writeInfo,
	},
}
