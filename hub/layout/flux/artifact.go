package flux

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/drover-dev/drover/hub/layout/flux/artifacts"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// maxCopies is how many copies a composed source may be made of, those of what it is made of included.
const maxCopies = 1000

// artifactGenerator is what Drover takes from the spec of an ArtifactGenerator (source.extensions.fluxcd.io/v1beta1).
type artifactGenerator struct {
	Sources []struct {
		Alias string
		sourceRef
	}
	PathPattern string
	Artifacts   []artifacts.Artifact
}

// include is an item of GitRepository.spec.include.
type include struct {
	Repository       struct{ Name string }
	FromPath, ToPath string
}

// artifact gives the ExternalArtifact that an object names at a field, as the ArtifactGenerator of the cluster that
// makes it says.
func (r *sources) artifact(o *planning.Object, at, key string) (*model.Source, error) {
	var found *artifacts.Artifact
	var by *planning.Object
	var spec artifactGenerator
	var first error // of a generator that might make it
	for _, g := range r.plan.Objects() {
		var of artifactGenerator
		if g.Kind != kindArtifactGenerator || g.Group != "source.extensions.fluxcd.io" || g.Decode(&of) != nil ||
			!r.plan.May(o, g) {
			continue
		}
		made, err := r.expanded(g, of)
		if err != nil && first == nil {
			first = err
		}
		for i, a := range made {
			switch {
			case sourceKey(g, kindExternalArtifact, a.Namespace, a.Name) != key:
			case found != nil:
				return nil, r.plan.Errorf(o, at, "%s is made by %s and by %s: keep one", key, by, g)
			default:
				found, by, spec = &made[i], g, of
			}
		}
	}
	if found == nil && first != nil {
		return nil, first
	}
	if found == nil {
		return nil, r.plan.Errorf(o, at,
			"no ArtifactGenerator in what the cluster's folder renders to makes the %s, and Drover sees no other: add the "+
				"generator, or name a GitRepository or an OCIRepository", key)
	}
	if by.Err != "" {
		return nil, errors.New(by.Err)
	}
	if by.Clash != "" {
		return nil, r.plan.Errorf(by, "", "it is declared in %s as well, and otherwise: keep one", by.Clash)
	}
	if err := r.plan.Weigh(judged, by, &r.plan.Cluster.Notes); err != nil {
		return nil, err
	}
	return r.within(by, key, func() (*model.Source, error) { return r.generated(by, spec, *found, key) })
}

// within resolves a composed source, unless it is being resolved already.
func (r *sources) within(o *planning.Object, key string, make func() (*model.Source, error)) (*model.Source, error) {
	if slices.Contains(r.way, key) || len(r.way) >= planning.MaxDepth {
		return nil, r.plan.Errorf(o, "",
			"sources are made of each other more than %d deep or in a circle (%s → %s): take one "+
				"out", planning.MaxDepth, strings.Join(r.way, " → "), key)
	}
	r.way = append(r.way, key)
	defer func() { r.way = r.way[:len(r.way)-1] }()
	out, err := make()
	if err == nil && copies(*out) > maxCopies {
		what := key
		if key == o.Key() { // which the message names already
			what = "it"
		}
		return nil, r.plan.Errorf(o, "", "%s is made of more than %d copies: name folders instead of files", what, maxCopies)
	}
	return out, err
}

// copies counts those that a source is made of.
func copies(s model.Source) int {
	n := len(s.Copies)
	for _, c := range s.Copies {
		n += copies(c.From)
	}
	return n
}

// expanded are the artifacts that a generator makes.
func (r *sources) expanded(g *planning.Object, spec artifactGenerator) ([]artifacts.Artifact, error) {
	if spec.PathPattern == "" {
		return spec.Artifacts, nil
	}
	pattern, err := artifacts.ParsePattern(spec.PathPattern)
	if err != nil {
		return nil, r.plan.Errorf(g, "spec.pathPattern", "%v", err)
	}
	source, err := r.aliased(g, spec, pattern.Alias)
	if err != nil {
		return nil, err
	}
	tree := r.plan.Readable(g)
	if source.Kind != model.SourceFollowed {
		if tree, err = r.plan.TreeFor(g, *source); err != nil {
			return nil, err
		}
	}
	made, err := pattern.Expand(tree, spec.Artifacts)
	if err != nil {
		return nil, r.plan.Errorf(g, "spec.pathPattern", "%v", err)
	}
	return made, nil
}

