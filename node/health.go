package node

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"quorate/fsm"
)

// leaderless is how long a node without a leader still counts as ready for EPP: longer than any election.
const leaderless = 5 * time.Second

// errStopping is why a node that is told to stop isn't ready.
var errStopping = errors.New("the node is stopping")

// healthy is nil while the process is worth keeping.
func (n *Node) healthy() error { return n.consensus.Failure() }

// ready is nil while EPP can be served here. DNS, WHOIS and RDAP need less: see healthy.
func (n *Node) ready() error {
	if err := n.healthy(); err != nil {
		return err
	}
	if n.stopping.Load() {
		return errStopping
	}
	if s := n.consensus.Status(); s.Leader == "" && s.Alone > leaderless {
		return fmt.Errorf("no leader for %s", s.Alone.Round(time.Second))
	}
	return nil
}

// readyDNS is nil while resolvers are as well off with this node as with the others.
func (n *Node) readyDNS() error {
	if err := n.healthy(); err != nil {
		return err
	}
	if n.stopping.Load() {
		return errStopping
	}
	return n.signatures.ready()
}

// probes serves /healthz, /readyz, /readyz/dns and /metrics.
func (n *Node) probes(metrics *prometheus.Registry) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", answer(n.healthy))
	mux.HandleFunc("GET /readyz", answer(n.ready))
	mux.HandleFunc("GET /readyz/dns", answer(n.readyDNS))
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	return mux
}

func answer(check func() error) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if err := check(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	}
}

// nodeMetrics exports where the node stands in the log. Counters of the front doors are their own.
type nodeMetrics struct{ node *Node }

var (
	descLeader    = prometheus.NewDesc("quorate_raft_leader", "1 on the leader, else 0.", nil, nil)
	descTerm      = prometheus.NewDesc("quorate_raft_term", "Raft term.", nil, nil)
	descCommitted = prometheus.NewDesc("quorate_raft_committed_index", "Newest log entry known to be committed.", nil, nil)
	descApplied   = prometheus.NewDesc("quorate_state_applied_index", "Newest log entry that the state holds.", nil, nil)
	descBytes     = prometheus.NewDesc("quorate_state_bytes", "Size of the state file.", nil, nil)
	descPending   = prometheus.NewDesc("quorate_state_pending_results", "Command results held for nodes that wait for them.", nil, nil)
	descIncidents = prometheus.NewDesc("quorate_state_incidents", "Commands that broke an invariant and were dropped, or found one broken.", nil, nil)
	descDue       = prometheus.NewDesc("quorate_state_overdue_seconds", "Log time since the oldest transition that is due and not executed.", nil, nil)
	descRTT       = prometheus.NewDesc("quorate_peer_rtt_seconds", "Smoothed round-trip time to a peer.", []string{"peer"}, nil)
	descRefused   = prometheus.NewDesc("quorate_transport_refused_total", "Handshakes refused by this node.", []string{"reason"}, nil)
	descLevel     = prometheus.NewDesc("quorate_cluster_level", "The cluster's level, as this node's state has it.", nil, nil)
	descReads     = prometheus.NewDesc("quorate_binary_level", "The highest cluster level that this node's binary reads.", nil, nil)
	descBehind    = prometheus.NewDesc("quorate_zone_behind_seconds", "Log time since the oldest name that waits for publication was marked.", []string{"zone"}, nil)
	descHeld      = prometheus.NewDesc("quorate_zone_held_names", "Names that are held back from publication.", []string{"zone"}, nil)
	descFrozen    = prometheus.NewDesc("quorate_zone_frozen", "1 while the zone is frozen, else 0.", []string{"zone"}, nil)
	descSignature = prometheus.NewDesc("quorate_zone_signature_seconds", "Log time until the zone's first signature ends.", []string{"zone"}, nil)
	descTroubles  = prometheus.NewDesc("quorate_zone_troubles", "Duties towards a zone that keep failing, at the leader; 0 elsewhere.", []string{"zone"}, nil)
	descWithheld  = prometheus.NewDesc("quorate_zone_withheld", "1 while this node doesn't answer for the zone, because it is cut off and signatures end.", []string{"zone"}, nil)
	descAge       = prometheus.NewDesc("quorate_state_age_seconds", "By how much the state's log time is behind this node's clock.", nil, nil)
	descReady     = prometheus.NewDesc("quorate_ready", "1 while EPP can be served, else 0.", nil, nil)
)

// Describe implements prometheus.Collector.
func (m nodeMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descLeader, descTerm, descCommitted, descApplied, descBytes, descPending, descIncidents, descDue, descRTT, descRefused, descLevel, descReads, descReady, descBehind, descHeld, descFrozen, descSignature, descTroubles, descWithheld, descAge} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m nodeMetrics) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	n := m.node
	s := n.consensus.Status()
	gauge(descLeader, truth(s.State == "leader"))
	gauge(descTerm, float64(s.Term))
	gauge(descCommitted, float64(s.Committed))
	gauge(descApplied, float64(s.Applied))
	gauge(descBytes, float64(n.machine.Size()))
	gauge(descReads, float64(n.machine.Reads()))
	gauge(descReady, truth(n.ready() == nil))
	gauge(descAge, n.signatures.age().Seconds())
	err := n.machine.View(func(v fsm.View) error {
		gauge(descLevel, float64(v.Level()))
		gauge(descPending, float64(v.Pending()))
		gauge(descIncidents, float64(len(v.Incidents(maxDirty))))
		overdue := 0.0
		if at, ok := v.OldestDue(); ok && at < v.Now() {
			overdue = float64(v.Now()-at) / 1000
		}
		gauge(descDue, overdue)
		for _, z := range v.Zones() {
			behind := 0.0
			if at, ok := v.OldestMark(z.Name); ok {
				behind = float64(v.Now()-at) / 1000
			}
			gauge(descBehind, behind, z.Name)
			gauge(descHeld, float64(z.Held), z.Name)
			gauge(descFrozen, truth(z.Frozen), z.Name)
			gauge(descWithheld, truth(n.signatures.withholds(fqdn(z.Name))), z.Name)
			gauge(descTroubles, float64(len(n.troubles.here(z.Name))), z.Name)
			if end, ok := v.FirstExpiry(z.Name); ok {
				gauge(descSignature, float64(end-v.Now())/1000, z.Name)
			}
		}
		return nil
	})
	if err != nil {
		ch <- prometheus.NewInvalidMetric(descPending, err)
	}
	for _, p := range n.transport.Peers() {
		gauge(descRTT, p.RTT.Seconds(), p.ID)
	}
	for reason, count := range n.transport.Stats().Refused {
		ch <- prometheus.MustNewConstMetric(descRefused, prometheus.CounterValue, float64(count), string(reason))
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
