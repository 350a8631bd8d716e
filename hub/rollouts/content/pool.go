package content

import (
	"hash/maphash"
	"maps"
	"reflect"
	"slices"

	"github.com/drover-dev/drover/fleet/rollout"
)

// Pool has clusters share contents that are equal: they cost their memory once, and what was found out of one of them is
// known of all. The zero value is ready, and not safe for concurrent use.
type Pool struct {
	seed  maphash.Seed
	known map[uint64][]rollout.Content
	size  int
}

// maxPool bounds how many contents are remembered; then it begins again.
const maxPool = 50_000

// Named is an app of a content, with its name.
type Named struct {
	Name string
	rollout.App
}

// Of is the content of some apps, of which the last one of a name counts; nil if there are none. It is not to be
// changed.
func (p *Pool) Of(apps []Named) rollout.Content {
	if len(apps) == 0 {
		return nil
	}
	if p.known == nil || p.size >= maxPool {
		p.seed, p.known, p.size = maphash.MakeSeed(), map[uint64][]rollout.Content{}, 0
	}
	sum := uint64(len(apps))
	for i := range apps { // in any order
		sum += maphash.String(p.seed, apps[i].Name) ^ maphash.String(p.seed, apps[i].Digest)*31
	}
	for _, other := range p.known[sum] {
		if equal(other, apps) {
			return other
		}
	}
	c := make(rollout.Content, len(apps))
	for _, a := range apps {
		c[a.Name] = a.App
	}
	p.known[sum] = append(p.known[sum], c)
	p.size++
	return c
}

// equal says whether a content is that of some apps. Of two of one name it may say that it is not.
func equal(c rollout.Content, apps []Named) bool {
	return len(c) == len(apps) && !slices.ContainsFunc(apps, func(a Named) bool {
		is, has := c[a.Name]
		return !has || is != a.App
	})
}

// Same says whether two contents ask for the same.
func Same(a, b rollout.Content) bool {
	if len(a) == len(b) && reflect.ValueOf(a).Pointer() == reflect.ValueOf(b).Pointer() {
		return true
	}
	return maps.EqualFunc(a, b, func(x, y rollout.App) bool { return x.Digest == y.Digest })
}
