package flux

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/drover-dev/drover/hub/layout/cel"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
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
	CommonMetadata     model.Metadata
	HealthCheckExprs   []cel.HealthCheck
	releaseHandling
}

type valuesFrom struct {
	Kind, Name, ValuesKey, TargetPath string
	Optional, Literal                 bool
}

// readHelmRelease reads a HelmRelease of Flux.
func readHelmRelease(p *planning.Plan, o *planning.Object, app *model.App) error {
	var h helmRelease
	if err := o.Decode(&h); err != nil {
		return p.Undecodable(o, err)
	}
	app.Prune, app.Suspend, app.Metadata = true, h.Suspend, h.CommonMetadata
	app.Handling.ServiceAccount = accountOf(p, o, h.ServiceAccountName)
	app.Chart = &model.Chart{Release: h.release(o)}
	if app.Namespace = h.TargetNamespace; app.Namespace == "" {
		app.Namespace = o.Namespace
	}
	errs := []error{readDependsOn(p, o, h.DependsOn, app), readHealthCheckExprs(p, o, h.HealthCheckExprs, app),
		p.Weigh(judged, o, &app.Notes), (&sources{plan: p}).releaseChart(o, h, app), readReleaseValues(p, o, h,
			app.Chart), readReleaseHandling(p, o, h.releaseHandling, app)}
	if h.Timeout != "" {
		d, err := time.ParseDuration(h.Timeout)
		if err != nil || d <= 0 {
			errs = append(errs, p.Errorf(o, "spec.timeout", "%q is no duration: write one such as 90s or 5m", h.Timeout))
		}
		app.Timeout = d
	}
	return errors.Join(errs...)
}

// maxRelease is how long the name of a release may be.
const maxRelease = 53

// release is the name that Flux gives (helm-controller: HelmRelease.GetReleaseName and release.ShortenName).
func (h helmRelease) release(o *planning.Object) string {
	name := h.ReleaseName
	switch {
	case name != "":
	case h.TargetNamespace != "":
		name = h.TargetNamespace + "-" + o.Name
	default:
		name = o.Name
	}
	if len(name) <= maxRelease {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return name[:maxRelease-13] + "-" + hex.EncodeToString(sum[:6])
}

// readReleaseValues takes spec.valuesFrom, and spec.values, which take precedence.
func readReleaseValues(p *planning.Plan, o *planning.Object, h helmRelease, c *model.Chart) error {
	for i, ref := range h.ValuesFrom {
		value, err := readReleaseValue(p, o, i, ref)
		if err != nil {
			return err
		}
		c.Values = append(c.Values, value)
	}
	if text := strings.TrimSpace(string(h.Values)); text != "" && text != "null" {
		c.Values = append(c.Values, model.Values{Text: text, Own: true})
	}
	return nil
}
