package entries

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/hub/rollouts/content"
	"github.com/drover-dev/drover/protocol"
)

func blob(digest string) *protocol.Blob { return &protocol.Blob{Digest: digest, Key: []byte(digest)} }

// Whatever an app says, it is given back as it was, but for what holds of one revision only.
func TestAnAppIsGivenBackAsItWas(t *testing.T) {
	t.Parallel()
	var e Entries
	apps := []protocol.App{{Name: "web"}, {Name: "web", Blob: blob("1"), Revision: "r1"},
		{Name: "web", Blob: blob("2"), Revision: "r2", Suspend: true, Error: "x", Reason: "x"},
		{Name: "web", Blob: blob("3"), DependsOn: []string{"db"}, Needs: []string{"orphan"}},
		{Name: "web", Blob: blob("4"), Handling: protocol.Handling{Rollback: []string{"9"}}}}
	a := protocol.App{Name: "web", Blob: blob("5")}
	v := reflect.ValueOf(&a).Elem()
	for i := range v.NumField() { // each field of a text or a flag alone
		switch f := v.Field(i); f.Kind() {
		case reflect.String:
			was := f.String()
			f.SetString("other")
			apps = append(apps, a)
			f.SetString(was)
		case reflect.Bool:
			f.SetBool(true)
			apps = append(apps, a)
			f.SetBool(false)
		}
	}
	for _, h := range []protocol.Handling{{ServiceAccount: "x/y"}, {Orphan: true}, {Recreate: true}, {KeepDrift: true},
		{Decrypt: &protocol.Decryption{}}} {
		apps = append(apps, protocol.App{Name: "web", Blob: blob("6"), Handling: h, Timeout: 7, Formerly: []string{"old"}})
	}
	for i := range apps {
		e.Keep(fmt.Sprint(i), &apps[i])
	}
	for i := range apps {
		got, have := e.Of(fmt.Sprint(i))
		if want := content.Lasting(apps[i]); !have || !reflect.DeepEqual(got, want) {
			t.Errorf("%d is given back as\n%+v\nwant\n%+v", i, got, want)
		}
	}
	if got := e.Blobs([]string{"1", "3", "0", "none", "1", "4"}, apps[3]); !slices.Equal(got, []string{"1", "4"}) {
		t.Errorf("the blobs are %v", got)
	}
}

// Apps that differ in their blobs alone share all else.
func TestWhatAppsHaveInCommonIsKeptOnce(t *testing.T) {
	t.Parallel()
	var e Entries
	for i := range 100 {
		digest := fmt.Sprint(i)
		e.Keep(digest, &protocol.App{Name: "web", Namespace: "shop", Blob: blob(digest), Revision: digest})
	}
	if len(e.shapes) != 1 {
		t.Errorf("there are %d shapes", len(e.shapes))
	}
	for i := range maxShapes + 10 {
		e.Keep(fmt.Sprint("s", i), &protocol.App{Name: fmt.Sprint("s", i)})
	}
	if len(e.shapes) > maxShapes {
		t.Errorf("there are %d shapes", len(e.shapes))
	}
}

func TestTheStoreIsToldWhatIsNews(t *testing.T) {
	t.Parallel()
	var e Entries
	e.Load("old", protocol.App{Name: "old"})
	e.Keep("old", &protocol.App{Name: "another"})
	e.Keep("new", &protocol.App{Name: "new", Blob: blob("1")})
	ids, used := map[string]bool{}, NewUsed()
	used.Cluster(rollout.Cluster{Apps: map[string][]rollout.Entry{"web": {{App: rollout.App{Digest: "had"},
		From: []string{"left"}}}}})
	used.Content(rollout.Content{"web": {Digest: "new"}})
	for _, digest := range []string{"had", "left"} {
		e.Load(digest, protocol.App{Name: digest, Blob: blob(digest)})
	}
	used.Unclear = true
	e.Sweep(used, map[string]bool{})
	if _, have := e.Of("old"); !have {
		t.Error("it is not known what is in use, and something is forgotten")
	}
	used.Unclear = false
	if e.Sweep(used, ids); len(ids) != 2 || !ids[blob("1").ID()] || !ids[blob("had").ID()] {
		t.Errorf("the blobs %v are in use", ids)
	}
	out := map[string][]byte{}
	e.Unsaved("entry/", out)
	if len(out) != 2 || out["entry/old"] != nil || string(out["entry/new"]) != string(e.JSON("new")) {
		t.Errorf("the store is told %q", out)
	}
	if e.Saved(); len(e.news) > 0 {
		t.Errorf("%v is news", e.news)
	}
	if _, have := e.Of("old"); have || !slices.Equal(slices.Sorted(e.Digests()), []string{"had", "left", "new"}) {
		t.Error("what was forgotten is there")
	}
}
