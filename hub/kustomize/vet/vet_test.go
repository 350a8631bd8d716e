package vet

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/model"
)

// refusal is what a person is told; "" if nothing is refused.
func refusal(e error) string {
	if e == nil || fmt.Sprint(e) == "<nil>" {
		return ""
	}
	return e.Error()
}

func TestWhatABuildMayRead(t *testing.T) {
	t.Parallel()
	deep := "a: &a [x, x]\n"
	for i := range 30 {
		deep += fmt.Sprintf("b%d: &b%d [*%s, *%s]\n", i, i, name(i-1), name(i-1))
	}
	for title, c := range map[string]struct {
		used Budget
		file string
		data string
		says string
	}{
		"a small file":           {Budget{}, "a.yaml", "kind: ConfigMap\n", ""},
		"a large file":           {Budget{}, "a.txt", strings.Repeat("x", maxFile+1), "larger than the 16 MiB"},
		"the last bytes":         {Budget{bytes: maxRead - 1}, "a.txt", "x", ""},
		"too many bytes":         {Budget{bytes: maxRead}, "a.txt", "x", "reads more than its bounds allow"},
		"the last file":          {Budget{reads: maxReads - 1}, "a.txt", "x", ""},
		"too many files":         {Budget{reads: maxReads}, "a.txt", "x", "reads more than its bounds allow"},
		"too many folders":       {Budget{folders: maxKustomizations}, "kustomization.yaml", "", "does a base include itself"},
		"folders that are files": {Budget{folders: maxKustomizations}, "a.yaml", "", ""},
		"too many values":        {Budget{nodes: maxNodes - 2}, "a.yaml", "a: [1,\n2]", "reads more than its bounds allow"},
		"values that are text":   {Budget{nodes: maxNodes - 2}, "a.txt", "a: [1,\n2]", ""},
		"an alias":               {Budget{}, "a.yaml", "a: &x 1\nb: *x\n", ""},
		"an alias in itself":     {Budget{}, "a.yaml", "a: 1\n---\na: &x [*x]\n", "an alias stands inside the very value it repeats"},
		"aliases of aliases":     {Budget{}, "a.yaml", deep, "its aliases write out to more than 1000000 values"},
		"text like an alias":     {Budget{}, "a.yaml", "a: 'x &y'\nb: 2 * 3\n", ""},
	} {
		b := c.used
		e := b.Admit(c.file, []byte(c.data))
		if got := refusal(e); (got == "") != (c.says == "") || !strings.Contains(got, c.says) {
			t.Errorf("%s: %q", title, got)
		}
		if e != nil && e.File != c.file {
			t.Errorf("%s: it is told of %s", title, e.File)
		}
		if b.reads != c.used.reads+1 || b.bytes != c.used.bytes+len(c.data) {
			t.Errorf("%s: %+v is used, and was %+v", title, b, c.used)
		}
	}
	var b Budget
	if e := b.Admit("a.yaml", []byte("a: 1\n---\na: 1\n---\na: &x [*x]\n")); e == nil || e.Line != 5 {
		t.Errorf("the line is that of %v", e)
	}
}

func name(i int) string {
	if i < 0 {
		return "a"
	}
	return fmt.Sprintf("b%d", i)
}

func TestWhichPluginsAreRefused(t *testing.T) {
	t.Parallel()
	fetched := model.RemoteFolder("apps/kustomization.yaml", model.Source{Kind: model.SourceGit, URL: "https://example.com/x.git"}) + "/plugin.yaml"
	const head = "apiVersion: builtin\nkind: PatchTransformer\n"
	for _, c := range []struct{ file, data, says string }{
		{"p.yaml", head + "path: patch.yaml\n", ""},
		{"p.yaml", "apiVersion: v1\nkind: ConfigMap\npath: https://example.com/x\n", ""},
		{"p.yaml", head + "path: https://example.com/x\n", `path "https://example.com/x" is remote`},
		{"p.yaml", head + "path: /etc/passwd\n", `path "/etc/passwd" is an absolute path`},
		{"p.yaml", head + "path: ../patch.yaml\n", ""},
		{fetched, head + "path: ../patch.yaml\n", `path "../patch.yaml" leads out of the folder of its kustomization`},
		{"p.yaml", head + "paths: [a.yaml, https://example.com/y]\n", `paths[1] "https://example.com/y" is remote`},
		{"p.yaml", head + "replacements:\n- path: /etc/x\n", `replacements[0].path "/etc/x" is an absolute path`},
		{"p.yaml", "apiVersion: builtin\nkind: ConfigMapGenerator\nfiles: [a=https://example.com/z]\n", `"https://example.com/z" is remote`},
		{"p.yaml", "a: 1\n---\n" + head + "targetFilePath: /x\n", `targetFilePath "/x" is an absolute path`},
		{"p.yaml", "apiVersion: builtin\nkind: HelmChartInflationGenerator\n", "a HelmChartInflationGenerator is rendered only where"},
	} {
		if got := refusal(Plugins(c.file, []byte(c.data))); (got == "") != (c.says == "") || !strings.Contains(got, c.says) {
			t.Errorf("%s: %q, want %q", c.data, got, c.says)
		}
	}
	e := PluginText("kustomization.yaml", 7, "transformers[0].", []byte(head+"path: /x\n"))
	if e == nil || e.Line != 7 || !strings.Contains(e.Error(), `transformers[0].path "/x"`) {
		t.Errorf("an inline plugin is told as %v", e)
	}
}

func TestASchemaThatHasNoEndIsRefused(t *testing.T) {
	t.Parallel()
	chain := bytes.NewBufferString("definitions:\n")
	for i := range maxHops {
		fmt.Fprintf(chain, "  d%d: {$ref: '#/definitions/d%d'}\n", i, i+1)
	}
	for title, c := range map[string]struct {
		data string
		says string
	}{
		"none":            {"definitions: {a: {type: object}}", ""},
		"no YAML":         {"\t", ""},
		"one step":        {"definitions: {a: {$ref: '#/definitions/b'}, b: {type: object}}", ""},
		"to nothing":      {"definitions: {a: {$ref: '#/definitions/none'}}", ""},
		"a long chain":    {chain.String(), ""},
		"to itself":       {"definitions: {a: {$ref: '#/definitions/a'}}", `the schema's reference "#/definitions/a" leads back to itself`},
		"in a circle":     {"definitions: {a: {$ref: '#/definitions/b'}, b: {$ref: '#/definitions/a'}}", "leads back to itself"},
		"through a list":  {"x: [{$ref: '#/x/0'}]", `"#/x/0" leads back to itself`},
		"with escapes":    {"a/b: {$ref: '#/a~1b'}", "leads back to itself"},
		"beyond the list": {"x: [{$ref: '#/x/7'}]", ""},
	} {
		e := Schema("schema.yaml", []byte(c.data))
		if got := refusal(e); (got == "") != (c.says == "") || !strings.Contains(got, c.says) {
			t.Errorf("%s: %q", title, got)
		}
		if e != nil && e.File != "schema.yaml" {
			t.Errorf("%s: it is told of %s", title, e.File)
		}
	}
}

func TestWhichPathsClimb(t *testing.T) {
	t.Parallel()
	for p, want := range map[string]bool{"a": false, "./a": false, "a/../b": false, "..": true, "../a": true, "a/../../b": true, "..a": false} {
		if got := Climbs(p); got != want {
			t.Errorf("%s climbs: %t", p, got)
		}
	}
}
