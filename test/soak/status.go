package soak

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Hold is something that waits for a person, as `drover status -o json` shows it.
type Hold struct {
	ID       string
	Kind     string
	Clusters []string // empty: it does not say
	Apps     []string // empty: it does not say, or all
	Count    int
}

// String tells it in one line.
func (h Hold) String() string {
	return fmt.Sprintf("%s %s clusters %v apps %v count %d", h.ID, h.Kind, h.Clusters, h.Apps, h.Count)
}

// on says whether the hold concerns a cluster.
func (h Hold) on(cluster string) bool {
	if len(h.Clusters) == 0 {
		return true
	}
	for _, c := range h.Clusters {
		if c == cluster {
			return true
		}
	}
	return false
}

// status is what `drover status -o json` says, as far as the soak needs it.
type status struct {
	Source struct {
		Revision struct{ Hash string }
		Error    string
		Stalled  string
		Problems []string
	}
	Clusters []struct {
		Name, State, Health, Message string
		Synced                       bool
		Generation, Accepted         uint64
	}
	holds []Hold
}

// parseStatus reads the answer. Holds are found wherever a list called held (or holds) stands, so that small changes of
// the answer's shape do not blind the soak.
func parseStatus(text []byte) (s status, err error) {
	if err := json.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("read what drover status says: %w", err)
	}
	var all any
	if err := json.Unmarshal(text, &all); err != nil {
		return s, fmt.Errorf("read what drover status says: %w", err)
	}
	seen := map[string]bool{}
	for _, h := range findHolds(all, "") {
		if key := h.String(); !seen[key] {
			seen[key] = true
			s.holds = append(s.holds, h)
		}
	}
	return s, nil
}

// findHolds walks an answer. cluster is the name of the row that it is in.
func findHolds(at any, cluster string) (out []Hold) {
	switch v := at.(type) {
	case []any:
		for _, item := range v {
			out = append(out, findHolds(item, cluster)...)
		}
	case map[string]any:
		if _, row := v["synced"]; row {
			cluster, _ = v["name"].(string)
		}
		for key, value := range v {
			list, isList := value.([]any)
			if !isList || !strings.EqualFold(key, "held") && !strings.EqualFold(key, "holds") {
				out = append(out, findHolds(value, cluster)...)
				continue
			}
			for _, item := range list {
				if fields, ok := item.(map[string]any); ok {
					out = append(out, readHold(fields, cluster))
				}
			}
		}
	}
	return out
}

// readHold reads one hold.
func readHold(f map[string]any, cluster string) Hold {
	text := func(name string) string {
		s, _ := f[name].(string)
		return s
	}
	list := func(one, many string) (out []string) {
		if s := text(one); s != "" {
			out = append(out, s)
		}
		items, _ := f[many].([]any)
		for _, item := range items {
			if s, ok := item.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	h := Hold{ID: text("id"), Kind: text("kind"), Clusters: list("cluster", "clusters"), Apps: list("app", "apps")}
	if h.ID == "" { // as before there were ids: the revision is approved
		if r, ok := f["revision"].(map[string]any); ok {
			h.ID, _ = r["hash"].(string)
		}
	}
	if n, ok := f["count"].(float64); ok {
		h.Count = int(n)
	}
	if len(h.Clusters) == 0 && cluster != "" {
		h.Clusters = []string{cluster}
	}
	return h
}

// detail is what `drover status CLUSTER -o json` says.
type detail struct {
	AppRows []struct{ Name, Phase, Health, Message, Error string }
	Events  []struct{ Kind, Message string }
}

// gap is the message of a gap in the journal; "" if there is none.
func (d detail) gap() string {
	for _, e := range d.Events {
		if e.Kind == "missing" {
			return e.Message
		}
	}
	return ""
}
