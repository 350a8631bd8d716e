package layout

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/fleet"
)

// The kinds of sources of Flux beside GitRepository.
const (
	kindOCIRepository  = "OCIRepository"
	kindHelmRepository = "HelmRepository"
	kindHelmChart      = "HelmChart"
)

// sources resolves the sources that objects of Flux name.
type sources struct {
	plan *Plan
	way  []string // keys of the composed sources that are being resolved, each for the one before it
}

// sourceRef names a source.
type sourceRef struct{ Kind, Name, Namespace string }

// gitRepository is what Drover takes from the spec of a GitRepository (source.toolkit.fluxcd.io).
type gitRepository struct {
	URL       string
	Ref       struct{ Branch, Tag, SemVer, Name, Commit string }
	Interval  string
	SecretRef struct{ Name string }
	Ignore    string
	Include   []include
}

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
	return g.Ref.Tag+g.Ref.SemVer+g.Ref.Commit != "" || strings.HasPrefix(g.Ref.Name, "refs/") && !strings.HasPrefix(g.Ref.Name, "refs/heads/")
}

// source gives the source that an object names at a field, of the kind fleet.SourceFollowed if that is the repository
// that the hub follows, at its revision.
func (r *sources) source(o *Object, at string, ref sourceRef) (*fleet.Source, error) {
	key := sourceKey(o, ref.Kind, ref.Namespace, ref.Name)
	s := r.plan.Object(key)
	switch {
	case ref.Kind == kindExternalArtifact:
		return r.artifact(o, at, key)
	case ref.Kind != kindGitRepository && ref.Kind != kindOCIRepository:
		return nil, r.plan.Errorf(o, at, "a source of kind %q is not supported: use a GitRepository, an OCIRepository or an ExternalArtifact", ref.Kind)
	case s == nil && key == ObjectKey(kindGitRepository, fluxNamespace, fluxNamespace):
		r.plan.NoteOnce(fleet.Note{Object: key, Text: "it is not in the cluster's folder: it is taken to be this repository, as `flux bootstrap` makes it"})
		return &fleet.Source{Kind: fleet.SourceFollowed}, nil
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
func (r *sources) declared(o *Object, at string, s *Object, key string) error {
	switch {
	case s == nil:
		return r.plan.Errorf(o, at, "there is no %s in what the cluster's folder renders to: add it, or name one that is there", key)
	case s.Err != "":
		return errors.New(s.Err)
	case s.Clash != "":
		return r.plan.Errorf(s, "", "it is declared in %s as well, and otherwise: keep one", s.Clash)
	}
	return nil
}

// gitSource reads a GitRepository. What is followed is chosen as source-controller does: commit before name before
// semver before tag before branch.
func (r *sources) gitSource(s *Object) (*fleet.Source, error) {
	var g gitRepository
	if err := s.Decode(&g); err != nil {
		return nil, r.plan.Errorf(s, "spec", "%v", err)
	}
	own := r.plan.IsRepository(g.URL)
	if branch := g.branch(); own && !g.pinned() && (branch == "" || r.plan.Branch == "" || branch == r.plan.Branch) {
		return r.including(s, g, &fleet.Source{Kind: fleet.SourceFollowed, Ignore: g.Ignore}, r.plan.Weigh(judgedFlux, s, &r.plan.Cluster.Notes))
	}
	out := &fleet.Source{Kind: fleet.SourceGit, URL: g.URL, SourceIgnore: true, Ignore: g.Ignore, Credentials: g.SecretRef.Name}
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
func from(s *fleet.Source, part *fleet.Part) {
	if s != nil && s.Kind == fleet.SourceFollowed {
		part.Hide = &fleet.Hide{Rules: s.Ignore}
		return
	}
	part.Source = s
}

// ociSource reads an OCIRepository that holds manifests.
func (r *sources) ociSource(s *Object) (*fleet.Source, error) {
	var of ociRepository
	if err := s.Decode(&of); err != nil {
		return nil, r.plan.Errorf(s, "spec", "%v", err)
	}
	out := &fleet.Source{Kind: fleet.SourceOCI, URL: of.URL, MediaType: of.LayerSelector.MediaType, Ignore: of.Ignore,
		SourceIgnore: of.LayerSelector.Operation != "copy", Credentials: of.SecretRef.Name, PlainHTTP: of.Insecure}
	of.at(out)
	return r.finish(s, out, of.Interval)
}

// at takes what of the repository is wanted, digest before semver before tag.
func (r ociRepository) at(out *fleet.Source) {
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
func (r *sources) finish(s *Object, out *fleet.Source, interval string) (*fleet.Source, error) {
	errs := []error{r.plan.Weigh(judgedFlux, s, &r.plan.Cluster.Notes)}
	if err := checkAddress(out.URL); err != nil {
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

// checkAddress refuses what no source may be at. What else is wrong with an address, fetching says.
func checkAddress(address string) error {
	scheme, rest, ok := strings.Cut(address, "://")
	host, _, _ := strings.Cut(rest, "/")
	switch {
	case address == "":
		return errors.New("it is empty: write the address")
	case ok && scheme != "ssh" && strings.Contains(host, "@"):
		return errors.New("it contains a user: give credentials by reference, `drover hub --help` says how (--credentials-dir)")
	case ok && !slices.Contains([]string{"https", "http", "ssh", "oci"}, scheme), !ok && !scpLike.MatchString(address):
		return errors.New("it is not to be fetched over a network: write an address as https://…, ssh://… or oci://…")
	}
	return nil
}

// releaseChart takes the chart of a HelmRelease: what its spec.chart says, or what spec.chartRef names.
func (r *sources) releaseChart(o *Object, h helmRelease, app *fleet.App) error {
	switch {
	case h.Chart != nil:
		return r.chartOf(o, "spec.chart.spec", h.Chart.Spec, app)
	case h.ChartRef == nil:
		return r.plan.Errorf(o, "spec.chart", "there is none: name a chart under spec.chart or spec.chartRef")
	}
	ref := *h.ChartRef
	key := sourceKey(o, ref.Kind, ref.Namespace, ref.Name)
	s := r.plan.Object(key)
	switch ref.Kind {
	case kindHelmChart, kindOCIRepository:
	case kindExternalArtifact:
		var err error
		if app.Source, err = r.artifact(o, "spec.chartRef", key); err == nil {
			app.Path, app.Source.Folder = ".", fleet.OnlyFolder
		}
		return err
	default:
		return r.plan.Errorf(o, "spec.chartRef", "a chart of kind %q is not supported: name an OCIRepository, a HelmChart or an ExternalArtifact", ref.Kind)
	}
	if err := r.declared(o, "spec.chartRef", s, key); err != nil {
		return err
	}
	if ref.Kind == kindHelmChart {
		var spec chartSpec
		if err := s.Decode(&spec); err != nil {
			return r.plan.Errorf(s, "spec", "%v", err)
		}
		return errors.Join(r.plan.Weigh(judgedFlux, s, &r.plan.Cluster.Notes), r.chartOf(s, "spec", spec, app))
	}
	var of ociRepository
	if err := s.Decode(&of); err != nil {
		return r.plan.Errorf(s, "spec", "%v", err)
	}
	app.Path = "."
	app.Source = &fleet.Source{Kind: fleet.SourceHelm, URL: of.URL, Credentials: of.SecretRef.Name, PlainHTTP: of.Insecure}
	of.at(app.Source)
	_, err := r.finish(s, app.Source, of.Interval)
	return err
}

// chartSpec is the spec of a HelmChart, and what a HelmRelease has under spec.chart.spec.
type chartSpec struct {
	Chart, Version           string
	SourceRef                sourceRef
	Interval                 string
	ValuesFiles              []string
	IgnoreMissingValuesFiles bool
}

// chartOf takes the chart that a spec, which an object has at a field, names.
func (r *sources) chartOf(o *Object, at string, spec chartSpec, app *fleet.App) error {
	if spec.SourceRef.Kind == kindHelmRepository {
		if err := r.publishedChart(o, at, spec, app); err != nil {
			return err
		}
		for _, file := range spec.ValuesFiles {
			app.Chart.NoDefaults = true
			app.Chart.Values = append(app.Chart.Values, fleet.Values{Path: Cleaned(file), Source: app.Source, Optional: spec.IgnoreMissingValuesFiles})
		}
		return nil
	}
	source, err := r.source(o, at+".sourceRef", spec.SourceRef)
	if err != nil {
		return err
	}
	from(source, &app.Part)
	app.Path = Cleaned(spec.Chart)
	if app.Source == nil {
		return r.ownChart(o, at, spec, app)
	}
	valuesFiles(spec, app)
	return nil
}

// valuesFiles takes the files of a chart's repository that stand for its own values.yaml.
func valuesFiles(spec chartSpec, app *fleet.App) {
	for i, file := range spec.ValuesFiles {
		if name := Cleaned(file); i > 0 || name != app.Path+"/values.yaml" { // else it is read in any case
			app.Chart.NoDefaults = app.Chart.NoDefaults || i == 0
			app.Chart.Values = append(app.Chart.Values, fleet.Values{Path: name, Source: app.Source, Optional: spec.IgnoreMissingValuesFiles})
		}
	}
}

// publishedChart takes a chart of a HelmRepository.
func (r *sources) publishedChart(o *Object, at string, spec chartSpec, app *fleet.App) error {
	key := sourceKey(o, kindHelmRepository, spec.SourceRef.Namespace, spec.SourceRef.Name)
	s := r.plan.Object(key)
	if err := r.declared(o, at+".sourceRef", s, key); err != nil {
		return err
	}
	var of helmRepository
	if err := s.Decode(&of); err != nil {
		return r.plan.Errorf(s, "spec", "%v", err)
	}
	if spec.Chart == "" {
		return r.plan.Errorf(o, at+".chart", "it is empty: name a chart of the repository")
	}
	version := spec.Version
	if version == "*" {
		version = ""
	}
	if spec.Interval != "" {
		of.Interval = spec.Interval
	}
	app.Path = "."
	app.Source = &fleet.Source{Kind: fleet.SourceHelm, URL: of.URL, Chart: spec.Chart, SemVer: version, Credentials: of.SecretRef.Name, PlainHTTP: of.Insecure}
	_, err := r.finish(s, app.Source, of.Interval)
	return err
}
