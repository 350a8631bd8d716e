package diff

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/drover-dev/drover/hub/cmd/drover/findings"
	"github.com/drover-dev/drover/hub/difference/held"
	"github.com/drover-dev/drover/hub/release"
)

// howMeant is how deletions are let through.
const howMeant = "let it through with `drover approve` when the hub shows its id in `drover status`, or write into " +
	"the commit's message: " + release.TrailerDeletions + ": approved (WHY)"

// lines say what would not reach clusters at once.
func (h Held) lines() (out []string) {
	type loss struct {
		app, why   string
		count, had int
	}
	clusters, ids := map[loss][]string{}, map[loss][]string{}
	var order []loss
	for _, d := range h.Deletions {
		key := loss{d.App, strings.Join(d.Why, ", and "), d.Count, d.Had}
		if clusters[key] == nil {
			order = append(order, key)
		}
		clusters[key], ids[key] = append(clusters[key], d.Cluster), append(ids[key], d.ID)
	}
	for _, l := range order {
		id := ""
		if len(ids[l]) == 1 {
			id = " " + ids[l][0]
		}
		out = append(out, fmt.Sprintf("the deletion budget would hold %d of %d objects of app %s in %s: %s; %s", l.count,
			l.had,
			l.app, findings.Some(clusters[l]), l.why, strings.Replace(howMeant, "approve`", "approve"+id+"`", 1)))
	}
	if len(h.Removals) > 0 {
		out = append(out, fmt.Sprintf("the removal of %s would wait for a person (%s): %s",
			plural(len(h.Removals), "cluster"), findings.Some(h.Removals), howMeant))
	}
	for _, w := range h.Waves {
		out = append(out, wave(w))
	}
	for _, by := range slices.Sorted(maps.Keys(h.Manual)) {
		out = append(out, fmt.Sprintf("%s is released by a person in %s (%s): `drover status` shows the id for `drover "+
			"approve`",
			by, plural(len(h.Manual[by]), "cluster"), findings.Some(h.Manual[by])))
	}
	return out
}

// wave says in a line when a wave releases.
func wave(w held.Wave) string {
	where := fmt.Sprintf("%s of %s (%s)", apps(w.Apps), plural(len(w.Clusters), "cluster"), findings.Some(w.Clusters))
	if w.Place == 0 {
		return fmt.Sprintf("%s holds %s: %s", w.Policy, where, strings.Join(w.Waits, ", and "))
	}
	name := fmt.Sprintf("%s, wave %d of %d (%s)", w.Policy, w.Place, w.Of, w.Wave)
	if len(w.Waits) == 0 {
		return fmt.Sprintf("%s, would begin at once with %s", name, where)
	}
	return fmt.Sprintf("%s, would hold %s: %s", name, where, strings.Join(w.Waits, ", and "))
}

func apps(names []string) string {
	if len(names) == 1 {
		return "app " + names[0]
	}
	return fmt.Sprintf("%s (%s)", plural(len(names), "app"), findings.Some(names))
}
