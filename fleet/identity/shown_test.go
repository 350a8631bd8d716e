package identity

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestPeopleAreShownNoDigest(t *testing.T) {
	t.Parallel()
	s := NewShown()
	for _, d := range []string{"HelmRelease media/plex", "Kustomization media/plex", "Kustomization flux-system/apps",
		`Application argocd/"odd"`, "App web", ""} {
		s.Learn(d)
	}
	plex, apps := ID{"HelmRelease", "media", "plex"}.Key(), ID{"Kustomization", "flux-system", "apps"}.Key()
	odd, unknown := ID{"Application", "argocd", `"odd"`}.Key(), ID{"Kustomization", "a", "gone"}.Key()
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

func TestAnAppIsFoundByEveryShortForm(t *testing.T) {
	t.Parallel()
	named := func(declared string, formerly ...string) Named {
		return Named{Parse(declared).Key(), declared, formerly}
	}
	apps := []Named{named("HelmRelease media/plex", "media-plex"), named("Kustomization media/plex", "media-plex"),
		named("Kustomization flux-system/apps", "apps"), named("App web"), named("Kustomization flux-system/web"), {Key: "root"}}
	for asked, want := range map[string]string{
		apps[0].Key:                apps[0].Key,
		"helmrelease/media/plex":   apps[0].Key,
		"Kustomization media/plex": apps[1].Key,
		"flux-system/apps":         apps[2].Key,
		"apps":                     apps[2].Key,
		"web":                      "web",
		"App/web":                  "web",
		"flux-system/web":          apps[4].Key,
		"root":                     "root",
	} {
		if got, err := Find(apps, asked); err != nil || got != want {
			t.Errorf("%s is %s, %v", asked, got, err)
		}
	}
	for asked, want := range map[string]string{
		"plex":       "may be any of 2 apps: write one of HelmRelease/media/plex, Kustomization/media/plex",
		"media/plex": "may be any of 2 apps",
		"media-plex": "may be any of 2 apps",
		"nothing":    `there is no app "nothing": there are HelmRelease/media/plex, Kustomization/flux-system/apps`,
	} {
		if got, err := Find(apps, asked); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is %q, %v", asked, got, err)
		}
	}
}
