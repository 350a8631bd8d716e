package agent_test

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/agent/deliver"
	"github.com/drover-dev/drover/agent/kube"
	"github.com/drover-dev/drover/agent/upgrade"
	"github.com/drover-dev/drover/internal/race"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
)

const (
	firstImage  = "example.com/agent:1"
	secondImage = "example.com/agent:2"
	// shortLimit is how long a new version has in tests where it fails.
	shortLimit = 4 * time.Second
)

// own is the DaemonSet of an agent, on the two nodes that testenv plays.
type own struct {
	t  *testing.T
	cp *testenv.ControlPlane
	ns string
}

// newOwn makes a DaemonSet whose pods come and go by strategy.
func newOwn(t *testing.T, strategy string) *own {
	t.Helper()
	o := &own{t, testenv.Shared(t), ""}
	o.ns = testenv.NamespaceT(t, o.cp)
	_, err := o.cp.Kube().Apply(t.Context(), "test", `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: drover-agent, namespace: `+o.ns+`}
spec:
  selector: {matchLabels: {app: agent}}
  updateStrategy: `+strategy+`
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: agent, image: "`+firstImage+`"}, {name: other, image: "example.com/other:1"}]}
`)
	if err != nil {
		t.Fatal(err)
	}
	o.wait("two pods", func(d testenv.Object) bool { return d.Number("status", "numberReady") == 2 })
	return o
}

const (
	surge    = `{type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}`
	onDelete = `{type: OnDelete}`
)

func (o *own) ref() testenv.Ref {
	return testenv.Ref{APIVersion: "apps/v1", Kind: "DaemonSet", Namespace: o.ns, Name: "drover-agent"}
}

func (o *own) wait(what string, cond func(testenv.Object) bool) {
	o.t.Helper()
	if err := o.cp.Kube().Wait(o.t.Context(), o.ref(), what, cond); err != nil {
		o.t.Fatal(err)
	}
}

func runs(image string) func(testenv.Object) bool {
	return func(d testenv.Object) bool {
		return d.Items("spec", "template", "spec", "containers")[0].Text("image") == image
	}
}

// noted is for what stands in the note of the last upgrade.
func noted(text string) func(testenv.Object) bool {
	return func(d testenv.Object) bool {
		return strings.Contains(d.Text("metadata", "annotations", "drover.dev/upgrade"), text)
	}
}

// pods are the names and UIDs of the pods that run image and stay.
func (o *own) pods(image string) (names, uids []string) {
	o.t.Helper()
	list, err := o.cp.Kube().List(o.t.Context(), "v1", "Pod", o.ns, url.Values{"labelSelector": {"app=agent"}})
	if err != nil {
		o.t.Fatal(err)
	}
	for _, p := range list {
		if p.Items("spec", "containers")[0].Text("image") == image && p.Text("metadata", "deletionTimestamp") == "" {
			names, uids = append(names, p.Ref().Name), append(uids, p.Text("metadata", "uid"))
		}
	}
	slices.Sort(uids)
	return names, uids
}

// pod waits for a pod that runs image, and is that pod.
func (o *own) pod(image string, limit time.Duration) upgrade.Upgrade {
	o.t.Helper()
	for deadline := time.Now().Add(race.Patience(90 * time.Second)); ; {
		if names, _ := o.pods(image); len(names) > 0 {
			u, err := kube.FindUpgrade(o.t.Context(), agenttest.Client(o.t, o.cp), agenttest.Client(o.t, o.cp), o.ns, names[0])
			if err != nil {
				o.t.Fatal(err)
			}
			u.Limit, u.Settle = limit, 10*time.Millisecond
			return u
		}
		if time.Now().After(deadline) {
			o.t.Fatalf("no pod runs %s", image)
		}
	}
}

// lead runs an agent as the pod that u says.
func (o *own) lead(hub *agenttest.Hub, u upgrade.Upgrade) *agenttest.Running {
	return agenttest.Start(o.t, o.cp, o.ns, hub, func(c *deliver.Config) { c.Upgrade = u })
}

// ask publishes a bundle that asks for an image.
func ask(t *testing.T, hub *agenttest.Hub, image string) protocol.Bundle {
	t.Helper()
	b := hub.Bundle()
	b.AgentImage = image
	hub.Publish(t, b)
	return b
}

