package pki

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
)

// DistinguishedName is an issuer or subject, from a certificate's RawIssuer or
// RawSubject, as text (RFC 4514), every part of it in place: pkix.Name keeps only one of
// several common names, and whoever could choose the other would have two names.
func DistinguishedName(raw []byte) (string, error) {
	var name pkix.RDNSequence
	rest, err := asn1.Unmarshal(raw, &name)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d octets after it", len(rest))
	}
	if err != nil {
		return "", fmt.Errorf("a distinguished name: %w", err)
	}
	return name.String(), nil
}
