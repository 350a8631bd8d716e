package layout

import (
	"context"
	"encoding/json"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/fleet/identity"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

const toyGroup = "toy.example.com"

// toy is a dialect as Rancher Fleet's is: a Repo names folders, each of which is an app, and target clusters; a file
// toy.yaml, which is no Kubernetes object, is an app as well.
type toy struct{}

var toyKinds = planning.Kinds{Tool: "Toy", Home: "toys", Namespace: "toys", Central: true, Groups: []planning.Group{{
	Name: toyGroup, Version: "v1", Apps: []string{"Bundle"}, Others: []string{"Repo"},
	Resembles: func(group string) bool { return strings.HasPrefix(group, "toy.") },
}}}

func (toy) Kinds() planning.Kinds { return toyKinds }

func (toy) Sort(_ string, h document.Head) planning.Use {
	if toyKinds.Declares(h.Group(), string(h.Kind)) {
		return planning.Declares
	}
	return planning.NotMine
}

type toyRepo struct{ Paths, Targets []string }

func (toy) Targets(o model.Rendered, c model.Cluster) bool {
	var r struct{ Spec toyRepo }
	return json.Unmarshal(o.JSON, &r) == nil && slices.Contains(r.Spec.Targets, c.Labels["env"])
}

func (toy) Open(p *planning.Plan) planning.Reader { return toyReader{p} }

func (toy) Claims(file string) bool { return path.Base(file) == "toy.yaml" }

func (toy) Declares(file string, _ []document.Document) ([]model.Rendered, error) {
	return []model.Rendered{{JSON: toyBundle(path.Base(path.Dir(file)), path.Dir(file)), File: file}}, nil
}

func toyBundle(name, dir string) []byte {
	return []byte(`{"apiVersion":"toy.example.com/v1","kind":"Bundle","metadata":{"name":"` + name + `"},"spec":{"path":"` + dir + `"}}`)
}

type toyReader struct{ plan *planning.Plan }

func (r toyReader) Learn(*planning.Object) {}

func (r toyReader) Expand(context.Context) (out []model.Declaration, err error) {
	for _, o := range r.plan.Objects() {
		var repo toyRepo
		if o.Kind != "Repo" || o.Decode(&repo) != nil {
			continue
		}
		for _, dir := range repo.Paths {
			out = append(out, model.Declaration{Rendered: model.Rendered{JSON: toyBundle(o.Name+"-"+path.Base(dir), dir),
				File: o.File}, App: o.App})
		}
	}
	return out, nil
}

func (r toyReader) Read(o *planning.Object, app *model.App) (bool, error) {
	var b struct{ Path string }
	if o.Kind != "Bundle" {
		return false, nil
	}
	if err := o.Decode(&b); err != nil {
		return true, r.plan.Errorf(o, "spec", "%v", err)
	}
	app.Path = b.Path
	if _, err := r.plan.Tree.Stat(b.Path); err != nil {
		return true, r.plan.Errorf(o, "spec.paths", "%q does not exist at this revision", b.Path)
	}
	return true, nil
}

func (r toyReader) Conclude() {}

// TestADialectIsAddedBehindThePort: one that is given to the Layout declares apps, chooses clusters, and reads files
// that are no Kubernetes objects, and nothing else has to know it.
func TestADialectIsAddedBehindThePort(t *testing.T) {
	t.Parallel()
	repository := tree(`
-- fleet/repo.yaml --
apiVersion: toy.example.com/v1
kind: Repo
metadata: {name: shop}
spec:
  paths: [apps/web, apps/none]
  targets: [production]
-- apps/web/cm.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: web}
-- clusters/eu-1/cluster.yaml --
labels: {env: production}
-- clusters/eu-1/db/toy.yaml --
helm: {chart: db}
-- clusters/test/cluster.yaml --
labels: {env: test}
`)
	l := &Layout{Renderer: renderer, more: []planning.Dialect{toy{}}}
	central, problems, err := l.Fleet(t.Context(), repository)
	if err != nil || len(problems) > 0 || len(central) != 1 {
		t.Fatalf("%s, problems %q, %v", central, problems, err)
	}
	for cluster, want := range map[string]string{
		"eu-1": `Bundle toys/db path=clusters/eu-1/db err=` + "\n" +
			`Bundle toys/shop-none path=apps/none err=fleet/repo.yaml: Bundle toys/shop-none: spec.paths: "apps/none" does not exist at this revision` + "\n" +
			`Bundle toys/shop-web path=apps/web err=` + "\n",
		"test": "",
	} {
		f, err := l.Read(t.Context(), repository, model.Site{Name: cluster, Folder: "clusters/" + cluster})
		if err != nil || len(f.Cluster.Problems) > 0 {
			t.Fatalf("%s: %q, %v", cluster, f.Cluster.Problems, err)
		}
		in := model.Declarations{Cluster: f.Cluster, Branch: "main"}
		for _, o := range f.Declared {
			in.Declared = append(in.Declared, model.Declaration{Rendered: o, App: model.RootApp})
		}
		selected, _ := l.Select(central, f.Cluster)
		for _, o := range selected {
			in.Declared = append(in.Declared, model.Declaration{Rendered: o})
		}
		c, err := l.Plan(t.Context(), repository, in)
		if err != nil || len(c.Problems) > 0 {
			t.Fatalf("%s: %q, %v", cluster, c.Problems, err)
		}
		got := ""
		for _, a := range c.Apps {
			if want := identity.Parse(a.Declared).Key(); a.Name != want {
				t.Errorf("the key of %s is %s, not %s", a.Declared, a.Name, want)
			}
			got += a.Declared + " path=" + a.Path + " err=" + a.Err + "\n"
		}
		if got != want {
			t.Errorf("%s:\ngot  %swant %s", cluster, got, want)
		}
	}
	if says := l.lookalike("toy.example.com/v1", "Bundles"); !strings.Contains(says,
		"looks like Bundle of toy.example.com/v1") {
		t.Errorf("a slip in the kind of the dialect: %q", says)
	}
}
