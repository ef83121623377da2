package epp

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"quorate/fsm/registry"
)

// metrics are what Prometheus may know. Labels take values from fixed sets, whatever clients send.
type metrics struct {
	sessions   prometheus.GaugeFunc
	commands   *prometheus.CounterVec
	seconds    *prometheus.HistogramVec
	logins     *prometheus.CounterVec
	refused    prometheus.Counter
	limited    *prometheus.CounterVec
	handshakes prometheus.Counter
}

func newMetrics(s *Server) *metrics {
	return &metrics{
		sessions: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "quorate_epp_sessions", Help: "EPP sessions that are logged in.",
		}, func() float64 {
			s.mu.Lock()
			defer s.mu.Unlock()
			return float64(s.sessions)
		}),
		commands: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quorate_epp_commands_total", Help: "EPP commands by what they were answered; code 0: without an answer, the outcome being unknown.",
		}, []string{"command", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "quorate_epp_command_seconds", Help: "Time from an EPP frame's last octet to its answer's first.",
			Buckets: []float64{.00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2, 4, 10},
		}, []string{"command"}),
		logins: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quorate_epp_logins_total", Help: "EPP logins by outcome.",
		}, []string{"outcome"}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "quorate_epp_connections_refused_total", Help: "Connections to EPP closed at once for their number.",
		}),
		limited: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "quorate_epp_limited_total", Help: "EPP logins and commands that had to wait, for there were more in a second than may be.",
		}, []string{"limit"}),
		handshakes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "quorate_epp_handshakes_failed_total", Help: "TLS handshakes with EPP clients that failed.",
		}),
	}
}

func (m *metrics) observe(command string, code registry.Code, took time.Duration) {
	m.commands.WithLabelValues(command, strconv.Itoa(int(code))).Inc()
	m.seconds.WithLabelValues(command).Observe(took.Seconds())
}

func (m *metrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.sessions, m.commands, m.seconds, m.logins, m.refused, m.limited, m.handshakes}
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range m.collectors() {
		c.Describe(ch)
	}
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	for _, c := range m.collectors() {
		c.Collect(ch)
	}
}
