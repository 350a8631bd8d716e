package fleet

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/protocol"
)

// at is when the Pods below are looked at.
var at = time.Date(2026, 11, 3, 9, 40, 0, 0, time.UTC)

// aPod is a Pod as a kubelet reports it: its conditions, as type=status/reason/message, and the statuses of its
// containers.
func aPod(phase, conditions, containers string) string {
	var list []string
	for c := range strings.SplitSeq(conditions, "; ") {
		kind, rest, _ := strings.Cut(c, "=")
		parts := append(strings.SplitN(rest, "/", 3), "", "")
		list = append(list, fmt.Sprintf(`{"type":%q,"status":%q,"reason":%q,"message":%q}`, kind, parts[0], parts[1], parts[2]))
	}
	return fmt.Sprintf(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web-7d4-x2","namespace":"shop","creationTimestamp":"2026-11-03T09:30:00Z",
		"labels":{"pod-template-hash":"7d4"}},"spec":{"nodeName":"n1","restartPolicy":"Always",
		"initContainers":[{"name":"migrate","image":"shop/migrate:1"}],
		"containers":[{"name":"web","image":"registry.example.com/shop/web:1","resources":{"limits":{"memory":"64Mi"}}}]},
		"status":{"phase":%q,"conditions":[%s],%s}}`, phase, strings.Join(list, ","), containers)
}

const unready = "PodScheduled=True; Initialized=True; ContainersReady=False/ContainersNotReady/containers with unready status: [web]; Ready=False/ContainersNotReady/containers with unready status: [web]"

func pending(containers string) string { return aPod("Pending", unready, containers) }

func web(state, rest string) string {
	return fmt.Sprintf(`"containerStatuses":[{"name":"web","image":"registry.example.com/shop/web:1","ready":false,"started":false,"state":%s%s}]`, state, rest)
}

func waits(reason, message string) string {
	return fmt.Sprintf(`{"waiting":{"reason":%q,"message":%q}}`, reason, message)
}

func died(code int, reason, message, start, end string) string {
	return fmt.Sprintf(`{"terminated":{"exitCode":%d,"reason":%q,"message":%q,"startedAt":"2026-11-03T%sZ","finishedAt":"2026-11-03T%sZ","containerID":"containerd://1"}}`, code, reason, message, start, end)
}

func looping(restarts int, last string) string {
	return web(waits("CrashLoopBackOff", "back-off 40s restarting failed container=web pod=web-7d4-x2_shop(1)"), fmt.Sprintf(`,"restartCount":%d,"lastState":%s`, restarts, last))
}

const backingOff = `Back-off pulling image "registry.example.com/shop/web:1": ErrImagePull: rpc error: code = NotFound desc = failed to pull and unpack image "registry.example.com/shop/web:1": ` +
	`failed to resolve reference "registry.example.com/shop/web:1": registry.example.com/shop/web:1: not found`

const place = " (pod web-7d4-x2 on n1)"

// podCauses are Pods as kubelets and schedulers report them, with what is said of each; nothing where nothing is wrong.
var podCauses = map[string]struct {
	pod     string
	health  protocol.Health
	message string
}{
	"ready":            {aPod("Running", "Ready=True", `"containerStatuses":[{"name":"web","ready":true,"restartCount":1,"state":{"running":{"startedAt":"2026-11-03T09:31:00Z"}}}]`), "", ""},
	"ended well":       {aPod("Succeeded", "Ready=False/PodCompleted/", web(died(0, "Completed", "", "09:30:01", "09:30:02"), "")), "", ""},
	"being deleted":    {strings.Replace(pending(looping(9, "{}")), `"labels"`, `"deletionTimestamp":"2026-11-03T09:39:00Z","labels"`, 1), "", ""},
	"image not there":  {pending(web(waits("ImagePullBackOff", backingOff), "")), degr, "the image registry.example.com/shop/web:1 of container web cannot be pulled: not found; correct the image in Git, or push it" + place},
	"image at first":   {pending(web(waits("ErrImagePull", backingOff[strings.Index(backingOff, "rpc error"):]), "")), degr, "the image registry.example.com/shop/web:1 of container web cannot be pulled: not found; correct the image in Git, or push it" + place},
	"image in private": {pending(web(waits("ErrImagePull", `failed to authorize: failed to fetch anonymous token: unexpected status: 401 Unauthorized`), "")), prog, "the image registry.example.com/shop/web:1 of container web cannot be pulled: failed to authorize: failed to fetch anonymous token: unexpected status: 401 Unauthorized; correct the name in Git, or give the pod an imagePullSecret for that registry" + place},
	"registry away":    {pending(web(waits("ErrImagePull", `failed to do request: Head "https://registry.example.com/v2/shop/web/manifests/1": dial tcp 192.0.2.1:443: i/o timeout`), "")), prog, `the image registry.example.com/shop/web:1 of container web cannot be pulled: failed to do request: Head "https://registry.example.com/v2/shop/web/manifests/1": dial tcp 192.0.2.1:443: i/o timeout; Kubernetes retries; check that the node reaches the registry` + place},
	"image, no word":   {pending(web(waits("ImagePullBackOff", `Back-off pulling image "registry.example.com/shop/web:1"`), "")), prog, "the image registry.example.com/shop/web:1 of container web cannot be pulled; Kubernetes retries; check that the node reaches the registry" + place},
	"no image name":    {pending(web(waits("InvalidImageName", `couldn't parse image name "shop/Web:1": invalid reference format`), "")), degr, `registry.example.com/shop/web:1 of container web is no image name: couldn't parse image name "shop/Web:1": invalid reference format; correct it in Git` + place},
	"Secret missing":   {pending(web(waits("CreateContainerConfigError", `secret "db" not found`), "")), prog, `container web cannot be started: secret "db" not found; add what is missing to Git, or correct the reference; Kubernetes retries` + place},
	"runs as root":     {pending(web(waits("CreateContainerConfigError", `container has runAsNonRoot and image will run as root (pod: "web-7d4-x2_shop", container: web)`), "")), degr, `container web cannot be started: container has runAsNonRoot and image will run as root (pod: "web-7d4-x2_shop", container: web); set runAsUser in its securityContext, or take an image that does not run as root` + place},
	"is being started": {pending(web(waits("ContainerCreating", ""), "")), prog, "the pod is being started" + place},
	"no resources":     {aPod("Pending", "PodScheduled=False/Unschedulable/0~3 nodes are available: 3 Insufficient cpu. preemption: 0~3 nodes are available: 3 No preemption victims found.", `"qosClass":"Burstable"`), prog, "no node takes the pod: 0~3 nodes are available: 3 Insufficient cpu; add nodes, or have it ask for less" + place},
	"held by a gate":   {aPod("Pending", "PodScheduled=False/SchedulingGated/Scheduling is blocked due to non-empty scheduling gates", `"qosClass":"Burstable"`), prog, "the pod is held back by its scheduling gates: Scheduling is blocked due to non-empty scheduling gates; see the controller that takes them away" + place},

	"crashed once":       {pending(looping(1, died(1, "Error", "", "09:39:01", "09:39:02"))), prog, "container web ended with exit code 1 after 1 restart; see kubectl logs -n shop web-7d4-x2 -c web --previous" + place},
	"crashed thrice":     {pending(looping(2, died(1, "Error", "", "09:39:01", "09:39:02"))), degr, "container web ends again and again with exit code 1 after 2 restarts; see kubectl logs -n shop web-7d4-x2 -c web --previous" + place},
	"crashed, and spoke": {pending(looping(2, died(1, "Error", "at work\npanic: no DATABASE_URL\n\ngoroutine 1 [running]:\n", "09:39:01", "09:39:02"))), degr, "container web ends again and again with exit code 1 after 2 restarts: panic: no DATABASE_URL; see kubectl logs -n shop web-7d4-x2 -c web --previous" + place},
	"out of memory":      {pending(looping(4, died(137, "OOMKilled", "", "09:39:01", "09:39:02"))), degr, "container web ends again and again, killed by its node (OOMKilled) after 4 restarts: it used more memory than its limit of 64Mi; raise the limit, or see why it needs so much" + place},
	"killed":             {pending(looping(4, died(137, "Error", "", "09:39:01", "09:39:02"))), degr, "container web ends again and again with exit code 137 (SIGKILL) after 4 restarts; see kubectl logs -n shop web-7d4-x2 -c web --previous" + place},
	"no such command":    {pending(looping(4, died(128, "StartError", `exec: "wbe": executable file not found in $PATH`, "09:39:01", "09:39:02"))), degr, `container web cannot be started after 4 restarts: exec: "wbe": executable file not found in $PATH; correct its command in Git` + place},
	"returns":            {pending(looping(4, died(0, "Completed", "", "09:39:01", "09:39:02"))), degr, "container web ends again and again with exit code 0 after 4 restarts: it is expected to go on; give it a command that does not return, or make it a Job" + place},
	"runs again, for a moment": {aPod("Running", "Ready=True", web(`{"running":{"startedAt":"2026-11-03T09:39:50Z"}}`, `,"restartCount":3,"lastState":`+died(1, "Error", "", "09:39:01", "09:39:02"))), degr,
		"container web ends again and again with exit code 1 after 3 restarts; see kubectl logs -n shop web-7d4-x2 -c web --previous" + place},
	"runs again, for long": {aPod("Running", "Ready=True", strings.Replace(web(`{"running":{"startedAt":"2026-11-03T09:39:10Z"}}`, `,"restartCount":3,"lastState":`+died(1, "Error", "", "09:39:01", "09:39:02")), `"ready":false`, `"ready":true`, 1)), "", ""},
	"runs again, not for as long as before": {aPod("Running", "Ready=True", web(`{"running":{"startedAt":"2026-11-03T09:37:00Z"}}`, `,"restartCount":3,"lastState":`+died(1, "Error", "", "09:34:00", "09:36:40"))), degr,
		"container web ends again and again with exit code 1 after 3 restarts; see kubectl logs -n shop web-7d4-x2 -c web --previous" + place},
	"started again at once, as after an upgrade of the node": {aPod("Running", "Ready=True", strings.Replace(web(`{"running":{"startedAt":"2026-11-03T09:39:52Z"}}`, `,"restartCount":3,"lastState":`+died(1, "Error", "", "09:39:01", "09:39:51")), `"ready":false`, `"ready":true`, 1)), "", ""},
	"not ready":    {aPod("Running", unready, web(`{"running":{"startedAt":"2026-11-03T09:39:00Z"}}`, "")), prog, "container web runs and is not ready" + place},
	"gate closed":  {aPod("Running", "PodScheduled=True; ContainersReady=True; Ready=False/ReadinessGatesNotReady/corresponding condition of pod readiness gate \"lb\" does not exist.", `"containerStatuses":[{"name":"web","ready":true,"state":{"running":{}}}]`), prog, `the pod's containers run, and a readiness gate of it is closed: corresponding condition of pod readiness gate "lb" does not exist.; see the controller that opens the gate` + place},
	"init crashes": {pending(`"initContainerStatuses":[{"name":"migrate","ready":false,"restartCount":5,"state":` + waits("CrashLoopBackOff", "x") + `,"lastState":` + died(3, "Error", "", "09:39:01", "09:39:02") + `}],` + web(waits("PodInitializing", ""), "")), degr, "init container migrate ends again and again with exit code 3 after 5 restarts; see kubectl logs -n shop web-7d4-x2 -c migrate --previous" + place},
	"init runs":    {pending(`"initContainerStatuses":[{"name":"migrate","ready":false,"restartCount":0,"state":{"running":{}}}],` + web(waits("PodInitializing", ""), "")), prog, "init container migrate has not ended yet" + place},

	"evicted":         {aPod("Failed", "DisruptionTarget=True/TerminationByKubelet/The node was low on resource: memory.", `"reason":"Evicted","message":"The node was low on resource: memory. Threshold quantity: 100Mi, available: 90Mi."`), prog, "the pod was evicted by its node: The node was low on resource: memory. Threshold quantity: 100Mi, available: 90Mi.; give it the requests that it needs, or use a node with more resources" + place},
	"failed":          {aPod("Failed", "Ready=False/PodFailed/", web(died(2, "Error", "", "09:39:01", "09:39:02"), "")), prog, "container web failed with exit code 2; see kubectl logs -n shop web-7d4-x2 -c web" + place},
	"node lost":       {aPod("Running", "PodScheduled=True; Ready=False", `"containerStatuses":[{"name":"web","ready":true,"state":{"running":{}}}]`), prog, "the pod's node is not heard of; bring the node back; pods that can run elsewhere move when its toleration ends, after 5 minutes as a rule" + place},
	"lost and leaves": {strings.Replace(aPod("Running", "PodScheduled=True; Ready=False", `"qosClass":"Burstable"`), `"labels"`, `"deletionTimestamp":"2026-11-03T09:39:00Z","labels"`, 1), prog, "a pod is to be deleted, and its node is not heard of; bring the node back or, if it is gone for good, delete the Node object" + place},
}

