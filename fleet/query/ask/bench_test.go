package ask

import (
	"fmt"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/facts"
	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/protocol"
)

// many is 10,000 clusters with 10 apps each: 1,000 contents that ten clusters share, one in 25 clusters with a failed
// app, one in 20 offline.
func many(clusters int) Fleet {
	f := Fleet{Now: now}
	contents := make([]content, clusters/10*10)
	for i := range contents {
		contents[i] = content{&facts.Facts{
			Images: []string{fmt.Sprintf("registry.example.com/team%d/app%d:1.%d", i%10, i%10, i/10%50), "envoy:1.30"},
			Charts: []facts.Chart{{Name: fmt.Sprintf("app%d", i%10), Version: fmt.Sprintf("1.%d.0", i/10%50)}},
			Kinds: []facts.Kind{{APIVersion: "apps/v1", Kind: "Deployment", Objects: 1}, {APIVersion: "v1", Kind: "Service",
				Objects: 1}, {APIVersion: "v1", Kind: "ConfigMap", Objects: 3}}}}
	}
	for i := range clusters {
		c := query.Cluster{Name: fmt.Sprintf("cluster-%05d", i), Joined: true, Labels: map[string]string{"env": "production"},
			Link:   query.Link{Connected: i%20 != 0, Since: now.Add(-time.Hour)},
			Report: &protocol.Report{Generation: 3, Digest: "g3"}, Desired: query.Desired{Generation: 3, Digest: "g3"}}
		for j := range 10 {
			name, digest := fmt.Sprintf("app-%d", j), fmt.Sprintf("%064d", i/10*10+j)
			c.Desired.Apps = append(c.Desired.Apps, query.DesiredApp{Name: name, Declared: "App " + name, Objects: 5,
				Digest: digest, Content: contents[i/10*10+j]})
			a := protocol.AppReport{Name: name, Phase: protocol.PhaseHealthy, Health: protocol.HealthCurrent, Objects: 5,
				Current: 5, Digest: digest, Revision: "1111111122222222", Since: now}
			if i%25 == 0 && j == 7 {
				ref := protocol.ObjectRef{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: name}
				a.Phase, a.Health, a.Reason = protocol.PhaseDegraded, protocol.HealthDegraded, protocol.ReasonUnhealthy
				a.Message = ref.String() + ": the image is not found in " + c.Name
				a.Problems = []protocol.Problem{{Object: ref, Health: protocol.HealthDegraded,
					Message: "the image is not found in " + c.Name}}
			}
			c.Report.Apps = append(c.Report.Apps, a)
		}
		f.Clusters = append(f.Clusters, c)
	}
	return f
}

var sink int

// scan is a bare scan of what every question is asked of: each app of each cluster, with its phase and its content.
func scan(f Fleet) (n int) {
	for i := range f.Clusters {
		c := &f.Clusters[i]
		for j := range c.Desired.Apps {
			d, a := &c.Desired.Apps[j], &c.Report.Apps[j]
			if d.Name == a.Name && a.Phase == protocol.PhaseHealthy && d.Digest == a.Digest {
				n += len(d.Content.Facts().Images)
			}
		}
	}
	return n
}

// BenchmarkQuestions asks each question of 10,000 clusters with 10 apps each; scan is what they are compared with.
func BenchmarkQuestions(b *testing.B) {
	f := many(10_000)
	page := Paging{Limit: 500}
	image, err := facts.ParseImageMatch("team3/app3:1.20")
	if err != nil {
		b.Fatal(err)
	}
	for name, ask := range map[string]func() int{
		"scan":     func() int { return scan(f) },
		"clusters": func() int { return f.InState(nil, page).Total },
		"degraded": func() int { return f.InState([]Condition{Degraded, Behind, Held}, page).Total },
		"apps":     func() int { return f.Apps(page).Total },
		"app": func() int {
			p, _ := f.Where("app-3", nil, page)
			return p.Total
		},
		"images":  func() int { return f.Images(facts.ImageMatch{}, false, page).Total },
		"image":   func() int { return f.Images(image, true, page).Total },
		"charts":  func() int { return f.Charts(ChartMatch{OlderThan: "1.20.0"}, false, page).Total },
		"objects": func() int { return f.Kinds(KindMatch{Kind: "Deployment", APIVersion: "apps/v1"}, false, page).Total },
		"causes": func() int {
			p, _ := f.Failures("", false, page)
			return p.Total
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if sink = ask(); sink == 0 {
					b.Fatal("it finds nothing")
				}
			}
		})
	}
}
