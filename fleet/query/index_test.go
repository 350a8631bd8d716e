package query

import (
	"strings"
	"testing"

	"github.com/drover-dev/drover/fleet/selector"
)

func TestIndexSelectsByLabelsAndSortsByName(t *testing.T) {
	x := NewIndex()
	for _, name := range []string{"staging", "production-b", "production-a"} {
		env, _, _ := strings.Cut(name, "-")
		x.Edit(name).Labels = map[string]string{"env": env}
	}
	for text, want := range map[string]string{
		"":                "production-a production-b staging",
		"env=production":  "production-a production-b",
		"env!=production": "staging",
		"env=nowhere":     "",
	} {
		s, err := selector.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, c := range x.Select(s) {
			names = append(names, c.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%q selects %q, want %q", text, got, want)
		}
	}
}

func TestIndexGivesCopiesAndForgets(t *testing.T) {
	x := NewIndex()
	x.Edit("staging").Joined = true
	c, ok := x.Get("staging")
	if !ok || !c.Joined || c.Name != "staging" {
		t.Fatalf("got %+v, %t", c, ok)
	}
	c.Joined = false
	if again, _ := x.Get("staging"); !again.Joined {
		t.Error("changing a copy changed the index")
	}
	if x.Edit("staging").Joined = false; len(x.Select(selector.Selector{})) != 1 {
		t.Error("editing a cluster twice made two")
	}
	x.Remove("staging")
	x.Remove("nowhere")
	if _, ok := x.Get("staging"); ok || len(x.Select(selector.Selector{})) != 0 {
		t.Error("a cluster that was removed is still there")
	}
	if _, ok := x.Get("nowhere"); ok {
		t.Error("a cluster that never was is there")
	}
}
