package helm_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/helm"
	"github.com/drover-dev/drover/hub/model"
)

// TestAnAppsChartGivesWhatHelmTemplateGives: with values of a file and of the app, in this order, for a version of
// Kubernetes.
func TestAnAppsChartGivesWhatHelmTemplateGives(t *testing.T) {
	r := renderer(t)
	for _, name := range []string{"plain", "conditions", "capabilities", "nested", "alias", "nulls", "crds-left-out"} {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile("testdata/oracle/" + name + ".txt")
			if err != nil {
				t.Fatal(err)
			}
			files := tree(string(text))
			own := "given: {by: app}\n"
			app := model.App{Name: "a", File: "clusters/a/app.yaml", Namespace: "shop",
				Part: model.Part{Path: "web", Chart: &model.Chart{Release: "rel", SkipCRDs: true, Values: []model.Values{{Text: own}}}}}
			opts := helm.Options{Release: "rel", Namespace: "shop", KubeVersion: "v1.31.5", Values: []helm.Values{{File: "own", Text: own}}}
			if v, ok := files["values.yaml"]; ok {
				app.Chart.Values = slices.Insert(app.Chart.Values, 0, model.Values{Path: "values.yaml"})
				opts.Values = slices.Insert(opts.Values, 0, helm.Values{File: "values.yaml", Text: string(v.Data)})
			}
			want, err := oracle(t, files, opts)
			if err != nil {
				t.Fatal(err)
			}
			got, _, err := r.RenderChart(t.Context(), files, app, model.Capabilities{Kubernetes: "v1.31.5"}, nil)
			if err != nil {
				t.Fatal(err)
			}
			var ours, theirs []string
			for _, o := range got {
				ours = append(ours, string(o.JSON))
			}
			for _, o := range want {
				theirs = append(theirs, o.object)
			}
			if !slices.Equal(ours, theirs) || len(ours) == 0 {
				t.Errorf("got:\n%s\nhelm gives:\n%s", strings.Join(ours, "\n"), strings.Join(theirs, "\n"))
			}
		})
	}
}
