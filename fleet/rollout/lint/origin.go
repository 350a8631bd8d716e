package lint

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/drover-dev/drover/fleet/rollout"
)

// Origins says of policies that are read from objects of other tools which apps that name them they do not hold,
// because another policy does, and where they count otherwise than that tool. These findings are no errors.
func Origins(now time.Time, policies []Policy, sites []Site) (out []Finding) {
	byName := map[string]Policy{}
	for _, p := range policies {
		byName[p.Name] = p
	}
	for _, p := range policies {
		if p.Origin == nil {
			continue
		}
		held, lost, crowded := 0, map[string][]string{}, []string{}
		for _, s := range sites {
			before := held
			for _, app := range s.Apps {
				switch by := Holder(policies, s, app); {
				case !slices.Contains(s.Named[app], p.Name):
				case by == p.Name, beside(p, byName[by]):
					held++
				case by != "":
					lost[by] = append(lost[by], s.Name+"/"+app)
				}
			}
			if held > before+1 {
				crowded = append(crowded, s.Name)
			}
		}
		for _, by := range slices.Sorted(maps.Keys(lost)) {
			apps, holds := lost[by], "the RolloutPolicy "+by
			if o := byName[by].Origin; o != nil {
				holds = o.Field + " of the " + o.Object
			}
			out = append(out, Finding{p.Name, p.Origin.Field, fmt.Sprintf("not followed for %d %s ("+
				"%s): %s holds them, and takes precedence; an app of a cluster is held by one policy alone", len(apps),
				plural(len(apps), "app"), few(apps), holds)})
		}
		if held > 0 && len(p.Windows) > 0 && p.Windows.Opens(now).IsZero() {
			out = append(out, Finding{p.Name, p.Origin.Field, fmt.Sprintf("no time is allowed by the windows of %d %s, so "+
				"that nothing would ever be released to them", held, plural(held, "app"))})
		}
		limited := slices.ContainsFunc(p.Waves, func(w rollout.Wave) bool { return !w.AtOnce.IsZero() })
		if limited && len(crowded) > 0 {
			out = append(out, Finding{p.Name, p.Origin.Field, fmt.Sprintf("followed by clusters, "+
				"and not by apps: those of one cluster (%s) are released together, and count as one", few(crowded))})
		}
	}
	return out
}

// beside says whether a policy counts beside the one that holds an app: windows do beside steps.
func beside(p, holder rollout.Policy) bool {
	return len(p.Windows) > 0 && holder.Origin != nil && len(holder.Windows) == 0
}

// Holder is the policy that holds an app of a site, as long as none has released anything to it; "" if none does.
func Holder(policies []Policy, s Site, app string) string {
	best, name := rollout.NoClaim, ""
	for _, p := range policies {
		if p.Origin == nil && !p.Selector.Matches(s.Labels) {
			continue
		}
		c := p.Claim(app, slices.Contains(s.Named[app], p.Name), false)
		if c != rollout.NoClaim && (best == rollout.NoClaim || cmp.Or(cmp.Compare(c, best), cmp.Compare(p.Name, name)) < 0) {
			best, name = c, p.Name
		}
	}
	return name
}
