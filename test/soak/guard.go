package soak

import (
	"fmt"
	"regexp"
)

// Limits of the deletion guard. This file states the rule once more, independently of package fleet.
const (
	guardObjects  = 5  // fewer are an ordinary commit; of the app or, where the guard may hold, of the cluster
	guardApp      = 50 // percent of an app
	guardCluster  = 20 // percent of a cluster
	guardFleet    = 10 // percent of the clusters
	guardClusters = 3  // fewer clusters are an ordinary commit
)

// hashed is a name with the hash that kustomize appends for content.
var hashed = regexp.MustCompile(`^(.+)-[2456789bcdfghkmt]{10}$`)

// heldApps are the apps whose deletions are held: cluster, app, and why.
type heldApps map[string]map[string]string

// Guard says which deletions must wait for a person, and which may. before is what each app of each cluster has, after is
// what a commit asks for.
func Guard(before map[string]map[string]Refs, after map[string]Ask) (must, may heldApps) {
	must, may = heldApps{}, heldApps{}
	wide := 0
	gone := map[string]map[string]Refs{}
	for cluster, apps := range before {
		gone[cluster] = map[string]Refs{}
		must[cluster], may[cluster] = map[string]string{}, map[string]string{}
		total, left := 0, 0
		for app, has := range apps {
			g := leaving(app, has, after[cluster])
			total += len(has)
			left += len(g)
			if len(g) > 0 {
				gone[cluster][app] = g
			}
		}
		if left >= guardObjects {
			wide++
		}
		for app, g := range gone[cluster] {
			why := guardOne(app, g, len(apps[app]), left, total, after[cluster])
			if why != "" {
				must[cluster][app], may[cluster][app] = why, why
			} else if left >= guardObjects && len(g)*100 > guardApp*len(apps[app]) {
				may[cluster][app] = fmt.Sprintf("most of the app, and %d objects of the cluster", left)
			}
		}
	}
	if wide >= guardClusters && wide*100 > guardFleet*len(before) {
		for cluster, apps := range gone {
			for app := range apps {
				if count(apps) >= guardObjects && must[cluster][app] == "" {
					why := fmt.Sprintf("%d objects or more in each of %d of %d clusters", guardObjects, wide, len(before))
					must[cluster][app], may[cluster][app] = why, why
				}
			}
		}
	}
	return must, may
}

// guardOne judges what leaves one app.
func guardOne(app string, gone Refs, has, left, total int, after Ask) string {
	if why := after.Hold[app]; why != "" {
		return why
	}
	for r := range gone {
		if r.Kind == "StatefulSet" || r.Kind == "PersistentVolumeClaim" {
			return "a " + r.Kind + " among them"
		}
	}
	switch n := len(gone); {
	case n >= guardObjects && n*100 > guardApp*has:
		return fmt.Sprintf("%d of the app's %d objects", n, has)
	case left >= guardObjects && left*100 > guardCluster*total:
		return fmt.Sprintf("%d of the cluster's %d objects", left, total)
	}
	return ""
}

// leaving are the objects that an app loses and nothing else takes.
func leaving(app string, has Refs, after Ask) Refs {
	out := Refs{}
	if after.Kept[app] != "" || after.Doubt != "" || after.Frozen {
		return out
	}
	wanted := after.wanted()
	for r := range has {
		if _, ok := wanted[r]; !ok && !replaced(r, after.Apps[app]) {
			out[r] = true
		}
	}
	return out
}

// replaced says whether an app has the successor of an object: the same name but for the hash of its content.
func replaced(r Ref, app map[Ref]Object) bool {
	m := hashed.FindStringSubmatch(r.Name)
	if m == nil {
		return false
	}
	for o := range app {
		n := hashed.FindStringSubmatch(o.Name)
		if n != nil && n[1] == m[1] && o.Kind == r.Kind && o.Namespace == r.Namespace {
			return true
		}
	}
	return false
}

func count(apps map[string]Refs) (n int) {
	for _, g := range apps {
		n += len(g)
	}
	return n
}
