package identity

import (
	"strings"
	"testing"
)

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