// generated reads an artifact of a generator.
func (r *sources) generated(g *planning.Object, spec artifactGenerator, a artifacts.Artifact,
	key string) (*model.Source, error) {
	sources := map[string]model.Source{}
	out := &model.Source{Kind: model.SourceComposed, URL: key}
	for _, c := range a.Copy {
		alias, name, to, err := c.Paths()
		if err != nil {
			return nil, r.plan.Errorf(g, "spec.artifacts", "%s: %v", a.Name, err)
		}
		if _, ok := sources[alias]; !ok {
			source, err := r.aliased(g, spec, alias)
			if err != nil {
				return nil, err
			}
			sources[alias] = *source
		}
		out.Copies = append(out.Copies, model.Copy{From: sources[alias], Path: name, To: to, Exclude: c.Exclude,
			Strategy: c.Strategy, Optional: c.Optional})
	}
	return out, nil
}

// aliased is the source that a generator knows by a name.
func (r *sources) aliased(g *planning.Object, spec artifactGenerator, alias string) (*model.Source, error) {
	for i, s := range spec.Sources {
		if s.Alias == alias {
			return r.source(g, fmt.Sprintf("spec.sources[%d]", i), s.sourceRef)
		}
	}
	return nil, r.plan.Errorf(g, "spec.sources", "there is no source with the alias %q: add it", alias)
}

// including is a GitRepository with what it includes of others. What is left out of all that its rules say.
func (r *sources) including(s *planning.Object, g gitRepository, base *model.Source, err error) (*model.Source, error) {
	if err != nil || len(g.Include) == 0 {
		return base, err
	}
	return r.within(s, s.Key(), func() (*model.Source, error) {
		out := &model.Source{Kind: model.SourceComposed, URL: s.Key(), SourceIgnore: true, Ignore: g.Ignore,
			Copies: []model.Copy{{From: *base, Path: ".", To: ".", Strategy: model.CopyInclude}}}
		for i, in := range g.Include {
			from, err := r.source(s, fmt.Sprintf("spec.include[%d].repository", i),
				sourceRef{Kind: kindGitRepository, Name: in.Repository.Name})
			if err != nil {
				return nil, err
			}
			to := in.ToPath
			if to == "" {
				to = in.Repository.Name
			}
			if to = planning.Cleaned(to); to == "." {
				return nil, r.plan.Errorf(s, fmt.Sprintf("spec.include[%d].toPath", i),
					"it is the root, which is there already: name a folder")
			}
			out.Copies = append(out.Copies, model.Copy{From: *from, Path: planning.Cleaned(in.FromPath), To: to,
				Strategy: model.CopyInclude})
		}
		return out, nil
	})
}

// takeSource has a Kustomization's app come from a source. The cluster's own folder is read where it stands: it is
// known before any source is.
func takeSource(p *planning.Plan, o *planning.Object, s *model.Source, app *model.App) {
	if app.Path != p.Folder || s == nil || s.Kind != model.SourceComposed && s.Kind != model.SourceFollowed {
		from(s, &app.Part)
		return
	}
	if s.Kind == model.SourceComposed {
		if s.Copies[0].From.Kind != model.SourceFollowed || s.Copies[0].Strategy != model.CopyInclude {
			from(s, &app.Part)
			return
		}
		app.Notes = append(app.Notes, p.Note(o, "spec.sourceRef",
			"the cluster's own folder is delivered as it stands in this repository: what its GitRepository includes is not "+
				"seen in it"))
	}
	noteHidden(p, o, s.Ignore, app)
}

// noteHidden names rules that may hide something of the cluster's own folder from Flux.
func noteHidden(p *planning.Plan, o *planning.Object, rules string, app *model.App) {
	_, err := p.Tree.Stat(".sourceignore")
	if rules == "" && err != nil {
		return
	}
	app.Notes = append(app.Notes, p.Note(o, "spec.sourceRef",
		"manifests in the cluster's own folder that .sourceignore or spec.ignore of the GitRepository hide from Flux are "+
			"delivered: take them out of the folder"))
}
