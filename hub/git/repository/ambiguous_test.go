package repository

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/git/gittest"
	"github.com/drover-dev/drover/hub/git/object"
)

func TestAmbiguousIsRefused(t *testing.T) {
	r := gittest.New(t)
	seen := map[string]bool{}
	for i := 0; ; i++ {
		h := r.Commit("a", strings.Repeat("x", i))
		if prefix := h[:1]; seen[prefix] { // four digits would take too many commits, so ask below the limit
			_, err := (&Repository{path: r.Dir, store: object.NewStore(filepath.Join(r.Dir, ".git/objects"))}).abbreviated(h[:2])
			if err == nil {
				continue
			}
			if !strings.Contains(err.Error(), "is short for several commits: write more digits of one of ") {
				t.Error(err)
			}
			return
		}
		seen[h[:1]] = true
	}
}
