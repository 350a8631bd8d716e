package shown

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/drover-dev/drover/fleet/identity"
)

func TestPeopleAreShownNoDigest(t *testing.T) {
	t.Parallel()
	s := New()
	for _, d := range []string{"HelmRelease media/plex", "Kustomization media/plex", "Kustomization flux-system/apps",
		`Application argocd/"odd"`, "App web", ""} {
		s.Learn(d)
	}
	plex, apps := identity.ID{Kind: "HelmRelease", Namespace: "media", Name: "plex"}.Key(), identity.ID{Kind: "Kustomization", Namespace: "flux-system", Name: "apps"}.Key()
	odd, unknown := identity.ID{Kind: "Application", Namespace: "argocd", Name: `"odd"`}.Key(), identity.ID{Kind: "Kustomization", Namespace: "a", Name: "gone"}.Key()
	for key, want := range map[string]string{plex: "HelmRelease media/plex", apps: "flux-system/apps", "web": "web",
		odd: `argocd/"odd"`, unknown: "gone", "a--b": "a--b"} {
		if got := s.Name(key); got != want {
			t.Errorf("people are shown %q for %s", got, key)
		}
	}
	for text, want := range map[string]string{
		"":                                  "",
		"no key--here":                      "no key--here",
		apps:                                "flux-system/apps",
		"app " + apps + " and " + plex:      "app flux-system/apps and HelmRelease media/plex",
		`"` + apps + `": in (` + plex + `)`: `"flux-system/apps": in (HelmRelease media/plex)`,
		"drover-app-" + apps:                "drover-app-" + apps,
		"of " + unknown:                     "of " + unknown,
	} {
		if got := s.Text(text); got != want {
			t.Errorf("%q is shown as %q", text, got)
		}
	}
	in, err := json.Marshal(map[string]string{"name": odd, "key": odd, "text": "in " + odd})
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]string
	if err := json.Unmarshal(s.JSON(in), &out); err != nil {
		t.Fatalf("%v: %s", err, s.JSON(in))
	}
	if out["name"] != `argocd/"odd"` || out["key"] != odd || out["text"] != `in argocd/"odd"` {
		t.Errorf("%v", out)
	}
}

// What agents say is remembered up to a limit, which does not count what Git says.
func TestLessIsRememberedOfWhatAgentsSay(t *testing.T) {
	t.Parallel()
	s := New()
	gone := identity.ID{Kind: "Kustomization", Namespace: "media", Name: "gone"}
	s.Hear(gone.String())
	s.Hear(gone.String())
	long := identity.ID{Kind: "Kustomization", Namespace: "media", Name: strings.Repeat("x", maxDeclared)}
	s.Hear(long.String())
	if s.Name(gone.Key()) != "media/gone" || s.Declared(gone.Key()) != gone.String() || s.Declared(long.Key()) != "" || s.heard != 1 {
		t.Errorf("known are %v, %d of them heard", s.ids, s.heard)
	}
	s.heard = maxHeard
	late := identity.ID{Kind: "Kustomization", Namespace: "media", Name: "late"}
	s.Hear(late.String())
	if s.Declared(late.Key()) != "" {
		t.Error("more was remembered than may be")
	}
	s.Learn(late.String())
	if s.Declared(late.Key()) != late.String() || s.Declared("web") != "" {
		t.Errorf("known are %v", s.ids)
	}
}

// The log shows no key of an app that is known, in whatever an attribute holds.
func TestTheLogShowsNoKey(t *testing.T) {
	t.Parallel()
	s := New()
	s.Learn("HelmRelease media/plex")
	key := identity.ID{Kind: "HelmRelease", Namespace: "media", Name: "plex"}.Key()
	var out strings.Builder
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: s.LogAttr}))
	log.Info("of "+key, "app", key, "apps", []string{key, "web"}, "err", fmt.Errorf("app %s fails", key), "count", 3, "none", nil)
	_, got, _ := strings.Cut(out.String(), " ")
	want := `level=INFO msg="of media/plex" app=media/plex apps="[media/plex web]" err="app media/plex fails" count=3 none=<nil>` + "\n"
	if got != want {
		t.Errorf("\ngot  %swant %s", got, want)
	}
}
