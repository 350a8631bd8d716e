package helm_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/drover-dev/drover/hub/helm"
)

const aConfigMap = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n"

// TestBombsEndInAnError: what takes memory or stack without end is the error of its chart alone.
func TestBombsEndInAnError(t *testing.T) {
	r := renderer(t)
	good := chartOf("-- templates/a.yaml --\n" + aConfigMap)
	for name, c := range map[string]struct{ files, want string }{
		"a huge slice":            {"-- templates/a.yaml --\n{{ range until 1000000000 }}{{ end }}\n", "memory"},
		"a slice beyond all":      {"-- templates/a.yaml --\n{{ range until 9000000000000000000 }}{{ end }}\n", "memory"},
		"a huge string":           {"-- templates/a.yaml --\n{{ repeat 2000000000 \"x\" }}\n", "memory"},
		"doubling":                {"-- templates/a.yaml --\n{{ $s := \"xxxxxxxx\" }}{{ range until 40 }}{{ $s = printf \"%s%s\" $s $s }}{{ end }}{{ $s }}\n", "memory"},
		"tpl of itself":           {"-- values.yaml --\nself: '{{ tpl .Values.self . }}'\n-- templates/a.yaml --\n{{ tpl .Values.self . }}\n", "without end"},
		"a dict in itself":        {"-- templates/a.yaml --\n{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ printf \"%v\" $d }}\n", "without end"},
		"templates in each other": {"-- templates/a.yaml --\n{{ define \"a\" }}{{ template \"b\" . }}{{ end }}{{ define \"b\" }}{{ template \"a\" . }}{{ end }}{{ template \"a\" . }}\n", "call themselves without end"},
		"include of itself":       {"-- templates/a.yaml --\n{{ define \"a\" }}{{ include \"a\" . }}{{ end }}{{ include \"a\" . }}\n", "nested reference"},
		"much output":             {"-- templates/a.yaml --\n{{ range until 3000 }}" + strings.Repeat("# xxxxxxxxxxxxxxxxxxxxxxxxxxxx\n", 1000) + "{{ end }}\n", "more than 64 MiB"},
		"many objects":            {"-- templates/a.yaml --\n{{ range until 50001 }}\n---\n" + aConfigMap + "{{ end }}\n", "more than 50000 objects"},
		"aliases of aliases": {"-- templates/a.yaml --\na: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n" +
			"e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\nh: [*g,*g,*g,*g,*g,*g,*g,*g,*g]\n", "excessive aliasing"},
	} {
		t.Run(name, func(t *testing.T) {
			e := mustFail(t, r, chartOf(c.files), helm.Options{})
			if !strings.Contains(e.Error(), c.want) {
				t.Errorf("%v, want %q", e, c.want)
			}
			if got := mustRender(t, r, good, helm.Options{}); len(got.Objects) != 1 {
				t.Error("the next chart does not render")
			}
		})
	}
}

// TestTemplatesThatLoopEndWithTheContext: some call no function and take no memory, so that nothing inside the process
// could stop them.
func TestTemplatesThatLoopEndWithTheContext(t *testing.T) {
	r := renderer(t)
	for name, files := range map[string]string{
		"counting":  "-- templates/a.yaml --\n{{ range 1000000000000 }}{{ end }}\n",
		"branching": "-- templates/a.yaml --\n" + branching() + "{{ template \"t60\" . }}\n",
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
			defer cancel()
			_, err := r.Render(ctx, helm.Chart{Tree: chartOf(files), Path: "web"}, helm.Options{Release: "rel"})
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%v", err)
			}
		})
	}
	if got := mustRender(t, r, chartOf("-- templates/a.yaml --\n"+aConfigMap), helm.Options{}); len(got.Objects) != 1 {
		t.Error("the next chart does not render")
	}
}

// branching is 2^60 calls in 60 templates.
func branching() string {
	var b strings.Builder
	b.WriteString(`{{ define "t0" }}{{ end }}`)
	for i := 1; i <= 60; i++ {
		call := `{{ template "t` + strconv.Itoa(i-1) + `" . }}`
		b.WriteString(`{{ define "t` + strconv.Itoa(i) + `" }}` + call + call + `{{ end }}`)
	}
	return b.String()
}

