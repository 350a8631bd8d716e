package argo

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gobwas/glob"
	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/cli"
	"helm.sh/helm/v4/pkg/cli/values"
	"helm.sh/helm/v4/pkg/getter"
	releasev1 "helm.sh/helm/v4/pkg/release/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kubeyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/provider"
	"sigs.k8s.io/kustomize/kustomize/v5/commands/edit"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// application is what the oracle needs of an Application, in the shape of Argo CD's own types.
type application struct {
	Kind     string
	Metadata struct{ Name string }
	Spec     struct {
		Source  *source
		Sources []source
	}
}

type source struct {
	Path, Ref string
	Helm      *struct {
		ReleaseName, Namespace, Values string
		ValueFiles                     []string
		ValuesObject                   map[string]any
		Parameters                     []struct {
			Name, Value string
			ForceString bool
		}
		FileParameters          []struct{ Name, Path string }
		IgnoreMissingValueFiles bool
		SkipCrds                bool
	}
	Kustomize *struct {
		NamePrefix, NameSuffix, Namespace                              string
		Images, Components                                             []string
		Replicas                                                       []struct{ Name, Count string }
		CommonLabels, CommonAnnotations                                map[string]string
		ForceCommonLabels, LabelWithoutSelector, LabelIncludeTemplates bool
		ForceCommonAnnotations                                         bool
		Patches                                                        []any
	}
	Directory *struct {
		Recurse          bool
		Include, Exclude string
	}
}

// reconciler renders every Application that it finds, as Argo CD's repository server does.
type reconciler struct {
	t    *testing.T
	repo string
	apps map[string]objects
}

