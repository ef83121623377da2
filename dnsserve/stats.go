package dnsserve

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// counters belong to one worker: each adds to its own, the collector sums them up.
type counters struct {
	queries   [len(typeLabels)]atomic.Uint64
	responses [len(rcodeLabels)]atomic.Uint64
	dropped   atomic.Uint64 // packets that got no answer
	truncated atomic.Uint64
	panics    atomic.Uint64
	limited   atomic.Uint64 // answers over the rate limit, not given
	slipped   atomic.Uint64 // those given truncated, or as BADCOOKIE
	cookies   [len(cookieLabels)]atomic.Uint64
	signed    [len(signedLabels)]atomic.Uint64
	_         [64]byte // the next worker's counters are on another cache line
}

// typeLabels are the types counted apart. The first is for what is no question, the second for all others.
var typeLabels = [...]struct {
	label string
	typ   uint16
}{
	{"none", 0}, {"other", 0},
	{"A", typeA}, {"NS", typeNS}, {"CNAME", typeCNAME}, {"SOA", typeSOA}, {"PTR", typePTR}, {"MX", typeMX},
	{"TXT", 16}, {"AAAA", typeAAAA}, {"SRV", 33}, {"NAPTR", 35}, {"DS", typeDS}, {"RRSIG", typeRRSIG},
	{"NSEC", typeNSEC}, {"DNSKEY", 48}, {"NSEC3", typeNSEC3}, {"NSEC3PARAM", 51}, {"TLSA", 52}, {"CDS", 59},
	{"CDNSKEY", 60}, {"CSYNC", 62}, {"SVCB", 64}, {"HTTPS", 65}, {"IXFR", typeIXFR}, {"AXFR", typeAXFR},
	{"ANY", typeANY}, {"CAA", 257},
}

const (
	labelNone  = 0
	labelOther = 1
)

// typeIndex leads from a type to its place in typeLabels.
var typeIndex = func() (t [258]uint8) {
	for i := range t {
		t[i] = labelOther
	}
	for i, l := range typeLabels[2:] {
		t[l.typ] = uint8(i + 2)
	}
	return t
}()

// rcodeLabels are the response codes that the server gives.
var rcodeLabels = [...]string{
	rcodeNoError: "NOERROR", rcodeFormErr: "FORMERR", rcodeServFail: "SERVFAIL", rcodeNXDomain: "NXDOMAIN",
	rcodeNotImp: "NOTIMP", rcodeRefused: "REFUSED", rcodeNotAuth: "NOTAUTH", rcodeBadVers: "BADVERS",
	rcodeBadCooky: "BADCOOKIE",
}

// cookieLabels are the states of cookies, those that come with none apart.
var cookieLabels = [...]string{cookieClient: "client", cookieBad: "bad", cookieGood: "good"}

// signedLabels are what comes of the TSIG of a query.
var signedLabels = [...]string{signedGood: "good", signedBadKey: "badkey", signedBadSig: "badsig", signedBadTime: "badtime", signedBadTrunc: "badtrunc"}

func (c *counters) countQuery(q *query) {
	i := labelOther
	switch {
	case q.question == 0:
		i = labelNone
	case int(q.qtype) < len(typeIndex):
		i = int(typeIndex[q.qtype])
	}
	c.queries[i].Add(1)
}