// TestNothingOutsideTheChartIsRead: no network, file or environment of this machine.
func TestNothingOutsideTheChartIsRead(t *testing.T) {
	t.Setenv("DROVER_SECRET", "hunter2")
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		_, _ = w.Write([]byte("true"))
	}))
	t.Cleanup(server.Close)
	secret := filepath.Join(t.TempDir(), "schema.json")
	if err := os.WriteFile(secret, []byte("true"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := renderer(t)
	for _, ref := range []string{"file://" + secret, "other.json", secret} {
		e := mustFail(t, r, chartOf(`-- values.schema.json --
{"properties": {"a": {"$ref": "`+ref+`"}}}
-- templates/a.yaml --
`+aConfigMap), helm.Options{})
		if !strings.Contains(e.Error(), "outside of the chart's schema") || e.File != "web/values.schema.json" {
			t.Errorf("%s: %v", ref, e)
		}
	}
	if requests.Load() > 0 {
		t.Error("a render made a request")
	}
	for _, name := range []string{"../../secret", "/etc/passwd", "../outside.txt"} {
		files := chartOf("-- templates/a.yaml --\n{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {f: {{ .Files.Get \"" + name + "\" | quote }}}}\n")
		files["outside.txt"] = &fstest.MapFile{Data: []byte("hunter2")}
		if got := mustRender(t, r, files, helm.Options{}); strings.Contains(string(got.Objects[0].JSON), "hunter2") || !strings.Contains(string(got.Objects[0].JSON), `"f":""`) {
			t.Errorf("%s", got.Objects[0].JSON)
		}
	}
	for _, function := range []string{"env", "expandenv"} {
		e := mustFail(t, r, chartOf("-- templates/a.yaml --\n{{ "+function+" \"DROVER_SECRET\" }}\n"), helm.Options{})
		if !strings.Contains(e.Error(), "not defined") {
			t.Error(e)
		}
	}
}

// entry is one file of an archive.
type entry struct {
	name, data, link string
	size             int64 // of zeroes, instead of data
}

func pack(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	w := tar.NewWriter(zip)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: 0o644, Size: max(e.size, int64(len(e.data))), Typeflag: tar.TypeReg}
		if e.link != "" {
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, e.link, 0
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		data := []byte(e.data)
		if e.size > 0 {
			data = make([]byte, e.size)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), zip.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func manifestOf(name, version string) entry {
	return entry{name: name + "/Chart.yaml", data: "apiVersion: v2\nname: " + name + "\nversion: " + version + "\n"}
}

// TestHostileArchives: what leaves the archive or never ends.
func TestHostileArchives(t *testing.T) {
	r := renderer(t)
	a := entry{name: "web/templates/a.yaml", data: aConfigMap}
	for name, c := range map[string]struct {
		archive []byte
		want    string
	}{
		"parent":   {pack(t, manifestOf("web", "1.0.0"), a, entry{name: "web/../../etc/x", data: "x"}), "refused"},
		"absolute": {pack(t, manifestOf("web", "1.0.0"), a, entry{name: "web//etc/x", data: "x"}), "refused"},
		"bomb":     {pack(t, manifestOf("web", "1.0.0"), a, entry{name: "web/big", size: helm.MaxChart + 1}), "larger than 64 MiB"},
		"no gzip":  {[]byte("<html>404</html>"), "cannot be read as a chart"},
		"cut off":  {pack(t, manifestOf("web", "1.0.0"), a)[:60], "cannot be read as a chart"},
		"no chart": {pack(t, a), "Chart.yaml file is missing"},
		"empty":    {pack(t), "no files"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.Render(context.Background(), helm.Chart{Archive: c.archive, Name: "web 1.0.0"}, helm.Options{Release: "rel"})
			var e *helm.Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	linked := pack(t, manifestOf("web", "1.0.0"), a, entry{name: "web/templates/b.yaml", link: "/etc/passwd"})
	got, err := r.Render(context.Background(), helm.Chart{Archive: linked, Name: "web"}, helm.Options{Release: "rel"})
	if err != nil || len(got.Objects) != 1 {
		t.Errorf("a link in an archive is no more than an empty file: %v, %d objects", err, len(got.Objects))
	}
}

// TestHostileTrees: folders that are too much, or not what they seem.
func TestHostileTrees(t *testing.T) {
	r := renderer(t)
	a := "-- templates/a.yaml --\n" + aConfigMap
	large, many, deep := chartOf(a), chartOf(a), chartOf(a)
	large["web/big.bin"] = &fstest.MapFile{Data: make([]byte, 17<<20)}
	for i := range 10_001 {
		many["web/files/"+strconv.Itoa(i)] = &fstest.MapFile{}
	}
	deep["web/"+strings.Repeat("d/", 40)+"f"] = &fstest.MapFile{}
	round := chartOf(a + "-- Chart.yaml --\napiVersion: v2\nname: web\nversion: 1.0.0\ndependencies: [{name: other, version: 1.0.0, repository: \"file://.\"}]\n")
	out := chartOf(a + "-- Chart.yaml --\napiVersion: v2\nname: web\nversion: 1.0.0\ndependencies: [{name: other, version: 1.0.0, repository: \"file://../../../etc\"}]\n")
	for want, files := range map[string]fstest.MapFS{
		"larger than the 16 MiB": large, "more than the 10000": many, "nested too deep for a chart": deep, "does a chart depend on itself": round, "outside the repository": out,
		"is not in the repository": {}, "Chart.yaml file is missing": {"web/x": &fstest.MapFile{}},
	} {
		if e := mustFail(t, r, files, helm.Options{}); !strings.Contains(e.Error(), want) {
			t.Errorf("%v, want %q", e, want)
		}
	}
	big := helm.Options{Values: []helm.Values{{File: "v.yaml", Text: "a: " + strings.Repeat("x", 9<<20)}}}
	if e := mustFail(t, r, chartOf(a), big); !strings.Contains(e.Error(), "more than 8 MiB") {
		t.Error(e)
	}
}
