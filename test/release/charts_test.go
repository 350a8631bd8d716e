package release

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"helm.sh/helm/v4/pkg/chart/v2/loader"
)

// TestChartsArePackedAsHelmReadsThem, with the version of the release, and the same bytes each time.
func TestChartsArePackedAsHelmReadsThem(t *testing.T) {
	t.Parallel()
	r := Release{Root: repository, Version: "v0.9.0-rc.1", Date: time.Unix(1e9, 0)}
	files, err := r.charts()
	if err != nil {
		t.Fatal(err)
	}
	again, err := r.charts()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for i, f := range files {
		names = append(names, f.Name)
		if !bytes.Equal(f.Data, again[i].Data) {
			t.Errorf("%s: two packages differ", f.Name)
		}
		chart, err := loader.LoadArchive(bytes.NewReader(f.Data))
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		if err := chart.Validate(); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
		m := chart.Metadata
		if m.Version != "0.9.0-rc.1" || m.AppVersion != m.Version || !strings.HasPrefix(f.Name, m.Name+"-"+m.Version) {
			t.Errorf("%s is %s %s of %s", f.Name, m.Name, m.Version, m.AppVersion)
		}
		if len(chart.Templates) < 2 || chart.Schema == nil || len(chart.Values) == 0 {
			t.Errorf("%s has %d templates, a schema of %d bytes and %d values", f.Name, len(chart.Templates),
				len(chart.Schema), len(chart.Values))
		}
	}
	if got := strings.Join(names, " "); got != "drover-agent-0.9.0-rc.1.tgz drover-hub-0.9.0-rc.1.tgz" {
		t.Errorf("packed are %s", got)
	}
}
