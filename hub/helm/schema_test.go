package helm_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/drover-dev/drover/hub/helm"
)

// A schema that names others on the network is checked without these, as far as it goes, and a warning says so: Helm
// would fetch them, and the most used chart of home repositories has one.
func TestASchemaOnTheNetworkStopsNothing(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
	t.Cleanup(server.Close)
	r := renderer(t)
	for name, c := range map[string]struct {
		schema string
		names  string // what the warning says is not checked
		fails  string // with values a=7; "" if it renders
	}{
		"a property":                          {`{"properties": {"a": {"$ref": "URL/s.json"}}}`, "URL/s.json", ""},
		"a part of one":                       {`{"properties": {"a": {"$ref": "URL/s.json#/definitions/a"}}}`, "URL/s.json#/definitions/a", ""},
		"in a list":                           {`{"allOf": [{"$ref": "URL/s.json"}]}`, "URL/s.json", ""},
		"another is checked":                  {`{"properties": {"b": {"$ref": "URL/s.json"}, "a": {"type": "string"}}}`, "", "got number, want string"},
		"beside it, since 2019":               {`{"properties": {"a": {"$ref": "URL/s.json", "type": "string"}}}`, "", "got number, want string"},
		"beside it, before":                   {`{"$schema": "http://json-schema.org/draft-07/schema#", "properties": {"a": {"$ref": "URL/s.json", "type": "string"}}}`, "URL/s.json", ""},
		"the whole has an address":            {`{"$id": "URL/root.json", "properties": {"a": {"$ref": "other.json"}}}`, "URL/other.json", ""},
		"and it needs a part of it":           {`{"$id": "URL/root.json", "properties": {"a": {"$ref": "other.json#/definitions/a"}}}`, "URL/other.json", ""},
		"a value that looks like a reference": {`{"properties": {"a": {"not": {"const": {"$ref": "URL/s.json"}}}}}`, "none", ""},
		"a metaschema":                        {`{"properties": {"b": {"$ref": "http://json-schema.org/draft-07/schema#"}}}`, "none", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := func(s string) string { return strings.ReplaceAll(s, "URL", server.URL) }
			files := chartOf("-- values.yaml --\na: 7\nb: {}\n-- values.schema.json --\n" + in(c.schema) + "\n-- templates/a.yaml --\n" + aConfigMap)
			if c.fails != "" {
				if e := mustFail(t, r, files, helm.Options{}); !strings.Contains(e.Error(), c.fails) {
					t.Errorf("it fails with %v, want %q", e, c.fails)
				}
				return
			}
			got := mustRender(t, r, files, helm.Options{})
			var said []string
			for _, w := range got.Warnings {
				said = append(said, w.File+": "+w.Text)
			}
			all := strings.Join(said, "\n")
			if c.names == "none" {
				if all != "" {
					t.Errorf("it warns of %q, want nothing", all)
				}
				return
			}
			if len(said) != 1 || !strings.Contains(all, in(c.names)) || !strings.HasPrefix(all, "web/values.schema.json: values are not checked against ") {
				t.Errorf("it warns of %q, want %q", all, in(c.names))
			}
		})
	}
	t.Cleanup(func() {
		if n := requests.Load(); n > 0 {
			t.Errorf("%d requests were made", n)
		}
	})
}
