package gate

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strings"

	"github.com/drover-dev/drover/fleet/rollout"
)

// Ask is a gate with what it is asked about in place of ${wave.clusters}, ${wave.name} and ${target}, escaped for where
// it stands. clusters are those of the wave that have the target, sorted.
func Ask(g rollout.Gate, at Place, clusters func(Place) []string) rollout.Gate {
	g.Query = fill(g.Query, at, clusters, func(s string) string { return s })
	if g.Web != nil {
		w := *g.Web
		w.URL, w.Body = fill(w.URL, at, clusters, url.QueryEscape), fill(w.Body, at, clusters, inJSON)
		g.Web = &w
	}
	return g
}

// inJSON is a text as it stands between the quotes of a string of JSON.
func inJSON(s string) string {
	quoted, err := json.Marshal(s)
	if err != nil {
		return ""
	}
	return string(quoted[1 : len(quoted)-1])
}

func fill(query string, at Place, clusters func(Place) []string, escape func(string) string) string {
	if strings.Contains(query, "${wave.clusters}") {
		names := clusters(at)
		for i, name := range names {
			names[i] = regexp.QuoteMeta(name)
		}
		query = strings.ReplaceAll(query, "${wave.clusters}", escape(strings.Join(names, "|")))
	}
	commit, _, _ := strings.Cut(at.Target, "+")
	return strings.NewReplacer("${wave.name}", escape(at.Wave), "${target}", escape(commit)).Replace(query)
}
