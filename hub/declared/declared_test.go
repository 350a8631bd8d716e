package declared

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/resolve"
)

// of is a resolution of apps.
func of(apps ...model.App) (res resolve.Resolution) {
	for _, a := range apps {
		res.Apps = append(res.Apps, resolve.AppResult{App: a, Declares: "declares " + a.Name})
	}
	return res
}

// What a person releases is an app that is declared so, with all that it declares, to any depth, until one that is
// declared so itself.
func TestWhichAppsAPersonReleases(t *testing.T) {
	t.Parallel()
	if got := Of(of(model.App{Name: "web"}, model.App{Name: "db", Parent: "web"})); got != nil {
		t.Errorf("without any there are %v", got)
	}
	got := Of(of(model.App{Name: "apps", Manual: "Application argocd/apps"}, model.App{Name: "child", Parent: "apps"},
		model.App{Name: "grandchild", Parent: "child"},
		model.App{Name: "own", Parent: "apps", Manual: "Application argocd/own"},
		model.App{Name: "other"}, model.App{Name: "orphan", Parent: "nobody"},
		model.App{Name: "x", Parent: "y"}, model.App{Name: "y", Parent: "x"})) // a circle ends
	if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, []string{"apps", "child", "grandchild", "own"}) {
		t.Errorf("a person releases %q", names)
	}
	for name, manual := range map[string]string{"apps": "Application argocd/apps", "child": "",
		"own": "Application argocd/own"} {
		if d := got[name]; d.Manual != manual || d.Spec == "" || d.Declares != "declares "+name {
			t.Errorf("%s is %+v", name, d)
		}
	}
}

// An app is declared otherwise when what it delivers, or how, is another; where that is written, what is noted of it,
// and when it changes do not count.
func TestWhatADeclarationIs(t *testing.T) {
	t.Parallel()
	app := model.App{Name: "web", Manual: "m", Part: model.Part{Path: "apps/web"}, File: "a.yaml"}
	spec := func(a model.App) string { return Of(of(a))["web"].Spec }
	for name, c := range map[string]struct {
		edit func(*model.App)
		same bool
	}{
		"its path":     {func(a *model.App) { a.Path = "apps/db" }, false},
		"pruning":      {func(a *model.App) { a.Prune = true }, false},
		"its timeout":  {func(a *model.App) { a.Timeout = time.Minute }, false},
		"its intents":  {func(a *model.App) { a.NeverBack = true }, false},
		"its file":     {func(a *model.App) { a.File = "b.yaml" }, true},
		"a note":       {func(a *model.App) { a.Notes = []fleet.Note{{Text: "x"}} }, true},
		"an error":     {func(a *model.App) { a.Err = "x" }, true},
		"dependencies": {func(a *model.App) { a.DependsAt, a.Absent = "x:1", map[string]string{"a": "b"} }, true},
		"its policies": {func(a *model.App) { a.Policies = model.Policies{Step: "s", Windows: "w"} }, true},
	} {
		other := app
		c.edit(&other)
		if (spec(other) == spec(app)) != c.same {
			t.Errorf("%s: the same declaration: %v, want %v", name, !c.same, c.same)
		}
	}
}

func TestWhichDeletionsAreMeant(t *testing.T) {
	t.Parallel()
	meant := model.App{Name: "db"}
	meant.Deletions = true
	if got := Permits(of(model.App{Name: "web"}, meant)); !maps.Equal(got, map[string]bool{"db": true}) {
		t.Errorf("meant are %v", got)
	}
	if got := Permits(of(model.App{Name: "web"})); got != nil {
		t.Errorf("meant are %v", got)
	}
}
