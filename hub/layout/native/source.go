package native

import (
	"errors"
	"path"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// sourceShapes are the fields of an App's spec.source.
var sourceShapes = []shape{
	{name: "git", fields: []shape{
		{name: "url", must: true, kind: aText, says: "An https or ssh address.",
			example: "https://git.example.com/platform/apps.git"},
		{name: "branch", kind: aText, says: "The branch of the repository's HEAD, if nothing is said.", example: "main"},
		{name: "tag", kind: aText, example: "v1.2.0"},
		{name: "semver", kind: aText, says: "The highest tag in a range of versions.", example: ">=1.2.0 <2"},
		{name: "commit", kind: aText, says: "A full commit id.", example: "0123456789012345678901234567890123456789"},
	}, says: "A Git repository. Of branch, tag, semver and commit at most one is " +
		"set.", example: map[string]any{"url": "https://git.example.com/platform/apps.git"}},
	{name: "oci", fields: []shape{
		{name: "url", must: true, kind: aText, says: "As oci://host/path.",
			example: "oci://registry.example.com/manifests/app"},
		{name: "tag", kind: aText, example: "v1.2.0", preset: "latest"},
		{name: "semver", kind: aText, says: "The highest tag in a range of versions.", example: ">=1.2.0 <2"},
		{name: "digest", kind: aText, example: "sha256:0000000000000000000000000000000000000000000000000000000000000000"},
		{name: "insecure", kind: aSwitch, says: "Speak http with the registry.", example: true, preset: false},
	}, says: "An artifact with manifests in an OCI registry. Of tag, semver and digest at most one is " +
		"set.", example: map[string]any{"url": "oci://registry.example.com/manifests/app"}},
	{name: "credentials", kind: aText,
		says: "The hub's credential to log in with; what it has for the address, if it is not said.", example: "platform"},
	{name: "interval", kind: aDuration,
		says: "How often to look for something newer; 1m for Git and 5m for all else, if it is not said.", example: "1m"},
}

// readSource takes spec.source: where the App's path is, if it is not in this repository.
func readSource(d document.Document, spec *yaml.Node, app *model.App) error {
	n := document.Field(spec, "source")
	if n == nil {
		return nil
	}
	s := &model.Source{}
	app.Source = s
	if err := d.CheckKeys(n, "spec.source", namesOf(sourceShapes)...); err != nil {
		return err
	}
	git, oci := document.Field(n, "git"), document.Field(n, "oci")
	if (git == nil) == (oci == nil) {
		return d.Errorf(n, "spec.source is to have either git or oci: name one")
	}
	errs := []error{d.Text(n, "credentials", &s.Credentials), d.Duration(n, "interval", &s.Interval)}
	at, fields := git, sourceShapes[0].fields
	if s.Kind = model.SourceGit; oci != nil {
		s.Kind, at, fields = model.SourceOCI, oci, sourceShapes[1].fields
	}
	what := "spec.source." + string(s.Kind)
	if err := d.CheckKeys(at, what, namesOf(fields)...); err != nil {
		return errors.Join(append(errs, err)...)
	}
	var tag string
	errs = append(errs, d.Text(at, "url", &s.URL), d.Text(at, "branch", &s.Branch), d.Text(at, "semver", &s.SemVer),
		d.Text(at, "tag", &tag),
		d.Text(at, "commit", &s.Revision), d.Text(at, "digest", &s.Revision), d.Bool(at, "insecure", &s.PlainHTTP))
	if s.Ref = tag; tag != "" && oci == nil {
		s.Ref = "refs/tags/" + tag
	}
	set := 0
	for _, v := range []string{s.Branch, s.Ref, s.SemVer, s.Revision} {
		if v != "" {
			set++
		}
	}
	if set > 1 {
		errs = append(errs, d.Errorf(at,
			"%s says more than once what is wanted: keep one of branch, tag, semver, commit and digest", what))
	}
	return errors.Join(append(errs, checkURL(d, at, what, s.URL))...)
}

func checkURL(d document.Document, n *yaml.Node, what, address string) error {
	if err := planning.CheckAddress(address); err != nil {
		if url := document.Field(n, "url"); url != nil {
			n = url
		}
		return d.Errorf(n, "%s.url: %v", what, err)
	}
	return nil
}

// readPublished takes the chart of a repository of charts under spec.helm.
func readPublished(d document.Document, helm *yaml.Node, app *model.App) error {
	s := &model.Source{Kind: model.SourceHelm}
	err := errors.Join(d.Text(helm, "repo", &s.URL), d.Text(helm, "chart", &s.Chart), d.Text(helm, "version", &s.SemVer),
		d.Text(helm, "credentials", &s.Credentials), d.Duration(helm, "interval", &s.Interval))
	switch {
	case err != nil:
	case app.Source != nil:
		err = d.Errorf(helm, "spec.helm.repo and spec.source both say where the chart is: keep one")
	case document.Field(helm, "path") != nil:
		err = d.Errorf(helm, "spec.helm.path is for a chart in a folder, and spec.helm.chart for a published one: keep one")
	case s.Chart == "" && !strings.HasPrefix(s.URL, "oci://"):
		err = d.Errorf(helm, "spec.helm has no chart: name one of the repository, or the folder of a chart as path")
	default:
		if address := planning.CheckAddress(s.URL); address != nil {
			err = d.Errorf(helm, "spec.helm.repo: %v", address)
		}
	}
	app.Path, app.Source = ".", s
	return err
}

// readElsewhere takes a path in another source, where it is seen when it is rendered.
func readElsewhere(d document.Document, n *yaml.Node, what string) (string, error) {
	if n != nil && n.Kind != yaml.ScalarNode {
		return "", d.Errorf(n, "%s is to be a text", what)
	}
	name := path.Clean("/" + document.Scalar(n))[1:]
	if name == "" {
		name = "."
	}
	return name, nil
}
