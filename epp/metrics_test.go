package epp

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"quorate/epp/client"
)

func TestMetrics(t *testing.T) {
	t.Parallel()
	s := newServer(t, nil)
	c := s.login(t, "reg1")
	must(c.Hello(soon(t)))
	must(c.CheckDomains(soon(t), "a.tld"))
	must(c.CreateDomain(soon(t), client.DomainCreate{Name: "a.tld"}))
	_, err := c.CreateDomain(soon(t), client.DomainCreate{Name: "a.tld"})
	wantCode(t, "create again", err, 2302)
	for _, doc := range []string{`<frob/>`, `<check><x:check xmlns:x="urn:x"/></check>`} {
		send(t, c, commandDoc(doc))
	}
	_, err = s.dial(t, "reg2").Login(soon(t), "reg2", "wrong-1")
	wantCode(t, "wrong login", err, 2200)

	got := gather(t, s.Collector())
	for name, want := range map[string]float64{
		`quorate_epp_commands_total{command="domain:check",code="1000"}`:  1,
		`quorate_epp_commands_total{command="domain:create",code="1000"}`: 1,
		`quorate_epp_commands_total{command="domain:create",code="2302"}`: 1,
		`quorate_epp_commands_total{command="hello",code="1000"}`:         1,
		`quorate_epp_commands_total{command="login",code="1000"}`:         1,
		`quorate_epp_commands_total{command="login",code="2200"}`:         1,
		`quorate_epp_commands_total{command="unknown",code="2000"}`:       1,
		`quorate_epp_commands_total{command="other:check",code="2307"}`:   1,
		`quorate_epp_command_seconds{command="domain:create"}`:            2,
		`quorate_epp_command_seconds{command="login"}`:                    2,
		`quorate_epp_logins_total{outcome="password"}`:                    1,
		`quorate_epp_logins_total{outcome="success"}`:                     1,
		`quorate_epp_sessions{}`:                                          1,
		`quorate_epp_connections_refused_total{}`:                         0,
		`quorate_epp_handshakes_failed_total{}`:                           0,
	} {
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("%s is %v, %v; want %v", name, v, ok, want)
		}
	}
	if n := len(got); n != 19 {
		t.Errorf("%d metrics: %v", n, got)
	}
}

// gather reads counters and gauges by name and labels; of histograms, how often they were observed.
func gather(t *testing.T, c prometheus.Collector) map[string]float64 {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(c)
	values := map[string]float64{}
	for _, family := range must(r.Gather()) {
		for _, m := range family.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			slices.SortFunc(labels, func(a, b string) int { return strings.Compare(b, a) })
			name := family.GetName() + "{" + strings.Join(labels, ",") + "}"
			values[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return values
}
