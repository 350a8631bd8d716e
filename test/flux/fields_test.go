package flux

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"

	"github.com/drover-dev/drover/hub/layout/flux"
)

// specs are the specs of Flux' kinds, as its own Go types.
var specs = map[string]any{
	"Kustomization": kustomizev1.KustomizationSpec{}, "HelmRelease": helmv2.HelmReleaseSpec{}, "GitRepository": sourcev1.GitRepositorySpec{},
	"OCIRepository": sourcev1.OCIRepositorySpec{}, "HelmRepository": sourcev1.HelmRepositorySpec{}, "Bucket": sourcev1.BucketSpec{},
	"HelmChart": sourcev1.HelmChartSpec{}, "ExternalArtifact": sourcev1.ExternalArtifactSpec{},
}

// newer are fields that later releases of Flux have than those whose API can be compiled here.
var newer = []string{"HelmRelease spec.chart.kind"}

// TestEveryFieldOfFluxHasARow: for each kind that Drover reads, what becomes of each field is said, and nothing is said of a field that there
// is not.
func TestEveryFieldOfFluxHasARow(t *testing.T) {
	rows := map[string][]string{}
	for _, f := range flux.Fields() {
		rows[f.Kind] = append(rows[f.Kind], f.Path)
	}
	for kind, listed := range rows {
		spec, ok := specs[kind]
		if !ok {
			continue // not Flux'
		}
		var paths []string
		fields(reflect.TypeOf(spec), "spec", 0, func(path string) { paths = append(paths, path) })
		for _, path := range paths {
			if !slices.ContainsFunc(listed, func(row string) bool { return covers(row, path) || covers(path, row) }) {
				t.Errorf("%s: nothing is said of %s", kind, path)
			}
		}
		for _, row := range listed {
			if !slices.Contains(paths, row) && !slices.Contains(newer, kind+" "+row) {
				t.Errorf("%s: there is no %s", kind, row)
			}
		}
		t.Logf("%s: %d fields, %d rows", kind, len(paths), len(listed))
	}
	for _, kind := range []string{"Kustomization", "HelmRelease", "GitRepository"} {
		if len(rows[kind]) == 0 {
			t.Errorf("nothing is said of %s", kind)
		}
	}
}

// covers says whether what is said of a row holds for a path: it is the path, or lies above it.
func covers(row, path string) bool {
	rest, ok := strings.CutPrefix(path, row)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// fields visits the fields of a type that have a name in JSON, at any depth.
func fields(t reflect.Type, path string, depth int, visit func(string)) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case depth > 8 || t.Kind() == reflect.Struct && !strings.Contains(t.PkgPath(), "fluxcd"): // metav1.Duration and the like are one value
		return
	case t.Kind() == reflect.Slice:
		fields(t.Elem(), path+"[]", depth+1, visit)
		return
	case t.Kind() != reflect.Struct:
		return
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "" && strings.Contains(options, "inline"):
			fields(f.Type, path, depth+1, visit)
		case name != "" && name != "-":
			visit(path + "." + name)
			fields(f.Type, path+"."+name, depth+1, visit)
		}
	}
}
