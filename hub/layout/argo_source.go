package layout

import (
	"encoding/json"
	"errors"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/fleet"
)

// argoSource is one source of an Application.
type argoSource struct {
	RepoURL, Path, TargetRevision, Chart, Ref string
	Helm                                      *argoHelm
	Kustomize                                 *argoKustomize
	Directory                                 *argoDirectory
	Plugin                                    *struct{}
}

// argoPart is a source on its way to a part of an app.
type argoPart struct {
	plan *Plan
	argoSource
	o       *Object
	at      string // the field it stands at
	env     *argoEnv
	foreign *fleet.Source            // where its files are; nil for this repository
	refs    map[string]*fleet.Source // of the sources of the app that others name as $ref
}

func (s *argoPart) errorf(at, format string, args ...any) error {
	return s.plan.Errorf(s.o, s.at+at, format, args...)
}

// readSources makes parts of the sources of an Application.
func readSources(p *Plan, o *Object, a argoApplication, app *fleet.App) error {
	raw, at := a.Sources, func(i int) string { return FieldAt("spec.sources", i) }
	if len(raw) == 0 {
		raw, at = []json.RawMessage{a.Source}, func(int) string { return "spec.source" }
	}
	if len(a.Sources) == 0 && len(a.Source) == 0 {
		return p.Errorf(o, "spec", "it names no source: write source or sources")
	}
	refs := map[string]*fleet.Source{}
	var sources []*argoPart
	var errs []error
	for i, data := range raw {
		s := &argoPart{plan: p, o: o, at: at(i), refs: refs}
		if err := json.Unmarshal(data, &s.argoSource); err != nil {
			return s.errorf("", "%v", err)
		}
		var err error
		if s.foreign, err = s.locate(app); err == nil {
			err = s.override(data)
		}
		if s.env = newArgoEnv(o, a, s.argoSource); s.Ref != "" {
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
func joinParts(sources []*argoPart, app *fleet.App) error {
	var parts []fleet.Part
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
		return errors.Join(append(errs, sources[0].errorf("", "no source has a path or a chart: name what is to be delivered"))...)
	}
	app.Part, app.More = parts[0], parts[1:]
	return errors.Join(errs...)
}

// locate says where the files of a source are; nil for this repository at the revision that is followed.
func (s *argoPart) locate(app *fleet.App) (*fleet.Source, error) {
	switch {
	case s.RepoURL == "":
		return nil, s.errorf(".repoURL", "it is empty: write the address of the repository")
	case s.Chart != "":
		url := s.RepoURL
		if !strings.Contains(url, "://") { // so Argo CD names OCI registries
			url = "oci://" + url
		}
		return &fleet.Source{Kind: fleet.SourceHelm, URL: url, Chart: s.Chart, SemVer: s.TargetRevision}, nil
	case strings.HasPrefix(s.RepoURL, "oci://"):
		out := &fleet.Source{Kind: fleet.SourceOCI, URL: s.RepoURL}
		switch rev := s.TargetRevision; {
		case strings.HasPrefix(rev, "sha256:"):
			out.Revision = rev
		case isRange(rev):
			out.SemVer = rev
		default:
			out.Ref = rev
		}
		return out, nil
	case ownRepository(s.plan, s.o, s.at, s.RepoURL, s.Path, &app.Notes) && followed(s.plan, s.TargetRevision):
		return nil, nil
	}
	return gitRevision(s.RepoURL, s.TargetRevision), nil
}

// ownRepository says whether an address is that of this repository. Where nobody said by which address it is known, one is
// believed if what it is to have is there.
func ownRepository(p *Plan, o *Object, at, url, name string, notes *[]fleet.Note) bool {
	if p.IsRepository(url) {
		return true
	}
	if slices.ContainsFunc(p.Known, isRemote) {
		return false
	}
	if _, err := p.Tree.Stat(Cleaned(name)); err != nil {
		return false
	}
	n := p.Note(o, at+".repoURL", fleet.WithoutUser(url)+" is taken to be this repository, because it has what is named there and no address of its own: name it with --alias")
	if !slices.Contains(*notes, n) {
		*notes = append(*notes, n)
	}
	return true
}

// isRemote says whether an address is not one of this machine.
func isRemote(address string) bool {
	return strings.Contains(address, "://") && !strings.HasPrefix(address, "file://") || scpLike.MatchString(address)
}

var (
	commitID  = regexp.MustCompile(`^[0-9a-f]{7,64}$`)
	versioned = regexp.MustCompile(`^v?[0-9]+(\.[0-9]+)+([-+].*)?$`)
)

// isRange says whether a revision is a range of versions.
func isRange(revision string) bool {
	_, err := semver.NewConstraint(revision)
	return err == nil && strings.ContainsAny(revision, "*^~<>=|, xX")
}

// followed says whether a revision is the one that the hub follows.
func followed(p *Plan, revision string) bool {
	branch := strings.TrimPrefix(revision, "refs/heads/")
	if branch == "" || branch == "HEAD" || branch == p.Branch {
		return true
	}
	return p.Branch == "" && gitRevision("", revision).Branch != ""
}

// gitRevision is a revision of a Git repository. What it is can be told by its form alone: a range of versions, a commit
// id, a whole ref, a version, which is a tag, and else a branch.
func gitRevision(url, revision string) *fleet.Source {
	out := &fleet.Source{Kind: fleet.SourceGit, URL: url}
	switch branch, isBranch := strings.CutPrefix(revision, "refs/heads/"); {
	case isBranch:
		out.Branch = branch
	case revision == "" || revision == "HEAD":
	case strings.HasPrefix(revision, "refs/"), versioned.MatchString(revision):
		out.Ref = revision
	case isRange(revision):
		out.SemVer = revision
	case commitID.MatchString(revision):
		out.Revision = revision
	default:
		out.Branch = revision
	}
	return out
}

// override lays the files over a source by which an application may be changed from within its folder
// (.argocd-source.yaml and .argocd-source-<app>.yaml). They change how it is rendered, not what.
func (s *argoPart) override(data json.RawMessage) error {
	if s.foreign != nil || s.Path == "" {
		return nil
	}
	for _, name := range []string{".argocd-source.yaml", ".argocd-source-" + s.o.Name + ".yaml"} {
		file := path.Join(Cleaned(s.Path), name)
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
		var changed argoSource
		if err == nil {
			err = json.Unmarshal(data, &changed)
		}
		if err != nil {
			return s.errorf("", "%s cannot be laid over it: %v", file, err)
		}
		changed.RepoURL, changed.Path, changed.TargetRevision, changed.Chart, changed.Ref = s.RepoURL, s.Path, s.TargetRevision, s.Chart, s.Ref
		s.argoSource = changed
	}
	return nil
}

// The ways in which Argo CD renders a source.
const (
	argoByHelm      = "helm"
	argoByKustomize = "kustomize"
	argoByDirectory = "directory"
)

// part makes a part of a source.
func (s *argoPart) part() (fleet.Part, error) {
	out := fleet.Part{Path: ".", Source: s.foreign}
	if s.Chart == "" {
		var ok bool
		if out.Path, ok = inTree(s.Path); !ok || s.Path == "" {
			return out, s.errorf(".path", "%q is no path in the repository: write one seen from its root", s.Path)
		}
	}
	how, err := s.kind(out.Path)
	if err != nil {
		return out, err
	}
	switch how {
	case argoByHelm:
		out.Chart, err = s.chart(out.Path)
	case argoByKustomize:
		out.Overlay, err = s.overlay()
	default:
		out.Directory, err = s.directory()
	}
	return out, err
}

// kind says how a source is rendered: as it says itself, else by what is in the folder.
func (s *argoPart) kind(dir string) (string, error) {
	var said []string
	for how, is := range map[string]bool{argoByHelm: s.Helm != nil, argoByKustomize: s.Kustomize != nil, argoByDirectory: s.Directory != nil} {
		if is {
			said = append(said, how)
		}
	}
	slices.Sort(said)
	switch {
	case s.Plugin != nil:
		return "", s.errorf(".plugin", "plugins are not supported: put what the plugin gives into Git")
	case len(said) > 1:
		return "", s.errorf("", "it has %s, and may have one of them", strings.Join(said, " and "))
	case s.Chart != "":
		return argoByHelm, nil
	case s.foreign != nil && len(said) == 0:
		return argoByDirectory, nil // which looks for a kustomization when the folder can be seen
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
	how := argoByDirectory
	for _, e := range entries { // in this order, as Argo CD does: the last one tells
		switch name := e.Name(); {
		case e.IsDir():
		case strings.HasSuffix(name, "Chart.yaml"):
			how = argoByHelm
		case isKustomization(name):
			how = argoByKustomize
		}
	}
	return how, nil
}

// argoDirectory are the options of a folder of plain manifests.
type argoDirectory struct {
	Recurse          bool
	Include, Exclude string
}

func (s *argoPart) directory() (*fleet.Directory, error) {
	out := &fleet.Directory{Detect: s.Directory == nil && s.foreign != nil}
	if s.Directory == nil {
		return out, nil
	}
	out.Recurse = s.Directory.Recurse
	for _, glob := range []struct {
		name, pattern string
		to            *string
	}{{"include", s.Directory.Include, &out.Include}, {"exclude", s.Directory.Exclude, &out.Exclude}} {
		if glob.pattern == "" {
			continue
		}
		var err error
		if *glob.to, err = globAnywhere.regexp(glob.pattern); err != nil {
			return nil, s.errorf(".directory."+glob.name, "%v", err)
		}
	}
	return out, nil
}

// argoKustomize are the options of a folder with a kustomization.
type argoKustomize struct {
	NamePrefix, NameSuffix, Namespace       string
	Images                                  []string
	Replicas                                []argoReplicas
	CommonLabels, CommonAnnotations         map[string]string
	ForceCommonLabels, LabelWithoutSelector bool
	LabelIncludeTemplates                   bool
	ForceCommonAnnotations                  bool
	CommonAnnotationsEnvsubst               bool
	Patches                                 []fleet.Patch
	Components                              []string
	IgnoreMissingComponents                 bool
}

type argoReplicas struct {
	Name  string
	Count text // a number, or a text that is one
}

// overlay is what Argo CD has `kustomize edit` do (v3.6, util/kustomize).
func (s *argoPart) overlay() (fleet.Overlay, error) {
	k := s.Kustomize
	if k == nil {
		k = &argoKustomize{}
	}
	e := &fleet.Edit{
		Labels: s.env.expandAll(k.CommonLabels), ForceLabels: k.ForceCommonLabels, WithoutSelector: k.LabelWithoutSelector,
		IncludeTemplates: k.LabelIncludeTemplates, Annotations: k.CommonAnnotations, ForceAnnotations: k.ForceCommonAnnotations, NeedsKustomization: true,
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
			return fleet.Overlay{}, s.errorf(FieldAt(".kustomize.replicas", i)+".count", "%q is no number", r.Count)
		}
		e.Replicas = append(e.Replicas, fleet.Replicas{Name: r.Name, Count: count})
	}
	return fleet.Overlay{Namespace: k.Namespace, NamePrefix: k.NamePrefix, NameSuffix: k.NameSuffix, Patches: k.Patches, Components: k.Components,
		IgnoreMissing: k.IgnoreMissingComponents, Edit: e}, nil
}
