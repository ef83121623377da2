package whois

import "github.com/prometheus/client_golang/prometheus"

// The outcomes of a query.
const (
	outcomeFound    = "found"
	outcomeNotFound = "not_found"
	outcomeUsage    = "usage"   // no query that makes sense
	outcomeLimited  = "limited" // the client's rate
	outcomeRefused  = "refused" // the connection was over a limit
	outcomeError    = "error"   // the replica could not be read
)

type metrics struct {
	queries *prometheus.CounterVec
	seconds prometheus.Histogram
}

func newMetrics() metrics {
	m := metrics{
		queries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quorate_whois_queries_total", Help: "WHOIS queries, by outcome.",
		}, []string{"outcome"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "quorate_whois_query_seconds", Help: "From the query's arrival to the answer's sending.",
			Buckets: prometheus.ExponentialBuckets(50e-6, 4, 9),
		}),
	}
	for _, o := range [...]string{outcomeFound, outcomeNotFound, outcomeUsage, outcomeLimited, outcomeRefused, outcomeError} {
		m.queries.WithLabelValues(o)
	}
	return m
}

// Describe is part of prometheus.Collector.
func (s *Server) Describe(ch chan<- *prometheus.Desc) {
	s.metrics.queries.Describe(ch)
	s.metrics.seconds.Describe(ch)
}

// Collect is part of prometheus.Collector.
func (s *Server) Collect(ch chan<- prometheus.Metric) {
	s.metrics.queries.Collect(ch)
	s.metrics.seconds.Collect(ch)
}
