package secdns

import (
	"quorate/epp/extension"
	"quorate/epp/xmltree"
	"quorate/fsm/registry"
)

// parseUpdate reads <secDNS:update> (RFC 5910 §5.2.5). An update that is urgent
// is not 2102: there is no slower way, every change is in the zone at once. It
// fails with 2001, 2003, 2004, 2005, 2306.
func parseUpdate(c *extension.Command, e *xmltree.Element) *registry.Failure {
	var x reader
	d := extension.BodyAs[registry.DomainUpdate](c)
	x.Attributes(e, []string{"urgent"})
	x.Choice(e, "urgent", "false", "true", "false", "1", "0")
	q := x.Sequence(e)
	rem, add, chg := q.Optional("rem"), q.Optional("add"), q.Optional("chg")
	q.End()
	if rem == nil && add == nil && chg == nil {
		x.Refuse(registry.RequiredParameter, e, "there is nothing to remove, add or change")
	}
	if rem != nil {
		d.RemoveDS, d.RemoveKeys, d.RemoveAllDS = x.rem(rem)
	}
	if add != nil {
		s := x.dsOrKey(add)
		d.AddDS, d.AddKeys = s.ds, s.keys
		if s.maxSigLife != 0 {
			d.MaxSigLife = &s.maxSigLife
		}
		x.acceptable(d.Name, s)
	}
	if chg != nil {
		q := x.Sequence(chg)
		if life := q.Optional("maxSigLife"); life != nil {
			n := x.maxSigLife(life)
			if d.MaxSigLife != nil && *d.MaxSigLife != n {
				x.Refuse(registry.ParameterPolicy, life, "another lifetime than in <add>")
			}
			d.MaxSigLife = &n
		}
		q.End()
	}
	c.Body = d
	return x.Failure()
}

// rem reads a remType. What is to be removed need not be acceptable: it was, once.
func (x *reader) rem(e *xmltree.Element) (ds []registry.DSData, keys []registry.DNSKeyData, all bool) {
	q := x.Sequence(e)
	if q.Peek("all") {
		all = x.Flag(q.Required("all"))
		q.End()
		return nil, nil, all
	}
	var s secured
	x.records(&q, &s)
	q.End()
	for i := range s.ds {
		s.ds[i].Key = nil // the other four say which (RFC 5910 §5.2.5)
	}
	return s.ds, s.keys, false
}
