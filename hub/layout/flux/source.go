package flux

import (
	"errors"
	"strings"
	"time"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// sources resolves the sources that objects of Flux name.
type sources struct {
	plan *planning.Plan
	way  []string // keys of the composed sources that are being resolved, each for the one before it
}

// sourceRef names a source.
type sourceRef struct{ Kind, Name, Namespace string }

// gitRepository is what Drover takes from the spec of a GitRepository (source.toolkit.fluxcd.io).
type gitRepository struct {
	URL       string
	Ref       gitRef
	Interval  string
	SecretRef struct{ Name string }
	Ignore    string
	Include   []include
	Recurse   bool `json:"recurseSubmodules"`
}

// gitRef says what of a GitRepository is wanted.
type gitRef struct{ Branch, Tag, SemVer, Name, Commit string }

// ociRepository is what Drover takes from the spec of an OCIRepository.
type ociRepository struct {
	URL           string
	Ref           struct{ Digest, SemVer, Tag string }
	LayerSelector struct{ MediaType, Operation string }
	Interval      string
	SecretRef     struct{ Name string }
	Ignore        string
	Insecure      bool
}

// helmRepository is what Drover takes from the spec of a HelmRepository.
type helmRepository struct {
	URL       string
	Interval  string
	SecretRef struct{ Name string }
	Insecure  bool
}

func (g gitRepository) branch() string {
	if g.Ref.Name != "" {
		return strings.TrimPrefix(g.Ref.Name, "refs/heads/")
	}
	return g.Ref.Branch
}

// pinned says whether a ref is wanted that is no branch.
func (g gitRepository) pinned() bool {
	return g.Ref.Tag+g.Ref.SemVer+g.Ref.Commit != "" || strings.HasPrefix(g.Ref.Name,
		"refs/") && !strings.HasPrefix(g.Ref.Name, "refs/heads/")
}

// source gives the source that an object names at a field, of the kind model.SourceFollowed if that is the repository
// that the hub follows, at its revision.
func (r *sources) source(o *planning.Object, at string, ref sourceRef) (*model.Source, error) {
	key := sourceKey(o, ref.Kind, ref.Namespace, ref.Name)
	s := r.plan.Visible(o, key)
	if err := acrossNamespaces(r.plan, o, at, ref.Kind, ref.Namespace, ref.Name); err != nil {
		return nil, err
	}
	switch {
	case ref.Kind == kindExternalArtifact:
		return r.artifact(o, at, key)
	case ref.Kind != kindGitRepository && ref.Kind != kindOCIRepository:
		return nil, r.plan.Errorf(o, at,
			"a source of kind %q is not supported: use a GitRepository, an OCIRepository or an ExternalArtifact", ref.Kind)
	case s == nil && key == planning.ObjectKey(kindGitRepository, home, home):
		r.plan.NoteOnce(fleet.Note{Object: key,
			Text: "it is not in the cluster's folder: it is taken to be this repository, as `flux bootstrap` makes it"})
		return &model.Source{Kind: model.SourceFollowed}, nil
	}
	if err := r.declared(o, at, s, key); err != nil {
		return nil, err
	}
	if ref.Kind == kindOCIRepository {
		return r.ociSource(s)
	}
	return r.gitSource(s)
}

// declared says what is wrong with a source that an object names, if it is not there.
func (r *sources) declared(o *planning.Object, at string, s *planning.Object, key string) error {
	switch {
	case s == nil:
		return r.plan.Errorf(o, at,
			"there is no %s in what the cluster's folder renders to: add it, or name one that is there", key)
	case s.Err != "":
		return errors.New(s.Err)
	case s.Clash != "":
		return r.plan.Errorf(s, "", "it is declared in %s as well, and otherwise: keep one", s.Clash)
	}
	return nil
}

// gitSource reads a GitRepository. What is followed is chosen as source-controller does: commit before name before
// semver before tag before branch.
func (r *sources) gitSource(s *planning.Object) (*model.Source, error) {
	var g gitRepository
	if err := s.Decode(&g); err != nil {
		return nil, r.plan.Undecodable(s, err)
	}
	own := r.plan.IsRepository(g.URL)
	if branch := g.branch(); own && !g.pinned() && (branch == "" || r.plan.Branch == "" || branch == r.plan.Branch) {
		return r.including(s, g, &model.Source{Kind: model.SourceFollowed, Ignore: g.Ignore, Submodules: g.Recurse},
			r.plan.Weigh(judged, s, &r.plan.Cluster.Notes))
	}
	out := &model.Source{Kind: model.SourceGit, URL: g.URL, SourceIgnore: true, Ignore: g.Ignore,
		Credentials: g.SecretRef.Name, Submodules: g.Recurse}
	switch {
	case g.Ref.Commit != "":
		out.Revision, out.Branch = g.Ref.Commit, g.Ref.Branch
	case g.Ref.Name != "":
		out.Ref = g.Ref.Name
	case g.Ref.SemVer != "":
		out.SemVer = g.Ref.SemVer
	case g.Ref.Tag != "":
		out.Ref = "refs/tags/" + g.Ref.Tag
	case g.Ref.Branch != "":
		out.Branch = g.Ref.Branch
	default:
		out.Branch = "master" // as the reference of GitRepository says
	}
	out, err := r.finish(s, out, g.Interval)
	return r.including(s, g, out, err)
}

// from has a part come from a source.
func from(s *model.Source, part *model.Part) {
	if s != nil && s.Kind == model.SourceFollowed {
		part.Hide = &model.Hide{Rules: s.Ignore, Submodules: s.Submodules}
		return
	}
	part.Source = s
}

// ociSource reads an OCIRepository that holds manifests.
func (r *sources) ociSource(s *planning.Object) (*model.Source, error) {
	var of ociRepository
	if err := s.Decode(&of); err != nil {
		return nil, r.plan.Undecodable(s, err)
	}
	if r.plan.IsArtifact(of.URL) && !of.pinned() {
		return &model.Source{Kind: model.SourceFollowed, Ignore: of.Ignore}, r.plan.Weigh(judged, s, &r.plan.Cluster.Notes)
	}
	out := &model.Source{Kind: model.SourceOCI, URL: of.URL, MediaType: of.LayerSelector.MediaType, Ignore: of.Ignore,
		SourceIgnore: of.LayerSelector.Operation != "copy", Credentials: of.SecretRef.Name, PlainHTTP: of.Insecure}
	of.at(out)
	return r.finish(s, out, of.Interval)
}

// pinned says whether one artifact, or a range of versions, is wanted, and not whatever a tag names.
func (r ociRepository) pinned() bool { return r.Ref.Digest+r.Ref.SemVer != "" }

// learnArtifact takes the address of this repository as it is pushed to a registry (flux push artifact), from the
// OCIRepository that delivers the cluster's own folder. The folder is read from Git all the same: the branch that is
// followed counts, not what was pushed.
func learnArtifact(p *planning.Plan, s *planning.Object) {
	var of ociRepository
	if s == nil || s.Kind != kindOCIRepository || s.Decode(&of) != nil || of.URL == "" || of.pinned() {
		return
	}
	p.Artifacts = append(p.Artifacts, of.URL)
	p.NoteOnce(p.Note(s, "spec.url", "it is taken to be this repository, pushed as an artifact, because it delivers the cluster's "+
		"own folder: what is delivered is the branch that is followed, as soon as it has a commit, and not what was pushed"))
}

// at takes what of the repository is wanted, digest before semver before tag.
func (r ociRepository) at(out *model.Source) {
	switch {
	case r.Ref.Digest != "":
		out.Revision = r.Ref.Digest
	case r.Ref.SemVer != "":
		out.SemVer = r.Ref.SemVer
	case r.Ref.Tag != "":
		out.Ref = r.Ref.Tag
	default:
		out.Ref = "latest"
	}
}

// finish takes what all sources have.
func (r *sources) finish(s *planning.Object, out *model.Source, interval string) (*model.Source, error) {
	errs := []error{r.plan.Weigh(judged, s, &r.plan.Cluster.Notes)}
	if err := planning.CheckAddress(out.URL); err != nil {
		errs = append(errs, r.plan.Errorf(s, "spec.url", "%v", err))
	}
	if interval != "" {
		d, err := time.ParseDuration(interval)
		if err != nil || d <= 0 {
			errs = append(errs, r.plan.Errorf(s, "spec.interval", "%q is no duration: write one such as 90s or 5m", interval))
		}
		out.Interval = d
	}
	return out, errors.Join(errs...)
}
