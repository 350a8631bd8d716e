package rollouts

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/protocol"
)

// spoilt are the keys of a store, and what each is spoilt by, as by a newer release.
func spoilt(f *fleet) map[string]func([]byte) []byte {
	cut := func(v []byte) []byte { return v[:len(v)/2] }
	out := map[string]func([]byte) []byte{}
	for key := range f.store {
		switch kind, _, _ := strings.Cut(key, "/"); kind + "/" {
		case keyPolicy:
			out[key+" declared"] = func(v []byte) []byte {
				return bytes.Replace(v, []byte(`"declared":"production"`), []byte(`"declared":"newer"`), 1)
			}
			out[key+" waves"] = func(v []byte) []byte {
				return bytes.Replace(v, []byte(`"waves":{`), []byte(`"waves":{"x":7,`), 1)
			}
			out[key], out[key+" damaged"] = cut, func([]byte) []byte { return nil }
		case keyTarget, keyContent:
			out[key] = cut
		}
	}
	return out
}

// before the first wave has passed web=2, something that was stored cannot be read.
func halfway(t *testing.T, p rollout.Policy) *fleet {
	t.Helper()
	f := begun(t, p)
	f.asks("web=2")
	f.want("a: web=2", "b: web=1")
	return f
}

// What was decided and cannot be read releases nothing, with Git and without, until a person has it forgotten.
func TestWhatCannotBeReadReleasesNothing(t *testing.T) {
	t.Parallel()
	for what, spoil := range spoilt(halfway(t, inTwo(t))) {
		f := halfway(t, inTwo(t))
		key, _, _ := strings.Cut(what, " ")
		was := string(f.store[key])
		if f.store[key] = spoil(f.store[key]); string(f.store[key]) == was {
			t.Fatalf("%s is not spoilt: %s", what, was)
		}
		left := f.store[key]
		f.start()
		f.d.Follow(nil, false) // Git cannot be read either
		f.reports(protocol.PhaseHealthy, "a", "b")
		f.asks("web=3")
		f.want("a: web=2", "b: web=1")
		r := f.d.Show()[0]
		if u := r.Unread; u == nil || u.Reason != string(rollout.Unreadable) || len(u.Clusters) > 0 ||
			!strings.Contains(u.Text, "drover rollout resume production --reason") || len(r.Waves) == 0 ||
			r.Waves[0].Reason != string(rollout.Unreadable) || !slices.Equal(r.Behind, []string{"a", "b"}) {
			t.Errorf("%s: it shows %+v, %+v", what, r, u)
		}
		if !bytes.Equal(f.store[key], left) {
			t.Errorf("%s: what cannot be read was replaced by %s", what, f.store[key])
		}
		_, err := f.d.Decide(f.now, Order{Action: Expedite, Policy: "production", Target: "00000", Reason: "r"})
		if !errors.Is(err, ErrRefused) {
			t.Errorf("%s: a person decides on what cannot be read: %v", what, err)
		}
		f.start()
		f.follow()
		if strings.HasSuffix(what, " declared") { // Git says what the policy is, and all else is known
			f.goesOn(what)
			continue
		}
		f.turn()
		f.want("a: web=2", "b: web=1")
		if _, err = f.d.Decide(f.now, Order{Action: Resume, Policy: "production", Reason: "r"}); err != nil {
			t.Fatal(err)
		}
		f.goesOn(what)
		f.start()
		f.follow()
		f.turn()
		if r := f.d.Show()[0]; r.Unread != nil {
			t.Errorf("%s: what was forgotten is stored: %+v", what, r.Unread)
		}
	}
}

// goesOn has all clusters come to web=3, b after a.
func (f *fleet) goesOn(what string) {
	f.t.Helper()
	for range 3 {
		f.turn()
	}
	if textOf(f.given["a"].Apps) != "web=3" || textOf(f.given["b"].Apps) == "web=3" {
		f.t.Errorf("%s: a has %s and b %s", what, textOf(f.given["a"].Apps), textOf(f.given["b"].Apps))
	}
	for range 3 {
		f.reports(protocol.PhaseHealthy, "a", "b")
	}
	f.want("a: web=3", "b: web=3")
}

// A policy that cannot be read, and that is gone from Git, is given up by a person, and by nothing else.
func TestAPolicyThatCannotBeReadIsGivenUpByAPerson(t *testing.T) {
	t.Parallel()
	f := halfway(t, inTwo(t))
	key := keyPolicy + "production"
	f.store[key] = spoilt(f)[key+" declared"](f.store[key])
	f.start()
	f.asks("web=3 new=1")
	resume := Order{Action: Resume, Policy: "production", Reason: "r"}
	if _, err := f.d.Decide(f.now, resume); !errors.Is(err, ErrRefused) ||
		!strings.Contains(err.Error(), "commit a RolloutPolicy production that this release reads") {
		t.Errorf("it is given up while Git may have it: %v", err)
	}
	f.d.Follow(nil, true)
	f.turn()
	f.want("a: web=2", "b: web=1") // an app that is new may be one of the policy
	for name := range f.labels {   // safety is not held back
		f.asked[name][0].Suspend = true
	}
	f.publish("a")
	if s := f.publish("a"); !s.Apps[0].Suspend {
		t.Errorf("it cannot be suspended: %+v", s)
	}
	if _, err := f.d.Decide(f.now, resume); err != nil {
		t.Fatal(err)
	}
	if f.turn(); !Thaw(f.d, f.now) || len(f.d.Show()) > 0 || len(f.store[key]) > 0 {
		t.Errorf("it is not given up: %+v", f.d.Show())
	}
	f.want("a: web=3 new=1", "b: web=3 new=1")
	for key := range f.store {
		if kind, _, _ := strings.Cut(key, "/"); kind+"/" != keyEntry && kind+"/" != keyFleet {
			t.Errorf("%s is still stored", key)
		}
	}
}

