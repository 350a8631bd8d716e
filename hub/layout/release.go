package layout

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/drover-dev/drover/fleet"
)

// helmRelease is what Drover takes from the spec of a HelmRelease (helm.toolkit.fluxcd.io).
type helmRelease struct {
	Chart *struct {
		Spec struct {
			Chart                    string
			SourceRef                struct{ Kind, Name, Namespace string }
			ValuesFiles              []string
			IgnoreMissingValuesFiles bool
		}
	}
	ReleaseName     string
	TargetNamespace string
	DependsOn       []struct{ Name, Namespace string }
	Suspend         bool
	Timeout         string
	Values          json.RawMessage
	ValuesFrom      []valuesFrom
	CommonMetadata  fleet.Metadata
	releaseHandling
}

type valuesFrom struct {
	Kind, Name, ValuesKey, TargetPath string
	Optional, Literal                 bool
}

// helmRelease reads a HelmRelease of Flux.
func (p *planner) helmRelease(o *fluxObject, app *fleet.App) error {
	var h helmRelease
	if err := o.decode(&h); err != nil {
		return p.errorf(o, "spec", "%v", err)
	}
	app.Prune, app.Suspend, app.Metadata = true, h.Suspend, h.CommonMetadata
	app.Chart = &fleet.Chart{Release: h.release(o)}
	if app.Namespace = h.TargetNamespace; app.Namespace == "" {
		app.Namespace = o.namespace
	}
	for _, d := range h.DependsOn {
		app.DependsOn = append(app.DependsOn, p.nameOf(o, d.Namespace, d.Name))
	}
	errs := []error{p.weigh(o, &app.Notes), p.releaseChart(o, h, app), p.releaseValues(o, h, app.Chart), p.releaseHandling(o, h.releaseHandling, app)}
	if h.Timeout != "" {
		d, err := time.ParseDuration(h.Timeout)
		if err != nil || d <= 0 {
			errs = append(errs, p.errorf(o, "spec.timeout", "%q is no duration: write one such as 90s or 5m", h.Timeout))
		}
		app.Timeout = d
	}
	return errors.Join(errs...)
}

// maxRelease is how long the name of a release may be.
const maxRelease = 53

// release is the name that Flux gives (helm-controller: HelmRelease.GetReleaseName and release.ShortenName).
func (h helmRelease) release(o *fluxObject) string {
	name := h.ReleaseName
	switch {
	case name != "":
	case h.TargetNamespace != "":
		name = h.TargetNamespace + "-" + o.name
	default:
		name = o.name
	}
	if len(name) <= maxRelease {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return name[:maxRelease-13] + "-" + hex.EncodeToString(sum[:6])
}

// releaseChart takes the chart of a HelmRelease, which is to be a folder of this repository.
func (p *planner) releaseChart(o *fluxObject, h helmRelease, app *fleet.App) error {
	const vendored = "put the chart into this repository (`helm pull --untar`), and name it with a GitRepository as its source"
	if h.Chart == nil {
		return p.errorf(o, "spec.chart", "only charts of this repository are supported yet, and this names none: %s", vendored)
	}
	spec := h.Chart.Spec
	if spec.SourceRef.Kind != kindGitRepository {
		return p.errorf(o, "spec.chart.spec.sourceRef", "a chart from a source of kind %q is not supported yet: %s", spec.SourceRef.Kind, vendored)
	}
	if err := p.source(o, "spec.chart.spec.sourceRef", spec.SourceRef.Kind, spec.SourceRef.Namespace, spec.SourceRef.Name); err != nil {
		return err
	}
	app.Path = cleaned(spec.Chart)
	info, err := p.tree.Stat(app.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return p.errorf(o, "spec.chart.spec.chart", "%q does not exist at this revision: paths are seen from the repository's root", spec.Chart)
	case err != nil:
		return p.errorf(o, "spec.chart.spec.chart", "%q cannot be read: %v", spec.Chart, err)
	}
	own := path.Join(app.Path, "values.yaml")
	for i, file := range spec.ValuesFiles {
		at := fmt.Sprintf("spec.chart.spec.valuesFiles[%d]", i)
		switch name := cleaned(file); {
		case i == 0 && (name != own || !info.IsDir()):
			return p.errorf(o, at, "with valuesFiles Flux leaves out the chart's own values.yaml, which is not supported: name %s first", own)
		case i == 0: // it is read in any case
		default:
			_, err := p.tree.Stat(name)
			if errors.Is(err, fs.ErrNotExist) && spec.IgnoreMissingValuesFiles {
				continue
			}
			if err != nil {
				return p.errorf(o, at, "%q cannot be read at this revision: paths are seen from the repository's root", file)
			}
			app.Chart.Values = append(app.Chart.Values, fleet.Values{Path: name})
		}
	}
	return nil
}

// releaseValues takes spec.valuesFrom, and spec.values, which go before them.
func (p *planner) releaseValues(o *fluxObject, h helmRelease, c *fleet.Chart) error {
	for i, ref := range h.ValuesFrom {
		value, err := p.releaseValue(o, i, ref)
		if err != nil {
			return err
		}
		c.Values = append(c.Values, value)
	}
	if text := strings.TrimSpace(string(h.Values)); text != "" && text != "null" {
		c.Values = append(c.Values, fleet.Values{Text: text, Own: true})
	}
	return nil
}
