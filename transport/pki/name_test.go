package pki

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"testing"
	"time"
)

func TestDistinguishedNames(t *testing.T) {
	t.Parallel()
	one := func(value string) pkix.RelativeDistinguishedNameSET {
		return pkix.RelativeDistinguishedNameSET{{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: value}}
	}
	for want, name := range map[string]pkix.RDNSequence{
		"CN=reg1":         {one("reg1")},
		"CN=reg1,CN=evil": {one("evil"), one("reg1")}, // pkix.Name would keep one
		`CN=a\,CN=reg1`:   {one("a,CN=reg1")},
	} {
		raw, err := asn1.Marshal(name)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := DistinguishedName(raw); err != nil || got != want {
			t.Errorf("got %s, %v; want %s", got, err, want)
		}
		if _, err := DistinguishedName(append(raw, 0)); err == nil {
			t.Error("octets after a name are taken")
		}
	}
	if _, err := DistinguishedName(nil); err == nil {
		t.Error("nothing is a name")
	}
	ca := newCA(t)
	leaf, err := ca.IssueRegistrar("reg1", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := DistinguishedName(leaf.Leaf.RawIssuer); err != nil || got == "" {
		t.Errorf("%q, %v", got, err)
	}
}
