package agent_test

import (
	"fmt"
	"testing"

	"github.com/drover-dev/drover/protocol"
)

// Bundles that take an app away and bring it back come while its worker is at any of its steps.
func TestBundlesComeWhileAnAppIsWorkedOn(t *testing.T) {
	t.Parallel()
	_, ns, hub, _ := scene(t)
	app := func(round int) protocol.App {
		a := hub.App(t, "web", configMap(ns, "first", fmt.Sprint(round/2)), waved(configMap(ns, "second", "1"), "1"), job(ns, "job", works),
			hookJob(ns, "before", "PreSync", works), hookJob(ns, "after", "PostSync", works), hookJob(ns, "within", "Sync", hangs),
			hookJob(ns, "failed", "SyncFail", works), hookJob(ns, "leaving", "PreDelete", works), hookJob(ns, "left", "PostDelete", works))
		a.Timeout = 1 + round%3
		a.Suspend = round%7 == 6
		return a
	}
	beside := func(round int) protocol.App { return hub.App(t, "beside", configMap(ns, "beside", fmt.Sprint(round))) }
	for round := range 20 {
		apps := []protocol.App{beside(round)}
		if round%4 != 3 {
			apps = append(apps, app(round))
		}
		b := hub.Bundle(apps...)
		hub.Publish(t, b)
		hub.Report(t, "the bundle in force", func(r protocol.Report) bool { return r.Generation >= b.Generation })
	}
	hub.Apply(t, beside(-1))
}

// An app that comes back while it is being deleted keeps what is not deleted yet.
func TestAppThatComesBackIsNoLongerDeleted(t *testing.T) {
	t.Parallel()
	_, ns, hub, _ := scene(t)
	objects := make([]string, 800)
	for i := range objects {
		objects[i] = configMap(ns, fmt.Sprintf("map-%d", i), "1")
	}
	web, beside := hub.App(t, "web", objects...), hub.App(t, "beside", configMap(ns, "beside", "1"))
	hub.Apply(t, web, beside)
	hub.Publish(t, hub.Bundle(beside))
	hub.Nth(t, protocol.EventPruned, 0)
	back := hub.Bundle(web, beside)
	hub.Publish(t, back)
	hub.Healthy(t, back)
	if n := len(hub.Events(protocol.EventPruned)); n > 700 {
		t.Errorf("%d of 800 objects were deleted of an app that came back after the first", n)
	}
}
