package metrics

import (
	"sort"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub"
)

// label is one label of a measure.
type label struct{ name, value string }

// measures are those of one moment.
type measures []prometheus.Metric

func (m *measures) add(kind prometheus.ValueType, name, help string, value float64, labels []label) {
	var names, values []string
	for _, l := range labels {
		names, values = append(names, l.name), append(values, l.value)
	}
	metric, err := prometheus.NewConstMetric(prometheus.NewDesc(name, help, names, nil), kind, value, values...)
	if err != nil { // a name in Git that is no text
		return
	}
	*m = append(*m, metric)
}

func (m *measures) gauge(name, help string, value float64, labels ...label) {
	m.add(prometheus.GaugeValue, name, help, value, labels)
}

func (m *measures) count(name, help string, value float64, labels ...label) {
	m.add(prometheus.CounterValue, name, help, value, labels)
}

// ageBuckets are the bounds of drover_report_age_seconds. An agent says a word every minute or so.
var ageBuckets = []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 15 * time.Minute,
	time.Hour, 6 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour}

// fleet adds what clusters and apps are counted by. States are there also where no cluster is in them, so that alerts
// on them need no `or vector(0)`.
func (m *measures) fleet(s query.Summary) {
	for _, state := range []query.State{query.StateAwaiting, query.StateConnected, query.StateOffline,
		query.StateReleased} {
		m.gauge("drover_clusters", "Clusters, by how the hub stands to their agents.", float64(s.States[state]),
			label{"state", string(state)})
	}
	for health, n := range s.Healths {
		m.gauge("drover_clusters_health", "Clusters, by the worst health of their apps.", float64(n),
			label{"health", string(health)})
	}
	m.gauge("drover_clusters_unsynced", "Clusters that have joined and do not have what was published for them.",
		float64(s.Unsynced))
	m.gauge("drover_clusters_suspended", "Clusters that Git suspends.", float64(s.Suspended))
	for w, n := range s.Apps {
		m.gauge("drover_apps", "Apps over all clusters, by phase and reason code (docs/reasons.md).", float64(n),
			label{"phase", string(w.Phase)}, label{"reason", string(w.Reason)})
	}
	m.gauge("drover_objects", "Objects over all apps.", float64(s.Objects.All))
	m.gauge("drover_objects_current", "Objects over all apps that are as they should be.", float64(s.Objects.Good))
	m.gauge("drover_drift_corrections", "Drift that agents have corrected since each of them started.", float64(s.Drift))
	m.count("drover_untaken_messages_total", "What agents said and the hub did not take, since it started.",
		float64(s.Untaken))
	buckets, sum := map[float64]uint64{}, 0.0
	for _, bound := range ageBuckets {
		buckets[bound.Seconds()] = uint64(sort.Search(len(s.Ages), func(i int) bool { return s.Ages[i] > bound }))
	}
	for _, age := range s.Ages {
		sum += age.Seconds()
	}
	*m = append(*m, prometheus.MustNewConstHistogram(prometheus.NewDesc("drover_report_age_seconds",
		"Clusters by how old the last report of their agent is.", nil, nil), uint64(len(s.Ages)), sum, buckets))
}

// hub adds how the hub stands to its repository and to other hubs.
func (m *measures) hub(s hub.SourceStatus) {
	m.gauge("drover_hub_active", "1 if this hub acts for the fleet, 0 if it stands by.", one(s.Hub.Acts()))
	m.gauge("drover_source_failing", "1 if the repository or its newest revision cannot be followed.", one(s.Error != ""))
	m.gauge("drover_publish_stalled", "1 if what was resolved cannot be stored or published.", one(s.Stalled != ""))
	m.gauge("drover_publish_withheld", "1 if nothing is published; `drover status` says why.", one(s.Withheld != nil))
	m.gauge("drover_frozen", "1 if nothing new is released to any cluster.", one(s.Frozen != nil))
	m.gauge("drover_holds", "What waits for a person's approval.", float64(len(s.Held)))
	m.gauge("drover_bus_damages", "Times that another client has changed streams of the bus since the hub started.",
		float64(s.Damage.Count))
	if !s.Revision.Time.IsZero() {
		m.gauge("drover_revision_timestamp_seconds", "When the revision was committed that was resolved last.",
			float64(s.Revision.Time.Unix()))
	}
	if !s.Resolved.IsZero() {
		m.gauge("drover_resolved_timestamp_seconds", "When a revision was resolved last.", float64(s.Resolved.Unix()))
	}
}

// rollouts adds how far policies have come.
func (m *measures) rollouts(all []query.Rollout) {
	for _, r := range all[:min(len(all), maxPolicies)] {
		policy := label{"policy", r.Policy}
		m.gauge("drover_rollout_behind_clusters", "Clusters that a RolloutPolicy holds at something else than Git asks for.",
			float64(len(r.Behind)), policy)
		m.gauge("drover_rollout_bad_targets", "Targets of a RolloutPolicy that no wave takes any more.", float64(len(r.Bad)),
			policy)
		for _, w := range r.Waves {
			wave := label{"wave", w.Name}
			for _, s := range []struct {
				name string
				n    int
			}{{"settled", w.Settled}, {"failed", w.Failed}, {"offline", w.Offline},
				{"waiting", max(0, w.Clusters-w.Settled-w.Failed-w.Offline)}} {
				m.gauge("drover_rollout_wave_clusters", "Clusters that take part in a wave's target.", float64(s.n), policy, wave,
					label{"state", s.name})
			}
		}
	}
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
