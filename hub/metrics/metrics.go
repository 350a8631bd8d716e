// Package metrics tells Prometheus how the hub and its fleet are. No measure has the name of a cluster or an app: how
// many there are follows from the release and from the RolloutPolicies, and not from the size of the fleet.
//
// It may import hub, fleet/query, fleet/selector, internal/version and protocol.
package metrics

import (
	"net/http"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/fleet/selector"
	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/internal/version"
)

// fresh is how long the fleet is not counted again after it was: counting takes a moment where it is large.
const fresh = 2 * time.Second

// maxPolicies is of how many RolloutPolicies there are measures: each of their waves has some.
const maxPolicies = 100

// Metrics are the measures of one hub. They are safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	resolved prometheus.Histogram
	lag      prometheus.Histogram
	bundles  prometheus.Counter
}

var _ hub.Meter = (*Metrics)(nil)

// New makes the measures of a hub, which tells them from then on what it does. joins says what came of requests for
// credentials.
func New(h *hub.Hub, joins func() hub.Joins) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		resolved: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "drover_resolve_duration_seconds",
			Help:    "Time from a revision that was noticed to its last bundle on the bus.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120}}),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "drover_report_lag_seconds",
			Help:    "Time from a report that the bus took to the hub that took it in.",
			Buckets: []float64{.001, .005, .01, .05, .1, .5, 1, 5, 10, 60, 300}}),
		bundles: prometheus.NewCounter(prometheus.CounterOpts{Name: "drover_published_bundles_total",
			Help: "Bundles published because of a revision since the hub started."}),
	}
	h.Meter = m
	m.registry.MustRegister(m.resolved, m.lag, m.bundles, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), &fleet{hub: h, joins: joins})
	return m
}

// Resolved implements hub.Meter.
func (m *Metrics) Resolved(took time.Duration, published int) {
	m.resolved.Observe(took.Seconds())
	m.bundles.Add(float64(published))
}

// Heard implements hub.Meter.
func (m *Metrics) Heard(lag time.Duration) { m.lag.Observe(max(0, lag).Seconds()) }

// Handler answers in the text format of Prometheus, or in that of OpenMetrics where it is asked for.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, EnableOpenMetrics: true,
		Timeout: 20 * time.Second, ErrorHandling: promhttp.ContinueOnError})
}

// fleet counts the fleet when it is asked.
type fleet struct {
	hub   *hub.Hub
	joins func() hub.Joins

	mu      sync.Mutex // guards what follows
	counted time.Time
	last    []prometheus.Metric
}

// Describe implements prometheus.Collector. The measures are checked when they are collected.
func (f *fleet) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (f *fleet) Collect(to chan<- prometheus.Metric) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := time.Now(); now.Sub(f.counted) > fresh {
		f.last, f.counted = f.count(now), now
	}
	for _, m := range f.last {
		to <- m
	}
}

// count gives the measures as they are now.
func (f *fleet) count(now time.Time) []prometheus.Metric {
	var out measures
	state := f.hub.State()
	out.fleet(query.Summarize(state.Select(selector.Selector{}), now))
	source := state.Source()
	out.hub(source)
	out.rollouts(source.Rollouts)
	joins := f.joins()
	const requests, about = "drover_credential_requests_total", "Requests for credentials since the hub started."
	out.count(requests, about, float64(joins.Granted), label{"result", "granted"})
	out.count(requests, about, float64(joins.Refused), label{"result", "refused"})
	out.gauge("drover_tasks_waiting", "What the hub's loop has yet to do.", float64(f.hub.Waiting()))
	out.gauge("drover_build_info", "1, with what the hub was built from.", 1, label{"version", version.String()},
		label{"go", runtime.Version()})
	return out
}
