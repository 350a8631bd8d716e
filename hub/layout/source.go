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
func (p *planner) source(o *fluxObject, at string, ref sourceRef) (*fleet.Source, error) {
	key := o.sourceKey(ref.Kind, ref.Namespace, ref.Name)
	s := p.byKey[key]
	switch {
	case ref.Kind == kindExternalArtifact:
		return p.artifact(o, at, key)
	case ref.Kind != kindGitRepository && ref.Kind != kindOCIRepository:
		return nil, p.errorf(o, at, "a source of kind %q is not supported: use a GitRepository, an OCIRepository or an ExternalArtifact", ref.Kind)
	case s == nil && key == objectKey(kindGitRepository, fluxNamespace, fluxNamespace):
		p.noteOnce(fleet.Note{Object: key, Text: "it is not in the cluster's folder: it is taken to be this repository, as `flux bootstrap` makes it"})
		return &fleet.Source{Kind: fleet.SourceFollowed}, nil
	}
	if err := p.declared(o, at, s, key); err != nil {
		return nil, err
	}
	if ref.Kind == kindOCIRepository {
		return p.ociSource(s)
	}
	return p.gitSource(s)
}

// declared says what is wrong with a source that an object names, if it is not there.
func (p *planner) declared(o *fluxObject, at string, s *fluxObject, key string) error {
	switch {
	case s == nil:
		return p.errorf(o, at, "there is no %s in what the cluster's folder renders to: add it, or name one that is there", key)
	case s.Err != "":
		return errors.New(s.Err)
	case s.clash != "":
		return p.errorf(s, "", "it is declared in %s as well, and otherwise: keep one", s.clash)
	}
	return nil
}

