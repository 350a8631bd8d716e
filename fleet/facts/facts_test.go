package facts

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func lines(objects ...string) (out [][]byte) {
	for _, o := range objects {
		out = append(out, []byte(o))
	}
	return out
}

// TestFactsAreFoundInWhateverIsDelivered: in workloads of Kubernetes, in those of others, and not in what only looks
// like them.
func TestFactsAreFoundInWhateverIsDelivered(t *testing.T) {
	t.Parallel()
	f := Of(lines(
		`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"labels":{"helm.sh/chart":"web-1.2.3"}},`+
			`"spec":{"template":{"spec":{`+
			`"initContainers":[{"name":"i","image":"busybox"}],"containers":[{"name":"c","image":"nginx:1"},{"name":"d",`+
			`"image":"nginx:1"}]}}}}`,
		`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{},`+
			`"spec":{"template":{"spec":{"containers":[{"image":"nginx:2"}]}}}}`,
		`{"apiVersion":"batch/v1","kind":"CronJob",`+
			`"spec":{"jobTemplate":{"spec":{"template":{"spec":{"containers":[{"image":"cron"}]}}}}}}`,
		`{"apiVersion":"argoproj.io/v1alpha1","kind":"Workflow","spec":{"templates":[{"containers":[{"image":"step"}]}]}}`,
		`{"apiVersion":"v1","kind":"ConfigMap","data":{"containers":"[{\"image\":\"no\"}]"}}`,
		`{"apiVersion":"x/v1","kind":"Odd","spec":{"containers":"image","image":"no","initContainers":[{"image":5},`+
			`"image"]}}`,
		`not JSON`, `[]`, `{"apiVersion":"v1"}`,
	))
	want := Facts{
		Images: []string{"busybox", "cron", "nginx:1", "nginx:2", "step"},
		Charts: []Chart{{"web", "1.2.3"}},
		Kinds: []Kind{{"apps/v1", "Deployment", 2}, {"argoproj.io/v1alpha1", "Workflow", 1}, {"batch/v1", "CronJob", 1},
			{"v1", "ConfigMap", 1}, {"x/v1", "Odd", 1}},
	}
	if !reflect.DeepEqual(f, want) {
		t.Errorf("got  %+v\nwant %+v", f, want)
	}
}

// TestFactsAreBounded, whatever stands in a repository.
func TestFactsAreBounded(t *testing.T) {
	t.Parallel()
	var objects []string
	for i := range Max + 7 {
		objects = append(objects, fmt.Sprintf(`{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"image":"i%d"}]}}`, i))
	}
	long := strings.Repeat("x", MaxText+1)
	objects = append(objects, fmt.Sprintf(`{"apiVersion":"v1","kind":"Pod","metadata":{"labels":{"helm.sh/chart":%q}},`+
		`"spec":{"containers":[{"image":%[1]q}]}}`, long), fmt.Sprintf(`{"apiVersion":"v1","kind":%q}`, long))
	deep := strings.Repeat(`{"a":`, 50) + `{"containers":[{"image":"deep"}]}` + strings.Repeat("}", 50)
	objects = append(objects, `{"apiVersion":"v1","kind":"Deep","spec":`+deep+`}`)
	f := Of(lines(objects...))
	if len(f.Images) != Max || f.More != 7 || len(f.Charts) != 0 || len(f.Kinds) != 2 {
		t.Errorf("%d images, %d more, charts %v, kinds %v", len(f.Images), f.More, f.Charts, f.Kinds)
	}
}

func TestChartsAreReadFromTheirLabel(t *testing.T) {
	t.Parallel()
	for label, want := range map[string]Chart{
		"ingress-nginx-4.10.1":        {"ingress-nginx", "4.10.1"},
		"cert-manager-v1.15.0":        {"cert-manager", "v1.15.0"},
		"k8s-2-tools-1.0.0-rc.1":      {"k8s-2-tools", "1.0.0-rc.1"},
		"web-0.1.0-3-gabc_build.5":    {"web", "0.1.0-3-gabc+build.5"},
		"plain":                       {"plain", ""},
		"a-b":                         {"a-b", ""},
		"-1.0.0":                      {"-1.0.0", ""},
		"trailing-":                   {"trailing-", ""},
		"kube-prometheus-stack-61.3.": {"kube-prometheus-stack", "61.3."},
	} {
		if got := ChartOf(label); got != want {
			t.Errorf("%s: %+v, want %+v", label, got, want)
		}
	}
}

