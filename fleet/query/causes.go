package query

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// Cause is what is to be known of clusters that have it in common.
type Cause struct {
	Reason Reason `json:"reason"`
	// Message is that of the clusters, with CLUSTER in place of their names and … in place of times and of what else
	// differs from one to the next.
	Message  string   `json:"message"`
	Clusters []string `json:"clusters"` // sorted
}

// Causes groups rows that have a message, those with the most clusters first: 400 clusters with one cause are one.
func Causes(rows []Row) []Cause {
	type key struct {
		reason  Reason
		message string
	}
	found := map[key][]string{}
	for _, r := range rows {
		if r.Message == "" && r.Reason == "" {
			continue
		}
		k := key{r.Reason, General(r.Message, r.Name)}
		found[k] = append(found[k], r.Name)
	}
	out := make([]Cause, 0, len(found))
	for k, clusters := range found {
		slices.Sort(clusters)
		out = append(out, Cause{k.reason, k.message, clusters})
	}
	slices.SortFunc(out, func(a, b Cause) int {
		return cmp.Or(cmp.Compare(len(b.Clusters), len(a.Clusters)), cmp.Compare(a.Reason, b.Reason),
			cmp.Compare(a.Message, b.Message))
	})
	return out
}

// differing is what differs in messages about the same thing: times, generations, counts of more of the kind, pods.
var differing = regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?Z| UTC|[+-]\d\d:\d\d)?|` +
	`\bgeneration \d+| \(and \d+ more\)$| \(pod [^()]*\)`)

// General is a message about a cluster without what only this cluster has.
func General(message, cluster string) string {
	m := differing.ReplaceAllStringFunc(message, func(s string) string {
		switch {
		case strings.HasPrefix(s, "generation "):
			return "generation …"
		case strings.HasPrefix(s, " (pod"):
			return " (pod …)"
		case strings.HasPrefix(s, " (and"):
			return " (and more)"
		}
		return "…"
	})
	return nameIn(m, cluster)
}

// nameIn replaces a cluster's name where it stands as a word.
func nameIn(message, name string) string {
	var b strings.Builder
	for rest := message; name != ""; {
		i := strings.Index(rest, name)
		if i < 0 {
			b.WriteString(rest)
			return b.String()
		}
		end := i + len(name)
		word := (i == 0 || !inName(rest[i-1])) && (end == len(rest) || !inName(rest[end]))
		b.WriteString(rest[:i])
		if word {
			b.WriteString("CLUSTER")
		} else {
			b.WriteString(name)
		}
		rest = rest[end:]
	}
	return message
}

// inName says whether a byte may be part of the name of a cluster.
func inName(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-'
}
