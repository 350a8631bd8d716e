package rollout

import (
	"reflect"
	"testing"
	"time"
)

// What is left of an app that Git no longer has either is on its way out, or waits for a person.
func TestWhatIsLeftOfAnAppIsWaitedFor(t *testing.T) {
	t.Parallel()
	c := Cluster{Apps: map[string][]Entry{"old": nil, "web": nil}}
	now := time.Date(2026, 11, 3, 9, 40, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		reported map[string]AppReport
		want     sight
	}{
		"it is gone": {nil, sight{}},
		"it is being deleted": {map[string]AppReport{"old": {State: Progressing, Since: now}},
			sight{pending: []string{"old"}}},
		"it seems to be well":   {map[string]AppReport{"old": {State: Healthy, Since: now}}, sight{pending: []string{"old"}}},
		"it waits for a person": {map[string]AppReport{"old": {State: Paused, Since: now}}, sight{paused: true}},
	} {
		reported := AppReports{}
		for app, r := range tc.reported { // whose names come before
			r.App = app
			reported = append(reported, r)
		}
		reported = append(reported, AppReport{App: "web", Digest: "d", State: Healthy, Since: now})
		tc.want.since = now // of the app that is wanted: the other one settles nothing
		got := look(Content{"web": {Digest: "d"}}, Report{Apps: reported}, c)
		if !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s: got %+v, want %+v", name, got, tc.want)
		}
	}
}
