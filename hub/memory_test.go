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
	return fmt.Sprintf(`{"version":1,"cluster":"a","seq":%d,"time":"2026-11-29T12:00:00Z","agent":{"version":"v1","identity":"flood","started":"2026-11-29T12:00:00Z"%s}`,
		f.seq+n, more)
}

// flood sends what one cluster can.
type flood struct {
	*rig
	seq int
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
				apps = append(apps, fmt.Sprintf(`{"name":"x-%d-%d","deleted":1,"objects":1,"leaving":true}`, f.seq+n, i))
			}
			return []byte(f.head(n, "") + fmt.Sprintf(`,"generation":%d,"apps":[`, n) + strings.Join(apps, ",") + "]}")
		},
		"ever new API lists": func(f *flood, n int) []byte {
			var list []string
			for i := range 6000 {
				list = append(list, fmt.Sprintf("g%d-%d.example.com/v1/%s", f.seq+n, i, strings.Repeat("K", 50)))
			}
			slices.Sort(list)
			return []byte(f.head(n, `,"apis":"`+protocol.APIsDigest(list)+`"`) + `,"apis":` + string(must(json.Marshal(list))) + `}`)
		},
		"ever new versions": func(f *flood, n int) []byte {
			return []byte(f.head(n, fmt.Sprintf(`,"kubernetes":"v1.%d.0"`, f.seq+n)) + `}`)
		},
		"ever new commits": func(f *flood, n int) []byte {
			return filled(f.head(n, "")+fmt.Sprintf(`,"generation":1,"revision":{"hash":"%d`, f.seq+n), strings.Repeat("x", 100), `"}}`)
		},
		"ever new agents": func(f *flood, n int) []byte {
			return filled(fmt.Sprintf(`{"version":1,"cluster":"a","agent":{"identity":"%d`, f.seq+n), strings.Repeat("x", 100), `"}}`)
		},
		"other clusters' uids": func(f *flood, n int) []byte {
			return []byte(f.head(n, fmt.Sprintf(`,"clusterUID":"%d","image":"%s"`, f.seq+n, strings.Repeat("x", 800<<10))) + `}`)
		},
	}
}

// events are events that are as large as can be.
func events() map[string]func(f *flood, n int) []byte {
	head := func(f *flood, n int) string { // each leaves a gap
		return fmt.Sprintf(`{"version":1,"cluster":"a","seq":%d,"prev":%d,"kind":"drift","time":"2026-11-29T12:00:00Z",`, 10*(f.seq+n), 10*(f.seq+n)-1)
	}
	return map[string]func(*flood, int) []byte{
		"fields":     func(f *flood, n int) []byte { return filled(head(f, n)+`"fields":[`, `""`, `]}`) },
		"long texts": func(f *flood, n int) []byte { return filled(head(f, n)+`"message":"`, strings.Repeat("x", 100), `"}`) },
		"long fields": func(f *flood, n int) []byte {
			return filled(head(f, n)+`"fields":[`, `"`+strings.Repeat("x", 5000)+`"`, `]}`)
		},
		"the last number": func(f *flood, n int) []byte {
			return []byte(`{"version":1,"cluster":"a","seq":18446744073709551615,"prev":0,"kind":"drift"}`)
		},
	}
}

// noise is everything that a cluster may publish and that is no report or event of its own.
func (f *flood) noise() map[string]func(n int) {
	cred := f.creds["a"]
	return map[string]func(n int){
		"what is sealed to nobody, as reports": func(int) { f.publish("a", protocol.ReportSubject("a"), make([]byte, 1<<20)) },
		"the same, as events":                  func(int) { f.publish("a", protocol.JournalSubject("a"), make([]byte, 1<<20)) },
		"what nobody signed": func(int) {
			stranger := newKeyPairs()
			f.publish("a", protocol.ReportSubject("a"), must(protocol.Speak(protocol.SpeechReport, "a", signer(stranger.seed), cred.HubOpen, make([]byte, 900<<10))))
		},
		"hellos": func(n int) { f.hello(cred, time.Now().Add(time.Duration(n)*time.Hour)) },
		"hellos that nobody signed": func(n int) {
			f.publish("a", protocol.HelloSubject("a"), must(protocol.SignMessage(protocol.Hello{Version: 1, Cluster: "a", JWT: strconv.Itoa(n) +
				strings.Repeat("x", 10<<10)}, signer(newKeyPairs().seed))))
		},
		"requests to renew": func(n int) {
			c := f.agent("a")
			data := must(protocol.SignMessage(newKeyPairs().request("a"), signer(cred.Seed)))
			must(0, c.PublishRequest(protocol.RenewSubject("a"), protocol.InboxPrefix("a")+".x", data))
		},
		"requests that are too large": func(int) {
			must(0, f.agent("a").PublishRequest(protocol.RenewSubject("a"), protocol.InboxPrefix("a")+".x", make([]byte, 1<<20)))
		},
	}
}

// Whatever one cluster says costs the hub less than 16 MB, and the hub goes on. It runs alone: it measures the process.
func TestWhateverOneClusterSaysCostsTheHubLittle(t *testing.T) {
	if testing.Short() {
		t.Skip("it floods a hub for a minute")
	}
	files := twoClusters()
	files["charts/web/Chart.yaml"] = "apiVersion: v2\nname: web\nversion: 1.2.3\n"
	files["charts/web/templates/config.yaml"] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: chart}\n" +
		"data: {version: {{ .Capabilities.KubeVersion.Version }}, has: '{{ .Capabilities.APIVersions.Has \"g/v1\" }}'}\n"
	files["clusters/a/chart.yaml"] = "apiVersion: drover.dev/v1alpha1\nkind: App\nmetadata: {name: chart}\nspec: {helm: {path: charts/web}}\n"
	r := newRig(t, files)
	r.join("a", "b")
	r.await("a", "published", func(protocol.Bundle) bool { return true })
	f := &flood{rig: r, seq: 1}
	kinds := map[string]func(n int){}
	for name, make := range reports() {
		kinds["reports: "+name] = func(n int) { r.say(protocol.SpeechReport, r.creds["a"], make(f, n)) }
	}
	for name, make := range events() {
		kinds["events: "+name] = func(n int) { r.say(protocol.SpeechEvent, r.creds["a"], make(f, n)) }
	}
	for name, send := range f.noise() {
		kinds["noise: "+name] = send
	}
	r.report("a", func(rep *protocol.Report) {})
	before := heap()
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		if only := os.Getenv("FLOOD"); only != "" && !strings.Contains(name, only) {
			continue
		}
		send := kinds[name]
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
			send(n)
		}
		must(0, errors.Join(r.agent("a").Flush()))
		f.seq += flooding
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
		// While they come the embedded server buffers up to its own limits, which it would as a process of its own.
		t.Logf("%s: %.1f MB, at most %.1f MB", name, float64(int64(now)-int64(before))/1e6, float64(int64(top)-int64(before))/1e6)
	}
	r.push("after all that", map[string]string{"apps/extra/config.yaml": configMap("extra", "still")})
	r.report("a", func(rep *protocol.Report) { rep.Agent.Identity = "honest" })
	r.await("a", "the commit", func(b protocol.Bundle) bool { return b.Revision.Subject == "after all that" })
	r.await("b", "the commit", func(b protocol.Bundle) bool { return b.Revision.Subject == "after all that" })
	r.until("the agent is heard", func() bool { return r.row("a").Agent.Identity == "honest" })
}