// argos is what Argo CD makes of the Applications in the cluster's folder, by app.
func argos(t *testing.T, repo string) map[string]objects {
	r := &reconciler{t: t, repo: repo, apps: map[string]objects{}}
	files, err := filepath.Glob(filepath.Join(repo, "clusters", cluster, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		r.reconcile(r.decode(r.read(file)))
	}
	return r.apps
}

func (r *reconciler) read(file string) string {
	r.t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(data)
}

// reconcile renders the Applications among objects, and those that come out of them.
func (r *reconciler) reconcile(list []map[string]any) {
	for _, o := range list {
		if o["kind"] != "Application" {
			continue
		}
		data, err := json.Marshal(o)
		var a application
		if err != nil || json.Unmarshal(data, &a) != nil {
			r.t.Fatalf("%v: %s", err, data)
		}
		out := objects{}
		for _, o := range r.build(a) {
			data, err := json.Marshal(o)
			if err != nil {
				r.t.Fatal(err)
			}
			out.add(r.t, data)
			r.reconcile([]map[string]any{o})
		}
		r.apps[a.Metadata.Name] = out
	}
}

// build renders all sources of an Application in a copy of the repository.
func (r *reconciler) build(a application) (out []map[string]any) {
	work := filepath.Join(r.t.TempDir(), "repo")
	if err := os.CopyFS(work, os.DirFS(r.repo)); err != nil {
		r.t.Fatal(err)
	}
	sources := a.Spec.Sources
	if a.Spec.Source != nil {
		sources = []source{*a.Spec.Source}
	}
	for _, s := range sources {
		dir := filepath.Join(work, s.Path)
		has := func(name string) bool { _, err := os.Stat(filepath.Join(dir, name)); return err == nil }
		switch {
		case s.Path == "":
		case s.Kustomize != nil || s.Helm == nil && s.Directory == nil && has("kustomization.yaml"):
			out = append(out, r.kustomize(dir, s)...)
		case s.Helm != nil || s.Directory == nil && has("Chart.yaml"):
			out = append(out, r.helm(work, dir, a.Metadata.Name, s)...)
		default:
			out = append(out, r.directory(dir, s)...)
		}
	}
	return out
}

// kustomize runs the commands of util/kustomize.
func (r *reconciler) kustomize(dir string, s source) []map[string]any {
	r.t.Chdir(dir)
	disk := filesys.MakeFsOnDisk()
	run := func(args ...string) {
		factory := provider.NewDefaultDepProvider()
		cmd := edit.NewCmdEdit(disk, factory.GetFieldValidator(), factory.GetResourceFactory(), io.Discard)
		cmd.SetArgs(args)
		if err := cmd.Execute(); err != nil {
			r.t.Fatalf("kustomize edit %q: %v", args, err)
		}
	}
	if k := s.Kustomize; k != nil {
		for what, value := range map[string]string{"nameprefix": k.NamePrefix, "namesuffix": k.NameSuffix, "namespace": k.Namespace} {
			if value != "" {
				run("set", what, "--", value)
			}
		}
		if len(k.Images) > 0 {
			run(append([]string{"set", "image"}, k.Images...)...)
		}
		for _, replica := range k.Replicas {
			run("set", "replicas", replica.Name+"="+replica.Count)
		}
		flags := func(of map[string]bool) (out []string) {
			for flag, is := range of {
				if is {
					out = append(out, flag)
				}
			}
			return out
		}
		if len(k.CommonLabels) > 0 {
			run(slices.Concat([]string{"add", "label"}, flags(map[string]bool{"--force": k.ForceCommonLabels, "--without-selector": k.LabelWithoutSelector,
				"--include-templates": k.LabelIncludeTemplates}), pairs(k.CommonLabels))...)
		}
		if len(k.CommonAnnotations) > 0 {
			run(slices.Concat([]string{"add", "annotation"}, flags(map[string]bool{"--force": k.ForceCommonAnnotations}), pairs(k.CommonAnnotations))...)
		}
		r.patch(k.Patches)
		if len(k.Components) > 0 {
			run(append([]string{"add", "component"}, k.Components...)...)
		}
	}
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(disk, dir)
	if err != nil {
		r.t.Fatal(err)
	}
	text, err := built.AsYaml()
	if err != nil {
		r.t.Fatal(err)
	}
	return r.decode(string(text))
}

func pairs(m map[string]string) (out []string) {
	for k, v := range m {
		out = append(out, k+":"+v)
	}
	return out
}

// patch adds patches to the kustomization, for which there is no command.
func (r *reconciler) patch(patches []any) {
	if len(patches) == 0 {
		return
	}
	k := map[string]any{}
	if err := yaml.Unmarshal([]byte(r.read("kustomization.yaml")), &k); err != nil {
		r.t.Fatal(err)
	}
	have, _ := k["patches"].([]any)
	k["patches"] = append(have, patches...)
	data, err := yaml.Marshal(k)
	if err == nil {
		err = os.WriteFile("kustomization.yaml", data, 0o644)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// helm is `helm template` with the arguments of util/helm.
func (r *reconciler) helm(root, dir, name string, s source) []map[string]any {
	install := action.NewInstall(action.NewConfiguration())
	install.DryRunStrategy, install.Replace, install.IncludeCRDs = action.DryRunClient, true, true
	install.ReleaseName, install.Namespace = name, "default-"+name
	var err error
	if install.KubeVersion, err = common.ParseKubeVersion(kubernetes); err != nil {
		r.t.Fatal(err)
	}
	opts := values.Options{}
	if h := s.Helm; h != nil {
		if h.ReleaseName != "" {
			install.ReleaseName = h.ReleaseName
		}
		if h.Namespace != "" {
			install.Namespace = h.Namespace
		}
		install.IncludeCRDs = !h.SkipCrds
		for _, file := range h.ValueFiles {
			if name := valueFile(root, dir, file); h.IgnoreMissingValueFiles {
				if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
					continue
				}
			}
			opts.ValueFiles = append(opts.ValueFiles, valueFile(root, dir, file))
		}
		extra := []byte(h.Values)
		if h.ValuesObject != nil {
			extra, _ = yaml.Marshal(h.ValuesObject)
		}
		if len(extra) > 0 {
			file := filepath.Join(r.t.TempDir(), "values.yaml")
			if err := os.WriteFile(file, extra, 0o644); err != nil {
				r.t.Fatal(err)
			}
			opts.ValueFiles = append(opts.ValueFiles, file)
		}
		for _, p := range h.Parameters {
			value := p.Value
			if !strings.HasPrefix(value, "{") || !strings.HasSuffix(value, "}") {
				value = strings.ReplaceAll(value, ",", `\,`)
			}
			if p.ForceString {
				opts.StringValues = append(opts.StringValues, p.Name+"="+value)
			} else {
				opts.Values = append(opts.Values, p.Name+"="+value)
			}
		}
		for _, p := range h.FileParameters {
			opts.FileValues = append(opts.FileValues, p.Name+"="+valueFile(root, dir, p.Path))
		}
	}
	given, err := opts.MergeValues(getter.All(cli.New()))
	if err != nil {
		r.t.Fatal(err)
	}
	c, err := loader.Load(dir)
	if err != nil {
		r.t.Fatal(err)
	}
	made, err := install.Run(c, given)
	if err != nil {
		r.t.Fatal(err)
	}
	release := made.(*releasev1.Release)
	stream := release.Manifest
	for _, h := range release.Hooks {
		stream += "---\n" + h.Manifest + "\n"
	}
	return r.decode(stream)
}

// valueFile is where a file of values is: in the chart, seen from the root, or in a source with a name, all of which are the repository here.
func valueFile(root, dir, file string) string {
	if ref, rest, _ := strings.Cut(file, "/"); strings.HasPrefix(ref, "$") {
		return filepath.Join(root, rest)
	}
	if filepath.IsAbs(file) {
		return filepath.Join(root, file)
	}
	return filepath.Join(dir, file)
}

// directory reads plain manifests as findManifests of the repository server does.
func (r *reconciler) directory(dir string, s source) (out []map[string]any) {
	recurse, include, exclude := false, "", ""
	if d := s.Directory; d != nil {
		recurse, include, exclude = d.Recurse, d.Include, d.Exclude
	}
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, name)
		switch ext := filepath.Ext(name); {
		case err != nil:
			return err
		case e.IsDir() && name != dir && !recurse:
			return fs.SkipDir
		case e.IsDir(), ext != ".yaml" && ext != ".yml" && ext != ".json":
			return nil
		case exclude != "" && glob.MustCompile(exclude).Match(rel), include != "" && !glob.MustCompile(include).Match(rel):
			return nil
		case strings.Contains(r.read(name), "+argocd:skip-file-rendering"):
			return nil
		}
		text := r.read(name)
		if !strings.Contains(text, "kind") {
			return nil // some other YAML
		}
		out = append(out, r.decode(text)...)
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// decode reads a stream of documents as Kubernetes' clients do, with lists taken apart.
func (r *reconciler) decode(stream string) (out []map[string]any) {
	r.t.Helper()
	dec := kubeyaml.NewYAMLOrJSONDecoder(strings.NewReader(stream), 4096)
	for {
		var u *unstructured.Unstructured
		err := dec.Decode(&u)
		switch {
		case errors.Is(err, io.EOF):
			return out
		case err != nil:
			r.t.Fatal(fmt.Errorf("%w in\n%s", err, stream))
		case u == nil:
			continue
		case u.IsList():
			list, err := u.ToList()
			if err != nil {
				r.t.Fatal(err)
			}
			for _, item := range list.Items {
				out = append(out, maps.Clone(item.Object))
			}
			continue
		}
		out = append(out, u.Object)
	}
}
