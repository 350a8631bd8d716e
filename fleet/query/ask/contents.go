package ask

import (
	"strings"

	"github.com/drover-dev/drover/fleet/facts"
)

// ImageGroup is an image with where it runs.
type ImageGroup struct {
	Image string `json:"image"` // as pod templates name it
	Uses
}

// Images gives the images that match, with where they run. places wants all places instead of a sample.
func (f Fleet) Images(match facts.ImageMatch, places bool, p Paging) Page[ImageGroup] {
	sorted := grouped(f, places,
		func(of *facts.Facts, each func(string, int)) {
			for _, image := range of.Images {
				if match.Matches(image) {
					each(image, 1)
				}
			}
		},
		func(image string, u Uses) ImageGroup { return ImageGroup{image, u} })
	return byKey(f, p, sorted, func(g ImageGroup) string { return g.Image })
}

// ChartGroup is a version of a chart with where it runs.
type ChartGroup struct {
	facts.Chart
	Uses
}

// ChartMatch chooses charts. "" is not asked for.
type ChartMatch struct {
	Name      string
	OlderThan string // a version
}

func (m ChartMatch) matches(c facts.Chart) bool {
	return (m.Name == "" || m.Name == c.Name) &&
		(m.OlderThan == "" || facts.IsVersion(c.Version) && facts.CompareVersions(c.Version, m.OlderThan) < 0)
}

// Charts gives the versions of charts that match, with where they run.
func (f Fleet) Charts(match ChartMatch, places bool, p Paging) Page[ChartGroup] {
	sorted := grouped(f, places,
		func(of *facts.Facts, each func(facts.Chart, int)) {
			for _, c := range of.Charts {
				if match.matches(c) {
					each(c, 1)
				}
			}
		},
		func(c facts.Chart, u Uses) ChartGroup { return ChartGroup{c, u} })
	return byKey(f, p, sorted, func(g ChartGroup) string { return g.Name + " " + g.Version })
}

// KindGroup is a kind of object in a version of its API, with where there are such objects.
type KindGroup struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Objects    int    `json:"objects"`
	Uses
}

// KindMatch chooses kinds of objects. "" is not asked for.
type KindMatch struct {
	Kind       string // in any letter case
	APIVersion string // "apps/v1", or "apps" for all versions of a group
}

func (m KindMatch) matches(k facts.Kind) bool {
	if m.Kind != "" && !strings.EqualFold(m.Kind, k.Kind) {
		return false
	}
	group, _, _ := strings.Cut(k.APIVersion, "/")
	return m.APIVersion == "" || m.APIVersion == k.APIVersion || m.APIVersion == group && group != k.APIVersion
}

// Kinds gives the kinds of objects that match, with where there are such objects.
func (f Fleet) Kinds(match KindMatch, places bool, p Paging) Page[KindGroup] {
	type kind struct{ apiVersion, kind string }
	sorted := grouped(f, places,
		func(of *facts.Facts, each func(kind, int)) {
			for _, k := range of.Kinds {
				if match.matches(k) {
					each(kind{k.APIVersion, k.Kind}, k.Objects)
				}
			}
		},
		func(k kind, u Uses) KindGroup { return KindGroup{k.apiVersion, k.kind, u.objects, u} })
	return byKey(f, p, sorted, func(g KindGroup) string { return g.APIVersion + " " + g.Kind })
}

// counted is something in a content, and how many objects of it there are.
type counted struct {
	uses    *Uses
	objects int
}

// grouped collects where things are. pick gives those in a content that are wanted, and is asked once for what many
// clusters share.
func grouped[K comparable, G any](f Fleet, places bool, pick func(of *facts.Facts, each func(K, int)),
	group func(K, Uses) G) []G {
	picked := map[*facts.Facts][]counted{}
	uses := map[K]*Uses{}
	for i := range f.Clusters {
		c := &f.Clusters[i]
		for a := range c.Each() {
			of, applied := a.Facts(f.Former)
			if of == nil {
				continue
			}
			list, known := picked[of]
			if !known {
				list = pickedOf(of, uses, pick)
				picked[of] = list
			}
			for _, x := range list {
				x.uses.add(c.Name, a.Name, applied, places)
				x.uses.objects += x.objects
			}
		}
	}
	out := make([]G, 0, len(uses))
	for k, u := range uses {
		out = append(out, group(k, *u))
	}
	return out
}

// pickedOf are the things in a content that are wanted, each with where it is counted.
func pickedOf[K comparable](of *facts.Facts, uses map[K]*Uses, pick func(*facts.Facts, func(K, int))) (list []counted) {
	pick(of, func(k K, objects int) {
		if uses[k] == nil {
			uses[k] = &Uses{}
		}
		list = append(list, counted{uses[k], objects})
	})
	return list
}

// Unknown counts the apps of whose content nothing is known yet.
func (f Fleet) Unknown() (n int) {
	for i := range f.Clusters {
		for a := range f.Clusters[i].Each() {
			if of, _ := a.Facts(f.Former); of == nil {
				n++
			}
		}
	}
	return n
}
