package simulate

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestOrdersAreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]Order{
		"delay 2m":                     {Act: Delay, After: 2 * time.Minute},
		"delay 200ms c1":               {Act: Delay, After: 200 * time.Millisecond, Clusters: Pattern{"c1"}},
		"fail web shop/web:v2 c0*,c12": {Act: Fail, App: "web", Text: "shop/web:v2", Clusters: Pattern{"c0*", "c12"}},
		"degrade web":                  {Act: Degrade, App: "web"},
		"heal * c1":                    {Act: Heal, App: "*", Clusters: Pattern{"c1"}},
		" silent ":                     {Act: Silent},
		"speak c1":                     {Act: Speak, Clusters: Pattern{"c1"}},
		"offline c?":                   {Act: Offline, Clusters: Pattern{"c?"}},
		"online":                       {Act: Online},
		"reports 1000":                 {Act: Reports, Rate: 1000},
	} {
		if got, err := ParseOrder(line); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q is %+v, %v; want %+v", line, got, err, want)
		}
	}
}

func TestOrdersThatAreNoneSayHowTheyAreWritten(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"":                  "an order is empty: write one of delay DURATION [CLUSTERS]; fail ",
		"explode":           `unknown order "explode": write one of `,
		"delay":             "write delay DURATION [CLUSTERS]",
		"delay soon":        `the duration "soon"`,
		"delay -1s":         `the duration "-1s"`,
		"fail web":          "write fail APP TEXT [CLUSTERS]",
		"fail web a b c":    "write fail APP TEXT [CLUSTERS]",
		"reports many":      "write a whole number",
		"reports 5 c1":      "write reports PER-SECOND",
		"offline c1,,c2":    "write names or globs",
		"offline [":         "write names or globs",
		"degrade web c1 c2": "write degrade APP [CLUSTERS]",
	} {
		if _, err := ParseOrder(line); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want %q in it", line, err, want)
		}
	}
}

func TestAPatternChoosesClusters(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern Pattern
		cluster string
		want    bool
	}{
		{nil, "c1", true}, {Pattern{"c1"}, "c1", true}, {Pattern{"c1"}, "c12", false}, {Pattern{"x", "c*"}, "c12", true},
		{Pattern{"c?"}, "c12", false},
	} {
		if got := c.pattern.Has(c.cluster); got != c.want {
			t.Errorf("%v has %s: %v", c.pattern, c.cluster, got)
		}
	}
}