func says(b protocol.Bundle, text string) func(protocol.Report) bool {
	return func(r protocol.Report) bool {
		return r.Generation == b.Generation && strings.Contains(r.Message, text) && (text != "" || r.Message == "")
	}
}

func TestAnImageThatCannotBePulledIsTakenBack(t *testing.T) {
	t.Parallel()
	o := newOwn(t, surge)
	_, before := o.pods(firstImage)
	hub := agenttest.NewHub(t, "east-1")
	o.lead(hub, o.pod(firstImage, shortLimit))
	b := ask(t, hub, "nowhere.invalid/agent:2")
	o.wait("the image that is asked for", runs("nowhere.invalid/agent:2"))
	hub.Report(t, "the failed upgrade", says(b, "failed: ErrImagePull: no such host: nowhere.invalid within 4s; the agent stays at "+firstImage+": choose another image"))
	o.wait("the former image, and on every node its pod alone", func(d testenv.Object) bool {
		bad, _ := o.pods("nowhere.invalid/agent:2")
		return runs(firstImage)(d) && len(bad) == 0
	})
	if _, after := o.pods(firstImage); !slices.Equal(before, after) {
		t.Errorf("the pods were %q and are %q: those that worked were replaced", before, after)
	}
	if got := hub.Events(protocol.EventFailed); len(got) != 1 || !strings.Contains(got[0].Message, "nowhere.invalid/agent:2 failed") {
		t.Errorf("the journal has %v", got)
	}
	d, err := o.cp.Kube().Get(t.Context(), o.ref())
	if err != nil {
		t.Fatal(err)
	}
	generation := d.Number("metadata", "generation")
	hub.Report(t, "that it is not tried again", says(ask(t, hub, "nowhere.invalid/agent:2"), "choose another image"))
	hub.Report(t, "that nobody asks any more", says(ask(t, hub, ""), ""))
	if d, err = o.cp.Kube().Get(t.Context(), o.ref()); err != nil || d.Number("metadata", "generation") != generation {
		t.Errorf("the DaemonSet is of generation %v, was of %v (%v): the image was tried again", d.Number("metadata", "generation"), generation, err)
	}
	ask(t, hub, firstImage)
	o.wait("no memory of the failure", func(d testenv.Object) bool { return !noted("nowhere")(d) })
	ask(t, hub, "nowhere.invalid/agent:2")
	o.wait("another try, because something else was asked for meanwhile", runs("nowhere.invalid/agent:2"))
}

func TestANewVersionLeadsOnTrialAndProvesItself(t *testing.T) {
	t.Parallel()
	o := newOwn(t, onDelete)
	hub := agenttest.NewHub(t, "east-1")
	former := o.lead(hub, o.pod(firstImage, time.Minute))
	b := ask(t, hub, secondImage)
	hub.Report(t, "the upgrade under way", says(b, "upgrading the agent to "+secondImage))
	o.wait("the image that is asked for", runs(secondImage))
	if d, err := o.cp.Kube().Get(t.Context(), o.ref()); err != nil || d.Items("spec", "template", "spec", "containers")[1].Text("image") != "example.com/other:1" {
		t.Errorf("the other container was changed (%v): %v", err, d.Field("spec"))
	}
	standby := o.pod(firstImage, time.Minute)
	if trial, err := standby.Admit(t.Context(), agenttest.Log(t)); err != nil || trial != nil {
		t.Errorf("a pod of the former version is put on trial (%v)", err)
	}
	names, _ := o.pods(firstImage)
	if err := o.cp.Kube().Delete(t.Context(), testenv.Ref{APIVersion: "v1", Kind: "Pod", Namespace: o.ns, Name: names[1]}); err != nil {
		t.Fatal(err)
	}
	newer := o.pod(secondImage, time.Minute)
	trial, err := newer.Admit(t.Context(), agenttest.Log(t))
	if err != nil || trial == nil {
		t.Fatalf("a pod of the new version is not put on trial (%v)", err)
	}
	former.Stop(t) // as when the lease is taken
	o.lead(hub, newer)
	trial.Reported()
	if err := trial.Run(t.Context()); err != nil {
		t.Fatalf("the trial failed: %v", err)
	}
	o.wait("that it is done", noted(`"done":true`))
	hub.Report(t, "that all is well", func(r protocol.Report) bool { return says(b, "")(r) })
	if trial, err := newer.Admit(t.Context(), agenttest.Log(t)); err != nil || trial != nil {
		t.Errorf("a version that has proven itself is put on trial (%v)", err)
	}
}

