package prometheus

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/hub/prometheus/promtest"
	"github.com/drover-dev/drover/internal/outbound"
)

func nobody(context.Context, string, string) (Login, error) { return Login{}, nil }

func TestItAsksARealPrometheus(t *testing.T) {
	t.Parallel()
	s := promtest.Serve(t)
	s.Set(0.25)
	a := &Asker{Login: nobody, Local: true}
	ask := func(query string) string {
		values, err := a.Ask(t.Context(), rollout.Gate{Address: s.URL}, query)
		if err != nil {
			return err.Error()
		}
		return fmt.Sprint(values)
	}
	for query, want := range map[string]string{`errors{cluster=~"a|b"}`: "[0.25]", "vector(1)": "[1]",
		"scalar(vector(2.5))": "[2.5]", "errors{cluster=\"x\"}": "[]",
		"vector(1)/vector(0)": "[+Inf]", "errors[1m]": "the query gives a matrix: a gate needs an instant vector or a scalar",
		"sum(": "it says: ", "vector(0)/vector(0)": "[NaN]"} {
		if got := ask(query); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
}

func TestWhatAnswersIsHostile(t *testing.T) {
	t.Parallel()
	body, seen := "", http.Header{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header.Clone()
		if body == "away" {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
			return
		}
		_, _ = w.Write([]byte(body))
	}))
	defer srv.Close()
	a := &Asker{Local: true, Login: func(_ context.Context, _, name string) (Login, error) {
		return Login{Token: name}, nil
	}}
	g := rollout.Gate{Address: srv.URL + "/prefix", Credential: "secret"}
	for name, c := range map[string][2]string{
		"no JSON":     {"<html>", "no answer of Prometheus: <html>"},
		"redirect":    {"away", "302"},
		"matrix":      {`{"status":"success","data":{"resultType":"matrix","result":[]}}`, "gives a matrix"},
		"bad value":   {`{"status":"success","data":{"resultType":"vector","result":[{"value":[1,"x"]}]}}`, "cannot be read"},
		"short value": {`{"status":"success","data":{"resultType":"scalar","result":[1]}}`, "cannot be read"},
		"too much":    {strings.Repeat(" ", maxAnswer+1), "more than 4 MiB"},
		"refused":     {`{"status":"error","error":"no \u001b[31m"}`, "it says: no"},
	} {
		body = c[0]
		values, err := a.Ask(t.Context(), g, "q")
		if err == nil || !strings.Contains(err.Error(), c[1]) || len(values) > 0 {
			t.Errorf("%s: %v, %v; want %s", name, values, err, c[1])
		}
	}
	if seen.Get("Authorization") != "Bearer secret" {
		t.Errorf("it logs in with %q", seen.Get("Authorization"))
	}
	a.Local = false
	if _, err := a.Ask(t.Context(), g, "q"); err == nil {
		t.Error("a file in Git has the hub ask this machine")
	}
	allowed, _ := outbound.ParseAllowed("127.0.0.1")
	a.Allowed, body = []outbound.Allowed{allowed}, `{"status":"success","data":{"resultType":"scalar","result":[1,"3"]}}`
	if values, err := a.Ask(t.Context(), g, "q"); err != nil || !slices.Equal(values, []float64{3}) {
		t.Errorf("an address that is allowed: %v, %v", values, err)
	}
	for _, address := range []string{"ftp://x", "http://user:pass@127.0.0.1/", "x", "http://"} {
		if _, err := a.Ask(t.Context(), rollout.Gate{Address: address}, "q"); err == nil || strings.Contains(err.Error(),
			"pass@") {
			t.Errorf("%s: %v", address, err)
		}
	}
}
