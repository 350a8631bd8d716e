package upgrade

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// A hub that another one has taken over from does no harm: it publishes nothing beside the newer hub, nothing alone, and
// nothing when it is started again from its old data directory. That holds wherever the NATS servers are.
func TestAnOlderHubDoesNoHarm(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, where site) {
		if where == embedded {
			t.Skip("the servers are in the hub: two hubs do not share them")
		}
		s := newScene(t, where, "east")
		east := s.clusters["east"]
		s.begin()
		s.runs(current)
		east.join(current)
		s.delivered()
		s.step("two", "a")
		s.delivered()
		s.hub.stop()
		older := *s // with a copy of the data directory
		older.data = filepath.Join(s.dir, "older")
		if err := os.CopyFS(older.data, os.DirFS(s.data)); err != nil {
			t.Fatal(err)
		}
		older.hub = newProgram(t, "older hub", filepath.Join(s.dir, "older.log"), append([]string{"hub", "--repo", s.repo.Dir,
			"--data-dir", older.data, "--listen=" + freeAddress(t)}, s.hubArgs...)...)

		older.hub.start(filepath.Join(current, "drover"))
		older.until("the hub has resolved a revision", func() error {
			st, err := older.status()
			if err == nil && st.Source.Revision.Hash != s.revision {
				err = errors.New("it has not")
			}
			return err
		})
		s.runs(current, "--take-over") // beside the older one, which publishes until then
		s.step("three", "b")
		s.delivered()
		s.judge()
		older.withholds(s.revision)

		s.hub.stop() // the older one is alone
		s.repo.Remove("apps/settings/c.yaml")
		alone, err := s.repo.Commit("alone")
		if err != nil {
			t.Fatal(err)
		}
		older.withholds(alone)
		older.hub.stop()
		older.hub.start(filepath.Join(current, "drover")) // it asks who publishes once more
		older.withholds(alone)
		s.judge() // nothing of that commit was done

		older.hub.stop()
		s.runs(current)
		s.revision = alone
		east.want["delete configmaps/c"]++
		s.delivered()
		s.judge()
	})
}

// withholds waits until the hub has read a commit and says that it publishes nothing, because there is a newer epoch.
func (s *scene) withholds(revision string) {
	s.t.Helper()
	s.until("the older hub has read the newest commit and publishes nothing", func() error {
		st, err := s.status()
		switch {
		case err != nil:
			return err
		case st.Source.Revision.Hash != revision:
			return fmt.Errorf("it has %s", st.Source.Revision.Hash)
		case st.Source.Withheld == nil || st.Source.Withheld.Reason != "NewerEpoch":
			return fmt.Errorf("it withholds %+v", st.Source.Withheld)
		}
		return nil
	})
}
