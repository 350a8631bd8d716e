package model

import (
	"slices"
	"testing"
)

func TestVariablesOfAnAppTakePrecedence(t *testing.T) {
	c := Cluster{Vars: map[string]string{"region": "eu", "size": "small"}}
	a := App{Vars: map[string]string{"size": "large", "extra": "x"}}
	got := a.Variables(c)
	if len(got) != 3 || got["region"] != "eu" || got["size"] != "large" || got["extra"] != "x" {
		t.Errorf("the variables are %v", got)
	}
	if c.Vars["size"] != "small" || len(a.Vars) != 2 {
		t.Error("what the variables come from was changed")
	}
}

func TestAppsAreOrderedByName(t *testing.T) {
	apps := []App{{Name: "b"}, {Name: "root"}, {Name: "a"}}
	slices.SortFunc(apps, CompareApps)
	if apps[0].Name != "a" || apps[2].Name != "root" {
		t.Errorf("sorted to %v", apps)
	}
}
