package hub_test

import (
	"strings"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/drover-dev/drover/internal/race"
	"github.com/drover-dev/drover/protocol"
)

// askingChart is a chart that looks at what the API server serves.
const askingChart = `
-- charts/asking/Chart.yaml --
{apiVersion: v2, name: asking, version: 1.0.0}
-- charts/asking/templates/cm.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: asking}
data: {monitored: {{ .Capabilities.APIVersions.Has "monitoring.coreos.com/v1/ServiceMonitor" | quote }}, kubernetes: {{ .Capabilities.KubeVersion.Version | quote }}}
`

// TestAChartThatAsksIsRenderedForWhatTheClusterServes: the hub asks for the list once, keeps it, and renders
// only charts again that look at it.
func TestAChartThatAsksIsRenderedForWhatTheClusterServes(t *testing.T) {
	t.Parallel()
	r := newRig(t, files(askingChart+chartApp("asking", "  helm: {path: charts/asking}\n")))
	r.join("staging")
	monitored := func(is string) func(protocol.Bundle) bool {
		return func(b protocol.Bundle) bool {
			return len(b.Apps) == 1 && b.Apps[0].Blob != nil && strings.Contains(r.lines("staging", b, "asking"), `"monitored":"`+is+`"`)
		}
	}
	r.await("staging", "rendered before a report", monitored("false"))
	asked := make(chan *natsgo.Msg, 16)
	must(r.agent("staging").ChanSubscribe(protocol.AskSubject("staging"), asked))
	if err := r.agent("staging").Flush(); err != nil {
		t.Fatal(err)
	}
	serves := []string{"monitoring.coreos.com/v1", "monitoring.coreos.com/v1/ServiceMonitor", "v1", "v1/Pod"}
	report := func(list ...string) {
		r.report("staging", func(rep *protocol.Report) { rep.Agent.APIs, rep.APIs = protocol.APIsDigest(serves), list })
	}
	report()
	select {
	case <-asked:
	case <-time.After(race.Patience(90 * time.Second)):
		t.Fatal("the hub does not ask for what it does not know")
	}
	report("v1") // not what the digest says
	report(serves...)
	r.await("staging", "rendered for what is served", monitored("true"))
	r.restart(func() {})
	r.push("another value", map[string]string{"charts/asking/templates/more.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\n"})
	r.await("staging", "rendered for what was served before the hub was away", func(b protocol.Bundle) bool {
		return monitored("true")(b) && strings.Contains(r.lines("staging", b, "asking"), `"name":"more"`)
	})
}

// TestAChartThatDoesNotAskIsRenderedOnce whatever clusters serve.
func TestAChartThatDoesNotAskIsRenderedOnce(t *testing.T) {
	t.Parallel()
	b := newScene(t, webChart+chartApp("web", "  helm: {path: charts/web}\n"))
	first := b.resolve("staging")
	b.facts.APIs = []string{"v1"}
	b.commit("-- README.md --\nx\n")
	if again := b.resolve("staging"); again.Apps[0].Ref.Digest != first.Apps[0].Ref.Digest || strings.Contains(b.summary(again), "ERR") {
		t.Errorf("%s", b.summary(again))
	}
	b.commit(askingChart + chartApp("web", "  helm: {path: charts/asking}\n"))
	if got := b.summary(b.resolve("staging")); !strings.Contains(got, `"monitored":"false"`) {
		t.Errorf("%s", got)
	}
	b.facts.APIs = []string{"monitoring.coreos.com/v1/ServiceMonitor"}
	b.commit("-- README.md --\ny\n")
	if got := b.summary(b.resolve("staging")); !strings.Contains(got, `"monitored":"true"`) {
		t.Errorf("%s", got)
	}
}
