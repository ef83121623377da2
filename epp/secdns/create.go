package secdns

import (
	"quorate/epp/extension"
	"quorate/epp/xmlschema"
	"quorate/epp/xmltree"
	"quorate/fsm/registry"
)

// parseCreate reads <secDNS:create> (RFC 5910 §5.2.1). It fails with 2001, 2004, 2005, 2306.
func parseCreate(c *extension.Command, e *xmltree.Element) *registry.Failure {
	var x reader
	d := extension.BodyAs[registry.DomainCreate](c)
	x.Attributes(e, nil)
	s := x.dsOrKey(e)
	d.DS, d.Keys, d.MaxSigLife = s.ds, s.keys, s.maxSigLife
	x.acceptable(d.Name, s)
	c.Body = d
	return x.Failure()
}

// reader reads the extension's types.
type reader struct{ xmlschema.Schema }

// secured is a dsOrKeyType, with the elements that its parts were read from.
type secured struct {
	maxSigLife  uint32 // 0: not given
	ds          []registry.DSData
	keys        []registry.DNSKeyData
	dsElements  []xmltree.Element
	keyElements []xmltree.Element
}

// dsOrKey reads a dsOrKeyType.
func (x *reader) dsOrKey(e *xmltree.Element) (s secured) {
	q := x.Sequence(e)
	s.maxSigLife = x.maxSigLife(q.Optional("maxSigLife"))
	x.records(&q, &s)
	q.End()
	return s
}

// records reads what both a dsOrKeyType and a remType may hold: one or more DS records, or keys.
func (x *reader) records(q *xmlschema.Sequence, s *secured) {
	if q.Peek("keyData") {
		s.keyElements = q.Repeated("keyData", 1, 0)
	} else {
		s.dsElements = q.Repeated("dsData", 1, 0)
	}
	for i := range s.dsElements {
		s.ds = append(s.ds, x.dsData(&s.dsElements[i]))
	}
	for i := range s.keyElements {
		s.keys = append(s.keys, x.keyData(&s.keyElements[i]))
	}
}

// maxSigLife reads a maxSigLifeType; 0 if there is none.
func (x *reader) maxSigLife(e *xmltree.Element) uint32 {
	if e == nil {
		return 0
	}
	return uint32(x.Number(e, 1, 1<<31-1))
}

// dsData reads a dsDataType.
func (x *reader) dsData(e *xmltree.Element) (ds registry.DSData) {
	q := x.Sequence(e)
	ds.KeyTag = uint16(x.Number(q.Required("keyTag"), 0, 1<<16-1))
	ds.Algorithm = uint8(x.Number(q.Required("alg"), 0, 1<<8-1))
	ds.DigestType = uint8(x.Number(q.Required("digestType"), 0, 1<<8-1))
	ds.Digest = x.Hex(q.Required("digest"))
	if key := q.Optional("keyData"); key != nil {
		k := x.keyData(key)
		ds.Key = &k
	}
	q.End()
	return ds
}

// keyData reads a keyDataType.
func (x *reader) keyData(e *xmltree.Element) (k registry.DNSKeyData) {
	q := x.Sequence(e)
	k.Flags = uint16(x.Number(q.Required("flags"), 0, 1<<16-1))
	k.Protocol = uint8(x.Number(q.Required("protocol"), 0, 1<<8-1))
	k.Algorithm = uint8(x.Number(q.Required("alg"), 0, 1<<8-1))
	k.PublicKey = x.Base64(q.Required("pubKey"), 1)
	q.End()
	return k
}
