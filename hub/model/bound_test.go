package model

import (
	"reflect"
	"testing"
)

// Every source of an app is bound, wherever it is named, and the app as it was is not changed.
func TestAllSourcesOfAnAppAreBound(t *testing.T) {
	t.Parallel()
	app := func(l *Logins) App {
		source := func(url string) *Source { return &Source{Kind: SourceGit, URL: url, Logins: l} }
		composed := &Source{Kind: SourceComposed, URL: "c", Logins: l, Copies: []Copy{{From: *source("copy"), Path: "."}}}
		chart := func(url string) *Chart { return &Chart{Values: []Values{{Source: source(url)}, {Path: "v.yaml"}}} }
		return App{Part: Part{Source: source("a"), Chart: chart("b")}, More: []Part{{Source: composed}, {Chart: chart("d")}, {}}}
	}
	l := &Logins{Names: []string{"team"}}
	before := app(nil)
	if got := before.Within(l); !reflect.DeepEqual(got, app(l)) {
		t.Errorf("bound it is %+v", got)
	}
	if !reflect.DeepEqual(before, app(nil)) {
		t.Errorf("it was changed to %+v", before)
	}
	if got := before.Within(nil); !reflect.DeepEqual(got, before) {
		t.Errorf("without bounds it is %+v", got)
	}
	keys := map[string]bool{}
	for _, s := range []Source{{URL: "a"}, {URL: "a", Logins: &Logins{}}, {URL: "a", Logins: l}} {
		keys[s.Key()] = true
	}
	if len(keys) != 3 {
		t.Error("what is fetched with different credentials is taken for one download")
	}
}