var (
	descQueries = prometheus.NewDesc("quorate_dns_queries_total",
		"DNS queries received, by transport and query type.", []string{"transport", "type"}, nil)
	descResponses = prometheus.NewDesc("quorate_dns_responses_total",
		"DNS answers given, by transport and response code.", []string{"transport", "rcode"}, nil)
	descTruncated = prometheus.NewDesc("quorate_dns_truncated_total",
		"DNS answers given with the TC bit.", []string{"transport"}, nil)
	descDropped = prometheus.NewDesc("quorate_dns_dropped_total",
		"DNS messages that got no answer: no header, answers, or a fault in the server.", []string{"transport"}, nil)
	descFaults = prometheus.NewDesc("quorate_dns_faults_total",
		"DNS messages over which the server panicked; each is in the log.", []string{"transport"}, nil)
	descConnections = prometheus.NewDesc("quorate_dns_tcp_connections",
		"Open DNS connections.", nil, nil)
	descTurnedAway = prometheus.NewDesc("quorate_dns_tcp_turned_away_total",
		"DNS connections closed at once because a limit was reached.", nil, nil)
	descLimited = prometheus.NewDesc("quorate_dns_rate_limited_total",
		"DNS answers over the rate limit: dropped, or slipped (sent truncated, or as BADCOOKIE).", []string{"action"}, nil)
	descCookies = prometheus.NewDesc("quorate_dns_cookies_total",
		"DNS queries with a cookie, by transport and what it is worth: client (new), bad, good.", []string{"transport", "cookie"}, nil)
	descSigned = prometheus.NewDesc("quorate_dns_tsig_total",
		"DNS queries with a TSIG, by transport and what came of it.", []string{"transport", "result"}, nil)
	descTransfers = prometheus.NewDesc("quorate_dns_transfers_total",
		"Zone transfers asked for, by type and what came of them.", []string{"type", "result"}, nil)
	descTransfersOpen = prometheus.NewDesc("quorate_dns_transfers_open",
		"Zone transfers under way.", nil, nil)
	descSerial = prometheus.NewDesc("quorate_zone_serial",
		"SOA serial that this node serves.", []string{"zone"}, nil)
)

// Describe is part of prometheus.Collector.
func (s *Server) Describe(ch chan<- *prometheus.Desc) {
	describeZones(ch)
	for _, d := range [...]*prometheus.Desc{descQueries, descResponses, descTruncated, descDropped, descFaults,
		descConnections, descTurnedAway, descSerial, descLimited, descCookies, descSigned, descTransfers, descTransfersOpen} {
		ch <- d
	}
}

// Collect is part of prometheus.Collector. The server collects for its Zones too.
func (s *Server) Collect(ch chan<- prometheus.Metric) {
	collect(ch, "udp", s.udpStats)
	collect(ch, "tcp", s.tcpStats)
	s.collectLimited(ch)
	if s.config.Transfers != nil {
		s.transfers.collect(ch)
	}
	ch <- prometheus.MustNewConstMetric(descConnections, prometheus.GaugeValue, float64(s.conns.count.Load()))
	ch <- prometheus.MustNewConstMetric(descTurnedAway, prometheus.CounterValue, float64(s.conns.turnedAway.Load()))
	s.zones.collect(ch)
	for _, z := range s.zones.table.Load().zones {
		ch <- prometheus.MustNewConstMetric(descSerial, prometheus.GaugeValue, float64(z.version.Load().serial), z.label)
	}
}

// collectLimited sums up what the rate limit did. Without one there is nothing to say.
func (s *Server) collectLimited(ch chan<- prometheus.Metric) {
	if s.limiter == nil {
		return
	}
	var dropped, slipped uint64
	for i := range s.udpStats {
		dropped += s.udpStats[i].limited.Load()
		slipped += s.udpStats[i].slipped.Load()
	}
	ch <- prometheus.MustNewConstMetric(descLimited, prometheus.CounterValue, float64(dropped), "drop")
	ch <- prometheus.MustNewConstMetric(descLimited, prometheus.CounterValue, float64(slipped), "slip")
}

// collect sums up a transport's workers. Types and codes that never came are left out.
func collect(ch chan<- prometheus.Metric, transport string, workers []counters) {
	emit := func(d *prometheus.Desc, always bool, read func(*counters) uint64, labels ...string) {
		var sum uint64
		for i := range workers {
			sum += read(&workers[i])
		}
		if always || sum > 0 {
			ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(sum), append([]string{transport}, labels...)...)
		}
	}
	for i, l := range typeLabels {
		emit(descQueries, false, func(c *counters) uint64 { return c.queries[i].Load() }, l.label)
	}
	for i, label := range rcodeLabels {
		emit(descResponses, false, func(c *counters) uint64 { return c.responses[i].Load() }, label)
	}
	for i, label := range cookieLabels {
		emit(descCookies, false, func(c *counters) uint64 { return c.cookies[i].Load() }, label)
	}
	for i, label := range signedLabels {
		emit(descSigned, false, func(c *counters) uint64 { return c.signed[i].Load() }, label)
	}
	emit(descTruncated, true, func(c *counters) uint64 { return c.truncated.Load() })
	emit(descDropped, true, func(c *counters) uint64 { return c.dropped.Load() })
	emit(descFaults, true, func(c *counters) uint64 { return c.panics.Load() })
}
