package hub_test

import (
	"bytes"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content/memory"
	"oras.land/oras-go/v2/registry/remote"
)

// chartArtifact pushes a version of a chart as `helm push` does, and gives the digest of its manifest.
func (e *elsewhere) chartArtifact(name, version string, files map[string]string) digest.Digest {
	e.t.Helper()
	ctx := e.t.Context()
	files = maps.Clone(files)
	files["Chart.yaml"] = fmt.Sprintf("apiVersion: v2\nname: %s\nversion: %s\n", name, version)
	store := memory.New()
	push := func(mediaType string, data []byte) ocispec.Descriptor {
		d := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(data), Size: int64(len(data))}
		must(0, store.Push(ctx, d, bytes.NewReader(data)))
		return d
	}
	config := push("application/vnd.cncf.helm.config.v1+json", fmt.Appendf(nil, `{"apiVersion":"v2","name":%q,"version":%q}`, name, version))
	layer := push("application/vnd.cncf.helm.chart.content.v1.tar+gzip", archive(name+"/", files))
	manifest := must(oras.PackManifest(ctx, store, oras.PackManifestVersion1_1, "", oras.PackManifestOptions{ConfigDescriptor: &config, Layers: []ocispec.Descriptor{layer}}))
	must(0, store.Tag(ctx, manifest, version))
	to := must(remote.NewRepository(strings.TrimPrefix(e.URL, "http://") + "/charts/" + name))
	to.PlainHTTP = true
	must(oras.Copy(ctx, store, version, to, version, oras.DefaultCopyOptions))
	return manifest.Digest
}

// TestChartsInRegistries: a HelmRelease whose chartRef is an OCIRepository, and one of a HelmRepository of
// type oci, rendered.
func TestChartsInRegistries(t *testing.T) {
	t.Parallel()
	e := newElsewhere(t)
	first := e.chartArtifact("web", "1.0.0", webChartFiles("v1.0.0"))
	e.chartArtifact("web", "1.1.0", webChartFiles("v1.1.0"))
	e.chartArtifact("web", "2.0.0", webChartFiles("v2.0.0"))
	place := "oci://" + strings.TrimPrefix(e.URL, "http://") + "/charts"
	byRef := func(ref string) string {
		return helmRelease("web", "flux-system", "  chartRef: {kind: OCIRepository, name: web}\n  values: {replicas: 3}\n") +
			fluxSource("OCIRepository", "web", "  insecure: true\n  url: "+place+"/web\n  layerSelector: {mediaType: application/vnd.cncf.helm.chart.content.v1.tar+gzip, operation: copy}\n"+ref)
	}
	published := func(chart string) string {
		return helmRelease("web", "flux-system", "  chart: {spec: {"+chart+", sourceRef: {kind: HelmRepository, name: charts}}}\n  values: {replicas: 3}\n") +
			fluxSource("HelmRepository", "charts", "  type: oci\n  insecure: true\n  url: "+place+"\n")
	}
	for _, c := range []struct{ name, tree, want string }{
		{"chartRef by tag", byRef("  ref: {tag: 1.0.0}\n"), webConfig("web", "3", "none", "v1.0.0")},
		{"chartRef by range", byRef("  ref: {semver: 1.x}\n"), webConfig("web", "3", "none", "v1.1.0")},
		{"chartRef by digest", byRef("  ref: {digest: '" + first.String() + "'}\n"), webConfig("web", "3", "none", "v1.0.0")},
		{"chartRef to a tag that is not there", byRef("  ref: {tag: 9.0.0}\n"), "ERR "},
		{"a HelmRepository, its newest", published("chart: web"), webConfig("web", "3", "none", "v2.0.0")},
		{"a HelmRepository, a version", published("chart: web, version: 1.0.0"), webConfig("web", "3", "none", "v1.0.0")},
		{"a HelmRepository, a range", published("chart: web, version: 1.x"), webConfig("web", "3", "none", "v1.1.0")},
		{"a HelmRepository, other values of the chart", published("chart: web, version: 1.x, valuesFiles: [more.yaml]"), webConfig("web", "3", "more", "v1.1.0")},
		{"a HelmRepository without the chart", published("chart: nope"), "ERR "},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := foreignScene(t, e, c.tree)
			if got := b.summary(b.resolve("staging")); !strings.Contains(got, c.want) || strings.Contains(got, "ERR") != (c.want == "ERR ") {
				t.Errorf("got:\n%s\nwant in it:\n%s", got, c.want)
			}
		})
	}
}
