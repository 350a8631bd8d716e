package object

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/drover-dev/drover/hub/git/gittest"
)

// Every object of a repository with long chains of deltas is what git says it is, also when many ask at once.
func TestEveryObject(t *testing.T) {
	r := gittest.New(t)
	lines := make([]string, 300)
	for i := range lines {
		lines[i] = fmt.Sprintf("line %d of the file", i)
	}
	for i := range 60 {
		lines[i*4%300] = fmt.Sprintf("changed in %d", i)
		r.Write(fmt.Sprintf("d%d/f", i%7), strings.Join(lines, "\n"))
		r.Commit("big", strings.Join(lines, "\n"), "empty", "")
	}
	for _, how := range [][]string{
		{"repack", "-q", "-a", "-d", "-f", "--depth=50", "--window=50"},
		{"-c", "repack.useDeltaBaseOffset=false", "repack", "-q", "-a", "-d", "-f"},
	} {
		r.Git(how...)
		s := NewStore(filepath.Join(r.Dir, ".git/objects"))
		listed := strings.Split(r.Git("cat-file", "--batch-check=%(objectname) %(objecttype) %(objectsize)", "--batch-all-objects"), "\n")
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for _, line := range listed {
					checkObject(t, s, line)
				}
			})
		}
		all.Wait()
	}
}

func checkObject(t *testing.T, s *Store, line string) {
	var id, kind string
	var size int64
	_, _ = fmt.Sscan(line, &id, &kind, &size)
	h, _ := ParseHash(id)
	obj, err := s.read(nil, h, MaxObject)
	if err != nil || obj.Kind != LooseTypes[kind] || int64(len(obj.Data)) != size || gittest.HashOf(kind, obj.Data) != id {
		t.Errorf("%s: %v, %d bytes", line, err, len(obj.Data))
	}
	if k, n, err := s.stat(nil, h); err != nil || k != obj.Kind || n != size {
		t.Errorf("stat %s: %d, %d, %v", line, k, n, err)
	}
	if _, err := s.read(nil, h, size-1); size > 0 && err == nil {
		t.Errorf("%s was read though it is too large", id)
	}
}
