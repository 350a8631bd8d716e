package source

import (
	"encoding/json"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/hub/cmplugin"
	"github.com/drover-dev/drover/hub/glob"
	"github.com/drover-dev/drover/hub/layout/argo/fields"
	"github.com/drover-dev/drover/hub/layout/argo/repository"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// sourceSpec is one source of an Application.
type sourceSpec struct {
	RepoURL, Path, TargetRevision, Chart, Ref string
	Helm                                      *helmSpec
	Kustomize                                 *kustomizeSpec
	Directory                                 *directorySpec
	Plugin                                    *pluginSpec
}

// partReader is a source on its way to a part of an app.
type partReader struct {
	plan *planning.Plan
	sourceSpec
	o       *planning.Object
	at      string // the field it stands at
	env     *environment
	foreign *model.Source            // where its files are; nil for this repository
	refs    map[string]*model.Source // of the sources of the app that others name as $ref
	several bool                     // the app has spec.sources
	plugins *cmplugin.Set            // that are configured
}

func (s *partReader) errorf(at, format string, args ...any) error {
	return s.plan.Errorf(s.o, s.at+at, format, args...)
}

// Application is what the sources of an Application depend on.
type Application struct {
	Source             json.RawMessage   // spec.source
	Sources            []json.RawMessage // spec.sources, which takes precedence
	Namespace, Project string            // of its destination, and its own: both may be named in some fields
	Plugins            *cmplugin.Set     // that the operator configured
}

// Read makes parts of the sources of an Application. An error is placed at the field that it is about.
func Read(p *planning.Plan, o *planning.Object, a Application, app *model.App) error {
	raw, at := a.Sources, func(i int) string { return planning.FieldAt("spec.sources", i) }
	if len(raw) == 0 {
		raw, at = []json.RawMessage{a.Source}, func(int) string { return "spec.source" }
	}
	if len(a.Sources) == 0 && len(a.Source) == 0 {
		return p.Errorf(o, "spec", "it names no source: write source or sources")
	}
	refs := map[string]*model.Source{}
	var sources []*partReader
	var errs []error
	for i, data := range raw {
		s := &partReader{plan: p, o: o, at: at(i), refs: refs, several: len(a.Sources) > 0, plugins: a.Plugins}
		if err := planning.Unmarshal(data, s.at, &s.sourceSpec); err != nil {
			return p.Undecodable(o, err)
		}
		var err error
		if s.foreign, err = s.locate(app); err == nil {
			err = s.override(data)
		}
		if s.env = newEnvironment(o, a, s.sourceSpec); s.Ref != "" {
			refs["$"+s.Ref] = s.foreign
		}
		errs, sources = append(errs, err), append(sources, s)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return joinParts(sources, app)
}

// joinParts gives an app the parts that its sources come to. A source that is there to be named by others is none.
func joinParts(sources []*partReader, app *model.App) error {
	var parts []model.Part
	var errs []error
	for _, s := range sources {
		if s.Ref != "" && s.Path == "" && s.Chart == "" {
			continue
		}
		part, err := s.part()
		if err == nil && s.env.asked != "" {
			err = s.errorf("", "$%s is not known before the app is rendered: write the value itself", s.env.asked)
		}
		parts, errs = append(parts, part), append(errs, err)
	}
	if len(parts) == 0 {
		return errors.Join(append(errs, sources[0].errorf("",
			"no source has a path or a chart: name what is to be delivered"))...)
	}
	app.Part, app.More = parts[0], parts[1:]
	return errors.Join(errs...)
}

// locate says where the files of a source are; nil for this repository at the revision that is repository.Followed.
func (s *partReader) locate(app *model.App) (*model.Source, error) {
	switch {
	case s.RepoURL == "":
		return nil, s.errorf(".repoURL", "it is empty: write the address of the repository")
	case s.Chart != "":
		url := s.RepoURL
		if !strings.Contains(url, "://") { // so Argo CD names OCI registries
			url = "oci://" + url
		}
		return &model.Source{Kind: model.SourceHelm, URL: url, Chart: s.Chart, SemVer: s.TargetRevision}, nil
	case strings.HasPrefix(s.RepoURL, "oci://"):
		out := &model.Source{Kind: model.SourceOCI, URL: s.RepoURL}
		switch rev := s.TargetRevision; {
		case strings.HasPrefix(rev, "sha256:"):
			out.Revision = rev
		case repository.IsRange(rev):
			out.SemVer = rev
		default:
			out.Ref = rev
		}
		return out, nil
	case repository.Own(s.plan, s.o, s.at, s.RepoURL, s.Path, &app.Notes) && repository.Followed(s.plan, s.TargetRevision):
		return nil, nil
	}
	return repository.Revision(s.RepoURL, s.TargetRevision), nil
}

// override lays the files over a source by which an application may be changed from within its folder
// (.argocd-source.yaml and .argocd-source-<app>.yaml; argo-cd, docs/user-guide/parameters.md). They change how it is
// rendered, not what.
func (s *partReader) override(data json.RawMessage) error {
	if s.foreign != nil || s.Path == "" {
		return nil
	}
	for _, name := range []string{".argocd-source.yaml", ".argocd-source-" + instance(s.o) + ".yaml"} {
		file := path.Join(planning.Cleaned(s.Path), name)
		patch, err := s.plan.Tree.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			patch, err = yaml.YAMLToJSON(patch)
		}
		if err == nil {
			data, err = jsonpatch.MergePatch(data, patch)
		}
		var changed sourceSpec
		if err == nil {
			err = planning.Unmarshal(fields.Table.Strip(fields.Application, "spec.source", data), "", &changed)
		}
		if err != nil {
			return s.errorf("", "%s cannot be laid over it: %v", file, err)
		}
		changed.RepoURL, changed.Path, changed.TargetRevision, changed.Chart, changed.Ref = s.RepoURL, s.Path,
			s.TargetRevision, s.Chart, s.Ref
		s.sourceSpec = changed
	}
	return nil
}

// The ways in which Argo CD renders a source.
const (
	byHelm      = "helm"
	byKustomize = "kustomize"
	byDirectory = "directory"
	byPlugin    = "plugin"
)

// part makes a part of a source.
func (s *partReader) part() (model.Part, error) {
	out := model.Part{Path: ".", Source: s.foreign}
	if s.Chart == "" {
		var ok bool
		if out.Path, ok = inTree(s.Path); path.IsAbs(s.Path) {
			return out, s.errorf(".path", "%q begins with a slash, which Argo CD refuses too: write %q", s.Path,
				planning.Cleaned(s.Path))
		} else if !ok || s.Path == "" {
			return out, s.errorf(".path", "%q is no path in the repository: write one seen from its root", s.Path)
		}
	}
	how, err := s.kind(out.Path)
	if err != nil {
		return out, err
	}
	if s.Chart == "" && len(s.said()) == 0 {
		if out.Plugin, err = s.discovered(out.Path); err != nil || out.Plugin != nil && !out.Plugin.Detect {
			return out, err
		}
	}
	switch how {
	case byPlugin:
		out.Plugin, err = s.plugin()
	case byHelm:
		out.Chart, err = s.chart(out.Path)
	case byKustomize:
		out.Overlay, err = s.overlay()
	default:
		out.Directory, err = s.directory()
	}
	return out, err
}

// said is how a source says itself that it is rendered; it should be one way at most.
func (s *partReader) said() (said []string) {
	for how, is := range map[string]bool{byHelm: s.Helm != nil, byKustomize: s.Kustomize != nil,
		byDirectory: s.Directory != nil, byPlugin: s.Plugin != nil} {
		if is {
			said = append(said, how)
		}
	}
	slices.Sort(said)
	return said
}

// kind says how a source is rendered: as it says itself, else by what is in the folder.
func (s *partReader) kind(dir string) (string, error) {
	said := s.said()
	switch {
	case len(said) > 1:
		return "", s.errorf("", "it has %s, and may have one of them", strings.Join(said, " and "))
	case s.Chart != "" && s.Plugin == nil:
		return byHelm, nil
	case s.foreign != nil && len(said) == 0:
		return byDirectory, nil // which looks for a kustomization when the folder can be seen
	case s.foreign != nil:
		return said[0], nil
	}
	entries, err := s.plan.Tree.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", s.errorf(".path", "%q does not exist at this revision: paths are seen from the repository's root", s.Path)
	case err != nil:
		return "", s.errorf(".path", "%q cannot be read as a folder: %v", s.Path, err)
	case len(said) == 1:
		return said[0], nil
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	how := byDirectory
	for _, e := range entries { // in this order, as Argo CD does: the last one tells
		switch name := e.Name(); {
		case e.IsDir():
		case strings.HasSuffix(name, "Chart.yaml"):
			how = byHelm
		case document.IsKustomization(name):
			how = byKustomize
		}
	}
	return how, nil
}

// directorySpec are the options of a folder of plain manifests.
type directorySpec struct {
	Recurse          bool
	Include, Exclude string
	Jsonnet          *jsonnetSpec
}

// jsonnetSpec is what files of Jsonnet in a folder are evaluated with.
type jsonnetSpec struct {
	TLAs, ExtVars []model.JsonnetVar
	Libs          []string
}

// jsonnet reads what files of Jsonnet are evaluated with. Libraries are seen from the root of the source.
func (s *partReader) jsonnet() (*model.Jsonnet, error) {
	spec := s.Directory.Jsonnet
	if spec == nil {
		return nil, nil
	}
	out := &model.Jsonnet{TLAs: slices.Clone(spec.TLAs), ExtVars: slices.Clone(spec.ExtVars)}
	for _, vars := range [][]model.JsonnetVar{out.TLAs, out.ExtVars} {
		for i := range vars {
			vars[i].Value = s.env.expand(vars[i].Value)
		}
	}
	for i, lib := range spec.Libs {
		folder, ok := inTree(strings.TrimPrefix(lib, "/"))
		if !ok {
			return nil, s.errorf(planning.FieldAt(".directory.jsonnet.libs", i), "%q leads out of the repository: write a "+
				"folder seen from its root", lib)
		}
		out.Libs = append(out.Libs, folder)
	}
	return out, nil
}

func (s *partReader) directory() (*model.Directory, error) {
	out := &model.Directory{Detect: s.Directory == nil && s.foreign != nil}
	if s.Directory == nil {
		return out, nil
	}
	out.Recurse = s.Directory.Recurse
	var err error
	if out.Jsonnet, err = s.jsonnet(); err != nil {
		return nil, err
	}
	for _, field := range []struct {
		name, pattern string
		to            *string
	}{{"include", s.Directory.Include, &out.Include}, {"exclude", s.Directory.Exclude, &out.Exclude}} {
		if field.pattern == "" {
			continue
		}
		if *field.to, err = glob.Anywhere.Regexp(field.pattern); err != nil {
			return nil, s.errorf(".directory."+field.name, "%v", err)
		}
	}
	return out, nil
}

// kustomizeSpec are the options of a folder with a kustomization.
type kustomizeSpec struct {
	NamePrefix, NameSuffix, Namespace       string
	Images                                  []string
	Replicas                                []replicasSpec
	CommonLabels, CommonAnnotations         map[string]string
	ForceCommonLabels, LabelWithoutSelector bool
	LabelIncludeTemplates                   bool
	ForceCommonAnnotations                  bool
	CommonAnnotationsEnvsubst               bool
	Patches                                 []model.Patch
	Components                              []string
	IgnoreMissingComponents                 bool
	KubeVersion                             string
	APIVersions                             []string
}

type replicasSpec struct {
	Name  string
	Count document.Text // a number, or a text that is one
}

// overlay is what Argo CD has `kustomize edit` do (v3.6, util/kustomize).
func (s *partReader) overlay() (model.Overlay, error) {
	k := s.Kustomize
	if k == nil {
		k = &kustomizeSpec{}
	}
	e := &model.Edit{
		Labels: s.env.expandAll(k.CommonLabels), ForceLabels: k.ForceCommonLabels, WithoutSelector: k.LabelWithoutSelector,
		IncludeTemplates: k.LabelIncludeTemplates, Annotations: k.CommonAnnotations,
		ForceAnnotations: k.ForceCommonAnnotations, NeedsKustomization: true,
		KubeVersion: k.KubeVersion, APIVersions: k.APIVersions,
	}
	if k.CommonAnnotationsEnvsubst {
		e.Annotations = s.env.expandAll(k.CommonAnnotations)
	}
	for _, image := range k.Images {
		e.Images = append(e.Images, s.env.expand(image))
	}
	for i, r := range k.Replicas {
		count, err := strconv.ParseInt(string(r.Count), 10, 64)
		if err != nil {
			return model.Overlay{}, s.errorf(planning.FieldAt(".kustomize.replicas", i)+".count", "%q is no number", r.Count)
		}
		e.Replicas = append(e.Replicas, model.Replicas{Name: r.Name, Count: count})
	}
	return model.Overlay{Namespace: k.Namespace, NamePrefix: k.NamePrefix, NameSuffix: k.NameSuffix, Patches: k.Patches,
		Components:    k.Components,
		IgnoreMissing: k.IgnoreMissingComponents, Edit: e}, nil
}
