package hub_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/protocol"
)

const (
	// costs is what one cluster may cost the hub.
	costs = 16 << 20
	// flooding is how many messages are sent of each kind, as fast as they go: as many megabytes.
	flooding = 60
)

// heap is what is in use after everything else was collected.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// filled is JSON of about the size that a report or event may have: what part gives, again and again.
func filled(head, part, tail string) []byte {
	n := (protocol.MaxReport - len(head) - len(tail)) / (len(part) + 1)
	return []byte(head + strings.TrimSuffix(strings.Repeat(part+",", n), ",") + tail)
}

// head is the begin of a report that is number n of a process.
func (f *flood) head(n int, more string) string {
	return fmt.Sprintf(`{"version":1,"cluster":%q,"seq":%d,"time":"2026-11-29T12:00:00Z","agent":{"version":"v1",`+
		`"identity":"flood","started":"2026-11-29T12:00:00Z"%s}`, f.cluster, 1+n, more)
}

// flood sends what one cluster can.
type flood struct {
	*rig
	cluster string
}

// reports are reports that are as large as can be, and cost as much as can be.
func reports() map[string]func(f *flood, n int) []byte {
	repeated := func(field, part, end string) func(*flood, int) []byte {
		return func(f *flood, n int) []byte {
			return filled(f.head(n, "")+`,"generation":1,`+field, part, end+`}`)
		}
	}
	return map[string]func(*flood, int) []byte{
		"empty apps":     repeated(`"apps":[`, `{}`, `]`),
		"apps of null":   repeated(`"apps":[`, `null`, `]`),
		"problems":       repeated(`"apps":[{"name":"web","problems":[`, `null`, `]}]`),
		"held":           repeated(`"held":[`, `null`, `]`),
		"held objects":   repeated(`"held":[{"objects":[`, `{}`, `]}]`),
		"drift's fields": repeated(`"drift":{"last":{"fields":[`, `""`, `]}}`),
		"a long message": repeated(`"message":"`, `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx`, `"`),
		"ever new apps": func(f *flood, n int) []byte {
			var apps []string
			for i := range 9000 {
				apps = append(apps, fmt.Sprintf(`{"name":"x-%d-%d","deleted":1,"objects":1,"leaving":true}`, n, i))
			}
			return []byte(f.head(n, "") + fmt.Sprintf(`,"generation":%d,"apps":[`, n) + strings.Join(apps, ",") + "]}")
		},
		"ever new API lists": func(f *flood, n int) []byte {
			var list []string
			for i := range 6000 {
				list = append(list, fmt.Sprintf("g%d-%d.example.com/v1/%s", n, i, strings.Repeat("K", 50)))
			}
			slices.Sort(list)
			return []byte(f.head(n, `,"apis":"`+protocol.APIsDigest(list)+`"`) + `,"apis":` + string(must(json.Marshal(list))) + `}`)
		},
		"ever new versions": func(f *flood, n int) []byte {
			return []byte(f.head(n, fmt.Sprintf(`,"kubernetes":"v1.%d.0"`, n)) + `}`)
		},
		"ever new commits": func(f *flood, n int) []byte {
			return filled(f.head(n, "")+fmt.Sprintf(`,"generation":1,"revision":{"hash":"%d`, n), strings.Repeat("x", 100), `"}}`)
		},
		"ever new agents": func(f *flood, n int) []byte {
			return filled(fmt.Sprintf(`{"version":1,"cluster":%q,"agent":{"identity":"%d`, f.cluster, n), strings.Repeat("x", 100), `"}}`)
		},
		"other clusters' uids": func(f *flood, n int) []byte {
			return []byte(f.head(n, fmt.Sprintf(`,"clusterUID":"%d","image":"%s"`, n, strings.Repeat("x", 800<<10))) + `}`)
		},
	}
}

// events are events that are as large as can be.
func events() map[string]func(f *flood, n int) []byte {
	head := func(f *flood, n int) string { // each leaves a gap
		return fmt.Sprintf(`{"version":1,"cluster":%q,"seq":%d,"prev":%d,"kind":"drift","time":"2026-11-29T12:00:00Z",`,
			f.cluster, 10*n+10, 10*n+9)
	}
	return map[string]func(*flood, int) []byte{
		"fields":     func(f *flood, n int) []byte { return filled(head(f, n)+`"fields":[`, `""`, `]}`) },
		"long texts": func(f *flood, n int) []byte { return filled(head(f, n)+`"message":"`, strings.Repeat("x", 100), `"}`) },
		"long fields": func(f *flood, n int) []byte {
			return filled(head(f, n)+`"fields":[`, `"`+strings.Repeat("x", 5000)+`"`, `]}`)
		},
		"the last number": func(f *flood, n int) []byte {
			return fmt.Appendf(nil, `{"version":1,"cluster":%q,"seq":18446744073709551615,"prev":0,"kind":"drift"}`, f.cluster)
		},
	}
}

