package rdap

import "github.com/prometheus/client_golang/prometheus"

// noClass is the object label of requests that asked for no class of object.
const noClass = "none"

type metrics struct {
	queries *prometheus.CounterVec
	seconds prometheus.Histogram
	refused prometheus.Counter
}

func newMetrics() metrics {
	return metrics{
		queries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quorate_rdap_queries_total", Help: "RDAP requests, by class of object and HTTP status.",
		}, []string{"object", "status"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "quorate_rdap_query_seconds", Help: "From the request's arrival to the answer's sending.",
			Buckets: prometheus.ExponentialBuckets(50e-6, 4, 9),
		}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "quorate_rdap_connections_refused_total", Help: "RDAP connections closed at once because a limit was reached.",
		}),
	}
}

// Describe is part of prometheus.Collector.
func (s *Server) Describe(ch chan<- *prometheus.Desc) {
	s.metrics.queries.Describe(ch)
	s.metrics.seconds.Describe(ch)
	s.metrics.refused.Describe(ch)
}

// Collect is part of prometheus.Collector.
func (s *Server) Collect(ch chan<- prometheus.Metric) {
	s.metrics.queries.Collect(ch)
	s.metrics.seconds.Collect(ch)
	s.metrics.refused.Collect(ch)
}