// gitSource reads a GitRepository. What is followed is chosen as source-controller does: commit before name before
// semver before tag before branch.
func (p *planner) gitSource(s *fluxObject) (*fleet.Source, error) {
	var g gitRepository
	if err := s.decode(&g); err != nil {
		return nil, p.errorf(s, "spec", "%v", err)
	}
	own := slices.ContainsFunc(p.known, func(known string) bool { return sameRepository(known, g.URL) })
	if branch := g.branch(); own && !g.pinned() && (branch == "" || p.branch == "" || branch == p.branch) {
		return p.including(s, g, &fleet.Source{Kind: fleet.SourceFollowed, Ignore: g.Ignore}, p.weigh(s, &p.cluster.Notes))
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
	out, err := p.finish(s, out, g.Interval)
	return p.including(s, g, out, err)
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
func (p *planner) ociSource(s *fluxObject) (*fleet.Source, error) {
	var r ociRepository
	if err := s.decode(&r); err != nil {
		return nil, p.errorf(s, "spec", "%v", err)
	}
	out := &fleet.Source{Kind: fleet.SourceOCI, URL: r.URL, MediaType: r.LayerSelector.MediaType, Ignore: r.Ignore,
		SourceIgnore: r.LayerSelector.Operation != "copy", Credentials: r.SecretRef.Name, PlainHTTP: r.Insecure}
	r.at(out)
	return p.finish(s, out, r.Interval)
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
func (p *planner) finish(s *fluxObject, out *fleet.Source, interval string) (*fleet.Source, error) {
	errs := []error{p.weigh(s, &p.cluster.Notes)}
	if err := checkAddress(out.URL); err != nil {
		errs = append(errs, p.errorf(s, "spec.url", "%v", err))
	}
	if interval != "" {
		d, err := time.ParseDuration(interval)
		if err != nil || d <= 0 {
			errs = append(errs, p.errorf(s, "spec.interval", "%q is no duration: write one such as 90s or 5m", interval))
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
func (p *planner) releaseChart(o *fluxObject, h helmRelease, app *fleet.App) error {
	switch {
	case h.Chart != nil:
		return p.chartOf(o, "spec.chart.spec", h.Chart.Spec, app)
	case h.ChartRef == nil:
		return p.errorf(o, "spec.chart", "there is none: name a chart under spec.chart or spec.chartRef")
	}
	ref := *h.ChartRef
	key := o.sourceKey(ref.Kind, ref.Namespace, ref.Name)
	s := p.byKey[key]
	switch ref.Kind {
	case kindHelmChart, kindOCIRepository:
	case kindExternalArtifact:
		var err error
		if app.Source, err = p.artifact(o, "spec.chartRef", key); err == nil {
			app.Path, app.Source.Folder = ".", fleet.OnlyFolder
		}
		return err
	default:
		return p.errorf(o, "spec.chartRef", "a chart of kind %q is not supported: name an OCIRepository, a HelmChart or an ExternalArtifact", ref.Kind)
	}
	if err := p.declared(o, "spec.chartRef", s, key); err != nil {
		return err
	}
	if ref.Kind == kindHelmChart {
		var spec chartSpec
		if err := s.decode(&spec); err != nil {
			return p.errorf(s, "spec", "%v", err)
		}
		return errors.Join(p.weigh(s, &p.cluster.Notes), p.chartOf(s, "spec", spec, app))
	}
	var r ociRepository
	if err := s.decode(&r); err != nil {
		return p.errorf(s, "spec", "%v", err)
	}
	app.Path = "."
	app.Source = &fleet.Source{Kind: fleet.SourceHelm, URL: r.URL, Credentials: r.SecretRef.Name, PlainHTTP: r.Insecure}
	r.at(app.Source)
	_, err := p.finish(s, app.Source, r.Interval)
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
func (p *planner) chartOf(o *fluxObject, at string, spec chartSpec, app *fleet.App) error {
	if spec.SourceRef.Kind == kindHelmRepository {
		if err := p.publishedChart(o, at, spec, app); err != nil {
			return err
		}
		for _, file := range spec.ValuesFiles {
			app.Chart.NoDefaults = true
			app.Chart.Values = append(app.Chart.Values, fleet.Values{Path: cleaned(file), Source: app.Source, Optional: spec.IgnoreMissingValuesFiles})
		}
		return nil
	}
	source, err := p.source(o, at+".sourceRef", spec.SourceRef)
	if err != nil {
		return err
	}
	from(source, &app.Part)
	app.Path = cleaned(spec.Chart)
	if app.Source == nil {
		return p.ownChart(o, at, spec, app)
	}
	p.valuesFiles(spec, app)
	return nil
}

// valuesFiles takes the files of a chart's repository that stand for its own values.yaml.
func (p *planner) valuesFiles(spec chartSpec, app *fleet.App) {
	for i, file := range spec.ValuesFiles {
		if name := cleaned(file); i > 0 || name != app.Path+"/values.yaml" { // else it is read in any case
			app.Chart.NoDefaults = app.Chart.NoDefaults || i == 0
			app.Chart.Values = append(app.Chart.Values, fleet.Values{Path: name, Source: app.Source, Optional: spec.IgnoreMissingValuesFiles})
		}
	}
}

// publishedChart takes a chart of a HelmRepository.
func (p *planner) publishedChart(o *fluxObject, at string, spec chartSpec, app *fleet.App) error {
	key := o.sourceKey(kindHelmRepository, spec.SourceRef.Namespace, spec.SourceRef.Name)
	s := p.byKey[key]
	if err := p.declared(o, at+".sourceRef", s, key); err != nil {
		return err
	}
	var r helmRepository
	if err := s.decode(&r); err != nil {
		return p.errorf(s, "spec", "%v", err)
	}
	if spec.Chart == "" {
		return p.errorf(o, at+".chart", "it is empty: name a chart of the repository")
	}
	version := spec.Version
	if version == "*" {
		version = ""
	}
	if spec.Interval != "" {
		r.Interval = spec.Interval
	}
	app.Path = "."
	app.Source = &fleet.Source{Kind: fleet.SourceHelm, URL: r.URL, Chart: spec.Chart, SemVer: version, Credentials: r.SecretRef.Name, PlainHTTP: r.Insecure}
	_, err := p.finish(s, app.Source, r.Interval)
	return err
}
