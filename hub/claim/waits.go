package claim

import (
	"slices"

	"github.com/drover-dev/drover/hub/trust"
)

// App is what of an app decides how long others wait for it.
type App struct {
	Name      string
	Party     trust.Party
	DependsOn []string // names of apps
}

// Waits is how many of those apps that claim an object the app at i waits for, directly or by way of others. The
// one that waits for none delivers what they share: the others' objects may need it, as those in a namespace do,
// before they are healthy. Apps that are trusted less do not count.
func Waits(apps []App, i int, claim []int) (n int) {
	seen := map[string]bool{apps[i].Name: true}
	for next := slices.Clone(apps[i].DependsOn); len(next) > 0; next = next[1:] {
		at := slices.IndexFunc(apps, func(a App) bool { return a.Name == next[0] })
		if seen[next[0]] || at < 0 || trust.Compare(apps[at].Party, apps[i].Party) > 0 {
			continue
		}
		seen[next[0]] = true
		if slices.Contains(claim, at) {
			n++
		}
		next = append(next, apps[at].DependsOn...)
	}
	return n
}
