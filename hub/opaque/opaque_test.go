package opaque

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/fleet/opaque"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

var from = []protocol.VarsRef{{Kind: "Secret", Namespace: "flux-system", Name: "cluster-secrets"}}

var domain = protocol.Opaque{Token: opaque.Token("DOMAIN", from), Key: "DOMAIN", From: from}

// TestAPlainValueIsATextForYAML: what the agent puts in reads as it would if it stood where the token stands, in
// plain YAML and in quotes.
func TestAPlainValueIsATextForYAML(t *testing.T) {
	t.Parallel()
	const letters = "0123456789abexoEXN.Y-_/@:+=ntrufl"
	random := rand.New(rand.NewPCG(1, 2))
	plain := 0
	for range 200_000 {
		value := make([]byte, 1+random.IntN(8))
		for i := range value {
			value[i] = letters[random.IntN(len(letters))]
		}
		if !opaque.Plain(string(value)) {
			continue
		}
		plain++
		for _, text := range []string{"v: " + string(value), `v: "` + string(value) + `"`, "v: '" + string(value) + "'",
			"v: " + string(value) + " # x"} {
			var got struct{ V any }
			if err := yaml.Unmarshal([]byte(text), &got); err != nil || got.V != any(string(value)) {
				t.Fatalf("%s is %#v, %v", text, got.V, err)
			}
		}
	}
	if plain < 10_000 {
		t.Errorf("only %d values were plain", plain)
	}
}

func TestRelease(t *testing.T) {
	t.Parallel()
	known := map[string]string{"APP": "web"}
	release := func(spec string) string {
		return `{"apiVersion":"helm.toolkit.fluxcd.io/v2","kind":"HelmRelease","metadata":{"name":"${APP}"},"spec":` +
			spec + `}`
	}
	for name, c := range map[string]struct{ object, want string }{
		"a variable": {release(`{"values":{"host":"${APP}.${DOMAIN}","n":1.50}}`), release(`{"values":{"host":"${APP}.` +
			domain.Token + `","n":1.50}}`)},
		"in a list, and as a key": {release(`{"values":{"a":[{"${DOMAIN}":"x"}]}}`),
			release(`{"values":{"a":[{"` + domain.Token + `":"x"}]}}`)},
		"outside the values": {release(`{"chart":"${DOMAIN}","values":{"a":"b"}}`), ""},
		"escaped":            {release(`{"values":{"host":"$${DOMAIN} $$${DOMAIN}"}}`), ""},
		"what is known":      {release(`{"values":{"host":"${APP}"}}`), ""},
		"no values":          {release(`{}`), ""},
		"another kind": {strings.Replace(release(`{"values":{"a":"${DOMAIN}"}}`), "HelmRelease", "Kustomization", 1),
			""},
		"another group": {strings.Replace(release(`{"values":{"a":"${DOMAIN}"}}`), "helm.toolkit.fluxcd.io",
			"x.example.com", 1), ""},
		"what cannot be read": {`[`, ""},
	} {
		got := Release(model.Rendered{JSON: []byte(c.object), File: "f"}, known, from)
		if c.want == "" && (string(got.JSON) != c.object || got.Opaque != nil) {
			t.Errorf("%s became %s", name, got.JSON)
		}
		if c.want != "" && (string(got.JSON) != c.want || len(got.Opaque) != 1 || got.Opaque[0].Token != domain.Token ||
			got.File != "f") {
			t.Errorf("%s became %s, %v", name, got.JSON, got.Opaque)
		}
	}
}

// chart renders one object out of the values of an app.
func chart(object func(value string) string) func(model.App) ([]model.Rendered, error) {
	return func(a model.App) ([]model.Rendered, error) {
		value := a.Chart.Values[0].Text
		if strings.HasPrefix(value, "Xj") && object(value) == "" {
			return nil, errors.New("the value " + value + " is none")
		}
		return []model.Rendered{{JSON: []byte(object(value)), File: "web/templates/a.yaml"}}, nil
	}
}

