package query

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/fleet/facts"
	"github.com/drover-dev/drover/protocol"
)

// TestAppsAreTheSameHoweverTheyAreFound: the short way through a report in the order of the bundle gives what looking
// for every name gives.
func TestAppsAreTheSameHoweverTheyAreFound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]Cluster{
		"both":                     cluster(),
		"no report":                cluster(noReport),
		"the agent knows one less": cluster(func(c *Cluster) { c.Report.Apps = c.Report.Apps[1:] }),
		"one is new":               cluster(func(c *Cluster) { c.Report.Apps = c.Report.Apps[:1] }),
		"its files are broken":     cluster(func(c *Cluster) { c.Desired.Apps[1].Error = "broken" }),
	} {
		if !c.aligned() {
			t.Errorf("%s: it is not found the short way", name)
		}
		if short, long := collected(c.inOrder), collected(c.byName); !reflect.DeepEqual(short, long) {
			t.Errorf("%s: the short way gives\n%+v\nthe long way\n%+v", name, short, long)
		}
	}
	for name, c := range map[string]Cluster{
		"one leaves":    cluster(func(c *Cluster) { c.Desired.Apps = c.Desired.Apps[:1] }),
		"another order": cluster(func(c *Cluster) { slices.Reverse(c.Report.Apps) }),
		"an older agent's name": cluster(func(c *Cluster) {
			c.Desired.Apps[0].Declared = "Kustomization shop/payment"
		}),
	} {
		if c.aligned() {
			t.Errorf("%s: it is found the short way", name)
		}
		if n := len(collected(c.Each())); n != 2 {
			t.Errorf("%s: %d apps", name, n)
		}
	}
}

func collected(each func(func(App) bool)) (out []AppRow) {
	each(func(a App) bool {
		out = append(out, a.Row())
		return true
	})
	slices.SortFunc(out, func(a, b AppRow) int { return strings.Compare(a.Name, b.Name) })
	return out
}

type content struct{ f *facts.Facts }

func (c content) Facts() *facts.Facts { return c.f }

// TestFactsAreOfWhatIsApplied where that is known, and otherwise of what Git asks for, and say which.
func TestFactsAreOfWhatIsApplied(t *testing.T) {
	t.Parallel()
	asked, before := &facts.Facts{Images: []string{"new"}}, &facts.Facts{Images: []string{"old"}}
	former := func(digest string) *facts.Facts {
		if digest == "before" {
			return before
		}
		return nil
	}
	for name, c := range map[string]struct {
		app     App
		want    *facts.Facts
		applied bool
	}{
		"applied":             {app(asked, "now"), asked, true},
		"not applied yet":     {app(asked, "before"), before, true},
		"of something else":   {app(asked, "unknown"), asked, false},
		"nothing applied yet": {app(asked, ""), asked, false},
		"not read yet":        {app(nil, "now"), nil, false},
		"leaving":             {App{Reported: &protocol.AppReport{Digest: "before"}}, before, true},
		"leaving, unknown":    {App{Reported: &protocol.AppReport{Digest: "unknown"}}, nil, false},
		"not published":       {App{Desired: &DesiredApp{}}, nil, false},
	} {
		if f, applied := c.app.Facts(former); f != c.want || applied != c.applied {
			t.Errorf("%s: %v, %t", name, f, applied)
		}
	}
	other := app(asked, "now")
	other.Reported.Images = []string{"of the cluster"}
	if f, applied := other.Facts(former); !applied || !slices.Equal(f.Images, other.Reported.Images) ||
		asked.Images[0] != "new" {
		t.Errorf("with variables of the cluster: %v, %t", f, applied)
	}
	if f, applied := app(asked, "before").Facts(nil); f != asked || applied {
		t.Errorf("without former content: %v, %t", f, applied)
	}
}

func app(f *facts.Facts, has string) App {
	return App{Desired: &DesiredApp{Digest: "now", Content: content{f}}, Reported: &protocol.AppReport{Digest: has}}
}
