package fetch_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/drover-dev/drover/hub/fetch"
	"github.com/drover-dev/drover/hub/model"
)

// unreachable is a source that takes its time to fail.
type unreachable struct{ takes time.Duration }

func (u unreachable) Fetch(context.Context) (model.View, error) {
	time.Sleep(u.takes)
	return nil, errors.New("it does not answer")
}
func (unreachable) Kept() model.View { return nil }
func (unreachable) Close() error     { return nil }

// TestWhatCannotBeReachedCostsOneTimeOut however many there are.
func TestWhatCannotBeReachedCostsOneTimeOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sources := fetch.NewTogether(t.TempDir(), func(model.Source, string) (fetch.Remote, error) { return unreachable{time.Minute}, nil }, func(string) {})
		began := time.Now()
		for i := range 40 {
			_, err := sources.View(t.Context(), model.Source{Kind: model.SourceGit, URL: fmt.Sprintf("https://h%d/r", i)})
			if _, fetching := errors.AsType[*model.FetchingError](err); !fetching {
				t.Fatalf("source %d: %v", i, err)
			}
		}
		if !sources.Wait() {
			t.Error("nothing was asked for")
		}
		for i := range 40 {
			if _, err := sources.View(t.Context(), model.Source{Kind: model.SourceGit, URL: fmt.Sprintf("https://h%d/r", i)}); err == nil || err.Error() != "it does not answer" {
				t.Errorf("source %d: %v", i, err)
			}
		}
		if sources.Wait() {
			t.Error("what is known was asked for again")
		}
		if took := time.Since(began); took != time.Minute {
			t.Errorf("it took %s", took)
		}
	})
}
