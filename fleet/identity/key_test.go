package identity

import (
	"strings"
	"testing"

	"github.com/drover-dev/drover/protocol"
)

// The keys of declarations as they are. They are in clusters: a change of one moves what an agent has.
func TestKeysAreFixed(t *testing.T) {
	t.Parallel()
	for id, want := range map[ID]string{
		{"App", "", "web"}:                                   "web",
		{"Root", "", "root"}:                                 "root",
		{"Kustomization", "flux-system", "apps"}:             "apps--2votazx4rjudykpusmw3",
		{"HelmRelease", "media", "plex"}:                     "plex--7djq27h5pborsivstvcy",
		{"Kustomization", "media", "plex"}:                   "plex--wmzfgjbpxvpdoq3yeeq7",
		{"Application", "argocd", "Shop.Example"}:            "shop-example--2qq2dhlfbfbvwpsyym3p",
		{"Kustomization", "media", "-.-"}:                    "app--cy7vegh6rilalvm3spwj",
		{"Kustomization", "media", strings.Repeat("a", 300)}: strings.Repeat("a", 41) + "--qrd25sz7yd4zgesu7ur5",
	} {
		if got := id.Key(); got != want {
			t.Errorf("%.60s has the key %s, not %s", id, got, want)
		}
	}
}

func TestIdentitiesAreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	for _, id := range []ID{{"App", "", "web"}, {"HelmRelease", "media", "plex"}} {
		if got := Parse(id.String()); got != id {
			t.Errorf("%+v is read as %+v", id, got)
		}
	}
	for _, s := range []string{"", "web", " web", "App "} {
		if got := Parse(s); got != (ID{}) {
			t.Errorf("%q is read as %+v", s, got)
		}
	}
	if got := (ID{"HelmRelease", "media", "plex"}).Title(); got != "media/plex" {
		t.Errorf("people are shown %q", got)
	}
}

// No two declarations have one key, whatever they are called, and no native app has that of another tool's. A key
// follows from one declaration alone, so there is nothing else that could change it.
func FuzzKeysAreInjective(f *testing.F) {
	f.Add("Kustomization", "flux-system", "apps", "HelmRelease", "flux-system", "apps", "apps")
	f.Add("Kustomization", "a", "b/c", "Kustomization", "a/b", "c", "b-c")
	f.Add("Kustomization", "a-b", "c", "Kustomization", "a", "b-c", "a-b-c")
	f.Add("K", "n", strings.Repeat("x", 80)+"1", "K", "n", strings.Repeat("x", 80)+"2", strings.Repeat("x", 63))
	f.Add("K", "n", "", "K", "n", "---", "app")
	f.Fuzz(func(t *testing.T, kindA, spaceA, nameA, kindB, spaceB, nameB, native string) {
		if spaceA == "" || spaceB == "" {
			t.Skip("what other tools declare has a namespace")
		}
		a, b := ID{kindA, spaceA, nameA}, ID{kindB, spaceB, nameB}
		for _, id := range []ID{a, b} {
			if err := protocol.CheckName(id.Key()); err != nil || !IsKey(id.Key()) {
				t.Errorf("%+v has the key %q: %v", id, id.Key(), err)
			}
		}
		if (a == b) != (a.Key() == b.Key()) {
			t.Errorf("%+v has the key %s, and %+v has %s", a, a.Key(), b, b.Key())
		}
		if native == a.Key() && !IsKey(native) {
			t.Errorf("a native app may be called %s, which is the key of %+v", native, a)
		}
	})
}

func TestNamesThatLookLikeKeys(t *testing.T) {
	t.Parallel()
	digest := strings.Repeat("a", digestLength)
	for name, want := range map[string]string{"a--" + digest: "a", "a--b--" + digest: "a--b"} {
		if bare, ok := Bare(name); !ok || bare != want {
			t.Errorf("%s begins with %q, %v", name, bare, ok)
		}
	}
	for _, name := range []string{"", "a", "--" + digest, "a-" + digest, "a--" + digest[1:], "a--" + digest[1:] + "0",
		"a--" + digest[1:] + "-", "a--b" + digest} {
		if bare, ok := Bare(name); ok || bare != name {
			t.Errorf("%s begins with %q, %v", name, bare, ok)
		}
	}
}