func decoded(t *testing.T, text string) map[string]any {
	t.Helper()
	var o map[string]any
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return o
}

func TestPodsSayWhyTheyDoNotRun(t *testing.T) {
	for name, c := range podCauses {
		t.Run(name, func(t *testing.T) {
			if got := PodCause(decoded(t, c.pod), at); got.Health != c.health || got.Message() != c.message {
				t.Errorf("got  %s: %s\nwant %s: %s", got.Health, got.Message(), c.health, c.message)
			}
		})
	}
}

// events are heard where a status leaves a doubt, and nowhere else.
func TestEventsSayWhatAStatusDoesNot(t *testing.T) {
	warning := func(reason, message string, ago time.Duration) Event {
		return Event{reason, message, true, at.Add(-ago)}
	}
	mount := warning("FailedMount", `MountVolume.SetUp failed for volume "etc" : configmap "web" not found`, time.Minute)
	ready := warning("Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", time.Second)
	live := warning("Unhealthy", "Liveness probe failed: Get \"http://10.0.0.1/healthz\": dial tcp: connection refused", time.Second)
	for name, c := range map[string]struct {
		pod    string
		events []Event
		says   string
	}{
		"a volume":                    {"is being started", []Event{warning("BackOff", "x", 0), mount}, `a volume of the pod cannot be mounted: MountVolume.SetUp failed for volume "etc" : configmap "web" not found; add what is missing`},
		"the newest":                  {"is being started", []Event{mount, warning("FailedCreatePodSandBox", "no route", 0)}, "the node cannot set up a sandbox for the pod: no route"},
		"a probe":                     {"not ready", []Event{mount, ready}, "container web runs and is not ready: Readiness probe failed: HTTP probe failed with statuscode: 503; see why"},
		"no probe while it starts":    {"is being started", []Event{ready}, "the pod is being started ("},
		"a probe that kills":          {"killed", []Event{live}, `exit code 137 (SIGKILL) after 4 restarts: Liveness probe failed: Get "http://10.0.0.1/healthz": dial tcp: connection refused; see why`},
		"no probe where it went wild": {"crashed thrice", []Event{live}, "container web ends again and again with exit code 1 after 2 restarts; see kubectl logs"},
		"what is known stays":         {"Secret missing", []Event{mount}, `container web cannot be started: secret "db" not found`},
		"an image":                    {"image, no word", []Event{warning("Failed", `Failed to pull image "x": not found`, 0)}, `the node cannot start the pod: Failed to pull image "x": not found`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := PodCause(decoded(t, podCauses[c.pod].pod), at).Hear(c.events).Message(); !strings.Contains(got, c.says) {
				t.Errorf("got %s\nwant %s", got, c.says)
			}
		})
	}
}

