package rollouts

import (
	"fmt"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/protocol"
)

// many are 10,000 clusters of five apps each, all healthy.
func many(b *testing.B) *fleet {
	f := &fleet{now: start, asked: map[string][]protocol.App{}, given: map[string]protocol.Bundle{},
		at: map[string]time.Time{}, said: map[string]*protocol.Report{}, store: map[string][]byte{},
		labels: map[string]map[string]string{}, policy: rollout.Policy{Name: "production", Waves: []rollout.Wave{{Name: "all",
			Steps: []rollout.Amount{{Share: 100}, rollout.All}, Soak: time.Hour}}}}
	f.d = New(nil, nil, quiet())
	f.follow()
	for i := range 10_000 {
		name := fmt.Sprint("c", i)
		f.labels[name] = map[string]string{"n": fmt.Sprint(i)}
		f.asked[name] = appsOf("a=1 b=1 c=1 d=1 e=1")
		f.given[name] = protocol.Bundle{Cluster: name, Generation: 1, Epoch: 1, Apps: f.asked[name]}
		f.say(name)
		f.d.Stage(f.now, f.labels[name], true, protocol.Bundle{Cluster: name, Apps: f.asked[name]}, f.given[name],
			func(string) bool { return false })
	}
	b.ReportAllocs()
	f.d.Offer(protocol.Revision{Hash: "1"}, "", func(string) bool { return false })
	f.d.Step(f.now, f)
	f.d.Saved()
	b.ResetTimer()
	return f
}

func (f *fleet) say(name string) {
	r := &protocol.Report{Generation: f.given[name].Generation, Epoch: 1}
	for _, a := range f.given[name].Apps {
		r.Apps = append(r.Apps, protocol.AppReport{Name: a.Name, Phase: protocol.PhaseHealthy, Digest: a.Blob.Digest})
	}
	f.said[name] = r
}

var _ Facts = (*fleet)(nil)

// BenchmarkAReportOf10000 is a step after one report, with what the store has to be told.
func BenchmarkAReportOf10000(b *testing.B) {
	f := many(b)
	for b.Loop() {
		f.now = f.now.Add(time.Second)
		f.say("c77")
		f.d.Step(f.now, f)
		_ = f.d.Unsaved()
	}
}

// BenchmarkACommitFor10000 is a commit that changes all clusters, from staging it to what is stored.
func BenchmarkACommitFor10000(b *testing.B) {
	f := many(b)
	i := 1
	for b.Loop() {
		i++
		apps := appsOf(fmt.Sprintf("a=%d b=1 c=1 d=1 e=1", i))
		for name := range f.labels {
			f.d.Stage(f.now, f.labels[name], true, protocol.Bundle{Cluster: name, Apps: apps}, f.given[name],
				func(string) bool { return false })
		}
		f.d.Offer(protocol.Revision{Hash: fmt.Sprint(i)}, "", func(string) bool { return false })
		f.d.Step(f.now, f)
		_ = f.d.Unsaved()
		f.d.Saved()
	}
}

var _ query.Link