// noise is everything that a cluster may publish and that is no report or event of its own.
func noise() map[string]func(f *flood, n int) {
	publish := func(f *flood, subject string, data []byte) { f.publish(f.cluster, subject, data) }
	return map[string]func(*flood, int){
		"what is sealed to nobody, as reports": func(f *flood, _ int) {
			publish(f, protocol.ReportSubject(f.cluster), make([]byte, 1<<20))
		},
		"the same, as events": func(f *flood, _ int) {
			publish(f, protocol.JournalSubject(f.cluster), make([]byte, 1<<20))
		},
		"what nobody signed": func(f *flood, _ int) {
			key := signer(newKeyPairs().seed)
			publish(f, protocol.ReportSubject(f.cluster), must(protocol.Speak(protocol.SpeechReport, f.cluster, key,
				f.creds[f.cluster].HubOpen, make([]byte, 900<<10))))
		},
		"hellos": func(f *flood, n int) { f.hello(f.creds[f.cluster], time.Now().Add(time.Duration(n)*time.Hour)) },
		"hellos that nobody signed": func(f *flood, n int) {
			hello := protocol.Hello{Version: 1, Cluster: f.cluster, JWT: strconv.Itoa(n) + strings.Repeat("x", 10<<10)}
			publish(f, protocol.HelloSubject(f.cluster), must(protocol.SignMessage(hello, signer(newKeyPairs().seed))))
		},
		"requests to renew": func(f *flood, _ int) {
			request := newKeyPairs().request(f.cluster)
			f.request(must(protocol.SignMessage(request, signer(f.creds[f.cluster].Seed))))
		},
		"requests that are too large": func(f *flood, _ int) { f.request(make([]byte, 1<<20)) },
	}
}

// request asks to renew.
func (f *flood) request(data []byte) {
	inbox := protocol.InboxPrefix(f.cluster) + ".x"
	must(0, f.agent(f.cluster).PublishRequest(protocol.RenewSubject(f.cluster), inbox, data))
}

// floods is what a cluster can send of each kind.
func floods() map[string]func(f *flood, n int) {
	out := map[string]func(*flood, int){}
	for name, report := range reports() {
		out["reports: "+name] = func(f *flood, n int) { f.say(protocol.SpeechReport, f.creds[f.cluster], report(f, n)) }
	}
	for name, event := range events() {
		out["events: "+name] = func(f *flood, n int) { f.say(protocol.SpeechEvent, f.creds[f.cluster], event(f, n)) }
	}
	for name, send := range noise() {
		out["noise: "+name] = send
	}
	return out
}

// Whatever one cluster says costs the hub less than 16 MB, and the hub goes on. A cluster each sends messages
// of one kind,
// nearly as much as the hub takes before it cuts a cluster off. It runs alone: it measures the process.
func TestWhateverOneClusterSaysCostsTheHubLittle(t *testing.T) {
	if testing.Short() {
		t.Skip("it floods a hub for a minute")
	}
	files := twoClusters()
	files["charts/web/Chart.yaml"] = "apiVersion: v2\nname: web\nversion: 1.2.3\n"
	files["charts/web/templates/config.yaml"] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: chart}\n" +
		"data: {version: {{ .Capabilities.KubeVersion.Version }}, has: '{{ .Capabilities.APIVersions.Has \"g/v1\" }}'}\n"
	kinds, clusters := floods(), map[string]string{}
	for i, name := range slices.Sorted(maps.Keys(kinds)) {
		clusters[name] = fmt.Sprintf("flood-%d", i)
		files["clusters/"+clusters[name]+"/chart.yaml"] = "apiVersion: drover.dev/v1alpha1\nkind: App\n" +
			"metadata: {name: chart}\nspec: {helm: {path: charts/web}}\n---\n" + app("extra", "apps/extra", "")
	}
	r := newRig(t, files)
	r.join(append(slices.Collect(maps.Values(clusters)), "a", "b")...)
	for _, cluster := range clusters {
		r.await(cluster, "published", func(protocol.Bundle) bool { return true })
	}
	r.report("a", func(*protocol.Report) {})
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		if only := os.Getenv("FLOOD"); only != "" && !strings.Contains(name, only) {
			continue
		}
		r.flood(name, clusters[name], kinds[name])
	}
	r.push("after all that", map[string]string{"apps/extra/config.yaml": configMap("extra", "still")})
	for _, name := range append(slices.Collect(maps.Values(clusters)), "a", "b") {
		r.report(name, func(rep *protocol.Report) { rep.Agent.Identity = "honest" })
		r.await(name, "the commit", func(b protocol.Bundle) bool { return b.Revision.Subject == "after all that" })
		r.until("the agent of "+name+" is heard", func() bool { return r.row(name).Agent.Identity == "honest" })
	}
}

// flood has a cluster send, and waits until what that cost is given back.
func (r *rig) flood(name, cluster string, send func(*flood, int)) {
	r.t.Helper()
	f, before := &flood{rig: r, cluster: cluster}, heap()
	stop, most := make(chan struct{}), make(chan uint64)
	go func() {
		var n uint64
		for {
			select {
			case <-stop:
				most <- n
				return
			case <-time.After(50 * time.Millisecond):
				n = max(n, heap())
			}
		}
	}()
	for n := range flooding {
		send(f, n)
	}
	must(0, errors.Join(r.agent(cluster).Flush()))
	within, now := 0, uint64(0)
	r.until("what "+name+" cost is given back", func() bool {
		if now = heap(); now < before+costs {
			within++
		} else {
			within = 0
		}
		return within >= 5
	})
	close(stop)
	top := <-most
	if until := r.ids.Identity(cluster).Suspended; !until.IsZero() {
		r.t.Errorf("%s: the cluster was cut off until %s: not all of it was sent", name, until)
	}
	// While they come the embedded server buffers up to its own limits, which it would as a process of its own.
	r.t.Logf("%s: %.1f MB, at most %.1f MB", name, float64(int64(now)-int64(before))/1e6,
		float64(int64(top)-int64(before))/1e6)
}