// Of a policy that holds some apps, and cannot be read, other policies go on to hold theirs.
func TestWhatCannotBeReadHoldsBackNoOtherPolicy(t *testing.T) {
	t.Parallel()
	p := inTwo(t)
	p.Apps = []string{"web"}
	f := newFleet(t, p, "a", "b")
	f.others = []rollout.Policy{{Name: "zebra", Apps: []string{"db"}, Waves: []rollout.Wave{{Name: "all"}}},
		{Name: "later", Apps: []string{"late"}, After: "production", Waves: []rollout.Wave{{Name: "all"}}}}
	f.asks("web=1 db=1 late=1")
	f.reports(protocol.PhaseHealthy, "a", "b")
	f.follow()
	f.turn()
	key := keyPolicy + "production"
	f.store[key] = f.store[key][:10]
	f.start()
	f.d.Follow([]Declared{{Policy: f.others[0], JSON: []byte(`"zebra"`)}, {Policy: f.others[1], JSON: []byte(`"later"`)}}, false)
	f.asks("web=2 db=2 late=2")
	f.want("a: db=2 late=1 web=1", "b: db=2 late=1 web=1")
}

// A cluster of which it cannot be read what was decided takes no part, and no other waits for it.
func TestAClusterThatCannotBeReadKeepsWhatItHas(t *testing.T) {
	t.Parallel()
	for what, data := range map[string][]byte{"another form": []byte(`{"Apps":[]}`), "damaged": nil} {
		f := newFleet(t, inTwo(t), "a", "b", "b2")
		f.asks("web=1")
		f.reports(protocol.PhaseHealthy, "a", "b", "b2")
		f.follow()
		f.turn()
		key := keyCluster + "production/b"
		f.store[key] = data
		f.start()
		f.follow()
		f.turn()
		f.asks("web=2")
		f.reports(protocol.PhaseHealthy, "a", "b", "b2")
		f.reports(protocol.PhaseHealthy, "a", "b", "b2")
		f.want("a: web=2", "b: web=1", "b2: web=2")
		r := f.d.Show()[0]
		if u := r.Unread; u == nil || !slices.Equal(u.Clusters, []string{"b"}) || !slices.Equal(r.Behind, []string{"b"}) ||
			!strings.Contains(u.Text, "of the cluster b") || r.Waves[0].Reason != string(rollout.Passed) {
			t.Errorf("%s: it shows %+v, %+v", what, r, u)
		}
		if v, is := f.store[key]; !is || !bytes.Equal(v, data) {
			t.Errorf("%s: what cannot be read was replaced by %s", what, v)
		}
		if s := f.d.Stage(f.now, f.labels["b"], true, protocol.Bundle{Cluster: "b", Apps: f.asked["b"]}, protocol.Bundle{},
			func(string) Said { return Said{} }); !s.Absent {
			t.Errorf("%s: it is not known what it has, and what is missing counts as gone: %+v", what, s)
		}
		if _, err := f.d.Decide(f.now, Order{Action: Resume, Policy: "production", Reason: "r"}); err != nil {
			t.Fatal(err)
		}
		f.turn()
		f.want("a: web=2", "b: web=2", "b2: web=2")
		f.start()
		if r := f.d.Show()[0]; r.Unread != nil {
			t.Errorf("%s: what was forgotten is stored: %+v", what, r.Unread)
		}
	}
}

// Whether the fleet was frozen cannot be read: then it is, until a person ends it.
func TestAFreezeThatCannotBeReadIsOne(t *testing.T) {
	t.Parallel()
	f := begun(t, inTwo(t))
	f.store[keyFleet] = []byte(`{"frozen":[]}`)
	f.start()
	f.follow()
	f.asks("web=2")
	f.want("a: web=1", "b: web=1")
	if h := Frozen(f.d); h == nil || h.By != "the hub" || f.d.Show()[0].Waves[0].Reason != string(rollout.Frozen) {
		t.Errorf("it shows %+v", h)
	}
	if string(f.store[keyFleet]) != `{"frozen":[]}` {
		t.Errorf("what cannot be read was replaced by %s", f.store[keyFleet])
	}
	if _, err := f.d.Decide(f.now, Order{Action: Unfreeze, Reason: "r"}); err != nil {
		t.Fatal(err)
	}
	f.turn()
	f.want("a: web=2", "b: web=1")
	f.start()
	if h := Frozen(f.d); h != nil {
		t.Errorf("after a restart it is frozen again: %+v", h)
	}
}

// While something cannot be read, nothing is forgotten that a cluster may have to go back to, and no blob of it.
func TestWhatCannotBeReadKeepsWhatItMayNeed(t *testing.T) {
	t.Parallel()
	f := halfway(t, inTwo(t))
	before := slices.Sorted(maps.Keys(f.store))
	f.store[keyCluster+"production/a"] = nil
	f.start()
	f.follow()
	ids := map[string]bool{}
	f.d.Blobs(ids)
	f.save()
	for _, key := range []string{"1", "2"} {
		if !ids[(protocol.Blob{Key: []byte(key)}).ID()] {
			t.Errorf("the blob of web=%s is not kept", key)
		}
	}
	if after := slices.Sorted(maps.Keys(f.store)); !slices.Equal(before, after) {
		t.Errorf("the store had %v, and has %v", before, after)
	}
	f.now = f.now.Add(time.Hour)
	f.turn()
	f.want("a: web=2", "b: web=1") // no cluster of the first wave can try anything
	if w := f.d.Show()[0].Waves[1]; w.Reason != string(rollout.Unreadable) {
		t.Errorf("the second wave says %+v", w)
	}
}