// TestVersionsAreOrderedAsSemanticVersions: the example of semver.org, and what people write instead.
func TestVersionsAreOrderedAsSemanticVersions(t *testing.T) {
	t.Parallel()
	order := []string{"", "latest", "0.9.9", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta",
		"1.0.0-beta.2",
		"1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "v1.0.1", "1.2", "1.10.0", "2", "10.0.0", "99999999999999999999.0.0"}
	shuffled := slices.Clone(order)
	slices.Reverse(shuffled)
	slices.SortFunc(shuffled, CompareVersions)
	if !slices.Equal(shuffled, order) {
		t.Errorf("got  %q\nwant %q", shuffled, order)
	}
	for _, same := range [][2]string{{"1.0.0", "v1.0.0"}, {"1", "1.0.0"}, {"1.0.0+a", "1.0.0+b"}, {"01.2", "1.2"}} {
		if CompareVersions(same[0], same[1]) != 0 {
			t.Errorf("%s and %s differ", same[0], same[1])
		}
	}
	if IsVersion("latest") || IsVersion("") || IsVersion("v") || !IsVersion("v1") || !IsVersion("1.2-x") {
		t.Error("what a version is")
	}
}

func TestImagesAreMatchedAsPeopleNameThem(t *testing.T) {
	t.Parallel()
	const digest = "sha256:4f1c8a2d3b4c5d6e7f80"
	for _, c := range []struct {
		asked, image string
		want         bool
	}{
		{"", "anything:1", true},
		{"nginx", "nginx", true}, {"nginx", "nginx:1.27", true}, {"nginx", "docker.io/library/nginx:1", true},
		{"nginx", "index.docker.io/nginx", true},
		{"nginx", "quay.io/acme/nginx:1", true}, {"nginx", "my-nginx:1", false}, {"nginx", "nginx-exporter", false},
		{"docker.io/library/nginx", "nginx", true}, {"acme/nginx", "acme/nginx", true},
		{"acme/nginx", "docker.io/acme/nginx:2", true}, {"acme/nginx", "x/acme/nginx", true},
		{"nginx:1.27", "nginx:1.27", true}, {"nginx:1.27", "nginx:1.26", false}, {"nginx:latest", "nginx", true},
		{"nginx:latest", "nginx@" + digest, false},
		{"localhost:5000/web", "localhost:5000/web:1", true}, {"localhost:5000/web", "web:1", false},
		{":1.27", "nginx:1.27", true}, {":1.27", "nginx", false},
		{"@" + digest, "nginx@" + digest, true}, {"@4f1c8a2", "nginx:1@" + digest, true},
		{"nginx@sha256:4f1c8a2", "nginx@" + digest, true}, {"@4f1c8a3", "nginx@" + digest, false}, {"@4f1c8a2", "nginx",
			false},
	} {
		m, err := ParseImageMatch(c.asked)
		if err != nil || m.Matches(c.image) != c.want {
			t.Errorf("%q matches %q: %t, want %t (%v)", c.asked, c.image, !c.want, c.want, err)
		}
	}
	for _, wrong := range []string{"a b", "nginx:", "nginx@", "@abc", strings.Repeat("x", MaxText+1)} {
		if _, err := ParseImageMatch(wrong); err == nil || !strings.Contains(err.Error(), "write NAME") {
			t.Errorf("%.20q: %v", wrong, err)
		}
	}
}

// FuzzOf: whatever stands in a repository is read without a crash, within the bounds.
func FuzzOf(f *testing.F) {
	f.Add([]byte(`{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"image":"a"}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, image := range Of([][]byte{data}).Images {
			if m, err := ParseImageMatch(ImageOf(image).Name); err == nil && !m.Matches(image) {
				t.Errorf("%q is not found by its name %q", image, ImageOf(image).Name)
			}
		}
		c := ChartOf(string(data))
		if CompareVersions(c.Version, c.Version) != 0 {
			t.Errorf("%q is not equal to itself", c.Version)
		}
	})
}