func TestAVersionThatDoesNotReportIsTakenBackByTheFormer(t *testing.T) {
	t.Parallel()
	o := newOwn(t, onDelete)
	hub := agenttest.NewHub(t, "east-1")
	leader := o.pod(firstImage, time.Minute)
	former := o.lead(hub, leader)
	ask(t, hub, secondImage)
	o.wait("the image that is asked for", runs(secondImage))
	names, _ := o.pods(firstImage)
	if err := o.cp.Kube().Delete(t.Context(), testenv.Ref{APIVersion: "v1", Kind: "Pod", Namespace: o.ns, Name: names[1]}); err != nil {
		t.Fatal(err)
	}
	trial, err := o.pod(secondImage, shortLimit).Admit(t.Context(), agenttest.Log(t))
	if err != nil || trial == nil {
		t.Fatalf("a pod of the new version is not put on trial (%v)", err)
	}
	former.Stop(t)
	if err := trial.Run(t.Context()); !errors.Is(err, upgrade.ErrTrial) {
		t.Fatalf("the trial of a version that never reports ended with %v", err)
	}
	leader.Limit = shortLimit
	o.lead(hub, leader)
	o.wait("the former image", runs(firstImage))
	hub.Report(t, "why", func(r protocol.Report) bool {
		return strings.Contains(r.Message, secondImage+" failed: it did not report within 4s")
	})
}

// With the played nodes new pods are ready at once, so those of the former version are gone.
func TestAVersionThatIsAloneTakesItselfBack(t *testing.T) {
	t.Parallel()
	o := newOwn(t, surge)
	hub := agenttest.NewHub(t, "east-1")
	former := o.lead(hub, o.pod(firstImage, time.Minute))
	ask(t, hub, secondImage)
	o.wait("two pods of the image that is asked for", func(d testenv.Object) bool {
		old, _ := o.pods(firstImage)
		return runs(secondImage)(d) && len(old) == 0
	})
	former.Stop(t)
	newer := o.pod(secondImage, shortLimit)
	trial, err := newer.Admit(t.Context(), agenttest.Log(t))
	if err != nil || trial == nil {
		t.Fatalf("a pod of the new version is not put on trial (%v)", err)
	}
	if err := trial.Run(t.Context()); !errors.Is(err, upgrade.ErrTrial) {
		t.Fatalf("the trial of a version that never reports ended with %v", err)
	}
	o.wait("the former image, and why", func(d testenv.Object) bool {
		return runs(firstImage)(d) && noted("it did not report within 4s")(d)
	})
}

func TestNoUpgradeBeginsWithoutASurge(t *testing.T) {
	t.Parallel()
	o := newOwn(t, `{type: RollingUpdate}`)
	hub := agenttest.NewHub(t, "east-1")
	o.lead(hub, o.pod(firstImage, time.Minute))
	hub.Report(t, "why not", says(ask(t, hub, secondImage), "its DaemonSet ends old pods before new ones begin"))
	if d, err := o.cp.Kube().Get(t.Context(), o.ref()); err != nil || !runs(firstImage)(d) {
		t.Errorf("the image was changed (%v)", err)
	}
}

func TestWhoIsNoPodSaysThatItCannotBeUpgraded(t *testing.T) {
	t.Parallel()
	_, _, hub, _ := scene(t)
	hub.Report(t, "that it cannot", says(ask(t, hub, secondImage), "Git asks for the agent's image "+secondImage+", and this agent is no pod of a DaemonSet"))
	hub.Report(t, "that nobody asks", says(ask(t, hub, ""), ""))
}

// An agent that an older manifest installed goes on, and the report names the way out.
func TestAnOutdatedInstallationIsReported(t *testing.T) {
	t.Parallel()
	_, ns, hub, _ := scene(t, func(c *deliver.Config) { c.Outdated = "run `drover agent install` again" })
	r := hub.Apply(t, hub.App(t, "web", configMap(ns, "a", "1")))
	if !strings.Contains(r.Message, "run `drover agent install` again") {
		t.Errorf("the report says %q", r.Message)
	}
}