func TestWhatAChartDoesWithAValueIsFoundOut(t *testing.T) {
	t.Parallel()
	app := model.App{File: "apps/web.yaml",
		Part:     model.Part{Chart: &model.Chart{Values: []model.Values{{Text: domain.Token}}}},
		Handling: protocol.Handling{Opaque: []protocol.Opaque{domain}}}
	object := func(before, after string) func(string) string {
		return func(v string) string { return before + v + after }
	}
	const computes = "apps/web.yaml: the value of ${DOMAIN} is known in the cluster alone, and the chart computes " +
		"with it: "
	for name, c := range map[string]struct {
		render func(string) string
		want   string // of the error
		tokens int
	}{
		"passes it on":    {object(`{"data":{"a":"`, `"},"kind":"ConfigMap","metadata":{"name":"x"}}`), "", 1},
		"does not use it": {func(string) string { return `{"kind":"ConfigMap"}` }, "", 0},
		"names an object": {object(`{"kind":"ConfigMap","metadata":{"name":"`, `"}}`), computes +
			"it is in metadata.name of " +
			"web/templates/a.yaml: ConfigMap ${DOMAIN}", 0},
		"cuts it": {func(v string) string {
			return `{"data":{"a":"` + v[:5] + `"},"kind":"ConfigMap","metadata":{"name":"x"}}`
		},
			computes + "it does not stand as it is in data.a of web/templates/a.yaml: ConfigMap x", 0},
		"shows it and cuts it": {func(v string) string {
			return `{"data":{"a":"` + v[:5] + `","b":"` + v + `"},"kind":"ConfigMap","metadata":{"name":"x","namespace":"n"}}`
		}, computes + "it does not stand as it is in data.a of web/templates/a.yaml: ConfigMap n/x", 0},
		"refuses another": {func(v string) string {
			if strings.HasPrefix(v, "Xj") {
				return ""
			}
			return `{"data":{"a":"` + v + `"}}`
		}, computes + "with another value for it the chart does not render: the value ${DOMAIN} is none", 0},
		"a digest": {func(v string) string {
			sum := strings.Repeat("a", 64)
			if strings.HasPrefix(v, "Xj") {
				sum = strings.Repeat("b", 64)
			}
			return `{"metadata":{"annotations":{"checksum/x":"` + sum + `"}},"spec":"` + v + `"}`
		}, "", 2},
	} {
		_, tokens, err := Render(app, chart(c.render))
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), c.want)) {
			t.Errorf("%s: %v\nwant %s", name, err, c.want)
		}
		if len(tokens) != c.tokens {
			t.Errorf("%s: %v", name, tokens)
		}
		if err != nil && (strings.Contains(err.Error(), domain.Token) || !strings.HasSuffix(err.Error(), instead)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestATemplateIsATokenAsAWhole(t *testing.T) {
	t.Parallel()
	got := Data(model.Rendered{JSON: []byte(`{"data":{"a":"${DOMAIN/./-}-tls ${DOMAIN} ${DOMAIN/./-} ${APP^^}"}}`)},
		map[string]string{"APP": "x"}, from)
	if len(got.Opaque) != 2 {
		t.Fatalf("%v", got.Opaque)
	}
	for _, o := range got.Opaque {
		if o.Key != "DOMAIN" || o.Template != "" && o.Template != "${DOMAIN/./-}" {
			t.Errorf("%+v", o)
		}
	}
	const want = `{"data":{"a":"${DOMAIN/./-}-tls ${DOMAIN} ${DOMAIN/./-} ${APP^^}"}}`
	if shown := Object(got.JSON, got.Opaque); string(shown) != want || strings.Contains(string(got.JSON), "DOMAIN") {
		t.Errorf("%s reads %s", got.JSON, shown)
	}
}
