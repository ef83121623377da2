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
	q := x.Sequence(e)
	var d registry.DomainRenew
	d.Name = x.hostName(q.Required("name"))
	d.Current = x.date(q.Required("curExpDate"))
	d.Months = x.period(q.Optional("period", "unit"))
	q.End()
	return action{kind: registry.KindDomainRenew, body: d, reply: writeDomainRenewed}, x.Failure()
}

func writeDomainRenewed(w *writer, r registry.Result) error {
	d, err := registry.ReplyAs[registry.DomainRenewed](r)
	if err != nil {
		return err
	}
	w.renewed(d)
	return nil
}

// renewed appends a renDataType.
func (w *writer) renewed(d registry.DomainRenewed) {
	w.Raw(`<domain:renData`, domainXMLNS)
	w.Element("domain:name", d.Name)
	w.Time("domain:exDate", d.Expires)
	w.Raw(`</domain:renData>`)
}

// datePattern is XML Schema's date for the years that a registry sees. Dates
// are in UTC here, so a time zone may stand there and says nothing.
var datePattern = regexp.MustCompile(`^([0-9]{4})-([0-9]{2})-([0-9]{2})(Z|[+-][0-9]{2}:[0-9]{2})?$`)

// date is e's text as a date, at midnight UTC.
func (x *schema) date(e *xmltree.Element) registry.Time {
	parts := datePattern.FindStringSubmatch(xmltree.Collapse(x.Text(e)))
	if parts == nil {
		x.Violate(e, "not a date of the form 2006-01-02")
		return 0
	}
	year, _ := strconv.Atoi(parts[1])
	month, _ := strconv.Atoi(parts[2])
	day, _ := strconv.Atoi(parts[3])
	if month < 1 || month > 12 {
		x.Violate(e, "no such date")
		return 0
	}
	t := registry.DateOf(int64(year), month, day)
	if y, m, d := t.Date(); y != int64(year) || m != month || d != day {
		x.Violate(e, "no such date")
	}
	return t
}
