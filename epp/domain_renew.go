package epp

import (
	"regexp"
	"strconv"

	"quorate/epp/xmltree"
	"quorate/fsm/registry"
)

// parseDomainRenew reads <domain:renew> (RFC 5731 §3.2.3).
func parseDomainRenew(_ *session, e *xmltree.Element) (action, *registry.Failure) {
	var x schema
	q := x.sequence(e)
	var d registry.DomainRenew
	d.Name = x.hostName(q.required("name"))
	d.Current = x.date(q.required("curExpDate"))
	d.Months = x.period(q.optional("period", "unit"))
	q.end()
	return action{kind: registry.KindDomainRenew, body: d, reply: writeDomainRenewed}, x.failure()
}

func writeDomainRenewed(w *writer, r registry.Result) error {
	d, err := registry.ReplyAs[registry.DomainRenewed](r)
	if err != nil {
		return err
	}
	w.raw(`<domain:renData`, domainXMLNS)
	w.element("domain:name", d.Name)
	w.time("domain:exDate", d.Expires)
	w.raw(`</domain:renData>`)
	return nil
}

// datePattern is XML Schema's date for the years that a registry sees. Dates
// are in UTC here, so a time zone may stand there and says nothing.
var datePattern = regexp.MustCompile(`^([0-9]{4})-([0-9]{2})-([0-9]{2})(Z|[+-][0-9]{2}:[0-9]{2})?$`)

// date is e's text as a date, at midnight UTC.
func (x *schema) date(e *xmltree.Element) registry.Time {
	parts := datePattern.FindStringSubmatch(xmltree.Collapse(x.text(e)))
	if parts == nil {
		x.violate(e, "not a date of the form 2006-01-02")
		return 0
	}
	year, _ := strconv.Atoi(parts[1])
	month, _ := strconv.Atoi(parts[2])
	day, _ := strconv.Atoi(parts[3])
	if month < 1 || month > 12 {
		x.violate(e, "no such date")
		return 0
	}
	t := registry.DateOf(int64(year), month, day)
	if y, m, d := t.Date(); y != int64(year) || m != month || d != day {
		x.violate(e, "no such date")
	}
	return t
}
