package trail

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drover-dev/drover/protocol"
)

func TestGapsOfAJournalAreAskedFor(t *testing.T) {
	t.Parallel()
	type step struct{ seq, prev uint64 }
	const link = 0 // the agent connects
	for name, c := range map[string]struct {
		steps []step
		want  []string // asked for, within a minute after each step
	}{
		"no gap":                        {[]step{{5, 4}, {6, 5}, {7, 6}, {link, 0}}, nil},
		"one that is filled":            {[]step{{5, 4}, {9, 8}, {6, 5}, {7, 6}, {8, 7}, {10, 9}, {link, 0}}, []string{"6-8", "6-8", "6-8"}},
		"one that is not":               {[]step{{5, 4}, {9, 8}, {10, 9}, {11, 10}}, []string{"6-8", "6-8", "6-8"}},
		"one that is not, and the link": {[]step{{5, 4}, {7, 6}, {link, 0}}, []string{"6-6", "6-6", "6-6", "6-6", "6-6", "6-6"}},
		"filled in part":                {[]step{{5, 4}, {9, 8}, {6, 5}, {link, 0}}, []string{"6-8", "6-8", "6-8", "7-8", "7-8", "7-8"}},
		"not kept by the agent":         {[]step{{5, 4}, {9, 8}, {8, 5}, {link, 0}}, []string{"6-8", "6-8", "6-8"}},
		"two":                           {[]step{{5, 4}, {7, 6}, {9, 8}, {6, 5}, {7, 6}, {8, 7}, {link, 0}}, []string{"6-6", "6-6", "6-6", "6-8", "6-8", "6-8"}},
		"twice the same":                {[]step{{5, 4}, {6, 5}, {5, 4}, {6, 5}, {7, 6}}, nil},
		"a new agent":                   {[]step{{5, 4}, {900, 0}, {901, 900}}, nil},
		"a clock that was set back":     {[]step{{5, 4}, {2, 0}, {6, 2}, {link, 0}}, []string{"5-5", "5-5", "5-5"}},
		"that, and a gap":               {[]step{{5, 4}, {9, 8}, {2, 0}, {10, 2}, {8, 5}}, []string{"6-8", "6-8", "6-8", "6-9", "6-9", "6-9"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex // guards what follows
				var asked []string
				trails := New(func(cluster string, from, to uint64) {
					mu.Lock()
					defer mu.Unlock()
					asked = append(asked, fmt.Sprint(from, "-", to))
				})
				for _, s := range c.steps {
					if s.seq == link {
						trails.Linked("a")
					} else {
						trails.Heard(protocol.Event{Cluster: "a", Seq: s.seq, Prev: s.prev})
					}
					time.Sleep(time.Minute)
				}
				mu.Lock()
				defer mu.Unlock()
				if !slices.Equal(asked, c.want) {
					t.Errorf("asked for %v, want %v", asked, c.want)
				}
			})
		})
	}
}
