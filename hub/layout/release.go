package layout

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/drover-dev/drover/fleet"
)

// helmRelease is what Drover takes from the spec of a HelmRelease (helm.toolkit.fluxcd.io).
type helmRelease struct {
	Chart              *struct{ Spec chartSpec }
	ChartRef           *sourceRef
	ReleaseName        string
	TargetNamespace    string
	ServiceAccountName string
	DependsOn          []dependency
	Suspend            bool
	Timeout            string
	Values             json.RawMessage
	ValuesFrom         []valuesFrom
	CommonMetadata     fleet.Metadata
	HealthCheckExprs   []healthCheck
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
	app.Handling.ServiceAccount = o.account(h.ServiceAccountName)
	app.Chart = &fleet.Chart{Release: h.release(o)}
	if app.Namespace = h.TargetNamespace; app.Namespace == "" {
		app.Namespace = o.namespace
	}
	errs := []error{p.depends(o, h.DependsOn, app), p.checks(o, h.HealthCheckExprs, app), p.weigh(o, &app.Notes), p.releaseChart(o, h, app), p.releaseValues(o, h, app.Chart), p.releaseHandling(o, h.releaseHandling, app)}
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

// ownChart takes a chart that is a folder of this repository.
func (p *planner) ownChart(o *fluxObject, at string, spec chartSpec, app *fleet.App) error {
	_, err := p.tree.Stat(app.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return p.errorf(o, at+".chart", "%q does not exist at this revision: paths are seen from the repository's root", spec.Chart)
	case err != nil:
		return p.errorf(o, at+".chart", "%q cannot be read: %v", spec.Chart, err)
	}
	for i, file := range spec.ValuesFiles {
		if _, err := p.tree.Stat(cleaned(file)); err != nil && (!spec.IgnoreMissingValuesFiles || !errors.Is(err, fs.ErrNotExist)) {
			return p.errorf(o, fmt.Sprintf("%s.valuesFiles[%d]", at, i), "%q cannot be read at this revision: paths are seen from the repository's root", file)
		}
	}
	p.valuesFiles(spec, app)
	return nil
}

// releaseValues takes spec.valuesFrom, and spec.values, which take precedence.
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