func TestEventsOfKubernetesAreRead(t *testing.T) {
	e := ReadEvent(decoded(t, `{"metadata":{"creationTimestamp":"2026-11-03T09:00:00Z"},"reason":"FailedScheduling","message":"0/1 nodes","type":"Warning","eventTime":"2026-11-03T09:10:00.000001Z","series":{"count":3,"lastObservedTime":"2026-11-03T09:40:00.5Z"}}`))
	if want := (Event{"FailedScheduling", "0/1 nodes", true, at.Add(time.Second / 2)}); e != want {
		t.Errorf("got %+v, want %+v", e, want)
	}
	if e := ReadEvent(nil); e != (Event{}) {
		t.Errorf("nothing is %+v", e)
	}
}

func TestTheWorstOfTheNewRevisionCounts(t *testing.T) {
	cause := func(pod, what, revision string, health protocol.Health, age time.Duration) Cause {
		return Cause{Health: health, What: what, Pod: pod, Revision: revision, Created: at.Add(-age)}
	}
	old := cause("a", "crash", "1", degr, time.Hour)
	vague := Cause{Health: prog, What: "starting", Pod: "b", Revision: "2", Doubt: DoubtStart}
	image := cause("c", "image", "2", degr, time.Minute)
	for name, c := range map[string]struct {
		causes   []Cause
		revision string
		pod      string
		health   protocol.Health
		more     int
	}{
		"none":                             {nil, "2", "", "", 0},
		"of the new revision":              {[]Cause{old, vague}, "2", "b", prog, 0},
		"the worst":                        {[]Cause{vague, image, old}, "2", "c", degr, 0},
		"the old one, if it is alone":      {[]Cause{old}, "2", "a", prog, 0},
		"the newest, and how many more":    {[]Cause{image, cause("d", "image", "2", degr, 0), cause("e", "crash", "2", degr, time.Hour)}, "2", "d", degr, 1},
		"any, where no revision is wanted": {[]Cause{old, vague}, "", "a", degr, 0},
	} {
		if got := WorstCause(c.causes, c.revision); got.Pod != c.pod || got.Health != c.health || got.More != c.more {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestAVerdictIsGivenItsCause(t *testing.T) {
	crash := Cause{Health: degr, What: "crash", Restarts: 2}
	for name, c := range map[string]struct {
		verdict Verdict
		cause   Cause
		want    Verdict
	}{
		"no cause":                           {progressing("waits"), Cause{}, progressing("waits")},
		"the worse of both":                  {progressing("waits."), crash, degraded("waits: crash after 2 restarts")},
		"what may heal, of what failed":      {degraded("failed"), Cause{Health: prog, What: "exit 1"}, degraded("failed: exit 1")},
		"no vague cause of what failed":      {degraded("failed"), Cause{Health: prog, What: "starting", Doubt: DoubtStart}, degraded("failed")},
		"a crash loop that holds its breath": {current("ready"), crash, degraded("it is ready again, and not for long enough to count: crash after 2 restarts")},
		"what is well":                       {current("ready"), Cause{Health: prog, What: "starting"}, current("ready")},
		"what only seemed to be ill":         {progressing("pending"), Cause{Health: cur, What: "it waits for its pod"}, current("it waits for its pod")},
	} {
		if got := c.verdict.Because(c.cause); got != c.want {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}

func TestOutputIsQuotedWhereItTells(t *testing.T) {
	for name, c := range map[string]struct{ output, want string }{
		"nothing":           {"\n\n", ""},
		"a panic":           {"starting\npanic: no DATABASE_URL\n\ngoroutine 1 [running]:\nmain.failed()\n\t/src/main.go:7 +0x1d\n", "it wrote: panic: no DATABASE_URL"},
		"a Java exception":  {"INFO up\nException in thread \"main\" java.lang.IllegalStateException: no bean\n\tat shop.Main.error(Main.java:5)\nCaused by: java.net.ConnectException: Connection refused\n\tat shop.Db.open(Db.java:9)\n", "it wrote: Caused by: java.net.ConnectException: Connection refused"},
		"a Python one":      {"Traceback (most recent call last):\n  File \"main.py\", line 3, in <module>\nKeyError: 'DATABASE_URL'\n", "it wrote: KeyError: 'DATABASE_URL'"},
		"an error":          {"ERROR: relation \"orders\" does not exist\nbye\n", `it wrote: ERROR: relation "orders" does not exist`},
		"the last lines":    {"one\ntwo\nthree\nfour\n", "it wrote: two / three / four"},
		"colours and bells": {"\x1b[31mdone\x07\x1b[0m\r\n", "it wrote: [31mdone [0m"},
	} {
		if got := (Cause{}).Quote(c.output).Words; got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	if got := (Cause{}).Quote(strings.Repeat("x€", 10000)).Words; len(got) > maxWords+20 {
		t.Errorf("a long line is quoted with %d bytes", len(got))
	}
}

// FuzzPodCause: a Pod, an event and an output may be of any shape.
func FuzzPodCause(f *testing.F) {
	for _, c := range podCauses {
		f.Add(c.pod)
	}
	f.Add(`{"status":{"containerStatuses":[null,1,{"state":{"terminated":{"exitCode":1e300,"startedAt":5}}},{"restartCount":-9,"state":{"waiting":{"reason":"CrashLoopBackOff"}},"lastState":{"terminated":[]}}]}}`)
	f.Fuzz(func(t *testing.T, text string) {
		var o map[string]any
		if json.Unmarshal([]byte(text), &o) != nil {
			return
		}
		c := PodCause(o, at).Hear([]Event{ReadEvent(o)}).Quote(text)
		if strings.ContainsAny(c.Words, "\n\r\x1b") || len(c.Words) > 2*maxWords {
			t.Errorf("not fit for a message: %q", c.Words)
		}
	})
}
